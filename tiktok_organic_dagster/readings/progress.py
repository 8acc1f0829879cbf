"""What is said of a step while it works: what begins, how far it is, which account waits for what, and until when."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Protocol

from tiktok_organic_dagster.accounts.account import Account
from tiktok_organic_dagster.readings.base import Notes, Reading
from tiktok_organic_dagster.tiktok.stats import CallStats
from tiktok_organic_dagster.tiktok.waiting import Waiting, WaitReason, duration

PROGRESS_EVERY_S = 30.0
"""A line in the run log so often, and none of a step that is done before."""
LOOK_EVERY_S = 1.0
"""How often the waits are looked at: so late at most a pause is told."""
NAMED = 3
"""Accounts named in one line; the others are counted."""
LONG_WAIT = timedelta(seconds=10)
"""A pause so long is told when it begins, and again if its end moves by so much."""


class UnderWay(Protocol):
    """What is looked at of an account that is being read: only what another thread may change at any time."""

    account: Account
    notes: Notes
    stats: CallStats


class Progress:
    """How far one step is; looked at from the thread that waits for the accounts, and by a display in the terminal.

    Args:
        step: Names the step.
        accounts: All accounts that are read.
        now: The clock.
    """

    def __init__(self, step: str, accounts: Sequence[UnderWay], now: Callable[[], datetime]) -> None:
        self.step = step
        self.total = len(accounts)
        self.done = 0
        self._accounts = accounts
        self._pages_before = sum(each.stats.pages for each in accounts)
        self._now = now
        self._said_at = now()
        self._told: dict[str, datetime] = {}
        _observer.get()(self)

    @property
    def pages(self) -> int:
        """List pages read so far, those of an earlier attempt aside."""
        return sum(each.stats.pages for each in self._accounts) - self._pages_before

    @property
    def rows(self) -> int:
        """Rows that TikTok's answers became so far."""
        return sum(each.notes.rows for each in self._accounts)

    def news(self) -> list[str]:
        """What is due to be said now: pauses that began, and how far it is if nothing was said of it for long."""
        now = self._now()
        waiting = self._waiting()
        lines = [f"{self.step}: {text}" for text in _described(self._new_pauses(waiting, now), now)]
        if now - self._said_at >= timedelta(seconds=PROGRESS_EVERY_S):
            self._said_at = now
            done = f"{self.done} of {counted(self.total, 'account', 'accounts')} done"
            pages = f", {counted(self.pages, 'page', 'pages')}" if self.pages else ""
            rows = f", {counted(self.rows, 'row', 'rows')} so far"
            lines.append("; ".join([f"{self.step}: {done}{pages}{rows}", *_described(waiting, now)]))
        return lines

    def waits(self) -> list[str]:
        """Who waits for what at this moment, a text for each reason."""
        return _described(self._waiting(), self._now())

    def _waiting(self) -> list[tuple[str, Waiting]]:
        """Each account that waits, with what it waits for."""
        found = [(each.account.username, each.stats.waiting) for each in self._accounts]
        return [(name, waiting) for name, waiting in found if waiting is not None]

    def _new_pauses(self, waiting: Sequence[tuple[str, Waiting]], now: datetime) -> list[tuple[str, Waiting]]:
        """The long pauses that were not told yet; one of the whole app is told once."""
        new: list[tuple[str, Waiting]] = []
        for name, wait in waiting:
            scope = "" if wait.reason is WaitReason.APP_PAUSE else name
            told = self._told.get(scope)
            is_new = told is None or wait.until - told >= LONG_WAIT
            if wait.reason.is_pause and is_new and wait.until - now >= LONG_WAIT:
                self._told[scope] = wait.until
                new.append((name, wait))
        return new


def warehouse_waits_told(sleep: Callable[[float], None], log: Callable[[str], None]) -> Callable[[float], None]:
    """A sleep for a warehouse that another process holds: what is slept in all is said once it is long, and again."""
    slept = 0.0
    due = LONG_WAIT.total_seconds()

    def patient(seconds: float) -> None:
        nonlocal slept, due
        if slept >= due:
            log(f"The warehouse is open in another process: waited {duration(slept)} for it so far.")
            due += PROGRESS_EVERY_S
        sleep(seconds)
        slept += seconds

    return patient


def beginning(reading: Reading, accounts: int) -> str:
    """The first line of a step: `videos: 5 accounts, 8 tables, reading of 2026-11-24`."""
    tables = counted(len(reading.tables), "table", "tables")
    return f"{reading.step}: {counted(accounts, 'account', 'accounts')}, {tables}, {reading.days()}"


def counted(number: int, one: str, many: str) -> str:
    """A number with its noun: `1 row`, `8,120 rows`."""
    return f"{number:,} {one if number == 1 else many}"


@contextmanager
def observed(observer: Callable[[Progress], None]) -> Generator[None]:
    """Within the block, the observer is given the progress of each step that this thread begins."""
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)


def _nobody(_: Progress) -> None:
    """Nobody looks."""


_observer: ContextVar[Callable[[Progress], None]] = ContextVar("observer", default=_nobody)


def _described(waiting: Sequence[tuple[str, Waiting]], now: datetime) -> list[str]:
    """A text for each reason: which accounts wait, and how long the longest of them still has to."""
    texts: list[str] = []
    for reason in WaitReason:
        names = [f"@{name}" for name, wait in waiting if wait.reason is reason]
        if names:
            longest = max((wait for _, wait in waiting if wait.reason is reason), key=lambda wait: wait.until)
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            who = ", ".join(names[:NAMED]) + more
            texts.append(f"{who} {reason.one if len(names) == 1 else reason.several}, {longest.left(now)}")
    return texts
