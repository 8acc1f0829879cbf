"""The simulated posts show what TikTok's documents describe."""

from datetime import UTC, datetime, timedelta

import pytest

from tiktok_organic_dagster.simulator import AccountKind, World
from tiktok_organic_dagster.simulator.videos import PERISHABLE, VERIFIED_CLICKS
from tiktok_organic_dagster_tests.unit.simulator.worlds import NOW, account_of, every_video


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


@pytest.mark.parametrize("videos", [777, 1, 0])
def test_videos_says_how_many_posts_there_are_by_the_reference_day(videos):
    assert len(World(1, 1, videos=videos).posts(0, datetime(2026, 11, 23, tzinfo=UTC))) == videos


def test_an_account_without_posts_is_described_all_the_same_and_never_posts():
    world = World(1, 4, videos=0)
    for account in world.accounts:
        assert world.posts(account, NOW + timedelta(days=2000)) == []
        assert world.profile(account, NOW)["videos_count"] == 0
        assert world.metrics(account, NOW.date() - timedelta(days=9), NOW.date(), NOW)


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
