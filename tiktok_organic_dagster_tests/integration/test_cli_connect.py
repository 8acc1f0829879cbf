"""`tiktok-organic connect` against the simulator: the way through, and every refusal with nothing stored."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
import time_machine

from tiktok_organic_dagster.accounts import open_accounts
from tiktok_organic_dagster.cli import main
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.simulator import Simulator
from tiktok_organic_dagster.tables import ALL_SCOPES

REDIRECT_URI = "https://me.example/back/"
SECRET = "very-hidden-app-secret"


@pytest.fixture(scope="module")
def running():
    with Simulator(seed=7, accounts=5, videos=3) as simulator:
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
        "TIKTOK_CLIENT_SECRET": SECRET,
        "TIKTOK_REDIRECT_URI": REDIRECT_URI,
        "TIKTOK_API_URL": simulator.api_url,
        "TIKTOK_AUTHORIZE_URL": simulator.authorize_url,
        "TIKTOK_ORGANIC_BACKOFF_S": "0.01",
        "TIKTOK_ORGANIC_QPM_PER_ENDPOINT": "100000",
        "TIKTOK_ORGANIC_QPM_APP": "100000",
        "TIKTOK_ORGANIC_QPS_APP": "100000",
        "TIKTOK_ORGANIC_HOME": str(tmp_path / "home"),
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return values


class Owner:
    """An account's owner at a browser, in the place of standard input: opens the printed URL, pastes what comes."""

    def __init__(self, capsys, account=0, change=lambda address: address, **params):
        self.capsys, self.account, self.change, self.params = capsys, account, change, params
        self.printed = ""

    def readline(self):
        self.printed += self.capsys.readouterr().out
        (url,) = [line for line in self.printed.splitlines() if line.startswith("http")]
        return self.change(redirect_of(url, **{"as": self.account} | self.params)) + "\n"


def redirect_of(url, **params):
    """Where the consent page sends the browser."""
    answer = requests.get(f"{url}&{urlencode(params)}", allow_redirects=False, timeout=10)
    return answer.headers["Location"]


