"""A small HTTP server whose answers are data, for tests of the client; and its own tests."""

import json
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from tiktok_organic_dagster import state
from tiktok_organic_dagster.tiktok import RequestBudget, TikTokClient

START = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class Route:
    """One answer: JSON by default; `body` for raw bytes, `drip_s` to send it byte by byte, `close` to send nothing."""

    json: object = None
    status: int = 200
    body: bytes | None = None
    headers: dict = field(default_factory=dict)
    drip_s: float = 0
    close: bool = False


@dataclass
class Seen:
    method: str
    path: str
    query: dict
    headers: dict
    body: dict | None
    raw_query: str
    port: int


class FakeApi:
    """Answers each endpoint with its routes in turn; the last one repeats."""

    def __init__(self):
        self.routes = defaultdict(list)
        self.seen = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        fake = self

        class Answering(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            log_message = staticmethod(lambda *_: None)

            def _answer(self):
                fake.answer(self)

            do_GET = do_POST = _answer  # noqa: N815 -- as in http.server

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/open_api/v1.3"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def on(self, endpoint, *routes):
        self.routes[endpoint] = [route if isinstance(route, Route) else Route(route) for route in routes]

    def to(self, endpoint):
        return [each for each in self.seen if each.path == f"/open_api/v1.3/{endpoint}"]

    def answer(self, request):
        address = urlsplit(request.path)
        length = int(request.headers.get("Content-Length") or 0)
        body = json.loads(request.rfile.read(length)) if length else None
        query = dict(parse_qsl(address.query, keep_blank_values=True))
        with self._lock:
            self.seen.append(
                Seen(
                    request.command,
                    address.path,
                    query,
                    dict(request.headers),
                    body,
                    address.query,
                    request.client_address[1],
                )
            )
            queue = self.routes[address.path.removeprefix("/open_api/v1.3/")]
            route = (queue.pop(0) if len(queue) > 1 else queue[0]) if queue else Route(status=404, body=b"Not Found")
        if route.close:
            request.close_connection = True
            return
        content = json.dumps(route.json).encode() if route.body is None else route.body
        request.send_response(route.status)
        for name, value in {"Content-Length": str(len(content)), **route.headers}.items():
            request.send_header(name, value)
        request.end_headers()
        try:
            for at in range(len(content)) if route.drip_s else ():
                request.wfile.write(content[at : at + 1])
                if self._over.wait(route.drip_s):
                    return
            if not route.drip_s:
                request.wfile.write(content)
        except OSError:
            request.close_connection = True


def ok(**data):
    return {"code": 0, "message": "OK", "request_id": "20261123120000ABC", "data": data}


def refused(code, message="refused"):
    return {"code": code, "message": message, "request_id": "20261123120000DEF"}


class Clock:
    """Time that passes only by sleeping; shared by threads."""

    def __init__(self, start=START):
        self.now = start.timestamp()
        self.slept = []
        self._lock = threading.Lock()

    def __call__(self):
        return datetime.fromtimestamp(self.now, UTC)

    def sleep(self, seconds):
        with self._lock:
            self.now += seconds
            self.slept += [seconds] if seconds else []


class Tokens:
    """A token source whose tokens are numbered; each refusal brings the next."""

    def __init__(self):
        self.number = 1
        self.refusals = []

    def access_token(self):
        return f"act.token{self.number}"

    def refused(self, access_token):
        self.refusals.append(access_token)
        self.number += 1
        return self.access_token()


def client_of(url, engine, clock, **changes):
    budget = RequestBudget(
        engine,
        qpm_per_endpoint=40,
        qpm_app=600,
        qps_app=10,
        throttle_wait_s=300,
        clock=clock,
        sleep=clock.sleep,
    )
    options = {"timeout_s": 5, "random": lambda: 0.0} | changes
    return TikTokClient(api_url=url, budget=budget, sleep=clock.sleep, clock=clock, **options)


def open_state(tmp_path):
    return state.engine(f"sqlite:///{tmp_path}/state.db")


@pytest.fixture
def api():
    with FakeApi() as started:
        yield started


def test_routes_are_answered_in_turn_and_the_last_one_repeats(api):
    api.on("x/", {"n": 1}, {"n": 2})
    assert [requests.get(f"{api.url}/x/", timeout=5).json()["n"] for _ in range(3)] == [1, 2, 2]
    assert len(api.to("x/")) == 3


def test_paths_without_a_route_are_not_found(api):
    assert requests.get(f"{api.url}/y/", timeout=5).status_code == 404
