"""Data quality on readings of the simulated TikTok: silent while all is well, exact where TikTok says odd things."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from tiktok_organic_dagster.quality import RULES, Verdict, verdict_of
from tiktok_organic_dagster.tables import METRIC_TABLES, VIDEO_TABLES
from tiktok_organic_dagster.warehouse import open_warehouse
from tiktok_organic_dagster_tests.lab import Lab

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")

ACCOUNT = "tiktok_organic_account"
METRICS = "tiktok_organic_account_metrics"
VIDEOS = "tiktok_organic_videos"
GENDERS = "tiktok_organic_videos_audience_genders"
COMMENTS = "tiktok_organic_videos_comments"


JUDGED = {rule.table for rule in RULES}


def read(lab: Lab) -> None:
    """All that a rule looks at."""
    lab.read_account()
    lab.read_metrics(days=12, tables=[table for table in METRIC_TABLES if table in JUDGED])
    read_videos(lab)
    lab.read_comments()


def read_videos(lab: Lab) -> None:
    lab.read_videos([table for table in VIDEO_TABLES if table in JUDGED])


def verdicts(lab: Lab) -> dict[tuple[str, str], Verdict]:
    with open_warehouse(lab.settings).session() as session:
        return {(rule.table.name, rule.name): verdict_of(rule, session, lab.clock.today) for rule in RULES}


def unusual(lab: Lab) -> dict[tuple[str, str], str]:
    """What the rules say, where they say something."""
    return {
        rule: "; ".join([*(f"@{each.username}: {each.why}" for each in verdict.unusual), *verdict.notes])
        for rule, verdict in verdicts(lab).items()
        if verdict.unusual or verdict.notes
    }


def test_healthy_accounts_of_all_kinds_never_warn(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=4, videos=10)
    for day in range(5):
        young = lab.world.timeline(3, lab.clock.now()).newest_first
        if day == 1:
            lab.world.changes.delete_video(young[2].item_id)
            lab.world.changes.delete_video(young[-1].item_id)  # one of more than a year ago
            lab.world.changes.pin_video(young[-2].item_id)
            lab.world.changes.rename(3, "new.name")
        if day == 2:
            post = lab.world.changes.add_video(0, at=lab.clock.now() - timedelta(hours=40))
            lab.world.changes.add_comment(post, 30)
        if day == 3:
            restated = lab.clock.today - timedelta(days=10)
            lab.world.changes.patch_metrics(0, restated, likes=4711, video_views=0)
        read(lab)
        if day == 3:
            read_videos(lab)  # a reading may be repeated

        assert unusual(lab) == {}, f"day {day}"
        lab.clock.next_day()

    lab.clock.next_day(-1)
    assert {rule: verdict.accounts for rule, verdict in verdicts(lab).items()} == {
        (ACCOUNT, "counters_do_not_fall"): 4,
        (METRICS, "follower_changes_add_up"): 2,  # the Business accounts
        (VIDEOS, "videos_match_profile_count"): 4,
        (VIDEOS, "no_sudden_loss_of_videos"): 4,
        (VIDEOS, "counters_do_not_fall"): 4,
        (f"{VIDEOS}_impression_sources", "shares_sum_to_one"): 4,
        (f"{VIDEOS}_audience_types", "shares_sum_to_one"): 4,
        (GENDERS, "shares_sum_to_one"): 4,
        (COMMENTS, "comments_match_counters"): 4,
    }


def test_what_tiktok_says_oddly_is_told_with_account_and_numbers(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=2, videos=10)
    changes, world = lab.world.changes, lab.world
    posts = [
        changes.add_video(0, at=lab.clock.now() - timedelta(days=10 + number), video_views=1_000, likes=400, comments=0)
        for number in range(8)
    ]
    yesterday, profile, before = lab.clock.today, world.profile(0, lab.clock.now()), world.posts(0, lab.clock.now())
    read(lab)
    lab.clock.next_day()
    today, now = lab.clock.today, lab.clock.now()
    for post in posts[:6]:
        changes.delete_video(post)
    genders = [{"gender": "Female", "percentage": 0.2}, {"gender": "Male", "percentage": 0.3}]
    changes.patch_video(posts[6], video_views=998, audience_genders=genders, comments=60)
    changes.patch_video(posts[7], likes=100)
    changes.set_profile(0, videos_count=len(before) - 6 + 20, total_likes=0)
    *_, day_before, last = world.metrics(0, today - timedelta(days=9), today, now)
    jump = date.fromisoformat(last["date"])
    changes.patch_metrics(
        0, jump, followers_count=day_before["followers_count"] + 900, daily_new_followers=7, daily_lost_followers=3,
        daily_total_followers=4,
    )  # fmt: skip

    read(lab)

    since = datetime(today.year, today.month, today.day, tzinfo=UTC) - timedelta(days=365)
    expected = [post for post in before if post.created >= since.timestamp()]
    received = [video for video in world.videos(0, now) if int(video["create_time"]) >= since.timestamp()]
    assert len(received) == len(expected) - 6, "another post came meanwhile: take another day"
    shown = sum(bool(video.get("audience_genders")) for video in received)
    commented = sum(bool(video.get("comments")) for video in received)
    name = world.username(0, now)
    assert unusual(lab) == {
        (ACCOUNT, "counters_do_not_fall"): f"@{name}: total_likes fell from {profile['total_likes']:,} on {yesterday} "
        f"to 0 on {today}, although the posts that are gone had 2,400 only",
        (METRICS, "follower_changes_add_up"): f"@{name}: 1 of {_neighbours(lab)} days do not add up, least of all "
        f"{jump}: 7 won less 3 lost, while followers_count moved by +900",
        (VIDEOS, "videos_match_profile_count"): f"@{name}: the profile counts {len(before) + 14} posts; "
        f"{len(received)} received and {len(before) - len(expected)} known that are older than 365 days leave 20 "
        "missing",
        (VIDEOS, "no_sudden_loss_of_videos"): f"@{name}: 6 of the {len(expected)} posts of {yesterday} are missing on "
        f"{today}",
        (VIDEOS, "counters_do_not_fall"): f"@{name}: likes fell for 1 of {len(received)} videos, most for {posts[7]}: "
        f"from 400 to 100; @{name}: video_views fell for 1 of {len(received)} videos, most for {posts[6]}: from 1,000 "
        "to 998",
        (GENDERS, "shares_sum_to_one"): f"@{name}: 1 of {shown} videos are off, most of all {posts[6]}: all sum to 0.5",
        (COMMENTS, "comments_match_counters"): f"@{name}: 1 of {commented} videos are off, most of all {posts[6]}: its "
        "counter says 60, 0 comments with 0 replies are stored",
    }


def _neighbours(lab: Lab) -> int:
    """Days of the last nine whose followers TikTok tells, and those of the day before."""
    days = [lab.clock.today - timedelta(days=back) for back in range(11)]
    told = {date.fromisoformat(day["date"]) for day in lab.world.metrics(0, days[-1], days[0], lab.clock.now())}
    return sum(day in told and day - timedelta(days=1) in told for day in days[:10])
