"""Both warehouses make the tables of the catalogue, add new columns, and refuse what is not theirs."""

import pytest

from tiktok_organic_dagster.tables import ACCOUNT, ACCOUNT_METRICS, CATALOGUE, VIDEOS, ColumnType
from tiktok_organic_dagster.tables.own import OWN_TABLES
from tiktok_organic_dagster.warehouse import WarehouseError, prepare_warehouse
from tiktok_organic_dagster.warehouse.base import quoted
from tiktok_organic_dagster.warehouse.duckdb import DuckDBWarehouse
from tiktok_organic_dagster_tests.unit.warehouse.rows import (
    NOON,
    ONE,
    THREE,
    a_metric,
    a_video,
    stored_rows,
    table_names,
    warehouse_at,
    write_day,
    write_metrics,
)


def test_prepare_makes_every_table_with_its_columns_types_and_order(warehouse, warehouse_url):
    kind = "duckdb" if warehouse_url.startswith("duckdb") else "postgres"
    with warehouse.session() as session:
        prepare_warehouse(session)
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
    write_day(session, VIDEOS, [a_video("1")])
    session.prepare([VIDEOS, ACCOUNT])
    assert stored_rows(session, VIDEOS, "item_id") == [("1",)]


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
        write_day(session, VIDEOS, [a_video("new", caption="c", likes=1.0, shares=2.0, _loaded_at=NOON)])
        assert stored_rows(session, VIDEOS, "item_id", "metric_date", "likes", "shares", "caption", "_loaded_at") == [
            ("new", THREE, 1.0, 2.0, "c", NOON),
            ("old", ONE, 5.0, None, None, None),
        ]


def test_columns_in_another_order_and_of_the_users_own_are_respected(warehouse):
    with warehouse.session() as session:
        definitions = ", ".join(f"{quoted(c.name)} {session.type_of(c)}" for c in reversed(ACCOUNT_METRICS.columns))
        key = session.key_clause(ACCOUNT_METRICS)
        session.execute(f"CREATE TABLE {session.name_of(ACCOUNT_METRICS)} (remark VARCHAR, {definitions}{key})")
        session.prepare([ACCOUNT_METRICS])
        write_metrics(session, ACCOUNT_METRICS, [a_metric(ONE, likes=1.0, shares=2.0)])
        session.execute(f"UPDATE {session.name_of(ACCOUNT_METRICS)} SET remark = ?", "mine")
        write_metrics(session, ACCOUNT_METRICS, [a_metric(ONE, likes=3.0)])
        rows = session.query(f"SELECT remark, likes, shares FROM {session.name_of(ACCOUNT_METRICS)}")
        assert rows == [("mine", 3.0, 2.0)]


def test_a_table_with_a_column_of_another_type_is_refused_and_named(warehouse):
    with warehouse.session() as session:
        session.execute("CREATE TABLE tiktok_organic_videos (item_id INTEGER)")
        with pytest.raises(WarehouseError) as caught:
            session.prepare(CATALOGUE)
        for part in ("tiktok_organic_videos", "item_id", "integer", "TIKTOK_ORGANIC_SCHEMA"):
            assert part in str(caught.value).replace("INTEGER", "integer")
        assert table_names(session) == {"tiktok_organic_videos"}  # nothing else was made


def test_a_table_that_somebody_else_made_is_refused_and_named(warehouse):
    with warehouse.session() as session:
        session.execute("CREATE TABLE tiktok_organic_account (note INTEGER)")
        with pytest.raises(WarehouseError, match="tiktok_organic_account"):
            session.prepare(CATALOGUE)
        assert table_names(session) == {"tiktok_organic_account"}


ODD_NAMES = ["tiktok", "MixedCase", "select", "_1", "order", "warehouse", "temp", "system", "main", "public", "x" * 63]


@pytest.mark.parametrize("schema", ODD_NAMES)
def test_a_schema_of_its_own_may_have_any_allowed_name(warehouse_url, schema):
    warehouse = warehouse_at(warehouse_url, schema)
    for likes in (1.0, 2.0):
        with warehouse.session() as session:
            session.prepare([VIDEOS, ACCOUNT_METRICS])
            write_day(session, VIDEOS, [a_video("1", likes=likes)])
            write_metrics(session, ACCOUNT_METRICS, [a_metric(ONE, likes=likes)])
    with warehouse.session() as session:
        assert stored_rows(session, VIDEOS, "likes") == [(2.0,)]
        assert table_names(session) == {VIDEOS.name, ACCOUNT_METRICS.name}


def test_two_schemas_are_kept_apart(warehouse_url):
    for schema in (None, "a", "b"):
        with warehouse_at(warehouse_url, schema).session() as session:
            session.prepare([VIDEOS])
            write_day(session, VIDEOS, [a_video(schema or "default")])
    for schema in (None, "a", "b"):
        with warehouse_at(warehouse_url, schema).session() as session:
            assert stored_rows(session, VIDEOS, "item_id") == [(schema or "default",)]


def test_schemas_that_differ_in_case_are_one_in_duckdb(tmp_path):
    for schema in ("TikTok", "tiktok", "TIKTOK"):
        with DuckDBWarehouse(tmp_path / "w.duckdb", schema).session() as session:
            session.prepare([VIDEOS])
            write_day(session, VIDEOS, [a_video("1")])
            assert stored_rows(session, VIDEOS, "item_id") == [("1",)]


def test_schemas_that_differ_in_case_are_two_in_postgresql(empty_postgres):
    url = empty_postgres
    for schema in ("TikTok", "tiktok"):
        with warehouse_at(url, schema).session() as session:
            session.prepare([VIDEOS])
            assert stored_rows(session, VIDEOS) == []
            write_day(session, VIDEOS, [a_video("1")])


def test_a_schema_of_the_database_itself_is_refused_in_one_sentence(warehouse_url):
    with pytest.raises(WarehouseError), warehouse_at(warehouse_url, "pg_catalog").session() as session:
        session.prepare([VIDEOS])
