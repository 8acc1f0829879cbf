"""Throttles on any page: waited out, never taken as the end, and others go on; a spent day fails with its end."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tiktok_organic_dagster.simulator import Fault
from tiktok_organic_dagster.simulator.faults import refuse, throttle
from tiktok_organic_dagster.tables import ACCOUNT, VIDEOS
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.faults.cells import (
    BUSINESS_GET,
    COMMENT_LIST,
    VIDEO_LIST,
    WITHOUT_BREAKDOWNS,
    add_post,
    assert_all_is_there,
    by_account,
    read_all,
    stand_still,
)
from tiktok_organic_dagster_tests.lab import Lab

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")

CODES = (40100, 40132, 40133, 61000)
DAYS = 4


def three_pages_of_each(lab: Lab, account: int = 0) -> None:
    """Posts on three pages, and a post with three pages of comments."""
    add_post(lab, 65, account=account, **WITHOUT_BREAKDOWNS)
    for number in range(40):
        add_post(lab, account=account, days_old=31 + number, **WITHOUT_BREAKDOWNS)


def on_every_page(code: int, account: int) -> list[Fault]:
    """Every call is throttled once, so the first, the middle and the last page of each list as well."""
    refused = refuse(code, "Too many requests. Please retry in some time.")
    return [
        Fault(refused, account=account, path=path, every=2, seen=1) for path in (BUSINESS_GET, VIDEO_LIST, COMMENT_LIST)
    ]


def test_a_throttle_on_any_page_is_waited_out_and_never_taken_as_the_end(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=len(CODES) + 1, videos=0)
    lab.simulator.habits.short_pages_of.clear()
    for account in lab.world.accounts:
        three_pages_of_each(lab, account.index)
    for index, code in enumerate(CODES):
        for fault in on_every_page(code, index):
            lab.simulator.faults.add(fault)
    stand_still(lab)
    began = lab.clock.now()

    steps = read_all(lab, DAYS)

    for outcomes, calls in zip(steps, (1, 1, 3, 3), strict=True):
        assert [outcome.error for outcome in outcomes] == [None] * 5
        assert [outcome.stats.pauses for outcome in outcomes] == [calls] * 4 + [0]
        assert [outcome.stats.retries for outcome in outcomes] == [0] * 5
        assert [outcome.stats.calls.total() for outcome in outcomes] == [2 * calls] * 4 + [calls]
    assert lab.clock.now() - began >= 8 * timedelta(minutes=5)
    assert_all_is_there(lab, DAYS)


def test_a_throttle_of_the_app_on_any_page_is_waited_out_by_all_of_its_accounts(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=2, videos=0)
    lab.simulator.habits.short_pages_of.clear()
    for account in lab.world.accounts:
        three_pages_of_each(lab, account.index)
    faults = [lab.simulator.faults.add(fault) for fault in on_every_page(40016, 0)]
    stand_still(lab)

    outcomes = [outcome for step in read_all(lab, DAYS) for outcome in step]

    assert [outcome.error for outcome in outcomes] == [None] * 8
    assert [fault.struck for fault in faults] == [2, 3, 3]
    assert lab.simulator.calls.count() == 8 + 2 * 8
    assert_all_is_there(lab, DAYS)


def test_a_throttled_app_is_left_alone_by_all_of_its_accounts(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=2, videos=2)
    first, second = (lab.account(index) for index in (0, 1))
    fault = lab.simulator.faults.add(Fault(refuse(40016, "App reaches the limit."), account=0))

    (throttled,) = lab.read_videos([VIDEOS], accounts=[first])
    lab.simulator.calls.clear()
    (left_alone,) = lab.read_videos([VIDEOS], accounts=[second])

    assert fault.struck == 6, "one call, and one after each of 5 pauses"
    assert all("resume" in (outcome.error or "") for outcome in (throttled, left_alone))
    assert lab.simulator.calls.count() == 0
    lab.clock.moment += timedelta(minutes=5)
    (resumed,) = lab.read_videos([VIDEOS], accounts=[second])
    assert resumed.error is None


def test_an_account_that_stays_throttled_fails_with_the_time_to_resume_and_others_go_on(
    new_lab: Callable[..., Lab],
) -> None:
    lab = new_lab(accounts=2, videos=25)
    lab.simulator.faults.add(Fault(throttle(), account=0, path=VIDEO_LIST, after=1))

    first, second = by_account(lab, lab.read_videos([VIDEOS]))

    assert first.error is not None
    assert "40100" in first.error
    assert "resume" in first.error
    assert second.error is None
    assert {row[-1] for row in lab.rows(VIDEOS)} == {lab.business_id(1)}


def test_an_account_whose_day_is_spent_costs_no_call_until_midnight_and_is_whole_after_it(
    new_lab: Callable[..., Lab],
) -> None:
    lab = new_lab(accounts=2, videos=25)
    lab.read_account()
    lab.read_videos([VIDEOS])
    before = lab.everything()
    lab.clock.next_day()
    lab.read_account()
    spent = lab.simulator.faults.add(
        Fault(throttle("Too many requests: the daily quota is used up."), account=0, path=VIDEO_LIST, after=1)
    )
    stand_still(lab)
    a_year_ago = datetime(2026, 11, 24, tzinfo=UTC) - timedelta(days=365)

    failed, other = by_account(lab, lab.read_videos([VIDEOS]))

    assert "the daily quota is used up" in (failed.error or "")
    assert "Calls resume at 2026-11-25 00:00:00 UTC." in (failed.error or "")
    assert other.error is None
    assert spent.struck == 6, "one call, and one after each of 5 pauses"
    today = "metric_date = DATE '2026-11-24'"
    of_other = [row for row in truth.videos(lab, a_year_ago) if row[-1] == lab.business_id(1)]
    assert lab.rows(VIDEOS, where=today) == truth.in_order(of_other)
    assert len(lab.rows(ACCOUNT, where=today)) == 2, "what was complete stays"

    lab.simulator.calls.clear()
    lab.clock.moment += timedelta(hours=5)
    assert lab.clock.now() < datetime(2026, 11, 25, tzinfo=UTC)
    (still,) = lab.read_videos([VIDEOS], accounts=[failed.account])
    assert "Calls resume at 2026-11-25 00:00:00 UTC." in (still.error or "")
    assert lab.simulator.calls.count() == 0
    status = lab.store.status(lab.business_id(0))["videos"]
    assert status.failing
    assert "Calls resume at 2026-11-25" in (status.last_error or "")

    lab.simulator.faults.clear()
    lab.clock.moment = datetime(2026, 11, 25, 0, 0, 1, tzinfo=UTC)
    stand_still(lab)
    assert [outcome.error for outcome in lab.read_videos([VIDEOS])] == [None, None]
    where = "metric_date = DATE '2026-11-25'"
    assert lab.rows(VIDEOS, where=where) == truth.in_order(truth.videos(lab, a_year_ago + timedelta(days=1)))
    assert lab.rows(VIDEOS, where="metric_date = DATE '2026-11-23'") == before[VIDEOS.name]
