"""Our own tables beside the documented ones: which readings were taken, and what is known of each video's comments."""

from tiktok_organic_dagster.tables.model import Column, ColumnType, Label, Table, Writing


def _column(name: str, type_: ColumnType, meaning: str, unit: str = "", *, never_null: bool = True) -> Column:
    return Column(name, type_, meaning, Label(name), unit=unit, never_null=never_null)


_ACCOUNT = _column("_business_id", ColumnType.TEXT, "The account.")

READINGS = Table(
    name="_readings",
    title="which table was read for which account on which day",
    meaning=(
        "One row for each table, account and day on which TikTok was asked, written together with the rows. It tells "
        "a day without rows, such as an account without comments, from a day on which nobody read."
    ),
    columns=(
        _ACCOUNT,
        _column("table_name", ColumnType.TEXT, "The table."),
        _column("read_date", ColumnType.DATE, "The day on which TikTok was asked, also for metrics.", "UTC"),
        _column("read_at", ColumnType.TIMESTAMP, "When its rows were written.", "UTC"),
        _column(
            "rows",
            ColumnType.FLOAT,
            "How many rows of that day's reading the table holds; of metrics, how many the day's last load wrote.",
            "count",
        ),
        _column("complete", ColumnType.BOOLEAN, "False if something was left for a later run."),
    ),
    key=("_business_id", "table_name", "read_date"),
    writing=Writing.LATEST_STATE,
    day="read_date",
)

COMMENT_READS = Table(
    name="_comment_reads",
    title="what is known of each video's comments",
    meaning=(
        "When a video's comments were read, and what its counter said then. Written together with the comments. A "
        "video whose comments were never asked for has no row, such as one older than 7 days whose counter says 0."
    ),
    columns=(
        _ACCOUNT,
        _column("video_id", ColumnType.TEXT, "The video."),
        _column(
            "read_at", ColumnType.TIMESTAMP, "When its comments were last read, in part or whole.", "UTC",
            never_null=False,
        ),
        _column(
            "counter", ColumnType.FLOAT, "The video's number of comments according to TikTok at that time.", "count",
            never_null=False,
        ),
        _column(
            "complete_at", ColumnType.TIMESTAMP, "When they were last read to the end; NULL if never.", "UTC",
            never_null=False,
        ),
        _column(
            "refused_at", ColumnType.TIMESTAMP, "When TikTok last said that it knows no such video; NULL if not.",
            "UTC", never_null=False,
        ),
    ),
    key=("_business_id", "video_id"),
    writing=Writing.LATEST_STATE,
    day="read_at",
)  # fmt: skip

OWN_TABLES = (READINGS, COMMENT_READS)
