"""When a pause ends, one call tries out whether it is over, however many threads and processes wait for it."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from tiktok_organic_dagster.accounts.tokens import FixedToken
from tiktok_organic_dagster.errors import TikTokOrganicError
from tiktok_organic_dagster.simulator import Fault
from tiktok_organic_dagster.simulator.faults import delay, http_status, refuse, throttle
from tiktok_organic_dagster.tiktok.client import TikTokClient
from tiktok_organic_dagster_tests.faults.callers import CLIENT_ID, all_at_once, called, clock_since, open_client
from tiktok_organic_dagster_tests.faults.cells import BUSINESS_GET
from tiktok_organic_dagster_tests.lab import Lab

WAIT_S = 0.3
THREADS = 5
MIDNIGHT = "Calls resume at 2026-11-24 00:00:00 UTC"


def accounts_of(lab: Lab) -> list[tuple[str, str]]:
    ids = [lab.business_id(account.index) for account in lab.world.accounts]
    return [(business_id, lab.store.pair(business_id).access_token) for business_id in ids]


def calls_of(lab: Lab, index: int) -> int:
    return sum(call.business_id == lab.business_id(index) for call in lab.simulator.calls.to(BUSINESS_GET))


def arrivals_that_were_throttled(lab: Lab, index: int) -> list[float]:
    calls = lab.simulator.calls.to(BUSINESS_GET)
    return [call.at for call in calls if call.business_id == lab.business_id(index) and call.code == 40100]


def one_a_pause(arrivals: list[float]) -> bool:
    return all(later - earlier >= WAIT_S * 0.99 for earlier, later in pairwise(arrivals))


class OneCallError(TikTokOrganicError):
    """There was one."""


class TokenForOneCallError(FixedToken):
    """Ends a call before it is repeated, so that a test begins with a scope that is closed."""

    asked = 0

    def access_token(self) -> str:
        object.__setattr__(self, "asked", self.asked + 1)
        if self.asked > 1:
            raise OneCallError
        return self.token


def call_once(client: TikTokClient, account: tuple[str, str]) -> None:
    business_id, token = account
    with pytest.raises(OneCallError):
        client.reader(business_id, CLIENT_ID, TokenForOneCallError(token)).profile(["username"])


class Callers:
    """Processes that share a state database, and wait for the word to call all accounts at once."""

    def __init__(self, count: int, **told: Any) -> None:
        command = [sys.executable, "-m", "tiktok_organic_dagster_tests.faults.callers"]
        self.processes = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(count)
        ]
        for process in self.processes:
            self._say(process, json.dumps(told))
        assert [self._heard(process) for process in self.processes] == ["ready"] * count

    def go(self) -> None:
        for process in self.processes:
            self._say(process, "go")

    def results(self) -> list[dict[str, list[str]]]:
        return [json.loads(self._heard(process)) for process in self.processes]

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()

    def _say(self, process: subprocess.Popen[str], line: str) -> None:
        assert process.stdin is not None
        process.stdin.write(line + "\n")
        process.stdin.flush()

    def _heard(self, process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        return process.stdout.readline().strip()


@pytest.fixture(params=["sqlite", "postgres"])
def state_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new state database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    return request.getfixturevalue("new_postgres_database")()


@pytest.fixture
def start_callers() -> Iterator[Callable[..., Callers]]:
    started: list[Callers] = []

    def start(count: int, **told: Any) -> Callers:
        started.append(Callers(count, **told))
        return started[-1]

    yield start
    for callers in started:
        callers.end()


def test_several_processes_probe_once_a_pause_and_other_accounts_go_on(
    new_lab: Callable[..., Lab], state_url: str, start_callers: Callable[..., Callers]
) -> None:
    lab = new_lab(accounts=3, videos=0, state_url=state_url, key=Fernet.generate_key().decode())
    accounts = accounts_of(lab)
    passing, spent, _ = [lab.business_id(index) for index in range(3)]
    lab.simulator.faults.add(Fault(throttle(), account=0, times=3))
    day_is_spent = lab.simulator.faults.add(Fault(throttle("The daily quota is used up."), account=1))
    told = {"state": state_url, "api": lab.simulator.api_url, "wait_s": WAIT_S, "started": time.time()}
    listed = [{"business_id": business_id, "token": token} for business_id, token in accounts]
    callers = start_callers(3, **told, accounts=listed, threads=THREADS)
    client = open_client(state_url, lab.simulator.api_url, WAIT_S, clock_since(told["started"]))
    for index in (0, 1):  # so that both are closed before the others come
        call_once(client, accounts[index])

    callers.go()
    results = callers.results()

    for result in results:
        assert result[passing] == ["read"] * THREADS
        assert all(MIDNIGHT in text for text in result[spent])
        assert len(result[spent]) == THREADS
        assert result[lab.business_id(2)] == ["read"] * THREADS
    assert day_is_spent.struck == 1 + 5, "the first call, and one after each of 5 pauses"
    assert calls_of(lab, 1) == day_is_spent.struck
    assert calls_of(lab, 0) == 3 + 3 * THREADS, "three that were throttled, and one for each thread"
    assert one_a_pause(arrivals_that_were_throttled(lab, 0))
    assert calls_of(lab, 2) == 3 * THREADS


def test_an_app_and_an_account_that_are_closed_at_once_are_probed_once_a_pause(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=3, videos=0)
    accounts = accounts_of(lab)
    client = open_client(lab.settings.state_url, lab.simulator.api_url, WAIT_S, clock_since(time.time()))
    lab.simulator.faults.add(Fault(throttle(), account=0, times=1))
    of_app = lab.simulator.faults.add(Fault(refuse(40016, "The daily quota of the app."), after=1))
    for account in accounts[:2]:
        call_once(client, account)

    results = all_at_once(client, accounts, THREADS)

    assert of_app.struck == 1 + 5, "the first call, and one after each of 5 pauses"
    assert lab.simulator.calls.count(BUSINESS_GET) == 1 + of_app.struck
    assert all(MIDNIGHT in text for texts in results.values() for text in texts)


def test_threads_that_wait_do_not_take_turns_while_tiktok_has_trouble(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=0)
    (account,) = accounts_of(lab)
    clock = lab.clock
    client = open_client(lab.settings.state_url, lab.simulator.api_url, WAIT_S, clock.now, clock.sleep)
    lab.simulator.faults.add(Fault(throttle(), nth=1))
    trouble = lab.simulator.faults.add(Fault(http_status(502), after=1, times=4))
    call_once(client, account)

    (results,) = all_at_once(client, [account], THREADS).values()

    assert results == ["read"] * THREADS
    moments = [call.moment for call in lab.simulator.calls.to(BUSINESS_GET)[1 : 1 + trouble.struck + 1]]
    assert all((later - earlier).total_seconds() >= 5 for earlier, later in pairwise(moments))


def test_a_prober_that_is_killed_holds_others_back_for_a_minute_at_most(
    new_lab: Callable[..., Lab], start_callers: Callable[..., Callers]
) -> None:
    lab = new_lab(accounts=1, videos=0)
    (account,) = accounts_of(lab)
    told = {"state": lab.settings.state_url, "api": lab.simulator.api_url, "wait_s": 300}
    began = time.time()
    client = open_client(told["state"], told["api"], 300, clock_since(began))
    lab.simulator.faults.add(Fault(throttle(), nth=1))
    never_comes = lab.simulator.faults.add(Fault(delay(600), nth=2))
    call_once(client, account)
    listed = [{"business_id": account[0], "token": account[1]}]
    callers = start_callers(1, **told, started=began - 301, accounts=listed, threads=1)  # for it the pause is over
    callers.go()
    while not never_comes.struck:
        time.sleep(0.01)

    callers.end()

    lab.clock.moment = clock_since(began - 301)()
    killed_at = lab.clock.now()
    patient = open_client(told["state"], told["api"], 300, lab.clock.now, lab.clock.sleep)
    assert called(patient, *account) == "read"
    assert 0 < (lab.clock.now() - killed_at).total_seconds() <= 60
