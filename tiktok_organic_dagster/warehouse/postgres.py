"""The warehouse for teams: PostgreSQL. Rows are copied in bulk; a primary key guards each table."""

import io
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

import psycopg2
import psycopg2.errors
import pyarrow as pa
import pyarrow.csv
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from tiktok_organic_dagster.errors import MORE_THAN_ONE_AT
from tiktok_organic_dagster.tables import Column, Table
from tiktok_organic_dagster.warehouse.base import (
    BATCH_ROWS,
    Session,
    Warehouse,
    WarehouseBusyError,
    WarehouseError,
    WarehouseLostError,
    quoted,
    refused,
)
from tiktok_organic_dagster.warehouse.spool import Spool

_CONNECT_TIMEOUT_S = 10
_LOCK_TIMEOUT = "120s"
_GLANCE = ("1s", "15s")  # for a lock, for a statement
_KEEPALIVES = {  # a peer that is gone without a word is noticed after a minute: by us, and by the server with its locks
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
_MANY_ROWS = 1_000
"""So many of one day, of which a plan knows nothing, are worth counting; with fewer, any plan will do."""
_PIECE_BYTES = 1 << 16
_ROWS_WRITTEN = 1_000  # about as much as waits between us and the server
_CSV = pyarrow.csv.WriteOptions(include_header=False, quoting_style="all_valid")


class _CommitLostError(Exception):
    """The connection broke while a transaction was being committed."""


class PostgresSession(Session):
    """A connection to the database. Outside of a transaction every statement stands for itself."""

    def __init__(self, connection: Any, schema: str | None) -> None:  # noqa: ANN401 -- psycopg2's connection
        self._connection = connection
        super().__init__(schema)

    def default_schema(self) -> str:
        """The first schema of the user's search path."""
        return str(self.query("SELECT coalesce(current_schema(), 'public')")[0][0])

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401
        """The rows that a statement returns."""
        with self._connection.cursor() as cursor:
            cursor.execute(_placeholders(sql), values)
            return cursor.fetchall()

    def execute(self, sql: str, *values: Any) -> None:  # noqa: ANN401
        """Carry out a statement."""
        with self._connection.cursor() as cursor:
            cursor.execute(_placeholders(sql), values)

    @contextmanager
    def transaction(self, *locks: str) -> Generator[None]:
        """All or nothing, under advisory locks of these names in this schema."""
        self.execute("BEGIN")
        try:
            for lock in sorted(locks):
                self.execute("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", f"{self.schema}:{lock}")
            yield
            self._commit()
        except BaseException:
            with suppress(psycopg2.Error):  # the server may be gone; then it has rolled back by itself
                self.execute("ROLLBACK")
            raise

    def _commit(self) -> None:
        try:
            self.execute("COMMIT")
        except psycopg2.Error as error:
            if self._connection.closed:
                raise _CommitLostError from error
            raise

    @contextmanager
    def snapshot(self) -> Generator[None]:
        """A transaction that only reads."""
        self.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        try:
            yield
        finally:
            with suppress(psycopg2.Error):
                self.execute("ROLLBACK")

    def batches(self, table: Table) -> Generator[pa.RecordBatch]:
        """The rows in the order of the key, through a cursor of the server."""
        statement = self.in_order(table)
        if not statement:
            return
        self.execute("SET LOCAL extra_float_digits = 1")  # a server may be set to tell fewer digits than there are
        cursor = quoted(f"_read_{table.name}")
        self.execute(f"DECLARE {cursor} NO SCROLL CURSOR FOR {statement}")
        while rows := self.query(f"FETCH {BATCH_ROWS} FROM {cursor}"):
            columns = zip(*rows, strict=True)
            arrays = [
                pa.array(values, type=field.type) for values, field in zip(columns, table.arrow_schema, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=table.arrow_schema)
        self.execute(f"CLOSE {cursor}")

    def load(self, relation: str, table: Table, spool: Spool) -> None:
        """Copy the spooled rows in, in the order of the key, in which its index takes them best.

        In this CSV an empty text is quoted and NULL is not, so both keep their meaning.
        """
        columns = ", ".join(quoted(name) for name in table.column_names)
        statement = f"COPY {relation} ({columns}) FROM STDIN WITH (FORMAT csv)"
        with spool.batches(table) as batches, self._connection.cursor() as cursor:
            cursor.copy_expert(statement, _Csv(table, batches), _PIECE_BYTES)

    def type_of(self, column: Column) -> str:
        """PostgreSQL's name of the type."""
        return column.type.postgres

    def definition(self, column: Column) -> str:
        """Ids have no language. Ordered by their bytes, their indexes are faster, and survive another C library.

        Compared with a text column of another table, which has its database's collation, they need no word about it.
        """
        return super().definition(column) + (' COLLATE "C"' if column.identifier else "")

    def key_clause(self, table: Table) -> str:
        """A primary key, the day before the item: a day's rows lie together, which makes it fast to replace them."""
        leading = ["_business_id", *([table.day] if table.day in table.key else [])]
        rest = [name for name in table.key if name not in leading]
        return f", PRIMARY KEY ({', '.join(quoted(name) for name in [*leading, *rest])})"

    def make_indexes(self, tables: Sequence[Table]) -> None:
        """One for the columns that rows of a table are looked up by; of a table of another owner none can be made."""
        wanted = {"_".join([table.name, "by", *table.looked_up_by]): table for table in tables if table.looked_up_by}
        found = self.query(
            "SELECT c.relname, c.relkind = 'i', pg_has_role(c.relowner, 'USAGE') FROM pg_class AS c "
            "JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = ? AND c.relkind IN ('i', 'r', 'p')",
            self.schema,
        )
        there = {name for name, is_index, _ in found if is_index}
        ours = {name for name, is_index, is_ours in found if is_ours and not is_index}
        lacking = {name: table for name, table in wanted.items() if name not in there and table.name in ours}
        if not lacking:
            return
        with self.transaction("prepare"):
            for name, table in lacking.items():
                columns = ", ".join(quoted(column) for column in table.looked_up_by)
                self.execute(f"CREATE INDEX IF NOT EXISTS {quoted(name)} ON {self.name_of(table)} ({columns})")

    def require_unique(self, table: Table, business_id: str, spool: Spool) -> None:
        """Nothing to do: the primary key sees to it."""

    def schema_exists(self) -> bool:
        """Whether the schema is there."""
        return bool(self.query("SELECT 1 FROM pg_namespace WHERE nspname = ?", self.schema))


class _Csv:
    """Rows as CSV that is written while it is read, so that the server works on some rows while others are written."""

    def __init__(self, table: Table, batches: Iterable[pa.RecordBatch]) -> None:
        self._pieces = self._written(table, batches)

    def read(self, _bytes: int) -> bytes:
        """The next piece; empty at the end."""
        return next(self._pieces, b"")

    def _written(self, table: Table, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
        in_order = [(name, "ascending") for name in table.key]
        schema = _without_zones(table.arrow_schema)
        for batch in batches:
            rows = batch.sort_by(in_order).cast(schema)
            for begin in range(0, rows.num_rows, _ROWS_WRITTEN):
                text = io.BytesIO()
                pyarrow.csv.write_csv(rows.slice(begin, _ROWS_WRITTEN), text, _CSV)
                text.seek(0)
                while piece := text.read(_PIECE_BYTES):
                    yield piece


def _without_zones(schema: pa.Schema) -> pa.Schema:
    """Times as plain UTC, which is this session's zone: Arrow takes six times as long to write them with a zone."""
    return pa.schema(
        [pa.field(f.name, pa.timestamp(f.type.unit)) if pa.types.is_timestamp(f.type) else f for f in schema]
    )


def _placeholders(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")


def _without_secrets(url: URL) -> str:
    """A URL to show: a password may also stand among its parameters."""
    return url.set(query={}).render_as_string(hide_password=True)


class PostgresWarehouse(Warehouse):
    """A PostgreSQL database."""

    def __init__(self, url: str, schema: str | None = None) -> None:
        if url.count("@") > 1:
            raise WarehouseError(f"TIKTOK_ORGANIC_WAREHOUSE {MORE_THAN_ONE_AT}")
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError):  # the latter for a port that is no number
            raise WarehouseError(
                "TIKTOK_ORGANIC_WAREHOUSE is not a database URL. Write it as postgresql://user:password@host:port/database."
            ) from None
        parsed = parsed.set(drivername="postgresql")
        super().__init__(_without_secrets(parsed), schema)
        defaults = {"connect_timeout": _CONNECT_TIMEOUT_S, **_KEEPALIVES}
        self._defaults: dict[str, Any] = {name: value for name, value in defaults.items() if name not in parsed.query}
        self._dsn = parsed.render_as_string(hide_password=False)

    def session(self) -> AbstractContextManager[PostgresSession]:
        """Connect. A lock that another session holds is waited for, up to two minutes.

        Raises:
            WarehouseError: The server cannot be reached, or does not let this user in.
        """
        return self._connected(_LOCK_TIMEOUT)

    def look(self) -> AbstractContextManager[PostgresSession]:
        """Connect as to write: a database has to be there in any case."""
        return self.session()

    def glance(self) -> AbstractContextManager[PostgresSession]:
        """Connect, to wait neither for a lock nor for a long answer.

        Raises:
            WarehouseError: The server cannot be reached, or does not let this user in.
        """
        return self._connected(*_GLANCE)

    def refresh_statistics(self, rows: Mapping[str, int]) -> None:
        """Count tables that many rows were written to, from a sample, as autovacuum would do some minutes later.

        Until then a plan takes the new day for empty, and joins two tables of it by comparing each row with each.
        """
        grown = [name for name, count in rows.items() if count >= _MANY_ROWS]
        if not grown:
            return
        with suppress(WarehouseError), self.glance() as session:
            names = ", ".join(f"{session.schema_name()}.{quoted(name)}" for name in grown)
            session.execute(f"ANALYZE (SKIP_LOCKED) {names}")

    @contextmanager
    def _connected(self, lock_timeout: str, statement_timeout: str = "0") -> Generator[PostgresSession]:
        try:
            connection = psycopg2.connect(
                self._dsn,
                **self._defaults,
                application_name="tiktok-organic",
            )
        except psycopg2.Error as error:
            reason = " ".join(str(error).split()).rstrip(".")
            raise WarehouseError(
                f"The warehouse {self.place} cannot be reached: {reason}. Check TIKTOK_ORGANIC_WAREHOUSE."
            ) from None
        connection.autocommit = True  # transactions are begun by name
        try:
            session = PostgresSession(connection, self.schema)
            session.execute("; ".join(f"SET tcp_{name} = {value}" for name, value in _KEEPALIVES.items()))
            session.execute("SET TIME ZONE 'UTC'")  # an option of the connection would lose to PGTZ, and hide the URL's
            session.execute(f"SET lock_timeout = '{lock_timeout}'")
            session.execute(f"SET statement_timeout = '{statement_timeout}'")
            yield session
        except _CommitLostError:
            raise WarehouseLostError(
                f"The connection to the warehouse {self.place} was lost while a transaction was being committed: all "
                "of it is there now, or none. The next run writes it again, and nothing is doubled. See that the "
                "server is up."
            ) from None
        except psycopg2.errors.LockNotAvailable:
            raise WarehouseBusyError(
                f"Another run, or another session, has held a lock on {self.place} for {lock_timeout}. Wait for its "
                "end or stop it, then run this again."
            ) from None
        except psycopg2.Error as error:  # its details would quote the row, which may be about a person
            reason = error.diag.message_primary or " ".join(str(error).split())
            raise WarehouseError(refused(self.place, reason)) from None
        finally:
            connection.close()
