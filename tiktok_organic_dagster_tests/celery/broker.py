"""A Redis of a test alone, on a free port and with a password: the broker of Celery's workers."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import redis

from tiktok_organic_dagster_tests.orchestration.processes import end, poll

PASSWORD = "password-of-the-broker"
REMEDY = "These tests need Redis, and there is no redis-server here. Install it: apt-get install redis-server"


@contextmanager
def broker(folder: Path) -> Iterator[str]:
    """A Redis that keeps everything in memory, until the block ends; gives its URL.

    Without `redis-server` the test is skipped on a developer's machine, and fails in CI.
    """
    program = shutil.which("redis-server")
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(REMEDY)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = (
        "--bind",
        "127.0.0.1",
        "--port",
        str(port),
        "--requirepass",
        PASSWORD,
        "--save",
        "",
        "--dir",
        str(folder),
    )
    with (folder / "redis.log").open("wb") as log:
        process = subprocess.Popen([program, *options], stdout=log, stderr=log, start_new_session=True)
    url = f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
    try:
        with redis.Redis.from_url(url) as client:

            def answers() -> bool | None:
                with suppress(redis.ConnectionError):
                    return client.ping() or None
                return None

            poll(answers, "Redis to answer", 20)
        yield url
    finally:
        end(process)
