"""A reading that is poorer than the stored one: what is replaced, what stays, table by table."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tiktok_organic_dagster.simulator import ABSENT
from tiktok_organic_dagster.tables import ACCOUNT_METRICS, AUDIENCE_ACTIVITY, COMMENTS, VIDEO_TABLES, VIDEOS
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.faults.cells import add_post, stand_still
from tiktok_organic_dagster_tests.lab import Lab

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")

IDLE = ("reach", "full_video_watched_rate", "total_time_watched", "average_time_watched")
IDLE_LISTS = ("impression_sources", "audience_countries")
"""What TikTok no longer returns of a post without activity for 7 days."""


@pytest.fixture
def lab(new_lab: Callable[..., Lab], warehouse_url: str) -> Lab:
    return new_lab(warehouse_url, accounts=1, videos=0)


def test_fields_gone_after_idle_days_are_null_in_the_new_reading_and_stay_in_the_old_one(lab: Lab) -> None:
    entry = {"impression_source": "For You", "country": "BR", "percentage": 1.0}
    shown: dict[str, object] = {**dict.fromkeys(IDLE, 2), **{name: [entry] for name in IDLE_LISTS}}
    idle, busy = add_post(lab, **shown), add_post(lab, days_old=40, **shown)
    lab.read_videos()
    before = lab.everything()
    assert {row[0] for row in before[f"{VIDEOS.name}_impression_sources"]} == {idle, busy}
    lab.clock.next_day(8)
    lab.world.changes.patch_video(idle, **dict.fromkeys((*IDLE, *IDLE_LISTS), ABSENT))

    lab.read_videos()

    newest = f"metric_date = DATE '{lab.clock.today}'"
    assert lab.rows(VIDEOS, IDLE, f"item_id = '{idle}' AND {newest}") == [(None,) * 4]
    expected = truth.everything(lab)
    for table in VIDEO_TABLES:
        assert lab.rows(table, where=newest) == expected[table.name]
        assert lab.rows(table, where="metric_date = DATE '2026-11-23'") == before[table.name]
    assert {row[0] for row in expected[f"{VIDEOS.name}_impression_sources"]} == {busy}


def test_days_no_longer_served_or_served_with_less_keep_what_is_stored(lab: Lab) -> None:
    stand_still(lab)
    lab.read_metrics(8)
    metrics, activity = lab.rows(ACCOUNT_METRICS), lab.rows(AUDIENCE_ACTIVITY)
    withdrawn, poorer, restated = (lab.clock.today - timedelta(days=back) for back in (8, 7, 6))
    lab.world.changes.withdraw_metrics_day(0, withdrawn)
    fewer = {name: ABSENT for name in truth.METRICS if name != "video_views"}
    lab.world.changes.patch_metrics(0, poorer, **fewer, video_views=None, audience_activity=ABSENT)
    lab.world.changes.patch_metrics(0, restated, likes=0, audience_activity=[{"hour": "5", "count": 1}])

    (outcome,) = lab.read_metrics(8)

    assert outcome.error is None
    likes = ACCOUNT_METRICS.column_names.index("likes")
    expected = [(*row[:likes], 0.0, *row[likes + 1 :]) if row[1] == restated else row for row in metrics]
    assert lab.rows(ACCOUNT_METRICS) == truth.in_order(expected)
    hours = [(*row[:2], 1.0, *row[3:]) if (row[1], row[3]) == (restated, 5.0) else row for row in activity]
    assert lab.rows(AUDIENCE_ACTIVITY) == truth.in_order(hours)


def test_comments_read_again_take_the_state_of_the_last_reading_and_none_is_deleted(lab: Lab) -> None:
    post = add_post(lab, 3)
    lab.read_videos([VIDEOS])
    lab.read_comments()
    poorer, gone, _ = (comment["comment_id"] for comment in lab.world.comments(0, post, lab.clock.now()))
    (kept,) = lab.rows(COMMENTS, where=f"comment_id = '{gone}'")
    lab.clock.moment += timedelta(hours=1)
    lab.world.changes.edit_comment(poorer, display_name=ABSENT, likes=None, text="")
    lab.world.changes.delete_comment(gone)

    (outcome,) = lab.read_all_comments()

    assert outcome.error is None
    columns = ["display_name", "likes", "text", "_not_returned_since"]
    assert lab.rows(COMMENTS, columns, f"comment_id = '{poorer}'") == [(None, None, "", None)]
    assert lab.rows(COMMENTS, where=f"comment_id = '{gone}'") == [(*kept[:-1], lab.clock.today)]
    assert len(lab.rows(COMMENTS)) == 3
