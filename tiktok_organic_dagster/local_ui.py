"""Dagster's UI on this machine: `dagster dev` with a home for its runs, on the user's accounts or on the demo."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from tiktok_organic_dagster.accounts import open_accounts
from tiktok_organic_dagster.errors import ConfigurationError, TikTokOrganicError
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.state import private_folder

# As in workspace.yaml at the root of the clone: Dagster tells schedules and runs of other locations apart by this name.
WORKSPACE = {
    "load_from": [
        {
            "python_module": {
                "module_name": "tiktok_organic_dagster.definitions",
                "location_name": "tiktok_organic_dagster",
            }
        }
    ]
}
# As in dagster.yaml at the root of the clone.
DAGSTER = {
    "telemetry": {"enabled": False},
    "nux": {"enabled": False},
    "run_monitoring": {"enabled": True, "max_runtime_seconds": 86_400},
}
SUPERSEDED = "ignore:Function `dev_command` is superseded"  # `dg dev`, meant there, comes with a package for developers
POLL_S = 0.2


class UiError(TikTokOrganicError):
    """Dagster's UI cannot be opened, or ended by itself."""


def require_free_port(port: int) -> None:
    """Make sure, before anything is started, that the UI can have its port.

    Raises:
        ConfigurationError: It cannot.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen()
        except OSError as error:
            raise ConfigurationError(
                f"Dagster's UI cannot listen on port {port}: {error.strerror}. Stop what uses it, or choose another "
                "one: make ui PORT=3001, or tiktok-organic ui --port 3001"
            ) from None


def has_accounts(settings: Settings) -> bool:
    """Whether an account is connected in the user's own state database; one that is not there is not made."""
    file = settings.state_url.removeprefix("sqlite:///")
    if file != settings.state_url and not Path(file).exists():
        return False
    return bool(open_accounts(settings).accounts())


def dagster_home(home: Path) -> Path:
    """A folder for Dagster's runs below a home, with a workspace in it, and a dagster.yaml unless it has one already.

    Raises:
        ConfigurationError: It cannot be written.
    """
    folder = home / "dagster"
    config = folder / "dagster.yaml"
    try:
        private_folder(folder)
        if not config.exists():
            config.write_text(json.dumps(DAGSTER, indent=2))
        (folder / "workspace.yaml").write_text(json.dumps(WORKSPACE, indent=2))
    except OSError as error:
        raise ConfigurationError(
            f"The folder {folder} for Dagster's runs cannot be written: {error.strerror}. Check TIKTOK_ORGANIC_HOME."
        ) from None
    return folder


def dagster_dev(home: Path, port: int, working_directory: Path) -> None:
    """Run Dagster's web server and daemon until they are stopped.

    Args:
        home: Holds Dagster's runs, see `dagster_home`.
        port: Of the web server, on 127.0.0.1.
        working_directory: Where a `.env` is looked for.

    Raises:
        UiError: One is open on this home already, or it ended by itself.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # So does a shell start what runs in the background of a script. Dagster gives SIGTERM what SIGINT has: it could
        # not be stopped at all.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with _only_one(home, port):
        _run(home, port, working_directory)


@contextmanager
def _only_one(home: Path, port: int) -> Generator[None]:
    """Keep a second UI from the same runs: Dagster's daemon suffers no other one beside it.

    The lock ends with this process, however it ends.
    """
    with (home / "ui.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise UiError(
                f"Dagster's UI on these runs is open already, at {lock.read()}. Look there, or stop it first with "
                "Ctrl-C."
            ) from None
        lock.truncate(0)
        lock.write(f"http://127.0.0.1:{port}")
        lock.flush()
        yield


def _run(home: Path, port: int, working_directory: Path) -> None:
    command = [sys.executable, "-W", SUPERSEDED, "-m", "dagster", "dev", "-w", str(home / "workspace.yaml")]
    command += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "error"]  # it has no login of its own
    process = subprocess.Popen(  # noqa: S603 -- no input in it
        command, env={**os.environ, "DAGSTER_HOME": str(home)}, cwd=working_directory
    )
    threading.Thread(target=_announce, args=(process, port), daemon=True).start()
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True
        process.terminate()

    # It has children of its own, which it stops by itself: whoever stops us stops it, and we wait for it.
    signal.signal(signal.SIGTERM, stop)
    try:
        status = process.wait()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # pressed again, it would leave Dagster's processes to themselves
        process.send_signal(signal.SIGINT)
        process.wait()
        return
    if status and not stopped:
        raise UiError(
            f"Dagster's UI ended by itself with exit status {status}. The reason stands above; mend it, then start it "
            "again."
        )


def _announce(process: "subprocess.Popen[bytes]", port: int) -> None:
    """Say where the UI is, once it is there."""
    click.echo("Dagster's UI is starting ...")
    while process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            click.echo(f"Dagster's UI is at http://127.0.0.1:{port} (Ctrl-C stops it)")
            return
        time.sleep(POLL_S)
