"""Copies a whole warehouse into another one, and compares the two to the last bit before the copy counts."""

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pyarrow as pa

from tiktok_organic_dagster.tables import Table
from tiktok_organic_dagster.warehouse.base import Session, Warehouse, WarehouseError
from tiktok_organic_dagster.warehouse.duckdb import DuckDBWarehouse
from tiktok_organic_dagster.warehouse.postgres import PostgresWarehouse
from tiktok_organic_dagster.warehouse.preparing import note_version, version_of
from tiktok_organic_dagster.warehouse.spool import Spool

_DATABASE = (  # one and the same for every address that leads to it
    "SELECT system_identifier, oid FROM pg_control_system() CROSS JOIN pg_database WHERE datname = current_database()"
)


class _DifferentError(Exception):
    """Two tables are not the same; the text says where they part."""


@dataclass(frozen=True)
class Step:
    """How far the work on a table is.

    Attributes:
        doing: What is done to it.
        table: Its name.
        rows: How many rows are done.
        of: How many there are.
    """

    doing: str
    table: str
    rows: int
    of: int


@dataclass(frozen=True)
class Copied:
    """What came of a copy; all of it has been compared.

    Attributes:
        rows: How many rows each table holds.
        compared: How many rows of each were compared with those of the source.
        stays_behind: The columns of the source's tables that this project does not know.
        was_there: Nothing was written, as the target held the same rows already.
    """

    rows: dict[str, int]
    compared: dict[str, int]
    stays_behind: dict[str, list[str]]
    was_there: bool


def copy_warehouse(
    source: Warehouse, target: Warehouse, tables: Sequence[Table], tell: Callable[[Step], None]
) -> Copied:
    """Copy the tables into another warehouse, in one transaction that ends with a comparison of every value.

    Args:
        source: Is only read, as it is at the beginning.
        target: Takes the rows; what is missing of its tables is made first.
        tables: The tables to copy. One that the source lacks is empty in the copy.
        tell: Is told how far the work is.

    Raises:
        WarehouseError: The source holds none of the tables, the target holds other rows or is the source itself, the
            copy turned out different, or one of the two cannot be used. The target holds the rows that it held before.
    """
    _refuse_missing_file(source)
    _refuse_other_name(source, target)
    with source.session() as read, ExitStack() as opened:
        with named_as_target():
            write = opened.enter_context(target.session())
        _refuse_same(source, read, target, write)
        opened.enter_context(read.snapshot())
        columns = {table.name: read.columns_there(table) for table in tables}
        if not any(columns.values()):
            raise WarehouseError(_nothing_there(source, read.schema))
        rows = {table.name: _count(read, table) if columns[table.name] else 0 for table in tables}
        pair = _Pair(source, read, target, write, rows, tell)
        version = version_of(read) or 1
        with named_as_target():
            holds = [table for table in tables if write.columns_there(table) and _count(write, table)]
        if holds:
            compared = _compare_with_what_is_there(pair, tables, holds[0])
        else:
            with named_as_target():
                write.prepare(tables)
            compared = _copy(pair, tables, version)
        stays_behind = {
            table.name: [name for name in columns[table.name] if name not in table.column_names] for table in tables
        }
    if not holds:
        target.refresh_statistics(rows)
    return Copied(rows, compared, {name: more for name, more in stays_behind.items() if more}, bool(holds))


@contextmanager
def named_as_target() -> Generator[None]:
    """Within the block, errors name the options that say where the copy goes, in place of the settings."""
    try:
        yield
    except WarehouseError as error:
        text = str(error).replace("TIKTOK_ORGANIC_HOME or ", "")
        text = text.replace("TIKTOK_ORGANIC_WAREHOUSE", "--to").replace("TIKTOK_ORGANIC_SCHEMA", "--to-schema")
        raise WarehouseError(text) from error


@dataclass(frozen=True)
class _Pair:
    """The two warehouses, open."""

    source: Warehouse
    read: Session
    target: Warehouse
    write: Session
    rows: dict[str, int]
    tell: Callable[[Step], None]

    def steps(self, doing: str, table: Table) -> Callable[[int], None]:
        """What is called with a number of rows as often as so many more of a table are done."""
        done = 0

        def more(rows: int) -> None:
            nonlocal done
            done += rows
            self.tell(Step(doing, table.name, done, self.rows[table.name]))

        more(0)
        return more


def _copy(pair: _Pair, tables: Sequence[Table], version: int) -> dict[str, int]:
    """Copy all tables and compare them; how many rows of each were compared."""
    with pair.write.transaction("copy"):
        note_version(pair.write, version)  # so that what is new since then is made up for in the copy as well
        compared: dict[str, int] = {}
        for table in tables:
            _copy_rows(pair, table)
            try:
                compared[table.name] = _compare(pair, table)
            except _DifferentError as difference:
                raise WarehouseError(
                    f"The copy in {pair.target.place} is not the same as {pair.source.place}: {difference}. It was "
                    "undone. See that nothing else writes there meanwhile, and copy again; if it happens again, please "
                    "report this."
                ) from None
        return compared


def _copy_rows(pair: _Pair, table: Table) -> None:
    if not pair.rows[table.name]:
        return
    done = pair.steps("copying", table)
    with closing(_batches(pair.source, pair.read, table)) as batches:
        for batch in batches:
            with Spool() as spool:
                spool.add(table, batch)
                pair.write.load(pair.write.name_of(table), table, spool)
            done(batch.num_rows)


