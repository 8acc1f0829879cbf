"""DuckDB and PostgreSQL do the same with the same rows, refuse what they must, and say clearly what is wrong."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg2
import pyarrow as pa
import pytest
from sqlalchemy.engine import make_url

from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.tables import (
    ACCOUNT,
    ACCOUNT_METRICS,
    AUDIENCE_ACTIVITY,
    CATALOGUE,
    COMMENTS,
    VIDEOS,
    ColumnType,
)
from tiktok_organic_dagster.warehouse import Spool, WarehouseError, open_warehouse, rename_business_id
from tiktok_organic_dagster.warehouse.base import quoted
from tiktok_organic_dagster.warehouse.bookkeeping import COMMENT_READS, OWN_TABLES, READINGS, record_readings, was_read
from tiktok_organic_dagster.warehouse.duckdb import DuckDBWarehouse
from tiktok_organic_dagster.warehouse.known_comments import (
    comment_reads,
    mark_not_returned,
    newest_comment_ids,
    older_videos,
    todays_videos,
    write_comment_reads,
)
from tiktok_organic_dagster.warehouse.postgres import PostgresWarehouse
from tiktok_organic_dagster.warehouse.writing import fill_days, latest_state, replace_day

ONE, TWO, THREE = date(2026, 11, 21), date(2026, 11, 22), date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
IMPRESSIONS = next(table for table in CATALOGUE if table.name == "tiktok_organic_videos_impression_sources")

TEXTS = [
    "", " ", "plain", 'say "hi"', "it's", "a,b;c\td", "line\nline", "line\r\nline", "\n", "\\", "\\N", "\\.",
    "x\n\\.\ny", "\\n", "NULL", "null", '"', '""', "'", ",", "{}", "%s %% %(x)s ?", "é ẽ ñ ß 漢字", "👩‍👩‍👧‍👦🏳️‍🌈",
    "\u202eمرحبا\u202c שלום", "\ufeffbom", "\x01\x1f\x7f", "\u2028\u2029", "ä" * 10_000, 'a"\n,\\N' * 2_000, None,
]  # fmt: skip
FLOATS = [
    0.0, -0.0, 0.1, 0.1 + 0.2, -1.5, 1e-300, 1e300, 5e-324, 1.7976931348623157e308, float(2**53), float(2**53 - 1),
    1 / 3, 123456789.123456789, None,
]  # fmt: skip
TIMES = [
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2026, 11, 23, 1, 2, 3, 456789, tzinfo=UTC),
    datetime(2026, 11, 23, 1, 2, 3, 1, tzinfo=UTC),
    datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
    datetime(9999, 12, 30, 23, 59, 59, 999999, tzinfo=UTC),
    None,
]
DAYS = [date(1970, 1, 1), date(2028, 2, 29), date(9999, 12, 31)]


def _open(url, schema=None):
    return open_warehouse(Settings(warehouse=url, warehouse_schema=schema))


@pytest.fixture(scope="module")
def made() -> list[str]:
    """The one database of this module, once it is made."""
    return []


@pytest.fixture
def empty_postgres(made, new_postgres_database):
    """An empty PostgreSQL: one database for all tests here, emptied, as making one takes longer than a test."""
    if not made:
        made.append(new_postgres_database())
    with contextlib.closing(psycopg2.connect(made[0])) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'")
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP SCHEMA {quoted(name)} CASCADE")
        cursor.execute("CREATE SCHEMA public")
    return made[0]


@pytest.fixture(params=["duckdb", "postgres"])
def warehouse_url(request, tmp_path):
    """An empty warehouse of each kind."""
    if request.param == "duckdb":
        return f"duckdb:///{tmp_path / 'warehouse.duckdb'}"
    return request.getfixturevalue("empty_postgres")


@pytest.fixture
def warehouse(warehouse_url):
    """An empty warehouse of each kind."""
    return _open(warehouse_url)


@pytest.fixture
def session(warehouse):
    """A warehouse of each kind with the tables used here."""
    with warehouse.session() as session:
        session.prepare([ACCOUNT, ACCOUNT_METRICS, AUDIENCE_ACTIVITY, VIDEOS, COMMENTS, *OWN_TABLES])
        yield session


def _row(table, **values):
    return {**dict.fromkeys(table.column_names), "_business_id": "b", **values}


def _video(item_id, day=THREE, business_id="b", **values):
    return _row(VIDEOS, item_id=item_id, metric_date=day, _business_id=business_id, **values)


def _metric(day, business_id="b", **values):
    return _row(ACCOUNT_METRICS, metric_date=day, _business_id=business_id, **values)


def _comment(video_id, comment_id, business_id="b", **values):
    values = {"_read_date": THREE, "_loaded_at": datetime(2026, 11, 20, tzinfo=UTC), **values}
    return _row(COMMENTS, video_id=video_id, comment_id=comment_id, _business_id=business_id, **values)


@contextlib.contextmanager
def _spool(table, rows, chunk=10_000):
    with Spool() as spool:
        for begin in range(0, len(rows), chunk):
            spool.add(table, pa.RecordBatch.from_pylist(rows[begin : begin + chunk], schema=table.arrow_schema))
        yield spool


def _replace(session, table, rows, day=THREE, business_id="b", chunk=10_000):
    with _spool(table, rows, chunk) as spool, session.transaction("x"):
        replace_day(session, table, spool, business_id, day)


def _fill(session, table, rows, business_id="b"):
    with _spool(table, rows) as spool, session.transaction("x"):
        fill_days(session, table, spool, business_id)


def _merge(session, rows, complete=(), day=THREE, business_id="b"):
    with _spool(COMMENTS, rows) as spool, session.transaction("x"), session.staged(COMMENTS, spool) as stage:
        latest_state(session, COMMENTS, stage)
        mark_not_returned(session, stage, business_id, list(complete), day=day, before=datetime(2027, 1, 1, tzinfo=UTC))


def _stored(session, table, *columns):
    names = columns or table.column_names
    listed = ", ".join(map(quoted, names))
    found = session.query(f"SELECT {listed} FROM {session.name_of(table)}")
    rows = [tuple(v.astimezone(UTC) if isinstance(v, datetime) else v for v in row) for row in found]
    return sorted(rows, key=repr)


def _tables(session):
    return {
        name
        for (name,) in session.query(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = ?", session.schema
        )
    }


# --- Making the tables -----------------------------------------------------------------------------------------------


def test_prepare_makes_every_table_with_its_columns_types_and_order(warehouse, warehouse_url):
    kind = "duckdb" if warehouse_url.startswith("duckdb") else "postgres"
    with warehouse.session() as session:
        session.prepare((*CATALOGUE, *OWN_TABLES))
        found = session.query(
            "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = ? "
            "ORDER BY table_name, ordinal_position",
            session.schema,
        )
    names = {
        "duckdb": ("VARCHAR", "DOUBLE", "DATE", "BOOLEAN", "TIMESTAMP WITH TIME ZONE"),
        "postgres": ("text", "double precision", "date", "boolean", "timestamp with time zone"),
    }[kind]
    types = dict(
        zip(
            (ColumnType.TEXT, ColumnType.FLOAT, ColumnType.DATE, ColumnType.BOOLEAN, ColumnType.TIMESTAMP),
            names,
            strict=True,
        )
    )
    for table in (*CATALOGUE, *OWN_TABLES):
        made = [(column, type_) for name, column, type_ in found if name == table.name]
        assert made == [(column.name, types[column.type]) for column in table.columns]


def test_preparing_again_changes_nothing(session):
    _replace(session, VIDEOS, [_video("1")])
    session.prepare([VIDEOS, ACCOUNT])
    assert _stored(session, VIDEOS, "item_id") == [("1",)]


def test_a_new_column_is_added_and_old_rows_stay(warehouse):
    with warehouse.session() as session:
        older = [column for column in VIDEOS.columns if column.name not in {"caption", "_loaded_at"}]
        definitions = ", ".join(f"{quoted(column.name)} {session.type_of(column)}" for column in older)
        session.execute(f"CREATE TABLE {session.name_of(VIDEOS)} ({definitions}{session.key_clause(VIDEOS)})")
        session.execute(
            f"INSERT INTO {session.name_of(VIDEOS)} (_business_id, item_id, metric_date, likes) VALUES (?, ?, ?, ?)",
            "b", "old", ONE, 5.0,
        )  # fmt: skip
        session.prepare([VIDEOS])
        _replace(session, VIDEOS, [_video("new", caption="c", likes=1.0, shares=2.0, _loaded_at=NOON)])
        assert _stored(session, VIDEOS, "item_id", "metric_date", "likes", "shares", "caption", "_loaded_at") == [
            ("new", THREE, 1.0, 2.0, "c", NOON),
            ("old", ONE, 5.0, None, None, None),
        ]


def test_columns_in_another_order_and_of_the_users_own_are_respected(warehouse):
    with warehouse.session() as session:
        definitions = ", ".join(f"{quoted(c.name)} {session.type_of(c)}" for c in reversed(ACCOUNT_METRICS.columns))
        key = session.key_clause(ACCOUNT_METRICS)
        session.execute(f"CREATE TABLE {session.name_of(ACCOUNT_METRICS)} (remark VARCHAR, {definitions}{key})")
        session.prepare([ACCOUNT_METRICS])
        _fill(session, ACCOUNT_METRICS, [_metric(ONE, likes=1.0, shares=2.0)])
        session.execute(f"UPDATE {session.name_of(ACCOUNT_METRICS)} SET remark = ?", "mine")
        _fill(session, ACCOUNT_METRICS, [_metric(ONE, likes=3.0)])
        rows = session.query(f"SELECT remark, likes, shares FROM {session.name_of(ACCOUNT_METRICS)}")
        assert rows == [("mine", 3.0, 2.0)]


def test_a_table_with_a_column_of_another_type_is_refused_and_named(warehouse):
    with warehouse.session() as session:
        session.execute("CREATE TABLE tiktok_organic_videos (item_id INTEGER)")
        with pytest.raises(WarehouseError) as caught:
            session.prepare(CATALOGUE)
        for part in ("tiktok_organic_videos", "item_id", "integer", "TIKTOK_ORGANIC_SCHEMA"):
            assert part in str(caught.value).replace("INTEGER", "integer")
        assert _tables(session) == {"tiktok_organic_videos"}  # nothing else was made


def test_a_table_that_somebody_else_made_is_refused_and_named(warehouse):
    with warehouse.session() as session:
        session.execute("CREATE TABLE tiktok_organic_account (note INTEGER)")
        with pytest.raises(WarehouseError, match="tiktok_organic_account"):
            session.prepare(CATALOGUE)
        assert _tables(session) == {"tiktok_organic_account"}


ODD_NAMES = ["tiktok", "MixedCase", "select", "_1", "order", "warehouse", "temp", "system", "main", "public", "x" * 63]


@pytest.mark.parametrize("schema", ODD_NAMES)
def test_a_schema_of_its_own_may_have_any_allowed_name(warehouse_url, schema):
    warehouse = _open(warehouse_url, schema)
    for likes in (1.0, 2.0):
        with warehouse.session() as session:
            session.prepare([VIDEOS, ACCOUNT_METRICS])
            _replace(session, VIDEOS, [_video("1", likes=likes)])
            _fill(session, ACCOUNT_METRICS, [_metric(ONE, likes=likes)])
    with warehouse.session() as session:
        assert _stored(session, VIDEOS, "likes") == [(2.0,)]
        assert _tables(session) == {VIDEOS.name, ACCOUNT_METRICS.name}


def test_two_schemas_are_kept_apart(warehouse_url):
    for schema in (None, "a", "b"):
        with _open(warehouse_url, schema).session() as session:
            session.prepare([VIDEOS])
            _replace(session, VIDEOS, [_video(schema or "default")])
    for schema in (None, "a", "b"):
        with _open(warehouse_url, schema).session() as session:
            assert _stored(session, VIDEOS, "item_id") == [(schema or "default",)]


def test_schemas_that_differ_in_case_are_one_in_duckdb(tmp_path):
    for schema in ("TikTok", "tiktok", "TIKTOK"):
        with DuckDBWarehouse(tmp_path / "w.duckdb", schema).session() as session:
            session.prepare([VIDEOS])
            _replace(session, VIDEOS, [_video("1")])
            assert _stored(session, VIDEOS, "item_id") == [("1",)]


def test_schemas_that_differ_in_case_are_two_in_postgresql(empty_postgres):
    url = empty_postgres
    for schema in ("TikTok", "tiktok"):
        with _open(url, schema).session() as session:
            session.prepare([VIDEOS])
            assert _stored(session, VIDEOS) == []
            _replace(session, VIDEOS, [_video("1")])


def test_a_schema_of_the_database_itself_is_refused_in_one_sentence(warehouse_url):
    with pytest.raises(WarehouseError), _open(warehouse_url, "pg_catalog").session() as session:
        session.prepare([VIDEOS])


# --- The same rows out of both ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [1, 10_000])
def test_texts_come_out_as_they_went_in(session, chunk):
    rows = [_video(str(n), caption=text, share_url=text) for n, text in enumerate(TEXTS)]
    _replace(session, VIDEOS, rows, chunk=chunk)
    expected = sorted(((str(n), text, text) for n, text in enumerate(TEXTS)), key=repr)
    assert _stored(session, VIDEOS, "item_id", "caption", "share_url") == expected


def test_an_empty_text_is_not_null(session):
    _replace(session, VIDEOS, [_video("empty", caption=""), _video("null", caption=None)])
    table = session.name_of(VIDEOS)
    assert session.query(f"SELECT item_id FROM {table} WHERE caption IS NULL") == [("null",)]
    assert session.query(f"SELECT item_id FROM {table} WHERE caption = ''") == [("empty",)]


def test_texts_of_a_key_are_told_apart_to_the_letter(warehouse):
    kinds = ["", " ", "a", "A", "a ", "é", "e\u0301", "\\N", "NULL", '"', "\n"]
    with warehouse.session() as session:
        session.prepare([IMPRESSIONS])
        rows = [
            _row(IMPRESSIONS, item_id="1", metric_date=THREE, impression_sources_impression_source=kind)
            for kind in kinds
        ]
        _replace(session, IMPRESSIONS, rows)
        found = _stored(session, IMPRESSIONS, "impression_sources_impression_source")
        assert found == sorted(((kind,) for kind in kinds), key=repr)


def test_numbers_come_out_to_the_last_bit(session):
    _replace(session, VIDEOS, [_video(str(n), likes=number) for n, number in enumerate(FLOATS)])
    found = {item_id: repr(likes) for item_id, likes in _stored(session, VIDEOS, "item_id", "likes")}
    assert found == {str(n): repr(number) for n, number in enumerate(FLOATS)}


def test_times_come_out_to_the_microsecond(session):
    _replace(session, VIDEOS, [_video(str(n), create_time=moment) for n, moment in enumerate(TIMES)])
    assert dict(_stored(session, VIDEOS, "item_id", "create_time")) == {str(n): time for n, time in enumerate(TIMES)}


def test_days_come_out_as_they_went_in(session):
    _fill(session, ACCOUNT_METRICS, [_metric(day) for day in DAYS])
    assert _stored(session, ACCOUNT_METRICS, "metric_date") == [(day,) for day in DAYS]


def test_yes_no_and_unknown_come_out_as_they_went_in(session):
    rows = [_comment("1", str(n), liked=value) for n, value in enumerate([True, False, None])]
    _merge(session, rows)
    assert _stored(session, COMMENTS, "comment_id", "liked") == [("0", True), ("1", False), ("2", None)]


def test_times_are_read_in_utc_from_postgresql_wherever_the_machine_stands(empty_postgres, monkeypatch):
    """What is decided by the day of a time may not depend on the machine's time zone."""
    monkeypatch.setenv("PGTZ", "Asia/Tokyo")
    with _open(empty_postgres).session() as session:
        found = session.query("SELECT TIMESTAMPTZ '2026-11-22 20:00:00+00'")[0][0]
    assert found.isoformat() == "2026-11-22T20:00:00+00:00"


