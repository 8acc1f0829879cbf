"""200 accounts on several machines in small: one quota for all, and a worker that dies takes nothing with it."""

import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from tiktok_organic_dagster.state import calls as log_of_calls
from tiktok_organic_dagster.state import reading, writing
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.celery.runs import (
    carried_out_by,
    is_at_work,
    launch_what_is_scheduled,
    let_the_world_stand_still,
)
from tiktok_organic_dagster_tests.celery.workers import REAL, worker
from tiktok_organic_dagster_tests.orchestration import ui
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.orchestration.processes import a_day_with_time_left, dagster_dev, poll
from tiktok_organic_dagster_tests.orchestration.runs import ALL_TABLES

ACCOUNTS, ACCOUNTS_PER_RUN = 200, 50
PER_ENDPOINT, PER_APP, PER_SECOND = 40, 600, 10
"""TikTok's own quota: requests a minute for an account and endpoint, a minute and a second for an app."""
SETTINGS = {
    "ACCOUNTS_PER_RUN": ACCOUNTS_PER_RUN,
    "QPM_PER_ENDPOINT": PER_ENDPOINT,
    "QPM_APP": PER_APP,
    "QPS_APP": PER_SECOND,
}
MUCH_TALKED_OF = 5
"""Accounts that keep the post that has 700 comments: each takes 25 calls, which would all be alike."""
IN_THE_MIDDLE = 300
"""Calls after which the worker is killed."""
PATIENCE_S = 420
UNDER_WAY = {"QUEUED", "NOT_STARTED", "STARTING", "STARTED"}


@pytest.mark.celery
@pytest.mark.timeout(600)
def test_200_accounts_are_loaded_within_the_quota_though_a_worker_is_killed(
    new_deployment_on_machines: Callable[..., Deployment],
    dagster_postgres_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    a_day_with_time_left(timedelta(minutes=10))
    deployment = new_deployment_on_machines(accounts=ACCOUNTS, videos=3)
    let_the_world_stand_still(deployment)
    make_the_world_quieter(deployment)
    calls, limits, budget = deployment.simulator.calls, deployment.simulator.limits, Budget(deployment)
    for name, value in SETTINGS.items():  # of the processes that are started from here on
        monkeypatch.setenv(f"TIKTOK_ORGANIC_{name}", str(value))
    with ExitStack() as stack:
        dagster = stack.enter_context(dagster_dev(dagster_postgres_home))
        ui.stop_automation(dagster)
        deployment.connect_all()
        budget.forget()
        limits.per_endpoint, limits.per_app = PER_ENDPOINT, PER_APP
        first = stack.enter_context(worker("first", tmp_path, concurrency=2, app=REAL))
        stack.enter_context(worker("second", tmp_path, concurrency=2, app=REAL))

        started = time.monotonic()
        at_five = datetime.now(UTC).replace(hour=5, minute=0, second=0, microsecond=0)
        runs = [
            run
            for schedule in ("account_metrics_refresh", "daily_readings")
            for run in launch_what_is_scheduled(dagster, schedule, at_five)
        ]

        def in_the_middle() -> bool | None:
            budget.look()
            return (len(calls) > IN_THE_MIDDLE and is_at_work(dagster, "first", runs)) or None

        poll(in_the_middle, "the first worker to be in the middle")
        first.kill()
        killed = time.monotonic()

        def ended() -> list[str] | None:
            budget.look()
            found = [ui.run_status(dagster, run) for run in runs]
            return None if UNDER_WAY & {*found} else found

        statuses = poll(ended, "all runs to end", PATIENCE_S)
        seconds = time.monotonic() - started
        steps = [workers for run in runs for workers in carried_out_by(dagster, run).values()]

    arrived = [call.at for call in calls]
    taken_over = sum(len(workers) > 1 for workers in steps)
    with capsys.disabled():
        print(
            f"\n{ACCOUNTS} accounts in {seconds:.0f} s: {len(runs)} runs, {len(steps)} steps, {len(calls)} calls; at "
            f"most {most(arrived, 60)} a minute of {PER_APP} and {most(budget.sent, 1)} a second of {PER_SECOND}. One "
            f"of two workers was killed after {killed - started:.0f} s, with {taken_over} steps in hand."
        )
    assert statuses == ["SUCCESS"] * 2 * (ACCOUNTS // ACCOUNTS_PER_RUN)
    loaded, expected = deployment.everything(), truth.everything(deployment)
    for table in ALL_TABLES:
        assert loaded[table] == expected[table], table

    assert limits.refused == 0
    assert most(arrived, 60) <= PER_APP
    by_endpoint = defaultdict[tuple[str | None, str], list[float]](list)
    for call in calls:
        by_endpoint[call.business_id, call.endpoint].append(call.at)
    assert max(most(each, 60) for (account, _), each in by_endpoint.items() if account) <= PER_ENDPOINT
    assert len(budget.sent) >= len(calls)  # what the dead worker was about to send did not arrive
    assert most(budget.sent, 1) == PER_SECOND  # no more, and all of it: they had to wait for one another

    # What the dead worker had in its hands went to the other one; no living worker lost a step.
    assert ["first", "second"] in steps
    assert {tuple(workers) for workers in steps} <= {("first",), ("second",), ("first", "second")}


class Budget:
    """The request budget, as it stands in the state database, where it is forgotten after two minutes.

    TikTok's second is looked at here and not at the simulator: on a machine at its limit calls that were sent one after
    another arrive together.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._engine = deployment.store.engine
        self._sent: dict[int, float] = {}

    @property
    def sent(self) -> list[float]:
        """When each call was sent."""
        return list(self._sent.values())

    def look(self) -> None:
        with reading(self._engine) as connection:
            self._sent |= dict(connection.execute(sa.select(log_of_calls.c.id, log_of_calls.c.sent_at)).all())

    def forget(self) -> None:
        with writing(self._engine) as connection:
            connection.execute(log_of_calls.delete())


def make_the_world_quieter(deployment: Deployment) -> None:
    now = deployment.clock.now()
    for account in deployment.world.accounts[MUCH_TALKED_OF:]:
        for video in deployment.world.videos(account, now):
            if (video.get("comments") or 0) > 100:
                deployment.world.changes.delete_video(video["item_id"], at=now)


def most(moments: Iterable[float], seconds: float) -> int:
    """The largest number of calls within any span of time."""
    at = sorted(moments)
    return max(number + 1 - bisect_left(at, moment - seconds) for number, moment in enumerate(at))
