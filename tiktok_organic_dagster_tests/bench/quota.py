"""How much of TikTok's quota runs use, in real time, against a simulated TikTok that enforces its true limits.

    python -m tiktok_organic_dagster_tests.bench.quota [SCENARIO ...]

It prints JSON: each scenario with what `Figures` holds. A scenario takes about as many minutes as it is given work for.
"""

import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tiktok_organic_dagster.accounts import open_accounts, open_client, open_oauth
from tiktok_organic_dagster.accounts.access import open_reader
from tiktok_organic_dagster.readings.base import Moment
from tiktok_organic_dagster.readings.run import Stop, take
from tiktok_organic_dagster.readings.videos import VideosReading
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.simulator import Fault
from tiktok_organic_dagster.simulator.calls import Call
from tiktok_organic_dagster.simulator.faults import delay
from tiktok_organic_dagster.simulator.limits import TRUE_PER_APP, TRUE_PER_ENDPOINT, TRUE_PER_SECOND, Limits
from tiktok_organic_dagster.state import calls as log_of_calls
from tiktok_organic_dagster.state import utc_now, writing
from tiktok_organic_dagster.tables import VIDEOS
from tiktok_organic_dagster.tiktok.limits import per_minute
from tiktok_organic_dagster.warehouse import open_warehouse
from tiktok_organic_dagster_tests.lab import Lab
from tiktok_organic_dagster_tests.orchestration.deployment import ROOT, WallClock