def test_times_are_read_in_utc_from_duckdb_wherever_the_machine_stands(tmp_path):
    code = (
        "import pathlib, sys\n"
        "from tiktok_organic_dagster.warehouse.duckdb import DuckDBWarehouse\n"
        "with DuckDBWarehouse(pathlib.Path(sys.argv[1])).session() as session:\n"
        "    print(session.query(\"SELECT TIMESTAMPTZ '2026-11-22 20:00:00+00'\")[0][0].isoformat())\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "w.duckdb")],
        env={**os.environ, "TZ": "Asia/Tokyo"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert result.stdout.strip() == "2026-11-22T20:00:00+00:00"


# --- The three ways of writing ---------------------------------------------------------------------------------------


def test_a_reading_replaces_that_day_of_that_account_and_nothing_else(session):
    _replace(session, VIDEOS, [_video("1", TWO, likes=1.0), _video("2", TWO, likes=1.0)], day=TWO)
    _replace(session, VIDEOS, [_video("1", THREE, "other", likes=2.0)], business_id="other")
    _replace(session, VIDEOS, [_video("1", likes=3.0, caption="c"), _video("2", likes=3.0)])
    _replace(session, VIDEOS, [_video("1", likes=4.0)])
    assert _stored(session, VIDEOS, "_business_id", "metric_date", "item_id", "likes", "caption") == [
        ("b", TWO, "1", 1.0, None),
        ("b", TWO, "2", 1.0, None),
        ("b", THREE, "1", 4.0, None),  # as it was read, NULL included
        ("other", THREE, "1", 2.0, None),
    ]


def test_a_reading_without_rows_empties_its_day(session):
    _replace(session, VIDEOS, [_video("1", TWO)], day=TWO)
    _replace(session, VIDEOS, [_video("1")])
    _replace(session, VIDEOS, [])
    assert _stored(session, VIDEOS, "metric_date") == [(TWO,)]


@pytest.mark.parametrize("chunk", [1, 10])
def test_a_key_that_comes_twice_is_refused_and_nothing_changes(warehouse, chunk):
    with warehouse.session() as session:
        session.prepare([VIDEOS])
        _replace(session, VIDEOS, [_video("1", likes=1.0)])
    with pytest.raises(WarehouseError, match="tiktok_organic_videos"), warehouse.session() as session:
        _replace(session, VIDEOS, [_video("1", likes=2.0), _video("2"), _video("1", likes=3.0)], chunk=chunk)
    with warehouse.session() as session:
        assert _stored(session, VIDEOS, "item_id", "likes") == [("1", 1.0)]


def test_a_stored_value_is_never_replaced_by_null(session):
    _fill(session, ACCOUNT_METRICS, [_metric(ONE, likes=1.0, shares=1.0, profile_image="old", _loaded_at=NOON)])
    later = NOON + timedelta(days=1)
    _fill(session, ACCOUNT_METRICS, [_metric(ONE, likes=2.0, comments=0.0, profile_image="", _loaded_at=later)])
    columns = ("likes", "shares", "comments", "video_views", "profile_image", "_loaded_at")
    assert _stored(session, ACCOUNT_METRICS, *columns) == [(2.0, 1.0, 0.0, None, "", later)]


def test_days_that_are_not_returned_stay(session):
    _fill(session, ACCOUNT_METRICS, [_metric(ONE, likes=1.0), _metric(TWO, likes=1.0)])
    _fill(session, ACCOUNT_METRICS, [_metric(TWO, likes=2.0), _metric(THREE, likes=2.0)])
    _fill(session, ACCOUNT_METRICS, [])
    assert _stored(session, ACCOUNT_METRICS, "metric_date", "likes") == [(ONE, 1.0), (TWO, 2.0), (THREE, 2.0)]


def test_hours_that_are_not_returned_stay(session):
    def hour(hour, count):
        return _row(AUDIENCE_ACTIVITY, metric_date=ONE, audience_activity_hour=hour, audience_activity_count=count)

    _fill(session, AUDIENCE_ACTIVITY, [hour(0.0, 5.0), hour(1.0, 5.0), hour(2.0, None)])
    _fill(session, AUDIENCE_ACTIVITY, [hour(1.0, None), hour(2.0, 7.0), hour(3.0, 8.0)])
    assert _stored(session, AUDIENCE_ACTIVITY, "audience_activity_hour", "audience_activity_count") == [
        (0.0, 5.0), (1.0, 5.0), (2.0, 7.0), (3.0, 8.0),
    ]  # fmt: skip


def test_filling_days_leaves_other_accounts_alone(session):
    _fill(session, ACCOUNT_METRICS, [_metric(ONE, "other", likes=1.0)], "other")
    _fill(session, ACCOUNT_METRICS, [_metric(ONE, likes=2.0)])
    assert _stored(session, ACCOUNT_METRICS, "_business_id", "likes") == [("b", 2.0), ("other", 1.0)]


def test_filling_the_same_days_again_changes_nothing(session):
    rows = [_metric(ONE, likes=1.0), _metric(TWO, shares=0.1)]
    _fill(session, ACCOUNT_METRICS, rows)
    before = _stored(session, ACCOUNT_METRICS)
    _fill(session, ACCOUNT_METRICS, rows)
    assert _stored(session, ACCOUNT_METRICS) == before


def test_a_day_that_comes_twice_is_refused_and_nothing_changes(warehouse):
    with warehouse.session() as session:
        session.prepare([ACCOUNT_METRICS])
    with pytest.raises(WarehouseError), warehouse.session() as session:
        _fill(session, ACCOUNT_METRICS, [_metric(ONE), _metric(ONE)])
    with warehouse.session() as session:
        assert _stored(session, ACCOUNT_METRICS) == []


def test_a_comment_is_stored_in_its_latest_state(session):
    _merge(session, [_comment("1", "a", likes=1.0, text="first", _read_date=TWO), _comment("1", "b", _read_date=TWO)])
    _merge(session, [_comment("1", "a", likes=2.0), _comment("2", "a", likes=9.0)])
    _merge(session, [_comment("1", "a", "other", likes=7.0)], business_id="other")
    columns = ("_business_id", "video_id", "comment_id", "likes", "text", "_read_date")
    assert _stored(session, COMMENTS, *columns) == [
        ("b", "1", "a", 2.0, None, THREE),
        ("b", "1", "b", None, None, TWO),
        ("b", "2", "a", 9.0, None, THREE),
        ("other", "1", "a", 7.0, None, THREE),
    ]


def test_a_comment_that_a_complete_reading_did_not_return_is_dated_once(session):
    _merge(session, [_comment("1", "a"), _comment("1", "b"), _comment("2", "a")])
    _merge(session, [_comment("1", "a", "other")], business_id="other")
    _merge(session, [_comment("1", "b")], complete=["1"], day=TWO)
    _merge(session, [_comment("1", "b")], complete=["1"], day=THREE)
    assert _stored(session, COMMENTS, "_business_id", "video_id", "comment_id", "_not_returned_since") == [
        ("b", "1", "a", TWO),
        ("b", "1", "b", None),
        ("b", "2", "a", None),
        ("other", "1", "a", None),
    ]


def test_a_comment_that_comes_back_loses_its_date(session):
    _merge(session, [_comment("1", "a")])
    _merge(session, [], complete=["1"], day=TWO)
    assert _stored(session, COMMENTS, "_not_returned_since") == [(TWO,)]
    _merge(session, [_comment("1", "a")], complete=["1"])
    assert _stored(session, COMMENTS, "_not_returned_since") == [(None,)]


# --- What is remembered beside the rows ------------------------------------------------------------------------------


def test_a_reading_is_remembered_by_account_table_and_day(session):
    with session.transaction("x"):
        record_readings(session, "b", [(VIDEOS, 5), (ACCOUNT, 0)], read_date=THREE, read_at=NOON)
    assert was_read(session, "b", VIDEOS, THREE)
    assert was_read(session, "b", ACCOUNT, THREE)
    assert not was_read(session, "b", COMMENTS, THREE)
    assert not was_read(session, "b", VIDEOS, TWO)
    assert not was_read(session, "other", VIDEOS, THREE)


def test_the_last_reading_of_a_day_is_the_one_remembered(session):
    for count, complete in ((5, False), (7, True)):
        record_readings(session, "b", [(VIDEOS, count)], read_date=THREE, read_at=NOON, complete=complete)
    assert _stored(session, READINGS, "rows", "complete") == [(7.0, True)]


def test_what_was_read_of_comments_comes_back(session):
    reads = {"1": (NOON, 5.0, NOON, None), "2": (None, None, None, NOON)}
    write_comment_reads(session, "b", reads)
    write_comment_reads(session, "other", {"1": (NOON, 9.0, None, None)})
    write_comment_reads(session, "b", {"1": (NOON, 6.0, None, None)})
    assert comment_reads(session, "b") == {"1": (NOON, 6.0, None, None), "2": (None, None, None, NOON)}
    assert comment_reads(session, "nobody") == {}


def test_videos_of_today_and_older_ones_are_told_apart(session):
    _replace(session, VIDEOS, [_video("1", ONE, comments=1.0), _video("2", ONE, comments=1.0)], day=ONE)
    _replace(session, VIDEOS, [_video("2", TWO, comments=2.0, thumbnail_url="u"), _video("3", TWO)], day=TWO)
    _replace(session, VIDEOS, [_video("3", comments=0.0, create_time=NOON)])
    _replace(session, VIDEOS, [_video("4", ONE, "other")], day=ONE, business_id="other")
    assert todays_videos(session, "b", THREE) == [("3", NOON, 0.0, None)]
    assert older_videos(session, "b", THREE) == [("1", None, 1.0, None), ("2", None, 2.0, "u")]


def test_the_newest_stored_comments_are_found_by_video(session):
    rows = [_comment("1", f"a{n}", create_time=NOON + timedelta(seconds=n)) for n in range(1_005)]
    _merge(session, [*rows, _comment("1", "undated"), _comment("2", "b"), _comment("3", "c")])
    _merge(session, [_comment("1", "x", "other", create_time=NOON)], business_id="other")
    found = newest_comment_ids(session, "b", ["1", "2", "9"])
    assert found == {"1": {f"a{n}" for n in range(5, 1_005)}, "2": {"b"}, "9": set()}
    assert newest_comment_ids(session, "b", []) == {}


# --- All or nothing --------------------------------------------------------------------------------------------------


def test_a_transaction_that_fails_leaves_everything_as_it_was(session):
    _replace(session, VIDEOS, [_video("1", likes=1.0)])
    _fill(session, ACCOUNT_METRICS, [_metric(ONE, likes=1.0)])
    _merge(session, [_comment("1", "a")])
    before = [_stored(session, table) for table in (VIDEOS, ACCOUNT_METRICS, COMMENTS, READINGS)]
    with _spool(VIDEOS, [_video("2")]) as videos, _spool(ACCOUNT_METRICS, [_metric(ONE, likes=2.0)]) as metrics:
        for failure in (ZeroDivisionError, KeyboardInterrupt):
            with pytest.raises(failure), session.transaction("x"):
                replace_day(session, VIDEOS, videos, "b", THREE)
                fill_days(session, ACCOUNT_METRICS, metrics, "b")
                session.execute(f"DELETE FROM {session.name_of(COMMENTS)}")
                record_readings(session, "b", [(VIDEOS, 1)], read_date=THREE, read_at=NOON)
                raise failure
    assert [_stored(session, table) for table in (VIDEOS, ACCOUNT_METRICS, COMMENTS, READINGS)] == before


def test_a_session_can_be_used_after_a_transaction_that_failed(session):
    with pytest.raises(ZeroDivisionError), session.transaction("x"):
        _ = 1 / 0
    _fill(session, ACCOUNT_METRICS, [_metric(ONE, likes=1.0)])
    _fill(session, ACCOUNT_METRICS, [_metric(ONE, likes=2.0)])
    assert _stored(session, ACCOUNT_METRICS, "likes") == [(2.0,)]


def test_a_transaction_that_is_not_finished_is_not_seen_later(warehouse):
    with warehouse.session() as session:
        session.prepare([VIDEOS])
    with pytest.raises(ZeroDivisionError), warehouse.session() as session, session.transaction("x"):
        session.execute(f"INSERT INTO {session.name_of(VIDEOS)} (_business_id, item_id, metric_date) VALUES ('b', '1', '2026-11-23')")  # fmt: skip # noqa: E501
        _ = 1 / 0
    with warehouse.session() as session:
        assert _stored(session, VIDEOS) == []


def test_a_statement_that_is_refused_is_one_sentence_that_names_the_place(warehouse):
    with pytest.raises(WarehouseError) as caught, warehouse.session() as session:
        session.query("SELECT nothing\nFROM nowhere")
    assert warehouse.place in str(caught.value)
    assert "nowhere" in str(caught.value)
    assert "\n" not in str(caught.value)


# --- Another id for an account ---------------------------------------------------------------------------------------


def _settings(url):
    return Settings(warehouse=url)


def _fill_every_table(session, business_id):
    for table in (*CATALOGUE, *OWN_TABLES):
        values = {
            column.name: {
                ColumnType.TEXT: "x",
                ColumnType.FLOAT: 1.0,
                ColumnType.DATE: THREE,
                ColumnType.BOOLEAN: True,
                ColumnType.TIMESTAMP: NOON,
            }[column.type]
            for column in table.columns
        }
        with _spool(table, [{**values, "_business_id": business_id}]) as spool:
            session.load(session.name_of(table), table, spool)


def _ids(url):
    with _open(url).session() as session:
        return {table.name: _stored(session, table, "_business_id") for table in (*CATALOGUE, *OWN_TABLES)}


def test_an_account_gets_another_id_in_every_table(warehouse_url):
    with _open(warehouse_url).session() as session:
        session.prepare((*CATALOGUE, *OWN_TABLES))
        _fill_every_table(session, "old")
        _fill_every_table(session, "other")
    rename_business_id(_settings(warehouse_url), "old", "new'; --")
    assert _ids(warehouse_url) == {table.name: [("new'; --",), ("other",)] for table in (*CATALOGUE, *OWN_TABLES)}


def test_another_id_in_an_empty_warehouse_is_no_error(warehouse_url):
    rename_business_id(_settings(warehouse_url), "old", "new")
    assert set(map(tuple, _ids(warehouse_url).values())) == {()}


@pytest.mark.parametrize("table", [ACCOUNT, COMMENT_READS], ids=lambda table: table.name)
def test_another_id_is_refused_where_rows_of_both_would_be_one(warehouse_url, table):
    with _open(warehouse_url).session() as session:
        session.prepare((*CATALOGUE, *OWN_TABLES))
        _fill_every_table(session, "old")
        values = {"metric_date": THREE, "video_id": "x"}
        row = _row(table, **{**{name: values[name] for name in table.key if name in values}, "_business_id": "new"})
        with _spool(table, [row]) as spool:
            session.load(session.name_of(table), table, spool)
    before = _ids(warehouse_url)
    with pytest.raises(WarehouseError, match=table.name):
        rename_business_id(_settings(warehouse_url), "old", "new")
    assert _ids(warehouse_url) == before


def test_rows_of_both_ids_under_different_keys_are_joined(warehouse_url):
    with _open(warehouse_url).session() as session:
        session.prepare((*CATALOGUE, *OWN_TABLES))
        _replace(session, VIDEOS, [_video("1", TWO, "old")], TWO, "old")
        _replace(session, VIDEOS, [_video("1", THREE, "new")], THREE, "new")
    rename_business_id(_settings(warehouse_url), "old", "new")
    with _open(warehouse_url).session() as session:
        assert _stored(session, VIDEOS, "_business_id", "metric_date") == [("new", TWO), ("new", THREE)]


# --- The DuckDB file -------------------------------------------------------------------------------------------------

HOLDER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def held_file(tmp_path):
    """A DuckDB file that another process has open; with the process."""
    file = tmp_path / "held.duckdb"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "open\n"
    yield file, holder
    holder.kill()
    holder.communicate()


def test_a_file_that_another_process_holds_is_waited_for(held_file):
    file, holder = held_file
    waits = []

    def let_go(seconds):
        waits.append(seconds)
        if len(waits) == 3:
            holder.communicate()

    with DuckDBWarehouse(file, lock_wait_s=60, sleep=let_go).session() as session:
        assert session.query("SELECT 1") == [(1,)]
    assert len(waits) == 3


def test_a_file_that_is_not_let_go_names_its_holder_and_the_way_out(held_file):
    file, holder = held_file
    with pytest.raises(WarehouseError) as caught, DuckDBWarehouse(file, lock_wait_s=0).session():
        pass
    for part in (str(file), f"PID {holder.pid}", "python", "PostgreSQL"):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_wait_for_a_file_is_two_minutes_unless_told_otherwise(tmp_path):
    assert DuckDBWarehouse(tmp_path / "w.duckdb")._lock_wait_s == 120  # noqa: SLF001


def _never(_seconds):
    raise AssertionError("there is nothing to wait for")


@pytest.mark.parametrize("folder", ["home", "locked", "with space", "änderung"])
@pytest.mark.parametrize("content", [b"this is a text, and no database" * 50, b"x", b"\0" * 20_000])
def test_a_file_that_is_no_database_is_a_clear_error_at_once(tmp_path, folder, content):
    file = tmp_path / folder / "warehouse.duckdb"
    file.parent.mkdir()
    file.write_bytes(content)
    with pytest.raises(WarehouseError) as caught, DuckDBWarehouse(file, sleep=_never).session():
        pass
    assert str(file) in str(caught.value)
    assert "DuckDB file" in str(caught.value)
    assert file.read_bytes() == content


@pytest.mark.parametrize("damage", ["header", "cut"])
def test_a_damaged_file_is_a_clear_error(tmp_path, damage):
    file = tmp_path / "warehouse.duckdb"
    with DuckDBWarehouse(file).session() as session:
        session.prepare([VIDEOS])
    content = bytearray(file.read_bytes())
    content[4096:8192] = bytes(4096)
    content[8192:12288] = bytes(4096)
    file.write_bytes(content if damage == "header" else content[:5000])
    with pytest.raises(WarehouseError, match=r"warehouse\.duckdb"), DuckDBWarehouse(file, sleep=_never).session():
        pass


def test_a_folder_in_place_of_the_file_is_a_clear_error(tmp_path):
    with pytest.raises(WarehouseError) as caught, DuckDBWarehouse(tmp_path, sleep=_never).session():
        pass
    assert str(tmp_path) in str(caught.value)


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(WarehouseError, match="TIKTOK_ORGANIC_HOME") as caught,
        DuckDBWarehouse(tmp_path / "file/below/w.duckdb", sleep=_never).session(),
    ):
        pass
    assert str(tmp_path / "file") in str(caught.value)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that even root cannot write to")
def test_a_folder_that_cannot_be_written_to_is_a_clear_error():
    with pytest.raises(WarehouseError, match=r"/proc/w\.duckdb"), DuckDBWarehouse(Path("/proc/w.duckdb")).session():
        pass


def test_the_folder_is_made_and_private(tmp_path):
    with DuckDBWarehouse(tmp_path / "home/w.duckdb").session():
        pass
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


def test_naming_a_warehouse_writes_nothing(tmp_path):
    _open(f"duckdb:///{tmp_path}/home/w.duckdb")
    _open("postgresql://nobody@127.0.0.1:9/x")
    assert list(tmp_path.iterdir()) == []


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hidden@127.0.0.1:9/db?sslmode=disable",
        "postgres://me:hidden@127.0.0.1:9/db",
        "postgresql+psycopg2://me:hidden@127.0.0.1:9/db",
        "postgresql://127.0.0.1:9/db?user=me&password=hidden",
        "postgresql://me:hidden@127.0.0.1:9/db?sslmode=nonsense",
        "postgresql://me:hidden@127.0.0.1:9/db?no_such_option=1",
        "postgresql://me:hidden@127.0.0.1:9/db?sslpassword=hidden",
        "postgresql://me:hid%20den%40hidden@127.0.0.1:9/db",
    ],
)
def test_a_server_that_cannot_be_reached_is_named_without_its_password(url):
    with pytest.raises(WarehouseError) as caught, _open(url).session():
        pass
    text = str(caught.value)
    assert "127.0.0.1" in text
    assert "TIKTOK_ORGANIC_WAREHOUSE" in text
    assert "hidden" not in text
    assert "hidden" not in _open(url).place
    assert "\n" not in text


