"""The newest reading of each account and the one before: the rules look at these, and not at all of the history."""

from datetime import date

from tiktok_organic_dagster.tables import Table
from tiktok_organic_dagster.tables.own import READINGS
from tiktok_organic_dagster.warehouse import Session
from tiktok_organic_dagster.warehouse.base import quoted
from tiktok_organic_dagster.windows import ONE_DAY

NEWEST_DAYS = 2
"""A reading of today or yesterday is judged. An account that is read no more is silent from then on."""

BEFORE_DAYS = 30
"""The reading before is compared with if it is no older: after a longer outage too much has happened in between."""

NEWEST = "newest"


def newest(session: Session, table: Table, today: date) -> tuple[str, list[str | date]]:
    """A common table expression `newest`: for each account the `day` of a table's newest reading, and the `day_before`.

    `day_before` is that of the reading before, and NULL if there is none. It comes from the record of readings, which
    also knows those that held no row.

    Returns:
        The expression, and the values of its placeholders.
    """
    sql = (
        f"{NEWEST} AS (SELECT _business_id, day, day_before FROM (SELECT _business_id, read_date AS day, "  # noqa: S608
        "lag(read_date) OVER account AS day_before, lead(read_date) OVER account AS day_after "
        f"FROM {session.name_of(READINGS)} WHERE table_name = ? AND read_date BETWEEN ? AND ? "
        "WINDOW account AS (PARTITION BY _business_id ORDER BY read_date)) AS taken "
        "WHERE day_after IS NULL AND day >= ?)"
    )
    return sql, [table.name, today - BEFORE_DAYS * ONE_DAY, today, today - (NEWEST_DAYS - 1) * ONE_DAY]


def newest_and_rows(session: Session, table: Table, rows: Table, today: date) -> tuple[str, list[str | date]]:
    """As `newest`, and a second expression `recent`: the rows of the days that it may name, and of no earlier one.

    A database that has no index reads what the days leave, and all of the history without them.
    """
    sql, values = newest(session, table, today)
    recent = (
        f"recent AS NOT MATERIALIZED (SELECT * FROM {session.name_of(rows)} "  # noqa: S608
        f"WHERE {quoted(rows.day)} BETWEEN ? AND ?)"
    )
    return f"{sql}, {recent}", [*values, today - BEFORE_DAYS * ONE_DAY, today]
