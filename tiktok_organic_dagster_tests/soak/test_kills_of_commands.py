"""SIGKILL at every point of the commands that change something, and of the first opening of older databases."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy.engine import make_url

from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.tables import ACCOUNT, CATALOGUE
from tiktok_organic_dagster.warehouse import open_warehouse
from tiktok_organic_dagster_tests.faults import kills_of_commands
from tiktok_organic_dagster_tests.integration.test_state_migration import FOLDER, KEY
from tiktok_organic_dagster_tests.lab import Lab
from tiktok_organic_dagster_tests.soak.conftest import Every
from tiktok_organic_dagster_tests.unit.warehouse.test_migration import VERSION_1

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]


def test_connect(new_lab: Callable[..., Lab], every_point: Every) -> None:
    lab = new_lab(accounts=1, videos=1)
    every_point(lambda at: kills_of_commands.connecting(lab, at), "connect")


def test_disconnect(new_lab: Callable[..., Lab], every_point: Every) -> None:
    lab = new_lab(accounts=1, videos=1)
    lab.read_account()
    every_point(lambda at: kills_of_commands.disconnecting(lab, at), "disconnect")


def test_replace(new_lab: Callable[..., Lab], warehouse_url: str, every_point: Every) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=2)
    lab.read_everything()
    kind = warehouse_url.partition(":")[0]
    every_point(lambda at: kills_of_commands.replacing(lab, at), f"connect --replace, with rows in {kind}")


def test_rotate_key(new_lab: Callable[..., Lab], every_point: Every) -> None:
    lab = new_lab(accounts=3, videos=1)
    every_point(lambda at: kills_of_commands.rotating(lab, at), "rotate-key")


@pytest.mark.parametrize("kind", ["duckdb", "postgresql"])
def test_copy_warehouse(
    new_lab: Callable[..., Lab], new_database: Callable[[str], str], kind: str, every_point: Every
) -> None:
    lab = new_lab(accounts=1, videos=1)
    lab.read_account()
    lab.read_videos()

    def kill(at: int) -> bool:
        return kills_of_commands.copying(lab, Settings(warehouse=new_database(kind)), at)

    every_point(kill, f"copy-warehouse into {kind}")


@pytest.mark.parametrize("kind", ["duckdb", "postgresql"])
def test_migrations(new_database: Callable[[str], str], tmp_path: Path, kind: str, every_point: Every) -> None:
    def kill(at: int) -> bool:
        folder = tmp_path / str(at)
        folder.mkdir()
        state, warehouse = new_database("sqlite" if kind == "duckdb" else kind), new_database(kind)
        settings = Settings(base=folder, home_folder=folder, state=state, warehouse=warehouse, key=KEY)
        _make_version_1(settings, kind)
        return kills_of_commands.migrating(settings, at)

    every_point(kill, f"migrations of state and warehouse in {kind}")


def _make_version_1(settings: Settings, kind: str) -> None:
    if kind == "duckdb":
        with closing(sqlite3.connect(make_url(settings.state_url).database or "")) as file:
            file.executescript((FOLDER / "state_version_1.sqlite.sql").read_text("utf-8"))
    else:
        with closing(psycopg2.connect(settings.state_url)) as connection, connection, connection.cursor() as cursor:
            cursor.execute((FOLDER / "state_version_1.postgresql.sql").read_text("utf-8"))
    with open_warehouse(settings).session() as session:
        session.prepare(CATALOGUE)
        for statement in VERSION_1[kind].split(";"):
            session.execute(statement)
        for day in ("2026-03-01", "2026-03-02"):
            session.execute(
                "INSERT INTO _readings VALUES (?, ?, ?, ?, 1, ?)", "b", ACCOUNT.name, day, f"{day} 00:00:00+00", True
            )
