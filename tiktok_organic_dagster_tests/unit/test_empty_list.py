"""When an empty list of posts is believed, warned of, or refused: one row for each thing that may be stored."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tiktok_organic_dagster.readings.empty_list import Doubt, Held, KnownPosts, Profile, doubt

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TODAY = NOW.date()
YESTERDAY = date(2026, 11, 23)
EARLIER, LATER = timedelta(hours=-1), timedelta(hours=1)


def profile(posts: float | None, day: date = TODAY, at: timedelta = timedelta()) -> Profile:
    return Profile(day, NOW - (TODAY - day) + at, posts)


def held(day: date) -> Held:
    return Held(day, NOW - (TODAY - day))


COUNTED_TODAY = "its profile of today counts 1 public"
COUNTED_YESTERDAY = "its profile of 2026-11-23 counts 1 public"
HELD_TODAY = "an earlier reading of today holds some"
HELD_YESTERDAY = "the reading of 2026-11-23 holds some"
BELIEVED, WARNED, REFUSED = None, False, True


@pytest.mark.parametrize("can_be_counted", [True, False])
@pytest.mark.parametrize(
    ("newest_profile", "newest_reading", "why", "verdict"),
    [
        (None, None, "", BELIEVED),
        (None, held(YESTERDAY), HELD_YESTERDAY, WARNED),
        (None, held(TODAY), HELD_TODAY, REFUSED),
        (profile(None), None, "", BELIEVED),
        (profile(None), held(YESTERDAY), HELD_YESTERDAY, WARNED),
        (profile(None), held(TODAY), HELD_TODAY, REFUSED),
        (profile(1), None, COUNTED_TODAY, REFUSED),
        (profile(1), held(YESTERDAY), COUNTED_TODAY, REFUSED),
        (profile(1, YESTERDAY), held(TODAY), COUNTED_YESTERDAY, REFUSED),
        (profile(0), None, "", BELIEVED),
        (profile(0), held(YESTERDAY), "", BELIEVED),
        (profile(0), held(TODAY), "", BELIEVED),
        (profile(0, at=LATER), held(TODAY), "", BELIEVED),
        (profile(0, at=EARLIER), held(TODAY), HELD_TODAY, REFUSED),
        (profile(0, YESTERDAY), held(TODAY), HELD_TODAY, REFUSED),
        (profile(0, YESTERDAY), held(YESTERDAY), "", BELIEVED),
        (profile(0, YESTERDAY, EARLIER), held(YESTERDAY), HELD_YESTERDAY, WARNED),
        (profile(-1), held(TODAY), HELD_TODAY, REFUSED),
    ],
)
def test_what_is_made_of_an_empty_list(
    newest_profile: Profile | None, newest_reading: Held | None, why: str, verdict: bool | None, can_be_counted: bool
) -> None:
    known = KnownPosts(can_be_counted, newest_profile, newest_reading)
    assert doubt(known, TODAY) == (None if verdict is None else Doubt(why, is_refused=verdict))


@pytest.mark.parametrize(("can_be_counted", "refused"), [(True, True), (False, False)])
@pytest.mark.parametrize("newest_reading", [None, held(YESTERDAY)])
def test_an_old_count_is_only_warned_of_where_no_newer_one_can_come(
    can_be_counted: bool, refused: bool, newest_reading: Held | None
) -> None:
    known = KnownPosts(can_be_counted, profile(1, YESTERDAY), newest_reading)
    assert doubt(known, TODAY) == Doubt(COUNTED_YESTERDAY, is_refused=refused)
