"""Carries out one step's reading of many accounts: fetched side by side, written one after another."""

import threading
import traceback
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from tiktok_organic_dagster.accounts.account import Account
from tiktok_organic_dagster.accounts.store import AccountStore
from tiktok_organic_dagster.errors import StateError, TikTokOrganicError
from tiktok_organic_dagster.gaps import bring_to_date
from tiktok_organic_dagster.readings.base import Notes, Portion, Reading
from tiktok_organic_dagster.readings.new_fields import tell_once
from tiktok_organic_dagster.readings.progress import LOOK_EVERY_S, Progress, beginning, counted
from tiktok_organic_dagster.tables import missing_scopes
from tiktok_organic_dagster.tiktok.client import AccountReader
from tiktok_organic_dagster.tiktok.errors import (
    SCOPE_NOT_GRANTED,
    PagingError,
    RefusedError,
    TransientError,
    clean,
    printable,
)
from tiktok_organic_dagster.tiktok.stats import CallStats
from tiktok_organic_dagster.warehouse import Warehouse, WarehouseBusyError, WarehouseError, step_lock

SIDE_BY_SIDE = 22
"""Accounts fetched at once. TikTok grants 600 requests a minute to an app and 40 to each account and endpoint: 15 use
all of it, and the others make up for those that are slow, or are being written."""

PASSING = (TransientError, PagingError, WarehouseError, StateError)
"""Failures that may be gone at the end of the step, when the account is tried once more."""


class StoppedError(TikTokOrganicError):
    """The run was stopped while it waited."""


class AccountGoneError(TikTokOrganicError):
    """The account was disconnected, or renamed, while it was read."""


class Stop:
    """Ends the waits of all threads when the run is ended."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def sleep(self, seconds: float) -> None:
        """Wait, unless the run is ended meanwhile; with 0 seconds, only look whether it is.

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
        previews: The first rows written, by table and day.
        stats: What the calls came to.
    """

    account: Account
    error: str | None = None
    is_passing: bool = False
    notes: Notes = field(default_factory=Notes)
    rows: dict[str, Counter[date]] = field(default_factory=dict)
    previews: dict[str, Mapping[date, Sequence[dict[str, Any]]]] = field(default_factory=dict)
    stats: CallStats = field(default_factory=CallStats)

    @property
    def total(self) -> int:
        """How many rows were written."""
        return sum(sum(days.values()) for days in self.rows.values())

    def __str__(self) -> str:
        facts = [
            counted(self.total, "row", "rows"),
            counted(self.stats.pages, "page", "pages") if self.stats.pages else "",
            counted(sum(self.stats.calls.values()), "call", "calls"),
            counted(self.stats.retries, "retry", "retries") if self.stats.retries else "",
            f"waited {self.stats.waited_s:.0f} s" if self.stats.waited_s >= 1 else "",
        ]
        left = (
            f"{counted(self.notes.left_over, 'video', 'videos')} left for the next run" if self.notes.left_over else ""
        )
        outcome = f"FAILED: {self.error}" if self.error else self.notes.skipped or left or "complete"
        return f"@{self.account.username}: {outcome} ({', '.join(filter(None, facts))})"


def take(
    reading: Reading,
    accounts: Sequence[Account],
    *,
    open_reader: Callable[[Account], AccountReader],
    warehouse: Warehouse,
    store: AccountStore,
    log: Callable[[str], None],
    stop: Stop,
    since: date,
) -> list[Outcome]:
    """Read accounts and write their rows. An account that fails keeps its earlier rows and holds no other back.

    Args:
        reading: How an account is read.
        accounts: The accounts.
        open_reader: Opens an account at TikTok.
        warehouse: Where the rows go.
        store: Where it is noted what became of each account.
        log: Takes what is to be said of the step: its beginning, its progress while it lasts, and each account's end.
        stop: Ended when this function is left.
        since: The first partition: the ledger expects no day before it.

    Returns:
        An outcome for each account, in the order given.

    Raises:
        WarehouseError: The warehouse cannot be used at all.
    """
    outcomes = {account.business_id: _begun(reading, account, CallStats()) for account in accounts}
    with stop.on_leaving():
        log(beginning(reading, len(accounts)))
        with warehouse.session() as session:
            reading.prepare(session, accounts, store)
            bring_to_date(session, store, accounts, since=since, today=reading.moment.today, steps=[reading.step])
        writer = partial(_Writer, reading, warehouse, open_reader, store, stop)
        _side_by_side(writer(), list(outcomes.values()), reading.step, log)
        again = [_to_try_again(reading, outcome) for outcome in outcomes.values() if outcome.is_passing]
        if again and _prepared_again(reading, warehouse, again, store):
            outcomes.update((outcome.account.business_id, outcome) for outcome in again)
            _side_by_side(writer(), again, f"{reading.step}, second attempt", log)
    tell_once([outcome.notes.findings for outcome in outcomes.values()], store)
    for outcome in outcomes.values():
        _record(store, reading, outcome)
    return list(outcomes.values())


def _to_try_again(reading: Reading, failed: Outcome) -> Outcome:
    """Where a second attempt begins: what was written before the failure counts, if it was written for good."""
    if reading.writes_in_portions:
        failed.notes.rows = failed.total
        return replace(failed, error=None, is_passing=False)
    return _begun(reading, failed.account, failed.stats)


def _begun(reading: Reading, account: Account, stats: CallStats) -> Outcome:
    """An outcome before the first call, which already says what the account's missing scopes cost."""
    costs = missing_scopes(reading.tables, account.scopes)
    warnings = [f"The scope {scope} was not granted: no {', '.join(columns)}." for scope, columns in costs.items()]
    return Outcome(account, notes=Notes(warnings=warnings), stats=stats)


