"""A wire to PostgreSQL that can be cut at the one moment that matters: when a commit has been asked for."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum

from sqlalchemy.engine import make_url

COMMIT = b"COMMIT\x00"
BYTES = 1 << 16


class Cut(Enum):
    """When a connection is cut."""

    BEFORE_THE_COMMIT = "the server never hears of the commit"
    AFTER_THE_COMMIT = "the server has committed, and its answer is lost"


class Wire:
    """Passes on what client and server say, for any number of connections.

    Attributes:
        url: Leads to the server through this wire.
        cuts: What happens at the next commits, in order; once it is empty, all goes through.
    """

    def __init__(self, to: str) -> None:
        there = make_url(to)
        self._server = f"{there.query['host']}/.s.PGSQL.{there.port or 5432}"
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.url = there.set(host="127.0.0.1", port=port, query={"sslmode": "disable", "gssencmode": "disable"})
        self.url = self.url.render_as_string(hide_password=False)
        self.cuts: list[Cut] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """No new connection is let through."""
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._server)
            lost = threading.Event()
            threading.Thread(target=self._asked, args=(client, server, lost), daemon=True).start()
            threading.Thread(target=self._answered, args=(client, server, lost), daemon=True).start()

    def _asked(self, client: socket.socket, server: socket.socket, lost: threading.Event) -> None:
        with suppress(OSError):
            while said := client.recv(BYTES):
                if said.endswith(COMMIT) and self.cuts:
                    if self.cuts.pop(0) is Cut.BEFORE_THE_COMMIT:
                        break
                    lost.set()
                server.sendall(said)
        if not lost.is_set():
            _hang_up(client, server)

    def _answered(self, client: socket.socket, server: socket.socket, lost: threading.Event) -> None:
        with suppress(OSError):
            while said := server.recv(BYTES):
                if lost.is_set():
                    break
                client.sendall(said)
        _hang_up(client, server)


def _hang_up(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def wire_to(url: str) -> Iterator[Wire]:
    """A wire to the server of a URL, until the block ends."""
    wire = Wire(url)
    try:
        yield wire
    finally:
        wire.close()
