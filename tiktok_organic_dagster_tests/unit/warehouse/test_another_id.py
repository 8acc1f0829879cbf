"""An account gets another id in every table, or in none."""

import pytest

from tiktok_organic_dagster.tables import ACCOUNT, CATALOGUE, VIDEOS, ColumnType
from tiktok_organic_dagster.tables.own import COMMENT_READS, OWN_TABLES
from tiktok_organic_dagster.warehouse import WarehouseError, prepare_warehouse
from tiktok_organic_dagster.warehouse.another_id import rename_business_id
from tiktok_organic_dagster_tests.unit.warehouse.rows import (
    NOON,
    THREE,
    TWO,
    a_row,
    a_video,
    spooled,
    stored_rows,
    warehouse_at,
    write_day,
)


def _rename(url, old, new):
    moving = []
    rename_business_id(warehouse_at(url), old, new, before_moving=lambda: moving.append(old))
    assert moving == [old]


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
        with spooled(table, [{**values, "_business_id": business_id}]) as spool:
            session.load(session.name_of(table), table, spool)


def _ids(url):
    with warehouse_at(url).session() as session:
        return {table.name: stored_rows(session, table, "_business_id") for table in (*CATALOGUE, *OWN_TABLES)}


def test_an_account_gets_another_id_in_every_table(warehouse_url):
    with warehouse_at(warehouse_url).session() as session:
        prepare_warehouse(session)
        _fill_every_table(session, "old")
        _fill_every_table(session, "other")
    _rename(warehouse_url, "old", "new'; --")
    assert _ids(warehouse_url) == {table.name: [("new'; --",), ("other",)] for table in (*CATALOGUE, *OWN_TABLES)}


def test_another_id_in_an_empty_warehouse_is_no_error(warehouse_url):
    _rename(warehouse_url, "old", "new")
    assert set(map(tuple, _ids(warehouse_url).values())) == {()}


@pytest.mark.parametrize("table", [ACCOUNT, COMMENT_READS], ids=lambda table: table.name)
def test_another_id_is_refused_where_rows_of_both_would_be_one(warehouse_url, table):
    with warehouse_at(warehouse_url).session() as session:
        prepare_warehouse(session)
        _fill_every_table(session, "old")
        values = {"metric_date": THREE, "video_id": "x"}
        row = a_row(table, **{**{name: values[name] for name in table.key if name in values}, "_business_id": "new"})
        with spooled(table, [row]) as spool:
            session.load(session.name_of(table), table, spool)
    before = _ids(warehouse_url)
    with pytest.raises(WarehouseError, match=table.name):
        _rename(warehouse_url, "old", "new")
    assert _ids(warehouse_url) == before


def test_rows_of_both_ids_under_different_keys_are_joined(warehouse_url):
    with warehouse_at(warehouse_url).session() as session:
        prepare_warehouse(session)
        write_day(session, VIDEOS, [a_video("1", TWO, "old")], TWO, "old")
        write_day(session, VIDEOS, [a_video("1", THREE, "new")], THREE, "new")
    _rename(warehouse_url, "old", "new")
    with warehouse_at(warehouse_url).session() as session:
        assert stored_rows(session, VIDEOS, "_business_id", "metric_date") == [("new", TWO), ("new", THREE)]
