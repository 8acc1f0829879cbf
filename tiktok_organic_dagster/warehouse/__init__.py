"""Where the tables live: DuckDB or PostgreSQL, behind one interface of a few methods."""

import time
from collections.abc import Callable
from pathlib import Path

from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.warehouse.base import (
    Session,
    Warehouse,
    WarehouseBusyError,
    WarehouseError,
    WarehouseLostError,
    step_lock,
)
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
    "WarehouseLostError",
    "open_warehouse",
    "prepare_warehouse",
    "step_lock",
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