@pytest.mark.parametrize("url", ["postgresql://me:pw@h:hidden/d", "postgresql://me:hidden:x/@h:y/d"])
def test_an_address_that_cannot_be_read_is_refused_without_being_shown(url):
    with pytest.raises(WarehouseError, match="TIKTOK_ORGANIC_WAREHOUSE") as caught:
        _open(url)
    assert "hidden" not in str(caught.value)


def _refuse_the_password(listener):
    connection, _ = listener.accept()
    with connection:
        connection.recv(1024)  # the greeting
        connection.sendall(b"R\x00\x00\x00\x08\x00\x00\x00\x03")  # the password, please
        assert b"hidden" in connection.recv(1024)
        fields = b'SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user "me"\0\0'
        connection.sendall(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)


def test_a_wrong_password_is_a_clear_error_that_does_not_show_it():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=_refuse_the_password, args=(listener,))
        server.start()
        url = f"postgresql://me:hidden@127.0.0.1:{listener.getsockname()[1]}/db?sslmode=disable&gssencmode=disable"
        with pytest.raises(WarehouseError, match="password authentication failed") as caught, _open(url).session():
            pass
        server.join()
    assert "hidden" not in str(caught.value)


def test_a_database_that_does_not_exist_is_named(empty_postgres):
    url = make_url(empty_postgres).set(database="no_such_database")
    with (
        pytest.raises(WarehouseError, match="no_such_database"),
        _open(url.render_as_string(hide_password=False)).session(),
    ):
        pass


