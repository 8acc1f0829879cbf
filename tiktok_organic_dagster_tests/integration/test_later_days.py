"""What later days do: readings are added, metrics filled in, comments merged; nothing stored is lost."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tiktok_organic_dagster.simulator import ABSENT, Fault
from tiktok_organic_dagster.simulator.faults import change
from tiktok_organic_dagster.tables import (
    ACCOUNT,
    ACCOUNT_METRICS,
    AUDIENCE_ACTIVITY,
    COMMENTS,
    VIDEO_TABLES,
    VIDEOS,
)
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.lab import Lab

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")

YEAR = timedelta(days=365)


def test_a_second_day_adds_readings_and_leaves_those_of_the_first(
    new_lab: Callable[..., Lab], warehouse_url: str
) -> None:
    lab = new_lab(warehouse_url, accounts=2, videos=60)
    lab.read_account()
    lab.read_videos()
    first = lab.everything()
    lab.clock.next_day()

    lab.read_account()
    lab.read_videos()

    since = datetime(2026, 11, 24, tzinfo=UTC) - YEAR
    second_day = {
        ACCOUNT.name: truth.account(lab),
        VIDEOS.name: truth.videos(lab, since),
        **{f"{VIDEOS.name}_{name}": truth.breakdown(lab, name, since) for name in truth.BREAKDOWNS},
    }
    assert len(second_day[VIDEOS.name]) < len(truth.videos(lab)), "no post is older than 365 days"
    for table in (ACCOUNT, *VIDEO_TABLES):
        assert lab.rows(table, where="metric_date = DATE '2026-11-23'") == first[table.name]
        assert lab.rows(table, where="metric_date = DATE '2026-11-24'") == truth.in_order(second_day[table.name])


def test_a_video_is_refreshed_until_it_is_365_days_old_to_the_second(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=10)
    edge = datetime(2026, 11, 24, tzinfo=UTC) - YEAR
    kept = lab.world.changes.add_video(0, at=edge)
    dropped = lab.world.changes.add_video(0, at=edge - timedelta(seconds=1))
    lab.read_videos([VIDEOS])
    lab.clock.next_day()

    lab.read_videos([VIDEOS])

    read = {row[0] for row in lab.rows(VIDEOS, ["item_id"], where="metric_date = DATE '2026-11-24'")}
    assert kept in read
    assert dropped not in read
    assert (dropped,) in lab.rows(VIDEOS, ["item_id"], where="metric_date = DATE '2026-11-23'")


def test_a_second_day_reads_at_most_one_page_past_the_edge(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=400)
    lab.read_videos([VIDEOS])
    lab.clock.next_day()
    lab.simulator.calls.clear()

    lab.read_videos([VIDEOS])

    recent = len(truth.videos(lab, datetime(2026, 11, 24, tzinfo=UTC) - YEAR))
    assert lab.simulator.calls.count("business/video/list/") <= -(-recent // 20) + 1
    assert all(call.params["max_count"] == "20" for call in lab.simulator.calls.to("business/video/list/"))


def test_the_first_day_read_again_holds_all_posts_again(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=60)
    lab.read_videos([VIDEOS])
    lab.clock.moment += timedelta(hours=8)

    lab.read_videos([VIDEOS])

    assert lab.rows(VIDEOS) == truth.in_order(truth.videos(lab))


def test_the_last_reading_of_a_day_replaces_the_earlier_one_null_included(
    new_lab: Callable[..., Lab], warehouse_url: str
) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=10)
    lab.read_account()
    lab.read_videos()
    gone, poorer = (post["item_id"] for post in lab.world.videos(0, lab.clock.now())[:2])
    lab.world.changes.delete_video(gone)
    lab.world.changes.patch_video(poorer, reach=ABSENT, likes=None, impression_sources=ABSENT)
    lab.world.changes.set_profile(0, bio_description=ABSENT)

    lab.read_account()
    lab.read_videos()

    assert lab.rows(ACCOUNT) == truth.in_order(truth.account(lab))
    assert lab.rows(VIDEOS) == truth.in_order(truth.videos(lab))
    assert lab.rows(VIDEOS, ["likes", "reach"], where=f"item_id = '{poorer}'") == [(None, None)]
    for name in truth.BREAKDOWNS:
        table = next(table for table in VIDEO_TABLES if table.name.endswith(name))
        assert lab.rows(table) == truth.in_order(truth.breakdown(lab, name))


def test_days_that_tiktok_publishes_late_are_filled_in_by_a_later_load(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=2, videos=10)
    lab.read_metrics()
    loaded = {row[0] for row in lab.rows(ACCOUNT_METRICS, ["metric_date"])}
    lab.clock.next_day(3)

    lab.read_metrics(days=7)

    later = {row[0] for row in lab.rows(ACCOUNT_METRICS, ["metric_date"])}
    assert loaded < later
    for table, rows in ((ACCOUNT_METRICS, truth.metrics(lab, 7)), (AUDIENCE_ACTIVITY, truth.activity(lab, 7))):
        recent = f"metric_date >= DATE '{lab.clock.today - timedelta(days=7)}'"
        assert lab.rows(table, where=recent) == truth.in_order(rows)


def test_the_username_comes_from_the_newest_account_row_and_costs_no_call(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=10)
    lab.world.changes.rename(0, "renamed.later")
    lab.simulator.calls.clear()

    lab.read_metrics()
    as_connected = {row[0] for row in lab.rows(ACCOUNT_METRICS, ["video_creator_username"])}
    lab.read_account()
    lab.read_metrics()

    assert as_connected == {lab.world.accounts[0].username}
    assert {row[0] for row in lab.rows(ACCOUNT_METRICS, ["video_creator_username"])} == {"renamed.later"}
    assert lab.simulator.calls.count() == 3


def test_two_accounts_never_touch_each_others_rows(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=2, videos=10)
    lab.read_everything()
    before = _rows_of(lab, lab.business_id(1))
    first = [account for account in lab.store.accounts() if account.business_id == lab.business_id(0)]
    lab.clock.moment += timedelta(hours=10)

    for step in (lab.read_account, lab.read_metrics, lab.read_videos, lab.read_comments):
        step(accounts=first)

    assert _rows_of(lab, lab.business_id(1)) == before


def _rows_of(lab: Lab, business_id: str) -> dict[str, list[tuple[Any, ...]]]:
    return lab.everything(where=f"_business_id = '{business_id}'")


def test_a_comment_keeps_its_row_when_it_is_edited_hidden_or_gone(
    new_lab: Callable[..., Lab], warehouse_url: str
) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=0)
    video = _add_old_video(lab, comments=5)
    lab.read_videos([VIDEOS])
    lab.read_comments()
    edited, hidden, gone, *_ = (c["comment_id"] for c in lab.world.comments(0, video, lab.clock.now()))
    lab.world.changes.edit_comment(edited, text="on second thought", likes=12)
    lab.world.changes.edit_comment(hidden, status="HIDDEN")
    lab.world.changes.delete_comment(gone)
    (new,) = lab.world.changes.add_comment(video, text="late to the party", at=lab.clock.now())
    lab.world.changes.patch_video(video, comments=4)  # the counter fell: all of it is read again
    lab.clock.next_day()

    lab.read_videos([VIDEOS])
    lab.read_comments()

    columns = ["comment_id", "text", "status", "_read_date", "_not_returned_since"]
    rows = {row[0]: row for row in lab.rows(COMMENTS, columns, where=f"video_id = '{video}'")}
    today, yesterday = lab.clock.today, lab.clock.today - timedelta(days=1)
    assert rows[edited][1:] == ("on second thought", "PUBLIC", today, None)
    assert rows[hidden][2:] == ("HIDDEN", today, None)
    assert rows[gone][3:] == (yesterday, today)
    assert rows[new][1:] == ("late to the party", "PUBLIC", today, None)
    assert len(rows) == 6


def test_a_comment_that_comes_back_is_no_longer_marked(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=0)
    video = _add_old_video(lab, comments=3)
    lab.read_videos([VIDEOS])
    lab.read_comments()
    withheld = lab.world.comments(0, video, lab.clock.now())[0]["comment_id"]

    def without_it(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "comments": [c for c in data["comments"] if c["comment_id"] != withheld]}

    fault = lab.simulator.faults.add(Fault(change(without_it), path="business/comment/list/"))
    marked = f"video_id = '{video}' AND _not_returned_since IS NOT NULL"
    lab.read_all_comments()
    assert lab.rows(COMMENTS, ["comment_id", "_not_returned_since"], where=marked) == [(withheld, lab.clock.today)]
    lab.simulator.faults.remove(fault)

    lab.read_all_comments()

    assert lab.rows(COMMENTS, ["comment_id"], where=marked) == []


def _add_old_video(lab: Lab, comments: int) -> str:
    """A post of 30 days ago with comments of 20 days ago, the counter up to date."""
    month_ago = lab.clock.now() - timedelta(days=30)
    video = lab.world.changes.add_video(0, at=month_ago, comments=comments)
    lab.world.changes.add_comment(video, comments, at=month_ago + timedelta(days=10))
    return video
