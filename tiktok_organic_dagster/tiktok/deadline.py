"""Ends a whole HTTP answer, headers and body, at a moment: `requests` limits only the time between two bytes."""

import math
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse

_of_thread = threading.local()


class Deadline:
    """While it is entered, a read of this thread that is still blocked at its end is woken up with an error.

    Args:
        seconds: From now on.
        on_sent: Called when a request of this thread has been sent and its answer is waited for.
    """

    def __init__(self, seconds: float, on_sent: Callable[[], None] | None = None) -> None:
        self.on_sent = on_sent
        self.at = time.monotonic() + seconds
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    @property
    def passed(self) -> bool:
        """Is it over?"""
        return time.monotonic() >= self.at

    def watch(self, connection: socket.socket | None) -> None:
        """Say which socket the answer comes from."""
        with self._lock:
            self._socket = connection

    def stop(self) -> None:
        """Wake up whoever reads from the socket."""
        with self._lock:
            if self._socket is not None:
                with suppress(OSError):  # closed in the meantime
                    self._socket.shutdown(socket.SHUT_RD)

    def __enter__(self) -> Self:
        _of_thread.deadline = self
        _watchdog.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _watchdog.forget(self)
        self.watch(None)
        _of_thread.deadline = None


class _Watchdog:
    """Stops what is over: one thread for all deadlines, as a thread for each would take as long as a short call."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._deadlines: set[Deadline] = set()
        self._wakes_at = math.inf
        self._thread = threading.Thread()

    def add(self, deadline: Deadline) -> None:
        """Watch a deadline. The thread is woken for it only if it would sleep too long."""
        with self._changed:
            self._deadlines.add(deadline)
            if not self._thread.is_alive():  # the first time, and in a forked process
                self._thread = threading.Thread(target=self._watch, daemon=True, name="tiktok-deadlines")
                self._thread.start()
            elif deadline.at < self._wakes_at:
                self._changed.notify()

    def forget(self, deadline: Deadline) -> None:
        """Watch it no longer; the thread sleeps on."""
        with self._changed:
            self._deadlines.discard(deadline)

    def _watch(self) -> None:
        with self._changed:
            while True:
                for over in [deadline for deadline in self._deadlines if deadline.passed]:
                    self._deadlines.discard(over)
                    over.stop()
                self._wakes_at = min((deadline.at for deadline in self._deadlines), default=math.inf)
                asleep = None if self._wakes_at == math.inf else max(self._wakes_at - time.monotonic(), 0)
                self._changed.wait(asleep)


_watchdog = _Watchdog()


def _watch(connection: socket.socket | None) -> None:
    deadline: Deadline | None = getattr(_of_thread, "deadline", None)
    if deadline is not None:
        deadline.watch(connection)
        if deadline.on_sent is not None:
            deadline.on_sent()


class _Connection(HTTPConnection):
    def getresponse(self) -> HTTPResponse:  # pyright: ignore[reportIncompatibleMethodOverride] -- as in urllib3
        _watch(self.sock)
        return super().getresponse()


class _TlsConnection(HTTPSConnection):
    def getresponse(self) -> HTTPResponse:  # pyright: ignore[reportIncompatibleMethodOverride] -- as in urllib3
        _watch(self.sock)
        return super().getresponse()


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection  # pyright: ignore[reportAssignmentType] -- as urllib3 documents it


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection  # pyright: ignore[reportAssignmentType] -- as urllib3 documents it


class DeadlineAdapter(HTTPAdapter):
    """An adapter whose connections tell the deadline of their thread which socket they read from."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 -- as in requests
        """Make the pools of direct connections."""
        super().init_poolmanager(*args, **options)
        _watched(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 -- as in requests
        """Make the pools of connections through a proxy."""
        return _watched(super().proxy_manager_for(*args, **options))


def _watched(manager: PoolManager) -> PoolManager:
    pools: dict[str, type[HTTPConnectionPool] | type[HTTPSConnectionPool]] = {"http": _Pool, "https": _TlsPool}
    manager.pool_classes_by_scheme = pools
    return manager
