"""The right answers to the questions of docs/queries.md, in Python, from what the simulated TikTok told."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from statistics import fmean
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tiktok_organic_dagster_tests.lab import Lab
from tiktok_organic_dagster_tests.truth import TABLES

YEAR = timedelta(days=365)

Row = tuple[Any, ...]
Object = dict[str, Any]


@dataclass
class Told:
    """What the simulated TikTok told at each reading.

    Attributes:
        posts: The posts of each reading, each with the account's number and its name on that day.
        metrics: The days of each account, as last told.
        profiles: The profiles of each reading.
        comments: The comments at the last reading, by account.
    """

    posts: dict[date, list[Object]] = field(default_factory=dict)
    metrics: dict[tuple[int, date], Object] = field(default_factory=dict)
    profiles: dict[date, list[Object]] = field(default_factory=dict)
    comments: list[Object] = field(default_factory=list)

    def hear(self, lab: Lab) -> None:
        """Write down what TikTok says now."""
        now, today = lab.clock.now(), lab.clock.today
        since = (
            datetime.combine(today, datetime.min.time(), UTC) - YEAR if self.posts else datetime.min.replace(tzinfo=UTC)
        )
        self.posts[today], self.profiles[today] = [], []
        for each in lab.world.accounts:
            labels = {"account": each.index, "user": lab.world.username(each, now)}
            self.profiles[today].append(lab.world.profile(each, now) | labels)
            for day in lab.world.metrics(each, today - timedelta(58), today - timedelta(1), now):
                self.metrics[each.index, date.fromisoformat(day["date"])] = day | labels
            for post in lab.world.videos(each, now):
                created = datetime.fromtimestamp(int(post["create_time"]), UTC)
                if created >= since:
                    self.posts[today].append(post | labels | {"created": created})

    def hear_comments(self, lab: Lab) -> None:
        """Write down the comments of all posts."""
        now = lab.clock.now()
        self.comments = [
            comment | {"user": lab.world.username(each, now), "video": post.item_id}
            for each in lab.world.accounts
            for post in lab.world.posts(each, now)
            for comment in lab.world.comments(each, post.item_id, now)
        ]

    @property
    def newest(self) -> list[Object]:
        """The posts of the newest reading."""
        return self.posts[max(self.posts)]

    def newest_with(self, name: str) -> list[Object]:
        """Each post as it was in the newest reading that told this of it, under the account's present name."""
        found = {post["item_id"]: post for _, posts in sorted(self.posts.items()) for post in posts if post.get(name)}
        names = {profile["account"]: profile["user"] for profile in self.profiles[max(self.profiles)]}
        return [post | {"user": names[post["account"]]} for post in found.values()]


def about(value: float, digits: int) -> Any:
    """A number that the query rounds to so many digits."""
    return pytest.approx(value, rel=0, abs=0.5 * 10**-digits + 1e-9)


def followers_by_week(told: Told) -> list[Row]:
    ends: dict[tuple[int, date], Object] = {}
    for (account, day), said in sorted(told.metrics.items()):
        ends[account, day - timedelta(days=day.weekday())] = said
    rows: list[Row] = []
    for (account, week), said in ends.items():
        before = ends.get((account, week - timedelta(weeks=1)))
        growth = said["followers_count"] - before["followers_count"] if before else None
        rows.append((said["user"], week, said["followers_count"], growth))
    return sorted(rows, key=lambda row: row[:2])


def views_a_day(told: Told) -> list[Row]:
    rows: list[Row] = []
    for (account, day), said in told.metrics.items():
        week = [told.metrics.get((account, day - timedelta(days=back))) for back in range(7)]
        views = [other["video_views"] for other in week if other]
        rows.append((said["user"], day, said["video_views"], about(fmean(views), 0), len(views)))
    return sorted(rows, key=lambda row: row[:2])


def _place(value: float | None, values: list[float | None]) -> int:
    """The place of a value from the largest down, equals sharing one, nothing last."""
    return 1 + sum(other is not None and (value is None or other > value) for other in values)


