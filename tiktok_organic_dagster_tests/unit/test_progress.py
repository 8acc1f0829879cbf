"""What is said of a step while it works: how far it is, who waits, and when a line is due."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from tiktok_organic_dagster.readings.base import Moment, Notes
from tiktok_organic_dagster.readings.metrics import MetricsReading
from tiktok_organic_dagster.readings.progress import Progress, beginning, observed, warehouse_waits_told
from tiktok_organic_dagster.readings.videos import VideosReading
from tiktok_organic_dagster.tables import METRIC_TABLES, VIDEO_TABLES, VIDEOS
from tiktok_organic_dagster.tiktok.stats import CallStats
from tiktok_organic_dagster.tiktok.waiting import Waiting, WaitReason
from tiktok_organic_dagster_tests.lab import Clock

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def account(name, waiting=None, pages=0, rows=0):
    return SimpleNamespace(
        account=SimpleNamespace(username=name), notes=Notes(rows=rows), stats=CallStats(pages=pages, waiting=waiting)
    )


def wait(reason, seconds):
    return Waiting(reason, NOON + timedelta(seconds=seconds))


@pytest.fixture
def clock():
    return Clock(NOON)


def after(clock, progress, seconds):
    clock.moment = NOON + timedelta(seconds=seconds)
    return progress.news()


def test_a_step_says_how_far_it_is_every_30_seconds_and_nothing_before(clock):
    one, other = account("a", pages=7), account("b")  # an earlier attempt read 7 pages
    progress = Progress("videos", [one, other], clock.now)
    one.stats.pages, one.notes.rows, other.stats.pages, other.notes.rows = 407, 8000, 12, 120
    progress.done = 1
    assert [after(clock, progress, seconds) for seconds in (0, 1, 29.9)] == [[], [], []]
    said = "videos: 1 of 2 accounts done, 412 pages, 8,120 rows so far"
    assert after(clock, progress, 30) == [said]
    assert after(clock, progress, 59) == []
    assert after(clock, progress, 61) == [said]


def test_without_pages_none_are_counted(clock):
    progress = Progress("account", [account("a", rows=1)], clock.now)
    assert after(clock, progress, 30) == ["account: 0 of 1 account done, 1 row so far"]


def test_the_line_says_who_waits_for_what_and_how_long(clock):
    accounts = [account("name", wait(WaitReason.QUOTA, 54)), account("calm"), account("x", wait(WaitReason.RETRY, 31))]
    progress = Progress("videos", accounts, clock.now)
    (line,) = after(clock, progress, 30)
    assert line == (
        "videos: 0 of 3 accounts done, 0 rows so far; @name waits for TikTok's quota, 24 s left; "
        "@x waits before another try, 1 s left"
    )


def test_of_many_that_wait_a_few_are_named_and_the_longest_wait_counts(clock):
    accounts = [account(f"a{number}", wait(WaitReason.QUOTA, 40 + number)) for number in range(15)]
    progress = Progress("videos", accounts, clock.now)
    (line,) = after(clock, progress, 30)
    assert line.endswith("; @a0, @a1, @a2 and 12 more wait for TikTok's quota, 24 s left")


def test_a_pause_is_told_at_once_with_its_account_reason_and_end_and_only_once(clock):
    paused = account("other", wait(WaitReason.PAUSE, 300))
    progress = Progress("videos", [account("a"), paused], clock.now)
    told = "videos: @other is paused after throttling, 4 min 50 s left, until 12:05:00 UTC"
    assert after(clock, progress, 10) == [told]
    assert after(clock, progress, 11) == []
    paused.stats.waiting = None
    assert after(clock, progress, 12) == []
    paused.stats.waiting = wait(WaitReason.PAUSE, 320)
    assert after(clock, progress, 20) == ["videos: @other is paused after throttling, 5 min left, until 12:05:20 UTC"]


def test_a_pause_of_the_whole_app_is_told_once_for_all_its_accounts(clock):
    accounts = [account(name) for name in "abcde"]
    progress = Progress("videos", accounts, clock.now)
    accounts[0].stats.waiting = wait(WaitReason.APP_PAUSE, 300)
    assert after(clock, progress, 0) == [
        "videos: @a is paused with the whole app after throttling, 5 min left, until 12:05:00 UTC"
    ]
    for each in accounts[1:]:
        each.stats.waiting = wait(WaitReason.APP_PAUSE, 301)
    assert after(clock, progress, 1) == []


def test_short_pauses_and_waits_for_the_quota_are_not_told_at_once(clock):
    progress = Progress(
        "videos", [account("a", wait(WaitReason.PAUSE, 1)), account("b", wait(WaitReason.QUOTA, 60))], clock.now
    )
    assert after(clock, progress, 0) == []


def test_whoever_observes_is_given_each_progress_and_afterwards_none(clock):
    seen = []
    with observed(seen.append):
        inside = Progress("videos", [account("a", wait(WaitReason.QUOTA, 5))], clock.now)
    Progress("comments", [], clock.now)
    assert seen == [inside]
    assert inside.waits() == ["@a waits for TikTok's quota, 5 s left"]


def test_the_first_line_says_what_begins():
    moment = Moment(NOON.date(), lambda: NOON)
    assert beginning(VideosReading(VIDEO_TABLES, moment), 5) == "videos: 5 accounts, 8 tables, reading of 2026-11-23"
    assert beginning(VideosReading([VIDEOS], moment), 1) == "videos: 1 account, 1 table, reading of 2026-11-23"
    days = [moment.today - timedelta(days=back) for back in range(59)]
    assert beginning(MetricsReading(METRIC_TABLES, moment, days), 2) == (
        "account_metrics: 2 accounts, 2 tables, 2026-09-26 to 2026-11-22"
    )
    assert beginning(MetricsReading(METRIC_TABLES, moment, days[1:2]), 2).endswith("2 tables, 2026-11-22")
    assert "nothing to ask for on 2026-11-23" in beginning(MetricsReading(METRIC_TABLES, moment, days[:1]), 2)


def test_a_warehouse_that_is_held_for_long_is_told_of_and_waited_for_all_the_same():
    slept, lines = [], []
    sleep = warehouse_waits_told(slept.append, lines.append)
    for _ in range(45):
        sleep(1.0)
    assert slept == [1.0] * 45
    assert [line.partition("waited ")[2] for line in lines] == ["10 s for it so far.", "40 s for it so far."]
