"""The ways that a message takes, as the settings describe them."""

from collections.abc import Iterator
from typing import Protocol
from urllib.parse import unquote

from tiktok_organic_dagster.address import address_of
from tiktok_organic_dagster.alerts.mail import mail_of
from tiktok_organic_dagster.alerts.notice import Notice
from tiktok_organic_dagster.alerts.webhook import webhook_of
from tiktok_organic_dagster.settings import SECRETS, Settings

GUESSED_ANYWAY = 8
"""Passwords shorter than this are not looked for in messages: they would be found in ordinary words."""
HOW_TO_SET = (
    "Set TIKTOK_ORGANIC_ALERT_WEBHOOK to an address that takes Slack's JSON, or TIKTOK_ORGANIC_ALERT_EMAIL with "
    "TIKTOK_ORGANIC_SMTP"
)


class Channel(Protocol):
    """A way to tell people."""

    @property
    def name(self) -> str:
        """What it is called in the state database and in messages."""
        ...

    def send(self, notice: Notice) -> str:
        """Send a message, and try again where that may help; gives a remark, mostly empty.

        Raises:
            AlertError: It was not taken. The text holds neither the address nor a password.
        """
        ...


def channels_of(settings: Settings) -> list[Channel]:
    """The channels that are set.

    Raises:
        ConfigurationError: A setting of theirs cannot be used, or lacks its other half.
    """
    webhook = settings.alert_webhook.get_secret_value() if settings.alert_webhook else None
    smtp = settings.smtp.get_secret_value() if settings.smtp else None
    channels: list[Channel] = []
    if webhook is not None:
        channels.append(webhook_of(webhook))
    if smtp is not None or settings.alert_addresses:
        channels.append(mail_of(smtp, settings.alert_addresses, settings.alert_from))
    return channels


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """What must not show in any message, the longest first."""
    fields = [getattr(settings, name) for variable, name in Settings.variables().items() if variable in SECRETS]
    hidden = {part for field in fields if field is not None for part in _parts(field.get_secret_value())}
    return tuple(sorted(hidden, key=len, reverse=True))


def _parts(secret: str) -> Iterator[str]:
    """A secret, and what is secret in it: the password of an address, as it is written and as it is meant; each key."""
    yield secret
    parts = address_of(secret)
    if parts is None:
        yield from filter(None, map(str.strip, secret.split(",")))
    elif parts.password and len(parts.password) >= GUESSED_ANYWAY and parts.password != parts.username:
        yield from (parts.password, unquote(parts.password))
