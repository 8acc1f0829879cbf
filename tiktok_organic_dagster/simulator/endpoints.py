"""The four read endpoints of the Accounts API, answered from the simulated world."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from tiktok_organic_dagster.simulator import api_fields
from tiktok_organic_dagster.simulator.accounts import SimulatedAccount
from tiktok_organic_dagster.simulator.answers import (
    ApiRefusal,
    Data,
    invalid,
    missing,
    scope_not_granted,
)
from tiktok_organic_dagster.simulator.chance import chance
from tiktok_organic_dagster.simulator.parameters import (
    Query,
    read_bool,
    read_choice,
    read_date,
    read_fields,
    read_int,
    read_list,
    read_object,
)
from tiktok_organic_dagster.simulator.posts import Post
from tiktok_organic_dagster.simulator.world import World

METRICS_REACH_BACK_DAYS = 60
VIDEOS_A_PAGE = 20
COMMENTS_A_PAGE = 30
ORDERED_COMMENTS = 500
"""Beyond this many, comments come by likes, and some of them a second time."""

REPLIES_WITH_A_COMMENT = 3


@dataclass(slots=True)
class Habits:
    """How the API behaves where the contract leaves it a choice.

    Attributes:
        short_pages_of: Indexes of the accounts some of whose pages are short or empty although more follow.
        pinned_comments_first: Whether a pinned comment precedes the order asked for.
        scale_of_shares: Of percentages in post `audience_cities`: 1, or 100 as one documented example suggests.
    """

    short_pages_of: set[int] = field(default_factory=set[int])
    pinned_comments_first: bool = True
    scale_of_shares: int = 1


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that passed authentication."""

    world: World
    habits: Habits
    account: SimulatedAccount
    scopes: list[str]
    moment: datetime
    query: Query


def business_get(asked: Asked) -> Data:
    """GET business/get/: the profile, the audience and the daily metrics, as far as asked for."""
    today = asked.moment.astimezone(UTC).date()
    start = read_date(asked.query, "start_date", today - timedelta(days=7))
    end = read_date(asked.query, "end_date", today - timedelta(days=1))
    if start < today - timedelta(days=METRICS_REACH_BACK_DAYS):
        raise invalid("start_date", f"Must be within the last {METRICS_REACH_BACK_DAYS} days.")
    if end >= today:
        raise invalid("end_date", "Must be earlier than today (UTC).")
    if start > end:
        raise invalid("start_date", "Must not be later than end_date.")
    fields = read_fields(asked.query, api_fields.ACCOUNT, api_fields.ACCOUNT_DEFAULT, asked.scopes)
    known: Data = {}
    if not api_fields.PROFILE.keys().isdisjoint(fields):
        known |= asked.world.profile(asked.account, asked.moment)
    if not api_fields.AUDIENCE.keys().isdisjoint(fields):
        known |= asked.world.audience(asked.account, asked.moment)
    shown = {name: known[name] for name in fields if name in known}
    # followers_count is both: the lifetime value, and a daily one for those who may see insights.
    daily = {name for name in fields if name in api_fields.METRICS or name == "followers_count"}
    if daily and "user.insights" in asked.scopes:
        days = asked.world.metrics(asked.account, start, end, asked.moment)
        shown["metrics"] = [
            {name: value for name, value in day.items() if name == "date" or name in daily} for day in days
        ]
    return shown


def video_list(asked: Asked) -> Data:
    """GET business/video/list/: a page of posts, newest first."""
    if "video.list" not in asked.scopes:
        raise scope_not_granted(["item_id"])
    fields = read_fields(asked.query, api_fields.VIDEO, api_fields.VIDEO_DEFAULT, asked.scopes)
    if "item_id" not in fields:
        raise invalid("fields", "item_id is required.")
    count = read_int(asked.query, "max_count", 10, 1, VIDEOS_A_PAGE)
    now_ms = int(asked.moment.timestamp() * 1000)
    # A post of this very second is published already: the default cursor lies after it.
    cursor = read_int(asked.query, "cursor", now_ms + 1000, 0, 10**15)
    filters = read_object(asked.query, "filters")
    unknown = filters.keys() - {"video_ids", "ad_post_only"}
    if unknown:
        raise invalid("filters", f"Unknown field(s): {', '.join(sorted(unknown))}.")
    if "video_ids" in filters:
        return _chosen_videos(asked, fields, filters)
    if filters.get("ad_post_only"):
        raise invalid("filters", "ad_post_only needs video_ids.")
    timeline = asked.world.timeline(asked.account, asked.moment)
    following = timeline.before(cursor, count + 200)
    newest = timeline.newest_first
    is_first = not newest or (bool(following) and following[0] is newest[0])
    pinned = timeline.pinned if is_first else []
    page = _whole_seconds(following, max(1, count - len(pinned)))
    next_cursor = page[-1].created * 1000 if page else 0
    if page and not is_first and asked.account.index in asked.habits.short_pages_of:
        page, next_cursor = _shortened(asked, page, cursor)
    return {
        "videos": [_show(asked, post, fields) for post in [*pinned, *page]],
        "cursor": next_cursor,
        "has_more": bool(timeline.before(next_cursor, 1)),
    }


