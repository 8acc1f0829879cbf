"""The comments of the simulated world: who wrote what under which post, and what became of it."""

import base64
import math
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any

from tiktok_organic_dagster.simulator import texts
from tiktok_organic_dagster.simulator.chance import chance, digest
from tiktok_organic_dagster.simulator.posts import DAY_S, Post

AUTHORS = 3_000
"""Size of the crowd that comments."""

LATEST_DAY = 500
"""Nobody comments on a post older than this many days."""


@dataclass(frozen=True, slots=True)
class Author:
    """One person of the crowd."""

    unique_identifier: str
    user_id: str
    username: str
    display_name: str
    image: str


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply to a comment."""

    comment_id: str
    created: int
    author: int | None
    text: str
    hidden: bool


@dataclass(frozen=True, slots=True)
class Comment:
    """A top-level comment and the moments (epoch seconds, infinite for never) at which something happens to it."""

    comment_id: str
    created: int
    author: int | None
    """None for the owner of the post."""
    text: str
    edited_text: str
    edited_at: float
    hidden_at: float
    vanishes_at: float
    pinned_at: float
    liked_at: float
    final_likes: int
    has_image: bool
    replies: int

    def is_there(self, at: float) -> bool:
        """Whether the comment exists at an epoch second, public or hidden."""
        return self.created <= at < self.vanishes_at


@lru_cache(maxsize=4096)
def write_comments(seed: int, post: Post) -> tuple[Comment, ...]:
    """All comments a post will ever get, newest first."""
    written: list[Comment] = []
    for number in range(post.comments):
        random, created = _begin(seed, post, number)
        written.append(_comment(random, created, pinnable=number == 0))
    return tuple(sorted(written, key=lambda comment: (comment.created, comment.comment_id), reverse=True))


@lru_cache(maxsize=4096)
def moments_of_comments(seed: int, post: Post) -> tuple[int, ...]:
    """When the comments of `write_comments` are written, in no order; faster than writing them."""
    return tuple(_begin(seed, post, number)[1] for number in range(post.comments))


def _begin(seed: int, post: Post, number: int) -> tuple[Random, int]:
    """The random source of a comment, and the epoch second at which it is written."""
    random = chance(seed, "comment", post.item_id, number)
    # Inverse of the curve by which views grow, so that comments come when viewers do.
    days = post.pace_days * ((1 - random.random()) ** (-1 / post.fade) - 1)
    return random, post.created + 60 + int(min(days, 45 if post.comments > 500 else LATEST_DAY) * DAY_S)


def _comment(random: Random, created: int, *, pinnable: bool) -> Comment:
    def some_day(probability: float, days: float) -> float:
        return created + random.uniform(0.01, days) * DAY_S if random.random() < probability else math.inf

    hidden_at = created if random.random() < 0.02 else some_day(0.03, 20)
    return Comment(
        comment_id=str(created << 32 | random.getrandbits(31)),
        created=created,
        author=None if random.random() < 0.04 else random.randrange(AUTHORS),
        text=texts.comment(random),
        edited_text=texts.comment(random),
        edited_at=some_day(0.02, 5),
        hidden_at=hidden_at,
        vanishes_at=some_day(0.03, 60),
        pinned_at=some_day(0.3, 10) if pinnable else math.inf,
        liked_at=some_day(0.1, 3),
        final_likes=int(random.paretovariate(0.9)) - 1 if random.random() < 0.5 else 0,
        has_image=random.random() < 0.03,
        replies=min(int(random.paretovariate(1.2)), 25) if random.random() < 0.15 else 0,
    )


@lru_cache(maxsize=20_000)
def write_replies(seed: int, comment: Comment) -> tuple[Reply, ...]:
    """All replies a comment will ever get, oldest first."""
    replies: list[Reply] = []
    for number in range(comment.replies):
        random = chance(seed, "reply", comment.comment_id, number)
        created = comment.created + 30 + int(random.expovariate(1) * DAY_S)
        author = None if random.random() < 0.3 else random.randrange(AUTHORS)
        reply_id = str(created << 32 | random.getrandbits(31))
        replies.append(Reply(reply_id, created, author, texts.comment(random), random.random() < 0.03))
    return tuple(sorted(replies, key=lambda reply: reply.created))


@lru_cache(maxsize=2 * AUTHORS)
def author(seed: int, number: int) -> Author:
    """The person of the crowd with this number; negative numbers are accounts of the world, as their own audience."""
    random = chance(seed, "author", number)
    return Author(
        unique_identifier=base64.b64encode(digest(seed, "unique", number)).decode(),
        user_id=digest(seed, "user", number).hex(),
        username=texts.handle(random),
        display_name=texts.display_name(random),
        image=f"tiktok-obj/{random.randrange(10**15, 10**16)}",
    )


def signed_url(path: str, at: float) -> str:
    """An image address as TikTok signs it: it expires at the end of the next UTC day and is new every day."""
    return _signed(path, (int(at) // DAY_S + 2) * DAY_S)


@lru_cache(maxsize=4 * AUTHORS)
def _signed(path: str, expires: int) -> str:
    signature = base64.b64encode(digest(path, expires)[:20]).decode()
    quoted = signature.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    return f"https://p16-sign-va.tiktokcdn.com/{path}?x-expires={expires}&x-signature={quoted}"


def _written_by(seed: int, post: Post, writer: int | None, owner: dict[str, str], at: float) -> dict[str, Any]:
    """The fields that say who wrote a comment."""
    person = author(seed, -1 - post.account if writer is None else writer)
    return {
        "unique_identifier": person.unique_identifier,
        "user_id": person.user_id,
        "username": owner["username"] if writer is None else person.username,
        "display_name": owner["display_name"] if writer is None else person.display_name,
        "profile_image": signed_url(f"{person.image}~c5_168x168.jpeg", at),
        "owner": writer is None,
    }


def show_comment(seed: int, post: Post, comment: Comment, owner: dict[str, str], at: float) -> dict[str, Any]:
    """A top-level comment on the wire, as of an epoch second."""
    age = (at - comment.created) / DAY_S
    shown: dict[str, Any] = {
        "comment_id": comment.comment_id,
        "video_id": post.item_id,
        **_written_by(seed, post, comment.author, owner, at),
        "create_time": str(comment.created),
        "text": comment.edited_text if comment.edited_at <= at else comment.text,
        "likes": int(comment.final_likes * (1 - math.exp(-age / 2)) + 0.001),
        "replies": sum(reply.created <= at for reply in write_replies(seed, comment)) if comment.replies else 0,
        "liked": comment.liked_at <= at,
        "pinned": comment.pinned_at <= at,
        "status": "HIDDEN" if comment.hidden_at <= at else "PUBLIC",
    }
    if comment.has_image:
        shown["image_url"] = f"https://p16-comment-va.tiktokcdn.com/{comment.comment_id}.webp"
    return shown


def show_added(seed: int, post: Post, fields: dict[str, Any], owner: dict[str, str], at: float) -> dict[str, Any]:
    """A comment that a test added, with a writer and values of its own where the test gave none."""
    writer = int(fields["comment_id"]) % AUTHORS if str(fields["comment_id"]).isdecimal() else 0
    return {
        "comment_id": fields["comment_id"],
        "video_id": post.item_id,
        **_written_by(seed, post, writer, owner, at),
        "create_time": fields["create_time"],
        "text": "nice",
        "likes": 0,
        "replies": 0,
        "liked": False,
        "pinned": False,
        "status": "PUBLIC",
        **fields,
    }


def show_reply(seed: int, post: Post, parent_id: str, reply: Reply, owner: dict[str, str], at: float) -> dict[str, Any]:
    """A reply on the wire: without `replies` and `pinned`, as in the recordings."""
    return {
        "comment_id": reply.comment_id,
        "parent_comment_id": parent_id,
        "video_id": post.item_id,
        **_written_by(seed, post, reply.author, owner, at),
        "create_time": str(reply.created),
        "text": reply.text,
        "likes": 0,
        "liked": False,
        "status": "HIDDEN" if reply.hidden else "PUBLIC",
    }