def with_query(address, **changes):
    """The address with parameters changed; None takes one away."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()} | changes
    kept = {name: value for name, value in query.items() if value is not None}
    return f"{address.split('?')[0]}?{urlencode(kept)}"


@pytest.fixture
def run(capsys, monkeypatch):
    """Run the command; gives exit status, stdout, stderr."""

    def run(*arguments, owner=None):
        stdin = owner or Owner(capsys)
        monkeypatch.setattr(sys, "stdin", stdin)
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        rest = capsys.readouterr()
        assert SECRET not in stdin.printed + rest.out + rest.err
        assert "act." not in stdin.printed + rest.out + rest.err
        assert "Traceback" not in rest.err
        return ended.value.code, stdin.printed + rest.out, rest.err

    return run


def stored():
    return open_accounts(Settings.load()).accounts()


def refused(result, *parts):
    """It failed with one sentence that holds these parts, and nothing was stored."""
    status, _, errors = result
    assert status == 1
    assert errors.count("\n") == 1
    for part in parts:
        assert part in errors
    assert stored() == []


def test_a_consent_becomes_a_stored_account(run, capsys, simulator):
    status, printed, errors = run("connect", owner=Owner(capsys, 2))
    assert (status, errors) == (0, "")
    (account,) = stored()
    expected = simulator.world.accounts[2]
    assert account.username == expected.username
    assert account.business_id == simulator.world.business_id(2, "cid")
    assert account.scopes == set(ALL_SCOPES)
    assert (account.client_id, account.api_url) == ("cid", simulator.api_url)
    assert f"@{expected.username}" in printed


def test_the_url_stands_alone_on_an_unwrapped_flushed_line_and_a_pipe_may_answer(tmp_path):
    command = [sys.executable, "-c", "from tiktok_organic_dagster.cli import main; main()", "connect"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"COLUMNS": "40"},
    ) as running:
        url = next(line for line in running.stdout if line.startswith("http")).strip()
        query = parse_qs(urlsplit(url).query)
        assert query["client_key"] == ["cid"]
        assert query["redirect_uri"] == [REDIRECT_URI]
        assert query["response_type"] == ["code"]
        assert set(query["scope"][0].split(",")) == set(ALL_SCOPES)
        running.stdin.write(redirect_of(url, **{"as": 0}) + "\n")
        running.stdin.close()
        assert running.wait(60) == 0
    assert len(stored()) == 1


def test_the_code_may_be_called_auth_code(run, capsys):
    def rename(address):
        code = parse_qs(urlsplit(address).query)["code"][0]
        return with_query(address, code=None, auth_code=code)

    assert run("connect", owner=Owner(capsys, change=rename))[0] == 0


def test_a_paste_in_quotes_with_spaces_around_is_read(run, capsys):
    assert run("connect", owner=Owner(capsys, change=lambda address: f'  "{address}"  '))[0] == 0


def test_connecting_again_renews_in_place(run):
    assert run("connect")[0] == 0
    (before,) = stored()
    assert run("connect")[0] == 0
    (after,) = stored()
    assert after.connected_at == before.connected_at
    assert after.authorized_at > before.authorized_at


def test_a_forged_state_is_refused(run, capsys, simulator):
    refused(run("connect", owner=Owner(capsys, change=lambda each: with_query(each, state="forged"))), "state")
    assert simulator.calls.count("token") == 0


def test_a_missing_state_is_refused(run, capsys):
    refused(run("connect", owner=Owner(capsys, change=lambda each: with_query(each, state=None))), "state")


def test_the_answer_to_an_earlier_question_is_refused(run, capsys, simulator):
    led_to = []
    refused(run("connect", owner=Owner(capsys, change=lambda each: led_to.append(each) or "x")), REDIRECT_URI)
    refused(run("connect", owner=Owner(capsys, change=lambda _: led_to[0])), "carries another state")
    assert simulator.calls.count("token") == 0


def test_an_answer_that_comes_after_a_day_is_refused(run, capsys, simulator):
    with time_machine.travel(datetime.now(UTC), tick=False) as traveller:

        def a_day_later(address):
            traveller.shift(86_401)
            return address

        refused(run("connect", owner=Owner(capsys, change=a_day_later)), "printed more than a day ago")
    assert simulator.calls.count("token") == 0


def test_bytes_that_are_no_text_are_no_address(tmp_path):
    command = [sys.executable, "-c", "from tiktok_organic_dagster.cli import main; main()", "connect"]
    ended = subprocess.run(command, input=b"\xff\xfe\n", capture_output=True, cwd=tmp_path, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stderr.count(b"\n") == 1
    assert b"That is not the address TikTok redirects to" in ended.stderr


def test_a_denial_is_refused_with_its_reason(run, capsys):
    refused(run("connect", owner=Owner(capsys, decision="deny")), "denied")


def test_an_address_without_a_code_is_refused(run, capsys):
    refused(run("connect", owner=Owner(capsys, change=lambda each: with_query(each, code=None))), "code")


@pytest.mark.parametrize("pasted", ["https://evil.example/back/?code=1", "nonsense", "http://[", "https://me.example/"])
def test_another_address_than_the_redirect_uri_is_refused(run, capsys, pasted):
    refused(run("connect", owner=Owner(capsys, change=lambda _: pasted)), REDIRECT_URI)


def test_the_end_of_the_input_is_refused(run, capsys):
    class Nobody(Owner):
        def readline(self):
            return ""

    refused(run("connect", owner=Nobody(capsys)), "No address")


def test_a_used_code_is_refused(run, capsys, simulator):
    def use(address):
        code = parse_qs(urlsplit(address).query)["code"][0]
        body = {"client_id": "cid", "client_secret": SECRET, "grant_type": "authorization_code"}
        body |= {"auth_code": code, "redirect_uri": REDIRECT_URI}
        assert requests.post(f"{simulator.api_url}/tt_user/oauth2/token/", json=body, timeout=10).json()["code"] == 0
        return address

    refused(run("connect", owner=Owner(capsys, change=use)), "40110")


def test_a_wrong_app_secret_is_refused(run, monkeypatch):
    run("connect")
    run("disconnect", stored()[0].username)
    monkeypatch.setenv("TIKTOK_CLIENT_SECRET", "another")
    refused(run("connect"), "40101", "TIKTOK_CLIENT_SECRET")


def test_another_account_than_expected_is_refused(run, simulator):
    name = simulator.world.accounts[0].username
    refused(run("connect", "--expect", "@somebody"), f"@{name}", "@somebody")


def test_the_expected_account_is_accepted_with_or_without_at(run, simulator):
    name = simulator.world.accounts[0].username
    assert run("connect", "--expect", f"@{name}")[0] == 0
    assert run("connect", "--expect", name.upper())[0] == 0


@pytest.mark.parametrize("scope", ["user.info.basic", "user.info.username", "user.insights", "video.list"])
def test_a_missing_required_scope_is_refused_by_name(run, capsys, scope):
    refused(run("connect", owner=Owner(capsys, without=scope)), scope)


@pytest.mark.parametrize(
    ("scope", "cost"),
    [
        ("comment.list", "tiktok_organic_videos_comments"),
        ("video.insights", "average_time_watched"),
        ("user.info.stats", "followers_count"),
        ("user.account.type", "is_business_account"),
        ("user.info.profile", "bio_description"),
    ],
)
def test_any_other_missing_scope_is_a_warning_with_its_cost(run, capsys, scope, cost):
    status, printed, _ = run("connect", owner=Owner(capsys, without=scope))
    assert status == 0
    (warning,) = [line for line in printed.splitlines() if line.startswith("Warning") and scope in line]
    assert cost in warning
    assert scope not in stored()[0].scopes


def test_unmet_requirements_are_warned_about(run, capsys, simulator):
    simulator.world.changes.analytics_off(0)
    status, printed, _ = run("connect", owner=Owner(capsys, 0))
    assert status == 0
    assert "NOT MET" in printed
    assert "Turn on" in printed


def test_unmet_requirements_are_refused_when_strict(run, simulator):
    simulator.world.changes.analytics_off(0)
    refused(run("connect", "--strict"), "--strict")


def test_strict_accepts_an_account_that_meets_all(run):
    assert run("connect", "--strict")[0] == 0


@pytest.mark.parametrize("variable", ["TIKTOK_CLIENT_ID", "TIKTOK_CLIENT_SECRET", "TIKTOK_REDIRECT_URI"])
def test_a_missing_setting_is_named(run, monkeypatch, variable):
    monkeypatch.delenv(variable)
    refused(run("connect"), variable)


def test_the_same_name_under_another_business_id_needs_replace(run, monkeypatch):
    run("connect")
    (before,) = stored()
    monkeypatch.setenv("TIKTOK_CLIENT_ID", "another-app")
    status, _, errors = run("connect")
    assert status == 1
    assert "--replace" in errors
    assert stored() == [before]


def test_replace_renames_the_rows_first_and_then_the_account(run, monkeypatch, simulator):
    run("connect")
    (before,) = stored()
    monkeypatch.setenv("TIKTOK_CLIENT_ID", "another-app")
    seen = []

    def rename(_warehouse, old, new, *, before_moving):
        seen.append((old, new, [account.business_id for account in stored()]))
        before_moving()

    monkeypatch.setattr("tiktok_organic_dagster.warehouse.another_id.rename_business_id", rename)
    assert run("connect", "--replace")[0] == 0
    new = simulator.world.business_id(0, "another-app")
    assert seen == [(before.business_id, new, [before.business_id])]
    (after,) = stored()
    assert (after.business_id, after.client_id, after.connected_at) == (new, "another-app", before.connected_at)


def test_rows_that_cannot_be_renamed_leave_the_account_as_it_was(run, monkeypatch):
    run("connect")
    (before,) = stored()
    monkeypatch.setenv("TIKTOK_CLIENT_ID", "another-app")

    def fail(*_, before_moving):
        before_moving()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tiktok_organic_dagster.warehouse.another_id.rename_business_id", fail)
    assert run("connect", "--replace")[0] == 1
    assert stored() == [before]


def test_replace_without_an_older_id_is_an_ordinary_connect(run):
    assert run("connect", "--replace")[0] == 0
    assert len(stored()) == 1


def test_control_characters_of_a_username_do_not_come_into_the_store(run, simulator):
    simulator.world.changes.set_profile(0, username="brasa\x1b[2J\x07")
    run("connect")
    assert [account.username for account in stored()] == ["brasa [2J"]


def test_a_username_of_control_characters_alone_is_none(run, simulator):
    simulator.world.changes.set_profile(0, username="\x1b\x07")
    status, _, error = run("connect")
    assert status == 1
    assert "TikTok did not tell the account's username" in error
    assert stored() == []


def test_control_characters_of_a_name_do_not_reach_the_terminal(run, simulator):
    simulator.world.changes.set_profile(0, display_name="\x1b]0;owned\x07[red]x[/red]")
    _, printed, _ = run("connect")
    assert "\x1b" not in printed
    assert "[red]x[/red]" in printed
