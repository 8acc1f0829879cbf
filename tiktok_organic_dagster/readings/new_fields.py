"""A field that TikTok added is told once, by whichever run meets it first, and not in each run again."""

from collections.abc import Iterable

from sqlalchemy.engine import Connection

from tiktok_organic_dagster.accounts.store import AccountStore
from tiktok_organic_dagster.findings import Finding, Findings, Kind
from tiktok_organic_dagster.state import fields, insert_into, to_epoch, writing


def tell_once(found: Iterable[Findings], store: AccountStore) -> None:
    """Leave a new field among the findings of the account where it was met first, and forget the others.

    Args:
        found: What was noticed about each account.
        store: Whose database remembers what was told.
    """
    with_new = [each for each in found if any(finding.kind is Kind.NEW_FIELD for finding in each)]
    if not with_new:
        return
    now = to_epoch(store.clock())
    with writing(store.engine) as connection:

        def is_to_tell(finding: Finding) -> bool:
            return finding.kind is not Kind.NEW_FIELD or _is_first(connection, finding, now)

        for findings in with_new:
            findings.keep(is_to_tell)


def _is_first(connection: Connection, finding: Finding, now: float | None) -> bool:
    row = insert_into(connection, fields).values(place=finding.table, field=finding.column, told_at=now)
    return connection.execute(row.on_conflict_do_nothing()).rowcount == 1
