"""Which readings were taken: written down in the transaction of their rows."""

from collections.abc import Iterable
from datetime import date, datetime

from tiktok_organic_dagster.tables import Table
from tiktok_organic_dagster.tables.own import READINGS
from tiktok_organic_dagster.warehouse.base import Session


def account_lock(step: str, business_id: str) -> str:
    """The name of the lock under which the rows of an account are written by a step."""
    return f"{step}:{business_id}"


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


def was_read(session: Session, business_id: str, table: Table, read_date: date) -> bool:
    """Whether a table was read for an account on a day."""
    return bool(
        session.query(
            f"SELECT 1 FROM {session.name_of(READINGS)} "  # noqa: S608
            "WHERE _business_id = ? AND table_name = ? AND read_date = ?",
            business_id,
            table.name,
            read_date,
        )
    )
