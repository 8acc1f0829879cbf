"""The same mistake reads the same in the terminal and in a run: one sentence that names the thing and the remedy."""

import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner
from dagster import DagsterInstance
from sqlalchemy.engine import make_url

from tiktok_organic_dagster.cli import main
from tiktok_organic_dagster.tables import CATALOGUE
from tiktok_organic_dagster.warehouse.duckdb import DuckDBWarehouse
from tiktok_organic_dagster_tests.databases_that_refuse import (
    PASSWORD,
    held_by_another_program,
    make_newer,
    postgres_that_refuses_the_password,
)
from tiktok_organic_dagster_tests.orchestration.dagster_in_process import MODULE, dagster_in_process
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.orchestration.runs import ACCOUNT, VIDEOS, Run, marked

KEY, STATE, WAREHOUSE = "TIKTOK_ORGANIC_KEY", "TIKTOK_ORGANIC_STATE", "TIKTOK_ORGANIC_WAREHOUSE"
ANOTHER_KEY = "A" * 43 + "="
NO_SERVER = f"postgresql://me:{PASSWORD}@127.0.0.1:9/db"
NO_HOST = f"postgresql://me:{PASSWORD}@no-such-host.invalid/db"
NO_SCHEME = f"mysql://me:{PASSWORD}@127.0.0.1/db"
(ACCOUNT_TABLE,) = (table for table in CATALOGUE if table.name == ACCOUNT)

# A mistake with the state or its key: the setting, what it is set to, and what the sentence must hold.
OF_THE_STATE = [
    (KEY, ANOTHER_KEY, [KEY, "Put the right key"]),
    (KEY, "no key", [KEY, "no usable Fernet key"]),
    (STATE, NO_SCHEME, [STATE, "sqlite:///", "postgresql://"]),
    (STATE, "sqlite://", [STATE, "must be a file"]),
    (STATE, NO_SERVER, ["127.0.0.1", "Connection refused", STATE]),
    (STATE, NO_HOST, ["no-such-host.invalid", STATE]),
    (STATE, "sqlite:////dev/null/state.db", ["/dev/null/state.db", "Not a directory", STATE]),
]
OF_THE_WAREHOUSE = [
    (NO_SCHEME, ["duckdb:///", "postgresql://"]),
    (NO_SERVER, ["127.0.0.1", "Connection refused"]),
    (NO_HOST, ["no-such-host.invalid"]),
    ("duckdb:////dev/null/folder/w.duckdb", ["/dev/null/folder", "Not a directory", "TIKTOK_ORGANIC_HOME"]),
]


def said_by_the_terminal() -> str:
    """What `tiktok-organic accounts` says: one sentence, on stderr, without a traceback."""
    result = CliRunner().invoke(main, ["accounts"])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert PASSWORD not in result.stderr
    return result.stderr.strip()


def said_by_a_run(instance: DagsterInstance, deployment: Deployment, *tables: str) -> str:
    """What a failed step says; nothing was asked of TikTok, and no partition is marked."""
    run = Run(instance, tables or [ACCOUNT], deployment.today)
    assert not run.succeeded
    ((_, said),) = run.failures.items()
    assert "Traceback" not in said
    assert "\n" not in said
    assert not any(PASSWORD in entry.message for entry in instance.all_logs(run.id))
    assert deployment.simulator.calls.count() == 0
    assert marked(instance, ACCOUNT) == []
    return said


def assert_all_in(parts: list[str], said: str) -> None:
    assert [part for part in parts if part not in said] == [], said


@pytest.mark.parametrize(("setting", "value", "parts"), OF_THE_STATE)
def test_a_mistake_with_the_state_or_the_key(
    deployment: Deployment,
    instance: DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    value: str,
    parts: list[str],
) -> None:
    if setting == STATE:
        monkeypatch.setenv(KEY, ANOTHER_KEY)
    monkeypatch.setenv(setting, value)

    said = said_by_a_run(instance, deployment)

    assert_all_in(parts, said)
    assert said_by_the_terminal() == said


def test_a_state_that_does_not_take_the_password_or_the_database(
    deployment: Deployment,
    instance: DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    postgres_server: str,
) -> None:
    monkeypatch.setenv(KEY, ANOTHER_KEY)
    no_database = make_url(postgres_server).set(database="no_such_database").render_as_string(hide_password=False)
    with postgres_that_refuses_the_password() as wrong_password:
        for url, part in ((wrong_password, "password authentication failed"), (no_database, "no_such_database")):
            monkeypatch.setenv(STATE, url)

            said = said_by_a_run(instance, deployment)

            assert_all_in([part, STATE], said)
            assert said_by_the_terminal() == said


@pytest.mark.parametrize(("url", "parts"), OF_THE_WAREHOUSE)
def test_a_warehouse_that_cannot_be(
    deployment: Deployment,
    instance: DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    parts: list[str],
) -> None:
    monkeypatch.setenv(WAREHOUSE, url)
    assert_all_in([WAREHOUSE, *parts], said_by_a_run(instance, deployment))


def test_a_warehouse_that_does_not_take_the_password_or_the_database(
    deployment: Deployment,
    instance: DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    postgres_server: str,
) -> None:
    no_database = make_url(postgres_server).set(database="no_such_database").render_as_string(hide_password=False)
    with postgres_that_refuses_the_password() as wrong_password:
        for url, part in ((wrong_password, "password authentication failed"), (no_database, "no_such_database")):
            monkeypatch.setenv(WAREHOUSE, url)
            assert_all_in([part, WAREHOUSE], said_by_a_run(instance, deployment))


