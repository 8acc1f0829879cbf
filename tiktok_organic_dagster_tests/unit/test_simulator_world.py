"""The simulated world keeps its promises: it is a pure function, and it shows what TikTok's documents describe."""

import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from tiktok_organic_dagster.simulator import ABSENT, AccountKind, World
from tiktok_organic_dagster.simulator.videos import PERISHABLE, VERIFIED_CLICKS

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TODAY = NOW.date()
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def world() -> World:
    """The default world; tests that change a world make their own."""
    return World()


def every_video(world: World, moment: datetime = NOW) -> list[dict]:
    return [video for account in world.accounts for video in world.videos(account, moment)]


def account_of(world: World, kind: AccountKind) -> int:
    return next(account.index for account in world.accounts if account.kind is kind)


def snapshot(world: World, moment: datetime) -> str:
    return json.dumps(
        [
            [
                world.profile(account, moment),
                world.audience(account, moment),
                world.metrics(account, moment.date() - timedelta(days=58), moment.date(), moment),
                videos := world.videos(account, moment),
                [world.comments(account, video["item_id"], moment) for video in videos[:40]],
            ]
            for account in world.accounts[:3]
        ]
    )


# A pure function of seed and moment.


def test_another_process_sees_the_same_world():
    program = (
        "import hashlib, datetime as d\n"
        "from tiktok_organic_dagster.simulator import World\n"
        "from tiktok_organic_dagster_tests.unit.test_simulator_world import NOW, snapshot\n"
        "print(hashlib.sha256(snapshot(World(7), NOW).encode()).hexdigest())\n"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": salt},
            cwd=ROOT,
        ).stdout
        for salt in ("1", "2")
    }
    assert len(seen) == 1


def test_what_was_asked_before_does_not_matter():
    asked, fresh = World(3), World(3)
    for days in (0, 900, 30, 1500):
        snapshot(asked, NOW + timedelta(days=days))
    earlier = NOW - timedelta(days=200, hours=5)
    assert snapshot(asked, earlier) == snapshot(fresh, earlier)


def test_other_seeds_give_other_worlds():
    assert snapshot(World(1), NOW) != snapshot(World(2), NOW)


@pytest.mark.parametrize("moment", [datetime(2025, 3, 1, tzinfo=UTC), NOW, datetime(2030, 12, 31, 23, tzinfo=UTC)])
def test_the_world_is_inhabited_on_any_day_from_2025_to_2030(world, moment):
    for account in world.accounts:
        assert world.posts(account, moment)
        assert world.profile(account, moment)["followers_count"] > 0
        assert world.metrics(account, moment.date() - timedelta(days=20), moment.date(), moment)


def test_a_world_may_begin_later_and_hold_many_accounts():
    world = World(1, accounts=30, epoch=date(2028, 1, 1))
    assert len({account.username for account in world.accounts}) == 30
    assert all(account.created >= date(2028, 1, 1) for account in world.accounts)
    assert all(len(world.posts(account, datetime(2029, 1, 1, tzinfo=UTC))) > 20 for account in world.accounts)
    assert world.posts(0, NOW) == []


def test_posts_only_accumulate(world):
    for account in world.accounts:
        days = [NOW - timedelta(days=300) + timedelta(days=30 * month) for month in range(20)]
        lists = [[post.item_id for post in world.posts(account, day)] for day in days]
        for earlier, later in pairwise(lists):
            assert later[len(later) - len(earlier) :] == earlier


# Accounts.


def test_the_first_four_accounts_show_the_four_kinds(world):
    assert [account.kind for account in world.accounts[:4]] == list(AccountKind)


def test_every_account_has_500_days_of_posts_by_now(world):
    for account in world.accounts:
        assert int(world.videos(account, NOW)[-1]["create_time"]) <= (NOW - timedelta(days=500)).timestamp()


def test_ids_are_opaque_and_belong_to_the_developer_app(world):
    ids = [world.business_id(account, "app") for account in world.accounts]
    assert len({*ids, *(world.business_id(account, "other app") for account in world.accounts)}) == 2 * len(ids)
    assert any(each.startswith("-") for each in ids)


def test_a_small_account_stays_below_100_followers_and_has_no_audience(world):
    small = account_of(world, AccountKind.SMALL)
    for year in range(2025, 2031):
        moment = datetime(year, 6, 1, tzinfo=UTC)
        assert world.profile(small, moment)["followers_count"] < 100
        assert world.audience(small, moment) == {}


def test_profiles_hold_an_empty_and_a_difficult_bio(world):
    bios = [world.profile(account, NOW)["bio_description"] for account in world.accounts]
    assert "" in bios
    assert any("\n" in bio and "☕" not in bio and not bio.isascii() for bio in bios)


