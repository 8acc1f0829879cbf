"""The daily metrics of a simulated account, and when TikTok publishes a day."""

import math
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from threading import Lock
from typing import Any

from tiktok_organic_dagster.simulator.accounts import (
    FOLLOWERS_FOR_AUDIENCE,
    WEEKLY_RHYTHM,
    AccountKind,
    FollowerHistory,
    SimulatedAccount,
)
from tiktok_organic_dagster.simulator.chance import chance
from tiktok_organic_dagster.simulator.comments import moments_of_comments
from tiktok_organic_dagster.simulator.posts import DAY_S, PostHistory, start_of

LONGEST_ECHO_S = 14 * DAY_S
"""A post adds to the account's daily views for this long."""

PROVISIONAL_FOR_S = DAY_S
"""Some days are restated once, this long after they were published."""

RESTATED = ("video_views", "unique_video_views", "profile_views", "likes", "comments", "shares")
BUSINESS_METRICS = (
    "unique_video_views",
    "daily_total_followers",
    "daily_new_followers",
    "daily_lost_followers",
    "engaged_audience",
    "audience_activity",
)
VERIFIED_METRICS = (
    "phone_number_clicks",
    "lead_submissions",
    "app_download_clicks",
    "bio_link_clicks",
    "email_clicks",
    "address_clicks",
)
MOST_ACTIVE = 0.4
"""No hour has more than this part of the followers on TikTok."""

_HOURS = (5, 3, 2, 1, 1, 1, 2, 4, 6, 7, 7, 8, 9, 9, 8, 8, 9, 10, 12, 14, 15, 14, 11, 8)


def published_at(seed: int, account: int, day: date) -> datetime:
    """When TikTok publishes the metrics of a day: 24 to 48 hours after its end, to the minute."""
    lag = timedelta(minutes=1440 + chance(seed, "lag", account, day).randrange(1440))
    return datetime.fromtimestamp(start_of(day + timedelta(days=1)), UTC) + lag


class CommentsADay:
    """How many comments were written under an account's posts on each day, counted once as posts come.

    A comment counts on its day for good, as likes do, also when it is hidden or deleted later. TikTok does not say
    whether it counts replies; they do not count here.
    """

    def __init__(self, seed: int, posts: PostHistory) -> None:
        self._seed = seed
        self._posts = posts
        self._counted_until = -math.inf
        self._days: Counter[int] = Counter()
        self._lock = Lock()

    def on(self, day: date) -> int:
        """The comments of a UTC day."""
        start = start_of(day)
        with self._lock:
            if self._counted_until < start + DAY_S:
                for post in self._posts.between(self._counted_until, start + DAY_S):
                    self._days.update(moment // DAY_S for moment in moments_of_comments(self._seed, post))
                self._counted_until = start + DAY_S
            return self._days[start // DAY_S]


class DailyMetrics:
    """The final values of one account's days, kept once computed."""

    def __init__(self, seed: int, account: SimulatedAccount, posts: PostHistory, followers: FollowerHistory) -> None:
        self._seed = seed
        self._account = account
        self._posts = posts
        self._followers = followers
        self._comments = CommentsADay(seed, posts)
        self._days: dict[date, dict[str, Any]] = {}

    def final(self, day: date) -> dict[str, Any]:
        """The values of a day as they stand in the end."""
        known = self._days.get(day)
        if known is None:
            known = self._days[day] = self._count(day)
        return known

    def first(self, day: date) -> dict[str, Any]:
        """The values of a day as first published: of half the days they are still incomplete."""
        final = self.final(day)
        random = chance(self._seed, "restated", self._account.index, day)
        if random.random() < 0.5:
            return final
        part = random.uniform(0.85, 0.97)
        return final | {name: int(final[name] * part) for name in RESTATED if final.get(name)}

    def _count(self, day: date) -> dict[str, Any]:
        random = chance(self._seed, "day", self._account.index, day)
        followers = self._followers.day(day)
        start = start_of(day)
        end = start + DAY_S
        recent = self._posts.between(start - LONGEST_ECHO_S, end)
        rhythm = WEEKLY_RHYTHM[day.weekday()]
        views = int(followers.total * random.uniform(0.05, 0.12) * rhythm)
        views += sum(post.views(end) - post.views(start) for post in recent)
        likes = int(views * random.uniform(0.03, 0.1))
        counted: dict[str, Any] = {
            "date": day.isoformat(),
            "video_views": views,
            "profile_views": int(views * random.uniform(0.01, 0.05)),
            "likes": likes,
            "comments": self._comments.on(day),
            "shares": int(likes * random.uniform(0.02, 0.1)),
            "followers_count": followers.total,
        }
        if self._account.kind is AccountKind.SMALL:
            return counted | dict.fromkeys((*BUSINESS_METRICS, *VERIFIED_METRICS))
        if self._account.is_business:
            counted |= {
                "unique_video_views": int(views * random.uniform(0.6, 0.9)),
                "daily_total_followers": followers.gained - followers.lost,
                "daily_new_followers": followers.gained,
                "daily_lost_followers": followers.lost,
                "engaged_audience": int(likes * random.uniform(0.7, 1)),
            }
            if followers.total >= FOLLOWERS_FOR_AUDIENCE:
                counted["audience_activity"] = [
                    {
                        "hour": str(hour),
                        "count": int(followers.total * part * MOST_ACTIVE / max(_HOURS) * random.uniform(0.7, 1)),
                    }
                    for hour, part in enumerate(_HOURS)
                ]
        if self._account.is_verified:
            counted |= {name: int(random.expovariate(1) * 3 * rhythm) for name in VERIFIED_METRICS}
        return counted
