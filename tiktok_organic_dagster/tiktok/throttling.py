"""Decides, from what is known of a scope, whether a call may go, has to wait, or is given up. Pure functions."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from tiktok_organic_dagster.tiktok.waiting import WaitReason

MAX_PAUSES = 5  # in a row; the next throttle gives the scope up until its time to resume
QPS_PAUSE_S = 1.0
_SECOND = re.compile(r"\bQPS\b", re.IGNORECASE)
_DAY = re.compile(r"\bQPD\b|\bday\b|\bdaily\b", re.IGNORECASE)


@dataclass(frozen=True)
class Pause:
    """A throttled scope: an account and endpoint, or the whole app when both are empty. Moments are epoch seconds.

    Attributes:
        strikes: Throttles in a row.
        given_up: After too many of them callers fail at once until `paused_until`.
        lease_owner: Who is probing whether the throttle is over, until `lease_until`.
    """

    account: str
    endpoint: str
    paused_at: float = 0.0
    paused_until: float = 0.0
    strikes: int = 0
    given_up: bool = False
    lease_owner: str | None = None
    lease_until: float = 0.0


@dataclass(frozen=True)
class Go:
    """The call may be sent; as a probe, if its scope was throttled."""

    probe: bool


@dataclass(frozen=True)
class Wait:
    """There is no room until a moment."""

    until: float
    reason: WaitReason


@dataclass(frozen=True)
class GivenUp:
    """The scope stays throttled until a moment."""

    at: float


Verdict = Go | Wait | GivenUp


def verdict(scopes: Sequence[Pause], free_at: float, now: float) -> Verdict:
    """May a call be sent now?

    Args:
        scopes: The throttled scopes that the call belongs to.
        free_at: When the quotas have room for it.
        now: The moment of asking.
    """
    closed = [pause for pause in scopes if pause.paused_until > now]
    refused = [pause.paused_until for pause in closed if pause.given_up]
    if refused:
        return GivenUp(max(refused))
    if closed:
        longest = max(closed, key=lambda pause: pause.paused_until)
        return Wait(longest.paused_until, WaitReason.PAUSE if longest.endpoint else WaitReason.APP_PAUSE)
    leased = [pause.lease_until for pause in scopes if pause.lease_owner is not None and pause.lease_until > now]
    if leased:
        return Wait(max(leased), WaitReason.PROBE)
    if free_at > now:
        return Wait(free_at, WaitReason.QUOTA)
    return Go(probe=bool(scopes))


def after_throttle(known: Pause, *, sent_at: float, now: float, wait_s: float, message: str) -> Pause:
    """The state of a scope after one of its calls was throttled.

    A call that was under way when the pause began tells nothing new: it adds no strike.
    """
    pause_s = QPS_PAUSE_S if _SECOND.search(message) else wait_s
    if known.strikes and sent_at <= known.paused_at:
        if known.given_up and known.paused_until > now:
            return known
        return replace(known, paused_until=max(known.paused_until, now + pause_s))
    if known.strikes < MAX_PAUSES:
        return Pause(known.account, known.endpoint, now, now + pause_s, known.strikes + 1)
    resume_at = next_midnight(now) if _DAY.search(message) else now + wait_s
    return Pause(known.account, known.endpoint, now, resume_at, known.strikes + 1, given_up=True)


def next_midnight(now: float) -> float:
    """The next 00:00 UTC, when TikTok's quota of the day starts anew."""
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today + timedelta(days=1)).timestamp()
