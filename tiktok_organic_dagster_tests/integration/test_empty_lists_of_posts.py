"""A list of posts that is empty although there are some: when it is refused, told, or believed."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tiktok_organic_dagster.simulator import Fault
from tiktok_organic_dagster.simulator.faults import change, empty_page
from tiktok_organic_dagster.tables import ACCOUNT, COMMENTS, VIDEO_VIEW_RETENTION, VIDEOS
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.lab import Lab

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")

NewLab = Callable[..., Lab]


def no_posts(lab: Lab, **more: int) -> Fault:
    """From now on the list of posts is empty, although there are some."""
    return lab.simulator.faults.add(Fault(empty_page(), path="business/video/list/", **more))


def take_away_all_posts(lab: Lab) -> None:
    for post in lab.world.videos(0, lab.clock.now()):
        lab.world.changes.delete_video(post["item_id"])


def test_an_empty_list_of_posts_does_not_replace_those_that_the_profile_counts(
    new_lab: NewLab, warehouse_url: str
) -> None:
    lab = new_lab(warehouse_url, accounts=2, videos=5)
    lab.read_account()
    lab.read_videos()
    before = lab.everything()
    fault = no_posts(lab, account=0)

    failed, other = sorted(lab.read_videos(), key=lambda outcome: outcome.error is None)

    assert failed.account.business_id == lab.business_id(0)
    assert "profile of today counts 5 public" in (failed.error or "")
    assert f"materialize {ACCOUNT.name}" in (failed.error or "")
    assert failed.is_passing
    assert fault.struck == 2, "tried once more at the end of the step"
    assert other.error is None
    assert lab.everything() == before


def test_a_first_reading_without_the_posts_that_the_profile_counts_fails_and_so_do_their_comments(
    new_lab: NewLab,
) -> None:
    lab = new_lab(accounts=1, videos=5)
    lab.read_account()
    no_posts(lab)

    (videos,) = lab.read_videos([VIDEOS])
    (comments,) = lab.read_comments()

    assert "counts 5 public" in (videos.error or "")
    assert f"materialize {VIDEOS.name} for {lab.clock.today} first" in (comments.error or "")
    assert lab.rows(VIDEOS) == lab.rows(COMMENTS) == []


def test_an_empty_list_that_was_a_passing_trouble_costs_nothing(new_lab: NewLab) -> None:
    lab = new_lab(accounts=1, videos=5)
    lab.read_account()
    fault = no_posts(lab, times=1)

    (outcome,) = lab.read_videos([VIDEOS])

    assert fault.struck == 1
    assert outcome.error is None
    assert lab.rows(VIDEOS) == truth.everything(lab)[VIDEOS.name]


def test_without_a_profile_of_today_an_empty_list_does_not_replace_an_earlier_reading_of_today(
    new_lab: NewLab,
) -> None:
    lab = new_lab(accounts=1, videos=5)
    lab.read_videos([VIDEOS])
    before = lab.rows(VIDEOS)
    no_posts(lab)

    (outcome,) = lab.read_videos([VIDEOS])

    assert "an earlier reading of today holds some" in (outcome.error or "")
    assert lab.rows(VIDEOS) == before != []


def test_an_account_without_posts_is_complete(new_lab: NewLab) -> None:
    lab = new_lab(accounts=1, videos=3)
    take_away_all_posts(lab)
    lab.read_account()
    assert lab.rows(ACCOUNT, ["videos_count"]) == [(0.0,)]

    (outcome,) = lab.read_videos([VIDEOS])

    assert outcome.error is None
    assert lab.rows(VIDEOS) == []


def test_posts_that_the_owner_took_away_are_gone_once_the_profile_says_so(new_lab: NewLab) -> None:
    lab = new_lab(accounts=1, videos=3)
    lab.read_account()
    lab.read_videos([VIDEOS])
    take_away_all_posts(lab)
    assert "counts 3 public" in (lab.read_videos([VIDEOS])[0].error or "")
    assert len(lab.rows(VIDEOS)) == 3

    lab.read_account()
    (outcome,) = lab.read_videos([VIDEOS])

    assert outcome.error is None
    assert lab.rows(VIDEOS) == []


def test_an_account_whose_posts_are_all_too_old_is_complete(new_lab: NewLab) -> None:
    lab = new_lab(accounts=1, videos=3)
    lab.read_account()
    lab.read_videos([VIDEOS])
    lab.clock.next_day()
    lab.read_account()
    two_years_ago = int((lab.clock.now() - timedelta(days=730)).timestamp())
    old = change(lambda data: data | {"videos": [post | {"create_time": two_years_ago} for post in data["videos"]]})
    lab.simulator.faults.add(Fault(old, path="business/video/list/"))

    (outcome,) = lab.read_videos([VIDEOS])

    assert outcome.error is None
    assert {day for (day,) in lab.rows(VIDEOS, ["metric_date"])} == {lab.clock.today - timedelta(days=1)}


def test_a_single_post_that_the_profile_counts_is_enough_to_doubt_an_empty_list(new_lab: NewLab) -> None:
    lab = new_lab(accounts=1, videos=1)
    lab.read_account()
    no_posts(lab)

    (outcome,) = lab.read_videos([VIDEOS])

    assert "its profile of today counts 1 public" in (outcome.error or "")


def test_without_a_profile_of_today_the_newest_one_is_asked(new_lab: NewLab, warehouse_url: str) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=5)
    lab.read_account()
    lab.read_videos()
    profile_of = lab.clock.today
    before = lab.everything()
    lab.clock.next_day(2)
    no_posts(lab)

    (outcome,) = lab.read_videos()

    assert f"its profile of {profile_of} counts 5 public" in (outcome.error or "")
    assert f"materialize {ACCOUNT.name}" in (outcome.error or "")
    assert lab.everything() == before


def test_without_any_profile_an_empty_list_after_a_day_with_posts_is_told(new_lab: NewLab, warehouse_url: str) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=5)
    lab.read_videos([VIDEOS])
    day, before = lab.clock.today, lab.rows(VIDEOS)
    lab.clock.next_day()
    no_posts(lab)

    for _ in range(2):  # a reading that is repeated says the same
        (outcome,) = lab.read_videos([VIDEOS])

        assert outcome.error is None
        (warning,) = outcome.notes.warnings
        assert f"No post of @{outcome.account.username} came, although the reading of {day} holds some" in warning
        assert lab.rows(VIDEOS) == before != []


def test_an_account_that_cannot_be_counted_is_red_until_tomorrow_and_then_warned_of_once(new_lab: NewLab) -> None:
    lab = new_lab(accounts=1, videos=3)
    lab.connect(0, without=["user.info.stats"])
    lab.read_account()
    lab.read_videos([VIDEOS])
    before = lab.rows(VIDEOS)
    take_away_all_posts(lab)

    lab.read_account()
    (same_day,) = lab.read_videos([VIDEOS])
    lab.clock.next_day()
    lab.read_account()
    (next_day,) = lab.read_videos([VIDEOS])
    lab.clock.next_day()
    lab.read_account()
    (later,) = lab.read_videos([VIDEOS])

    assert "an earlier reading of today holds some" in (same_day.error or "")
    assert "try again tomorrow" in (same_day.error or "")
    assert ACCOUNT.name not in (same_day.error or "")
    assert [outcome.error for outcome in (next_day, later)] == [None, None]
    came = f"No post of @{next_day.account.username} came"
    assert [sum(came in text for text in outcome.notes.warnings) for outcome in (next_day, later)] == [1, 0]
    assert lab.rows(VIDEOS) == before != []


def test_the_newest_profile_counts_also_if_an_older_one_knew_more(new_lab: NewLab, warehouse_url: str) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=3)
    lab.read_account()
    lab.read_videos([VIDEOS])
    day, before = lab.clock.today, lab.rows(VIDEOS)
    lab.clock.next_day()
    lab.connect(0, without=["user.info.stats"])
    lab.read_account()
    take_away_all_posts(lab)

    (outcome,) = lab.read_videos([VIDEOS])

    assert lab.rows(ACCOUNT, ["videos_count"]) == [(3.0,), (None,)]
    assert outcome.error is None
    assert any(f"came, although the reading of {day} holds some" in text for text in outcome.notes.warnings)
    assert lab.rows(VIDEOS) == before != []


def test_a_count_of_none_does_not_excuse_the_loss_of_posts_that_were_read_after_it(
    new_lab: NewLab, warehouse_url: str
) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=3)
    take_away_all_posts(lab)
    lab.read_account()
    assert lab.rows(ACCOUNT, ["videos_count"]) == [(0.0,)]
    lab.world.changes.clear()
    lab.clock.moment += timedelta(hours=1)
    lab.read_videos()
    before = lab.everything()
    no_posts(lab)

    (outcome,) = lab.read_videos()

    assert "an earlier reading of today holds some" in (outcome.error or "")
    assert lab.everything() == before
    assert before[VIDEOS.name] != []


def test_a_breakdown_alone_is_not_replaced_by_nothing_either(new_lab: NewLab, warehouse_url: str) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=5)
    lab.read_videos([VIDEO_VIEW_RETENTION])
    before = lab.rows(VIDEO_VIEW_RETENTION)
    no_posts(lab)

    (outcome,) = lab.read_videos([VIDEO_VIEW_RETENTION])

    assert "an earlier reading of today holds some" in (outcome.error or "")
    assert lab.rows(VIDEO_VIEW_RETENTION) == before != []
