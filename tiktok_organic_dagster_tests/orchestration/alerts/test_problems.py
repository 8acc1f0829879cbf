"""The sensor `alerts` over real runs: what is a problem, told once, and when it is over."""

import pytest
from dagster import AssetCheckSeverity, DefaultSensorStatus

from tiktok_organic_dagster import state
from tiktok_organic_dagster.automation.alerts import alerts
from tiktok_organic_dagster_tests.orchestration.dagster_in_process import ephemeral_instance
from tiktok_organic_dagster_tests.orchestration.sensors import COMMENTS, VIDEOS, Loader, Watch, connect, failure

NO_TOKEN = {"@ada": "the authorization has ended"}


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
    with ephemeral_instance() as another:
        anew, again = Watch(another), Loader(another)
        assert anew.tick() == "Nothing changed. 1 problem is open: The check accounts_loaded fails for @ada."
        again.fails(VIDEOS, "accounts_loaded", NO_TOKEN)
        again.run()
        assert anew.tick().startswith("Nothing changed. 1 problem")
        again.run()
        assert anew.tick().startswith("Told by webhook: 0 opened, 1 recovered")
    assert len(web.got) == 2
