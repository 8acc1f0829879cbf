"""`accounts`, `check`, `disconnect` and the rest of the command line, against the simulator."""

import importlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from cryptography.fernet import Fernet

from tiktok_organic_dagster.accounts import open_accounts, open_client, open_oauth
from tiktok_organic_dagster.cli import main
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.simulator import Simulator
from tiktok_organic_dagster.simulator.faults import Fault, refuse, throttle
from tiktok_organic_dagster.tables import ALL_SCOPES

REDIRECT_URI = "https://me.example/back/"


@pytest.fixture(scope="module")
def running():
    with Simulator(seed=7, accounts=4, videos=3) as simulator:
        yield simulator


@pytest.fixture
def simulator(running):
    yield running
    running.faults.__init__()
    running.world.changes.clear()
    running.calls.clear()


@pytest.fixture(autouse=True)
def environment(simulator, tmp_path, monkeypatch):
    values = {
        "TIKTOK_CLIENT_ID": "cid",
        "TIKTOK_CLIENT_SECRET": "hidden",
        "TIKTOK_REDIRECT_URI": REDIRECT_URI,
        "TIKTOK_API_URL": simulator.api_url,
        "TIKTOK_AUTHORIZE_URL": simulator.authorize_url,
        "TIKTOK_ORGANIC_BACKOFF_S": "0.01",
        "TIKTOK_ORGANIC_QPS_APP": "1000",
        "TIKTOK_ORGANIC_HOME": str(tmp_path / "home"),
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)


def opened():
    settings = Settings.load()
    store = open_accounts(settings)
    return store, open_oauth(settings, open_client(settings, store))


def connected(simulator, index=0, scopes=ALL_SCOPES):
    """Store an account as `connect` does, without its questions."""
    store, oauth = opened()
    code = simulator.oauth.issue_code("cid", REDIRECT_URI, index, list(scopes))
    grant = oauth.exchange_code(code, REDIRECT_URI)
    return store.save(grant, simulator.world.accounts[index].username, "cid", simulator.api_url)


def run(*arguments):
    result = CliRunner().invoke(main, list(arguments))
    assert not isinstance(result.exception, Exception), result.exception
    assert "act." not in result.output
    assert "rft." not in result.output
    return result


def failed(result, *parts):
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    for part in parts:
        assert part in result.stderr


# accounts


def test_without_accounts_the_place_is_named(tmp_path):
    assert str(tmp_path / "home" / "state.db") in run("accounts").stdout
    assert json.loads(run("accounts", "--json").stdout) == []


def test_accounts_are_listed_with_what_was_read(simulator):
    account = connected(simulator, 1)
    store, _ = opened()
    store.record_complete(account.business_id, "videos", datetime(2026, 11, 23, 5, tzinfo=UTC))
    store.record_error(account.business_id, "comments", "TikTok has trouble", datetime(2026, 11, 23, 6, tzinfo=UTC))
    (found,) = json.loads(run("accounts", "--json").stdout)
    assert found["username"] == account.username
    assert found["business_id"] == account.business_id
    assert found["scopes"] == sorted(ALL_SCOPES)
    assert found["days_until_re_authorization"] == 365
    assert found["last_complete_reading_per_step"] == {"videos": "2026-11-23T05:00:00+00:00", "comments": None}
    assert found["last_error"]["text"] == "TikTok has trouble"
    listed = run("accounts").stdout
    assert f"@{account.username}" in listed
    assert "TikTok has trouble" in listed


def test_text_from_outside_cannot_steer_the_terminal(simulator):
    account = connected(simulator)
    store, _ = opened()
    store.record_error(account.business_id, "videos", "\x1b[2J[bold]gone[/bold]", datetime.now(UTC))
    listed = run("accounts").stdout
    assert "\x1b" not in listed
    assert "[bold]gone[/bold]" in listed


# gaps


def test_gaps_of_an_account_that_nothing_was_loaded_of_are_shown_and_no_warehouse_is_made(simulator, tmp_path):
    account = connected(simulator)
    today = datetime.now(UTC).date()
    before = {*(tmp_path / "home").iterdir()}
    found = json.loads(run("gaps", "--json", "--state", "missing").stdout)
    assert [(gap["step"], gap["first_day"], gap["last_day"], gap["why"]) for gap in found] == [
        ("account", str(today), str(today), "not asked for yet"),
        ("account_metrics", str(today - timedelta(days=58)), str(today - timedelta(days=3)), "not asked for yet"),
        ("videos", str(today), str(today), "not asked for yet"),
        ("comments", str(today), str(today), "not asked for yet"),
    ]
    assert f"@{account.username}" in run("gaps").stdout
    assert {*(tmp_path / "home").iterdir()} == before


