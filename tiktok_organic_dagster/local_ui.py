"""Dagster's UI on this machine: `dagster dev` with a home for its runs, on the user's accounts or on the demo."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tiktok_organic_dagster.accounts import open_accounts
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.state import private_folder


def has_accounts(settings: Settings) -> bool:
    """Whether an account is connected in the user's own state database; one that is not there is not made."""
    file = settings.state_url.removeprefix("sqlite:///")
    if file != settings.state_url and not Path(file).exists():
        return False
    return bool(open_accounts(settings).accounts())


def dagster_home(home: Path) -> Path:
    """A folder for Dagster's runs below a home, with the project's dagster.yaml in it."""
    folder = home / "dagster"
    private_folder(folder)
    config = Path(__file__).resolve().parents[1] / "dagster.yaml"
    if config.exists():  # not where the package is installed without its clone
        shutil.copy(config, folder / "dagster.yaml")
    return folder


def dagster_dev(home: Path, port: int) -> None:
    """Run Dagster's web server and daemon until they are stopped.

    Args:
        home: Holds Dagster's runs, see `dagster_home`.
        port: Of the web server, on 127.0.0.1.
    """
    command = [sys.executable, "-m", "dagster", "dev", "-m", "tiktok_organic_dagster.definitions", "-p", str(port)]
    process = subprocess.Popen(command, env={**os.environ, "DAGSTER_HOME": str(home)})  # noqa: S603 -- no input in it
    # It has children of its own, which it stops by itself: whoever stops us stops it, and we wait for it.
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        process.wait()