def comment_list(asked: Asked) -> Data:
    """GET business/comment/list/: a page of a post's comments."""
    query = asked.query
    video_id = _commented_video(asked)
    status = read_choice(query, "status", ("PUBLIC", "ALL"), "ALL")
    sort_field = read_choice(query, "sort_field", ("likes", "replies", "create_time"), "")
    sort_order = read_choice(query, "sort_order", ("asc", "desc", "smart"), "smart")
    with_replies = read_bool(query, "include_replies")
    cursor = read_int(query, "cursor", 0, 0, 10**9)
    count = read_int(query, "max_count", 20, 1, COMMENTS_A_PAGE)
    comment_ids = read_list(query, "comment_ids")
    if comment_ids is not None and len(comment_ids) > COMMENTS_A_PAGE:
        raise invalid("comment_ids", f"Longer than maximum length {COMMENTS_A_PAGE}.")
    comments = asked.world.comments(asked.account, video_id, asked.moment)
    if comment_ids is not None:
        comments = _chosen_comments(asked, video_id, comments, comment_ids)
    elif with_replies:
        comments = _ordered(asked, comments, "likes", "smart", video_id)
    else:
        comments = _ordered(asked, comments, sort_field, sort_order, video_id)
    comments = [comment for comment in comments if status == "ALL" or comment.get("status") == status]
    comments = _beyond_ordered(asked, comments, video_id)
    page = _comment_page(asked, comments, cursor, count)
    if with_replies:
        for comment in page["comments"]:
            replies = asked.world.replies(asked.account, video_id, comment["comment_id"], asked.moment)
            comment["reply_list"] = replies[:REPLIES_WITH_A_COMMENT]
    return page


def reply_list(asked: Asked) -> Data:
    """GET business/comment/reply/list/: a page of the replies to a comment, under the key `comments`."""
    video_id = _commented_video(asked)
    comment_id = str(asked.query["comment_id"])
    status = read_choice(asked.query, "status", ("PUBLIC", "ALL"), "ALL")
    sort_field = read_choice(asked.query, "sort_field", ("likes", "create_time"), "")
    sort_order = read_choice(asked.query, "sort_order", ("asc", "desc"), "")
    cursor = read_int(asked.query, "cursor", 0, 0, 10**9)
    count = read_int(asked.query, "max_count", 20, 0, COMMENTS_A_PAGE)
    comments = asked.world.comments(asked.account, video_id, asked.moment)
    if all(comment["comment_id"] != comment_id for comment in comments):
        raise ApiRefusal(40007, f"The comment does not exist: {comment_id}")
    replies = asked.world.replies(asked.account, video_id, comment_id, asked.moment)
    replies = _ordered(asked, replies, sort_field, sort_order or "smart", comment_id)
    replies = [reply for reply in replies if status == "ALL" or reply["status"] == status]
    return _comment_page(asked, replies, cursor, count)


Endpoint = Callable[[Asked], Data]

ENDPOINTS: dict[str, Endpoint] = {
    "business/get/": business_get,
    "business/video/list/": video_list,
    "business/comment/list/": comment_list,
    "business/comment/reply/list/": reply_list,
}
REQUIRED = {
    "business/comment/list/": ("video_id",),
    "business/comment/reply/list/": ("video_id", "comment_id"),
}
"""Checked before the token, like `business_id`."""


def check_required(path: str, query: Query) -> None:
    """Refuse a call that lacks a parameter every call must have."""
    for name in REQUIRED.get(path, ()):
        if not query.get(name):
            raise missing(name)


# Videos.


def _show(asked: Asked, post: Post, fields: list[str]) -> Data:
    breakdowns = not api_fields.VIDEO_BREAKDOWNS.isdisjoint(fields)
    video = asked.world.video(asked.account, post, asked.moment, breakdowns=breakdowns)
    shown = {name: video[name] for name in fields if name in video}
    if asked.habits.scale_of_shares != 1 and shown.get("audience_cities"):
        shown["audience_cities"] = [
            city | {"percentage": city["percentage"] * asked.habits.scale_of_shares}
            for city in shown["audience_cities"]
        ]
    return shown


