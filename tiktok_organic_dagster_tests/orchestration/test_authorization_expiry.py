"""The sensor `authorization_expiry`: told at 30, 14, 7 and 1 days, once each, until the owner renewed it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from dagster import DagsterInstance, DefaultSensorStatus, Failure

from tiktok_organic_dagster import state
from tiktok_organic_dagster.accounts import open_accounts
from tiktok_organic_dagster.alerts import webhook as webhook_module
from tiktok_organic_dagster.automation.authorization_expiry import authorization_expiry
from tiktok_organic_dagster.resources import TikTokResource
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.tiktok.oauth import TokenGrant
from tiktok_organic_dagster_tests.conftest import NOON
from tiktok_organic_dagster_tests.orchestration.sensors import tick
from tiktok_organic_dagster_tests.receivers import WebReceiver, mail_receiver, web_receiver


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, noon: time_machine.Traveller) -> None:  # noqa: ARG001
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIKTOK_ORGANIC_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(webhook_module, "PAUSE_S", 0.0)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebReceiver]:
    with web_receiver() as receiver:
        monkeypatch.setenv("TIKTOK_ORGANIC_ALERT_WEBHOOK", receiver.url)
        yield receiver


def connect(name: str, ends: datetime | None) -> None:
    """Connect an account, or renew its authorization."""
    store = open_accounts(Settings.load())
    grant = TokenGrant(f"act.{name}", f"rft.{name}", f"id-of-{name}", ("user.info.basic",), NOON, ends)
    store.save(grant, name, "client", "https://api.example.com")
    store.engine.dispose()


def in_days(days: float) -> datetime:
    return NOON + timedelta(days=days)


def says(instance: DagsterInstance) -> str:
    return tick(authorization_expiry(), instance, tiktok=TikTokResource()).says


def test_it_runs_by_default_every_hour():
    assert authorization_expiry().default_status is DefaultSensorStatus.RUNNING
    assert authorization_expiry().minimum_interval_seconds == 3600


def test_a_year_long_authorization_is_told_of_four_times_and_then_its_renewal(instance, web, noon):
    connect("ada", in_days(365))
    told: list[tuple[int, str]] = []
    for hour in range(0, 24 * 367, 6):
        noon.move_to(NOON + timedelta(hours=hour))
        before = len(web.got)
        if hour < 24 * 333 and hour % (24 * 30):  # nothing can happen: a look now and then will do
            continue
        says(instance)
        told += [(hour // 24, text.splitlines()[2]) for text in web.texts[before:]]
    assert [(day, text[:20]) for day, text in told] == [
        (335, "It ends in 30 days, "),
        (351, "It ends in 14 days, "),
        (358, "It ends in 7 days, o"),
        (364, "It ends in 1 day, on"),
    ]
    assert told[0][1] == (
        "It ends in 30 days, on 2027-11-23 12:00 UTC. After that nothing of the account can be read, and readings of "
        "the days meanwhile are lost. Its owner renews it in a few minutes: tiktok-organic connect --expect @ada"
    )
    connect("ada", in_days(367 + 365))
    assert says(instance) == (
        "Told by webhook: 0 opened, 1 recovered. No problem is open. The next authorization to end is that of @ada, in "
        "366 days."
    )
    assert "Recovered:\n- The authorization of @ada ends, since 2027-10-24" in web.texts[-1]


def test_after_a_renewal_the_thresholds_start_over(instance, web, noon):
    connect("ada", in_days(20))
    says(instance)
    connect("ada", in_days(365))
    says(instance)
    noon.move_to(in_days(340))
    says(instance)
    assert [
        "It ends in 20 days" in web.texts[0],
        "Recovered" in web.texts[1],
        "It ends in 25 days" in web.texts[2],
    ] == ([True] * 3)
    assert len(web.got) == 3


def test_of_an_account_that_cannot_be_read_any_more_nothing_new_is_told(instance, web, noon):
    connect("ada", in_days(40))
    connect("bob", in_days(20))
    says(instance)
    for name in ("ada", "bob"):
        store = open_accounts(Settings.load())
        store.mark_needs_authorization(f"id-of-{name}", "its owner withdrew it")
        store.engine.dispose()
    for day in (10, 14, 26, 39, 41):
        noon.move_to(in_days(day))
        says(instance)
    assert len(web.got) == 1
    assert "@bob ends" in web.texts[0]
    connect("ada", in_days(400))
    connect("bob", in_days(400))
    says(instance)
    assert "Recovered:\n- The authorization of @bob ends" in web.texts[1]
    assert "@ada" not in web.texts[1]


def test_an_account_first_seen_at_five_days_gets_one_notice(instance, web, noon):
    connect("ada", in_days(5))
    says(instance)
    noon.move_to(in_days(3))
    says(instance)
    assert len(web.got) == 1
    assert "It ends in 5 days" in web.texts[0]


def test_an_authorization_that_ended_is_said_to_have_ended(instance, web):
    connect("ada", in_days(-2))
    says(instance)
    assert "It ended on 2026-11-21 12:00 UTC." in web.texts[0]


def test_a_thousand_at_once_are_one_message(instance, web):
    connect("a0000", in_days(7))
    engine = state.engine(Settings.load().state_url)
    with state.writing(engine) as connection:
        template = dict(connection.execute(state.accounts.select()).mappings().one())
        connection.execute(
            state.accounts.insert(),
            [{**template, "business_id": f"id-{n:04}", "username": f"a{n:04}"} for n in range(1, 1000)],
        )
    engine.dispose()
    assert says(instance).startswith("Told by webhook: 1,000 opened, 0 recovered. 1,000 problems are open: ")
    assert says(instance).startswith("Nothing changed. 1,000 problems are open: ")
    (text,) = web.texts
    assert text.startswith("TikTok organic: The authorization of @a0001 ends and 999 more\n")
    assert "and 980 more. All of them: tiktok-organic accounts" in text


def test_an_end_that_tiktok_did_not_tell_is_said_in_the_tick_and_to_nobody(instance, web):
    connect("ada", None)
    assert says(instance) == (
        "Nothing changed. No problem is open. TikTok did not say when the authorization of @ada ends: nobody is told "
        "of it."
    )
    assert web.got == []


@pytest.mark.usefixtures("web")
def test_without_accounts_the_tick_says_so(instance, tmp_path):
    assert says(instance) == (
        f"Nothing changed. No problem is open. No account is connected in {tmp_path / 'home' / 'state.db'}."
    )


def test_without_a_channel_the_tick_says_who_and_how_to_set_one(instance):
    connect("ada", in_days(5))
    assert says(instance) == (
        "Nobody is told of trouble, as no channel is set. 1 problem is open: The authorization of @ada ends. Set "
        "TIKTOK_ORGANIC_ALERT_WEBHOOK to an address that takes Slack's JSON, or TIKTOK_ORGANIC_ALERT_EMAIL with "
        "TIKTOK_ORGANIC_SMTP. The next authorization to end is that of @ada, in 5 days."
    )


@pytest.mark.usefixtures("web")
def test_a_disconnected_account_is_not_told_of_any_more(instance):
    connect("ada", in_days(5))
    says(instance)
    store = open_accounts(Settings.load())
    store.forget("id-of-ada")
    store.engine.dispose()
    assert says(instance).startswith("Told by webhook: 0 opened, 1 recovered. No problem is open.")


def test_each_channel_has_its_own_backlog(instance, web, monkeypatch):
    connect("ada", in_days(14))
    web.statuses = [500] * webhook_module.ATTEMPTS
    with mail_receiver() as mail:
        monkeypatch.setenv("TIKTOK_ORGANIC_SMTP", f"smtp://127.0.0.1:{mail.port}")
        monkeypatch.setenv("TIKTOK_ORGANIC_ALERT_EMAIL", "ops@example.com")
        assert says(instance).startswith("Not everybody could be told, which is tried again at the next tick.")
        web.got.clear()
        assert says(instance).startswith("Told by webhook: 1 opened, 0 recovered.")
        assert (len(web.got), len(mail.got)) == (1, 1)
        assert "It ends in 14 days" in mail.texts[0]


def test_a_wrong_key_fails_the_tick_in_one_sentence(instance, monkeypatch):
    connect("ada", in_days(14))
    monkeypatch.setenv("TIKTOK_ORGANIC_KEY", "nonsense")
    with pytest.raises(Failure, match="holds no usable Fernet key") as caught:
        says(instance)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
