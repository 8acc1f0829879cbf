"""Sends a message by e-mail through the mail server of the settings."""

import smtplib
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import unquote

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

from tiktok_organic_dagster.address import address_of, is_this_machine
from tiktok_organic_dagster.alerts.notice import Notice
from tiktok_organic_dagster.errors import MORE_THAN_ONE_AT, AlertError, ConfigurationError
from tiktok_organic_dagster.tiktok.errors import clean

SMTP = "TIKTOK_ORGANIC_SMTP"
TO = "TIKTOK_ORGANIC_ALERT_EMAIL"
FROM = "TIKTOK_ORGANIC_ALERT_FROM"
PORTS = {"smtp": 587, "smtps": 465}
TIMEOUT_S = 8.0  # of one answer; Dagster gives a sensor 60 s for everything
ATTEMPTS = 2
PAUSE_S = 1.0
PERMANENT = 500  # a mail server's answers from here on do not change by themselves


class _MayPassError(AlertError):
    """A refusal after which another attempt may help."""


@dataclass(frozen=True)
class MailServer:
    """Where e-mail is handed in, and as whom."""

    host: str
    port: int
    encrypted: bool
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Mail:
    """E-mail to some people.

    Attributes:
        server: Where it is handed in.
        sender: Whom it comes from.
        receivers: Whom it goes to.
        sleep: Waits for a number of seconds.
    """

    server: MailServer
    sender: str
    receivers: tuple[str, ...]
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    name: str = "e-mail"

    def send(self, notice: Notice) -> str:
        """Send a message; the remark names receivers that were refused while others were not.

        Raises:
            AlertError: It was not taken.
        """
        attempts = Retrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_fixed(PAUSE_S),
            retry=retry_if_exception_type(_MayPassError),
            sleep=self.sleep,
            reraise=True,
        )
        message = self._message(notice)
        return attempts(lambda: self._hand_in(message))

    def _message(self, notice: Notice) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = notice.subject
        message["From"] = self.sender
        message["To"] = ", ".join(self.receivers)
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=self.sender.rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday notice answers it
        message.set_content(notice.plain())
        return message

    def _hand_in(self, message: EmailMessage) -> str:
        try:
            server = self._connected()
            try:
                refused = server.send_message(message, self.sender, list(self.receivers))
            finally:
                with suppress(smtplib.SMTPException, OSError):  # the message is taken, however the server says goodbye
                    server.quit()
                server.close()
        except smtplib.SMTPAuthenticationError as error:
            raise AlertError(
                f"The mail server took neither user name nor password (code {error.smtp_code}). Check {SMTP}."
            ) from None
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise _kind(min(codes))(f"The mail server refused every receiver (code {codes[0]}). Check {TO}.") from None
        except smtplib.SMTPResponseException as error:
            raise _kind(error.smtp_code)(
                f"The mail server refused the message (code {error.smtp_code}: {self._shown(error.smtp_error)}). "
                f"Check {SMTP} and {FROM}."
            ) from None
        except ssl.SSLError:
            raise AlertError(
                f"The encrypted connection to the mail server could not be made. Check {SMTP}, and the certificates of "
                "this machine."
            ) from None
        except smtplib.SMTPNotSupportedError:
            raise AlertError(
                f"The mail server offers no way to log in. Check {SMTP}: leave out user and password if it needs none."
            ) from None
        except (smtplib.SMTPException, OSError) as error:
            raise _MayPassError(
                f"The mail server did not answer as one does ({type(error).__name__}). Check {SMTP} and the network."
            ) from None
        return f"The mail server refused {', '.join(refused)}. Check {TO}." if refused else ""

    def _connected(self) -> smtplib.SMTP:
        server = self.server
        context = ssl.create_default_context()
        if server.encrypted:
            connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_S, context=context)
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
        try:
            connection.ehlo_or_helo_if_needed()
            encrypted = server.encrypted
            if not encrypted and connection.has_extn("starttls"):
                connection.starttls(context=context)
                connection.ehlo()
                encrypted = True
            if server.user:
                self._log_in(connection, safe=encrypted or is_this_machine(server.host))
        except BaseException:
            connection.close()
            raise
        return connection

    def _log_in(self, connection: smtplib.SMTP, *, safe: bool) -> None:
        if not safe:
            raise AlertError(
                "The mail server offers no encryption, so the password was not sent to it. Use a server with STARTTLS, "
                f"or smtps:// in {SMTP}."
            )
        connection.login(self.server.user, self.server.password)

    def _shown(self, answer: bytes | str) -> str:
        text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
        return clean(text, (self.server.password,))


def mail_of(smtp: str | None, receivers: tuple[str, ...], sender: str | None) -> Mail:
    """E-mail as the settings describe it.

    Raises:
        ConfigurationError: There are receivers and no mail server, or the other way round; or the address of the server
            or the sender cannot be used.
    """
    if smtp is None:
        raise ConfigurationError(
            f"{TO} is set, and no mail server: set {SMTP} to smtp://user:password@host:587, or remove {TO}."
        )
    if not receivers:
        raise ConfigurationError(f"{SMTP} is set, and nobody to write to: set {TO}, or remove {SMTP}.")
    if sender is not None and "," in sender:
        raise ConfigurationError(f"{FROM} names more than one sender. Leave one address.")
    return Mail(_server(smtp), sender or receivers[0], receivers)


def _server(url: str) -> MailServer:
    if url.count("@") > 1:
        raise ConfigurationError(f"{SMTP} {MORE_THAN_ONE_AT}")
    parts = address_of(url)
    if parts is None or parts.scheme not in PORTS:
        raise ConfigurationError(
            f"{SMTP} is no address of a mail server. Write smtp://user:password@host:587, or smtps:// for one that "
            "encrypts from the start."
        )
    return MailServer(
        str(parts.hostname),
        parts.port or PORTS[parts.scheme],
        parts.scheme == "smtps",
        unquote(parts.username or ""),
        unquote(parts.password or ""),
    )


def _kind(code: int) -> type[AlertError]:
    return AlertError if code >= PERMANENT else _MayPassError