def a_newer_duckdb(file: Path) -> None:
    make_newer(file)


def a_text(file: Path) -> None:
    file.write_text("no database " * 1_000)


def an_sqlite_file(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE of_somebody (x)")
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (a_newer_duckdb, ["newer DuckDB", "pip install --upgrade duckdb", WAREHOUSE]),
        (a_text, ["not a valid DuckDB database file", WAREHOUSE]),
        (an_sqlite_file, ["it is an SQLite file", WAREHOUSE]),
    ],
)
def test_a_warehouse_file_of_something_else_is_named_and_left_as_it_is(
    deployment: Deployment, instance: DagsterInstance, make: Callable[[Path], None], parts: list[str]
) -> None:
    file = Path(deployment.variables[WAREHOUSE].removeprefix("duckdb:///"))
    make(file)
    before = file.read_bytes()

    said = said_by_a_run(instance, deployment)

    assert_all_in([str(file), *parts], said)
    assert file.read_bytes() == before


def test_a_warehouse_file_that_another_program_holds_is_waited_for_and_its_holder_named(
    deployment: Deployment, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DuckDBWarehouse.__init__.__kwdefaults__, "lock_wait_s", 0)
    file = Path(deployment.variables[WAREHOUSE].removeprefix("duckdb:///"))
    with held_by_another_program(file) as holder:
        said = said_by_a_run(instance, deployment)
    assert_all_in([str(file), f"PID {holder.pid}", "Close it there", "PostgreSQL"], said)


@contextmanager
def a_foreign_table(deployment: Deployment, ddl: str) -> Iterator[None]:
    """Something under the name of our table; it is the same afterwards."""
    look = f"SELECT * FROM {ACCOUNT}"
    with duckdb.connect(deployment.variables[WAREHOUSE].removeprefix("duckdb:///")) as connection:
        connection.execute(ddl)
        before = connection.execute(look).fetchall()
    yield
    with duckdb.connect(deployment.variables[WAREHOUSE].removeprefix("duckdb:///")) as connection:
        assert connection.execute(look).fetchall() == before


@pytest.mark.parametrize(
    ("ddl", "parts"),
    [
        (f"CREATE TABLE {ACCOUNT} AS SELECT 'b' AS _business_id, 'today' AS metric_date", ["metric_date", "VARCHAR"]),
        (f"CREATE TABLE {ACCOUNT} AS SELECT 'b' AS _business_id, 1 AS x", ["not made by this project", "metric_date"]),
        (f"CREATE VIEW {ACCOUNT} AS SELECT 'b' AS _business_id, DATE '2026-11-01' AS metric_date", ["is a view"]),
    ],
)
def test_a_table_that_is_not_ours_is_named_and_left_as_it_is(
    deployment: Deployment, instance: DagsterInstance, ddl: str, parts: list[str]
) -> None:
    with a_foreign_table(deployment, ddl):
        said = said_by_a_run(instance, deployment)
    assert_all_in([f"main.{ACCOUNT}", "Rename that", "TIKTOK_ORGANIC_SCHEMA", *parts], said)


def test_an_account_that_was_connected_elsewhere_is_named_in_the_check_and_the_failure(
    deployment: Deployment, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIKTOK_CLIENT_ID", "another-app")
    run = Run(instance, [ACCOUNT], deployment.today)
    parts = [f"@{deployment.username(0)}", "TIKTOK_CLIENT_ID=", "another-app", "tiktok-organic connect"]
    assert_all_in(parts, run.failures["account"])
    assert_all_in(parts, run.check(ACCOUNT, "accounts_loaded").description or "")
    assert_all_in(parts[2:], CliRunner().invoke(main, ["check"]).stderr)


def test_comments_before_the_videos_of_the_day_name_the_table_to_materialize_first(
    deployment: Deployment, instance: DagsterInstance
) -> None:
    said = said_by_a_run(instance, deployment, f"{VIDEOS}_comments")
    assert_all_in([f"@{deployment.username(0)}", f"materialize {VIDEOS} for {deployment.today} first"], said)


LOCATIONS = """{ workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError {
    __typename ... on PythonError { cause { message } } } } } } }"""


@pytest.mark.parametrize(
    ("variable", "value", "part"),
    [
        ("TIKTOK_ORGANIC_TIMEOUT_S", "soon", "The setting TIKTOK_ORGANIC_TIMEOUT_S is 'soon'"),
        ("TIKTOK_ORGANIC_TIMEOUT", "60", "Did you mean TIKTOK_ORGANIC_TIMEOUT_S?"),
        ("TIKTOK_ORGANIC_EXECUTOR", "celery", "TIKTOK_ORGANIC_CELERY_BROKER is not set"),
    ],
)
def test_a_bad_setting_is_all_that_the_error_of_the_code_location_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, part: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, value)
    monkeypatch.delitem(sys.modules, MODULE, raising=False)  # so that it is loaded again

    with dagster_in_process(tmp_path / "dagster") as dagster:
        (entry,) = dagster.ask(LOCATIONS)["workspaceOrError"]["locationEntries"]

    assert entry["locationOrLoadError"]["__typename"] == "PythonError"
    (said,) = entry["locationOrLoadError"]["cause"]["message"].strip().splitlines()
    assert said.startswith("tiktok_organic_dagster.errors.ConfigurationError: ")
    assert part in said
    if value != "celery":  # which the terminal has no use for
        assert said_by_the_terminal() in said
