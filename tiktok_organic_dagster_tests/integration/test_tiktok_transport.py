"""One HTTP request and its whole answer: the deadline holds for headers too, and connections are kept."""

import socket
import threading
import time

import pytest

from tiktok_organic_dagster.tiktok.transport import NoAnswerError, Request, Transport
from tiktok_organic_dagster_tests.integration.test_tiktok_fake_api import FakeApi, ok


@pytest.fixture
def api():
    with FakeApi() as started:
        yield started


def test_a_server_that_drips_its_headers_is_given_up_too():
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
        transport = Transport(f"http://127.0.0.1:{listening.getsockname()[1]}", 0.4)
        begun = time.monotonic()
        with pytest.raises(NoAnswerError, match="in time"):
            transport.send(Request("GET", "x/"), None)
        assert time.monotonic() - begun < 2
        over.set()
        thread.join(10)


def test_one_connection_serves_many_calls(api):
    api.on("x/", ok())
    transport = Transport(api.url, 5)
    for _ in range(5):
        transport.send(Request("GET", "x/"), None)
    assert len({each.port for each in api.seen}) == 1
