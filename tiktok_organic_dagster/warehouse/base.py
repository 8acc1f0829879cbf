"""What both warehouses do: tables by the catalogue, transactions, bulk loads, in SQL that both understand."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping, Sequence, Sized
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

import pyarrow as pa

from tiktok_organic_dagster.errors import TikTokOrganicError
from tiktok_organic_dagster.tables import Column, ColumnType, Table
from tiktok_organic_dagster.warehouse.spool import Spool

T = TypeVar("T")

BATCH_ROWS = 10_000  # that are read at a time


class WarehouseError(TikTokOrganicError):
    """The warehouse cannot be used as it is, or refused a transaction; what it held before that is still there."""


class WarehouseLostError(WarehouseError):
    """The connection broke while a transaction was being committed: all of it is there, or none, and nobody knows."""


class WarehouseBusyError(WarehouseError):
    """Another process has kept the warehouse to itself for as long as we wait."""


def quoted(name: str) -> str:
    """An identifier as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def places(values: Sized) -> str:
    """A question mark for each value of a list, for `IN (...)`; without values a list that nothing is in."""
    return ", ".join("?" * len(values)) or "NULL"


def in_parts(rows: Sequence[T], at_once: int) -> Iterator[Sequence[T]]:
    """The rows of each statement: a statement takes a limited number of values."""
    for begin in range(0, len(rows), at_once):
        yield rows[begin : begin + at_once]


def a_row_each(rows: Sized, columns: int = 1) -> str:
    """A question mark for each column of each row, for `FROM`; without rows one of NULL."""
    row = f"({', '.join('?' * columns)})"
    return f"(VALUES {', '.join([row] * len(rows)) or '(CAST(NULL AS VARCHAR))'})"


def refused(place: str, reason: str) -> str:
    """The sentence about a statement that a database did not carry out."""
    return (
        f"The warehouse {place} refused: {reason.rstrip('.')}. What it held before is still there. Check that you may "
        "create and write tables there, and that it has room."
    )


def step_lock(step: str, business_id: str) -> str:
    """The lock under which the rows of one account's step are written."""
    return f"{step}:{business_id}"


