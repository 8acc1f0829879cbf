"""Celery's workers as real processes, which can be killed as a machine is that loses its power."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tiktok_organic_dagster_tests.orchestration.deployment import ROOT
from tiktok_organic_dagster_tests.orchestration.processes import BIN, poll

REAL = "tiktok_organic_dagster.celery_worker"
IMPATIENT = "tiktok_organic_dagster_tests.celery.impatient_worker"
LOST_AFTER_S = 10
"""How long the impatient one may be silent."""


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
        return True if self.said(" ready.") else None

    def said(self, what: str, *, after: str | None = None) -> str | None:
        """What it printed, or what of it came after something, once there is something else in it."""
        printed = self.log.read_text()
        if after is not None:
            _, _, printed = printed.partition(after)
        return printed if what in printed else None

    def kill(self) -> None:
        """Kill it with all its processes, without a word to anyone; one that has ended is left in peace."""
        if self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def tell_to_end(self) -> None:
        """As whoever stops a service does; it ends what it has begun."""
        self._process.send_signal(signal.SIGTERM)

    def freeze(self) -> None:
        """Let nothing of it go on, as in a machine that swaps."""
        os.killpg(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.killpg(self._process.pid, signal.SIGCONT)

    def kill_what_carries_out_steps(self) -> None:
        """Kill the processes in which it carries out steps, as a machine does that runs out of memory."""
        children = subprocess.run(["pgrep", "-P", str(self._process.pid)], capture_output=True, text=True, check=True)
        for pid in children.stdout.split():
            os.kill(int(pid), signal.SIGKILL)


@contextmanager
def worker(name: str, folder: Path, *, concurrency: int = 1, app: str = IMPATIENT) -> Iterator[Worker]:
    """A worker with the settings of this process's environment, until the block ends."""
    log = folder / f"{name}.log"
    command = [str(BIN / "celery"), "-A", app, "worker"]
    options = ["--hostname", f"{name}@%h", "--concurrency", str(concurrency), "--loglevel", "INFO"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, *options],
            cwd=ROOT,
            stdout=output,
            stderr=output,
            env={**os.environ, "LOST_AFTER_S": str(LOST_AFTER_S)},
            start_new_session=True,
        )
    started = Worker(name, log, process)
    try:
        poll(started.is_ready, f"the worker {name}", 60)
        yield started
    finally:
        started.kill()
