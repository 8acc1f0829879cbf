"""Dagster's commands as real processes, started at the root of the clone."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import requests

from tiktok_organic_dagster_tests.orchestration.deployment import ROOT

BIN = Path(sys.executable).parent
DEADLINE_S = 150.0
BEFORE_MIDNIGHT = timedelta(seconds=150)

# The daemon of `dagster dev` looks after backfills every 30 seconds, and that cannot be set. Python imports
# `sitecustomize` before anything else; in the daemon alone it makes that three seconds.
HASTE = """
import sys
if "dagster._daemon" in sys.orig_argv:
    import dagster._daemon.controller
    dagster._daemon.controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 3
"""
QUICK_QUEUE = """
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config:
    dequeue_interval_seconds: 1
"""

T = TypeVar("T")


def poll(look: Callable[[], T | None], what: str, seconds: float = DEADLINE_S) -> T:
    """Look until there is something; fails at the deadline."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found is not None:
            return found
        time.sleep(0.5)
    raise AssertionError(f"Still waiting for {what} after {seconds:.0f} s.")


def a_day_with_time_left(needed: timedelta = BEFORE_MIDNIGHT) -> None:
    """Just before midnight UTC, wait for the next day: real processes cannot be shown another clock."""

    def is_far() -> bool | None:
        now = datetime.now(UTC)
        return True if (now + needed).date() == now.date() else None

    poll(is_far, "midnight", needed.total_seconds() + 10)


def dagster_home(folder: Path) -> Path:
    """A DAGSTER_HOME with the project's own dagster.yaml."""
    folder.mkdir()
    shutil.copy(ROOT / "dagster.yaml", folder)
    return folder


def command(name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the environment at the root of the clone to its end."""
    return subprocess.run(
        [str(BIN / name), *arguments],
        cwd=ROOT,
        env={**os.environ, "DAGSTER_DISABLE_TELEMETRY": "yes", **variables},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


class DagsterDev:
    """A running `dagster dev`: its web server, over HTTP.

    Attributes:
        url: Of the UI.
    """

    def __init__(self, port: int, log: Path, process: "subprocess.Popen[bytes]") -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._log = log
        self._process = process

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data that GraphQL answers a query with."""
        answer = requests.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=60).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    @property
    def session(self) -> int:
        """The session of all its processes."""
        return self._process.pid

    def is_up(self) -> bool | None:
        """Whether it answers already; fails if it died."""
        assert self._process.poll() is None, self._log.read_text()[-4000:]
        with suppress(requests.ConnectionError):
            return self.ask("{ version }") is not None
        return None


@contextmanager
def dagster_dev(home: Path) -> Iterator[DagsterDev]:
    """`dagster dev` on a free port, with a daemon in a hurry, until the block ends."""
    haste = home / "haste"
    haste.mkdir()
    (haste / "sitecustomize.py").write_text(HASTE)
    with (home / "dagster.yaml").open("a") as settings:
        settings.write(QUICK_QUEUE)
    command = ("dagster", "dev", "--host", "127.0.0.1")
    with dagster_ui(*command, folder=ROOT, log=home / "dev.log", DAGSTER_HOME=str(home), PYTHONPATH=str(haste)) as dev:
        yield dev


@contextmanager
def dagster_ui(*command: str, folder: Path, log: Path, **variables: str) -> Iterator[DagsterDev]:
    """A command that serves Dagster's UI, on a free port until the block ends.

    Args:
        command: A command of the environment that takes `--port`.
        folder: Where it is started.
        log: Where its output goes.
        variables: Added to the environment.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(BIN / command[0]), *command[1:], "--port", str(port)],
            cwd=folder,
            env={**os.environ, "DAGSTER_DISABLE_TELEMETRY": "yes", **variables},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        dev = DagsterDev(port, log, process)
        poll(dev.is_up, f"{command[0]} {command[1]} to answer")
        yield dev
    finally:
        end(process)


def end(process: "subprocess.Popen[Any]") -> None:
    """Ask the process to end, then end its whole group: code servers outlive `dagster dev` by 45 seconds."""
    process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(10)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def started(name: str, *arguments: str, **variables: str) -> "Iterator[subprocess.Popen[str]]":
    """A command of the environment at the root of the clone, to write to and to read from, until the block ends."""
    process = subprocess.Popen(
        [str(BIN / name), *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            end(process)
