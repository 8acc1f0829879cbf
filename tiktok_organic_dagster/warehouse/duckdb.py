"""The embedded warehouse: one DuckDB file. Only one process can have it open, so a session waits for its turn."""

import re
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from tiktok_organic_dagster.tables import Column, Table
from tiktok_organic_dagster.warehouse.base import (
    BATCH_ROWS,
    Session,
    Warehouse,
    WarehouseBusyError,
    WarehouseError,
    quoted,
    refused,
)
from tiktok_organic_dagster.warehouse.spool import Spool

LOCK_WAIT_S = 120
_RETRY_S = 0.1
_LOCKED = "Could not set lock"
_HOLDER = re.compile(r"held in (.+? \(PID \d+\))")
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "512MB",
    "autoinstall_known_extensions": False,  # a file of another database is an error, and no reason to download anything
    "autoload_known_extensions": False,
}
_LOADING_MEMORY = "48MB"  # more of what is not committed yet goes to the disk; 20,000 rows of 10,000 characters need 40
_SORTING_MEMORY = "256MB"  # the rest goes through the disk; it costs little time, and two files may be open for a copy
_NEWER = "newer version of DuckDB"
_KIND_OF_ERROR = re.compile(r"^(?:\w+ )?Error: ")
_SQLITE = b"SQLite format 3"


def _not_opened(file: Path, text: str) -> str:
    """The sentence about a file that DuckDB did not open for another reason than its lock."""
    if _NEWER in text:
        return (
            f"The warehouse {file} was made by a newer DuckDB than the one here ({duckdb.__version__}). Upgrade it "
            "(pip install --upgrade duckdb), or set TIKTOK_ORGANIC_WAREHOUSE to another file."
        )
    reason = "it is an SQLite file" if _starts_with(file, _SQLITE) else _KIND_OF_ERROR.sub("", text.splitlines()[0])
    return (
        f"The warehouse {file} cannot be opened: {reason.rstrip('.!')}. Check that it is a DuckDB file that you may "
        "write to (TIKTOK_ORGANIC_WAREHOUSE)."
    )


def _starts_with(file: Path, magic: bytes) -> bool:
    try:
        with file.open("rb") as stream:
            return stream.read(len(magic)) == magic
    except OSError:
        return False


class DuckDBSession(Session):
    """A connection to the file."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, schema: str | None) -> None:
        self._connection = connection
        super().__init__(schema)
        self.execute("SET TimeZone = 'UTC'")
        self._catalog = str(self.query("SELECT current_database()")[0][0])
        there = self._schemata()
        self.schema = there[0] if there else self.schema  # as it was written when it was made

    def default_schema(self) -> str:
        """DuckDB's own."""
        return "main"

    def schema_name(self) -> str:
        """With the database in front: a schema may be called like the file, and would be taken for it."""
        return f"{quoted(self._catalog)}.{quoted(self.schema)}"

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401
        """The rows that a statement returns."""
        return self._connection.execute(sql, list(values)).fetchall()

    def execute(self, sql: str, *values: Any) -> None:  # noqa: ANN401
        """Carry out a statement."""
        self._connection.execute(sql, list(values))

    @contextmanager
    def transaction(self, *locks: str) -> Generator[None]:  # noqa: ARG002 -- the file's own lock serves
        """All or nothing."""
        self._connection.begin()
        try:
            yield
            self._connection.commit()
        except BaseException:
            with suppress(duckdb.Error):  # a commit that failed has rolled back by itself
                self._connection.rollback()
            raise

    @contextmanager
    def snapshot(self) -> Generator[None]:
        """A transaction that only reads."""
        self.execute("BEGIN TRANSACTION READ ONLY")
        try:
            yield
        finally:
            with suppress(duckdb.Error):  # an error has ended it already
                self._connection.rollback()

    def batches(self, table: Table) -> Generator[pa.RecordBatch]:
        """The rows in the order of the key; sorted on disk where they do not fit into DuckDB's memory."""
        statement = self.in_order(table)
        if not statement:
            return
        self.execute(f"SET memory_limit = '{_SORTING_MEMORY}'")
        with self._connection.sql(statement).to_arrow_reader(BATCH_ROWS) as reader:
            for batch in reader:
                yield batch.cast(table.arrow_schema)

    def load(self, relation: str, table: Table, spool: Spool) -> None:
        """Append the spooled rows, by column name."""
        self.execute(f"SET memory_limit = '{_LOADING_MEMORY}'")
        with spool.batches(table) as reader:
            self._connection.register("_spool", reader)
            self._connection.execute(f"INSERT INTO {relation} BY NAME SELECT * FROM _spool")  # noqa: S608
            self._connection.unregister("_spool")

    def type_of(self, column: Column) -> str:
        """DuckDB's name of the type."""
        return column.type.duckdb

    def key_clause(self, table: Table) -> str:  # noqa: ARG002
        """None: a primary key would make it many times slower to replace a day. `require_unique` sees to it."""
        return ""

    def make_indexes(self, tables: Sequence[Table]) -> None:
        """None: a column is read fast, and left out by its days."""

    def require_unique(self, table: Table, business_id: str, spool: Spool) -> None:
        """Look for repeated keys among the account's rows of the days just loaded."""
        days = spool.days(table)
        if not days:
            return
        key = ", ".join(quoted(name) for name in table.key)
        loaded = f"{self.name_of(table)} WHERE _business_id = ? AND {quoted(table.day)} BETWEEN ? AND ?"
        values = (business_id, min(days), max(days))
        # Hashes take a third of the memory of keys; two keys of one hash are told apart by the keys themselves.
        ((alike,),) = self.query(f"SELECT count(*) > count(DISTINCT hash({key})) FROM {loaded}", *values)  # noqa: S608
        repeated = alike and self.query(
            f"SELECT {key} FROM {loaded} GROUP BY {key} HAVING count(*) > 1 LIMIT 1",  # noqa: S608
            *values,
        )
        if repeated:
            raise WarehouseError(
                f"{table.name} would hold the key {repeated[0]} twice, so nothing was written. Please report this."
            )

    def schema_exists(self) -> bool:
        """Whether the schema is there."""
        return bool(self._schemata())

    def _schemata(self) -> list[str]:
        """The schema as it stands in the file, if it is there: names that differ in case alone are one to DuckDB."""
        rows = self.query(
            "SELECT schema_name FROM information_schema.schemata "
            "WHERE catalog_name = current_database() AND lower(schema_name) = lower(?)",
            self.schema,
        )
        return [str(name) for (name,) in rows]


