"""What tests change in the simulated world shows everywhere."""

from datetime import timedelta

import pytest

from tiktok_organic_dagster.simulator import ABSENT, World
from tiktok_organic_dagster_tests.unit.simulator.worlds import NOW, TODAY


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
    world.changes.publish_late(0, TODAY - timedelta(days=5), TODAY, timedelta(days=2))
    assert world.changes.any
    world.changes.clear()
    assert not world.changes.any
    assert world.videos(0, NOW) == World().videos(0, NOW)
    assert world.published_at(0, TODAY) == World().published_at(0, TODAY)
