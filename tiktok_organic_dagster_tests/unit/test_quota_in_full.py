"""Many accounts use the quota almost in full, and TikTok's own limits refuse no call: by a clock that is moved."""

import heapq
import itertools
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from random import Random

import pytest
import sqlalchemy as sa

from tiktok_organic_dagster import state
from tiktok_organic_dagster.readings.run import SIDE_BY_SIDE
from tiktok_organic_dagster.simulator import Limits
from tiktok_organic_dagster.simulator.answers import ApiRefusal
from tiktok_organic_dagster.tiktok.limits import RequestBudget
from tiktok_organic_dagster_tests.properties.steps import Caller, wait

APP, ENDPOINT = "app https://api", "business/video/list/"
PER_ENDPOINT, PER_APP, PER_SECOND = 40, 600, 10
START = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
MINUTES = 2
PAGES = 44
"""Of each account: more than it may read in a minute."""
ANSWER_S, SLOW_ANSWER_S = 0.3, 5.0
JITTER_S = 0.07
"""The most that a call takes to arrive."""


class Machine:
    """Threads in the order in which they wake up, and a TikTok that counts what arrives."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.now = START
        self.arrived: list[tuple[float, str]] = []
        self.limits = Limits(per_endpoint=PER_ENDPOINT, per_app=PER_APP, per_second=PER_SECOND)
        self.limits.timer = lambda: self.now
        self._random = Random(1)  # noqa: S311 -- the same each time
        self._numbers = itertools.count()
        self._asleep: list[tuple[float, int, Caller]] = []
        self._awake: Caller | None = None

    def sleep(self, seconds: float) -> None:
        if seconds:
            assert self._awake is not None
            self._sleeps(self._awake, seconds)
            wait()

    def _sleeps(self, caller: Caller, seconds: float) -> None:
        heapq.heappush(self._asleep, (self.now + seconds, next(self._numbers), caller))

    def process(self, accounts: int, first: int = 0, slow: str = "") -> list[Caller]:
        """A process that reads accounts, so many at once as a step does."""
        budget = RequestBudget(
            self.engine,
            qpm_per_endpoint=PER_ENDPOINT,
            qpm_app=PER_APP,
            qps_app=PER_SECOND,
            throttle_wait_s=300,
            clock=lambda: datetime.fromtimestamp(self.now, UTC),
            sleep=self.sleep,
        )
        left = deque(f"account {number}" for number in range(first, first + accounts))

        def work() -> None:
            while left:
                account = left.popleft()
                for _ in range(PAGES):
                    budget.acquire(APP, account, ENDPOINT)
                    self.sleep(self._random.uniform(0, JITTER_S))
                    self.arrives(account)
                    self.sleep(SLOW_ANSWER_S if account == slow else ANSWER_S)

        threads = [Caller(work) for _ in range(SIDE_BY_SIDE)]
        for thread in threads:
            self._sleeps(thread, 0)
        return threads

    def kill(self, process: list[Caller]) -> None:
        for thread in process:
            thread.end()
        self._asleep = [each for each in self._asleep if each[2] not in process]
        heapq.heapify(self._asleep)

    def arrives(self, account: str) -> None:
        self.arrived.append((self.now, account))
        with suppress(ApiRefusal):  # it counts them
            self.limits.check(APP, account, ENDPOINT)

    def run_until(self, moment: float) -> None:
        while self._asleep and self._asleep[0][0] <= moment:
            self.now, _, self._awake = heapq.heappop(self._asleep)
            self._awake.go_on()
            if self._awake.error is not None:
                raise self._awake.error
        self.now = moment

    def end(self) -> None:
        self.kill([caller for *_, caller in self._asleep])


@pytest.fixture
def engine(tmp_path) -> Iterator[sa.Engine]:
    opened = state.engine(f"sqlite:///{tmp_path}/state.db")
    yield opened
    opened.dispose()


@pytest.fixture
def machine(engine) -> Iterator[Machine]:
    machine = Machine(engine)
    yield machine
    machine.end()


def one_process(machine: Machine) -> None:
    machine.process(40)


def a_slow_account(machine: Machine) -> None:
    machine.process(40, slow="account 0")


def two_processes_of_which_one_is_killed(machine: Machine) -> None:
    killed = machine.process(20)
    machine.process(20, first=20)
    machine.run_until(START + 40)
    machine.kill(killed)
    machine.process(20)


@pytest.mark.parametrize("run", [one_process, a_slow_account, two_processes_of_which_one_is_killed])
def test_40_accounts_use_nine_tenths_of_the_quota_and_no_call_is_refused(
    machine: Machine, run: Callable[[Machine], None]
) -> None:
    run(machine)
    machine.run_until(START + MINUTES * 60)

    assert machine.limits.refused == 0
    assert len(machine.arrived) >= 0.9 * PER_APP * MINUTES


@pytest.mark.parametrize("run", [one_process, a_slow_account])
def test_others_are_done_as_soon_as_if_no_account_were_slow(machine: Machine, run: Callable[[Machine], None]) -> None:
    run(machine)
    machine.run_until(START + 40 * PAGES / (0.9 * PER_APP) * 60)

    calls = Counter(account for _, account in machine.arrived)
    slow = calls.pop("account 0")
    assert set(calls.values()) == {PAGES}
    assert slow == PAGES or run is a_slow_account


def test_an_account_alone_uses_its_endpoint_to_38_of_40(machine: Machine) -> None:
    machine.process(1)
    machine.run_until(START + 59.9)

    assert len(machine.arrived) == 38
    assert machine.limits.refused == 0


def test_those_who_wait_wake_up_for_their_own_turn(machine: Machine, engine: sa.Engine) -> None:
    asked = Counter[str]()
    sa.event.listen(engine, "begin", lambda _connection: asked.update(["state"]))
    one_process(machine)
    machine.run_until(START + 30)

    assert asked["state"] <= 2.5 * len(machine.arrived)
