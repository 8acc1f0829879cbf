"""Which readings were taken: written down in the transaction of their rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from tiktok_organic_dagster.tables import Table
from tiktok_organic_dagster.tables.own import READINGS
from tiktok_organic_dagster.warehouse.base import Session, a_row_each


def record_readings(
    session: Session,
    business_id: str,
    rows: Iterable[tuple[Table, int]],
    *,
    read_date: date,
    read_at: datetime,
    complete: bool = True,
) -> None:
    """Note that tables were read for an account, within the transaction that writes their rows."""
    readings = session.name_of(READINGS)
    for table, count in rows:
        session.execute(
            f"DELETE FROM {readings} WHERE _business_id = ? AND table_name = ? AND read_date = ?",  # noqa: S608
            business_id,
            table.name,
            read_date,
        )
        session.execute(
            f"INSERT INTO {readings} (_business_id, table_name, read_date, read_at, rows, complete) "  # noqa: S608
            "VALUES (?, ?, ?, ?, ?, ?)",
            business_id,
            table.name,
            read_date,
            read_at,
            float(count),
            complete,
        )


@dataclass(frozen=True)
class Taken:
    """A reading that was taken.

    Attributes:
        at: When something of it was last written.
        rows: How many rows it holds.
    """

    at: datetime
    rows: int


def readings_on(session: Session, table: Table, read_date: date) -> dict[str, Taken]:
    """The readings of a table on a day, by `_business_id`."""
    if not session.holds(READINGS):
        return {}
    found = session.query(
        f"SELECT _business_id, read_at, rows FROM {session.name_of(READINGS)} "  # noqa: S608
        "WHERE table_name = ? AND read_date = ?",
        table.name,
        read_date,
    )
    return {business_id: Taken(read_at, int(rows)) for business_id, read_at, rows in found}


def last_complete_readings(session: Session, table: Table, business_ids: Sequence[str], today: date) -> dict[str, date]:
    """The last day up to today on which a table was read completely, by `_business_id`."""
    found = session.query(
        f"SELECT a.id, (SELECT max(r.read_date) FROM {session.name_of(READINGS)} AS r "  # noqa: S608
        f"WHERE r._business_id = a.id AND r.table_name = ? AND r.read_date <= ? AND r.complete) "
        f"FROM {a_row_each(business_ids)} AS a (id)",
        table.name,
        today,
        *business_ids,
    )
    return {business_id: day for business_id, day in found if day is not None}
