"""Another key for the tokens: killed in the middle, on two machines, and with the old key gone too early."""

import os
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner
from cryptography.fernet import Fernet

from tiktok_organic_dagster.accounts import open_accounts
from tiktok_organic_dagster.cli import main
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.tiktok import TokenGrant

KEY = "TIKTOK_ORGANIC_KEY"
IDS = ["one", "two", "three"]
KILLED_AFTER_ONE = """
import os, signal
from tiktok_organic_dagster.accounts.store import AccountStore
from tiktok_organic_dagster.cli import main
update = AccountStore._update
def killed(store, where, values):
    if not update(store, where, values): raise AssertionError
    os.kill(os.getpid(), signal.SIGKILL)
AccountStore._update = killed
main(["rotate-key"])
"""


@pytest.fixture(autouse=True)
def environment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIKTOK_ORGANIC_HOME", str(tmp_path / "home"))


def connect():
    store = open_accounts(Settings.load())
    for each in IDS:
        store.save(TokenGrant(f"act.{each}", f"rft.{each}", each, (), None, None), each, "cid", "https://api")


def tokens():
    store = open_accounts(Settings.load())
    return [(store.pair(each).access_token, store.pair(each).refresh_token) for each in IDS]


def run(*arguments):
    return CliRunner().invoke(main, list(arguments))


TOKENS = [(f"act.{each}", f"rft.{each}") for each in IDS]


@pytest.mark.parametrize("place", ["home", "setting"])
def test_killed_in_the_middle_it_loses_no_token_and_is_gone_on_with(tmp_path, monkeypatch, place):
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    if place == "setting":
        monkeypatch.setenv(KEY, old)
    connect()
    if place == "setting":
        monkeypatch.setenv(KEY, f"{new},{old}")

    killed = subprocess.run(
        [sys.executable, "-c", KILLED_AFTER_ONE], cwd=tmp_path, env=dict(os.environ), timeout=60, check=False
    )

    assert killed.returncode == -signal.SIGKILL
    assert tokens() == TOKENS
    again = run("rotate-key")
    assert "The tokens of all accounts (3) are encrypted with" in again.output
    if place == "setting":
        monkeypatch.setenv(KEY, new)
    else:
        assert "," not in (tmp_path / "home" / "key").read_text()
    assert tokens() == TOKENS
    assert [file.name for file in (tmp_path / "home").iterdir() if file.name.startswith(".key-")] == []


def test_an_old_key_that_goes_too_early_is_one_clear_error_and_costs_nothing(monkeypatch):
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    monkeypatch.setenv(KEY, old)
    connect()
    monkeypatch.setenv(KEY, new)

    for arguments in (["accounts"], ["check"], ["rotate-key"], ["disconnect", "one"]):
        refused = run(*arguments)
        assert refused.exit_code == 1
        assert refused.stderr.count("\n") == 1
        assert (
            "is not the one that the stored tokens were encrypted with" in refused.stderr
            or "one key alone" in refused.stderr
        )
        assert old not in refused.output
        assert new not in refused.output
    monkeypatch.setenv(KEY, f"{new},{old}")
    assert tokens() == TOKENS


def test_two_machines_that_rotate_at_once_both_end_with_all_tokens(tmp_path, monkeypatch):
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    monkeypatch.setenv(KEY, old)
    connect()
    monkeypatch.setenv(KEY, f"{new},{old}")
    command = [sys.executable, "-m", "tiktok_organic_dagster.cli", "rotate-key"]
    both = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [each.communicate(timeout=60)[0].count("accounts (3)") for each in both] == [1, 1]
    monkeypatch.setenv(KEY, new)
    assert tokens() == TOKENS


def test_a_machine_that_lacks_the_new_key_says_so_and_harms_nothing(monkeypatch):
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    monkeypatch.setenv(KEY, old)
    connect()
    monkeypatch.setenv(KEY, f"{new},{old}")
    assert run("rotate-key").exit_code == 0
    monkeypatch.setenv(KEY, old)  # the other machine
    assert f"Put the right key into {KEY} (several may stand there, comma-separated)" in run("accounts").stderr
    monkeypatch.setenv(KEY, f"{old},{new}")
    assert tokens() == TOKENS
