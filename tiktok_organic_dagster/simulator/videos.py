"""How a post of the simulated world looks on the wire at a moment."""

from random import Random
from typing import Any

from tiktok_organic_dagster.simulator.accounts import AccountKind, SimulatedAccount
from tiktok_organic_dagster.simulator.chance import chance
from tiktok_organic_dagster.simulator.comments import signed_url
from tiktok_organic_dagster.simulator.insights import audience_types
from tiktok_organic_dagster.simulator.places import Rows
from tiktok_organic_dagster.simulator.posts import DAY_S, FROZEN_AFTER_S, Post

QUIET_AFTER_S = 7 * DAY_S
"""Some values go missing when a post had no activity for longer than this."""

PERISHABLE = (
    "reach",
    "full_video_watched_rate",
    "total_time_watched",
    "average_time_watched",
    "impression_sources",
    "audience_countries",
)
VERIFIED_CLICKS = (
    "website_clicks",
    "phone_number_clicks",
    "lead_submissions",
    "app_download_clicks",
    "email_clicks",
    "address_clicks",
)
MOST_PROFILE_VIEWS = 0.03
"""At most this part of a post's views leads to its account's profile."""

COUNTERS = ("video_views", "likes", "comments", "shares", "favorites")
_WATCHED = ("total_time_watched", "average_time_watched", "full_video_watched_rate")
_UTM = "utm_campaign=tt4d_open_api&utm_source=7012345678901234567"


def show_basics(post: Post, username: str, at: float) -> dict[str, Any]:
    """What TikTok knows about a post at once."""
    folder = "photo" if post.is_photo else "video"
    return {
        "item_id": post.item_id,
        "media_type": "PHOTO" if post.is_photo else "VIDEO",
        "is_ad": post.promoted_from <= at < post.promoted_until,
        "create_time": str(post.created),
        "thumbnail_url": signed_url(f"tos-maliva-p-0068/{post.item_id}~tplv-noop.image", at),
        "share_url": f"https://www.tiktok.com/@{username}/{folder}/{post.item_id}?{_UTM}",
        "embed_url": f"https://www.tiktok.com/player/v1/{post.item_id}?music_info=1&description=1&{_UTM}",
        "caption": post.caption,
    }


def show_numbers(
    seed: int, account: SimulatedAccount, post: Post, counted_at: float, comments: int, lasting: dict[str, Rows]
) -> dict[str, Any]:
    """What TikTok counts about a post, as of the moment up to which it has counted.

    Args:
        seed: Of the world.
        account: That published the post.
        post: The post.
        counted_at: Epoch second up to which TikTok has counted; before the publication, nothing is known yet.
        comments: Top-level comments at `counted_at`.
        lasting: The post's breakdowns from `lasting_insights`; may be empty if the caller wants none.
    """
    counted_at = min(counted_at, post.created + FROZEN_AFTER_S)
    if counted_at < post.created:
        # Half of the young posts count 0, the others lack their counters.
        return dict.fromkeys(COUNTERS, 0) if post.variant == 0 else {}
    views = post.views(counted_at)
    random = chance(seed, "rates", post.item_id)
    shown: dict[str, Any] = {
        "video_duration": post.duration,
        "video_views": views,
        "likes": post.likes(counted_at),
        "comments": comments,
        "shares": int(views * random.uniform(0.001, 0.02)),
        "favorites": int(views * random.uniform(0.002, 0.03)),
        "reach": int(views * random.uniform(0.7, 0.95)),
        "new_followers": int(views * random.uniform(0, 0.006)),
    }
    average = round(post.duration * post.watched * (1 - 0.1 * min((counted_at - post.created) / FROZEN_AFTER_S, 1)), 3)
    shown["total_time_watched"] = round(average * views, 3)
    shown["average_time_watched"] = average
    shown["full_video_watched_rate"] = post.finished
    shown |= _business_fields(account, views, random)
    if views:
        shown |= lasting
        if lasting:
            shown["audience_types"] = audience_types(post, counted_at)
    if post.is_photo:
        _leave_out_video_values(shown, post.variant)
    if counted_at > post.created + QUIET_AFTER_S and views == post.views(counted_at - QUIET_AFTER_S):
        for name in PERISHABLE:
            shown.pop(name, None)
    return shown


def _business_fields(account: SimulatedAccount, views: int, random: Random) -> dict[str, Any]:
    """Fields of Business accounts: for others null in one kind of account, absent in the rest."""
    if account.kind is AccountKind.SMALL:
        return dict.fromkeys(("profile_views", *VERIFIED_CLICKS))
    shown: dict[str, Any] = {}
    if account.is_business:
        shown["profile_views"] = int(views * random.uniform(0, MOST_PROFILE_VIEWS))
    if account.is_verified:
        # Who clicks looks at the profile first.
        most = shown["profile_views"] / len(VERIFIED_CLICKS)
        shown |= {name: int(most * random.random()) for name in VERIFIED_CLICKS}
    return shown


def _leave_out_video_values(shown: dict[str, Any], variant: int) -> None:
    """Photo posts have no duration and no watch time: 0, null or absent, TikTok does not say which."""
    for name in ("video_duration", *_WATCHED):
        if variant == 0:
            shown[name] = 0.0
        elif variant == 1:
            shown[name] = None
        else:
            shown.pop(name, None)
    for name in ("video_view_retention", "engagement_likes"):
        if variant == 0:
            shown[name] = []
        elif variant == 1:
            shown[name] = None
