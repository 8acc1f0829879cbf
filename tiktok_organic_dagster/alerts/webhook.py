"""Posts a message to an address that takes Slack's JSON."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

from tiktok_organic_dagster.address import address_of
from tiktok_organic_dagster.alerts.notice import Notice
from tiktok_organic_dagster.errors import AlertError, ConfigurationError
from tiktok_organic_dagster.tiktok.transport import NoAnswerError, Request, Transport

VARIABLE = "TIKTOK_ORGANIC_ALERT_WEBHOOK"
TIMEOUT_S = 6.0  # of one answer; Dagster gives a sensor 60 s for everything
ATTEMPTS = 3
PAUSE_S = 1.0
TOO_MANY_REQUESTS = 429
SERVER_ERRORS = 500


class _MayPassError(AlertError):
    """A refusal after which another attempt may help."""


@dataclass(frozen=True)
class Webhook:
    """An incoming webhook.

    Attributes:
        url: Its address, which is a secret: who knows it can write there.
        sleep: Waits for a number of seconds.
    """

    url: str = field(repr=False)
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    name: str = "webhook"

    def send(self, notice: Notice) -> str:
        """Post a message.

        Raises:
            AlertError: It was not taken.
        """
        base, _, last = self.url.rpartition("/")
        request = Request("POST", last, body=notice.slack())
        transport = Transport(base, TIMEOUT_S)
        attempts = Retrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_fixed(PAUSE_S),
            retry=retry_if_exception_type(_MayPassError),
            sleep=self.sleep,
            reraise=True,
        )
        attempts(lambda: _post(transport, request))
        return ""


def webhook_of(url: str) -> Webhook:
    """The webhook of an address.

    Raises:
        ConfigurationError: It is no address of one.
    """
    parts = address_of(url)
    if parts is None or parts.scheme not in {"http", "https"}:
        raise ConfigurationError(
            f"{VARIABLE} is no web address. Give that of an incoming webhook as its service shows it; it begins with "
            "https://."
        )
    return Webhook(url if parts.path else parts._replace(path="/").geturl())


def _post(transport: Transport, request: Request) -> None:
    try:
        status = transport.send(request, None).status
    except NoAnswerError as error:
        raise _MayPassError(f"The webhook did not answer: {error}. Check {VARIABLE} and the network.") from None
    if status == TOO_MANY_REQUESTS or status >= SERVER_ERRORS:
        raise _MayPassError(f"The webhook answered HTTP {status}, a trouble of its own.")
    if not 200 <= status < 300:
        raise AlertError(f"The webhook answered HTTP {status}. Check {VARIABLE}: the address may be outdated.")