def test_image_addresses_are_signed_and_change(world):
    today, later = (world.profile(0, moment)["profile_image"] for moment in (NOW, NOW + timedelta(days=2)))
    assert "x-expires=" in today
    assert today != later
    assert int(today.split("x-expires=")[1].split("&")[0]) > NOW.timestamp()


# Daily metrics.


def test_a_day_is_published_24_to_48_hours_after_its_end(world):
    for account in world.accounts:
        for back in range(30):
            day = TODAY - timedelta(days=back)
            end = datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC)
            published = world.published_at(account, day)
            assert timedelta(hours=24) <= published - end <= timedelta(hours=48)
            assert not world.metrics(account, day, day, published - timedelta(seconds=1))
            assert world.metrics(account, day, day, published)


def test_days_before_the_account_was_opened_are_absent(world):
    account = world.accounts[0]
    days = world.metrics(account, date(2024, 12, 1), account.created + timedelta(days=3), NOW)
    assert [day["date"] for day in days] == [(account.created + timedelta(days=n)).isoformat() for n in range(4)]


def test_each_kind_of_account_gets_its_metrics(world):
    shown = {
        kind: world.metrics(account_of(world, kind), TODAY - timedelta(days=9), TODAY, NOW)[0] for kind in AccountKind
    }
    assert "email_clicks" in shown[AccountKind.VERIFIED_BUSINESS]
    assert "email_clicks" not in shown[AccountKind.BUSINESS]
    assert len(shown[AccountKind.BUSINESS]["audience_activity"]) == 24
    assert "unique_video_views" not in shown[AccountKind.PERSONAL]
    assert shown[AccountKind.SMALL]["unique_video_views"] is None


def test_some_days_are_restated_once_and_then_stand(world):
    restated = 0
    for back in range(40, 80):
        day = TODAY - timedelta(days=back)
        since = world.published_at(0, day)
        first, final, later = (
            world.metrics(0, day, day, since + timedelta(hours=hours))[0] for hours in (0, 25, 24 * 30)
        )
        assert final == later
        assert first["video_views"] <= final["video_views"]
        restated += first != final
    assert 5 < restated < 35


def test_followers_add_up_from_day_to_day(world):
    days = world.metrics(1, TODAY - timedelta(days=50), TODAY, NOW)
    for before, after in pairwise(days):
        assert after["followers_count"] - before["followers_count"] == after["daily_total_followers"]
        assert after["daily_total_followers"] == after["daily_new_followers"] - after["daily_lost_followers"]


# Posts.


def test_post_ids_are_19_digits_and_follow_time(world):
    for account in world.accounts:
        videos = world.videos(account, NOW)
        assert len({video["item_id"] for video in videos}) == len(videos)
        for video in videos:
            assert len(video["item_id"]) == 19
            assert int(video["item_id"]) >> 32 == int(video["create_time"])
        times = [int(video["create_time"]) for video in videos]
        assert times == sorted(times, reverse=True)


def test_some_posts_share_their_second(world):
    times = [video["create_time"] for video in world.videos(1, NOW)]
    assert len(set(times)) < len(times)


def test_videos_says_how_many_posts_there_are_by_the_reference_day():
    assert len(World(1, 1, videos=777).posts(0, datetime(2026, 11, 23, tzinfo=UTC))) == 777


def test_counters_are_24_to_48_hours_old(world):
    post = max(world.posts(1, NOW), key=lambda each: each.final_views)
    born = datetime.fromtimestamp(post.created, UTC)
    for hours in range(30, 200, 7):
        moment = born + timedelta(hours=hours)
        views = world.video(1, post, moment).get("video_views", 0)
        assert post.views((moment - timedelta(hours=48)).timestamp()) <= views
        assert views <= post.views((moment - timedelta(hours=24)).timestamp())


def test_young_posts_have_basics_only(world):
    young = [
        world.video(account, post, datetime.fromtimestamp(post.created + 3600, UTC))
        for account in world.accounts
        for post in world.posts(account, NOW)[:30]
    ]
    assert all(video["caption"] is not None and "video_view_retention" not in video for video in young)
    assert {video.get("video_views", "absent") for video in young} == {0, "absent"}


def test_values_stand_still_a_year_after_publication(world):
    post = world.posts(0, NOW)[-20]
    year = datetime.fromtimestamp(post.created, UTC) + timedelta(days=367)
    counted = ("video_views", "likes", "comments", "shares", "audience_types")
    first, later = (world.video(0, post, moment) for moment in (year, year + timedelta(days=400)))
    assert [first[name] for name in counted] == [later[name] for name in counted]


