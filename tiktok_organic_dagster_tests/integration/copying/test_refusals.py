"""`copy-warehouse`: what it refuses, what it says, and what it never shows."""

import importlib
import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy.engine import make_url

from tiktok_organic_dagster.tables import ACCOUNT_METRICS, COMMENTS, VIDEOS
from tiktok_organic_dagster.tables.own import OWN_TABLES
from tiktok_organic_dagster_tests.databases_that_refuse import PASSWORD, postgres_that_refuses_the_password
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
)
from tiktok_organic_dagster_tests.unit.warehouse.rows import (
    a_comment,
    spooled,
    warehouse_at,
)
from tiktok_organic_dagster_tests.unit.warehouse.test_values import FLOATS, TEXTS, TIMES

COMMAND = importlib.import_module("tiktok_organic_dagster.cli.copy_warehouse")  # the name is the command's as well


@pytest.mark.parametrize("name", ["NULL instead of an empty text", "the first row gone"])
def test_a_target_that_holds_other_rows_is_refused_and_stays_as_it_is(
    name: str, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = f"duckdb:///{tmp_path / 'target.duckdb'}"
    copied(monkeypatch, source, target)
    statement, part = TAMPERINGS[name]
    carry_out(target, statement.format(VIDEOS.name))
    before = content(target)

    result = run(monkeypatch, source, target)

    failed(result, ACCOUNT_METRICS.name, "(schema main) holds rows already", part, "Nothing was written")
    holds(target, before)


def test_a_target_with_rows_of_one_table_is_refused_before_anything_is_made_there(
    source: str, new_postgres_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = new_postgres_database()
    with warehouse_at(target).session() as session, spooled(COMMENTS, [a_comment("v", "1")]) as spool:
        session.prepare([COMMENTS])
        session.load(session.name_of(COMMENTS), COMMENTS, spool)

    result = run(monkeypatch, source, target)

    failed(result, f"{COMMENTS.name} in ", "holds rows already", "lacks the row")
    assert set(content(target)) == {COMMENTS.name}


def test_the_same_duckdb_file_is_refused_by_whatever_name(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "source.duckdb"
    (tmp_path / "soft.duckdb").symlink_to(file)
    os.link(file, tmp_path / "hard.duckdb")
    for name in ("source", "soft", "hard"):
        failed(run(monkeypatch, source, f"duckdb:///{tmp_path / name}.duckdb"), "are the same")
    failed(run(monkeypatch, source, source, "--to-schema", "MAIN"), "are the same")
    failed(run(monkeypatch, source, f"duckdb:///{tmp_path / 'hard.duckdb'}", "--to-schema", "more"), "are the same")


def test_the_same_postgresql_is_refused_by_whatever_address(
    new_postgres_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_postgres_database()
    other = make_url(url).update_query_dict({"application_name": "x"}).render_as_string(hide_password=False)
    with warehouse_at(url).session() as session:
        session.prepare(ALL_TABLES)
    failed(run(monkeypatch, url, other), "are the same")
    failed(run(monkeypatch, url, other, "--to-schema", "public"), "are the same")


def test_a_source_without_tables_is_told_and_no_file_is_made(
    tmp_path: Path, new_postgres_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, target = tmp_path / "nowhere" / "source.duckdb", tmp_path / "target.duckdb"
    failed(run(monkeypatch, f"duckdb:///{file}", f"duckdb:///{target}"), "holds none of the tables", str(file))
    assert not file.parent.exists()
    assert not target.exists()

    result = run(monkeypatch, new_postgres_database(), f"duckdb:///{target}", schema="tiktok")
    failed(result, "(schema tiktok) holds none of the tables", "TIKTOK_ORGANIC_WAREHOUSE")


def test_a_password_in_the_environment_is_used_and_never_shown(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with postgres_that_refuses_the_password() as url:
        monkeypatch.setenv("NEW_WAREHOUSE", url)
        by_name, by_url = run(monkeypatch, source, "env:NEW_WAREHOUSE"), run(monkeypatch, source, url)
        mistaken = run(monkeypatch, source, f"env:{url}")
        read_from = run(monkeypatch, url, source)
    for result in (by_name, by_url):
        failed(result, "password authentication failed", "Check --to.")
    failed(read_from, "password authentication failed", "Check TIKTOK_ORGANIC_WAREHOUSE.")
    failed(mistaken, "the name of an environment variable")
    for result in (by_name, by_url, read_from, mistaken):
        assert PASSWORD not in result.output


def test_the_next_step_hides_the_password_and_says_what_stays(
    source: str, new_postgres_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_url(new_postgres_database()).set(password="hidden-password").render_as_string(hide_password=False)
    monkeypatch.setenv("NEW_WAREHOUSE", url)

    output = copied(monkeypatch, source, "env:NEW_WAREHOUSE", "--to-schema", "tiktok").output

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
    result = run(monkeypatch, source, to, *more)
    failed(result, part)
    assert "hidden-p" not in result.output


def test_a_table_of_something_else_in_the_target_is_told_by_the_name_of_the_option(
    source: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    carry_out(target, f"CREATE TABLE {VIDEOS.name} (item_id INTEGER)")
    failed(run(monkeypatch, source, target), f"{VIDEOS.name} has a column item_id", "or set --to-schema")


def test_a_table_that_cannot_be_read_is_named_with_the_warehouse_it_is_in(
    source: str, new_postgres_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = new_postgres_database()
    copied(monkeypatch, source, server)
    other = new_postgres_database()
    name = f"reader_{make_url(server).database}"
    for statement in (
        f"CREATE ROLE {name} LOGIN",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}",
        f"REVOKE SELECT ON {VIDEOS.name} FROM {name}",
        f"GRANT SELECT (item_id) ON {VIDEOS.name} TO {name}",
    ):
        carry_out(server, statement)
    reader = make_url(server).set(username=name).render_as_string(hide_password=False)
    failed(run(monkeypatch, reader, other), VIDEOS.name)
    assert rows(other) == 0


def test_progress_is_a_line_for_what_begins_where_there_is_no_terminal(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = copied(monkeypatch, source, f"duckdb:///{tmp_path / 'target.duckdb'}").output.splitlines()
    rows = len(TEXTS) + len(FLOATS) + len(TIMES)
    assert f"copying {VIDEOS.name}: {rows} rows ..." in lines
    assert f"comparing {VIDEOS.name}: {rows} rows ..." in lines


def test_progress_moves_in_a_terminal(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(COMMAND, "console", lambda: Console(file=shown, force_terminal=True, width=120))
    result = copied(monkeypatch, source, f"duckdb:///{tmp_path / 'target.duckdb'}")
    assert "rows ..." not in result.output
    assert f"comparing {OWN_TABLES[-1].name}" in shown.getvalue()
