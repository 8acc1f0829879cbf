"""What the leave to make one call costs, as it stands beside every call: `RequestBudget.acquire` where there is room.

    python -m tiktok_organic_dagster_tests.bench.budget

It prints JSON: milliseconds of time and of this process's processor for one call, in both state databases, for one
thread and for as many as a step has.
"""

import itertools
import json
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy.engine import Engine

from tiktok_organic_dagster import state
from tiktok_organic_dagster.readings.run import SIDE_BY_SIDE, Stop
from tiktok_organic_dagster.simulator.limits import TRUE_PER_APP, TRUE_PER_ENDPOINT, TRUE_PER_SECOND
from tiktok_organic_dagster.tiktok.limits import RequestBudget
from tiktok_organic_dagster_tests.databases import running_postgres

CALLS = 1_000
BEFORE = 1_000
"""Calls in the log before the first one that is measured: all that is kept of an app that calls all the time."""
ACCOUNTS = 40
APART_S = 0.12
"""By a clock that goes on with each call, so that none has to wait for TikTok's quotas."""


def measure(calls: int = CALLS) -> dict[str, object]:
    """The cost of a call in each state database."""
    with tempfile.TemporaryDirectory(prefix="budget-") as folder:
        found: dict[str, object] = {"sqlite": _in(state.engine(f"sqlite:///{folder}/state.db"), calls)}
    with running_postgres() as server:
        found["postgresql"] = _in(state.engine(server.get_uri()), calls)
    return found


def _in(engine: Engine, calls: int) -> dict[str, dict[str, float]]:
    moments = itertools.count()
    began = state.utc_now()
    budget = RequestBudget(
        engine,
        qpm_per_endpoint=TRUE_PER_ENDPOINT,
        qpm_app=TRUE_PER_APP,
        qps_app=TRUE_PER_SECOND,
        throttle_wait_s=300,
        clock=lambda: began + timedelta(seconds=APART_S * next(moments)),
        sleep=Stop().sleep,
    )
    _many(budget, 1, BEFORE)
    found = {
        f"{threads} threads": _cost(lambda each=threads: _many(budget, each, calls), calls)
        for threads in (1, SIDE_BY_SIDE)
    }
    engine.dispose()
    return found


def _many(budget: RequestBudget, threads: int, calls: int) -> None:
    def work(number: int) -> None:
        for call in range(calls // threads):
            account = (number + call * threads) % ACCOUNTS
            budget.acquire("app https://api", f"account {account}", "business/video/list/")

    started = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()


def _cost(work: Callable[[], None], calls: int) -> dict[str, float]:
    began, worked = time.perf_counter(), time.process_time()
    work()
    return {
        "ms": round((time.perf_counter() - began) / calls * 1000, 3),
        "processor_ms": round((time.process_time() - worked) / calls * 1000, 3),
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
