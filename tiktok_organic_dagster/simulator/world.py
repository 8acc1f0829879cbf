"""The simulated world: what TikTok would say about a few accounts at a moment, as a pure function of (seed, moment)."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from tiktok_organic_dagster.simulator import accounts as opening
from tiktok_organic_dagster.simulator.accounts import (
    EPOCH,
    FOLLOWERS_FOR_AUDIENCE,
    FollowerHistory,
    SimulatedAccount,
)
from tiktok_organic_dagster.simulator.chance import digest
from tiktok_organic_dagster.simulator.changes import Changes
from tiktok_organic_dagster.simulator.comments import (
    show_added,
    show_comment,
    show_reply,
    signed_url,
    write_comments,
    write_replies,
)
from tiktok_organic_dagster.simulator.insights import account_audience, lasting_insights
from tiktok_organic_dagster.simulator.metrics import PROVISIONAL_FOR_S, DailyMetrics, published_at
from tiktok_organic_dagster.simulator.places import Rows
from tiktok_organic_dagster.simulator.posts import DAY_S, FROZEN_AFTER_S, Post, PostHistory, make_post, start_of
from tiktok_organic_dagster.simulator.videos import show_basics, show_numbers

COUNTED_EVERY_S = 6 * 3600
COUNTERS_LAG_S = 30 * 3600
"""Counters of posts are 30 to 36 hours old and move every six hours, within the 24 to 48 that TikTok documents."""

KEPT_LISTS = 32
KEPT_VIDEOS = 1024
"""Lists of comments, and videos, that are kept as they were shown: all questions of a moment are answered from them."""

AccountRef = SimulatedAccount | int


@dataclass(frozen=True, slots=True)
class Timeline:
    """The public posts of an account at a moment."""

    pinned: list[Post]
    newest_first: list[Post]
    """All others."""

    def before(self, moment_ms: int, count: int) -> list[Post]:
        """The first `count` posts, not pinned ones, published strictly before an epoch millisecond."""
        start = bisect_right(self.newest_first, -moment_ms, key=lambda post: -post.created * 1000)
        return self.newest_first[start : start + count]


class World:
    """A few TikTok accounts with their followers, posts and comments; good for any moment from 2025 on.

    Equal seeds give equal worlds, in any process and in any order of questions. What tests change through
    `changes` shows in every method here and in what the API answers.

    Args:
        seed: Names the world.
        accounts: Their number; the first four show the four kinds, further ones repeat them.
        videos: Posts each account holds by `accounts.REFERENCE_DAY`, instead of 60 to 150 of its own.
        epoch: Day from which on the accounts are opened.
    """

    def __init__(self, seed: int = 1, accounts: int = 5, videos: int | None = None, epoch: date | None = None) -> None:
        self.seed = seed
        self.accounts: tuple[SimulatedAccount, ...] = tuple(
            opening.open_account(seed, index, epoch or EPOCH, videos) for index in range(accounts)
        )
        self.changes = Changes(self._make_silent_post)
        self._posts = [PostHistory(seed, account) for account in self.accounts]
        self._followers = [FollowerHistory(seed, account) for account in self.accounts]
        self._daily = [
            DailyMetrics(seed, account, posts, followers)
            for account, posts, followers in zip(self.accounts, self._posts, self._followers, strict=True)
        ]
        self._lasting: Callable[[Post, str], dict[str, Rows]] = lru_cache(1024)(
            lambda post, country: lasting_insights(seed, post, country)
        )
        self._shown_videos: Callable[[int, Post, datetime, bool, int], dict[str, Any]] = lru_cache(KEPT_VIDEOS)(
            lambda index, post, moment, breakdowns, _version: self._show_video(
                index, post, moment, breakdowns=breakdowns
            )
        )
        self._shown_comments: Callable[[int, Post, float, int], list[dict[str, Any]]] = lru_cache(KEPT_LISTS)(
            lambda index, post, at, _version: self._show_comments(index, post, at)
        )

    # Accounts.

    def account(self, ref: AccountRef) -> SimulatedAccount:
        """The account itself, from it or its index."""
        return ref if isinstance(ref, SimulatedAccount) else self.accounts[ref]

    def business_id(self, account: AccountRef, client_id: str) -> str:
        """The account's id in the eyes of one developer app; another app sees another id."""
        return opening.business_id(self.seed, self.account(account).index, client_id)

    def username(self, account: AccountRef, moment: datetime) -> str:
        """The account's @, without the @."""
        return str(self._owner(self.account(account), moment.timestamp())["username"])

    def profile(self, account: AccountRef, moment: datetime) -> dict[str, Any]:
        """The profile fields of business/get, which TikTok keeps up to date at once."""
        account = self.account(account)
        at = moment.timestamp()
        posts = self.posts(account, moment)
        shown: dict[str, Any] = {
            "is_business_account": account.is_business,
            "profile_image": signed_url(f"tos-maliva-avt-0068/{self._image(account)}~c5_168x168.jpeg", at),
            "username": account.username,
            "profile_deep_link": f"https://vm.tiktok.com/{digest(self.seed, 'link', account.index).hex()[:9].upper()}/",
            "display_name": account.display_name,
            "bio_description": account.bio,
            "is_verified": account.is_verified,
            "following_count": 40 + account.index * 7 + (moment.date() - account.created).days // 9,
            "followers_count": self._followers_now(account, moment),
            "total_likes": sum(post.likes(at) for post in posts),
            "videos_count": len(posts),
        }
        shown = self.changes.applied("profile", account.index, shown, at)
        return {name: value for name, value in shown.items() if not name.startswith("audience_")}

    def audience(self, account: AccountRef, moment: datetime) -> dict[str, Any]:
        """The four `audience_*` lists of business/get; empty below 100 followers."""
        account = self.account(account)
        at = moment.timestamp()
        counted = self.counted_at(moment)
        day = int(counted // DAY_S)
        analytics = not self.changes.happened("analytics off", account.index, at)
        many = self._followers_now(account, moment) >= FOLLOWERS_FOR_AUDIENCE
        shown: dict[str, Any] = (
            dict(account_audience(self.seed, account.index, account.country, day)) if analytics and many else {}
        )
        shown = self.changes.applied("profile", account.index, shown, at)
        return {name: value for name, value in shown.items() if name.startswith("audience_")}

    def published_at(self, account: AccountRef, day: date) -> datetime:
        """When TikTok publishes the metrics of a day: never before those of the days before it."""
        index = self.account(account).index
        own = published_at(self.seed, index, day)
        # Of a stretch that is late by the same time, the last day that counts here comes last.
        late = (
            published_at(self.seed, index, min(day, stretch.last_day)) + stretch.by
            for stretch in self.changes.late_stretches(index)
            if stretch.first_day <= day
        )
        return max([own, *late])

    def metrics(self, account: AccountRef, start: date, end: date, moment: datetime) -> list[dict[str, Any]]:
        """The published days from `start` to `end`, both included, oldest first, with every field the account has."""
        account = self.account(account)
        at = moment.timestamp()
        if self.changes.happened("analytics off", account.index, at):
            return []
        found: list[dict[str, Any]] = []
        day = max(start, account.created)
        while day <= end:
            since = self.published_at(account, day)
            if since > moment:
                break  # days are published in their order
            if not self.changes.happened("withdrawn", (account.index, day), at):
                daily = self._daily[account.index]
                provisional = at < since.timestamp() + PROVISIONAL_FOR_S
                values = daily.first(day) if provisional else daily.final(day)
                found.append(self.changes.applied("metrics", (account.index, day), dict(values), at))
            day += timedelta(days=1)
        return found

    # Posts.

    @staticmethod
    def counted_at(moment: datetime) -> float:
        """Epoch second up to which TikTok has counted views, likes and comments of posts."""
        return (int(moment.timestamp()) - COUNTERS_LAG_S) // COUNTED_EVERY_S * COUNTED_EVERY_S

    def timeline(self, account: AccountRef, moment: datetime) -> Timeline:
        """The public posts of an account, pinned ones apart."""
        index = self.account(account).index
        at = moment.timestamp()
        posts = self._posts[index].until(at)
        if not self.changes.any:
            posts.reverse()
            return Timeline([], posts)
        deleted = self.changes.happened_at("deleted video", at)
        pinned = self.changes.happened_at("pinned", at)
        posts = sorted([*posts, *self.changes.posts(index, at)], key=lambda post: post.created)
        posts.reverse()
        there = [post for post in posts if post.item_id not in deleted]
        return Timeline(
            [post for post in there if post.item_id in pinned], [post for post in there if post.item_id not in pinned]
        )

    def posts(self, account: AccountRef, moment: datetime) -> list[Post]:
        """The public posts of an account, pinned ones first, then newest first, without rendering them."""
        timeline = self.timeline(account, moment)
        return [*timeline.pinned, *timeline.newest_first]

    def post(self, account: AccountRef, video_id: str, moment: datetime) -> Post | None:
        """One public post of an account; None if there is none with this id."""
        return next((post for post in self.posts(account, moment) if post.item_id == video_id), None)

    def video(self, account: AccountRef, post: Post, moment: datetime, *, breakdowns: bool = True) -> dict[str, Any]:
        """One post with every field the account has; without `breakdowns` faster, for counts alone."""
        index = self.account(account).index
        return dict(self._shown_videos(index, post, moment, breakdowns, self.changes.version))

    def videos(self, account: AccountRef, moment: datetime) -> list[dict[str, Any]]:
        """Every public post of an account with every field, pinned ones first, then newest first."""
        return [self.video(account, post, moment) for post in self.posts(account, moment)]

    # Comments.

    def comments(self, account: AccountRef, video_id: str, moment: datetime) -> list[dict[str, Any]]:
        """The comments of a post, public and hidden, newest first; empty if the post is not there."""
        account = self.account(account)
        post = self.post(account, video_id, moment)
        if post is None:
            return []
        known = self._shown_comments(account.index, post, moment.timestamp(), self.changes.version)
        return [dict(comment) for comment in known]

    def replies(self, account: AccountRef, video_id: str, comment_id: str, moment: datetime) -> list[dict[str, Any]]:
        """The replies to a comment, oldest first."""
        account = self.account(account)
        at = moment.timestamp()
        post = self.post(account, video_id, moment)
        parents = (
            [] if post is None else [each for each in write_comments(self.seed, post) if each.comment_id == comment_id]
        )
        if post is None or not parents or not parents[0].is_there(at):
            return []
        owner = self._owner(account, at)
        shown = [
            show_reply(self.seed, post, comment_id, reply, owner, at)
            for reply in write_replies(self.seed, parents[0])
            if reply.created <= at
        ]
        return [
            self.changes.applied("comment", reply["comment_id"], reply, at)
            for reply in shown
            if not self.changes.happened("deleted comment", reply["comment_id"], at)
        ]

    # Inside.

    def _show_video(self, index: int, post: Post, moment: datetime, *, breakdowns: bool) -> dict[str, Any]:
        account = self.accounts[index]
        at = moment.timestamp()
        counted = min(self.counted_at(moment), post.created + FROZEN_AFTER_S)
        lasting = self._lasting(post, account.country) if breakdowns and counted >= post.created else {}
        shown = {
            **show_basics(post, self._owner(account, at)["username"], at),
            **show_numbers(self.seed, account, post, counted, self._count_comments(post, counted), lasting),
        }
        return self.changes.applied("video", post.item_id, shown, at)

    def _show_comments(self, index: int, post: Post, at: float) -> list[dict[str, Any]]:
        owner = self._owner(self.accounts[index], at)
        shown = [
            show_comment(self.seed, post, comment, owner, at)
            for comment in write_comments(self.seed, post)
            if comment.is_there(at)
        ]
        if self.changes.any:
            added = self.changes.comments(post.item_id, at)
            shown += [show_added(self.seed, post, comment.fields, owner, at) for comment in added]
            deleted = self.changes.happened_at("deleted comment", at)
            shown = [
                self.changes.applied("comment", comment["comment_id"], comment, at)
                for comment in shown
                if comment["comment_id"] not in deleted
            ]
            shown.sort(key=lambda comment: (int(comment.get("create_time", 0)), comment["comment_id"]), reverse=True)
        return shown

    def _count_comments(self, post: Post, at: float) -> int:
        if not self.changes.any:
            return sum(comment.is_there(at) for comment in write_comments(self.seed, post))
        ids = {comment.comment_id for comment in write_comments(self.seed, post) if comment.is_there(at)}
        ids |= {added.comment_id for added in self.changes.comments(post.item_id, at)}
        return len(ids - self.changes.happened_at("deleted comment", at))

    def _owner(self, account: SimulatedAccount, at: float) -> dict[str, str]:
        """Username and display name, which show on posts and comments too."""
        names = {"username": account.username, "display_name": account.display_name}
        return names | self.changes.applied("profile", account.index, dict(names), at)

    def _image(self, account: SimulatedAccount) -> str:
        return digest(self.seed, "image", account.index).hex()[:32]

    def _followers_now(self, account: SimulatedAccount, moment: datetime) -> int:
        history = self._followers[account.index]
        today = moment.date()
        before = history.day(today - timedelta(days=1)).total or history.day(account.created).total
        passed = (moment.timestamp() - start_of(today)) / DAY_S
        day = history.day(today)
        return before + int((day.gained - day.lost) * passed)

    def _make_silent_post(self, account: int, number: int, created: int) -> Post:
        post = make_post(self.seed, self.accounts[account], number, created, silent=True)
        return replace(post, is_photo=False, duration=post.duration or 12.5)