def best_posts(told: Told) -> list[Row]:
    first_day = max(told.posts) - timedelta(days=29)
    posts = [post for post in told.newest if post["created"].date() >= first_day]
    views = [post.get("video_views") for post in posts]
    known = {
        post["item_id"]: post["full_video_watched_rate"]
        for _, reading in sorted(told.posts.items())
        for post in reading
        if post.get("full_video_watched_rate") is not None and post.get("video_duration")
    }
    completion = [known.get(post["item_id"]) for post in posts]
    rows = [
        (
            post["user"],
            post["item_id"],
            post["created"].replace(tzinfo=None),
            post.get("video_views"),
            known.get(post["item_id"]),
            _place(post.get("video_views"), views),
            _place(known.get(post["item_id"]), completion),
            post["share_url"].split("?")[0],
        )
        for post in posts
    ]
    return sorted(rows, key=lambda row: (row[5], row[1]))[:20]


def engagement(told: Told) -> list[Row]:
    first_day = max(told.posts) - timedelta(days=89)
    groups: dict[str, list[Object]] = defaultdict(list)
    for post in told.newest:
        if post["created"].date() >= first_day and post.get("video_views"):
            groups[post["user"]].append(post)
    rows: list[Row] = []
    for user, posts in groups.items():
        views = sum(post["video_views"] for post in posts)
        engaged = sum(post[name] for post in posts for name in ("likes", "comments", "shares"))
        rows.append((user, len(posts), views, engaged / views))
    rows.sort(key=lambda row: (-row[3], row[0]))
    return [(*row, about(rate, 3)) for *row, rate in rows]


def changes(told: Told) -> list[Row]:
    before, newest = sorted(told.posts)[-2:]
    earlier = {post["item_id"]: post for post in told.posts[before]}

    def gained(post: Object, name: str) -> float | None:
        value, base = post.get(name), 0
        if post["item_id"] in earlier:
            base = earlier[post["item_id"]].get(name)
        elif post["created"].date() < before:
            base = None
        return None if value is None or base is None else value - base

    rows = [
        (
            post["user"],
            post["item_id"],
            before,
            (newest - before).days,
            gained(post, "video_views"),
            gained(post, "likes"),
        )
        for post in told.posts[newest]
    ]
    return sorted(rows, key=lambda row: (row[4] is None, -(row[4] or 0), row[1]))


def best_hours(told: Told) -> list[Row]:
    days = {key: said for key, said in told.metrics.items() if said.get("audience_activity")}
    first_day = max(day for _, day in days) - timedelta(days=27)
    names = {account: said["user"] for (account, _), said in sorted(days.items())}
    counts: dict[tuple[int, int], list[int]] = defaultdict(list)
    for (account, day), said in days.items():
        for entry in said["audience_activity"] if day >= first_day else []:
            hour = datetime(day.year, day.month, day.day, int(entry["hour"]), tzinfo=UTC)
            counts[account, hour.astimezone(ZoneInfo("America/Sao_Paulo")).hour].append(entry["count"])
    means = {key: fmean(values) for key, values in counts.items()}
    rows = [
        (
            names[account],
            hour,
            about(mean, 0),
            _place(mean, [other for (one, _), other in means.items() if one == account]),
        )
        for (account, hour), mean in means.items()
    ]
    return sorted(rows, key=lambda row: (row[0], row[3], row[1]))


def leaving(told: Told) -> list[Row]:
    rows: list[Row] = []
    for post in told.newest_with("video_view_retention"):
        curve = [(float(entry["second"]), entry["percentage"]) for entry in post["video_view_retention"]]
        if len(curve) < 2 or not curve[0][1]:
            continue
        whole = curve[0][1]
        shares = [(second, share / whole) for second, share in curve]
        steps = [(before - left, second, left) for (_, before), (second, left) in itertools.pairwise(shares)]
        lost, second, left = max(steps, key=lambda step: (step[0], -step[1]))
        rows.append((post["user"], post["item_id"], second, lost, left))
    rows.sort(key=lambda row: (-row[3], row[1]))
    return [(user, item, second, about(lost, 3), about(left, 3)) for user, item, second, lost, left in rows[:20]]


