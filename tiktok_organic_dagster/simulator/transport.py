"""HTTP below the simulator: uvicorn in a thread of its own, with connections that faults can cut or reset."""

import asyncio
import json
import socket
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Event, Thread
from typing import Any

import uvicorn
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from tiktok_organic_dagster.errors import ConfigurationError

KEEP_ALIVE_S = 75
STOP_S = 1


class Connections:
    """The open connections, by the client's address."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], asyncio.Transport] = {}

    def protocol(self) -> type[asyncio.Protocol]:
        """Uvicorn's HTTP protocol, which enters its connections here."""
        entered = self._open

        class Watched(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                entered[transport.get_extra_info("peername")[:2]] = transport
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                entered.pop(self.transport.get_extra_info("peername")[:2], None)
                super().connection_lost(exc)

        return Watched

    async def close(self, scope: Scope, *, reset: bool) -> None:
        """Close a request's connection, after what was written, or at once with a TCP reset."""
        transport = self._open.get(tuple(scope["client"]))
        if transport is None:
            return
        if reset:
            linger = struct.pack("ii", 1, 0)  # on, for 0 s: the kernel resets instead of closing in order
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            transport.abort()
        else:
            transport.close()
        while not transport.is_closing() or tuple(scope["client"]) in self._open:
            await asyncio.sleep(0)  # uvicorn must know before the request ends, or it would answer 500


class BrokenResponse(Response):
    """A response that never arrives, or only half of it."""

    def __init__(self, connections: Connections, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(body, headers=dict(headers or {}))
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 -- ASGI's shape
        """Send the head and half of the body if there is one; then break the connection."""
        body = bytes(self.body)
        if body:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        await self._connections.close(scope, reset=not body)


def json_body(envelope: Mapping[str, Any]) -> bytes:
    """The envelope as bytes; escapes keep lone surrogates sendable."""
    return json.dumps(envelope, separators=(",", ":")).encode()


def listen(port: int) -> socket.socket:
    """A listening socket on loopback; port 0 takes a free one.

    Raises:
        ConfigurationError: The port is taken.
    """
    # asyncio switches Nagle's algorithm off only where the protocol is named; with it, every answer takes 40 ms.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError as error:
        listening.close()
        raise ConfigurationError(
            f"The simulator cannot listen on port {port}: {error.strerror}. "
            "Stop what uses it, or choose another --port. (The demo keeps its port: to give it another one, remove its "
            "folder, `demo` in TIKTOK_ORGANIC_HOME.)"
        ) from error
    listening.listen(256)
    return listening


class _Server(uvicorn.Server):
    """uvicorn that says when it is ready and ends at once instead of at its next tick."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start serving."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        """Renew the Date header once a second until `end` is called."""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), 1)

    def end(self) -> None:
        """Stop serving; called from another thread."""
        self.should_exit = True
        if self._loop:
            self._loop.call_soon_threadsafe(self._ended.set)


def serve(app: ASGIApp, listening: socket.socket, connections: Connections) -> Callable[[], None]:
    """Serve an app in a background thread; returns what stops it."""
    config = uvicorn.Config(
        app,
        http=connections.protocol(),
        loop="asyncio",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_S,
    )
    server = _Server(config)
    thread = Thread(target=server.run, kwargs={"sockets": [listening]}, name="tiktok-simulator", daemon=True)
    thread.start()
    server.ready.wait(10)

    def stop() -> None:
        server.end()
        thread.join(STOP_S + 5)

    return stop
