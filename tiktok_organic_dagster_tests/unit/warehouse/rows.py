"""Rows for the tests of the warehouses: how they are made, written and read back."""

import contextlib
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa

from tiktok_organic_dagster.accounts.account import Account
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.tables import ACCOUNT_METRICS, COMMENTS, VIDEOS
from tiktok_organic_dagster.warehouse import Spool, open_warehouse
from tiktok_organic_dagster.warehouse.base import quoted
from tiktok_organic_dagster.warehouse.known_comments import mark_not_returned
from tiktok_organic_dagster.warehouse.writing import fill_days, latest_state, replace_day

ONE, TWO, THREE = date(2026, 11, 21), date(2026, 11, 22), date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LONG_AGO = NOON - timedelta(days=100)


def an_account(number):
    return Account(
        business_id=f"b{number}",
        username=f"name{number}",
        client_id="7",
        api_url="https://x.test",
        scopes=frozenset({"comment.list"}),
        connected_at=LONG_AGO,
        authorized_at=LONG_AGO,
        refresh_expires_at=None,
        needs_authorization=None,
    )


def warehouse_at(url, schema=None):
    return open_warehouse(Settings(warehouse=url, warehouse_schema=schema))


def a_row(table, **values):
    return {**dict.fromkeys(table.column_names), "_business_id": "b", **values}


def a_video(item_id, day=THREE, business_id="b", **values):
    return a_row(VIDEOS, item_id=item_id, metric_date=day, _business_id=business_id, **values)


def a_metric(day, business_id="b", **values):
    return a_row(ACCOUNT_METRICS, metric_date=day, _business_id=business_id, **values)


def a_comment(video_id, comment_id, business_id="b", **values):
    values = {"_read_date": THREE, "_loaded_at": datetime(2026, 11, 20, tzinfo=UTC), **values}
    return a_row(COMMENTS, video_id=video_id, comment_id=comment_id, _business_id=business_id, **values)


@contextlib.contextmanager
def spooled(table, rows, chunk=10_000):
    with Spool() as spool:
        for begin in range(0, len(rows), chunk):
            spool.add(table, pa.RecordBatch.from_pylist(rows[begin : begin + chunk], schema=table.arrow_schema))
        yield spool


def write_day(session, table, rows, day=THREE, business_id="b", chunk=10_000):
    with spooled(table, rows, chunk) as spool, session.transaction("x"):
        replace_day(session, table, spool, business_id, day)


def write_metrics(session, table, rows, business_id="b"):
    with spooled(table, rows) as spool, session.transaction("x"):
        fill_days(session, table, spool, business_id)


def write_comments(session, rows, complete=(), day=THREE, business_id="b"):
    with spooled(COMMENTS, rows) as spool, session.transaction("x"), session.staged(COMMENTS, spool) as stage:
        latest_state(session, COMMENTS, stage, business_id, now=NOON)
        mark_not_returned(session, stage, business_id, list(complete), day=day, before=datetime(2027, 1, 1, tzinfo=UTC))


def stored_rows(session, table, *columns):
    names = columns or table.column_names
    listed = ", ".join(map(quoted, names))
    found = session.query(f"SELECT {listed} FROM {session.name_of(table)}")
    rows = [tuple(v.astimezone(UTC) if isinstance(v, datetime) else v for v in row) for row in found]
    return sorted(rows, key=repr)


def table_names(session):
    return {
        name
        for (name,) in session.query(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = ?", session.schema
        )
    }


def tables_counted(session):
    """The tables that PostgreSQL was told to count; what autovacuum counts by itself is not among them."""
    found = session.query(
        "SELECT relname FROM pg_stat_user_tables WHERE schemaname = ? AND last_analyze IS NOT NULL", session.schema
    )
    return {name for (name,) in found}
