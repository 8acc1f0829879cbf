"""Real receivers of alerts on this machine: a web server and mail servers, which keep what they get."""

import json
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

USER, PASSWORD = "loader@example.com", "pass:word/of the mail server"


@dataclass(frozen=True)
class Told:
    """What a message tells.

    Attributes:
        at: When it came, by this process's clock.
        opened: The titles of what is wrong since the message before.
        recovered: The titles of what is over.
    """

    at: datetime
    opened: tuple[str, ...]
    recovered: tuple[str, ...]

    @classmethod
    def of(cls, at: datetime, body: dict[str, Any]) -> "Told":
        """What a message in Slack's JSON tells."""
        text = "\n\n".join(block["text"]["text"] for block in body["blocks"])
        opened = re.findall(r"^\*(.+)\*$", text, re.MULTILINE)
        recovered = re.findall(r"^- (.+), since ", text, re.MULTILINE)
        return cls(at, tuple(sorted(opened)), tuple(sorted(recovered)))


@dataclass
class WebReceiver:
    """A web server that takes JSON.

    Attributes:
        url: Where to post to.
        got: What was posted, in order; also what was refused.
        moments: When it came, by this process's clock.
        statuses: How the next posts are answered; 200 once there are none left.
        silent: While set, posts get no answer.
    """

    url: str
    got: list[dict[str, Any]] = field(default_factory=list)
    moments: list[datetime] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    silent: bool = False
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def texts(self) -> list[str]:
        """All that each message says."""
        return ["\n".join([body["text"], *(block["text"]["text"] for block in body["blocks"])]) for body in self.got]

    @property
    def told(self) -> list["Told"]:
        """What each message tells."""
        return [Told.of(at, body) for at, body in zip(self.moments, self.got, strict=True)]


@contextmanager
def web_receiver(path: str = "/services/T0/B0/secret-of-the-hook") -> Iterator[WebReceiver]:
    """A web server until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == path
            receiver.got.append(json.loads(body))
            receiver.moments.append(datetime.now(UTC))
            receiver.headers.append(dict(self.headers))
            if receiver.silent:
                receiver.ended.wait()
                return
            self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = WebReceiver(f"http://127.0.0.1:{server.server_port}{path}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))  # how often it asks whether to stop
    thread.start()
    try:
        yield receiver
    finally:
        receiver.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class MailReceiver:
    """A mail server.

    Attributes:
        port: Its port on this machine.
        got: The messages that it took.
        senders: Whom each envelope came from.
        receivers: Whom each envelope was for.
        encrypted: Whether each message came over an encrypted connection.
        refuses: Receivers that it refuses.
        answer: How it answers a message; taken if empty.
        goodbye: How it answers the end of a conversation.
        asked: How often it was given one.
    """

    port: int = 0
    got: list[EmailMessage] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    receivers: list[list[str]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    answer: str = ""
    goodbye: str = "221 Bye"
    asked: int = 0

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refuses:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_QUIT(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
        return self.goodbye

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.asked += 1
        if self.answer:
            return self.answer
        self.got.append(message_from_bytes(envelope.content, policy=policy.default))
        self.senders.append(envelope.mail_from)
        self.receivers.append(list(envelope.rcpt_tos))
        self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        return "250 OK"

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: LoginPassword
    ) -> AuthResult:
        self.logins.append((data.login.decode(), data.password.decode()))
        right = self.logins[-1] == (USER, PASSWORD)
        return AuthResult(success=right, handled=right)

    @property
    def texts(self) -> list[str]:
        """All that each message says."""
        return [f"{each['Subject']}\n{each.get_content()}".replace("\r\n", "\n") for each in self.got]


class _FreePort(Controller):
    """Listens on a port that the system chooses: aiosmtpd itself would ask at port 0 whether it is up."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def mail_receiver(
    tls: ssl.SSLContext | None = None, *, from_the_start: bool = False, login: bool = False
) -> Iterator[MailReceiver]:
    """A mail server until the block ends.

    Args:
        tls: Offers encryption: by STARTTLS, or from the start.
        from_the_start: Speaks TLS from the first byte.
        login: Takes mail only from who logged in.
    """
    receiver = MailReceiver()
    controller = _FreePort(
        receiver,
        "127.0.0.1",
        0,
        ssl_context=tls if from_the_start else None,
        tls_context=None if from_the_start else tls,
        require_starttls=tls is not None and not from_the_start,
        authenticator=receiver.authenticate if login else None,
        auth_required=login,
        auth_require_tls=not login or (tls is not None and not from_the_start),  # without TLS: no login is offered
    )
    controller.start()
    receiver.port = controller.port
    try:
        yield receiver
    finally:
        controller.stop()


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """What a server on this machine encrypts with, and the file that makes a client trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=3650))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem, secret)
    return context, pem
