"""`copy-warehouse`: what arrives is what was there, to the last bit, and what is not leaves the target as it was."""

import contextlib
import importlib
import io
import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import psycopg2
import pytest
from click.testing import CliRunner, Result
from rich.console import Console
from sqlalchemy.engine import make_url

from tiktok_organic_dagster.cli import main
from tiktok_organic_dagster.tables import ACCOUNT_METRICS, CATALOGUE, COMMENTS, VIDEOS, Table
from tiktok_organic_dagster.tables.own import COMMENT_READS, LEDGER, OWN_TABLES, READINGS
from tiktok_organic_dagster.warehouse import duckdb as embedded
from tiktok_organic_dagster.warehouse import postgres, prepare_warehouse
from tiktok_organic_dagster.warehouse.spool import Spool
from tiktok_organic_dagster_tests.conftest import NOON
from tiktok_organic_dagster_tests.databases_that_refuse import PASSWORD, postgres_that_refuses_the_password
from tiktok_organic_dagster_tests.lab import Clock, Lab
from tiktok_organic_dagster_tests.unit.warehouse.rows import (
    a_comment,
    a_metric,
    a_row,
    a_video,
    spooled,
    stored_rows,
    warehouse_at,
)
from tiktok_organic_dagster_tests.unit.warehouse.test_values import DAYS, FLOATS, TEXTS, TIMES

ALL_TABLES = (*CATALOGUE, *OWN_TABLES)
KEYS = ["", " ", "a", "A", "a ", "é", "e\u0301", "\\N", "NULL", '"', "\n", "漢", "\U0001f600", "\uffee"]
MINUS_ZERO = f"f{FLOATS.index(-0.0) + 1:02}"  # 0.0 is equal to it, and stands before it
COMMAND = importlib.import_module("tiktok_organic_dagster.cli.copy_warehouse")  # the name is the command's as well
A_TENTH = f"f{FLOATS.index(0.1):02}"
LAST = f"t{len(TEXTS) - 1:02}"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DuckDB file with the rows of a first load and, of another account, whatever is hard to copy."""
    folder = tmp_path_factory.mktemp("loaded")
    file = folder / "loaded.duckdb"
    with contextlib.closing(Lab(folder / "lab", f"duckdb:///{file}", Clock(NOON), accounts=2, videos=6)) as lab:
        assert {outcome.error for outcome in lab.read_everything()} == {None}
    _hostile(f"duckdb:///{file}")
    return file


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DuckDB file that holds the hard rows alone."""
    file = tmp_path_factory.mktemp("small") / "small.duckdb"
    _hostile(f"duckdb:///{file}")
    return file


