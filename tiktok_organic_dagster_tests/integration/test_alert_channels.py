"""Alerts by webhook and e-mail, against real receivers on this machine."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from tiktok_organic_dagster.alerts import mail as mail_module
from tiktok_organic_dagster.alerts import webhook as webhook_module
from tiktok_organic_dagster.alerts.channels import Channel, channels_of, secrets_of
from tiktok_organic_dagster.alerts.memory import Told
from tiktok_organic_dagster.alerts.notice import Notice
from tiktok_organic_dagster.alerts.troubles import Problem
from tiktok_organic_dagster.errors import AlertError, ConfigurationError
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster_tests.receivers import (
    PASSWORD,
    USER,
    MailReceiver,
    WebReceiver,
    certificate,
    mail_receiver,
    web_receiver,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TO = "ada@example.com,bob@example.com"
LOGIN = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@"


def problem(title: str = "The job daily_readings failed", text: str = "TikTok is down.", key: str = "run:x") -> Problem:
    return Problem(key, title, text, NOON)


NOTICE = Notice([problem()], [Told("check:y", "The check freshness fails for @bob", "", NOON)], "See Dagster.")


def settings(**values: str) -> Settings:
    return Settings(**{name: value for name, value in values.items() if value})  # pyright: ignore[reportArgumentType]


def channel(**values: str) -> Channel:
    """The one channel of the settings, which does not wait between attempts."""
    (made,) = channels_of(settings(**values))
    object.__setattr__(made, "sleep", lambda _seconds: None)
    return made


@pytest.fixture
def web() -> Iterator[WebReceiver]:
    with web_receiver() as receiver:
        yield receiver


@pytest.fixture
def mail() -> Iterator[MailReceiver]:
    with mail_receiver() as receiver:
        yield receiver


def by_mail(receiver: MailReceiver, login: str = "", scheme: str = "smtp", **more: str) -> Channel:
    return channel(smtp=f"{scheme}://{login}127.0.0.1:{receiver.port}", alert_email=TO, **more)


def test_a_webhook_gets_the_json_that_slack_takes(web):
    assert channel(alert_webhook=web.url).send(NOTICE) == ""

    (body,) = web.got
    assert web.headers[0]["Content-Type"] == "application/json"
    assert body == {
        "text": "TikTok organic: The job daily_readings failed and 1 more",
        "blocks": [
            {
                "type": "section",
                "text": {
                    "type": "mrkdwn",
                    "text": "*The job daily_readings failed*\nTikTok is down.",
                    "verbatim": True,
                },
            },
            {
                "type": "section",
                "text": {
                    "type": "mrkdwn",
                    "text": "Recovered:\n- The check freshness fails for @bob, since 2026-11-23 12:00 UTC",
                    "verbatim": True,
                },
            },
        ],
    }


def test_names_and_reasons_cannot_mention_or_link_anything_in_slack(web):
    hostile = "<!channel> & <https://evil.example|click>"
    channel(alert_webhook=web.url).send(Notice([problem(hostile, hostile)], [Told("k", hostile, "", NOON)], ""))

    shown = json.dumps(web.got[0])
    assert "<" not in shown
    assert ">" not in shown
    assert shown.count("&lt;!channel&gt; &amp; &lt;https://evil.example|click&gt;") == 4


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_webhook_that_has_trouble_is_tried_again(web, status):
    web.statuses = [status, status]
    assert channel(alert_webhook=web.url).send(NOTICE) == ""
    assert len(web.got) == 3


def test_a_webhook_that_stays_in_trouble_is_a_clear_error(web):
    web.statuses = [500] * 9
    with pytest.raises(AlertError, match="HTTP 500") as caught:
        channel(alert_webhook=web.url).send(NOTICE)
    assert len(web.got) == webhook_module.ATTEMPTS
    assert "secret-of-the-hook" not in str(caught.value)


@pytest.mark.parametrize("status", [302, 400, 404, 410])
def test_a_webhook_that_refuses_is_not_asked_again(web, status):
    web.statuses = [status]
    with pytest.raises(AlertError, match=rf"HTTP {status}\. Check TIKTOK_ORGANIC_ALERT_WEBHOOK"):
        channel(alert_webhook=web.url).send(NOTICE)
    assert len(web.got) == 1


def test_a_webhook_that_does_not_answer_is_given_up(web, monkeypatch):
    monkeypatch.setattr(webhook_module, "TIMEOUT_S", 0.2)
    web.silent = True
    with pytest.raises(AlertError, match="did not answer: the answer was not complete in time") as caught:
        channel(alert_webhook=web.url).send(NOTICE)
    assert len(web.got) == webhook_module.ATTEMPTS
    assert "127.0.0.1" not in str(caught.value)


def test_an_address_without_a_path_is_posted_to():
    with web_receiver("/") as receiver:
        channel(alert_webhook=receiver.url.removesuffix("/")).send(NOTICE)
        assert len(receiver.got) == 1


def test_a_mail_says_it_all_to_everybody(mail):
    by_mail(mail).send(NOTICE)

    (message,) = mail.got
    assert message["Subject"] == "TikTok organic: The job daily_readings failed and 1 more"
    assert message["From"] == "ada@example.com"
    assert message["To"] == TO.replace(",", ", ")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@example.com>")
    assert message["Date"] is not None
    assert message.get_content_type() == "text/plain"
    assert message.get_content().replace("\r\n", "\n") == (
        "The job daily_readings failed\nTikTok is down.\n\n"
        "Recovered:\n- The check freshness fails for @bob, since 2026-11-23 12:00 UTC\n"
    )
    assert mail.receivers == [TO.split(",")]


def test_the_sender_may_be_another_one(mail):
    by_mail(mail, alert_from="loader@example.org").send(NOTICE)
    assert mail.got[0]["From"] == "loader@example.org"
    assert mail.senders == ["loader@example.org"]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\x0b", "\u2028"])
def test_a_name_cannot_add_headers_to_a_mail(mail, line_end):
    hostile = f"@ada{line_end}Bcc: eve@example.com{line_end}{line_end}Body"
    by_mail(mail).send(Notice([problem(hostile, hostile)], [], ""))

    assert mail.got[0]["Bcc"] is None
    assert mail.got[0]["Subject"] == "TikTok organic: @ada Bcc: eve@example.com Body"
    assert mail.receivers == [TO.split(",")]


def test_foreign_letters_arrive_as_they_are(mail):
    text = "Zoë & 李: «ça va» 🎬 " + "long " * 300
    by_mail(mail).send(Notice([problem("@zoë 🎬", text)], [], ""))
    assert mail.got[0]["Subject"] == "TikTok organic: @zoë 🎬"
    assert text in mail.got[0].get_content()


def test_a_login_is_used_where_it_is_set():
    with mail_receiver(login=True) as receiver:
        by_mail(receiver, LOGIN).send(NOTICE)
        assert receiver.logins == [(USER, PASSWORD)]
        assert len(receiver.got) == 1


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    context, file = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return context


def test_starttls_is_used_where_it_is_offered(trusted):
    with mail_receiver(trusted, login=True) as receiver:
        by_mail(receiver, LOGIN).send(NOTICE)
        assert receiver.encrypted == [True]
        assert receiver.logins == [(USER, PASSWORD)]


def test_smtps_is_encrypted_from_the_start(trusted):
    with mail_receiver(trusted, from_the_start=True, login=True) as receiver:
        by_mail(receiver, LOGIN, scheme="smtps").send(NOTICE)
        assert receiver.encrypted == [True]
        assert receiver.logins == [(USER, PASSWORD)]


@pytest.mark.parametrize("from_the_start", [False, True])
def test_a_server_that_nobody_vouches_for_gets_no_password(tmp_path, from_the_start):
    context, _ = certificate(tmp_path)
    with mail_receiver(context, from_the_start=from_the_start, login=True) as receiver:
        with pytest.raises(AlertError, match="The encrypted connection to the mail server could not be made"):
            by_mail(receiver, LOGIN, scheme="smtps" if from_the_start else "smtp").send(NOTICE)
        assert receiver.logins == []


def test_a_password_does_not_cross_a_network_unencrypted(mail, monkeypatch):
    monkeypatch.setattr(mail_module, "is_this_machine", lambda _host: False)
    with pytest.raises(AlertError, match="offers no encryption, so the password was not sent"):
        by_mail(mail, LOGIN).send(NOTICE)
    assert mail.logins == []


def test_a_wrong_password_is_a_clear_error_that_does_not_show_it():
    with mail_receiver(login=True) as receiver:
        with pytest.raises(AlertError, match=r"neither user name nor password \(code 535\)") as caught:
            by_mail(receiver, "me:hidden-secret@").send(NOTICE)
        assert len(receiver.logins) == 2  # once in each way that the server offers: more might lock the account
    assert "hidden-secret" not in str(caught.value)
    assert "hidden-secret" not in repr(caught.value.__context__)


def test_a_server_without_logins_is_a_clear_error(mail):
    with pytest.raises(AlertError, match="offers no way to log in"):
        by_mail(mail, LOGIN).send(NOTICE)


def test_one_refused_receiver_does_not_keep_the_others_from_being_told(mail):
    mail.refuses = {"bob@example.com"}
    assert by_mail(mail).send(NOTICE) == ("The mail server refused bob@example.com. Check TIKTOK_ORGANIC_ALERT_EMAIL.")
    assert mail.receivers == [["ada@example.com"]]


def test_a_mail_that_nobody_may_get_is_an_error(mail):
    mail.refuses = set(TO.split(","))
    with pytest.raises(AlertError, match=r"refused every receiver \(code 550\)"):
        by_mail(mail).send(NOTICE)


def test_what_the_server_says_is_shown_without_the_password():
    with mail_receiver(login=True) as receiver:
        receiver.answer = f"554 no spam for {PASSWORD}"
        with pytest.raises(AlertError, match=r"\(code 554: no spam for \[hidden\]\)"):
            by_mail(receiver, LOGIN).send(NOTICE)


def test_a_server_that_is_busy_is_tried_again(mail):
    mail.answer = "451 later"
    with pytest.raises(AlertError, match="code 451"):
        by_mail(mail).send(NOTICE)
    assert mail.asked == mail_module.ATTEMPTS


@pytest.mark.parametrize("goodbye", ["221 Bye", "250 OK", "421 closing", "500 what?"])
def test_however_a_server_says_goodbye_a_mail_that_it_took_is_not_sent_again(mail, goodbye):
    mail.goodbye = goodbye
    assert by_mail(mail).send(NOTICE) == ""
    assert len(mail.got) == 1


def test_a_server_that_is_not_there_is_a_clear_error(mail):
    made = by_mail(mail)
    object.__setattr__(made, "server", mail_module.MailServer("127.0.0.1", 9, False, "", ""))
    with pytest.raises(AlertError, match="did not answer as one does") as caught:
        made.send(NOTICE)
    assert "127.0.0.1" not in str(caught.value)


MALFORMED = [
    ({"alert_webhook": "ftp://hooks.example.com/hidden"}, "TIKTOK_ORGANIC_ALERT_WEBHOOK is no web address"),
    ({"alert_webhook": "hidden"}, "TIKTOK_ORGANIC_ALERT_WEBHOOK is no web address"),
    ({"alert_webhook": "https://"}, "TIKTOK_ORGANIC_ALERT_WEBHOOK is no web address"),
    ({"alert_webhook": "https://example.com:port/hidden"}, "TIKTOK_ORGANIC_ALERT_WEBHOOK is no web address"),
    ({"alert_webhook": "https://example.com/hid\nden"}, "TIKTOK_ORGANIC_ALERT_WEBHOOK is no web address"),
    ({"smtp": "http://me:hidden@host", "alert_email": TO}, "TIKTOK_ORGANIC_SMTP is no address of a mail server"),
    ({"smtp": "host:587", "alert_email": TO}, "TIKTOK_ORGANIC_SMTP is no address of a mail server"),
    ({"smtp": "smtp://me:hidden@", "alert_email": TO}, "TIKTOK_ORGANIC_SMTP is no address of a mail server"),
    ({"smtp": "smtp://me:hidden@host:x", "alert_email": TO}, "TIKTOK_ORGANIC_SMTP is no address of a mail server"),
    ({"smtp": "smtp://me:hid@den@host", "alert_email": TO}, "TIKTOK_ORGANIC_SMTP holds more than one @"),
    ({"alert_email": TO}, "TIKTOK_ORGANIC_ALERT_EMAIL is set, and no mail server: set TIKTOK_ORGANIC_SMTP"),
    ({"smtp": "smtp://me:hidden@host"}, "TIKTOK_ORGANIC_SMTP is set, and nobody to write to"),
    (
        {"smtp": "smtp://host", "alert_email": TO, "alert_from": TO},
        "TIKTOK_ORGANIC_ALERT_FROM names more than one sender",
    ),
]


@pytest.mark.parametrize(("values", "message"), MALFORMED)
def test_a_setting_that_cannot_be_used_is_named_without_being_shown(values, message):
    with pytest.raises(ConfigurationError, match=message) as caught:
        channels_of(settings(**values))
    for part in ("hid", "den", "example.com"):
        assert part not in str(caught.value)


def test_without_settings_there_is_no_channel():
    assert channels_of(settings()) == []


def test_a_channel_does_not_show_its_secrets():
    made = channels_of(
        settings(alert_webhook="https://example.com/hidden", smtp="smtp://me:hidden@host", alert_email=TO)
    )
    assert [each.name for each in made] == ["webhook", "e-mail"]
    assert "hidden" not in repr(made)


def test_all_that_must_not_show_is_known():
    given = settings(alert_webhook="https://example.com/hidden", smtp="smtp://me:hidden@host", state="sqlite:///x.db")
    assert set(secrets_of(given)) == {"https://example.com/hidden", "smtp://me:hidden@host", "sqlite:///x.db"}


def test_the_parts_of_a_secret_are_secrets_too():
    password = "pass:word/of the server"
    given = settings(smtp=f"smtp://me:{quote(password, safe='')}@host", key="first-key,second-key")
    assert {password, quote(password, safe=""), "first-key", "second-key"} < set(secrets_of(given))
    short = settings(warehouse="postgresql://me:x@host/db", state="postgresql://postgres:postgres@host/db")
    assert len(secrets_of(short)) == 2, "a word of every day is not taken out of every message"