# check


def test_an_account_that_meets_all_five(simulator):
    account = connected(simulator, 0)
    result = run("check", f"@{account.username}")
    assert result.exit_code == 0
    assert result.stdout.count("ok ") == 5


def test_analytics_turned_off(simulator):
    account = connected(simulator, 0)
    simulator.world.changes.analytics_off(0)
    assert account.business_id.startswith("-")
    result = run("check", account.business_id, "--json")
    (found,) = json.loads(result.stdout)
    assert result.exit_code == 1
    assert [each["met"] for each in found["requirements"]] == [True, True, False, True, True]
    assert "Turn on" in found["requirements"][2]["detail"]


def test_every_account_is_checked_also_after_one_that_cannot_be_read(simulator):
    connected(simulator, 0)
    connected(simulator, 1)
    simulator.faults.add(Fault(refuse(40113, "app blocked"), account=0))
    result = run("check", "--json")
    assert result.exit_code == 1
    by_name = {each["username"]: each for each in json.loads(result.stdout)}
    assert "40113" in by_name[simulator.world.accounts[0].username]["error"]
    assert len(by_name[simulator.world.accounts[1].username]["requirements"]) == 5


def test_a_small_account_lacks_followers(simulator):
    connected(simulator, 3)
    (found,) = json.loads(run("check", "--json").stdout)
    assert found["requirements"][1]["met"] is False


def test_a_renamed_account_is_not_the_right_one(simulator):
    account = connected(simulator, 0)
    simulator.world.changes.rename(0, "brand.new")
    (found,) = json.loads(run("check", "--json", account.username).stdout)
    assert found["requirements"][4]["met"] is False
    assert "@brand.new" in found["requirements"][4]["detail"]


def test_missing_scopes_are_named(simulator):
    connected(simulator, 0, [scope for scope in ALL_SCOPES if scope != "comment.list"])
    result = run("check")
    assert result.exit_code == 1
    assert "comment.list" in result.stdout


def test_there_is_nothing_to_check_without_accounts():
    failed(run("check"), "tiktok-organic connect")


def test_an_unknown_account_is_answered_with_the_known_ones(simulator):
    account = connected(simulator)
    failed(run("check", "@nobody"), f"@{account.username}")


# disconnect


def test_a_long_error_is_shown_with_the_remedy_at_its_end(monkeypatch):
    monkeypatch.setenv("TIKTOK_ORGANIC_" + "Z" * 40, "1")
    failed(run("accounts"), "Known are: TIKTOK_API_URL", "Correct it in the environment or in .env, or remove it.\n")


def test_disconnecting_revokes_and_forgets(simulator):
    account = connected(simulator)
    assert run("disconnect", account.username).exit_code == 0
    assert simulator.calls.to("revoke")[-1].code == 0
    assert opened()[0].accounts() == []


def test_an_authorization_that_the_owner_withdrew_counts_as_revoked(simulator):
    account = connected(simulator)
    simulator.oauth.revoke_account(0)
    assert run("disconnect", account.username).exit_code == 0
    assert opened()[0].accounts() == []


def test_an_outdated_token_is_renewed_so_that_the_consent_really_ends(simulator):
    account = connected(simulator)
    simulator.oauth.void_access_tokens(0)
    assert run("disconnect", account.username).exit_code == 0
    assert [call.code for call in simulator.calls.to("revoke")] == [40131, 0]


def test_any_other_refusal_keeps_the_tokens_unless_forced(simulator):
    account = connected(simulator)
    simulator.faults.add(Fault(refuse(40113, "app blocked"), path="revoke"))
    failed(run("disconnect", account.username), "40113", "--force")
    assert len(opened()[0].accounts()) == 1
    assert run("disconnect", account.username, "--force").exit_code == 0
    assert opened()[0].accounts() == []


def test_a_missing_secret_keeps_the_tokens(simulator, monkeypatch):
    account = connected(simulator)
    monkeypatch.delenv("TIKTOK_CLIENT_SECRET")
    failed(run("disconnect", account.username), "TIKTOK_CLIENT_SECRET")
    assert len(opened()[0].accounts()) == 1


# Errors in one place


