"""One HTTP request and its whole answer: the deadline holds for headers too, and connections are kept."""

import gzip
import socket
import threading
import time
import tracemalloc
from contextlib import contextmanager

import pytest

from tiktok_organic_dagster.tiktok import transport as transport_module
from tiktok_organic_dagster.tiktok.transport import NoAnswerError, Request, Transport
from tiktok_organic_dagster_tests.integration.test_tiktok_fake_api import FakeApi, Route, ok
from tiktok_organic_dagster_tests.receivers import certificate


@pytest.fixture
def api():
    with FakeApi() as started:
        yield started


@contextmanager
def dripping():
    """A server that sends a byte now and then, and never a whole header; gives its address."""
    over = threading.Event()

    def drip(listening):
        connection, _ = listening.accept()
        with connection:
            for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000:
                if over.wait(0.05):
                    return
                try:
                    connection.send(bytes([byte]))
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=drip, args=(listening,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        over.set()
        thread.join(10)


def test_a_server_that_drips_its_headers_is_given_up_too():
    with dripping() as url:
        begun = time.monotonic()
        with pytest.raises(NoAnswerError, match="in time"):
            Transport(url, 0.4).send(Request("GET", "x/"), None)
        assert time.monotonic() - begun < 2


def test_a_deadline_is_kept_also_while_a_later_one_is_waited_for(api):
    api.on("x/", ok())
    Transport(api.url, 600).send(Request("GET", "x/"), None)
    with dripping() as url, pytest.raises(NoAnswerError, match="in time"):
        Transport(url, 0.4).send(Request("GET", "x/"), None)


def test_one_thread_watches_the_deadlines_of_all_calls(api):
    api.on("x/", ok())
    transport = Transport(api.url, 5)
    for _ in range(5):
        transport.send(Request("GET", "x/"), None)
    assert [thread.name for thread in threading.enumerate()].count("tiktok-deadlines") == 1


def test_one_connection_serves_many_calls(api):
    api.on("x/", ok())
    transport = Transport(api.url, 5)
    for _ in range(5):
        transport.send(Request("GET", "x/"), None)
    assert len({each.port for each in api.seen}) == 1


def packed(size, layers=1):
    """So many bytes of JSON's beginning, compressed once or more often: a thousandth of it, and less."""
    body = gzip.compress(b"[" * size)
    for _ in range(layers - 1):
        body = gzip.compress(body)
    return Route(body=body, headers={"Content-Encoding": ", ".join(["gzip"] * layers)})


@pytest.mark.parametrize("layers", [1, 2])
def test_an_answer_that_unpacks_to_more_than_any_page_is_given_up_and_not_kept(api, monkeypatch, layers):
    monkeypatch.setattr(transport_module, "MAX_BYTES", 1 << 20)
    api.on("x/", packed(32 << 20, layers))
    tracemalloc.start()
    try:
        with pytest.raises(NoAnswerError, match="the answer is larger than any page can be"):
            Transport(api.url, 20).send(Request("GET", "x/"), None)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


def test_an_answer_of_the_largest_size_is_read(api, monkeypatch):
    monkeypatch.setattr(transport_module, "MAX_BYTES", 1 << 20)
    api.on("x/", packed(1 << 20))
    assert len(Transport(api.url, 20).send(Request("GET", "x/"), None).body) == 1 << 20


def test_a_server_that_nobody_vouches_for_gets_no_token(tmp_path):
    context, _ = certificate(tmp_path)
    got = []

    def answer(listening):
        connection, _ = listening.accept()
        with connection:
            try:
                got.append(context.wrap_socket(connection, server_side=True).recv(1000))
            except OSError:
                got.append(b"")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer, args=(listening,), daemon=True)
        thread.start()
        with pytest.raises(NoAnswerError, match="the encrypted connection could not be made"):
            Transport(f"https://127.0.0.1:{listening.getsockname()[1]}", 5).send(Request("GET", "x/"), "act.token")
        thread.join(10)
    assert got == [b""]


def test_a_port_that_nobody_listens_on_and_a_proxy_that_is_not_there_are_told_apart(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        closed = f"http://127.0.0.1:{gone.getsockname()[1]}"
    with pytest.raises(NoAnswerError, match=r"^the connection failed or was closed$"):
        Transport(closed, 5).send(Request("GET", "x/"), None)
    for name in ("http_proxy", "no_proxy"):
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.setenv(name, closed if name == "http_proxy" else "")
    with pytest.raises(NoAnswerError, match=r"^the proxy did not connect$"):
        Transport("http://tiktok.invalid", 5).send(Request("GET", "x/"), None)
