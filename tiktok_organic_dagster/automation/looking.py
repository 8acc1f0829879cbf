"""What schedules and sensors look at before they start something: accounts, the gap ledger, and runs under way."""

import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunRecord, RunsFilter, SkipReason

from tiktok_organic_dagster.accounts.account import Account
from tiktok_organic_dagster.accounts.store import AccountStore
from tiktok_organic_dagster.gaps import Gaps, gaps_now
from tiktok_organic_dagster.resources import TikTokResource, WarehouseResource
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.tables import Table
from tiktok_organic_dagster.warehouse.bookkeeping import readings_on

RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
PARTITION_TAG = "dagster/partition"
UNDER_WAY = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]
SILENT_AFTER = timedelta(minutes=30)
"""A run that tells nothing for so long is dead: a step says twice a minute how far it is.

When a machine loses its power, Dagster leaves the runs on it as started.
"""


def utc_now() -> datetime:
    """The clock of whatever Dagster calls here."""
    return datetime.now(UTC)


@contextmanager
def account_store(tiktok: TikTokResource) -> Generator[AccountStore]:
    """The connected accounts, until the block ends.

    Raises:
        ConfigurationError: The state database or the key cannot be used.
    """
    store = tiktok.connect(utc_now, time.sleep).store
    try:
        yield store
    finally:
        store.engine.dispose()


@dataclass(frozen=True)
class RunUnderWay:
    """A run that has not ended, and is alive.

    Attributes:
        accounts: The accounts that it is restricted to, as its run config names them; none if it reads all.
        begun: When it was made.
    """

    accounts: frozenset[str]
    begun: datetime

    def covers(self, account: Account) -> bool:
        """Whether it reads an account."""
        names = {account.business_id, account.username, f"@{account.username}"}
        return not self.accounts or not self.accounts.isdisjoint(names)


def runs_under_way(instance: DagsterInstance, jobs: Iterable[str], today: date) -> list[RunUnderWay]:
    """The runs of some jobs that load a range of days up to today or yesterday, and have not ended."""
    days = {today.isoformat(), (today - timedelta(days=1)).isoformat()}
    return [
        RunUnderWay(frozenset(accounts_named(record.dagster_run)), record.create_timestamp.astimezone(UTC))
        for job in jobs
        for record in instance.get_run_records(RunsFilter(job_name=job, statuses=UNDER_WAY))
        if (record.dagster_run.tags.get(RANGE_END_TAG) or record.dagster_run.tags.get(PARTITION_TAG)) in days
        and utc_now() - _last_word(instance, record) < SILENT_AFTER
    ]


def accounts_named(run: DagsterRun) -> list[str]:
    """The accounts that a run was restricted to; none if it was for all."""
    ops: Any = run.run_config.get("ops")
    found: list[str] = []
    for op in ops.values() if isinstance(ops, Mapping) else ():
        config = op.get("config") if isinstance(op, Mapping) else None
        names = config.get("accounts") if isinstance(config, Mapping) else None
        found += [name for name in names if isinstance(name, str)] if isinstance(names, Iterable) else []
    return found


def _last_word(instance: DagsterInstance, record: RunRecord) -> datetime:
    """When a run was made, or told something for the last time."""
    events = instance.get_records_for_run(record.dagster_run.run_id, limit=1, ascending=False).records
    if not events:
        return record.create_timestamp.astimezone(UTC)
    return datetime.fromtimestamp(events[0].event_log_entry.timestamp, UTC)


def nobody_connected(store: AccountStore) -> SkipReason:
    """Why nothing is done while no account is connected."""
    return SkipReason(f"No account is connected in {store.place}. Connect one with: tiktok-organic connect")


def look_at_gaps(
    store: AccountStore, warehouse: WarehouseResource, accounts: Sequence[Account], today: date, steps: Sequence[str]
) -> Gaps:
    """The gap ledger of some accounts as it is at this moment, without waiting for a run that writes.

    Raises:
        WarehouseError: It cannot be opened, or another process is in the way.
    """
    with warehouse.open().glance() as session:
        return gaps_now(session, store, accounts, since=Settings.load().start_date, today=today, steps=steps)


def look_at_readings(warehouse: WarehouseResource, table: Table, day: date) -> dict[str, datetime]:
    """When something of a day's reading of a table was last written, by `_business_id`, without waiting for a run.

    Raises:
        WarehouseError: It cannot be opened, or another process is in the way.
    """
    with warehouse.open().glance() as session:
        return {business_id: taken.at for business_id, taken in readings_on(session, table, day).items()}


def range_tags(first: date, last: date) -> dict[str, str]:
    """The tags that make a run load the days of a range."""
    return {RANGE_START_TAG: first.isoformat(), RANGE_END_TAG: last.isoformat()}


def in_runs(accounts: Sequence[Account]) -> Iterator[tuple[str, list[str]]]:
    """The accounts of each run: all in one, unless the setting TIKTOK_ORGANIC_ACCOUNTS_PER_RUN splits them.

    Yields:
        What to call the part, and the `_business_id`s in it; an empty text and no ids if all accounts are read at once.
    """
    most = Settings.load().accounts_per_run
    if most is None or len(accounts) <= most:
        yield "", []
        return
    ids = sorted(account.business_id for account in accounts)
    for begin in range(0, len(ids), most):
        part = ids[begin : begin + most]
        yield f"{begin + 1}-{begin + len(part)} of {len(ids)}", part
