"""`copy-warehouse`: what arrives is what was there, to the last bit, and what is not leaves the target as it was."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy.engine import make_url

from tiktok_organic_dagster.tables import AUDIENCE_ACTIVITY, CATALOGUE, COMMENTS, VIDEOS, Table
from tiktok_organic_dagster.tables.own import LEDGER
from tiktok_organic_dagster.warehouse import duckdb as embedded
from tiktok_organic_dagster.warehouse import postgres, prepare_warehouse
from tiktok_organic_dagster.warehouse.spool import Spool
from tiktok_organic_dagster_tests.integration.copying.copies import (
    ALL_TABLES,
    TAMPERINGS,
    carry_out,
    content,
    copied,
    failed,
    holds,
    rows,
    run,
    tamper,
)
from tiktok_organic_dagster_tests.unit.warehouse.rows import tables_counted, warehouse_at
from tiktok_organic_dagster_tests.unit.warehouse.test_values import FLOATS, TEXTS, TIMES


def test_every_value_survives_a_journey_through_both_databases_and_back(
    loaded: Path, tmp_path: Path, new_postgres_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "BATCH_ROWS", 700)  # several batches a table, and never the same ones on both sides
    monkeypatch.setattr(postgres, "BATCH_ROWS", 300)
    first, server = f"duckdb:///{loaded}", new_postgres_database()
    second, third = f"duckdb:///{tmp_path / 'second.duckdb'}", f"duckdb:///{tmp_path / 'third.duckdb'}"
    truth = content(first)
    assert all(truth[table.name] for table in CATALOGUE)
    bytes_before = loaded.read_bytes()

    journey = [
        (first, None, server, None),
        (server, None, server, "other"),
        (server, "other", second, "main"),
        (second, None, second, "more"),
        (second, "more", third, "more"),
    ]
    for source, schema, target, to_schema in journey:
        result = copied(monkeypatch, source, target, *(["--to-schema", to_schema] if to_schema else []), schema=schema)
        holds(target, truth, to_schema)
        for table in ALL_TABLES:
            rows = f"{len(truth[table.name]):,}"
            assert [table.name, rows, rows] in [line.split() for line in result.output.splitlines()]
    assert loaded.read_bytes() == bytes_before
    with warehouse_at(server).session() as session:
        assert tables_counted(session) == {name for name, rows in truth.items() if len(rows) >= 1_000}
        assert AUDIENCE_ACTIVITY.name in tables_counted(session)


def test_a_server_that_is_set_to_show_fewer_digits_gives_them_all(
    source: str, tmp_path: Path, new_postgres_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, target = new_postgres_database(), f"duckdb:///{tmp_path / 'target.duckdb'}"
    copied(monkeypatch, source, server)
    carry_out(server, f'ALTER DATABASE "{make_url(server).database}" SET extra_float_digits = 0')

    copied(monkeypatch, server, target)

    holds(target, content(source))


@pytest.mark.parametrize("name", TAMPERINGS)
def test_whatever_goes_wrong_on_the_way_is_found_and_undone(
    name: str, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement, part = TAMPERINGS[name]
    target = f"duckdb:///{tmp_path / 'target.duckdb'}"
    tamper(monkeypatch, embedded.DuckDBSession, statement)

    result = run(monkeypatch, source, target)

    failed(result, "is not the same as", part, "It was undone")
    assert rows(target) == 0


def test_whatever_goes_wrong_on_the_way_to_postgresql_is_found_and_undone(
    source: str, new_postgres_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = new_postgres_database()
    for name in ("the sign of zero", "the last row gone"):
        statement, part = TAMPERINGS[name]
        with monkeypatch.context() as patch:
            tamper(patch, postgres.PostgresSession, statement)
            result = run(patch, source, target)
        failed(result, "is not the same as", part, "It was undone")
        assert rows(target) == 0


def test_a_copy_that_broke_off_leaves_nothing_and_can_be_repeated(
    source: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = embedded.DuckDBSession if target.startswith("duckdb") else postgres.PostgresSession
    load = kind.load

    def break_off(self: object, relation: str, table: Table, spool: Spool) -> None:
        load(self, relation, table, spool)
        if table is COMMENTS:
            assert self.query(f"SELECT 1 FROM {self.name_of(VIDEOS)} LIMIT 1") == [(1,)]
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(kind, "load", break_off)
        failed(run(patch, source, target), "Stopped")
    assert rows(target) == 0

    copied(monkeypatch, source, target)
    holds(target, content(source))


def test_a_finished_copy_is_compared_again_and_not_written(
    source: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied(monkeypatch, source, target)

    def load(*_: object) -> None:
        raise AssertionError("it was written")

    monkeypatch.setattr(embedded.DuckDBSession, "load", load)
    monkeypatch.setattr(postgres.PostgresSession, "load", load)

    assert "The copy is there already" in copied(monkeypatch, source, target).output


def test_a_warehouse_of_an_older_version_is_copied_and_brought_up_to_date_later(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = f"duckdb:///{tmp_path / 'target.duckdb'}"
    with warehouse_at(target).session() as session:
        prepare_warehouse(session)  # is of today's version, with nothing in it
    for statement in (
        f"DROP TABLE {LEDGER.name}",
        "DROP TABLE _schema_version",
        f"ALTER TABLE {VIDEOS.name} DROP COLUMN caption",
    ):
        carry_out(source, statement)

    copied(monkeypatch, source, target)

    with warehouse_at(target).session() as session:
        assert session.query(f"SELECT count(*), count(caption) FROM {VIDEOS.name}") == [
            (len(TEXTS) + len(FLOATS) + len(TIMES), 0)
        ]
        assert session.query(f"SELECT count(*) FROM {LEDGER.name}") == [(0,)]
        prepare_warehouse(session)
        assert session.query(f"SELECT count(*) > 0 FROM {LEDGER.name}") == [(True,)]


def test_what_is_not_of_this_project_stays_behind_and_is_named(
    source: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    carry_out(source, f"ALTER TABLE {VIDEOS.name} ADD COLUMN campaign VARCHAR")
    carry_out(source, "CREATE TABLE budgets (amount INTEGER)")

    result = copied(monkeypatch, source, target)

    assert f"Warning: {VIDEOS.name} also has columns" in result.output
    assert "stay behind: campaign" in result.output
    assert "your own tables, views and grants" in result.output
    with warehouse_at(target).session() as session:
        assert not session.has_table("budgets")


def test_loading_that_goes_on_in_the_source_is_not_in_the_copy(
    source: str, new_postgres_database: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = new_postgres_database()
    copied(monkeypatch, source, server)
    load = embedded.DuckDBSession.load

    def load_beside_a_run(self: embedded.DuckDBSession, relation: str, table: Table, spool: Spool) -> None:
        load(self, relation, table, spool)
        with contextlib.closing(psycopg2.connect(server)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(f"UPDATE {VIDEOS.name} SET likes = 77")
            cursor.execute(f"DELETE FROM {COMMENTS.name}")

    monkeypatch.setattr(embedded.DuckDBSession, "load", load_beside_a_run)
    target = f"duckdb:///{tmp_path / 'target.duckdb'}"

    copied(monkeypatch, server, target)

    holds(target, content(source))
