"""What schedules and sensors look at before they start something: the connected accounts, and the gap ledger."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime

from dagster import SkipReason

from tiktok_organic_dagster.accounts.store import Account, AccountStore
from tiktok_organic_dagster.gaps import Gaps, gaps_now
from tiktok_organic_dagster.resources import TikTokResource, WarehouseResource
from tiktok_organic_dagster.settings import Settings

RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"


def utc_now() -> datetime:
    """The clock of whatever Dagster calls here."""
    return datetime.now(UTC)


def account_store(tiktok: TikTokResource) -> AccountStore:
    """The connected accounts.

    Raises:
        ConfigurationError: The state database or the key cannot be used.
    """
    return tiktok.connect(utc_now, time.sleep).store


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
