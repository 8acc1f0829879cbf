"""Fills a warehouse with what many accounts and days would have left: one real reading, copied by SQL."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from tiktok_organic_dagster.ledger import Span, State
from tiktok_organic_dagster.tables import CATALOGUE, COMMENTS, METRIC_TABLES, STEPS, VIDEOS, Table
from tiktok_organic_dagster.tables.own import COMMENT_READS, READINGS
from tiktok_organic_dagster.warehouse import Session
from tiktok_organic_dagster.warehouse.base import quoted
from tiktok_organic_dagster.warehouse.ledger import replace_spans
from tiktok_organic_dagster.windows import BACKFILL_DAYS, ONE_DAY

MOVED = 5
"""Of so many posts one has got a comment since it was read last."""
GONE_EVERY = 10
"""So often, in days, a post was there for one day and then no more."""

TEMPLATE = "template"
Changes = Mapping[str, tuple[str, tuple[object, ...]]]
"""What stands in the place of a column, and its values."""


def fill(session: Session, business_ids: Sequence[str], days: int, today: date) -> None:
    """Copy the one reading that is stored, of yesterday, to so many days before today, and to all accounts.

    The rows come in the order in which the days of a loader would have brought them. Metrics reach further back, as
    they do from the first load on.
    """
    for table in (*CATALOGUE, READINGS, COMMENT_READS):
        _take_out(session, table)
        back = days + BACKFILL_DAYS - 1 if table in METRIC_TABLES else days
        for n in range((1 if table in (COMMENTS, COMMENT_READS) else back) - 1, -1, -1):
            _put(session, table, business_ids, _days_ago(table, n))
        if table is VIDEOS:
            for n in range(days - 1, 0, -GONE_EVERY):
                gone = {"item_id": ("? || t.item_id", (f"gone{n}-",))}
                _put(session, table, business_ids, {**_days_ago(table, n), **gone}, "ORDER BY t.item_id LIMIT 1")
        if table is COMMENTS:
            newest = "AND t.comment_id = (SELECT max(comment_id) FROM template)"
            for n in range(days - 1, 0, -1):
                another = {"comment_id": ("t.comment_id || ?", (f"-{n}",))}
                _put(session, table, business_ids, {**_days_ago(table, n, "create_time"), **another}, newest, MOVED)
        if table is COMMENT_READS:
            _move_counters(session)
            for n in range(days - 1, 0, -GONE_EVERY):
                gone = {"video_id": ("? || t.video_id", (f"gone{n}-",))}
                _put(session, table, business_ids, gone, "ORDER BY t.video_id LIMIT 1")
        session.execute(f"DROP TABLE {TEMPLATE}")
    _write_ledger(session, business_ids, days, today)


def _take_out(session: Session, table: Table) -> None:
    """The rows of one day leave the table and become the template."""
    name, day = session.name_of(table), quoted(table.day)
    one_day = f"WHERE {day} = (SELECT max({day}) FROM {name})" if table in METRIC_TABLES else ""
    session.execute(f"CREATE TEMPORARY TABLE {TEMPLATE} AS SELECT * FROM {name} {one_day}")
    session.execute(f"DELETE FROM {name}")


def _days_ago(table: Table, n: int, *more: str) -> Changes:
    """The columns that say when, so many days before the template; of comment reads none, which know the last alone."""
    when = (
        {"_loaded_at", "read_at", "read_date", "_read_date", "metric_date", *more} if table is not COMMENT_READS else ()
    )
    return {
        name: (f"t.{name} - CAST(? AS INTEGER)" + ("" if name.endswith("_date") else " * INTERVAL '1 day'"), (n,))
        for name in table.column_names
        if name in when
    }


def _put(
    session: Session, table: Table, business_ids: Sequence[str], changes: Changes, which: str = "", every: int = 1
) -> None:
    """The template's rows for all accounts, some columns changed."""
    shown: list[str] = []
    values: list[object] = []
    for name in table.column_names:
        text, of_it = ("a.id", ()) if name == "_business_id" else changes.get(name, (f"t.{quoted(name)}", ()))
        shown.append(text)
        values += of_it
    accounts = ", ".join("(?)" for _ in business_ids)
    some = f"WHERE right(t.video_id, 3)::integer % {every} = 0 {which}" if every > 1 else ""
    rows = f"(SELECT * FROM {TEMPLATE} AS t {which if every == 1 else ''})"
    session.execute(
        f"INSERT INTO {session.name_of(table)} ({', '.join(map(quoted, table.column_names))}) "
        f"SELECT {', '.join(shown)} FROM (VALUES {accounts}) AS a (id) CROSS JOIN {rows} AS t {some}",
        *values,
        *business_ids,
    )


def _move_counters(session: Session) -> None:
    """Some posts got a comment since: their counter was one less when they were read."""
    session.execute(
        f"UPDATE {session.name_of(COMMENT_READS)} SET counter = counter - 1 "
        f"WHERE right(video_id, 3)::integer % {MOVED} = 0"
    )


def _write_ledger(session: Session, business_ids: Sequence[str], days: int, today: date) -> None:
    """All days are there."""
    session.execute(f"DELETE FROM {session.schema_name()}._ledger")
    spans = {
        (business_id, table.name): (
            [],
            [
                Span(today - (days + BACKFILL_DAYS) * ONE_DAY, today - 2 * ONE_DAY, State.LOADED)
                if table in METRIC_TABLES
                else Span(today - days * ONE_DAY, today - ONE_DAY, State.LOADED)
            ],
        )
        for business_id in business_ids
        for tables in STEPS.values()
        for table in tables
    }
    replace_spans(session, spans)


def connected_at(today: datetime, days: int) -> datetime:
    """When an account with so many days of history was connected."""
    return today - timedelta(days=days)
