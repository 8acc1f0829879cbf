"""The sensor `alerts` over real runs: told once, told when it is over, by each channel for itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from dagster import AssetCheckSeverity, DagsterInstance, DefaultSensorStatus, Failure
from dagster._core.test_utils import instance_for_test

from tiktok_organic_dagster import state
from tiktok_organic_dagster.alerts import webhook as webhook_module
from tiktok_organic_dagster.alerts.mail import Mail
from tiktok_organic_dagster.automation import evidence
from tiktok_organic_dagster.automation.alerts import alerts
from tiktok_organic_dagster_tests.databases_that_refuse import PASSWORD as DATABASE_PASSWORD
from tiktok_organic_dagster_tests.databases_that_refuse import postgres_that_refuses_the_password
from tiktok_organic_dagster_tests.orchestration.sensors import COMMENTS, VIDEOS, Loader, Watch, failure, tick
from tiktok_organic_dagster_tests.receivers import MailReceiver, WebReceiver, mail_receiver, web_receiver

NO_TOKEN = {"@ada": "the authorization has ended"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation without accounts and channels; a channel that fails is not waited for."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIKTOK_ORGANIC_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(webhook_module, "PAUSE_S", 0.0)
    return tmp_path / "home"


@pytest.fixture
def loader(instance: DagsterInstance) -> Loader:
    return Loader(instance)


@pytest.fixture
def watch(instance: DagsterInstance) -> Watch:
    return Watch(instance)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebReceiver]:
    """A webhook that is set."""
    with web_receiver() as receiver:
        monkeypatch.setenv("TIKTOK_ORGANIC_ALERT_WEBHOOK", receiver.url)
        yield receiver


@pytest.fixture
def mail(monkeypatch: pytest.MonkeyPatch) -> Iterator[MailReceiver]:
    """E-mail that is set."""
    with mail_receiver() as receiver:
        monkeypatch.setenv("TIKTOK_ORGANIC_SMTP", f"smtp://127.0.0.1:{receiver.port}")
        monkeypatch.setenv("TIKTOK_ORGANIC_ALERT_EMAIL", "ops@example.com")
        yield receiver


def connect(home: Path, **accounts: str) -> None:
    """Let accounts be connected: id by name."""
    engine = state.engine(f"sqlite:///{home / 'state.db'}")
    with state.writing(engine) as connection:
        for username, business_id in accounts.items():
            connection.execute(
                state.accounts.insert().values(
                    business_id=business_id, username=username, client_id="c", api_url="u", scopes="", token_version=1,
                    connected_at=0.0, authorized_at=0.0, access_token="x", refresh_token="x", lease_until=0.0,
                )
            )  # fmt: skip
    engine.dispose()


def test_it_runs_by_default_every_minute():
    assert alerts().default_status is DefaultSensorStatus.RUNNING
    assert alerts().minimum_interval_seconds == 60


def test_without_a_channel_the_tick_says_what_is_wrong_and_how_to_set_one(loader, watch):
    assert watch.tick() == (
        "Nobody is told of trouble, as no channel is set. No problem is open. Set TIKTOK_ORGANIC_ALERT_WEBHOOK to an "
        "address that takes Slack's JSON, or TIKTOK_ORGANIC_ALERT_EMAIL with TIKTOK_ORGANIC_SMTP."
    )
    loader.run(failure=failure("TikTok is down."))
    assert "1 problem is open: The job daily_readings failed. Set TIKTOK_ORGANIC_ALERT_WEBHOOK" in watch.tick()


def test_a_failed_run_is_told_once_with_its_reason_and_its_id(loader, watch, web):
    watch.tick()
    run = loader.run(failure=failure("No account could be read. Connect one."))
    assert watch.tick() == "Told by webhook: 1 opened, 0 recovered. 1 problem is open: The job daily_readings failed."
    assert watch.tick() == "Nothing changed. 1 problem is open: The job daily_readings failed."

    (text,) = web.texts
    assert f"Step {VIDEOS}: No account could be read. Connect one. (run {run})" in text or (
        f"Step {COMMENTS}: No account could be read. Connect one. (run {run})" in text
    )


def test_the_next_success_is_a_recovery(loader, watch, web):
    loader.run(failure=failure("TikTok is down."))
    watch.tick()
    loader.run()
    assert watch.tick() == "Told by webhook: 0 opened, 1 recovered. No problem is open."
    assert "Recovered:\n- The job daily_readings failed, since " in web.texts[1]
    assert watch.tick() == "Nothing changed. No problem is open."
    assert len(web.got) == 2


@pytest.mark.usefixtures("web")
def test_a_success_of_another_job_is_none(loader, watch):
    loader.run(failure=failure("TikTok is down."))
    watch.tick()
    loader.run("account_metrics_refresh")
    assert watch.tick().startswith("Nothing changed. 1 problem is open")


@pytest.mark.usefixtures("web")
def test_a_job_that_is_not_of_the_daily_ones_is_not_told_of(loader, watch):
    loader.run("an_experiment", failure=failure("It was meant."))
    assert watch.tick() == "Nothing changed. No problem is open."


def test_an_unexpected_error_is_told_by_its_own_words(loader, watch, web):
    loader.run("purge_old_runs", failure=ValueError("the disk\nis full"))
    watch.tick()
    assert "ValueError: the disk is full (run " in web.texts[0]


@pytest.mark.usefixtures("web")
def test_a_failed_run_of_some_accounts_is_not_ended_by_a_success_of_others(loader, watch, home):
    connect(home, ada="1", bob="2", eve="3")
    loader.run(accounts=["ada", "@Bob"], failure=failure("TikTok is down."))
    loader.run(accounts=["eve"])
    assert watch.tick().startswith("Told by webhook: 1 opened")
    loader.run(accounts=["1"])
    assert watch.tick().startswith("Nothing changed. 1 problem")
    loader.run(accounts=["bob", "eve"])
    assert watch.tick().startswith("Told by webhook: 0 opened, 1 recovered")


def test_a_failing_account_is_told_once_also_when_the_reason_varies(loader, watch, web):
    watch.tick()
    for reason in ("HTTP 500", "HTTP 502", "HTTP 503"):
        loader.fails(VIDEOS, "accounts_loaded", {"@ada": reason})
        loader.run()
        watch.tick()
    (text,) = web.texts
    assert "The check accounts_loaded fails for @ada" in text
    assert f"HTTP 500 ({VIDEOS}) Earlier rows stay." in text


def test_tables_that_share_an_account_are_one_problem_that_ends_with_the_last(loader, watch, web):
    for table in (VIDEOS, COMMENTS):
        loader.fails(table, "freshness", NO_TOKEN)
    loader.run()
    assert watch.tick().startswith("Told by webhook: 1 opened")
    assert f"the authorization has ended ({VIDEOS}, {COMMENTS})" in web.texts[0]
    loader.fails(COMMENTS, "freshness", NO_TOKEN)
    loader.run()
    assert watch.tick().startswith("Nothing changed. 1 problem")
    loader.run()
    assert watch.tick() == "Told by webhook: 0 opened, 1 recovered. No problem is open."


@pytest.mark.usefixtures("web")
def test_an_evaluation_of_other_accounts_ends_nothing(loader, watch):
    loader.fails(VIDEOS, "accounts_loaded", NO_TOKEN, of=["@ada", "@bob"])
    loader.run()
    watch.tick()
    loader.passes(VIDEOS, "accounts_loaded", of=["@eve"])
    loader.run()
    assert watch.tick().startswith("Nothing changed. 1 problem")
    loader.passes(VIDEOS, "accounts_loaded", of=["@ada"])
    loader.run()
    assert watch.tick().startswith("Told by webhook: 0 opened, 1 recovered")


@pytest.mark.usefixtures("web")
def test_every_evaluation_since_the_last_tick_counts_not_only_the_newest(loader, watch):
    watch.tick()
    loader.fails(VIDEOS, "accounts_loaded", NO_TOKEN, of=["@ada"])
    loader.run()
    loader.fails(VIDEOS, "accounts_loaded", {"@bob": "no quota"}, of=["@bob"])
    loader.run()
    loader.passes(VIDEOS, "accounts_loaded", of=["@eve"])
    loader.run()
    assert watch.tick().startswith("Told by webhook: 2 opened")


@pytest.mark.usefixtures("web")
def test_what_failed_and_passed_between_two_ticks_is_not_told(loader, watch):
    watch.tick()
    loader.fails(VIDEOS, "schema", NO_TOKEN)
    loader.run(failure=None)
    loader.run()
    assert watch.tick() == "Nothing changed. No problem is open."


def test_a_check_that_names_nobody_is_a_problem_of_its_table(loader, watch, web):
    for table in (VIDEOS, COMMENTS):
        loader.fails(table, "no_missing_days")
    loader.run()
    assert watch.tick().startswith("Told by webhook: 2 opened")
    assert (
        f"*The check no_missing_days of {VIDEOS} fails*\nWhat the description says. tiktok-organic gaps"
        in (web.texts[0])
    )


@pytest.mark.usefixtures("web")
def test_a_warning_never_alerts_and_ends_what_was_an_error(loader, watch):
    loader.fails(VIDEOS, "schema", NO_TOKEN, severity=AssetCheckSeverity.WARN)
    loader.run()
    assert watch.tick() == "Nothing changed. No problem is open."
    loader.fails(VIDEOS, "schema", NO_TOKEN)
    loader.run()
    watch.tick()
    loader.fails(VIDEOS, "schema", NO_TOKEN, severity=AssetCheckSeverity.WARN)
    loader.run()
    assert watch.tick().startswith("Told by webhook: 0 opened, 1 recovered")


def test_many_accounts_failing_together_are_one_message(loader, watch, web, mail):
    loader.fails(VIDEOS, "accounts_loaded", {f"@a{n:03}": "TikTok is down" for n in range(300)})
    loader.run()
    watch.tick()
    assert len(web.got) == len(mail.got) == 1
    for text in (*web.texts, *mail.texts):
        assert "@a000" in text
        assert "@a020" not in text
        assert "and 280 more" in text


@pytest.mark.usefixtures("web")
def test_an_account_that_was_disconnected_has_no_problem_any_more(loader, watch, home):
    connect(home, ada="1")
    loader.fails(VIDEOS, "accounts_loaded", NO_TOKEN, of=["@ada"])
    loader.run()
    watch.tick()
    engine = state.engine(f"sqlite:///{home / 'state.db'}")
    with state.writing(engine) as connection:
        connection.execute(state.accounts.delete())
    engine.dispose()
    assert watch.tick().startswith("Told by webhook: 0 opened, 1 recovered")
    assert watch.tick() == "Nothing changed. No problem is open."


def test_a_first_tick_tells_what_is_failing_now_and_no_history(loader, watch, web):
    loader.fails(VIDEOS, "accounts_loaded", {"@old": "over by now"})
    loader.run(failure=None)
    loader.run("account_metrics_refresh", failure=failure("over by now"))
    loader.run("account_metrics_refresh")
    loader.fails(VIDEOS, "accounts_loaded", NO_TOKEN, of=["@ada"])
    loader.run()
    loader.passes(VIDEOS, "accounts_loaded", of=["@bob"])
    loader.run(failure=None)
    loader.run("warehouse_checks", failure=failure("still so"))
    # The last run made no evaluations; the newest of this check speaks of @bob alone.
    assert watch.tick() == (
        "Told by webhook: 2 opened, 0 recovered. 2 problems are open: The job warehouse_checks failed; "
        "The check accounts_loaded fails for @ada."
    )
    assert "over by now" not in web.texts[0]


@pytest.mark.parametrize("cursor", ["nonsense", '{"after": 999999999, "seen": []}'])
@pytest.mark.usefixtures("web")
def test_a_cursor_that_cannot_be_used_starts_anew(loader, watch, cursor):
    loader.fails(VIDEOS, "accounts_loaded", NO_TOKEN)
    loader.run()
    watch.cursor = cursor
    assert watch.tick().startswith("Told by webhook: 1 opened")
    assert watch.tick().startswith("Nothing changed")


def test_what_was_told_outlives_dagsters_storage(loader, watch, web):
    loader.fails(VIDEOS, "accounts_loaded", NO_TOKEN)
    loader.run()
    watch.tick()
    with DagsterInstance.ephemeral() as another:
        anew, again = Watch(another), Loader(another)
        assert anew.tick() == "Nothing changed. 1 problem is open: The check accounts_loaded fails for @ada."
        again.fails(VIDEOS, "accounts_loaded", NO_TOKEN)
        again.run()
        assert anew.tick().startswith("Nothing changed. 1 problem")
        again.run()
        assert anew.tick().startswith("Told by webhook: 0 opened, 1 recovered")
    assert len(web.got) == 2


def test_a_channel_that_fails_is_told_later_and_holds_the_other_not_back(loader, watch, web, mail):
    web.statuses = [500] * (2 * webhook_module.ATTEMPTS)
    loader.fails(VIDEOS, "accounts_loaded", NO_TOKEN)
    loader.run()
    assert watch.tick() == (
        "Not everybody could be told, which is tried again at the next tick. By webhook: The webhook answered HTTP "
        "500, a trouble of its own. Told by e-mail: 1 opened, 0 recovered. 1 problem is open: The check "
        "accounts_loaded fails for @ada."
    )
    loader.fails(VIDEOS, "accounts_loaded", {**NO_TOKEN, "@bob": "no quota"})
    loader.run()
    assert "Told by e-mail: 1 opened, 0 recovered" in watch.tick()
    web.got.clear()
    assert watch.tick().startswith("Told by webhook: 2 opened, 0 recovered.")

    assert len(mail.got) == 2
    assert len(web.got) == 1
    assert "@ada" in web.texts[0]
    assert "@bob" in web.texts[0]


def test_a_channel_with_a_fault_of_its_own_holds_the_other_not_back(
    loader: Loader, watch: Watch, web: WebReceiver, mail: MailReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: object) -> str:
        raise UnicodeEncodeError("ascii", "pässword", 1, 2, "it is no ASCII")

    monkeypatch.setattr(Mail, "send", fault)
    loader.run(failure=failure("no"))

    said = watch.tick()

    assert "By e-mail: Unexpected UnicodeEncodeError. Please report this." in said
    assert "pässword" not in said
    assert len(web.got) == 1
    assert mail.got == []


def test_what_opened_and_ended_while_a_channel_was_away_is_not_told_to_it(loader, watch, web):
    web.statuses = [500] * webhook_module.ATTEMPTS
    loader.run(failure=failure("TikTok is down."))
    watch.tick()
    loader.run()
    assert watch.tick() == "Nothing changed. No problem is open."


def test_a_recovery_that_could_not_be_told_is_told_later(loader, watch, web):
    loader.run(failure=failure("TikTok is down."))
    watch.tick()
    web.statuses = [500] * webhook_module.ATTEMPTS
    loader.run()
    assert watch.tick().startswith("Not everybody could be told")
    assert watch.tick() == "Told by webhook: 0 opened, 1 recovered. No problem is open."


def test_a_channel_that_is_set_later_is_told_what_is_wrong_then(loader, watch, web, monkeypatch):
    monkeypatch.delenv("TIKTOK_ORGANIC_ALERT_WEBHOOK")
    loader.run(failure=failure("TikTok is down."))
    assert watch.tick().startswith("Nobody is told")
    monkeypatch.setenv("TIKTOK_ORGANIC_ALERT_WEBHOOK", web.url)
    assert watch.tick().startswith("Told by webhook: 1 opened")


def test_secrets_of_the_settings_show_in_no_message(loader, watch, web, mail, monkeypatch):
    monkeypatch.setenv("TIKTOK_CLIENT_SECRET", "hidden-app-secret")
    loader.fails(VIDEOS, "schema", {"@ada": "hidden-app-secret act.token-of-ada"})
    loader.run()
    loader.run("purge_old_runs", failure=failure(f"not at {web.url} hidden-app-secret act.token-of-ada"))
    said = watch.tick()
    for text in (said, *web.texts, *mail.texts):
        for secret in ("hidden-app-secret", web.url, "secret-of-the-hook", "act.token-of-ada"):
            assert secret not in text
    assert "not at [hidden] [hidden] [hidden]" in web.texts[0]


def test_a_malformed_channel_fails_the_tick_in_one_sentence(instance, monkeypatch):
    monkeypatch.setenv("TIKTOK_ORGANIC_ALERT_WEBHOOK", "hidden-address")
    with pytest.raises(Failure, match="TIKTOK_ORGANIC_ALERT_WEBHOOK is no web address") as caught:
        tick(alerts(), instance)
    assert "hidden-address" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_state_database_that_does_not_answer_fails_the_tick_in_one_sentence(instance, monkeypatch):
    with postgres_that_refuses_the_password() as url:
        monkeypatch.setenv("TIKTOK_ORGANIC_STATE", url)
        with pytest.raises(Failure, match=r"^The state database .* failed: .* Check TIKTOK_ORGANIC_STATE") as caught:
            tick(alerts(), instance)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert DATABASE_PASSWORD not in str(caught.value)


@pytest.mark.usefixtures("web")
def test_a_tick_that_failed_loses_nothing(loader, watch, monkeypatch):
    watch.tick()
    loader.run(failure=failure("TikTok is down."))
    with monkeypatch.context() as patched:
        patched.setenv("TIKTOK_ORGANIC_STATE", "sqlite:////proc/nowhere/state.db")
        with pytest.raises(Failure, match="nowhere"):
            watch.tick()
    assert watch.tick().startswith("Told by webhook: 1 opened")


@pytest.mark.usefixtures("web")
def test_a_lost_key_does_not_keep_people_from_being_told(loader, watch, home):
    connect(home, ada="1")
    (home / "key").write_text("this is no key")
    loader.run(failure=failure("The key is not the one."))
    assert watch.tick().startswith("Told by webhook: 1 opened")


@pytest.mark.parametrize("storage", ["sqlite", "postgres"])
@pytest.mark.usefixtures("web")
def test_it_reads_every_storage_of_dagster(storage, tmp_path, request):
    if storage == "postgres":
        url = sa.engine.make_url(request.getfixturevalue("new_postgres_database")())
        given = {"storage": {"postgres": {"postgres_url": url.render_as_string(hide_password=False)}}}
    else:
        given = {}
    with instance_for_test(given, temp_dir=str(tmp_path)) as instance:
        loader, watch = Loader(instance), Watch(instance)
        watch.tick()
        loader.fails(VIDEOS, "accounts_loaded", NO_TOKEN)
        loader.run("warehouse_checks")
        loader.run("warehouse_checks", failure=failure("The warehouse is away."))
        assert watch.tick().startswith("Told by webhook: 2 opened")
        assert Watch(instance).tick().startswith("Nothing changed. 2 problems are open")


def test_more_than_one_page_of_evaluations_takes_several_ticks_and_loses_none(loader, watch, web, monkeypatch):
    monkeypatch.setattr(evidence, "PAGE", 10)
    monkeypatch.setattr(evidence, "OVERLAP", 3)
    watch.tick()
    for number in range(6):
        loader.fails(VIDEOS, "accounts_loaded", {f"@a{number}": "why"}, of=[f"@a{number}"])
        loader.run()
    for _ in range(10):
        said = watch.tick()
    assert said.startswith("Nothing changed. 6 problems are open")
    assert sum(text.count("*The check") for text in web.texts) == 6


@pytest.mark.usefixtures("web")
def test_an_evaluation_that_shows_late_is_not_missed(loader, watch, instance, monkeypatch):
    """PostgreSQL gives out ids before the rows can be seen: a lower one may show after a higher one was read."""
    watch.tick()
    loader.fails(VIDEOS, "accounts_loaded", NO_TOKEN, of=["@ada"])
    loader.run()
    storage = instance.event_log_storage
    whole = storage.get_logs_for_all_runs_by_log_id
    (late,) = [
        number
        for number, entry in whole(dagster_event_type=evidence.KINDS[2]).items()
        if "@ada" in str(entry.dagster_event)
    ]
    loader.passes(VIDEOS, "accounts_loaded", of=["@bob"])
    loader.run()
    with monkeypatch.context() as patched:
        patched.setattr(
            storage,
            "get_logs_for_all_runs_by_log_id",
            lambda **given: {number: entry for number, entry in whole(**given).items() if number != late},
        )
        assert watch.tick() == "Nothing changed. No problem is open."
    assert watch.tick().startswith("Told by webhook: 1 opened")