def test_two_transactions_of_one_name_follow_each_other(empty_postgres):
    warehouse = PostgresWarehouse(empty_postgres)
    seen = []

    def second():
        with warehouse.session() as session, session.transaction("videos:b"):
            seen.extend(_stored(session, VIDEOS, "item_id"))

    with warehouse.session() as first, warehouse.session() as observer:
        first.prepare([VIDEOS])
        thread = threading.Thread(target=second)
        with first.transaction("videos:b"):
            thread.start()
            _until(lambda: observer.query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))
            with _spool(VIDEOS, [_video("1")]) as spool:
                replace_day(first, VIDEOS, spool, "b", THREE)
            assert seen == []
        thread.join(30)
    assert seen == [("1",)]


def test_two_transactions_of_different_names_or_schemas_do_not_wait(empty_postgres):
    url = empty_postgres
    with contextlib.ExitStack() as stack:
        for schema, lock in ((None, "videos:b"), (None, "videos:other"), (None, "account:b"), ("apart", "videos:b")):
            session = stack.enter_context(_open(url, schema).session())
            session.execute("SET lock_timeout = '2s'")
            stack.enter_context(session.transaction(lock))


def test_a_day_of_a_table_lies_together_in_its_primary_key(empty_postgres):
    with PostgresWarehouse(empty_postgres).session() as session:
        session.prepare([VIDEOS, COMMENTS])
        found = session.query(
            "SELECT table_name, column_name FROM information_schema.key_column_usage WHERE table_schema = ? "
            "ORDER BY table_name, ordinal_position",
            session.schema,
        )
    assert found == [
        (VIDEOS.name, "_business_id"),
        (VIDEOS.name, "metric_date"),
        (VIDEOS.name, "item_id"),
        (COMMENTS.name, "_business_id"),
        (COMMENTS.name, "video_id"),
        (COMMENTS.name, "comment_id"),
    ]


def _until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"


def test_the_options_in_the_address_hold(empty_postgres):
    with _open(empty_postgres).session() as session:
        session.execute("CREATE SCHEMA mine")
    url = make_url(empty_postgres).update_query_dict({"options": "-csearch_path=mine"})
    with _open(url.render_as_string(hide_password=False)).session() as session:
        assert session.schema == "mine"
        assert session.query("SHOW timezone") == [("UTC",)]
