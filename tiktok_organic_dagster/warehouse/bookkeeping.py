"""Our own tables beside the documented ones: which readings were taken, and what is known of each video's comments."""

from collections.abc import Iterable
from datetime import date, datetime

from tiktok_organic_dagster.tables import Column, ColumnType, Label, Table, Writing
from tiktok_organic_dagster.warehouse.base import Session


def _column(name: str, type_: ColumnType, meaning: str) -> Column:
    return Column(name, type_, meaning, Label(name))


_ACCOUNT = _column("_business_id", ColumnType.TEXT, "The account.")

READINGS = Table(
    name="_readings",
    title="which table was read for which account on which day",
    meaning="One row for each table, account and day on which TikTok was asked, written together with the rows.",
    columns=(
        _ACCOUNT,
        _column("table_name", ColumnType.TEXT, "The table."),
        _column("read_date", ColumnType.DATE, "The date of the reading, UTC."),
        _column("read_at", ColumnType.TIMESTAMP, "When its rows were written."),
        _column("rows", ColumnType.FLOAT, "How many rows it wrote."),
        _column("complete", ColumnType.BOOLEAN, "False if something was left for a later run."),
    ),
    key=("_business_id", "table_name", "read_date"),
    writing=Writing.LATEST_STATE,
    day="read_date",
)

COMMENT_READS = Table(
    name="_comment_reads",
    title="what is known of each video's comments",
    meaning="When a video's comments were read, and what its counter said then. Written together with the comments.",
    columns=(
        _ACCOUNT,
        _column("video_id", ColumnType.TEXT, "The video."),
        _column("read_at", ColumnType.TIMESTAMP, "When its comments were last read, in part or whole."),
        _column("counter", ColumnType.FLOAT, "The video's number of comments according to TikTok at that time."),
        _column("complete_at", ColumnType.TIMESTAMP, "When they were last read to the end; NULL if never."),
        _column("refused_at", ColumnType.TIMESTAMP, "When TikTok last said that it knows no such video; NULL if not."),
    ),
    key=("_business_id", "video_id"),
    writing=Writing.LATEST_STATE,
    day="read_at",
)

OWN_TABLES = (READINGS, COMMENT_READS)


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
