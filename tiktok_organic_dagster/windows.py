"""The policies of time: which days can be loaded, which videos a reading holds. The clock is always passed in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

BACKFILL_DAYS = 58
"""How far back account metrics are loaded. TikTok serves 60 days; two stay in hand for the change of the day in UTC."""

VIDEO_DAYS = 365
"""How long TikTok updates a post's numbers after its publication."""

ONE_DAY = timedelta(days=1)

PUBLISHED_AFTER = timedelta(days=3)
"""How long after a day began its metrics are there: TikTok publishes them 24 to 48 hours after its end."""


@dataclass(frozen=True)
class Request:
    """The days a run asks for, sorted into those that can be loaded and those that cannot.

    Attributes:
        allowed: Days that succeed, in order.
        refused: Days outside the window, in order.
        first: The earliest day of the window.
        last: The latest day of the window.
        reason: Why there is a window, for the message.
    """

    allowed: tuple[date, ...]
    refused: tuple[date, ...]
    first: date
    last: date
    reason: str

    @property
    def refusal(self) -> str:
        """The sentence that names the days left out, the days allowed, and why."""
        window = f"{self.first} (today)" if self.first == self.last else f"{self.first} to {self.last} (today)"
        return f"Not loaded: {in_words(self.refused)}. Allowed: {window}. {self.reason}"


def metrics_request(days: Iterable[date], today: date) -> Request:
    """What can be loaded of account metrics: 58 days back. Today is allowed and empty, as nothing is published yet."""
    return _request(
        days,
        today - BACKFILL_DAYS * ONE_DAY,
        today,
        f"Account metrics reach {BACKFILL_DAYS} days back, because TikTok keeps no older ones.",
    )


def reading_request(days: Iterable[date], today: date) -> Request:
    """What can be read of an account, its videos and comments: today, as TikTok serves no past values."""
    return _request(
        days,
        today,
        today,
        "A reading is what TikTok says now, so it can be taken for today only: TikTok serves no past values.",
    )


def _request(days: Iterable[date], first: date, last: date, reason: str) -> Request:
    asked = sorted(set(days))
    return Request(
        allowed=tuple(day for day in asked if first <= day <= last),
        refused=tuple(day for day in asked if not first <= day <= last),
        first=first,
        last=last,
        reason=reason,
    )


def videos_since(today: date) -> datetime:
    """Videos created at this moment or later are part of a daily reading (the first one holds all)."""
    return datetime.combine(today, time(), UTC) - VIDEO_DAYS * ONE_DAY


def in_words(days: Sequence[date]) -> str:
    """Days as text, neighbours joined: `2026-01-01 to 2026-01-03 (3 days), 2026-01-07`."""
    ranges: list[list[date]] = []
    for day in days:
        if ranges and day - ranges[-1][-1] == ONE_DAY:
            ranges[-1].append(day)
        else:
            ranges.append([day])
    return ", ".join(f"{r[0]} to {r[-1]} ({len(r)} days)" if len(r) > 1 else str(r[0]) for r in ranges)
