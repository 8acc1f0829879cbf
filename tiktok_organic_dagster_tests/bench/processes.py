"""Processes that are measured: how long they take by their own word, and how much memory with all their children."""

import ast
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil

SAMPLE_EVERY_S = 0.02
MIB = 1 << 20


@dataclass(frozen=True)
class Measured:
    """What a program printed in its last line, and its peak of memory."""

    said: Mapping[str, Any]
    peak_mib: float


def program(module: str, *arguments: object) -> list[str]:
    """The command of a module of this package."""
    return [sys.executable, "-m", f"tiktok_organic_dagster_tests.bench.{module}", *map(str, arguments)]


def measured(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Measured:
    """Run a command to its end.

    Raises:
        RuntimeError: It failed; with what it said.
    """
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        peak = _Peak(process.pid)
        said, errors = process.communicate()
        peak.over.set()
        peak.join()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {errors[-2000:]}")
    return Measured(ast.literal_eval(said.strip().splitlines()[-1]), peak.mib)


class _Peak(threading.Thread):
    """Watches the memory that a process and its children hold together."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.mib = 0.0
        self.over = threading.Event()
        self._root = psutil.Process(pid)
        self.start()

    def run(self) -> None:
        while not self.over.wait(SAMPLE_EVERY_S):
            self.mib = max(self.mib, self._now())

    def _now(self) -> float:
        held = 0
        try:
            tree = [self._root, *self._root.children(recursive=True)]
        except psutil.Error:
            return 0.0
        for process in tree:
            try:
                held += process.memory_info().rss
            except psutil.Error:
                continue  # it has ended meanwhile
        return held / MIB


@contextmanager
def serving(videos: int, comments: int = 0) -> Generator[str]:
    """A server with pages made beforehand, in a process of its own; yields its address."""
    command = program("wire", "--videos", videos, "--comments", comments)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            process.wait()