def _chosen_videos(asked: Asked, fields: list[str], filters: dict[str, Any]) -> Data:
    ids: object = filters["video_ids"]
    if not isinstance(ids, list):
        raise invalid("filters", "video_ids: Not a valid list.")
    chosen = [post for post in asked.world.posts(asked.account, asked.moment) if post.item_id in ids]
    if filters.get("ad_post_only"):
        at = asked.moment.timestamp()
        chosen = [post for post in chosen if post.promoted_from <= at < post.promoted_until]
    return {"videos": [_show(asked, post, fields) for post in chosen], "cursor": 0, "has_more": False}


def _whole_seconds(posts: list[Post], count: int) -> list[Post]:
    """As many posts as fit on a page without parting posts of the same second, but those of one second at least."""
    if len(posts) <= count:
        return posts
    page = [post for post in posts[:count] if post.created != posts[count].created]
    return page or [post for post in posts if post.created == posts[0].created]


def _shortened(asked: Asked, page: list[Post], cursor: int) -> tuple[list[Post], int]:
    """Some pages are short and some empty, always the same ones; their cursors lose no post."""
    random = chance(asked.world.seed, "page", page[0].item_id)
    before_page = page[0].created * 1000 + 1
    kind = random.random()
    if kind < 0.15 and cursor > before_page:
        return [], before_page
    if kind < 0.5:
        page = _whole_seconds(page, max(1, int(len(page) * random.uniform(0.3, 0.9))))
    return page, page[-1].created * 1000


# Comments.


def _commented_video(asked: Asked) -> str:
    if "comment.list" not in asked.scopes:
        raise ApiRefusal(40130, "Scope not authorized: comment.list.")
    video_id = str(asked.query["video_id"])
    if asked.world.post(asked.account, video_id, asked.moment) is None:
        raise ApiRefusal(40007, f"The video does not exist: {video_id}")
    return video_id


def _ordered(asked: Asked, rows: list[Data], sort_field: str, sort_order: str, name: str) -> list[Data]:
    if not sort_field:
        # Random for the reader, but the same on all pages of one day.
        ordered = sorted(rows, key=lambda row: str(row["comment_id"]))
        chance(asked.world.seed, "order", name, asked.moment.date()).shuffle(ordered)
        return ordered
    if sort_order == "smart":
        ordered = sorted(rows, key=lambda row: _number(row, "likes") + 3 * _number(row, "replies"), reverse=True)
    else:
        ordered = sorted(
            rows,
            key=lambda row: (_number(row, sort_field), str(row["comment_id"])),
            reverse=sort_order == "desc",
        )
    if asked.habits.pinned_comments_first:
        ordered.sort(key=lambda row: not row.get("pinned"))
    return ordered


def _number(row: Data, name: str) -> int:
    try:
        return int(row.get(name) or 0)
    except ValueError:  # a test may have set anything
        return 0


def _beyond_ordered(asked: Asked, ordered: list[Data], video_id: str) -> list[Data]:
    """After 500 comments in order come the others by likes, with some of the first 500 once more among them."""
    if len(ordered) <= ORDERED_COMMENTS:
        return ordered
    first, rest = ordered[:ORDERED_COMMENTS], ordered[ORDERED_COMMENTS:]
    again = [comment for comment in first if _comes_again(asked.world.seed, video_id, comment["comment_id"])]
    rest = sorted([*rest, *again], key=lambda row: (_number(row, "likes"), row["comment_id"]), reverse=True)
    return [*first, *rest]


@lru_cache(maxsize=20_000)
def _comes_again(seed: int, video_id: str, comment_id: str) -> bool:
    return chance(seed, "again", video_id, comment_id).random() < 0.1


def _chosen_comments(asked: Asked, video_id: str, comments: list[Data], ids: list[str]) -> list[Data]:
    found = {comment["comment_id"]: comment for comment in comments}
    if not found.keys() >= set(ids):
        for comment in comments:
            if comment.get("replies"):
                replies = asked.world.replies(asked.account, video_id, comment["comment_id"], asked.moment)
                found |= {reply["comment_id"]: reply for reply in replies}
    return [found[each] for each in dict.fromkeys(ids) if each in found]


def _comment_page(asked: Asked, rows: list[Data], cursor: int, count: int) -> Data:
    """The page at an offset; the cursor counts the rows given so far, also after a short page."""
    page = rows[cursor : cursor + count]
    if page and cursor and asked.account.index in asked.habits.short_pages_of:
        random = chance(asked.world.seed, "comment page", page[0].get("video_id"), cursor)
        if random.random() < 0.3:
            page = page[: max(1, int(len(page) * random.uniform(0.3, 0.9)))]
    return {
        "comments": [dict(row) for row in page],
        "cursor": cursor + len(page),
        "has_more": cursor + len(page) < len(rows),
    }