def test_a_wrong_key_is_one_clear_error(simulator, monkeypatch):
    connected(simulator)
    monkeypatch.setenv("TIKTOK_ORGANIC_KEY", Fernet.generate_key().decode())
    failed(run("accounts"), "TIKTOK_ORGANIC_KEY")


def test_a_lost_key_file_is_one_clear_error(simulator, tmp_path):
    connected(simulator)
    (tmp_path / "home" / "key").unlink()
    failed(run("accounts"), "key")


def test_a_state_on_a_server_needs_a_key(monkeypatch):
    monkeypatch.setenv("TIKTOK_ORGANIC_STATE", "postgresql://me:hidden@127.0.0.1:9/db")
    result = run("accounts")
    failed(result, "127.0.0.1")
    assert "hidden" not in result.output


def test_an_unknown_setting_is_named(monkeypatch):
    monkeypatch.setenv("TIKTOK_ORGANIC_HOEM", "x")
    failed(run("accounts"), "TIKTOK_ORGANIC_HOME")


def test_reading_at_another_api_is_refused(simulator, monkeypatch):
    connected(simulator)
    monkeypatch.setenv("TIKTOK_API_URL", "https://elsewhere.example/v1")
    result = run("check")
    assert result.exit_code == 1
    assert "TIKTOK_API_URL" in result.stderr


@pytest.mark.parametrize("command", ["connect", "accounts", "check", "disconnect", "simulator", "demo", "ui"])
def test_every_command_explains_itself(command):
    assert run(command, "--help").exit_code == 0


def test_a_stop_from_the_keyboard_is_one_sentence(monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(importlib.import_module("tiktok_organic_dagster.cli.accounts"), "open_accounts", stop)
    failed(run("accounts"), "Stopped")


def test_the_simulator_is_started_with_what_was_asked(monkeypatch):
    started = []
    monkeypatch.setattr("tiktok_organic_dagster.simulator.run", lambda **options: started.append(options))
    run("simulator", "--port", "0", "--seed", "3", "--accounts", "2", "--videos", "9", "--faults", "10")
    assert started == [{"port": 0, "seed": 3, "accounts": 2, "videos": 9, "faults": 0.1}]


def test_the_days_left_never_fall_below_zero(simulator):
    account = connected(simulator)
    store, _ = opened()
    later = datetime.now(UTC) + timedelta(days=400)
    store.clock = lambda: later
    from tiktok_organic_dagster.cli.accounts import _described  # noqa: PLC0415

    assert _described(store.find(account.username), store)["days_until_re_authorization"] == 0


def test_check_says_what_it_waits_for_and_shows_each_account_at_once(simulator, monkeypatch):
    first, second = connected(simulator, 0), connected(simulator, 1)
    monkeypatch.setenv("TIKTOK_ORGANIC_THROTTLE_WAIT_S", "4")
    simulator.faults.add(Fault(throttle(), path="business/get/", account=1, times=1))

    result = run("check")

    assert result.stderr.splitlines() == [result.stderr.strip()], "one line"
    assert "The command is paused after throttling, " in result.stderr
    assert " s left, until " in result.stderr
    assert result.stdout.index(f"@{first.username}") < result.stdout.index(f"@{second.username}")


def test_rotate_key_replaces_the_key_of_the_home(simulator, tmp_path):
    account = connected(simulator)
    before = (tmp_path / "home" / "key").read_text()

    result = run("rotate-key")

    assert result.exit_code == 0
    assert "The tokens of all accounts (1) are encrypted with a new key" in result.output
    after = (tmp_path / "home" / "key").read_text()
    assert after != before
    assert "," not in after
    assert after.strip() not in result.output
    store, _ = opened()
    assert store.pair(account.business_id).access_token.startswith("act.")


def test_rotate_key_wants_the_new_key_before_the_old_one(simulator, monkeypatch):
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    monkeypatch.setenv("TIKTOK_ORGANIC_KEY", old)
    account = connected(simulator)
    alone = run("rotate-key")
    assert alone.exit_code == 1
    assert "TIKTOK_ORGANIC_KEY holds one key alone. Put the new one before it" in alone.stderr
    monkeypatch.setenv("TIKTOK_ORGANIC_KEY", f"{new},{old}")

    assert run("rotate-key").exit_code == 0

    monkeypatch.setenv("TIKTOK_ORGANIC_KEY", new)
    store, _ = opened()
    assert store.pair(account.business_id).access_token.startswith("act.")
