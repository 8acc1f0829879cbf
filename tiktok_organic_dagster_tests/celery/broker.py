"""A Redis of a test alone, on a free port and with a password: the broker of Celery's workers."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tiktok_organic_dagster_tests.orchestration.processes import end, poll

if TYPE_CHECKING:
    from redis import Redis

PASSWORD = "password-of-the-broker"
REMEDY = "These tests need Redis, and there is no redis-server here. Install it: apt-get install redis-server"


class Broker:
    """A Redis that can be stopped and started again.

    Attributes:
        url: With the password.
    """

    def __init__(self, program: str, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
        self._folder = folder
        self._command = [program, "--bind", "127.0.0.1", "--port", str(port), "--requirepass", PASSWORD]
        self._command += ["--appendonly", "yes", "--save", "", "--dir", str(folder)]

    def start(self) -> None:
        """Start it, with what it held when it was stopped."""
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, start_new_session=True)
        with self.client() as client:

            def answers() -> bool | None:
                with suppress(Exception):  # one of many, until it is up
                    return client.ping() or None
                return None

            poll(answers, "Redis to answer", 20)

    def stop(self) -> None:
        """Stop it; it remembers what it holds."""
        end(self._process)

    def client(self) -> "Redis":
        """Somebody else who talks to it."""
        from redis import Redis  # noqa: PLC0415 -- of the extra, without which tests are still collected

        return Redis.from_url(self.url)


@contextmanager
def broker(folder: Path) -> Iterator[Broker]:
    """A Redis until the block ends.

    Without `redis-server` the test is skipped on a developer's machine, and fails in CI.
    """
    program = shutil.which("redis-server")
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(REMEDY)
    made = Broker(program, folder)
    try:
        made.start()
        yield made
    finally:
        made.stop()
