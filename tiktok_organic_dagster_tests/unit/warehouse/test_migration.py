"""A warehouse that an older version made is brought up to date when it is opened: once, whoever comes first."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest

from tiktok_organic_dagster.ledger import IN_PART, Span, State
from tiktok_organic_dagster.tables import ACCOUNT, ACCOUNT_METRICS, AUDIENCE_ACTIVITY, CATALOGUE, COMMENTS, VIDEOS
from tiktok_organic_dagster.tables.own import LEDGER
from tiktok_organic_dagster.warehouse import prepare_warehouse, preparing
from tiktok_organic_dagster.warehouse.base import WarehouseError
from tiktok_organic_dagster.warehouse.ledger import replace_spans, stored_spans
from tiktok_organic_dagster.warehouse.preparing import SCHEMA_VERSION
from tiktok_organic_dagster_tests.unit.warehouse.rows import table_names, warehouse_at

# Our own tables as version 1 made them; the twelve were the same.
VERSION_1 = {
    "duckdb": """
        CREATE TABLE _readings (_business_id VARCHAR, table_name VARCHAR, read_date DATE,
            read_at TIMESTAMP WITH TIME ZONE, rows DOUBLE, complete BOOLEAN);
        CREATE TABLE _comment_reads (_business_id VARCHAR, video_id VARCHAR, read_at TIMESTAMP WITH TIME ZONE,
            counter DOUBLE, complete_at TIMESTAMP WITH TIME ZONE, refused_at TIMESTAMP WITH TIME ZONE)
    """,
    "postgresql": """
        CREATE TABLE _readings (_business_id text, table_name text, read_date date,
            read_at timestamp with time zone, rows double precision, complete boolean,
            PRIMARY KEY (_business_id, read_date, table_name));
        CREATE TABLE _comment_reads (_business_id text, video_id text, read_at timestamp with time zone,
            counter double precision, complete_at timestamp with time zone, refused_at timestamp with time zone,
            PRIMARY KEY (_business_id, video_id))
    """,
}


def _day(text):
    return date.fromisoformat(f"2026-{text}")


def _read(session, table, *days, business_id="b", complete=True):
    for day in days:
        session.execute(
            "INSERT INTO _readings VALUES (?, ?, ?, ?, 1, ?)",
            business_id, table.name, _day(day), datetime.combine(_day(day), datetime.min.time(), UTC), complete,
        )  # fmt: skip


def _metrics(session, *days, business_id="b"):
    for day in days:
        session.execute(
            f"INSERT INTO {session.name_of(ACCOUNT_METRICS)} (_business_id, metric_date) VALUES (?, ?)",
            business_id, _day(day),
        )  # fmt: skip


@pytest.fixture
def old_warehouse(warehouse_url):
    """A warehouse of version 1 with two accounts."""
    warehouse = warehouse_at(warehouse_url)
    with warehouse.session() as session:
        session.prepare(CATALOGUE)
        for statement in VERSION_1[warehouse_url.partition(":")[0]].split(";"):
            session.execute(statement)
        _read(session, ACCOUNT, "03-01", "03-02", "03-03", "03-07")
        _read(session, VIDEOS, "03-03")
        _read(session, COMMENTS, "03-01", "03-03")
        _read(session, COMMENTS, "03-02", complete=False)
        _read(session, ACCOUNT_METRICS, "03-03")  # asked on that day; which days came is told by the rows
        _metrics(session, "02-10", "02-11", "02-12", "02-20")
        _read(session, ACCOUNT, "03-03", business_id="c")
    return warehouse


def _spans(*spans):
    return [Span(_day(first), _day(last), State.LOADED, why) for first, last, why in spans]


LEDGER_OF_OLD = {
    ("b", ACCOUNT.name): _spans(("03-01", "03-03", ""), ("03-07", "03-07", "")),
    ("b", VIDEOS.name): _spans(("03-03", "03-03", "")),
    ("b", COMMENTS.name): _spans(("03-01", "03-01", ""), ("03-02", "03-02", IN_PART), ("03-03", "03-03", "")),
    ("b", ACCOUNT_METRICS.name): _spans(("02-10", "02-12", ""), ("02-20", "02-20", "")),
    ("b", AUDIENCE_ACTIVITY.name): _spans(("02-10", "02-12", ""), ("02-20", "02-20", "")),
    ("c", ACCOUNT.name): _spans(("03-03", "03-03", "")),
}


def _version(session):
    return session.query("SELECT version FROM _schema_version")


def test_a_warehouse_of_version_1_gets_the_ledger_of_what_it_holds(old_warehouse):
    with old_warehouse.session() as session:
        prepare_warehouse(session)
        assert stored_spans(session) == LEDGER_OF_OLD
        assert _version(session) == [(SCHEMA_VERSION,)] == [(2,)]


def test_it_is_brought_up_to_date_once(old_warehouse):
    with old_warehouse.session() as session:
        prepare_warehouse(session)
        session.execute(f"DELETE FROM {session.name_of(LEDGER)} WHERE table_name = ?", VIDEOS.name)
    with old_warehouse.session() as session:
        prepare_warehouse(session)
        assert ("b", VIDEOS.name) not in stored_spans(session)
        assert _version(session) == [(2,)]


def test_what_the_ledger_says_already_is_left_alone(old_warehouse):
    with old_warehouse.session() as session:
        session.prepare([LEDGER])
        session.execute(
            "INSERT INTO _ledger (_business_id, table_name, first_day, last_day, state) VALUES (?, ?, ?, ?, ?)",
            "b", VIDEOS.name, _day("03-05"), _day("03-06"), "lost",
        )  # fmt: skip
        prepare_warehouse(session)
        expected = {("b", VIDEOS.name): [Span(_day("03-05"), _day("03-06"), State.LOST)]}
        assert stored_spans(session) == LEDGER_OF_OLD | expected


def test_a_migration_that_is_broken_off_is_carried_out_the_next_time(old_warehouse, monkeypatch):
    def broken_off(session, changes):
        replace_spans(session, changes)
        raise ZeroDivisionError

    with old_warehouse.session() as session:
        with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
            patch.setattr(preparing, "replace_spans", broken_off)
            prepare_warehouse(session)
        assert "_schema_version" not in table_names(session)
        assert stored_spans(session) == {}
        prepare_warehouse(session)
        assert stored_spans(session) == LEDGER_OF_OLD


def test_an_empty_warehouse_is_of_the_present_version(warehouse):
    with warehouse.session() as session:
        prepare_warehouse(session)
        assert _version(session) == [(SCHEMA_VERSION,)]
        assert stored_spans(session) == {}


def test_a_warehouse_of_a_newer_version_is_refused_before_anything_is_made(warehouse):
    with warehouse.session() as session:
        session.execute("CREATE TABLE _schema_version (version INTEGER)")
        session.execute("INSERT INTO _schema_version VALUES (3)")
        with pytest.raises(WarehouseError, match=r"newer version .*\(schema 3, this one knows 2\)\. Upgrade"):
            prepare_warehouse(session)
        assert table_names(session) == {"_schema_version"}


@pytest.mark.parametrize("warehouse_url", ["postgres"], indirect=True)
def test_several_at_once_bring_it_up_to_date_once(old_warehouse):
    together = threading.Barrier(4)

    def open_it(_number):
        with old_warehouse.session() as session:
            together.wait(timeout=60)
            prepare_warehouse(session)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(open_it, range(4)))
    with old_warehouse.session() as session:
        assert _version(session) == [(2,)]
        assert stored_spans(session) == LEDGER_OF_OLD
