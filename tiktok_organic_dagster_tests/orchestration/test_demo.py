"""`make demo`, as a person runs it: all 12 tables, each row compared to the simulated world, and again without harm."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb

from tiktok_organic_dagster import demo
from tiktok_organic_dagster.simulator import World
from tiktok_organic_dagster.tables import ACCOUNT, CATALOGUE, Table
from tiktok_organic_dagster_tests import truth

HOME = "a home"


def run_demo(folder: Path) -> str:
    """What the demo prints. Over midnight its world would be two days' worlds: then it is run once more."""
    while True:
        before = datetime.now(UTC).date()
        finished = subprocess.run(
            [sys.executable, "-m", "tiktok_organic_dagster.cli", "demo"],
            env={**os.environ, "TIKTOK_ORGANIC_HOME": str(folder / HOME), "PYTHONPATH": str(Path.cwd())},
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
        assert finished.returncode == 0, finished.stderr
        if before == datetime.now(UTC).date():
            return finished.stdout


def warehouse(folder: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(folder / HOME / "demo" / "warehouse.duckdb", read_only=True)


def rows(connection: duckdb.DuckDBPyConnection, table: Table) -> list[tuple[Any, ...]]:
    columns = ", ".join(f'"{name}"' for name in table.column_names if name != "_loaded_at")
    found = connection.execute(f'SELECT {columns} FROM "{table.name}"').fetchall()
    return truth.in_order(tuple(v.astimezone(UTC) if isinstance(v, datetime) else v for v in row) for row in found)


def the_world_at(moment: datetime) -> Any:
    """The demo's world as the truth wants to see it, at the moment at which a table was read."""
    world = World(demo.SEED)
    return SimpleNamespace(
        world=world,
        clock=SimpleNamespace(now=lambda: moment, today=moment.date()),
        business_id=lambda index: world.business_id(world.accounts[index], demo.CLIENT_ID),
    )


def assert_every_row_is_the_worlds(folder: Path) -> dict[str, int]:
    """Compare each table, and count its rows."""
    counts: dict[str, int] = {}
    with warehouse(folder) as connection:
        for table in CATALOGUE:
            ((moment,),) = connection.execute(f'SELECT max(_loaded_at) FROM "{table.name}"').fetchall()
            expected = truth.rows_of(the_world_at(moment.astimezone(UTC)), table.name)
            loaded = rows(connection, table)
            counts[table.name] = len(loaded)
            if table is ACCOUNT:  # its followers count up within minutes
                assert [(row[0], row[1], row[-1]) for row in loaded] == [(row[0], row[1], row[-1]) for row in expected]
            else:
                assert loaded == expected, table.name
    return counts


def test_the_demo_loads_every_row_of_its_world_says_so_and_may_be_repeated(tmp_path: Path) -> None:
    printed = run_demo(tmp_path)

    counts = assert_every_row_is_the_worlds(tmp_path)
    for table in CATALOGUE:
        assert counts[table.name] > 0
        assert [table.name, f"{counts[table.name]:,}"] in [line.split() for line in printed.splitlines()]
    assert str(tmp_path / HOME / "demo" / "warehouse.duckdb") in printed
    assert "make ui" in printed
    assert [path.name for path in (tmp_path / HOME).iterdir()] == ["demo"], "real data is elsewhere"

    run_demo(tmp_path)

    with warehouse(tmp_path) as connection:
        assert {table.name: len(rows(connection, table)) for table in CATALOGUE} == counts
