"""The fewest calls that a reading can do with, from the simulated world by the rules of the policies alone.

A page holds 20 posts or 30 comments, and each call brings one page. What the loader did is not looked at.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from tiktok_organic_dagster.simulator import World

POSTS, COMMENTS = 20, 30
YEAR, YOUNG, MONTH = timedelta(days=365), timedelta(days=7), timedelta(days=30)


def pages(rows: int, on_a_page: int) -> int:
    """An empty list is one page, as only its answer says that it is empty; a full one says itself if more follow."""
    return max(1, -(-rows // on_a_page))


def of_posts(world: World, account: int, at: datetime, *, first: bool) -> int:
    """Calls for the posts of an account.

    Later readings end a page after the last post of the 365 days: it is the first that shows nothing but older ones.
    That the cursor before it lies outside the 365 days would show it as well, but what the cursor means is not
    documented, and a year of posts that ends too early is not noticed.
    """
    whole = pages(len(world.posts(account, at)), POSTS)
    return whole if first else min(whole, -(-len(_of_a_year(world, account, at)) // POSTS) + 1)


def of_comments(world: World, account: int, at: datetime, before: datetime | None = None) -> int:
    """Calls for the comments of an account.

    Args:
        world: The world.
        account: Its index.
        at: When they are read.
        before: When they were read before; None for the first time.
    """
    posts = world.posts(account, at) if before is None else _of_a_year(world, account, at)
    return sum(_of_post(world, account, post, at, before) for post in posts)


def _of_post(world: World, account: int, post: Any, at: datetime, before: datetime | None) -> int:
    counter = world.video(account, post, at, breakdowns=False).get("comments")
    young = at - datetime.fromtimestamp(post.created, at.tzinfo) < YOUNG
    there = _in_order(world.comments(account, post.item_id, at))
    whole = pages(len(there), COMMENTS)
    if before is None or post.created > before.timestamp():
        return 0 if counter == 0 and not young else whole
    counted = world.video(account, post, before, breakdowns=False).get("comments")
    was_young = before - datetime.fromtimestamp(post.created, at.tzinfo) < YOUNG
    if counted == 0 and not was_young:  # it was not read then
        return 0 if counter == 0 else whole
    if counter is None:  # read once a week
        return 0 if at - before < YOUNG else whole
    fell, rose = counter < (counted or 0), counter > (counted or 0)
    if fell or (young and rose) or (young and counter == 0 and at.date() > before.date()) or at - before >= MONTH:
        return whole
    stored = {comment["comment_id"] for comment in world.comments(account, post.item_id, before)}
    return _to_the_first_known(there, stored) if rose else 0


def _to_the_first_known(comments: Sequence[dict[str, Any]], stored: set[str]) -> int:
    """Pages, newest first, to the first that holds a stored comment; a pinned one is on top however old it is."""
    for number, comment in enumerate(comments):
        if comment["comment_id"] in stored and not comment.get("pinned"):
            return number // COMMENTS + 1
    return pages(len(comments), COMMENTS)


def _in_order(comments: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As TikTok lists them."""
    return sorted(comments, key=lambda comment: not comment.get("pinned"))


def _of_a_year(world: World, account: int, at: datetime) -> list[Any]:
    since = (at.replace(hour=0, minute=0, second=0, microsecond=0) - YEAR).timestamp()
    return [post for post in world.posts(account, at) if post.created >= since]
