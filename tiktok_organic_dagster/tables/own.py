"""Our own tables beside the documented ones: which readings were taken, what is known of comments, the gap ledger."""

from tiktok_organic_dagster.tables.model import Column, ColumnType, Label, Table, Writing


def _column(name: str, type_: ColumnType, meaning: str, unit: str = "", *, never_null: bool = True) -> Column:
    return Column(name, type_, meaning, Label(name), unit=unit, never_null=never_null)


def _id(name: str, meaning: str) -> Column:
    return Column(name, ColumnType.TEXT, meaning, Label(name), identifier=True, never_null=True)


_ACCOUNT = _id("_business_id", "The account.")

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
    looked_up_by=("table_name", "read_date"),
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
        _id("video_id", "The video."),
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
        _column(
            "left_out", ColumnType.FLOAT, "How many comments of forgotten commenters, with the replies to them, are "
            "not stored, though the counter may count them; 0 or NULL for none.", "count", never_null=False,
        ),
    ),
    key=("_business_id", "video_id"),
    writing=Writing.LATEST_STATE,
    day="read_at",
)  # fmt: skip

LEDGER = Table(
    name="_ledger",
    title="the gap ledger: what is known of every day",
    meaning=(
        "Which days of which table are there for which account, and why others are not. One row stands for all days "
        "from `first_day` to `last_day`, so that a healthy account has a few rows, however long its history. It is "
        "written in the transaction of the rows that it speaks of, and brought up to date at the beginning of each run "
        "and by the job `warehouse_checks`; `tiktok-organic gaps` shows it as it is at this moment. Rows of an account "
        "that was disconnected, and of days before a start date that was moved, stay as history: the command and the "
        "checks leave them out."
    ),
    columns=(
        _ACCOUNT,
        _column("table_name", ColumnType.TEXT, "The table."),
        _column("first_day", ColumnType.DATE, "The first of the days.", "UTC"),
        _column("last_day", ColumnType.DATE, "The last of the days.", "UTC"),
        _column(
            "state",
            ColumnType.TEXT,
            "`loaded`: TikTok answered for the day, and what it gave is stored. `provisional`: TikTok may not have "
            "published it yet. `missing`: not stored, and can still be loaded. `lost`: not stored, and TikTok cannot "
            "be asked for it any more. `not offered`: TikTok has nothing for that day.",
        ),
        _column("why", ColumnType.TEXT, "The reason; NULL where there is nothing to say.", never_null=False),
        _column(
            "asked_on", ColumnType.DATE, "The last day on which TikTok was asked for them and returned nothing.", "UTC",
            never_null=False,
        ),
    ),
    key=("_business_id", "table_name", "first_day"),
    writing=Writing.LATEST_STATE,
    day="first_day",
)  # fmt: skip

OWN_TABLES = (READINGS, COMMENT_READS, LEDGER)
