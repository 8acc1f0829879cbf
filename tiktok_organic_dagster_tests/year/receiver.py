"""A local receiver of webhooks, which answers as Slack's does and keeps what came."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass(frozen=True)
class Received:
    """One message.

    Attributes:
        at: The simulated moment at which it came.
        opened: The titles of what is wrong since the message before.
        recovered: The titles of what is over.
        text: All of it.
    """

    at: datetime
    opened: tuple[str, ...]
    recovered: tuple[str, ...]
    text: str

    @classmethod
    def of(cls, body: dict[str, Any]) -> "Received":
        """A message in Slack's JSON."""
        text = "\n\n".join(block["text"]["text"] for block in body["blocks"])
        return cls(
            datetime.now(UTC),
            tuple(sorted(re.findall(r"^\*(.+)\*$", text, re.MULTILINE))),
            tuple(sorted(re.findall(r"^- (.+), since ", text, re.MULTILINE))),
            text,
        )


@dataclass(frozen=True)
class Receiver:
    """Where alerts are sent."""

    url: str
    received: list[Received]


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A receiver on a free port of this machine."""
    received: list[Received] = []

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            received.append(Received.of(body))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- its name is given
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Receiver(f"http://127.0.0.1:{server.server_port}/services/T0/B0/secret-of-the-webhook", received)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
