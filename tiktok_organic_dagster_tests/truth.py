"""The rows that the simulated world should become, written down table by table and without the product's catalogue."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from tiktok_organic_dagster.simulator import SimulatedAccount
from tiktok_organic_dagster_tests.lab import Lab

Row = tuple[Any, ...]

PROFILE = (
    "bio_description", "display_name", "followers_count", "following_count", "is_business_account", "is_verified",
    "profile_deep_link", "profile_image", "total_likes", "videos_count",
)  # fmt: skip
METRICS = (
    "address_clicks", "app_download_clicks", "bio_link_clicks", "comments", "daily_lost_followers",
    "daily_new_followers", "daily_total_followers", "email_clicks", "engaged_audience", "followers_count",
    "lead_submissions", "likes", "phone_number_clicks", "profile_views", "shares", "unique_video_views", "video_views",
)  # fmt: skip
VIDEO = (
    "app_download_clicks", "average_time_watched", "caption", "comments", "create_time", "embed_url", "favorites",
    "full_video_watched_rate", "lead_submissions", "likes", "new_followers", "phone_number_clicks", "profile_views",
    "reach", "share_url", "shares", "thumbnail_url", "total_time_watched", "video_duration", "video_views",
    "website_clicks",
)  # fmt: skip
BREAKDOWNS = {
    "impression_sources": ("impression_source", "percentage"),
    "engagement_likes": ("percentage", "second"),
    "audience_types": ("percentage", "type"),
    "audience_countries": ("country", "percentage"),
    "audience_cities": ("city_name", "percentage"),
    "video_view_retention": ("percentage", "second"),
    "audience_genders": ("gender", "percentage"),
}
COMMENT = (
    "create_time", "display_name", "liked", "likes", "owner", "pinned", "profile_image", "replies", "status", "text",
    "unique_identifier", "user_id", "username",
)  # fmt: skip
NUMBERS_AS_TEXT = {"second", "hour"}


def everything(lab: Lab) -> dict[str, list[Row]]:
    """What all 12 tables hold after a first load at this moment."""
    return {name: rows_of(lab, name) for name in TABLES}


def rows_of(lab: Lab, table: str) -> list[Row]:
    """What one table holds after a first load at this moment."""
    return in_order(TABLES[table](lab))


def in_order(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=repr)


def account(lab: Lab) -> list[Row]:
    now, day = lab.clock.now(), lab.clock.today
    return [
        (
            profile["username"],
            day,
            *(_value(name, profile.get(name)) for name in PROFILE),
            lab.business_id(each.index),
        )
        for each in lab.world.accounts
        for profile in [lab.world.profile(each, now)]
    ]


def metrics(lab: Lab, days: int = 58) -> list[Row]:
    now = lab.clock.now()
    return [
        (
            lab.world.username(each, now),
            date.fromisoformat(day["date"]),
            image,
            *(_value(name, day.get(name)) for name in METRICS),
            lab.business_id(each.index),
        )
        for each in lab.world.accounts
        for image in [lab.world.profile(each, now)["profile_image"]]
        for day in lab.world.metrics(each, *_days(lab, days), now)
    ]


def activity(lab: Lab, days: int = 58) -> list[Row]:
    now = lab.clock.now()
    return [
        (
            lab.world.username(each, now),
            date.fromisoformat(day["date"]),
            float(hour["count"]),
            float(hour["hour"]),
            lab.business_id(each.index),
        )
        for each in lab.world.accounts
        for day in lab.world.metrics(each, *_days(lab, days), now)
        for hour in day.get("audience_activity") or []
    ]


def videos(lab: Lab, since: datetime | None = None) -> list[Row]:
    return [
        (
            post["item_id"],
            username,
            lab.clock.today,
            *(_value(name, post.get(name)) for name in VIDEO),
            business_id,
        )
        for username, business_id, post in _posts(lab, since)
    ]


def breakdown(lab: Lab, name: str, since: datetime | None = None) -> list[Row]:
    return [
        (
            post["item_id"],
            username,
            lab.clock.today,
            *(float(entry[key]) if key in NUMBERS_AS_TEXT else entry[key] for key in BREAKDOWNS[name]),
            business_id,
        )
        for username, business_id, post in _posts(lab, since)
        for entry in post.get(name) or []
    ]


def comments(lab: Lab, *, of_all_posts: bool = False) -> list[Row]:
    """All comments of the posts that a first reading asks about: not of posts older than 7 days whose counter is 0."""
    now = lab.clock.now()
    return [
        row
        for each in lab.world.accounts
        for post in lab.world.videos(each, now)
        if of_all_posts or post.get("comments") != 0 or now - _moment(post["create_time"]) < timedelta(days=7)
        for row in comments_of(lab, each, post)
    ]


def comments_of(lab: Lab, account: SimulatedAccount, post: dict[str, Any]) -> list[Row]:
    """All comments of one post of an account."""
    now = lab.clock.now()
    return [
        (
            post["item_id"],
            comment["comment_id"],
            lab.world.username(account, now),
            post.get("thumbnail_url"),
            *(_value(name, comment.get(name)) for name in COMMENT),
            lab.business_id(account.index),
            lab.clock.today,
            None,
        )
        for comment in lab.world.comments(account, post["item_id"], now)
    ]


TABLES: dict[str, Callable[[Lab], list[Row]]] = {
    "tiktok_organic_account": account,
    "tiktok_organic_account_metrics": metrics,
    "tiktok_organic_account_metrics_audience_activity": activity,
    "tiktok_organic_videos": videos,
    **{f"tiktok_organic_videos_{name}": partial(breakdown, name=name) for name in BREAKDOWNS},
    "tiktok_organic_videos_comments": comments,
}


def _days(lab: Lab, days: int) -> tuple[date, date]:
    return lab.clock.today - timedelta(days=days), lab.clock.today - timedelta(days=1)


def _posts(lab: Lab, since: datetime | None) -> list[tuple[str, str, dict[str, Any]]]:
    now = lab.clock.now()
    return [
        (lab.world.username(each, now), lab.business_id(each.index), post)
        for each in lab.world.accounts
        for post in lab.world.videos(each, now)
        if since is None or _moment(post["create_time"]) >= since
    ]


def _moment(epoch_seconds: str) -> datetime:
    return datetime.fromtimestamp(int(epoch_seconds), UTC)


def _value(name: str, value: Any) -> Any:
    if name == "create_time":
        return _moment(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value