class Session(ABC):
    """An open connection to a warehouse. SQL is written with `?` for values, in both warehouses."""

    def __init__(self, schema: str | None) -> None:
        self.schema = schema or self.default_schema()

    @abstractmethod
    def default_schema(self) -> str:
        """The schema that the database uses if none is set."""

    @abstractmethod
    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 -- values of any column
        """The rows that a statement returns."""

    @abstractmethod
    def execute(self, sql: str, *values: Any) -> None:  # noqa: ANN401
        """Carry out a statement that returns nothing."""

    @abstractmethod
    def transaction(self, *locks: str) -> AbstractContextManager[None]:
        """All or nothing. Transactions with a lock name in common, in different processes, follow one another.

        Whoever takes several locks takes them in the order of their names, so that no two wait for each other.
        """

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[None]:
        """A transaction that only reads, and sees none of the changes that others make meanwhile."""

    @abstractmethod
    def batches(self, table: Table) -> Generator[pa.RecordBatch]:
        """A table's rows in the order of its key, a bounded number at a time; within a transaction or a snapshot.

        Texts are ordered by their bytes, so that every warehouse has the same order. A column that the warehouse lacks
        is NULL in every row, and a table that it lacks has none. Close it, where it is not read to its end.
        """

    @abstractmethod
    def load(self, relation: str, table: Table, spool: Spool) -> None:
        """Append the spooled rows of a table to a relation with the table's columns."""

    @abstractmethod
    def type_of(self, column: Column) -> str:
        """A column's type as this warehouse's `information_schema` names it."""

    def definition(self, column: Column) -> str:
        """A column as this warehouse's DDL makes it."""
        return f"{quoted(column.name)} {self.type_of(column)}"

    @abstractmethod
    def key_clause(self, table: Table) -> str:
        """What this warehouse adds to a table's DDL for its key."""

    @abstractmethod
    def make_indexes(self, tables: Sequence[Table]) -> None:
        """Make the indexes that tables lack, new ones or old, where this warehouse has a use for them."""

    @abstractmethod
    def require_unique(self, table: Table, business_id: str, spool: Spool) -> None:
        """Raise if an account's loaded days hold a key twice, where the database itself does not see to it."""

    @abstractmethod
    def schema_exists(self) -> bool:
        """Whether the schema is there."""

    def name_of(self, table: Table) -> str:
        """A table's full name in SQL."""
        return f"{self.schema_name()}.{quoted(table.name)}"

    def schema_name(self) -> str:
        """The schema's full name in SQL."""
        return quoted(self.schema)

    def prepare(self, tables: Sequence[Table]) -> None:
        """Create what is missing: the schema, tables, and columns that the catalogue has and a table has not.

        Raises:
            WarehouseError: What is there under a table's name is not that table: a view, or one with other columns.
        """
        self._refuse_views(tables)
        if not any(self._missing(table, there) for table, there in self._existing(tables)):
            self.make_indexes(tables)
            return
        with self.transaction("prepare"):
            if not self.schema_exists():
                self.execute(f"CREATE SCHEMA IF NOT EXISTS {self.schema_name()}")
            for table, there in self._existing(tables):
                missing = self._missing(table, there)
                if not there:
                    columns = ", ".join(self.definition(column) for column in table.columns)
                    self.execute(f"CREATE TABLE {self.name_of(table)} ({columns}{self.key_clause(table)})")
                else:
                    for column in missing:
                        self.execute(f"ALTER TABLE {self.name_of(table)} ADD COLUMN {self.definition(column)}")
        self.make_indexes(tables)

    def has_table(self, name: str) -> bool:
        """Whether there is a table of that name."""
        return bool(
            self.query(
                "SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = ?", self.schema, name
            )
        )

    def holds(self, table: Table) -> bool:
        """Whether the table was made."""
        return self.has_table(table.name)

    def columns_there(self, table: Table) -> list[str]:
        """The columns that the warehouse has of a table; none if it is not there.

        Raises:
            WarehouseError: What is there under the table's name is not that table.
        """
        self._refuse_views([table])
        [(_, there)] = self._existing([table])
        self._missing(table, there)
        return list(there)

    def in_order(self, table: Table) -> str:
        """The statement that reads all columns of the table in the order of its key; empty if it is not there."""
        there = self.columns_there(table)
        if not there:
            return ""
        columns = ", ".join(
            quoted(column.name)
            if column.name in there
            else f"CAST(NULL AS {self.type_of(column)}) AS {quoted(column.name)}"
            for column in table.columns
        )
        collated = [' COLLATE "C"' if table.column(name).type is ColumnType.TEXT else "" for name in table.key]
        order = ", ".join(f"{quoted(name)}{collation}" for name, collation in zip(table.key, collated, strict=True))
        return f"SELECT {columns} FROM {self.name_of(table)} ORDER BY {order}"  # noqa: S608

    def _existing(self, tables: Sequence[Table]) -> list[tuple[Table, dict[str, str]]]:
        """Each table with the columns and types that the warehouse has of it; none if it is not there."""
        there: dict[str, dict[str, str]] = {table.name: {} for table in tables}
        for name, column, type_ in self.query(
            "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = ?",
            self.schema,
        ):
            if name in there:
                there[name][column] = type_
        return [(table, there[table.name]) for table in tables]

    def _refuse_views(self, tables: Sequence[Table]) -> None:
        views = {
            str(name)
            for (name,) in self.query(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = ? AND table_type = 'VIEW'",
                self.schema,
            )
        }
        for table in tables:
            if table.name in views:
                raise WarehouseError(
                    f"{self.schema}.{table.name} is a view, where a table is wanted. Rename that view, or set "
                    "TIKTOK_ORGANIC_SCHEMA to another schema."
                )

    def _missing(self, table: Table, there: dict[str, str]) -> list[Column]:
        """The columns that the warehouse's table lacks; all of them if there is no such table."""
        for column in table.columns:
            found = there.get(column.name)
            if found is not None and found != self.type_of(column):
                raise WarehouseError(
                    f"The table {self.schema}.{table.name} has a column {column.name} of type {found}, where "
                    f"{self.type_of(column)} is wanted. Rename that table, or set TIKTOK_ORGANIC_SCHEMA to another one."
                )
        lacking = [name for name in table.key if there and name not in there]
        if lacking:
            raise WarehouseError(
                f"The table {self.schema}.{table.name} was not made by this project: it lacks {', '.join(lacking)}. "
                "Rename that table, or set TIKTOK_ORGANIC_SCHEMA to another schema."
            )
        return [column for column in table.columns if column.name not in there]

    @contextmanager
    def staged(self, table: Table, spool: Spool) -> Generator[str]:
        """The spooled rows of a table in a temporary relation; yields its name."""
        stage = quoted(f"_stage_{table.name}")
        self.execute(f"CREATE TEMPORARY TABLE {stage} AS SELECT * FROM {self.name_of(table)} WHERE 1 = 0")  # noqa: S608
        self.load(stage, table, spool)
        yield stage
        self.execute(f"DROP TABLE {stage}")


class Warehouse(ABC):
    """A place for the tables. Open a session late and close it early: an embedded database has one writer."""

    def __init__(self, place: str, schema: str | None) -> None:
        self.place = place
        self.schema = schema

    @abstractmethod
    def session(self) -> AbstractContextManager[Session]:
        """An open connection.

        Raises:
            WarehouseError: It cannot be opened; the message says why and what to do.
        """

    @abstractmethod
    def look(self) -> AbstractContextManager[Session]:
        """A connection to read: it makes nothing that is not there.

        Raises:
            WarehouseError: It cannot be opened; the message says why and what to do.
        """

    @abstractmethod
    def glance(self) -> AbstractContextManager[Session]:
        """A connection to read what may as well be missing: it makes nothing either, and waits for nobody.

        Raises:
            WarehouseError: Another process is in the way, or it cannot be opened.
        """

    @abstractmethod
    def refresh_statistics(self, rows: Mapping[str, int]) -> None:
        """Let a database that plans its queries by statistics know of rows that were just written, by table's name.

        Only speed depends on it: what cannot be counted now is left to the database, without an error.
        """