def _weighted(told: Told, entries: str, name: str) -> dict[str, dict[str, float]]:
    """The views of each account, divided by the shares of a breakdown."""
    found: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for post in told.newest_with(entries):
        for entry in post[entries]:
            found[post["user"]][entry[name]] += post["video_views"] * entry["percentage"]
    return found


def _posts_with(told: Told, entries: str) -> Counter[str]:
    """How many posts of each account have a breakdown."""
    return Counter(post["user"] for post in told.newest_with(entries))


def sources(told: Told) -> list[Row]:
    posts = _posts_with(told, "impression_sources")
    rows = [
        (user, source, posts[user], views, views / sum(by_source.values()))
        for user, by_source in _weighted(told, "impression_sources", "impression_source").items()
        for source, views in by_source.items()
    ]
    rows.sort(key=lambda row: (row[0], -row[3], row[1]))
    return [(*row, about(views, 0), about(share, 3)) for *row, views, share in rows]


def countries(told: Told) -> list[Row]:
    posts = _posts_with(told, "audience_countries")
    return [
        (user, place, country, posts[user], about(views, 0))
        for user, by_country in sorted(_weighted(told, "audience_countries", "country").items())
        for place, (country, views) in enumerate(
            sorted(by_country.items(), key=lambda item: (-item[1], item[0]))[:5], start=1
        )
    ]


def waits(comment: Object) -> bool:
    return not comment["owner"] and not comment["replies"] and comment["status"] == "PUBLIC"


def waiting(told: Told) -> list[Row]:
    read_on = max(told.posts)
    comments = [comment for comment in told.comments if waits(comment)]
    comments.sort(key=lambda comment: (-int(comment["create_time"]), comment["comment_id"]))
    return [
        (
            comment["user"],
            comment["video"],
            datetime.fromtimestamp(int(comment["create_time"]), UTC).replace(tzinfo=None),
            comment["username"],
            comment["text"],
            comment["likes"],
            read_on,
        )
        for comment in comments
    ]


def all_names(told: Told) -> list[Row]:
    names: dict[int, set[str]] = defaultdict(set)
    for profile in itertools.chain(*told.profiles.values()):
        names[profile["account"]].add(profile["user"])
    rows: list[Row] = []
    for profile in told.profiles[max(told.profiles)]:
        since = min(day for account, day in told.metrics if account == profile["account"])
        gained = profile["followers_count"] - told.metrics[profile["account"], since]["followers_count"]
        rows.append((", ".join(sorted(names[profile["account"]])), since, profile["followers_count"], gained))
    return sorted(rows, key=lambda row: row[0])


def missing_days(told: Told) -> list[Row]:
    withdrawn, not_read = date(2026, 11, 3), date(2026, 11, 25)
    of_tiktok = (withdrawn, withdrawn, 1, "missing", "TikTok was asked for it, and returned nothing of it")
    of_ours = (not_read, not_read, 1, "lost", "no run asked TikTok for it while it could")
    names = sorted(profile["user"] for profile in told.profiles[max(told.profiles)])
    metrics = {"tiktok_organic_account_metrics", "tiktok_organic_account_metrics_audience_activity"}
    return [
        row
        for table in sorted(TABLES)
        for row in (
            [(table, "northlight_studio", *of_tiktok)]
            if table in metrics
            else [(table, name, *of_ours) for name in names]
        )
    ]


EXPECTED: dict[str, Callable[[Told], list[Row]]] = {
    "How do followers grow from week to week?": followers_by_week,
    "How many views does an account get a day?": views_a_day,
    "Which posts of the last 30 days did best?": best_posts,
    "What is the engagement rate?": engagement,
    "What changed since the last reading?": changes,
    "Which hour is best to post?": best_hours,
    "Where do viewers leave?": leaving,
    "How many views come from the For You feed?": sources,
    "Which countries do viewers come from?": countries,
    "Which comments wait for an answer?": waiting,
    "What did an account gain under all its names?": all_names,
    "Which days are missing?": missing_days,
}