class DuckDBWarehouse(Warehouse):
    """A DuckDB file; the folder is made if it is not there."""

    def __init__(
        self,
        file: Path,
        schema: str | None = None,
        *,
        lock_wait_s: float = LOCK_WAIT_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(str(file), schema)
        self._file = file
        self._lock_wait_s = lock_wait_s
        self._sleep = sleep
        self._seen: tuple[int, int] | None = None

    def session(self) -> AbstractContextManager[DuckDBSession]:
        """Open the file, waiting up to two minutes for another process to close it.

        Raises:
            WarehouseError: It is held by another process, cannot be written, or is no DuckDB file.
        """
        return self._opened(self._lock_wait_s)

    def look(self) -> AbstractContextManager[DuckDBSession]:
        """Open the file if there is one, waiting as `session` does; without it, an empty warehouse in memory.

        Raises:
            WarehouseError: It is held by another process, or is no DuckDB file.
        """
        return self._opened(self._lock_wait_s, make=False)

    def glance(self) -> AbstractContextManager[DuckDBSession]:
        """As `look`, unless another process holds the file.

        Raises:
            WarehouseError: It is held by another process, or is no DuckDB file.
        """
        return self._opened(0, make=False)

    def refresh_statistics(self, rows: Mapping[str, int]) -> None:
        """Nothing to do: DuckDB keeps them with the rows."""

    @contextmanager
    def _opened(self, lock_wait_s: float, *, make: bool = True) -> Generator[DuckDBSession]:
        self._require_same()
        connection = self._open(lock_wait_s) if make or self._may_be_there() else duckdb.connect(config=_CONFIG)
        self._seen = self._seen or self._identity()
        try:
            yield DuckDBSession(connection, self.schema)
            self._require_same()  # what is committed into a file that is gone is gone with it
        except duckdb.Error as error:
            raise WarehouseError(refused(self.place, " ".join(str(error).split()))) from error
        finally:
            connection.close()

    def _may_be_there(self) -> bool:
        try:
            return self._file.exists()
        except OSError:  # opening it says why
            return True

    def _identity(self) -> tuple[int, int] | None:
        """What tells the file from another one of its name; None if there is none."""
        with suppress(OSError):
            found = self._file.stat()
            return found.st_dev, found.st_ino
        return None

    def _require_same(self) -> None:
        if self._seen is not None and self._seen != self._identity():
            raise WarehouseError(
                f"The warehouse {self._file} was removed or replaced while it was in use: what was written last may be "
                "gone with it. Put the right file there while no run is under way, then run this again."
            )

    def _open(self, lock_wait_s: float) -> duckdb.DuckDBPyConnection:
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise WarehouseError(
                f"The folder {self._file.parent} for the warehouse cannot be made ({error.strerror}). Set "
                "TIKTOK_ORGANIC_HOME or TIKTOK_ORGANIC_WAREHOUSE to a place you can write to."
            ) from None
        deadline = time.monotonic() + lock_wait_s
        while True:
            try:
                return duckdb.connect(self._file, config=_CONFIG)
            except duckdb.Error as error:  # a damaged file is no IOException
                text = str(error)
                if _LOCKED not in text:
                    raise WarehouseError(_not_opened(self._file, text)) from None
                if time.monotonic() >= deadline:
                    holder = _HOLDER.search(text)
                    raise WarehouseBusyError(
                        f"The warehouse {self._file} is held by {holder[1] if holder else 'another process'} (waited "
                        f"{lock_wait_s:.0f} seconds for it). Close it there (a DuckDB file has one writer at a time), "
                        "then run this again; or keep the warehouse in PostgreSQL."
                    ) from None
            self._sleep(_RETRY_S)
