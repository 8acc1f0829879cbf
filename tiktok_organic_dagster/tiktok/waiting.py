"""What a call is waiting for at the moment, and until when: for whoever watches a long run."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

MINUTE_S = 60
HOUR_S = 3600


class WaitReason(Enum):
    """Why a call waits, in words that follow the name of one account, or the names of several."""

    QUOTA = ("waits for TikTok's quota", "wait for TikTok's quota")
    PAUSE = ("is paused after throttling", "are paused after throttling")
    APP_PAUSE = ("is paused with the whole app after throttling", "are paused with the whole app after throttling")
    PROBE = ("waits for the first call after throttling", "wait for the first call after throttling")
    RETRY = ("waits before another try", "wait before another try")

    def __init__(self, one: str, several: str) -> None:
        self.one = one
        self.several = several

    @property
    def is_pause(self) -> bool:
        """Whether TikTok's throttling is behind it, which takes minutes."""
        return self in {WaitReason.PAUSE, WaitReason.APP_PAUSE}


@dataclass(frozen=True)
class Waiting:
    """A wait that has begun; its end may be put off.

    Attributes:
        reason: What is waited for.
        until: When it ends, as far as is known.
        because: What went wrong before, if that is why.
    """

    reason: WaitReason
    until: datetime
    because: str = ""

    def left(self, now: datetime) -> str:
        """How long it still takes, for a pause also when it ends (`4 min 50 s left, until 12:05:00 UTC`), and why."""
        left = f"{duration((self.until - now).total_seconds())} left"
        until = f", until {self.until:%H:%M:%S} UTC" if self.reason.is_pause else ""
        return f"{left}{until} ({self.because})" if self.because else f"{left}{until}"


OnWait = Callable[[Waiting], None]


def unheard(_: Waiting) -> None:
    """Nobody listens."""


def duration(seconds: float) -> str:
    """Seconds in words, rounded up: `24 s`, `4 min 50 s`, `1 h 5 min`."""
    whole = max(0, math.ceil(seconds))
    if whole < MINUTE_S:
        return f"{whole} s"
    if whole < HOUR_S:
        minutes, rest = divmod(whole, MINUTE_S)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, rest = divmod(math.ceil(whole / MINUTE_S), MINUTE_S)
    return f"{hours} h {rest} min" if rest else f"{hours} h"
