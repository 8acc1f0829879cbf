"""Celery's workers as real processes, which can be killed as a machine is that loses its power."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tiktok_organic_dagster_tests.orchestration.deployment import ROOT
from tiktok_organic_dagster_tests.orchestration.processes import BIN, end, poll


class Worker:
    """A running worker.

    Attributes:
        name: As it stands in Dagster's events.
        log: What it prints.
    """

    def __init__(self, name: str, log: Path, process: "subprocess.Popen[bytes]") -> None:
        self.name = name
        self.log = log
        self._process = process

    def is_ready(self) -> bool | None:
        """Whether it takes steps; fails if it ended."""
        assert self._process.poll() is None, self.log.read_text()[-4000:]
        return True if " ready." in self.log.read_text() else None

    def is_at_work(self) -> bool:
        """Whether it has a step in its hands."""
        said = self.log.read_text()
        return said.count("] received") > said.count("] succeeded")

    def kill(self) -> None:
        """Kill it with all its processes, without a word to anyone."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def kill_what_carries_out_steps(self) -> None:
        """Kill the processes in which it carries out steps, as a machine does that runs out of memory."""
        children = subprocess.run(["pgrep", "-P", str(self._process.pid)], capture_output=True, text=True, check=True)
        for pid in children.stdout.split():
            os.kill(int(pid), signal.SIGKILL)


@contextmanager
def worker(name: str, folder: Path, *, concurrency: int) -> Iterator[Worker]:
    """A worker with the settings of this process's environment, until the block ends."""
    log = folder / f"{name}.log"
    command = [str(BIN / "celery"), "-A", "tiktok_organic_dagster.celery_worker", "worker"]
    options = ["--hostname", f"{name}@%h", "--concurrency", str(concurrency), "--loglevel", "INFO"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, *options], cwd=ROOT, stdout=output, stderr=output, env=os.environ, start_new_session=True
        )
    started = Worker(name, log, process)
    try:
        poll(started.is_ready, f"the worker {name}", 60)
        yield started
    finally:
        end(process)
