"""A fresh clone with a terminal in it: commands are run as a person would who pastes them."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from tiktok_organic_dagster.settings import Settings

MINUTES = 60
SET_UP_AND_RUN_S = 10 * MINUTES
"""A new environment downloads a few hundred megabytes of packages."""


def fresh_clone(root: Path, folder: Path) -> Path:
    """What `git clone` would give of the tree as it is now: its tracked files and those about to be, and no others."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=root,
        capture_output=True,
        check=True,
    ).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (root / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, folder / name)
    return folder


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Terminal:
    """A shell in a folder. What it exports stays for its next commands.

    Attributes:
        folder: Where it stands.
        variables: Its environment: that of this process without any settings of ours.
    """

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        ours = (*Settings.variables(), "DAGSTER_HOME", "VIRTUAL_ENV", "PYTHONPATH", "MAKEFLAGS", "MAKELEVEL")
        kept = {name: value for name, value in os.environ.items() if name not in ours}
        self.variables = {**kept, "DAGSTER_DISABLE_TELEMETRY": "yes", **variables}

    def run(self, commands: str, *, fails: bool = False) -> str:
        """Run commands to their end; gives what they print. They have to succeed, or to fail if so said."""
        exported = self.folder / ".exported"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{commands}\nenv -0 > {exported}"],
            cwd=self.folder,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=SET_UP_AND_RUN_S,
        )
        assert (done.returncode != 0) is fails, f"{commands}\n{done.stdout[-4000:]}"
        if not fails:
            self.variables = _variables(exported.read_bytes())
            exported.unlink()
        return done.stdout

    @contextmanager
    def running(self, commands: str) -> Iterator["subprocess.Popen[str]"]:
        """Commands that go on, with pipes to write to and read from, ended by Ctrl-C unless they end by themselves."""
        process = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=self.folder,
            env=self.variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            try:
                process.communicate(timeout=MINUTES)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                raise


def _variables(environment: bytes) -> Mapping[str, str]:
    pairs = (entry.partition("=") for entry in environment.decode().split("\0") if entry)
    return {name: value for name, _, value in pairs}