def _prepared_again(reading: Reading, warehouse: Warehouse, outcomes: Sequence[Outcome], store: AccountStore) -> bool:
    """Look up again what is known of the accounts that failed; False if a database cannot be used any more."""
    try:
        with warehouse.session() as session:
            reading.prepare(session, [outcome.account for outcome in outcomes], store)
    except (WarehouseError, StateError):
        return False
    return True


@dataclass
class _Writer:
    """Reads an account and writes it; the warehouse is open for one account at a time."""

    reading: Reading
    warehouse: Warehouse
    open_reader: Callable[[Account], AccountReader]
    store: AccountStore
    stop: Stop
    turn: threading.Lock = field(default_factory=threading.Lock)
    busy: WarehouseBusyError | None = None

    def read(self, outcome: Outcome) -> Outcome:
        """Read an account, and note in its outcome what came of it."""
        try:
            self._read(outcome)
        except TikTokOrganicError as error:
            outcome.error = printable(str(error))  # a database may quote a value
            outcome.is_passing = isinstance(error, PASSING) or self._is_of_lost_scope(outcome, error)
        except Exception as error:  # noqa: BLE001 -- a fault of ours on one account must not cost the others
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}, line {place.lineno}"
            outcome.error = (
                f"Unexpected {type(error).__name__} in {place.name} ({where}): {clean(str(error))}. Please report this."
            )
        return outcome

    def _read(self, outcome: Outcome) -> None:
        reader = self.open_reader(outcome.account)
        reader.stats = outcome.stats
        with closing(self.reading.portions(outcome.account, reader, outcome.notes)) as portions:
            for portion in portions:
                self._write(outcome.account, portion)
                for table in self.reading.tables:
                    outcome.rows.setdefault(table.name, Counter()).update(portion.spool.days(table))
                    outcome.previews[table.name] = outcome.previews.get(table.name) or portion.spool.previews(table)

    def _is_of_lost_scope(self, outcome: Outcome, error: TikTokOrganicError) -> bool:
        """Whether the owner took a permission away since it was granted; the account is known without it then."""
        if not isinstance(error, RefusedError) or error.code != SCOPE_NOT_GRANTED:
            return False
        granted = outcome.account.scopes
        try:
            self.open_reader(outcome.account).renew()
            outcome.account = self.store.find(outcome.account.business_id)
        except TikTokOrganicError:
            return False
        return outcome.account.scopes != granted

    def _write(self, account: Account, portion: Portion) -> None:
        lock = step_lock(self.reading.step, account.business_id)
        with self.turn:
            self.stop.sleep(0)
            if self.busy is not None:  # one wait for whoever holds it is enough for all accounts
                raise self.busy
            try:
                with self.warehouse.session() as session, session.transaction(lock):
                    if not self.store.may_be_written([account.business_id]):
                        raise AccountGoneError(
                            f"@{account.username} was disconnected, or given another business_id, while it was read, "
                            "so nothing more of it was stored. If it is connected again, the next run reads it."
                        )
                    portion.write(session)
            except WarehouseBusyError as error:
                self.busy = error
                raise


def _side_by_side(writer: _Writer, outcomes: Sequence[Outcome], title: str, log: Callable[[str], None]) -> None:
    """Read accounts in threads, a line in the log for each one that is done, and for what is due meanwhile."""
    progress = Progress(title, outcomes, writer.reading.moment.now)
    pool = ThreadPoolExecutor(max_workers=min(SIDE_BY_SIDE, len(outcomes)), thread_name_prefix=writer.reading.step)
    try:
        under_way = {pool.submit(writer.read, outcome) for outcome in outcomes}
        while under_way:
            ended, under_way = wait(under_way, LOOK_EVERY_S, FIRST_COMPLETED)
            for future in ended:
                progress.done += 1
                log(str(future.result()))
            for line in progress.news() if under_way else ():
                log(line)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _record(store: AccountStore, reading: Reading, outcome: Outcome) -> None:
    business_id = outcome.account.business_id
    if outcome.error is not None:
        store.record_error(business_id, reading.step, outcome.error, reading.moment.now_or_midnight())
    elif outcome.rows and not outcome.notes.left_over:
        store.record_complete(business_id, reading.step, reading.moment.now())
    if outcome.notes.username:
        store.record_username(business_id, outcome.notes.username)
