"""Carries out one step's reading of many accounts: fetched side by side, written one after another."""

import threading
import traceback
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tiktok_organic_dagster.accounts.store import Account, AccountStore
from tiktok_organic_dagster.errors import TikTokOrganicError
from tiktok_organic_dagster.readings.base import Notes, Portion, Reading
from tiktok_organic_dagster.tiktok.client import AccountReader, CallStats
from tiktok_organic_dagster.tiktok.errors import PagingError, TransientError
from tiktok_organic_dagster.warehouse import Warehouse, WarehouseError

SIDE_BY_SIDE = 15
"""Accounts fetched at once: TikTok grants 600 requests a minute to an app and 40 to each account and endpoint."""

PASSING = (TransientError, PagingError, WarehouseError)
"""Failures that may be gone at the end of the step, when the account is tried once more."""


class StoppedError(TikTokOrganicError):
    """The run was stopped while it waited."""


class Stop:
    """Ends the waits of all threads when the run is ended."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def sleep(self, seconds: float) -> None:
        """Wait, unless the run is ended meanwhile.

        Raises:
            StoppedError: The run was ended.
        """
        if self._event.wait(seconds):
            raise StoppedError("The run was stopped.")

    @contextmanager
    def on_leaving(self) -> Generator[None]:
        """End all waits when the block is left, however that happens."""
        try:
            yield
        finally:
            self._event.set()


@dataclass
class Outcome:
    """What came of one account.

    Attributes:
        account: The account.
        error: Why it was not read completely; None if it was.
        is_passing: Whether trying again may help.
        notes: What was noticed.
        rows: Rows written, by table and day; empty if there was nothing to ask TikTok for.
        previews: The first rows written, by table.
        stats: What the calls came to.
    """

    account: Account
    error: str | None = None
    is_passing: bool = False
    notes: Notes = field(default_factory=Notes)
    rows: dict[str, Counter[date]] = field(default_factory=dict)
    previews: dict[str, Sequence[dict[str, Any]]] = field(default_factory=dict)
    stats: CallStats = field(default_factory=CallStats)

    @property
    def total(self) -> int:
        """How many rows were written."""
        return sum(sum(days.values()) for days in self.rows.values())

    def __str__(self) -> str:
        calls = sum(self.stats.calls.values())
        facts = f"{self.total} rows, {self.stats.pages} pages, {calls} calls, {self.stats.retries} retries"
        waited = f", waited {self.stats.waited_s:.0f} s" if self.stats.waited_s >= 1 else ""
        outcome = f"FAILED: {self.error}" if self.error else self.notes.skipped or "complete"
        return f"@{self.account.username}: {outcome} ({facts}{waited})"


def take(
    reading: Reading,
    accounts: Sequence[Account],
    *,
    open_reader: Callable[[Account], AccountReader],
    warehouse: Warehouse,
    store: AccountStore,
    log: Callable[[str], None],
    stop: Stop,
) -> list[Outcome]:
    """Read accounts and write their rows. An account that fails keeps its earlier rows and holds no other back.

    Args:
        reading: How an account is read.
        accounts: The accounts.
        open_reader: Opens an account at TikTok.
        warehouse: Where the rows go.
        store: Where it is noted what became of each account.
        log: Takes one line for each account.
        stop: Ended when this function is left.

    Returns:
        An outcome for each account, in the order given.

    Raises:
        WarehouseError: The warehouse cannot be used at all.
    """
    outcomes: dict[str, Outcome] = {}
    with stop.on_leaving():
        waiting = list(accounts)
        for _ in range(2):  # those that failed are tried once more when all others are done
            if waiting:
                with warehouse.session() as session:
                    reading.prepare(session, waiting)
                for outcome in _side_by_side(_Writer(reading, warehouse, open_reader), waiting):
                    outcomes[outcome.account.business_id] = outcome
                    log(str(outcome))
            waiting = [a for a in accounts if outcomes[a.business_id].is_passing]
    for outcome in outcomes.values():
        _record(store, reading, outcome)
    return [outcomes[account.business_id] for account in accounts]


@dataclass
class _Writer:
    """Reads an account and writes it; the warehouse is open for one account at a time."""

    reading: Reading
    warehouse: Warehouse
    open_reader: Callable[[Account], AccountReader]
    turn: threading.Lock = field(default_factory=threading.Lock)

    def outcome(self, account: Account) -> Outcome:
        outcome = Outcome(account)
        try:
            self._read(account, outcome)
        except TikTokOrganicError as error:
            outcome.error = str(error)
            outcome.is_passing = isinstance(error, PASSING)
        except Exception as error:  # noqa: BLE001 -- a fault of ours on one account must not cost the others
            place = traceback.extract_tb(error.__traceback__)[-1]
            outcome.error = (
                f"Unexpected {type(error).__name__}: {error} ({place.name}, line {place.lineno}). Please report this."
            )
        return outcome

    def _read(self, account: Account, outcome: Outcome) -> None:
        reader = self.open_reader(account)
        outcome.stats = reader.stats
        with closing(self.reading.portions(account, reader, outcome.notes)) as portions:
            for portion in portions:
                self._write(account, portion)
                for table in self.reading.tables:
                    outcome.rows.setdefault(table.name, Counter()).update(portion.spool.days(table))
                    outcome.previews.setdefault(table.name, portion.spool.preview(table))

    def _write(self, account: Account, portion: Portion) -> None:
        lock = f"{self.reading.step}:{account.business_id}"
        with self.turn, self.warehouse.session() as session, session.transaction(lock):
            portion.write(session)


def _side_by_side(writer: _Writer, accounts: Sequence[Account]) -> Generator[Outcome]:
    pool = ThreadPoolExecutor(max_workers=min(SIDE_BY_SIDE, len(accounts)), thread_name_prefix=writer.reading.step)
    try:
        futures: list[Future[Outcome]] = [pool.submit(writer.outcome, account) for account in accounts]
        for future in as_completed(futures):
            yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _record(store: AccountStore, reading: Reading, outcome: Outcome) -> None:
    business_id = outcome.account.business_id
    now = reading.moment.now()
    if outcome.error is not None:
        store.record_error(business_id, reading.step, outcome.error, now)
    elif outcome.rows:
        store.record_complete(business_id, reading.step, now)
    if outcome.notes.username:
        store.record_username(business_id, outcome.notes.username)
