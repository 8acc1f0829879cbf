"""A state database of an earlier version is brought up to date in place, in SQLite and in PostgreSQL."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import sqlalchemy as sa

from tiktok_organic_dagster import state
from tiktok_organic_dagster.accounts.store import AccountStore
from tiktok_organic_dagster.accounts.vault import vault_of_setting
from tiktok_organic_dagster.errors import ConfigurationError, StateError

KEY = "uqzTQkkUjmJzE5BYlUXCFHkdWTwMtqWAFsD2OTxH26o="
"""What the tokens of the fixture are encrypted with."""
FOLDER = Path(__file__).parent


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes an empty database of each kind."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path / 'state.db'}"
    return request.getfixturevalue("new_postgres_database")


@pytest.fixture
def version_1(new_database: Callable[[], str]) -> str:
    """The URL of a database as version 1 of the code made it."""
    url = new_database()
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as file:
            file.executescript((FOLDER / "state_version_1.sqlite.sql").read_text("utf-8"))
        file.close()
        return url
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute((FOLDER / "state_version_1.postgresql.sql").read_text("utf-8"))
    connection.close()
    return url


def version_of(engine: sa.Engine) -> list[int]:
    with state.reading(engine) as connection:
        return [*connection.execute(sa.select(state.versions.c.version)).scalars()]


def shape(engine: sa.Engine) -> dict[str, Any]:
    """Tables, columns with type and nullability, primary keys, indexes."""
    there = sa.inspect(engine)
    return {
        table: (
            [(c["name"], str(c["type"]), c["nullable"]) for c in there.get_columns(table)],
            there.get_pk_constraint(table)["constrained_columns"],
            sorted((i["name"], tuple(i["column_names"])) for i in there.get_indexes(table)),
        )
        for table in there.get_table_names()
    }


def test_accounts_tokens_and_records_of_version_1_are_all_there(version_1):
    engine = state.engine(version_1)
    store = AccountStore(engine, vault_of_setting(KEY))

    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert [(a.business_id, a.username, a.connected_at) for a in store.accounts()] == [
        ("business-0", "ada", noon),
        ("business-1", "bob", noon),
    ]
    assert store.accounts()[0].refresh_expires_at == datetime(2027, 11, 23, 12, tzinfo=UTC)
    pairs = [store.pair(f"business-{number}") for number in range(2)]
    assert [(pair.access_token, pair.refresh_token) for pair in pairs] == [
        ("act.access-of-ada", "rft.refresh-of-ada"),
        ("act.access-of-bob", "rft.refresh-of-bob"),
    ]
    assert store.status("business-0")["videos"].last_complete == noon
    assert store.status("business-1")["videos"].last_error == "TikTok's business/get/: it's \"down\""
    with state.reading(engine) as connection:
        assert connection.execute(sa.select(state.calls.c.endpoint)).scalars().all() == ["business/get/"]
        assert connection.execute(sa.select(state.pauses.c.strikes)).scalars().all() == [1]
    engine.dispose()


def test_it_has_the_shape_of_a_new_one_and_its_version(version_1, new_postgres_database, tmp_path):
    migrated = state.engine(version_1)
    new_url = new_postgres_database() if version_1.startswith("postgres") else f"sqlite:///{tmp_path / 'new.db'}"
    new = state.engine(new_url)

    assert shape(migrated) == shape(new)
    assert version_of(migrated) == version_of(new) == [state.SCHEMA_VERSION]
    for engine in (migrated, new):
        engine.dispose()


def test_several_may_open_an_older_one_at_once(version_1):
    def opened(_number: int) -> list[int]:
        engine = state.engine(version_1)
        try:
            return version_of(engine)
        finally:
            engine.dispose()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(opened, range(8))) == [[state.SCHEMA_VERSION]] * 8


def test_two_processes_may_open_an_older_one_at_once(version_1):
    program = """if True:
        import sys
        from tiktok_organic_dagster import state
        print("ready", flush=True)
        sys.stdin.read()
        state.engine(sys.argv[1])
    """
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, version_1],
            cwd=FOLDER.parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    assert [process.stdout.readline() for process in processes if process.stdout] == ["ready\n"] * 2
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()  # what both wait for
        process.stdin = None
    assert [(process.communicate(timeout=60)[1], process.returncode) for process in processes] == [("", 0)] * 2
    engine = state.engine(version_1)
    assert version_of(engine) == [state.SCHEMA_VERSION]
    engine.dispose()


def test_a_step_that_fails_leaves_the_old_version_as_it_was(version_1, monkeypatch):
    def fails(operations: Any) -> None:
        operations.create_table("half_done", sa.Column("x", sa.Integer))
        operations.execute("INSERT INTO nowhere VALUES (1)")

    with monkeypatch.context() as patched:
        patched.setitem(state.STEPS, state.SCHEMA_VERSION + 1, fails)
        patched.setattr(state, "SCHEMA_VERSION", state.SCHEMA_VERSION + 1)
        with pytest.raises(ConfigurationError, match="nowhere"):
            state.engine(version_1)

    raw = sa.create_engine(version_1)
    assert version_of(raw) == [1]
    assert not {"half_done", "organic_state_alerts"} & set(sa.inspect(raw).get_table_names())
    raw.dispose()
    state.engine(version_1).dispose()  # and the next attempt goes through


def test_steps_run_in_order_and_only_the_missing_ones(version_1, monkeypatch):
    state.engine(version_1).dispose()
    ran: list[int] = []
    missing = [state.SCHEMA_VERSION + 1, state.SCHEMA_VERSION + 2]
    for version in missing:
        monkeypatch.setitem(state.STEPS, version, lambda _operations, version=version: ran.append(version))
    monkeypatch.setattr(state, "SCHEMA_VERSION", missing[-1])

    engine = state.engine(version_1)

    assert ran == missing
    assert version_of(engine) == [missing[-1]]
    engine.dispose()


def test_a_newer_one_is_refused(version_1):
    engine = state.engine(version_1)
    with state.writing(engine) as connection:
        connection.execute(state.versions.update().values(version=state.SCHEMA_VERSION + 1))
    engine.dispose()
    with pytest.raises(ConfigurationError, match=r"newer version .* Upgrade this installation"):
        state.engine(version_1)


def test_a_newer_one_is_not_touched(version_1):
    engine = state.engine(version_1)
    with state.writing(engine) as connection:
        connection.execute(state.versions.update().values(version=99))
        connection.execute(sa.text("DROP TABLE organic_state_alerts"))
    with pytest.raises(ConfigurationError):
        state.engine(version_1)
    with pytest.raises(StateError), state.reading(engine) as connection:
        connection.execute(sa.select(state.alerts))
    engine.dispose()
