"""What a test changes in the simulated world: an overlay that the API and the world's truth both show."""

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from threading import RLock
from typing import Any, Final, Literal

from tiktok_organic_dagster.simulator.posts import Post

Clock = Callable[[], datetime]


class Absent(Enum):
    """The type of `ABSENT`."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
"""As the value of a field: the API leaves the key out."""

Subject = Literal[
    "profile", "analytics off", "metrics", "withdrawn", "video", "deleted video", "pinned", "comment", "deleted comment"
]


@dataclass(frozen=True, slots=True)
class AddedComment:
    """A comment that a test wrote."""

    comment_id: str
    created: int
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LateStretch:
    """Days in a row that TikTok publishes later than it documents."""

    first_day: date
    last_day: date
    by: timedelta


class Changes:
    """Thread-safe list of changes. Each takes effect `at` a moment: the clock's, if the world has one, else always.

    Counters follow 30 to 36 hours later, as they do for anything else that happens in the world.

    Attributes:
        version: Another one after each change.
    """

    def __init__(self, make_post: Callable[[int, int, int], Post]) -> None:
        self.clock: Clock | None = None
        self._make_post = make_post
        self._lock = RLock()
        self._log: dict[tuple[Subject, Hashable], list[tuple[float, dict[str, Any]]]] = defaultdict(list)
        self._posts: dict[int, list[Post]] = defaultdict(list)
        self._comments: dict[str, list[AddedComment]] = defaultdict(list)
        self._late: dict[int, list[LateStretch]] = defaultdict(list)
        self._count = 0
        self.version = 0

    # What tests call.

    def rename(self, account: int, username: str, *, at: datetime | None = None) -> None:
        """Give an account another @."""
        self.set_profile(account, at=at, username=username)

    def set_profile(self, account: int, *, at: datetime | None = None, **fields: object) -> None:
        """Set profile or audience fields of an account."""
        self._add("profile", account, at, fields)

    def analytics_off(self, account: int, *, at: datetime | None = None) -> None:
        """Let the owner never have pressed Turn On: no metrics and no audience."""
        self._add("analytics off", account, at)

    def patch_metrics(self, account: int, day: date, *, at: datetime | None = None, **fields: object) -> None:
        """Set fields of a published day."""
        self._add("metrics", (account, day), at, fields)

    def withdraw_metrics_day(self, account: int, day: date, *, at: datetime | None = None) -> None:
        """Let a day be missing from the answers."""
        self._add("withdrawn", (account, day), at)

    def publish_late(self, account: int, first_day: date, last_day: date, by: timedelta) -> None:
        """Publish the metrics of some days later than documented; the days after them wait until these are out."""
        with self._lock:
            self._late[account].append(LateStretch(first_day, last_day, by))
            self.version += 1

    def add_video(self, account: int, *, at: datetime | None = None, **fields: object) -> str:
        """Publish a post without comments; returns its id. `create_time` or `item_id` among the fields wins."""
        created = int(str(fields.get("create_time") or int(self._needed_moment(at))))
        with self._lock:
            self._count += 1
            post = self._make_post(account, -self._count, created)
            if "item_id" in fields:
                post = replace(post, item_id=str(fields["item_id"]))
            self._posts[account].append(post)
            self.version += 1
        self._add("video", post.item_id, datetime.fromtimestamp(0, UTC), fields)
        return post.item_id

    def patch_video(self, video_id: str, *, at: datetime | None = None, **fields: object) -> None:
        """Set fields of a post, as the API shows them."""
        self._add("video", video_id, at, fields)

    def delete_video(self, video_id: str, *, at: datetime | None = None) -> None:
        """Take a post away, or make it private: the API does not tell the two apart."""
        self._add("deleted video", video_id, at)

    def pin_video(self, video_id: str, *, at: datetime | None = None) -> None:
        """Let a post be listed first although it is old."""
        self._add("pinned", video_id, at)

    def add_comment(self, video_id: str, count: int = 1, *, at: datetime | None = None, **fields: object) -> list[str]:
        """Write comments under a post, one second apart, the last one at the moment; returns ids, oldest first."""
        newest = int(str(fields.get("create_time") or int(self._needed_moment(at))))
        added: list[str] = []
        with self._lock:
            for number in reversed(range(count)):
                self._count += 1
                created = newest - number
                # Above every generated id of the same second, so that ids still rise with time.
                comment_id = str(fields.get("comment_id") or created << 32 | 0xF0000000 + self._count)
                shown = {**fields, "create_time": str(created), "comment_id": comment_id}
                self._comments[video_id].append(AddedComment(comment_id, created, shown))
                added.append(comment_id)
            self.version += 1
        return added

    def edit_comment(self, comment_id: str, *, at: datetime | None = None, **fields: object) -> None:
        """Set fields of a comment or reply, as the API shows them."""
        self._add("comment", comment_id, at, fields)

    def delete_comment(self, comment_id: str, *, at: datetime | None = None) -> None:
        """Take a comment away for good."""
        self._add("deleted comment", comment_id, at)

    def clear(self) -> None:
        """Forget every change."""
        with self._lock:
            self._log.clear()
            self._posts.clear()
            self._comments.clear()
            self._late.clear()
            self.version += 1

    # What the world reads.

    @property
    def any(self) -> bool:
        """Whether there is a change at all."""
        return bool(self._log or self._posts or self._comments or self._late)

    def happened(self, subject: Subject, key: Hashable, at: float) -> bool:
        """Whether such a change took effect at or before an epoch second."""
        with self._lock:
            return any(since <= at for since, _ in self._log.get((subject, key), ()))

    def happened_at(self, subject: Subject, at: float) -> set[Hashable]:
        """The keys of all changes of a subject that took effect at or before an epoch second."""
        with self._lock:
            return {
                key
                for (name, key), log in self._log.items()
                if name == subject and any(since <= at for since, _ in log)
            }

    def applied(self, subject: Subject, key: Hashable, shown: dict[str, Any], at: float) -> dict[str, Any]:
        """What is shown of an object, with the fields that were set at or before an epoch second."""
        if not self._log:
            return shown
        with self._lock:
            for since, fields in self._log.get((subject, key), ()):
                if since <= at:
                    shown = shown | fields
        return without_absent(shown)

    def late_stretches(self, account: int) -> list[LateStretch]:
        """The days that are published later than documented."""
        with self._lock:
            return list(self._late.get(account, ()))

    def posts(self, account: int, at: float) -> list[Post]:
        """The posts that tests added, published at or before an epoch second."""
        with self._lock:
            return [post for post in self._posts.get(account, ()) if post.created <= at]

    def comments(self, video_id: str, at: float) -> Iterator[AddedComment]:
        """The comments that tests added, written at or before an epoch second."""
        with self._lock:
            return iter([added for added in self._comments.get(video_id, ()) if added.created <= at])

    def _add(self, subject: Subject, key: Hashable, at: datetime | None, fields: dict[str, Any] | None = None) -> None:
        moment = at or (self.clock() if self.clock else None)
        with self._lock:
            self._log[subject, key].append((moment.timestamp() if moment else -math.inf, fields or {}))
            self.version += 1

    def _needed_moment(self, at: datetime | None) -> float:
        moment = at or (self.clock() if self.clock else None)
        if moment is None:
            raise ValueError("This change needs a moment: pass at=..., or create_time, or use a running Simulator.")
        return moment.timestamp()


def without_absent(shown: dict[str, Any]) -> dict[str, Any]:
    """The object without the keys that are to be left out."""
    return {name: value for name, value in shown.items() if value is not ABSENT}
