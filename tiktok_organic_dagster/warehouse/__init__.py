"""Where the tables live: DuckDB or PostgreSQL, behind one interface of a few methods."""

import time
from collections.abc import Callable
from pathlib import Path

from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.tables import CATALOGUE, Table
from tiktok_organic_dagster.tables.own import OWN_TABLES
from tiktok_organic_dagster.warehouse.base import Session, Warehouse, WarehouseBusyError, WarehouseError, quoted
from tiktok_organic_dagster.warehouse.duckdb import DuckDBWarehouse
from tiktok_organic_dagster.warehouse.postgres import PostgresWarehouse
from tiktok_organic_dagster.warehouse.preparing import prepare_warehouse
from tiktok_organic_dagster.warehouse.spool import Spool

_DUCKDB = "duckdb:///"
_POSTGRES = ("postgresql://", "postgres://", "postgresql+psycopg2://")

__all__ = [
    "Session",
    "Spool",
    "Warehouse",
    "WarehouseBusyError",
    "WarehouseError",
    "open_warehouse",
    "prepare_warehouse",
    "rename_business_id",
]


def open_warehouse(settings: Settings, sleep: Callable[[float], None] = time.sleep) -> Warehouse:
    """The warehouse that the settings name; nothing is connected or written yet.

    Args:
        settings: Name the place.
        sleep: Waits for a number of seconds, while another process holds an embedded warehouse.

    Raises:
        WarehouseError: The URL names no kind of database that is known here.
    """
    url = settings.warehouse_url
    if url.startswith(_DUCKDB):
        return DuckDBWarehouse(Path(url.removeprefix(_DUCKDB)), settings.warehouse_schema, sleep=sleep)
    if url.startswith(_POSTGRES):
        return PostgresWarehouse(url, settings.warehouse_schema)
    raise WarehouseError(
        "TIKTOK_ORGANIC_WAREHOUSE begins with none of duckdb:/// and postgresql://. Write it as duckdb:///path/to/file "
        "or postgresql://user:password@host:port/database."
    )


def rename_business_id(settings: Settings, old: str, new: str) -> None:
    """Give an account's rows another `_business_id` in every table, in one transaction.

    A new developer app gives an account a new id; this keeps its history under one id.

    Raises:
        WarehouseError: The warehouse cannot be used, or rows of both ids stand in one table under the same key.
    """
    tables = (*CATALOGUE, *OWN_TABLES)
    with open_warehouse(settings).session() as session:
        prepare_warehouse(session)
        with session.transaction("rename"):
            for table in tables:
                _refuse_clash(session, table, old, new)
                session.execute(
                    f"UPDATE {session.name_of(table)} SET _business_id = ? WHERE _business_id = ?",  # noqa: S608
                    new,
                    old,
                )


def _refuse_clash(session: Session, table: Table, old: str, new: str) -> None:
    same = " AND ".join(f"a.{quoted(name)} = b.{quoted(name)}" for name in table.key if name != "_business_id")
    name = session.name_of(table)
    if session.query(
        f"SELECT 1 FROM {name} AS a JOIN {name} AS b ON {same} WHERE a._business_id = ? AND b._business_id = ? LIMIT 1",  # noqa: S608
        old,
        new,
    ):
        raise WarehouseError(
            f"{table.name} holds rows of both {old} and {new} for the same days, so neither can take over from the "
            "other by itself. Nothing was changed. See which of the two holds the history you want to keep before you "
            "remove the rows of those days from the other, then try again."
        )