@pytest.fixture
def source(small: Path, tmp_path: Path) -> str:
    """The hard rows, in a file of this test."""
    return f"duckdb:///{shutil.copy(small, tmp_path / 'source.duckdb')}"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(params=["duckdb", "postgres"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty warehouse of each kind."""
    if request.param == "duckdb":
        return f"duckdb:///{tmp_path / 'target.duckdb'}"
    return request.getfixturevalue("new_postgres_database")()


def _hostile(url: str) -> None:
    texts = [a_video(f"t{n:02}", caption=text, share_url=text) for n, text in enumerate(TEXTS)]
    floats = [a_video(f"f{n:02}", likes=number) for n, number in enumerate(FLOATS)]
    times = [a_video(f"m{n:02}", create_time=moment) for n, moment in enumerate(TIMES)]
    comments = [
        a_comment("v", text, liked=liked) for n, text in enumerate(KEYS) for liked in [[True, False, None][n % 3]]
    ]
    with warehouse_at(url).session() as session:
        prepare_warehouse(session)
        for table, rows in (
            (VIDEOS, [*texts, *floats, *times]),
            (COMMENTS, comments),
            (ACCOUNT_METRICS, [a_metric(day) for day in DAYS]),
            (READINGS, [a_row(READINGS, table_name=n, read_date=DAYS[0], read_at=NOON, rows=0.0) for n in "ab"]),
            (COMMENT_READS, [a_row(COMMENT_READS, video_id=f"v{n}", read_at=moment) for n, moment in enumerate(TIMES)]),
        ):
            with spooled(table, rows) as spool, session.transaction("x"):
                session.load(session.name_of(table), table, spool)


def _run(monkeypatch: pytest.MonkeyPatch, source: str, to: str, *more: str, schema: str | None = None) -> Result:
    monkeypatch.setenv("TIKTOK_ORGANIC_WAREHOUSE", source)
    if schema is None:
        monkeypatch.delenv("TIKTOK_ORGANIC_SCHEMA", raising=False)
    else:
        monkeypatch.setenv("TIKTOK_ORGANIC_SCHEMA", schema)
    return CliRunner().invoke(main, ["copy-warehouse", "--to", to, *more])


def _copied(*arguments: object, **more: str | None) -> Result:
    result = _run(*arguments, **more)
    assert (result.stderr, result.exit_code) == ("", 0)
    return result


def _failed(result: Result, *parts: str) -> None:
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    for part in parts:
        assert part in result.stderr


def _content(url: str, schema: str | None = None) -> dict[str, list[str]]:
    """All rows as texts, in which 0.0 and -0.0 are two."""
    with warehouse_at(url, schema).glance() as session:
        there = [table for table in ALL_TABLES if session.holds(table)]
        return {table.name: list(map(repr, stored_rows(session, table))) for table in there}


def _holds(url: str, wanted: dict[str, list[str]], schema: str | None = None) -> None:
    """The warehouse holds exactly these rows; the tables that differ are named, as all their rows would fill a book."""
    found = _content(url, schema)
    assert set(found) == set(wanted)
    assert [name for name, rows in wanted.items() if rows != found[name]] == []


def _rows(url: str) -> int:
    return sum(map(len, _content(url).values()))


def _statement(url: str, sql: str) -> None:
    with warehouse_at(url).session() as session:
        session.execute(sql)


def test_every_value_survives_a_journey_through_both_databases_and_back(
    loaded: Path, tmp_path: Path, new_postgres_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "BATCH_ROWS", 700)  # several batches a table, and never the same ones on both sides
    monkeypatch.setattr(postgres, "BATCH_ROWS", 300)
    first, server = f"duckdb:///{loaded}", new_postgres_database()
    second, third = f"duckdb:///{tmp_path / 'second.duckdb'}", f"duckdb:///{tmp_path / 'third.duckdb'}"
    truth = _content(first)
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
        result = _copied(monkeypatch, source, target, *(["--to-schema", to_schema] if to_schema else []), schema=schema)
        _holds(target, truth, to_schema)
        for table in ALL_TABLES:
            rows = f"{len(truth[table.name]):,}"
            assert [table.name, rows, rows] in [line.split() for line in result.output.splitlines()]
    assert loaded.read_bytes() == bytes_before


def test_a_server_that_is_set_to_show_fewer_digits_gives_them_all(
    source: str, tmp_path: Path, new_postgres_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, target = new_postgres_database(), f"duckdb:///{tmp_path / 'target.duckdb'}"
    _copied(monkeypatch, source, server)
    _statement(server, f'ALTER DATABASE "{make_url(server).database}" SET extra_float_digits = 0')

    _copied(monkeypatch, server, target)

    _holds(target, _content(source))


_ROW = "the row (_business_id b, item_id"
_INSERT = "INSERT INTO {} (_business_id, item_id, metric_date) VALUES"
TAMPERINGS = {
    "the sign of zero": (  # to DuckDB, 0.0 in place of -0.0 is no change
        f"UPDATE {{0}} SET likes = 1 WHERE item_id = '{MINUS_ZERO}';"
        f"UPDATE {{0}} SET likes = 0.0 WHERE item_id = '{MINUS_ZERO}'",
        f"differs in likes of {_ROW} {MINUS_ZERO},",
    ),
    "one unit in the last place": (
        f"UPDATE {{}} SET likes = CAST('{math.nextafter(0.1, 1)!r}' AS float8) WHERE item_id = '{A_TENTH}'",
        f"differs in likes of {_ROW} {A_TENTH},",
    ),
    "NULL instead of an empty text": ("UPDATE {} SET caption = NULL WHERE caption = ''", "differs in caption"),
    "an empty text instead of NULL": ("UPDATE {} SET caption = '' WHERE item_id = 'f00'", "differs in caption"),
    "0 instead of NULL": ("UPDATE {} SET likes = 0 WHERE item_id = 't00'", "differs in likes"),
    "a microsecond": (
        "UPDATE {} SET create_time = create_time + INTERVAL '1 microsecond' WHERE item_id = 'm01'",
        "differs in create_time",
    ),
    "a letter": ("UPDATE {} SET caption = 'Plain' WHERE caption = 'plain'", "differs in caption"),
    "the first row gone": ("DELETE FROM {} WHERE item_id = 'f00'", f"lacks {_ROW} f00,"),
    "the last row gone": (f"DELETE FROM {{}} WHERE item_id = '{LAST}'", f"lacks {_ROW} {LAST},"),
    "a row too much": (f"{_INSERT} ('b', 'n', DATE '2026-11-23')", "a row too much, (_business_id b, item_id n,"),
    "one at the end": (f"{_INSERT} ('c', 'n', DATE '2026-11-23')", "a row too much, (_business_id c, item_id n,"),
    "another key": ("UPDATE {} SET item_id = 'f00x' WHERE item_id = 'f00'", f"lacks {_ROW} f00,"),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_whatever_goes_wrong_on_the_way_is_found_and_undone(
    name: str, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement, part = TAMPERINGS[name]
    target = f"duckdb:///{tmp_path / 'target.duckdb'}"
    _tamper(monkeypatch, embedded.DuckDBSession, statement)

    result = _run(monkeypatch, source, target)

    _failed(result, "is not the same as", part, "It was undone")
    assert _rows(target) == 0


def test_whatever_goes_wrong_on_the_way_to_postgresql_is_found_and_undone(
    source: str, new_postgres_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = new_postgres_database()
    for name in ("the sign of zero", "an empty text instead of NULL", "the last row gone"):
        statement, part = TAMPERINGS[name]
        with monkeypatch.context() as patch:
            _tamper(patch, postgres.PostgresSession, statement)
            result = _run(patch, source, target)
        _failed(result, "is not the same as", part, "It was undone")
        assert _rows(target) == 0


def _tamper(monkeypatch: pytest.MonkeyPatch, session_class: type, statement: str) -> None:
    """Let a statement change what was just loaded into the table of videos."""
    load = session_class.load

    def load_and_tamper(self: object, relation: str, table: Table, spool: Spool) -> None:
        load(self, relation, table, spool)
        if table is VIDEOS:
            before = _state(self, relation)
            self.execute(statement.format(relation))
            assert _state(self, relation) != before, "the statement changes nothing"

    monkeypatch.setattr(session_class, "load", load_and_tamper)


def _state(session: object, relation: str) -> list[str]:
    return sorted(map(repr, session.query(f"SELECT item_id, caption, likes, create_time FROM {relation}")))


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
        _failed(_run(patch, source, target), "Stopped")
    assert _rows(target) == 0

    _copied(monkeypatch, source, target)
    _holds(target, _content(source))


def test_a_finished_copy_is_compared_again_and_not_written(
    source: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _copied(monkeypatch, source, target)

    def load(*_: object) -> None:
        raise AssertionError("it was written")

    monkeypatch.setattr(embedded.DuckDBSession, "load", load)
    monkeypatch.setattr(postgres.PostgresSession, "load", load)

    assert "The copy is there already" in _copied(monkeypatch, source, target).output


@pytest.mark.parametrize("name", ["the sign of zero", "NULL instead of an empty text", "the first row gone"])
def test_a_target_that_holds_other_rows_is_refused_and_stays_as_it_is(
    name: str, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = f"duckdb:///{tmp_path / 'target.duckdb'}"
    _copied(monkeypatch, source, target)
    statement, part = TAMPERINGS[name]
    _statement(target, statement.format(VIDEOS.name))
    before = _content(target)

    result = _run(monkeypatch, source, target)

    _failed(result, ACCOUNT_METRICS.name, "(schema main) holds rows already", part, "Nothing was written")
    _holds(target, before)


def test_a_target_with_rows_of_one_table_is_refused_before_anything_is_made_there(
    source: str, new_postgres_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = new_postgres_database()
    with warehouse_at(target).session() as session, spooled(COMMENTS, [a_comment("v", "1")]) as spool:
        session.prepare([COMMENTS])
        session.load(session.name_of(COMMENTS), COMMENTS, spool)

    result = _run(monkeypatch, source, target)

    _failed(result, f"{COMMENTS.name} in ", "holds rows already", "lacks the row")
    assert set(_content(target)) == {COMMENTS.name}


def test_the_same_duckdb_file_is_refused_by_whatever_name(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "source.duckdb"
    (tmp_path / "soft.duckdb").symlink_to(file)
    os.link(file, tmp_path / "hard.duckdb")
    for name in ("source", "soft", "hard"):
        _failed(_run(monkeypatch, source, f"duckdb:///{tmp_path / name}.duckdb"), "are the same")
    _failed(_run(monkeypatch, source, source, "--to-schema", "MAIN"), "are the same")
    _failed(_run(monkeypatch, source, f"duckdb:///{tmp_path / 'hard.duckdb'}", "--to-schema", "more"), "are the same")


def test_the_same_postgresql_is_refused_by_whatever_address(
    new_postgres_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_postgres_database()
    other = make_url(url).update_query_dict({"application_name": "x"}).render_as_string(hide_password=False)
    with warehouse_at(url).session() as session:
        session.prepare(ALL_TABLES)
    _failed(_run(monkeypatch, url, other), "are the same")
    _failed(_run(monkeypatch, url, other, "--to-schema", "public"), "are the same")


def test_a_source_without_tables_is_told_and_no_file_is_made(
    tmp_path: Path, new_postgres_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, target = tmp_path / "nowhere" / "source.duckdb", tmp_path / "target.duckdb"
    _failed(_run(monkeypatch, f"duckdb:///{file}", f"duckdb:///{target}"), "holds none of the tables", str(file))
    assert not file.parent.exists()
    assert not target.exists()

    result = _run(monkeypatch, new_postgres_database(), f"duckdb:///{target}", schema="tiktok")
    _failed(result, "(schema tiktok) holds none of the tables", "TIKTOK_ORGANIC_WAREHOUSE")


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
        _statement(source, statement)

    _copied(monkeypatch, source, target)

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
    _statement(source, f"ALTER TABLE {VIDEOS.name} ADD COLUMN campaign VARCHAR")
    _statement(source, "CREATE TABLE budgets (amount INTEGER)")

    result = _copied(monkeypatch, source, target)

    assert f"Warning: {VIDEOS.name} also has columns" in result.output
    assert "stay behind: campaign" in result.output
    assert "your own tables, views and grants" in result.output
    with warehouse_at(target).session() as session:
        assert not session.has_table("budgets")


def test_a_password_in_the_environment_is_used_and_never_shown(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with postgres_that_refuses_the_password() as url:
        monkeypatch.setenv("NEW_WAREHOUSE", url)
        by_name, by_url = _run(monkeypatch, source, "env:NEW_WAREHOUSE"), _run(monkeypatch, source, url)
        mistaken = _run(monkeypatch, source, f"env:{url}")
        read_from = _run(monkeypatch, url, source)
    for result in (by_name, by_url):
        _failed(result, "password authentication failed", "Check --to.")
    _failed(read_from, "password authentication failed", "Check TIKTOK_ORGANIC_WAREHOUSE.")
    _failed(mistaken, "the name of an environment variable")
    for result in (by_name, by_url, read_from, mistaken):
        assert PASSWORD not in result.output


def test_the_next_step_hides_the_password_and_says_what_stays(
    source: str, new_postgres_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_url(new_postgres_database()).set(password="hidden-password").render_as_string(hide_password=False)
    monkeypatch.setenv("NEW_WAREHOUSE", url)

    output = _copied(monkeypatch, source, "env:NEW_WAREHOUSE", "--to-schema", "tiktok").output

    assert "  TIKTOK_ORGANIC_WAREHOUSE=postgresql://postgres:***@" in output
    assert "  TIKTOK_ORGANIC_SCHEMA=tiktok" in output
    assert "TIKTOK_ORGANIC_STATE" in output
    assert "hidden-password" not in output


@pytest.mark.parametrize(
    ("to", "more", "part"),
    [
        ("env:NOT_SET", (), "names the environment variable NOT_SET, which is not set"),
        ("mysql://u:hidden-password@h/d", (), "--to begins with none of duckdb:/// and postgresql://"),
        ("target.duckdb", (), "--to begins with none of duckdb:/// and postgresql://"),
        ("postgresql://u:hidden-p@ssword@h/d", (), "--to holds more than one @"),
        ("duckdb:///target.duckdb", ("--to-schema", "my-schema"), "--to-schema 'my-schema' cannot be"),
        ("duckdb:////proc/none/target.duckdb", (), "Set --to to a place you can write to"),
    ],
)
def test_what_cannot_be_copied_to_is_told_by_the_name_of_the_option(
    to: str, more: tuple[str, ...], part: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = _run(monkeypatch, source, to, *more)
    _failed(result, part)
    assert "hidden-p" not in result.output


def test_a_table_of_something_else_in_the_target_is_told_by_the_name_of_the_option(
    source: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _statement(target, f"CREATE TABLE {VIDEOS.name} (item_id INTEGER)")
    _failed(_run(monkeypatch, source, target), f"{VIDEOS.name} has a column item_id", "or set --to-schema")


def test_a_table_that_cannot_be_read_is_named_with_the_warehouse_it_is_in(
    source: str, new_postgres_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = new_postgres_database()
    _copied(monkeypatch, source, server)
    other = new_postgres_database()
    name = f"reader_{make_url(server).database}"
    for statement in (
        f"CREATE ROLE {name} LOGIN",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}",
        f"REVOKE SELECT ON {VIDEOS.name} FROM {name}",
        f"GRANT SELECT (item_id) ON {VIDEOS.name} TO {name}",
    ):
        _statement(server, statement)
    reader = make_url(server).set(username=name).render_as_string(hide_password=False)
    _failed(_run(monkeypatch, reader, other), VIDEOS.name)
    assert _rows(other) == 0


def test_progress_is_a_line_for_what_begins_where_there_is_no_terminal(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = _copied(monkeypatch, source, f"duckdb:///{tmp_path / 'target.duckdb'}").output.splitlines()
    rows = len(TEXTS) + len(FLOATS) + len(TIMES)
    assert f"copying {VIDEOS.name}: {rows} rows ..." in lines
    assert f"comparing {VIDEOS.name}: {rows} rows ..." in lines


def test_progress_moves_in_a_terminal(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(COMMAND, "console", lambda: Console(file=shown, force_terminal=True, width=120))
    result = _copied(monkeypatch, source, f"duckdb:///{tmp_path / 'target.duckdb'}")
    assert "rows ..." not in result.output
    assert f"comparing {OWN_TABLES[-1].name}" in shown.getvalue()


def test_loading_that_goes_on_in_the_source_is_not_in_the_copy(
    source: str, new_postgres_database: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = new_postgres_database()
    _copied(monkeypatch, source, server)
    load = embedded.DuckDBSession.load

    def load_beside_a_run(self: embedded.DuckDBSession, relation: str, table: Table, spool: Spool) -> None:
        load(self, relation, table, spool)
        with contextlib.closing(psycopg2.connect(server)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(f"UPDATE {VIDEOS.name} SET likes = 77")
            cursor.execute(f"DELETE FROM {COMMENTS.name}")

    monkeypatch.setattr(embedded.DuckDBSession, "load", load_beside_a_run)
    target = f"duckdb:///{tmp_path / 'target.duckdb'}"

    _copied(monkeypatch, server, target)

    _holds(target, _content(source))
