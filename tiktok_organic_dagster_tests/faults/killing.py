"""Runs work in a process of its own that kills itself with SIGKILL at its n-th change of anything that lasts.

Counted are: each statement that writes to the warehouse, the moment before and the one after each of its commits, the
same of each commit of the state database, and the moments before and after a file is put in the place of another. The
processes are forks of one that has everything imported, so that a kill costs a fraction of a second.
"""

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import psycopg2.extensions
import pytest  # noqa: F401 -- the first module of the process that started this one: imported once, and not by each fork
from sqlalchemy.engine.default import DefaultDialect

from tiktok_organic_dagster.cli import main  # noqa: F401 -- likewise: what is run in the forks
from tiktok_organic_dagster.warehouse import another_id, copying  # noqa: F401 -- likewise

DEADLINE_S = 120.0
WRITES = ("ALTER", "COPY", "CREATE", "DELETE", "DROP", "INSERT", "UPDATE")

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(
    [__name__, "tiktok_organic_dagster_tests.faults.works", "tiktok_organic_dagster_tests.soak.loader"]
)


def run(
    work: Callable[..., None],
    *arguments: object,
    folder: Path,
    at: int = 0,
    of: str = "",
    variables: Mapping[str, str] | None = None,
) -> bool:
    """Run a function of a module in another process to its end, or to its n-th point.

    Args:
        work: The function; it and its arguments can be pickled.
        arguments: What it is given.
        folder: Where it is run, and where its temporary files go, below `tmp`.
        at: The point at which it is killed; 0 for none.
        of: What is counted: `warehouse`, `state` or `file`; all of it if empty.
        variables: Set in its environment.

    Returns:
        Whether it was killed.
    """
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    told = folder / "told.txt"
    process = _processes.Process(target=_work, args=(work, arguments, folder, (at, of), dict(variables or {}), told))
    process.start()
    process.join(DEADLINE_S)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise AssertionError(f"Still at work after {DEADLINE_S:.0f} s: {told.read_text()}")
    assert process.exitcode in {0, -signal.SIGKILL}, told.read_text()
    return process.exitcode != 0


def begin(
    work: Callable[..., None], *arguments: object, folder: Path, variables: Mapping[str, str] | None = None
) -> "multiprocessing.process.BaseProcess":
    """Start a function as `run` does, and do not wait for its end; `said` gives what it printed."""
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    told = folder / f"told{len(list(folder.glob('told*')))}.txt"
    process = _processes.Process(target=_work, args=(work, arguments, folder, (0, ""), dict(variables or {}), told))
    process.start()
    return process


def said(folder: Path) -> str:
    """What the functions that were begun in a folder have printed, their errors included."""
    return "".join(file.read_text() for file in sorted(folder.glob("told*.txt")))


class _Points:
    """Counts points, in all threads together; the last one ends the process."""

    def __init__(self, at: int, of: str) -> None:
        self._left = at
        self._of = of
        self._lock = threading.Lock()

    def passed(self, what: str) -> None:
        if self._of not in ("", what):
            return
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class _DuckDB:
    """A connection to DuckDB whose writes are counted."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, points: _Points) -> None:
        self._connection = connection
        self._points = points

    def execute(self, sql: str, *values: Any) -> duckdb.DuckDBPyConnection:
        if sql.lstrip().startswith(WRITES):
            self._points.passed("warehouse")
        return self._connection.execute(sql, *values)

    def commit(self) -> None:
        self._points.passed("warehouse")
        self._connection.commit()
        self._points.passed("warehouse")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def _watch(points: _Points) -> None:
    """Count from now on, in this process."""
    connect, postgres, commit = duckdb.connect, psycopg2.connect, DefaultDialect.do_commit

    class Cursor(psycopg2.extensions.cursor):
        def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002 -- as psycopg2 names it
            text = query if isinstance(query, str) else ""
            if text.startswith((*WRITES, "COMMIT")):
                points.passed("warehouse")
            super().execute(query, vars)
            if text.startswith("COMMIT"):
                points.passed("warehouse")

        def copy_expert(self, *arguments: Any) -> None:
            points.passed("warehouse")
            super().copy_expert(*arguments)

    def committed(self: DefaultDialect, connection: Any) -> None:
        points.passed("state")
        commit(self, connection)
        points.passed("state")

    def around(name: str) -> None:
        original = getattr(Path, name)

        def counted(self: Path, target: Any) -> Any:
            points.passed("file")
            made = original(self, target)
            points.passed("file")
            return made

        setattr(Path, name, counted)

    duckdb.connect = lambda *given, **more: _DuckDB(connect(*given, **more), points)  # type: ignore[assignment]
    psycopg2.connect = lambda *given, **more: postgres(*given, **more, cursor_factory=Cursor)  # type: ignore[assignment]
    DefaultDialect.do_commit = committed  # type: ignore[method-assign]
    for name in ("replace", "hardlink_to"):
        around(name)


def _work(
    work: Callable[..., None],
    arguments: tuple[object, ...],
    folder: Path,
    points: tuple[int, str],
    variables: dict[str, str],
    told: Path,
) -> None:
    os.environ.update(variables)
    time.tzset()
    os.chdir(folder)
    tempfile.tempdir = str(folder / "tmp")
    output = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if points[0]:
        _watch(_Points(*points))
    status = 1
    try:
        work(*arguments)
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001 -- whatever it is, the one who waits is told
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # as a killed process, and without the waits of an interpreter that ends
