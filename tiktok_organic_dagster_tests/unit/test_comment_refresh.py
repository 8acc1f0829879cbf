"""How far a video's comments are read: the rules of the design, each by a worked example with dates."""

import dataclasses
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tiktok_organic_dagster.readings.comment_refresh import (
    Known,
    Refresh,
    Video,
    after_reading,
    after_refusal,
    in_order,
    refresh,
)

SECOND = timedelta(seconds=1)
TOKYO = timezone(timedelta(hours=9))
NEW_YORK = timezone(timedelta(hours=-5))


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NOW = at("2026-11-23 12:00:00")
YESTERDAY = at("2026-11-22 12:00:00")
WEEK_AGO = at("2026-11-16 12:00:00")
OLD = at("2026-03-01 08:00:00")
YOUNG = at("2026-11-20 08:00:00")


def _video(counter, created_at=OLD):
    return Video("v", created_at, counter)


def _known(counter, read_at=YESTERDAY, complete_at=YESTERDAY, refused_at=None):
    return Known(read_at, counter, complete_at, refused_at)


# --- A video that was never read -------------------------------------------------------------------------------------


@pytest.mark.parametrize("created_at", [OLD, YOUNG, None])
@pytest.mark.parametrize("counter", [1, 2_000, None])
def test_a_video_that_was_never_read_is_read_in_full(created_at, counter):
    assert refresh(_video(counter, created_at), None, NOW) is Refresh.FULL


def test_an_older_video_that_shows_no_comments_and_was_never_read_is_left_alone():
    assert refresh(_video(0, OLD), None, NOW) is Refresh.NOTHING
    assert refresh(_video(0, None), None, NOW) is Refresh.NOTHING


def test_a_young_video_is_read_even_at_0_as_the_counter_comes_late():
    assert refresh(_video(0, YOUNG), None, NOW) is Refresh.FULL


def test_a_video_that_was_never_read_to_the_end_is_read_in_full():
    assert refresh(_video(5), _known(5, complete_at=None), NOW) is Refresh.FULL


# --- The counter stands still, rises, falls --------------------------------------------------------------------------


@pytest.mark.parametrize("created_at", [OLD, YOUNG, None])
def test_nothing_is_read_while_the_counter_stands_still(created_at):
    assert refresh(_video(5, created_at), _known(5), NOW) is Refresh.NOTHING


@pytest.mark.parametrize(("before", "after"), [(5, 6), (0, 1), (5, 5_000)])
def test_the_head_of_an_older_video_is_read_when_its_counter_rose(before, after):
    assert refresh(_video(after), _known(before), NOW) is Refresh.HEAD


@pytest.mark.parametrize(("before", "after"), [(5, 4), (5, 0), (1, 0)])
@pytest.mark.parametrize("created_at", [OLD, YOUNG, None])
def test_all_is_read_when_the_counter_fell(before, after, created_at):
    assert refresh(_video(after, created_at), _known(before), NOW) is Refresh.FULL


@pytest.mark.parametrize("after", [4, 6])
def test_all_is_read_of_a_young_video_whose_counter_moved(after):
    assert refresh(_video(after, YOUNG), _known(5), NOW) is Refresh.FULL


# --- The border of 7 days --------------------------------------------------------------------------------------------


def test_a_video_of_exactly_7_days_is_no_longer_young():
    assert refresh(_video(6, WEEK_AGO), _known(5), NOW) is Refresh.HEAD
    assert refresh(_video(0, WEEK_AGO), None, NOW) is Refresh.NOTHING


def test_a_video_one_second_younger_than_7_days_is_young():
    assert refresh(_video(6, WEEK_AGO + SECOND), _known(5), NOW) is Refresh.FULL
    assert refresh(_video(0, WEEK_AGO + SECOND), None, NOW) is Refresh.FULL


# --- 30 days after the last complete reading -------------------------------------------------------------------------


@pytest.mark.parametrize("counter", [5, 6])
def test_all_is_read_30_days_after_the_last_complete_reading(counter):
    known = _known(5, complete_at=at("2026-10-24 12:00:00"))
    assert refresh(_video(counter), known, NOW) is Refresh.FULL


def test_one_second_before_30_days_the_last_complete_reading_still_serves():
    known = _known(5, complete_at=at("2026-10-24 12:00:01"))
    assert refresh(_video(5), known, NOW) is Refresh.NOTHING
    assert refresh(_video(6), known, NOW) is Refresh.HEAD


