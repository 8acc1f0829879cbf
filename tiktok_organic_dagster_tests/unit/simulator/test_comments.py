"""The simulated comments come, change and go, and the counter follows."""

from datetime import UTC, datetime, timedelta

from tiktok_organic_dagster.simulator import AccountKind
from tiktok_organic_dagster_tests.unit.simulator.worlds import NOW


def test_every_account_but_small_ones_has_one_post_with_far_more_than_500_comments(world):
    total = 0
    for account in world.accounts:
        counts = [len(world.comments(account, post.item_id, NOW)) for post in world.posts(account, NOW)]
        assert sum(count > 600 for count in counts) == (account.kind is not AccountKind.SMALL)
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
