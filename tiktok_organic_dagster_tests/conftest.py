"""What tests of all kinds share: real databases, a clock that can be moved, and the simulated TikTok."""

import atexit
import gc
import itertools
import os
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, settings

from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.warehouse.duckdb import DuckDBWarehouse
from tiktok_organic_dagster_tests import figures
from tiktok_organic_dagster_tests.databases import new_database, running_postgres
from tiktok_organic_dagster_tests.lab import Clock, Lab

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
OBJECTS_BETWEEN_COLLECTIONS = 100_000

# How often a property is tried: `quick` takes the same few examples each time, `soak` many others, by a seed.
# Examples that share a fixture take accounts of their own; no example has a time limit, as the machine may be busy.
settings.register_profile(
    "quick",
    max_examples=25,
    stateful_step_count=25,
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.register_profile(
    "soak", settings.get_profile("quick"), max_examples=500, stateful_step_count=50, derandomize=False
)
settings.load_profile("quick")


@pytest.fixture(scope="module", autouse=True)
def _no_settings_from_outside() -> Iterator[None]:
    """No test sees the settings of the person who runs it, and none what the tests of another file left."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name in Settings.variables() or name.startswith(("TIKTOK_", "DAGSTER_")):
                patch.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def _signals_end_processes() -> None:
    """Tests run in the background (`make test &` in a script) must not pass on that SIGINT is ignored.

    Dagster gives SIGTERM what SIGINT has, so that the processes which copy a run's output could not be ended: each run
    would wait a minute for them, and leave them behind.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL of this test process alone, without network."""
    with running_postgres() as server:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):  # nothing here has to survive a power cut
            server.psql(f"ALTER SYSTEM SET {setting} = off")
        server.psql("SELECT pg_reload_conf()")
        yield server.get_uri()


@pytest.fixture(scope="session")
def new_postgres_database(postgres_server: str) -> Callable[[], str]:
    """Makes a fresh database and gives its URL."""
    numbers = itertools.count()

    return lambda: new_database(postgres_server, f"t{next(numbers)}")


@pytest.fixture(params=["duckdb", "postgres"])
def warehouse_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty warehouse of each kind."""
    if request.param == "duckdb":
        return f"duckdb:///{tmp_path / 'warehouse.duckdb'}"
    return request.getfixturevalue("new_postgres_database")()


@pytest.fixture
def duckdb_stays_open(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A DuckDB file that was opened once is open until the test's end, as each beginning takes DuckDB 15 ms.

    Sessions open and close as ever. It is not for tests in which another process wants the file.
    """
    kept: dict[str, duckdb.DuckDBPyConnection] = {}
    opened = DuckDBWarehouse._open  # noqa: SLF001 -- where a file is opened

    def open_and_keep(warehouse: DuckDBWarehouse, lock_wait_s: float) -> duckdb.DuckDBPyConnection:
        connection = opened(warehouse, lock_wait_s)
        if warehouse.place not in kept:
            kept[warehouse.place] = opened(warehouse, 0)
        return connection

    monkeypatch.setattr(DuckDBWarehouse, "_open", open_and_keep)
    yield
    for connection in kept.values():
        connection.close()


@pytest.fixture
def clock() -> Clock:
    """A clock that stands at noon of 2026-11-23 until a test moves it."""
    return Clock(NOON)


@pytest.fixture
def new_lab(tmp_path: Path, clock: Clock, request: pytest.FixtureRequest) -> Iterator[Callable[..., Lab]]:
    """Makes a laboratory: a simulated TikTok, its accounts connected, and a warehouse."""
    labs: list[Lab] = []

    def new(warehouse_url: str | None = None, **more: Any) -> Lab:
        url = warehouse_url or f"duckdb:///{tmp_path / 'warehouse.duckdb'}"
        lab = Lab(tmp_path / f"lab{len(labs)}", url, clock, **more)
        labs.append(lab)
        return lab

    yield new
    for lab in labs:
        figures.add(request.node, lab.spent | {"faults": lab.simulator.faults.struck})
        lab.close()


def pytest_collection_finish() -> None:
    """What was imported lives to the end: the garbage collector need not look through it again and again.

    Nor need it look after every few hundred of the objects that Dagster makes by the million: they go by themselves.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    atexit.register(gc.unfreeze)  # or DuckDB says that it leaks what is never thrown away


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the cells of the fault matrix came to."""
    figures.show(terminalreporter)