def test_readings_of_the_head_do_not_put_off_the_complete_one():
    known = _known(5, read_at=at("2026-11-23 11:00:00"), complete_at=at("2026-10-01 12:00:00"))
    assert refresh(_video(5), known, NOW) is Refresh.FULL


# --- A young video at 0: one call a day ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("read_at", "expected"),
    [
        (at("2026-11-22 23:59:59"), Refresh.FULL),
        (at("2026-11-23 00:00:00"), Refresh.NOTHING),
        (at("2026-11-23 11:59:59"), Refresh.NOTHING),
    ],
)
def test_a_young_video_at_0_is_read_once_a_day(read_at, expected):
    assert refresh(_video(0, YOUNG), _known(0, read_at, read_at), NOW) is expected


def test_an_older_video_at_0_is_not_read_every_day():
    assert refresh(_video(0, OLD), _known(0), NOW) is Refresh.NOTHING


@pytest.mark.parametrize(
    ("read_at", "expected"),
    [
        (datetime(2026, 11, 23, 5, 0, tzinfo=TOKYO), Refresh.FULL),  # 20:00 UTC of the day before
        (datetime(2026, 11, 22, 21, 0, tzinfo=NEW_YORK), Refresh.NOTHING),  # 02:00 UTC of this day
    ],
)
def test_the_day_of_a_reading_is_that_of_utc_wherever_the_warehouse_stands(read_at, expected):
    assert refresh(_video(0, YOUNG), _known(0, read_at, read_at), NOW) is expected


def test_now_may_come_in_any_time_zone_too():
    read_at = at("2026-11-22 16:00:00")
    now = datetime(2026, 11, 22, 23, 30, tzinfo=NEW_YORK)  # 04:30 UTC of the 23rd
    assert refresh(_video(0, YOUNG), _known(0, read_at, read_at), now) is Refresh.FULL


# --- Without a counter: weekly ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("created_at", [OLD, YOUNG, None])
@pytest.mark.parametrize(
    ("read_at", "expected"),
    [
        (WEEK_AGO, Refresh.FULL),
        (WEEK_AGO - SECOND, Refresh.FULL),
        (WEEK_AGO + SECOND, Refresh.NOTHING),
        (YESTERDAY, Refresh.NOTHING),
    ],
)
def test_a_video_without_a_counter_is_read_weekly(created_at, read_at, expected):
    assert refresh(_video(None, created_at), _known(5, read_at, read_at), NOW) is expected


# --- A video that TikTok does not know -------------------------------------------------------------------------------


@pytest.mark.parametrize("counter", [None, 0, 5, 6, 4])
@pytest.mark.parametrize("created_at", [OLD, YOUNG])
def test_a_video_that_tiktok_refused_is_left_alone_for_a_week(counter, created_at):
    known = _known(5, refused_at=WEEK_AGO + SECOND)
    assert refresh(_video(counter, created_at), known, NOW) is Refresh.NOTHING


def test_a_video_that_was_refused_and_never_read_is_tried_in_full_after_a_week():
    assert refresh(_video(5), Known(None, None, None, refused_at=WEEK_AGO), NOW) is Refresh.FULL
    assert refresh(_video(5), Known(None, None, None, refused_at=WEEK_AGO + SECOND), NOW) is Refresh.NOTHING


def test_a_video_that_was_refused_a_week_ago_follows_the_rules_of_what_was_known_before():
    known = _known(5, refused_at=WEEK_AGO)
    assert refresh(_video(5), known, NOW) is Refresh.NOTHING
    assert refresh(_video(6), known, NOW) is Refresh.HEAD


# --- What is known afterwards ----------------------------------------------------------------------------------------


def test_after_a_first_complete_reading():
    assert after_reading(_video(5), None, NOW, complete=True) == Known(NOW, 5, NOW, None)


def test_after_a_reading_of_the_head_the_last_complete_one_stays():
    assert after_reading(_video(6), _known(5), NOW, complete=False) == Known(NOW, 6, YESTERDAY, None)


def test_after_a_first_reading_that_was_not_complete():
    assert after_reading(_video(6), None, NOW, complete=False) == Known(NOW, 6, None, None)


