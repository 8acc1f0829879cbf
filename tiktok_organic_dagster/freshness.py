"""Is an account's data as new as TikTok's? Decided by what is stored, whatever the runs said."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date

from tiktok_organic_dagster.accounts.account import Account
from tiktok_organic_dagster.gaps import lacking_scope
from tiktok_organic_dagster.tables import ACCOUNT_METRICS, Table, Writing
from tiktok_organic_dagster.warehouse import Session
from tiktok_organic_dagster.warehouse.ledger import answered_since
from tiktok_organic_dagster.warehouse.newest import newest_day, read_without_rows_since, with_rows_since
from tiktok_organic_dagster.windows import ONE_DAY, PUBLISHED_AFTER


@dataclass(frozen=True)
class Stale:
    """An account whose table is older than it can be.

    Attributes:
        account: The account.
        newest: The day of its newest row; None if it has none.
        expected: The day that TikTok has published by now, for sure.
    """

    account: Account
    newest: date | None
    expected: date

    def __str__(self) -> str:
        if self.newest is None:
            return f"no row at all, although there should be some of {self.expected}"
        behind = (self.expected - self.newest).days
        return f"the newest row is of {self.newest}, {behind} days older than it can be ({self.expected})"


def expected_day(table: Table, today: date) -> date:
    """The day that a table must have rows of, or later ones.

    Of daily numbers, what TikTok has certainly published; of readings that of yesterday, as today's may be yet to come.
    """
    return today - PUBLISHED_AFTER if table.writing is Writing.FILL_DAYS else today - ONE_DAY


def stale_accounts(session: Session, table: Table, accounts: Sequence[Account], today: date) -> list[Stale]:
    """The accounts whose rows of a table are older than they can be.

    An account is left out on the day of its connection, and where its owner did not grant what the table needs. No row
    is right where TikTok was asked lately and had none: an account without comments is not stale, nor is one that
    fell below 100 followers, so that its answers hold a day's metrics and no activity by hour. Account metrics are of
    every account, so that there none at all is stale.
    """
    expected = expected_day(table, today)
    looked_at = [
        account
        for account in accounts
        if account.connected_at.astimezone(UTC).date() < today and lacking_scope(account, table) is None
    ]
    if not session.holds(table):
        return [Stale(account, None, expected) for account in looked_at]
    if table is ACCOUNT_METRICS:
        fresh = set[str]()
    elif table.writing is Writing.FILL_DAYS:
        fresh = answered_since(session, table, expected)
    else:
        fresh = read_without_rows_since(session, table, today - ONE_DAY)
    left = [account for account in looked_at if account.business_id not in fresh]
    fresh |= with_rows_since(session, table, [account.business_id for account in left], expected)
    return [
        Stale(account, newest_day(session, table, account.business_id), expected)
        for account in left
        if account.business_id not in fresh
    ]