ACCOUNTS = 40
MINUTES = 3.0
"""Work for so long, at what we grant ourselves of the quota."""
POSTS_A_PAGE = 20
KILLED_AFTER_S = 40.0
SLOW, SLOW_S = 0, 5.0
"""The account whose answers are slow, and by how much."""
QUOTAS = {"QPM_PER_ENDPOINT": TRUE_PER_ENDPOINT, "QPM_APP": TRUE_PER_APP, "QPS_APP": TRUE_PER_SECOND}
THROTTLED = 40100
FILLS = -(-per_minute(TRUE_PER_APP) // per_minute(TRUE_PER_ENDPOINT))
"""So many accounts fill the quota of the app: 570 calls of ours a minute, of which one account may make 38."""


@dataclass(frozen=True)
class Figures:
    """What a scenario came to, as the simulator saw it.

    Attributes:
        calls: Calls that arrived.
        refused: Calls of these that the simulator's own limits refused.
        minutes: From the first call to the last.
        minutes_full: From the first call to the moment when the work no longer fills the quota: then fewer accounts
            than `FILLS` have a call to come.
        share: Calls in these minutes that were not refused, against 600 for each of them. Who keeps to 10 requests a
            second as we do makes 0.926 at the most.
        most_in_a_minute: Calls in the fullest 60 s.
        most_in_a_second: Calls in the fullest second.
        failed: Accounts that were not read, with the reason.
    """

    calls: int
    refused: int
    minutes: float
    minutes_full: float
    share: float
    most_in_a_minute: int
    most_in_a_second: int
    failed: dict[str, str]


def measure(scenarios: Iterable[str] = (), minutes: float = MINUTES) -> dict[str, object]:
    """Carry out scenarios, all if none is named, each with work for so many minutes.

    Returns:
        The `Figures` of each by its name; of `one_account` those of its one endpoint, for whole minutes.
    """
    return {name: SCENARIOS[name](minutes) for name in scenarios or SCENARIOS}


def one_process(minutes: float) -> dict[str, object]:
    """40 accounts in one process."""
    return _figures(ACCOUNTS, minutes, lambda lab: _all_failed([_start(lab, range(ACCOUNTS))]))


def two_processes(minutes: float) -> dict[str, object]:
    """Each process has half of the accounts; one is killed and started again, well within the minute."""

    def run(lab: Lab) -> dict[str, str]:
        half = ACCOUNTS // 2
        killed, other = _start(lab, range(half)), _start(lab, range(half, ACCOUNTS))
        time.sleep(KILLED_AFTER_S)
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
        return _all_failed([_start(lab, range(half)), other])

    return _figures(ACCOUNTS, minutes, run)


def slow_account(minutes: float) -> dict[str, object]:
    """One account's answers take 5 s each; said beside the rest: when it ended, and when all others had."""
    last: dict[bool, float] = {}

    def run(lab: Lab) -> dict[str, str]:
        lab.simulator.faults.add(Fault(delay(SLOW_S), account=SLOW))
        failed = _all_failed([_start(lab, range(ACCOUNTS))])
        for call in lab.simulator.calls:
            last[call.account == SLOW] = call.at - lab.simulator.calls[0].at
        return failed

    figures = _figures(ACCOUNTS, minutes, run)
    return figures | {"slow_account_minutes": _in_minutes(last[True]), "others_minutes": _in_minutes(last[False])}


def one_account(minutes: float) -> dict[str, object]:
    """One account alone: calls in the whole minutes from its first call on, against 40 for each of them."""
    pages = int(minutes) * per_minute(TRUE_PER_ENDPOINT) + 1  # the last one comes when these minutes are over

    def share(at: Sequence[float]) -> float:
        whole = int((at[-1] - at[0]) // 60)
        return sum(each < at[0] + 60 * whole for each in at) / (TRUE_PER_ENDPOINT * whole)

    return _figures(1, pages / per_minute(TRUE_PER_APP), lambda lab: _all_failed([_start(lab, range(1))]), share)


SCENARIOS: dict[str, Callable[[float], dict[str, object]]] = {
    each.__name__: each for each in (one_process, two_processes, slow_account, one_account)
}


def _figures(
    accounts: int,
    minutes: float,
    run: Callable[[Lab], dict[str, str]],
    share: Callable[[Sequence[float]], float] | None = None,
) -> dict[str, object]:
    """Make a world with so much work, carry it out, and look at what arrived."""
    posts = int(minutes * per_minute(TRUE_PER_APP) / accounts * POSTS_A_PAGE)
    with tempfile.TemporaryDirectory(prefix="quota-") as folder:
        lab = Lab(Path(folder), f"duckdb:///{folder}/warehouse.duckdb", WallClock(), accounts=accounts, videos=posts)
        lab.simulator.habits.short_pages_of.clear()
        with writing(lab.store.engine) as connection:
            connection.execute(log_of_calls.delete())  # those of connecting
        lab.simulator.limits = Limits(per_endpoint=TRUE_PER_ENDPOINT, per_app=TRUE_PER_APP, per_second=TRUE_PER_SECOND)
        try:
            with _served_first():
                failed = run(lab)
        finally:
            lab.close()
        arrived, refused = list(lab.simulator.calls), lab.simulator.limits.refused
    at = [call.at for call in arrived]
    taken = [call.at for call in arrived if call.code != THROTTLED]
    full_s = _fills_until(arrived) - at[0] if accounts >= FILLS else 0.0
    of_app = sum(each < at[0] + full_s for each in taken) / (TRUE_PER_APP * full_s / 60) if full_s else 0.0
    found = Figures(
        calls=len(at),
        refused=refused,
        minutes=_in_minutes(at[-1] - at[0]),
        minutes_full=_in_minutes(full_s),
        share=round(share(taken) if share else of_app, 3),
        most_in_a_minute=_most(at, 60),
        most_in_a_second=_most(at, 1),
        failed=failed,
    )
    return asdict(found)


@contextmanager
def _served_first() -> Iterator[None]:
    """Let the simulated TikTok go before all else on this machine, where that is allowed, and never collect garbage.

    TikTok's servers are not busy with what runs here. A simulator that waits for the processor, or for the 0.15 s that
    Python looks through all its posts, takes calls for one moment's that were sent one after another, and refuses some.
    """
    gc.disable()
    threads = [int(each.name) for each in Path("/proc/self/task").glob("*")]
    try:
        for thread in threads:
            os.sched_setscheduler(thread, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except (AttributeError, OSError):  # not Linux, or not allowed
        threads = []
    try:
        yield
    finally:
        gc.enable()
        for thread in threads:
            os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))


def _fills_until(calls: Sequence[Call]) -> float:
    """The last moment at which enough accounts have a call to come."""
    last = defaultdict[int | None, float](float)
    for call in calls:
        last[call.account] = call.at
    return sorted(last.values())[-FILLS]


def _most(at: Sequence[float], seconds: float) -> int:
    """The most calls in any span of time, which is open at one end."""
    most = first = 0
    for number, moment in enumerate(at):
        while at[first] <= moment - seconds:
            first += 1
        most = max(most, number + 1 - first)
    return most


def _in_minutes(seconds: float) -> float:
    return round(seconds / 60, 2)


# The processes that load.


def _start(lab: Lab, accounts: Iterable[int]) -> subprocess.Popen[str]:
    """A process that reads the videos of some accounts."""
    quotas = {f"TIKTOK_ORGANIC_{name}": str(value) for name, value in QUOTAS.items()}
    return subprocess.Popen(
        [sys.executable, "-m", __spec__.name, "--load", *(lab.business_id(index) for index in accounts)],
        env={**os.environ, **lab.variables, **quotas},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def _all_failed(loaders: Sequence[subprocess.Popen[str]]) -> dict[str, str]:
    """Wait for the processes; which accounts failed in any."""
    failed: dict[str, str] = {}
    for loader in loaders:
        said, _ = loader.communicate()
        failed |= json.loads(said) if loader.returncode == 0 else {"a process": f"ended with {loader.returncode}"}
    return failed


def load(business_ids: Sequence[str]) -> dict[str, str]:
    """Read the videos of accounts as Dagster's step does, by the settings of the environment."""
    settings = Settings.load()
    stop = Stop()
    store = open_accounts(settings, utc_now, stop.sleep)
    client = open_client(settings, store, sleep=stop.sleep)
    oauth = open_oauth(settings, client)
    outcomes = take(
        VideosReading((VIDEOS,), Moment(utc_now().date(), utc_now)),
        [account for account in store.accounts() if account.business_id in business_ids],
        open_reader=lambda account: open_reader(account, store, client, oauth),
        warehouse=open_warehouse(settings),
        store=store,
        log=lambda line: print(line, file=sys.stderr),
        stop=stop,
        since=settings.start_date,
    )
    return {outcome.account.username: outcome.error for outcome in outcomes if outcome.error}


if __name__ == "__main__":
    asked = sys.argv[1:]
    print(json.dumps(load(asked[1:]) if asked[:1] == ["--load"] else measure(asked), indent=2))
