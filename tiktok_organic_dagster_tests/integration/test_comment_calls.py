"""What comments cost: the calls of a first day, of a quiet day, and of a counter that moves."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tiktok_organic_dagster.simulator import ABSENT, Fault
from tiktok_organic_dagster.simulator.faults import change, cursor_stands_still, http_status, refuse
from tiktok_organic_dagster.tables import COMMENTS, VIDEOS
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.lab import Lab

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")

COMMENT_LIST = "business/comment/list/"


@pytest.fixture
def lab(new_lab: Callable[..., Lab]) -> Lab:
    """One account without posts of its own; tests add what they need."""
    lab = new_lab(accounts=1, videos=0)
    lab.simulator.habits.short_pages_of.clear()
    return lab


def add_video(lab: Lab, comments: int, days_old: float = 30, **fields: object) -> str:
    """A post with comments that are a day younger than itself, its counter up to date."""
    created = lab.clock.now() - timedelta(days=days_old)
    video = lab.world.changes.add_video(0, at=created, **{"comments": comments, **fields})
    if comments:
        lab.world.changes.add_comment(video, comments, at=created + timedelta(days=days_old / 2))
    return video


def calls_of_reading(lab: Lab) -> int:
    lab.read_videos([VIDEOS])
    lab.simulator.calls.clear()
    lab.read_comments()
    return lab.simulator.calls.count(COMMENT_LIST)


def test_each_page_holds_30_comments_asked_for_as_documented(lab: Lab) -> None:
    video = add_video(lab, comments=65)

    assert calls_of_reading(lab) == 3
    first, second, third = lab.simulator.calls.to(COMMENT_LIST)
    asked = {
        "business_id": lab.business_id(0),
        "video_id": video,
        "status": "ALL",
        "sort_field": "create_time",
        "sort_order": "desc",
        "max_count": "30",
        "include_replies": "false",
    }
    assert first.params == asked
    assert second.params == {**asked, "cursor": "30"}
    assert third.params == {**asked, "cursor": "60"}
    assert lab.rows(COMMENTS) == truth.in_order(truth.comments(lab))


def test_a_video_without_comments_costs_a_call_a_day_until_it_is_7_days_old(lab: Lab) -> None:
    add_video(lab, comments=0, days_old=30)
    add_video(lab, comments=0, days_old=5.5)

    assert calls_of_reading(lab) == 1
    assert calls_of_reading(lab) == 0, "the same day again"
    lab.clock.next_day()
    assert calls_of_reading(lab) == 1
    lab.clock.next_day()
    assert calls_of_reading(lab) == 0, "it is older than 7 days now"


def test_a_day_on_which_no_counter_moved_costs_at_most_15_percent_of_the_first(
    new_lab: Callable[..., Lab],
) -> None:
    lab = new_lab(accounts=2, videos=60)
    first = calls_of_reading(lab)
    for index in (0, 1):
        for post in lab.world.videos(index, lab.clock.now()):
            lab.world.changes.patch_video(post["item_id"], comments=post.get("comments", ABSENT))
    before = lab.rows(COMMENTS)
    lab.clock.next_day()

    second = calls_of_reading(lab)

    assert first > 40
    assert second <= 0.15 * first
    assert {row[1] for row in before} <= {row[1] for row in lab.rows(COMMENTS)}


def test_a_counter_that_rose_by_a_few_costs_one_call(lab: Lab) -> None:
    video = add_video(lab, comments=200)
    assert calls_of_reading(lab) == 7
    lab.world.changes.add_comment(video, 3, at=lab.clock.now())
    lab.world.changes.patch_video(video, comments=203)
    lab.clock.next_day()

    assert calls_of_reading(lab) == 1
    assert len(lab.rows(COMMENTS)) == 203


def test_pinned_comments_on_top_do_not_end_the_reading_of_a_head(lab: Lab) -> None:
    video = add_video(lab, comments=40)
    calls_of_reading(lab)
    oldest = lab.world.comments(0, video, lab.clock.now())[-1]["comment_id"]
    lab.world.changes.edit_comment(oldest, pinned=True)
    lab.world.changes.add_comment(video, 35, at=lab.clock.now())
    lab.world.changes.patch_video(video, comments=75)
    lab.clock.next_day()

    assert calls_of_reading(lab) == 2
    assert len(lab.rows(COMMENTS)) == 75


def test_beyond_500_new_comments_all_are_read(lab: Lab) -> None:
    video = add_video(lab, comments=20)
    calls_of_reading(lab)
    lab.world.changes.add_comment(video, 560, at=lab.clock.now())
    lab.world.changes.patch_video(video, comments=580)
    lab.clock.next_day()

    lab.read_videos([VIDEOS])
    lab.read_comments()

    world = {comment["comment_id"] for comment in lab.world.comments(0, video, lab.clock.now())}
    assert {row[1] for row in lab.rows(COMMENTS)} == world
    assert len(world) == 580


def test_a_video_is_read_in_full_again_after_30_days(lab: Lab) -> None:
    video = add_video(lab, comments=90)
    calls_of_reading(lab)
    lab.clock.next_day(29)
    assert calls_of_reading(lab) == 0
    lab.world.changes.edit_comment(lab.world.comments(0, video, lab.clock.now())[80]["comment_id"], likes=5)
    lab.clock.next_day()

    assert calls_of_reading(lab) == 3
    assert lab.rows(COMMENTS, where="likes = 5")


def test_a_young_video_whose_counter_moves_is_read_in_full(lab: Lab) -> None:
    video = add_video(lab, comments=70, days_old=2)
    calls_of_reading(lab)
    lab.world.changes.add_comment(video, 1, at=lab.clock.now())
    lab.world.changes.patch_video(video, comments=71)
    lab.clock.next_day()

    assert calls_of_reading(lab) == 3


def test_a_video_without_a_counter_is_read_once_a_week(lab: Lab) -> None:
    add_video(lab, comments=10, days_old=40)
    video = add_video(lab, comments=4)
    lab.world.changes.patch_video(video, comments=ABSENT)

    assert calls_of_reading(lab) == 2
    lab.clock.next_day(6)
    assert calls_of_reading(lab) == 0
    lab.clock.next_day()
    assert calls_of_reading(lab) == 1


@pytest.mark.parametrize("code", [40002, 40007])
def test_a_video_that_tiktok_does_not_know_is_skipped_and_its_rows_stay(lab: Lab, code: int) -> None:
    gone, other = add_video(lab, comments=5), add_video(lab, comments=7)
    calls_of_reading(lab)
    before = lab.rows(COMMENTS)
    for video in (gone, other):
        lab.world.changes.add_comment(video, 1, at=lab.clock.now())
        lab.world.changes.patch_video(video, comments=9)
    lab.simulator.faults.add(
        Fault(refuse(code, "video_id: no such video"), when=lambda params: params.get("video_id") == gone)
    )
    lab.clock.next_day()

    lab.read_videos([VIDEOS])
    (outcome,) = lab.read_comments()

    assert outcome.error is None
    assert [text for text in outcome.notes.warnings if gone in text and str(code) in text]
    assert [row for row in lab.rows(COMMENTS) if row[0] == gone] == [row for row in before if row[0] == gone]
    assert len([row for row in lab.rows(COMMENTS) if row[0] == other]) == 8
    lab.clock.next_day()
    assert calls_of_reading(lab) == 0, "it is tried again after a week, not every day"


def test_what_a_run_has_no_time_for_is_taken_up_by_the_next(lab: Lab) -> None:
    for _ in range(4):
        add_video(lab, comments=3)
    lab.read_videos([VIDEOS])
    ticking = lab.clock.now

    def each_look_takes_a_minute() -> object:
        lab.clock.moment += timedelta(minutes=1)
        return ticking()

    lab.clock.now = each_look_takes_a_minute  # type: ignore[method-assign]
    (first,) = lab.read_comments(limit=timedelta(minutes=6))
    lab.clock.now = ticking  # type: ignore[method-assign]
    videos_read = {row[0] for row in lab.rows(COMMENTS)}
    (second,) = lab.read_comments()

    assert 0 < len(videos_read) < 4
    assert any("videos left" in text for text in first.notes.warnings)
    assert not second.notes.warnings
    assert lab.rows(COMMENTS) == truth.in_order(truth.comments(lab))


def test_comments_need_the_videos_of_the_day(lab: Lab) -> None:
    add_video(lab, comments=5)
    lab.read_videos([VIDEOS])
    lab.clock.next_day()

    (outcome,) = lab.read_comments()

    assert outcome.error is not None
    assert "materialize tiktok_organic_videos for 2026-11-24 first" in outcome.error
    assert lab.simulator.calls.count(COMMENT_LIST) == 0


def test_an_older_post_never_read_to_its_end_is_read_later(lab: Lab) -> None:
    old = add_video(lab, comments=8, days_old=400)
    lab.read_videos([VIDEOS])
    lab.clock.next_day()

    assert calls_of_reading(lab) == 1
    assert {row[0] for row in lab.rows(COMMENTS)} == {old}
    lab.clock.next_day()
    assert calls_of_reading(lab) == 0


def test_a_video_that_cannot_be_read_holds_no_other_back_and_is_said(lab: Lab) -> None:
    videos = [add_video(lab, comments=35) for _ in range(4)]
    lab.simulator.faults.add(Fault(cursor_stands_still(), when=lambda params: params.get("video_id") == videos[1]))
    lab.read_videos([VIDEOS])

    (outcome,) = lab.read_comments()

    assert "cursor" in (outcome.error or "")
    expected = [row for row in truth.comments(lab) if row[0] != videos[1]]
    assert lab.rows(COMMENTS) == truth.in_order(expected)
    lab.simulator.faults.clear()
    assert lab.read_comments()[0].error is None
    assert lab.rows(COMMENTS) == truth.in_order(truth.comments(lab))


def test_an_api_that_is_down_is_not_asked_about_every_video(lab: Lab) -> None:
    for _ in range(20):
        add_video(lab, comments=5)
    lab.read_videos([VIDEOS])
    lab.simulator.calls.clear()
    lab.simulator.faults.add(Fault(http_status(503), path=COMMENT_LIST, after=4))

    (outcome,) = lab.read_comments()

    assert "503" in (outcome.error or "")
    assert len({row[0] for row in lab.rows(COMMENTS)}) == 4, "what was read before is kept"
    assert lab.simulator.calls.count(COMMENT_LIST) == 4 + 2 * 3 * 8, "3 videos, 8 attempts each, twice"


def test_what_the_first_attempt_noticed_is_not_forgotten_by_the_second(lab: Lab) -> None:
    first, second = add_video(lab, comments=5), add_video(lab, comments=5)

    def with_a_word_for_a_number(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "comments": [{**comment, "likes": "many"} for comment in data["comments"]]}

    lab.simulator.faults.add(
        Fault(change(with_a_word_for_a_number), when=lambda params: params.get("video_id") == first)
    )
    lab.simulator.faults.add(Fault(http_status(503), when=lambda params: params.get("video_id") == second, times=8))
    lab.read_videos([VIDEOS])

    (outcome,) = lab.read_comments()

    assert outcome.error is None
    assert outcome.total == 10
    assert [(finding.column, finding.count) for finding in outcome.notes.findings] == [("likes", 5)]
    assert outcome.stats.calls[COMMENT_LIST] == 1 + 8 + 1
