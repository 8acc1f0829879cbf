"""How new the rows of each account's tables are."""

from collections.abc import Sequence
from datetime import date, timedelta

from tiktok_organic_dagster.tables import Table
from tiktok_organic_dagster.tables.own import READINGS
from tiktok_organic_dagster.warehouse.base import Session, a_row_each, quoted
from tiktok_organic_dagster.windows import ONE_DAY

LATELY = timedelta(days=30)
"""So far back a row of most accounts is found at once."""


def with_rows_since(session: Session, table: Table, business_ids: Sequence[str], day: date) -> set[str]:
    """The accounts of which a table holds a row of a day or a later one."""
    return _with_rows(session, table, business_ids, ">=", day)


def with_rows_before(session: Session, table: Table, business_ids: Sequence[str], day: date) -> set[str]:
    """The accounts of which a table holds a row of an earlier day than this.

    Most have some of the days right before, and only for the others all of the history is looked at.
    """
    found = _with_rows(session, table, business_ids, "BETWEEN ? AND", day - LATELY, day - ONE_DAY)
    others = [business_id for business_id in business_ids if business_id not in found]
    return found | _with_rows(session, table, others, "<", day) if others else found


def _with_rows(session: Session, table: Table, business_ids: Sequence[str], order: str, *days: date) -> set[str]:
    """One look into the index for each account."""
    found = session.query(
        f"SELECT a.id FROM {a_row_each(business_ids)} AS a (id) "  # noqa: S608
        f"WHERE EXISTS (SELECT 1 FROM {session.name_of(table)} AS t "
        f"WHERE t._business_id = a.id AND t.{quoted(table.day)} {order} ?)",
        *business_ids,
        *days,
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
