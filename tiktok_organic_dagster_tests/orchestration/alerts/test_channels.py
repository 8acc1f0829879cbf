"""The sensor `alerts` tells each channel for itself, and no secret."""

import pytest

from tiktok_organic_dagster.alerts import webhook as webhook_module
from tiktok_organic_dagster.alerts.mail import Mail
from tiktok_organic_dagster_tests.orchestration.sensors import VIDEOS, Loader, Watch, failure
from tiktok_organic_dagster_tests.receivers import MailReceiver, WebReceiver

NO_TOKEN = {"@ada": "the authorization has ended"}


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