def test_a_counter_that_tiktok_left_out_keeps_its_last_value():
    assert after_reading(_video(None), _known(5), NOW, complete=True) == Known(NOW, 5, NOW, None)
    assert after_reading(_video(None), None, NOW, complete=True) == Known(NOW, None, NOW, None)


def test_a_counter_of_0_is_no_counter_left_out():
    assert after_reading(_video(0), _known(5), NOW, complete=True).counter == 0


def test_a_reading_that_succeeds_ends_a_refusal():
    known = _known(5, refused_at=WEEK_AGO)
    assert after_reading(_video(5), known, NOW, complete=True).refused_at is None


def test_a_refusal_changes_nothing_else_that_is_known():
    assert after_refusal(_known(5), NOW) == Known(YESTERDAY, 5, YESTERDAY, refused_at=NOW)
    assert after_refusal(_known(5, refused_at=WEEK_AGO), NOW) == Known(YESTERDAY, 5, YESTERDAY, refused_at=NOW)
    assert after_refusal(None, NOW) == Known(None, None, None, refused_at=NOW)


def test_what_is_known_cannot_be_changed_by_accident():
    for object_ in (_video(1), _known(1)):
        with pytest.raises(dataclasses.FrozenInstanceError):
            object_.counter = 2


# --- The life of one video -------------------------------------------------------------------------------------------


def test_the_first_40_days_of_a_video():
    """Published on 1 October at 10:00, read daily at 12:00; the counter comes a day late."""
    created_at = at("2026-10-01 10:00:00")
    counters = {0: 0, 1: 0, 2: 3, 3: 3, 6: 4, 9: 6, 12: 5}  # by the days since; the last one holds until the next
    known, read = None, {}
    counter = 0
    for day in range(41):
        now = at("2026-10-01 12:00:00") + timedelta(days=day)
        counter = counters.get(day, counter)
        video = _video(counter, created_at)
        how = refresh(video, known, now)
        if how is not Refresh.NOTHING:
            read[day] = how
            known = after_reading(video, known, now, complete=how is Refresh.FULL)
    assert read == {
        0: Refresh.FULL,  # never read, young
        1: Refresh.FULL,  # still at 0: once a day
        2: Refresh.FULL,  # young and moved
        6: Refresh.FULL,  # 6 days and 2 hours old: young and moved
        9: Refresh.HEAD,  # rose
        12: Refresh.FULL,  # fell; the next complete reading is due 30 days later, on day 42
    }


def test_two_runs_on_one_day_do_not_read_twice():
    for video in (_video(0, YOUNG), _video(5, YOUNG), _video(5), _video(None)):
        known = after_reading(video, None, NOW - timedelta(hours=7), complete=True)
        assert refresh(video, known, NOW) is Refresh.NOTHING


# --- The order of the videos -----------------------------------------------------------------------------------------


def test_never_read_videos_come_first_then_the_longest_unread():
    videos = [
        Video("read yesterday", at("2026-11-01 00:00:00"), 5),
        Video("never read, old", at("2026-01-01 00:00:00"), 5),
        Video("read last week", at("2026-02-01 00:00:00"), 5),
        Video("never read, new", at("2026-11-20 00:00:00"), 5),
        Video("read last month", at("2026-11-22 00:00:00"), 5),
    ]
    known = {
        "read yesterday": _known(5, YESTERDAY),
        "read last week": _known(5, WEEK_AGO),
        "read last month": _known(5, at("2026-10-23 12:00:00")),
    }
    assert [video.video_id for video in in_order(videos, known)] == [
        "never read, new",
        "never read, old",
        "read last month",
        "read last week",
        "read yesterday",
    ]


def test_a_video_that_was_only_refused_counts_as_never_read():
    videos = [Video("read", OLD, 5), Video("refused", OLD, 5)]
    known = {"read": _known(5), "refused": after_refusal(None, WEEK_AGO)}
    assert [video.video_id for video in in_order(videos, known)] == ["refused", "read"]


def test_a_never_read_video_of_unknown_age_comes_after_the_others_never_read():
    videos = [Video("read", OLD, 5), Video("ageless", None, 5), Video("old", OLD, 5)]
    assert [video.video_id for video in in_order(videos, {"read": _known(5)})] == ["old", "ageless", "read"]


def test_videos_of_equal_place_keep_their_order():
    videos = [Video(str(number), OLD, 5) for number in range(20)]
    assert in_order(videos, {}) == videos