def test_perishable_values_are_missing_on_quiet_posts_and_only_there(world):
    missing = [video for video in every_video(world) if "reach" not in video and "video_duration" in video]
    assert missing
    for video in missing:
        assert not set(PERISHABLE) & video.keys()
    lively = [video for video in every_video(world) if "reach" in video and video["media_type"] == "VIDEO"]
    assert lively
    for video in lively:
        assert "impression_sources" in video or video["video_views"] == 0


def test_perishable_values_come_back_with_new_activity(world):
    revived = [
        post
        for account in world.accounts
        for post in world.posts(account, NOW)
        if post.revival_day < 300 and post.final_views < 2_000 and post.revival_views > 20
    ]
    found = 0
    for post in revived:
        wave = datetime.fromtimestamp(post.created, UTC) + timedelta(days=post.revival_day)
        before, after = (world.video(post.account, post, wave + timedelta(days=days)) for days in (-1, 5))
        found += "audience_types" in before and "reach" not in before and "reach" in after
    assert found


def test_breakdowns_have_the_documented_shapes(world):
    seen = 0
    for video in every_video(world):
        if video["media_type"] == "PHOTO" or not video.get("impression_sources"):
            continue
        seen += 1
        retention = [row["percentage"] for row in video["video_view_retention"]]
        assert retention[0] == 1
        assert retention == sorted(retention, reverse=True)
        assert [row["second"] for row in video["video_view_retention"]] == [str(n) for n in range(len(retention))]
        assert sum(row["percentage"] for row in video["engagement_likes"]) == pytest.approx(1)
        sources = [row["percentage"] for row in video["impression_sources"]]
        assert sources == sorted(sources, reverse=True)
        types = {row["type"]: row["percentage"] for row in video["audience_types"]}
        assert types["NEW_VIEWER"] + types["RETURN_VIEWER"] == pytest.approx(1)
        assert types["FOLLOWER_PERCENT"] + types["NON_FOLLOWER_PERCENT"] == pytest.approx(1)
        assert {row["gender"] for row in video["audience_genders"]} == {"Female", "Male", "Other"}
        for name, key in (("audience_countries", "country"), ("audience_cities", "city_name")):
            places = [row[key] for row in video[name]]
            assert len(places) == len(set(places)) <= 10
    assert seen > 50


def test_photo_posts_leave_video_values_out_in_three_ways(world):
    photos = [video for video in every_video(world) if video["media_type"] == "PHOTO" and "shares" in video]
    assert {video.get("video_duration", "absent") for video in photos} == {0.0, None, "absent"}


def test_each_kind_of_account_gets_its_post_fields(world):
    def old_post(kind: AccountKind) -> dict:
        return world.videos(account_of(world, kind), NOW)[-1]

    assert set(VERIFIED_CLICKS) <= old_post(AccountKind.VERIFIED_BUSINESS).keys()
    assert "profile_views" in old_post(AccountKind.BUSINESS)
    assert not set(VERIFIED_CLICKS) & old_post(AccountKind.BUSINESS).keys()
    assert "profile_views" not in old_post(AccountKind.PERSONAL)
    assert old_post(AccountKind.SMALL)["website_clicks"] is None


def test_captions_hold_what_breaks_loaders(world):
    captions = [video["caption"] for video in every_video(world)]
    assert "" in captions
    assert any(len(caption) == 2200 for caption in captions)
    for difficult in ("\n", '"', "☕", "ש", "ص", "🏳️‍🌈"):
        assert any(difficult in caption for caption in captions)


# Comments.


def test_every_account_has_one_post_with_far_more_than_500_comments(world):
    total = 0
    for account in world.accounts:
        counts = [len(world.comments(account, post.item_id, NOW)) for post in world.posts(account, NOW)]
        assert sum(count > 600 for count in counts) == 1
        total += sum(counts)
    assert 3_000 <= total <= 6_000


def test_the_comment_counter_is_the_number_of_comments_30_to_36_hours_ago(world):
    for account in world.accounts:
        for post in world.posts(account, NOW)[:60]:
            counted = datetime.fromtimestamp(world.counted_at(NOW), UTC)
            if "video_views" in (video := world.video(account, post, NOW)):
                assert video["comments"] == len(world.comments(account, post.item_id, counted))
    assert timedelta(hours=30) <= NOW - counted <= timedelta(hours=36)


def test_comments_live(world):
    monster = max(world.posts(0, NOW), key=lambda post: post.comments)
    born = datetime.fromtimestamp(monster.created, UTC)
    early, late = (
        {comment["comment_id"]: comment for comment in world.comments(0, monster.item_id, born + timedelta(days=days))}
        for days in (6, 120)
    )
    both = early.keys() & late.keys()
    assert early.keys() - late.keys()
    assert late.keys() - early.keys()
    for field in ("text", "status", "likes", "liked", "replies", "pinned"):
        changed = any(early[each][field] != late[each][field] for each in both)
        assert changed or field == "pinned"
    assert {comment["status"] for comment in late.values()} == {"PUBLIC", "HIDDEN"}
    assert any("image_url" in comment for comment in late.values())
    assert any(comment["owner"] for comment in late.values())
    assert all(len(comment["user_id"]) == 64 for comment in late.values())


