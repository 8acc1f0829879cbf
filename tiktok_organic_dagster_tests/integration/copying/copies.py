"""Rows that are hard to copy, the command that copies them, what came of it, and what may go wrong on the way."""

import math

import pytest
from click.testing import CliRunner, Result

from tiktok_organic_dagster.cli import main
from tiktok_organic_dagster.tables import ACCOUNT_METRICS, CATALOGUE, COMMENTS, VIDEOS, Table
from tiktok_organic_dagster.tables.own import COMMENT_READS, OWN_TABLES, READINGS
from tiktok_organic_dagster.warehouse import prepare_warehouse
from tiktok_organic_dagster.warehouse.spool import Spool
from tiktok_organic_dagster_tests.conftest import NOON
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
A_TENTH = f"f{FLOATS.index(0.1):02}"
LAST = f"t{len(TEXTS) - 1:02}"
_ROW = "the row (_business_id b, item_id"
_INSERT = "INSERT INTO {} (_business_id, item_id, metric_date) VALUES"
TAMPERINGS = {
    "the sign of zero": (  # to DuckDB, 0.0 in place of -0.0 is no change
        "; ".join(f"UPDATE {{0}} SET likes = {number} WHERE item_id = '{MINUS_ZERO}'" for number in ("1", "0.0")),
        f"differs in likes of {_ROW} {MINUS_ZERO},",
    ),
    "one unit in the last place": (
        f"UPDATE {{}} SET likes = CAST('{math.nextafter(0.1, 1)!r}' AS float8) WHERE item_id = '{A_TENTH}'",
        f"differs in likes of {_ROW} {A_TENTH},",
    ),
    "NULL instead of an empty text": ("UPDATE {} SET caption = NULL WHERE caption = ''", "differs in caption"),
    "an empty text instead of NULL": ("UPDATE {} SET caption = '' WHERE item_id = 'f00'", "differs in caption"),
    "a microsecond": (
        "UPDATE {} SET create_time = create_time + INTERVAL '1 microsecond' WHERE item_id = 'm01'",
        "differs in create_time",
    ),
    "the first row gone": ("DELETE FROM {} WHERE item_id = 'f00'", f"lacks {_ROW} f00,"),
    "the last row gone": (f"DELETE FROM {{}} WHERE item_id = '{LAST}'", f"lacks {_ROW} {LAST},"),
    "a row too much": (f"{_INSERT} ('b', 'n', DATE '2026-11-23')", "a row too much, (_business_id b, item_id n,"),
    "one at the end": (f"{_INSERT} ('c', 'n', DATE '2026-11-23')", "a row too much, (_business_id c, item_id n,"),
}


def hostile(url: str) -> None:
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


def run(monkeypatch: pytest.MonkeyPatch, source: str, to: str, *more: str, schema: str | None = None) -> Result:
    monkeypatch.setenv("TIKTOK_ORGANIC_WAREHOUSE", source)
    if schema is None:
        monkeypatch.delenv("TIKTOK_ORGANIC_SCHEMA", raising=False)
    else:
        monkeypatch.setenv("TIKTOK_ORGANIC_SCHEMA", schema)
    return CliRunner().invoke(main, ["copy-warehouse", "--to", to, *more])


def copied(*arguments: object, **more: str | None) -> Result:
    result = run(*arguments, **more)
    assert (result.stderr, result.exit_code) == ("", 0)
    return result


def failed(result: Result, *parts: str) -> None:
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    for part in parts:
        assert part in result.stderr


def content(url: str, schema: str | None = None) -> dict[str, list[str]]:
    """All rows as texts, in which 0.0 and -0.0 are two."""
    with warehouse_at(url, schema).glance() as session:
        there = [table for table in ALL_TABLES if session.holds(table)]
        return {table.name: list(map(repr, stored_rows(session, table))) for table in there}


def holds(url: str, wanted: dict[str, list[str]], schema: str | None = None) -> None:
    """The warehouse holds exactly these rows; the tables that differ are named, as all their rows would fill a book."""
    found = content(url, schema)
    assert set(found) == set(wanted)
    assert [name for name, rows in wanted.items() if rows != found[name]] == []


def rows(url: str) -> int:
    return sum(map(len, content(url).values()))


def carry_out(url: str, sql: str) -> None:
    with warehouse_at(url).session() as session:
        session.execute(sql)


def tamper(monkeypatch: pytest.MonkeyPatch, session_class: type, statement: str) -> None:
    """Let a statement change what was just loaded into the table of videos."""
    load = session_class.load

    def load_and_tamper(self: object, relation: str, table: Table, spool: Spool) -> None:
        load(self, relation, table, spool)
        if table is VIDEOS:
            before = state(self, relation)
            self.execute(statement.format(relation))
            assert state(self, relation) != before, "the statement changes nothing"

    monkeypatch.setattr(session_class, "load", load_and_tamper)


def state(session: object, relation: str) -> list[str]:
    return sorted(map(repr, session.query(f"SELECT item_id, caption, likes, create_time FROM {relation}")))
