"""Sends one HTTP request and reads its whole answer within a deadline; knows nothing of TikTok's codes."""

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal
from urllib.parse import urlsplit

import requests
import urllib3
from requests.utils import get_environ_proxies

from tiktok_organic_dagster.address import is_this_machine
from tiktok_organic_dagster.tiktok.deadline import Deadline, DeadlineAdapter

POOL_SIZE = 32  # connections kept open: more than the threads that read accounts at once
CHUNK_BYTES = 1 << 16
MAX_BYTES = 64 << 20  # a page of 20 posts with all its lists is well under 1 MiB
CONNECT_SHARE = 0.1  # of the timeout
_LATE = "the answer was not complete in time"


@dataclass(frozen=True)
class Request:
    """One call: a path below the API's base URL, with what goes into its query or its JSON body.

    Attributes:
        secrets: Texts in it that must never show in a message.
    """

    method: Literal["GET", "POST"]
    endpoint: str
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class RawAnswer:
    """An HTTP answer as it came; the body may hold tokens."""

    status: int
    body: bytes = field(repr=False)


class NoAnswerError(Exception):
    """The call got no complete answer; the text says why, without address or headers."""


def user_agent() -> str:
    """The name under which TikTok sees us."""
    try:
        return f"tiktok-organic-dagster/{version('tiktok-organic-dagster')}"
    except PackageNotFoundError:  # run from a copy that was not installed
        return "tiktok-organic-dagster"


class Transport:
    """Sends requests to one base URL: a session per thread over one pool of connections."""

    def __init__(self, base_url: str, timeout_s: float) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeout_s = timeout_s
        self._adapter = DeadlineAdapter(pool_connections=4, pool_maxsize=POOL_SIZE)
        self._threads = threading.local()
        # A proxy of the environment is meant for the internet, not for a simulator on this machine.
        local = is_this_machine(urlsplit(self._base_url).hostname or "")
        self._proxies = {} if local else get_environ_proxies(self._base_url)
        self._certificates = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True

    def send(self, request: Request, access_token: str | None, on_sent: Callable[[], None] | None = None) -> RawAnswer:
        """Send a request and read its whole answer.

        Args:
            request: What to send.
            access_token: Goes into a header.
            on_sent: Called when the request is on its way, before its answer is waited for.

        Raises:
            NoAnswerError: No connection, or no complete answer within the timeout.
        """
        deadline = Deadline(self._timeout_s, on_sent)
        headers = {} if access_token is None else {"Access-Token": access_token}
        try:
            with (
                deadline,
                self._session().request(
                    request.method,
                    f"{self._base_url}/{request.endpoint}",
                    params=request.params,
                    json=request.body,
                    headers=headers,
                    timeout=(self._timeout_s * CONNECT_SHARE, self._timeout_s),
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                return RawAnswer(response.status_code, _read(response.raw, deadline.at))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise NoAnswerError(_LATE if deadline.passed else _cause(error)) from None

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._threads, "session", None)
        if session is None:
            session = requests.Session()
            session.mount("https://", self._adapter)
            session.mount("http://", self._adapter)
            session.trust_env = False  # it would be read at each call, and a password of .netrc be sent along
            session.proxies = self._proxies
            session.verify = self._certificates
            session.headers["User-Agent"] = user_agent()
            session.headers["Accept"] = "application/json"
            self._threads.session = session
        return session


def _read(raw: urllib3.HTTPResponse, deadline: float) -> bytes:
    """The body, read piece by piece; one that is not complete by the deadline is given up, however it drips."""
    read = bytearray()
    while chunk := raw.read1(CHUNK_BYTES, decode_content=True):
        read += chunk
        if len(read) > MAX_BYTES:
            raise NoAnswerError("the answer is larger than any page can be")
        if time.monotonic() >= deadline:
            break
    if time.monotonic() >= deadline:
        raise NoAnswerError(_LATE)
    return bytes(read)


def _cause(error: Exception) -> str:
    """The kind of a network error in words; the error's own text would show the address with its query."""
    if isinstance(error, requests.ConnectTimeout):
        return "the connection was not made in time"
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return _LATE
    if isinstance(error, requests.exceptions.SSLError):
        return "the encrypted connection could not be made; check the certificates of this machine"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy did not connect"
    if isinstance(error, requests.ConnectionError):
        return "the connection failed or was closed"
    return f"{type(error).__name__} while reading the answer"