def test_replies_are_as_many_as_the_comment_says(world):
    monster = max(world.posts(2, NOW), key=lambda post: post.comments)
    replied = [comment for comment in world.comments(2, monster.item_id, NOW) if comment["replies"]]
    assert replied
    for comment in replied[:20]:
        replies = world.replies(2, monster.item_id, comment["comment_id"], NOW)
        assert len(replies) == comment["replies"]
        assert all(reply["parent_comment_id"] == comment["comment_id"] for reply in replies)


# What tests change.


def test_a_renamed_account_has_its_new_name_everywhere():
    world = World()
    world.changes.rename(0, "new.name", at=NOW)
    assert world.profile(0, NOW)["username"] == "new.name"
    assert "/@new.name/" in world.videos(0, NOW)[0]["share_url"]
    assert world.username(0, NOW - timedelta(seconds=1)) == world.accounts[0].username


def test_profile_and_audience_fields_can_be_set_and_left_out():
    world = World()
    world.changes.set_profile(0, bio_description="new", is_verified=ABSENT, audience_ages=[])
    profile = world.profile(0, NOW)
    assert profile["bio_description"] == "new"
    assert "is_verified" not in profile
    assert world.audience(0, NOW)["audience_ages"] == []


def test_posts_can_be_added_changed_pinned_and_deleted():
    world = World()
    before = [video["item_id"] for video in world.videos(1, NOW)]
    added = world.changes.add_video(1, at=NOW, caption="made up", likes=3)
    world.changes.patch_video(before[0], caption=ABSENT, likes="12")
    world.changes.pin_video(before[-1])
    world.changes.delete_video(before[1])
    videos = world.videos(1, NOW)
    assert [video["item_id"] for video in videos] == [before[-1], added, before[0], *before[2:-1]]
    assert (videos[1]["caption"], videos[1]["likes"]) == ("made up", 3)
    assert "caption" not in videos[2]
    assert videos[2]["likes"] == "12"
    assert world.profile(1, NOW)["videos_count"] == len(before)


def test_comments_can_be_added_edited_and_deleted_and_the_counter_follows_later():
    world = World()
    post = next(post for post in world.posts(0, NOW)[10:] if post.comments > 3)
    before = world.comments(0, post.item_id, NOW)
    count = world.video(0, post, NOW)["comments"]
    added = world.changes.add_comment(post.item_id, 2, at=NOW, text="hello")
    world.changes.edit_comment(before[0]["comment_id"], text="edited", at=NOW)
    world.changes.delete_comment(before[1]["comment_id"], at=NOW)
    after = world.comments(0, post.item_id, NOW)
    assert [comment["comment_id"] for comment in after[:3]] == [*reversed(added), before[0]["comment_id"]]
    assert [comment["text"] for comment in after[:3]] == ["hello", "hello", "edited"]
    assert len(after) == len(before) + 1
    assert world.video(0, post, NOW)["comments"] == count
    assert world.video(0, post, NOW + timedelta(hours=37))["comments"] == len(after)


def test_a_change_without_a_moment_needs_a_clock():
    world = World()
    with pytest.raises(ValueError, match="needs a moment"):
        world.changes.add_video(0)
    world.changes.clock = lambda: NOW
    assert world.changes.add_video(0) == world.videos(0, NOW)[0]["item_id"]


def test_metrics_can_be_changed_and_withdrawn():
    world = World()
    day, other = TODAY - timedelta(days=10), TODAY - timedelta(days=11)
    world.changes.patch_metrics(0, day, likes=1, shares=ABSENT)
    world.changes.withdraw_metrics_day(0, other)
    days = world.metrics(0, other, day, NOW)
    assert [each["date"] for each in days] == [day.isoformat()]
    assert days[0]["likes"] == 1
    assert "shares" not in days[0]


def test_an_account_whose_analytics_are_off_has_no_metrics():
    world = World()
    world.changes.analytics_off(1)
    assert world.metrics(1, TODAY - timedelta(days=20), TODAY, NOW) == []
    assert world.audience(1, NOW) == {}
    assert world.profile(1, NOW)["followers_count"]


def test_cleared_changes_leave_the_world_as_it_was():
    world = World()
    world.changes.delete_video(world.posts(0, NOW)[0].item_id)
    world.changes.add_video(0, at=NOW)
    world.changes.clear()
    assert world.videos(0, NOW) == World().videos(0, NOW)
