"""How new the rows of each account's tables are."""

from collections.abc import Sequence
from datetime import date

from tiktok_organic_dagster.tables import Table
from tiktok_organic_dagster.tables.own import READINGS
from tiktok_organic_dagster.warehouse.base import Session, quoted


def with_rows_since(session: Session, table: Table, business_ids: Sequence[str], day: date) -> set[str]:
    """The accounts of which a table holds a row of a day or a later one."""
    return _with_rows(session, table, business_ids, ">=", day)


def with_rows_before(session: Session, table: Table, business_ids: Sequence[str], day: date) -> set[str]:
    """The accounts of which a table holds a row of an earlier day than this."""
    return _with_rows(session, table, business_ids, "<", day)


def _with_rows(session: Session, table: Table, business_ids: Sequence[str], order: str, day: date) -> set[str]:
    """One look into the index for each account."""
    if not business_ids:
        return set()
    accounts = ", ".join("(?)" for _ in business_ids)
    found = session.query(
        f"SELECT a.id FROM (VALUES {accounts}) AS a (id) WHERE EXISTS (SELECT 1 FROM {session.name_of(table)} AS t "  # noqa: S608
        f"WHERE t._business_id = a.id AND t.{quoted(table.day)} {order} ?)",
        *business_ids,
        day,
    )
    return {str(business_id) for (business_id,) in found}


def newest_day(session: Session, table: Table, business_id: str) -> date | None:
    """The day of an account's newest row in a table; None if it has none."""
    ((day,),) = session.query(
        f"SELECT max({quoted(table.day)}) FROM {session.name_of(table)} WHERE _business_id = ?",  # noqa: S608
        business_id,
    )
    return day


def read_without_rows_since(session: Session, table: Table, day: date) -> set[str]:
    """The accounts of which a table was read to the end on a day or later, where TikTok last had no row of it."""
    readings = session.name_of(READINGS)
    found = session.query(
        f"SELECT r._business_id FROM {readings} AS r WHERE r.table_name = ? AND r.read_date >= ? AND r.rows = 0 "  # noqa: S608
        "AND r.complete "
        f"AND NOT EXISTS (SELECT 1 FROM {readings} AS n WHERE n._business_id = r._business_id "
        "AND n.table_name = r.table_name AND n.read_date > r.read_date)",
        table.name,
        day,
    )
    return {str(business_id) for (business_id,) in found}