def _compare_with_what_is_there(pair: _Pair, tables: Sequence[Table], holds: Table) -> dict[str, int]:
    try:
        with pair.write.snapshot():
            return {table.name: _compare(pair, table) for table in tables}
    except _DifferentError as difference:
        raise WarehouseError(
            f"{holds.name} in {pair.target.place} (schema {pair.write.schema}) holds rows already, and what is there "
            f"is no copy of {pair.source.place}: {difference}. Nothing was written. Copy into another database, or "
            "into another schema with --to-schema."
        ) from None


def _compare(pair: _Pair, table: Table) -> int:
    """The number of rows of a table, which are the same in both.

    Raises:
        _DifferentError: They are not.
    """
    done = pair.steps("comparing", table)
    compared = 0
    with (
        closing(_batches(pair.source, pair.read, table)) as theirs,
        closing(_batches(pair.target, pair.write, table)) as ours,
    ):
        left, right = next(theirs, None), next(ours, None)
        while left is not None and right is not None:
            rows = min(left.num_rows, right.num_rows)
            _refuse_difference(table, left.slice(0, rows), right.slice(0, rows))
            compared += rows
            done(rows)
            left = left.slice(rows) if rows < left.num_rows else next(theirs, None)
            right = right.slice(rows) if rows < right.num_rows else next(ours, None)
    if left is not None:
        raise _DifferentError(_lacking(table, left, 0))
    if right is not None:
        raise _DifferentError(_too_much(table, right, 0))
    return compared


def _batches(warehouse: Warehouse, session: Session, table: Table) -> Generator[pa.RecordBatch]:
    """A table's rows in order. Close it: a reading that is open keeps a DuckDB file open."""
    try:
        with closing(session.batches(table)) as batches:
            yield from (batch for batch in batches if batch.num_rows)
    except (duckdb.Error, psycopg2.Error) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise WarehouseError(
            f"{table.name} cannot be read from the warehouse {warehouse.place}: {reason}. The copy was undone. See "
            "that you may read all tables there and that its disk has room for sorting them, then copy again."
        ) from None


def _refuse_difference(table: Table, left: pa.RecordBatch, right: pa.RecordBatch) -> None:
    """Raise for the first row of two batches that is not the same, bit by bit."""
    differences = [
        (row, name)
        for name in table.column_names
        if (row := _first_difference(_bits(left.column(name)), _bits(right.column(name)))) is not None
    ]
    if not differences:
        return
    row, name = min(differences, key=lambda difference: difference[0])
    wanted, found = _key(table, left, row), _key(table, right, row)
    if wanted == found:
        raise _DifferentError(f"{table.name} differs in {name} of the row {_shown(table, wanted)}")
    raise _DifferentError(_lacking(table, left, row) if wanted < found else _too_much(table, right, row))


def _first_difference(left: "pa.Array[Any]", right: "pa.Array[Any]") -> int | None:
    if left.equals(right):
        return None
    return next(row for row in range(len(left)) if left[row].as_py() != right[row].as_py())


def _bits(column: "pa.Array[Any]") -> "pa.Array[Any]":
    """A column whose values are equal only if they are the same: 0.0 and -0.0 are two."""
    return column.view(pa.int64()) if pa.types.is_floating(column.type) else column


def _lacking(table: Table, left: pa.RecordBatch, row: int) -> str:
    return f"{table.name} lacks the row {_shown(table, _key(table, left, row))}"


def _too_much(table: Table, right: pa.RecordBatch, row: int) -> str:
    return f"{table.name} has a row too much, {_shown(table, _key(table, right, row))}"


def _key(table: Table, batch: pa.RecordBatch, row: int) -> tuple[Any, ...]:
    return tuple(batch.column(name)[row].as_py() for name in table.key)


def _shown(table: Table, key: tuple[Any, ...]) -> str:
    return "(" + ", ".join(f"{name} {value}" for name, value in zip(table.key, key, strict=True)) + ")"


def _count(session: Session, table: Table) -> int:
    ((rows,),) = session.query(f"SELECT count(*) FROM {session.name_of(table)}")  # noqa: S608
    return rows


def _refuse_missing_file(source: Warehouse) -> None:
    """Do not let DuckDB make the file that is to be read."""
    if isinstance(source, DuckDBWarehouse) and not Path(source.place).exists():
        raise WarehouseError(_nothing_there(source, source.schema))


def _nothing_there(source: Warehouse, schema: str | None) -> str:
    within = f" (schema {schema})" if schema else ""
    return (
        f"The warehouse {source.place}{within} holds none of the tables, so there is nothing to copy. Set "
        "TIKTOK_ORGANIC_WAREHOUSE, and TIKTOK_ORGANIC_SCHEMA if you use it, to the one that you load into."
    )


def _refuse_other_name(source: Warehouse, target: Warehouse) -> None:
    """A DuckDB file that is opened by two names at once would be damaged."""
    if isinstance(source, DuckDBWarehouse) and isinstance(target, DuckDBWarehouse) and source.place != target.place:
        one, other = Path(source.place), Path(target.place)
        if other.exists() and one.samefile(other):
            raise WarehouseError(_the_same(target))


def _refuse_same(source: Warehouse, read: Session, target: Warehouse, write: Session) -> None:
    if isinstance(source, PostgresWarehouse) and isinstance(target, PostgresWarehouse):
        same = read.schema == write.schema and read.query(_DATABASE) == write.query(_DATABASE)
    else:
        same = source.place == target.place and read.schema.casefold() == write.schema.casefold()
    if same:
        raise WarehouseError(_the_same(target))


def _the_same(target: Warehouse) -> str:
    return (
        f"The warehouse of the settings and --to are the same, {target.place}. Nothing was done. Name another "
        "database, or another schema with --to-schema."
    )
