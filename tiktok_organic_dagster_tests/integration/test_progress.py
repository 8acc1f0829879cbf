"""A long reading says how far it is and what it waits for, while it waits; a short one does not."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from tiktok_organic_dagster.readings.base import Moment
from tiktok_organic_dagster.readings.comments import CommentsReading
from tiktok_organic_dagster.readings.progress import Progress, observed
from tiktok_organic_dagster.readings.videos import VideosReading
from tiktok_organic_dagster.simulator import Fault
from tiktok_organic_dagster.simulator.faults import http_status, throttle
from tiktok_organic_dagster.tables import COMMENT_TABLES, COMMENTS, VIDEO_TABLES, VIDEOS
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.lab import Clock, Lab

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")

DEADLINE_S = 30


class Log:
    """The lines of a run; a thread can wait until a line is there."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._changed = threading.Condition()

    def __call__(self, line: str) -> None:
        with self._changed:
            self.lines.append(line)
            self._changed.notify_all()

    def wait_for(self, part: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: any(part in line for line in self.lines), DEADLINE_S), part


def sleeping(clock: Clock, at: dict[float, Callable[[], None]]) -> Callable[[float], None]:
    """A sleep that moves the clock, and does something when it shows so many seconds after the beginning."""
    begin = clock.now()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        passed = (clock.now() - begin).total_seconds()
        for moment in [moment for moment in at if moment <= passed and seconds]:
            at.pop(moment)()

    return sleep


def videos(moment: Moment) -> VideosReading:
    return VideosReading(VIDEO_TABLES, moment)


def rows_of_account(lab: Lab, index: int) -> int:
    return sum(lab.business_id(index) in row for table in VIDEO_TABLES for row in truth.rows_of(lab, table.name))


def test_a_pause_is_told_while_it_lasts_and_progress_every_30_seconds(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=2, videos=50)
    lab.simulator.habits.short_pages_of.clear()
    lab.simulator.faults.add(Fault(throttle(), path="business/video/list/", account=0, nth=2))
    name, other = (account.username for account in lab.world.accounts)
    pages_of_the_other = -(-len([row for row in truth.videos(lab) if lab.business_id(1) in row]) // 20)
    log = Log()

    def one_is_done_and_the_pause_is_told() -> None:
        log.wait_for(f"@{other}: complete")
        log.wait_for("is paused")

    outcomes = lab.take(
        videos,
        log=log,
        sleep=sleeping(lab.clock, {1: one_is_done_and_the_pause_is_told, 30: lambda: log.wait_for("accounts done")}),
    )

    assert [outcome.error for outcome in outcomes] == [None, None]
    assert lab.rows(VIDEOS) == truth.in_order(truth.videos(lab))
    assert log.lines[0] == "videos: 2 accounts, 8 tables, reading of 2026-11-23"
    assert f"videos: @{name} is paused after throttling, 4 min 59 s left, until 12:05:00 UTC" in log.lines
    assert (
        f"videos: 1 of 2 accounts done, {pages_of_the_other + 1} pages, {rows_of_account(lab, 1):,} rows so far; "
        f"@{name} is paused after throttling, 4 min 30 s left, until 12:05:00 UTC"
    ) in log.lines
    assert log.lines[-1].startswith(f"@{name}: complete")
    assert [outcome.stats.waiting for outcome in outcomes] == [None, None]


def test_a_wait_before_another_try_is_seen_by_whoever_observes_the_run(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=5)
    lab.simulator.faults.add(Fault(http_status(502), path="business/video/list/", times=1))
    steps: list[Progress] = []
    seen: list[str] = []

    with observed(steps.append):
        lab.take(videos, sleep=lambda seconds: seen.extend(steps[0].waits() if seconds else []))

    assert seen == [f"@{lab.world.accounts[0].username} waits before another try, 1 s left (HTTP 502)"]
    assert steps[0].waits() == []
    assert (steps[0].done, steps[0].rows) == (1, rows_of_account(lab, 0))


def test_a_short_run_says_what_begins_and_what_came_and_nothing_between(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=2, videos=10)
    log = Log()

    lab.take(videos, log=log)

    assert log.lines[0] == "videos: 2 accounts, 8 tables, reading of 2026-11-23"
    assert sorted(line.split(":")[0] for line in log.lines[1:]) == sorted(
        f"@{account.username}" for account in lab.world.accounts
    )


def test_a_second_attempt_counts_its_own_accounts(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=3, videos=10)
    lab.simulator.faults.add(Fault(http_status(502), path="business/video/list/", account=0, times=8))
    steps: list[Progress] = []

    with observed(steps.append):
        lab.take(videos)

    assert [(step.step, step.done, step.total) for step in steps] == [
        ("videos", 3, 3),
        ("videos, second attempt", 1, 1),
    ]
    assert steps[1].rows == rows_of_account(lab, 0)


def test_comments_count_the_rows_of_whole_videos(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=10)
    lab.read_videos()
    steps: list[Progress] = []

    with observed(steps.append):
        lab.take(lambda moment: CommentsReading(COMMENT_TABLES, moment, timedelta(minutes=30)))

    assert steps[0].rows == len(truth.comments(lab)) == len(lab.rows(COMMENTS))
    assert steps[0].pages > 0
