"""Makes the warehouse's tables, and brings those of an older version of this package up to date."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import date

from tiktok_organic_dagster.ledger import laid_over, read_today
from tiktok_organic_dagster.tables import ACCOUNT_METRICS, CATALOGUE, METRIC_TABLES
from tiktok_organic_dagster.tables.own import LEDGER, OWN_TABLES, READINGS
from tiktok_organic_dagster.warehouse.base import Session, WarehouseError, quoted
from tiktok_organic_dagster.warehouse.ledger import Place, replace_spans

SCHEMA_VERSION = 2
"""1: `_readings` and `_comment_reads`. 2: `_ledger` beside them."""

_VERSION_TABLE = "_schema_version"


def prepare_warehouse(session: Session) -> None:
    """Make what is missing of the documented tables and our own, and migrate our own where they are older.

    Raises:
        WarehouseError: The warehouse was made by a newer version, or what is there under a table's name is not that
            table.
    """
    found = version_of(session)
    session.prepare((*CATALOGUE, *OWN_TABLES))
    if found == SCHEMA_VERSION:
        return
    table = _version_table(session)
    with session.transaction("prepare"):
        found = version_of(session)  # another process may have been faster
        if found is None:
            found = 1
            note_version(session, found)
        for version in range(found, SCHEMA_VERSION):
            _MIGRATIONS[version](session)
        session.execute(f"UPDATE {table} SET version = ?", SCHEMA_VERSION)  # noqa: S608


def _version_table(session: Session) -> str:
    return f"{session.schema_name()}.{quoted(_VERSION_TABLE)}"


def version_of(session: Session) -> int | None:
    """The version that the warehouse has; None if it was never written down.

    Raises:
        WarehouseError: The warehouse was made by a newer version.
    """
    if not session.has_table(_VERSION_TABLE):
        return None
    ((found,),) = session.query(f"SELECT max(version) FROM {_version_table(session)}")  # noqa: S608
    if found is not None and found > SCHEMA_VERSION:
        raise WarehouseError(
            f"The warehouse was made by a newer version of tiktok-organic-dagster (schema {found}, this one knows "
            f"{SCHEMA_VERSION}). Upgrade this installation."
        )
    return found


def note_version(session: Session, version: int) -> None:
    """Write down the version that the warehouse has, in the caller's transaction."""
    table = _version_table(session)
    session.execute(f"CREATE TABLE IF NOT EXISTS {table} (version INTEGER NOT NULL)")
    session.execute(f"DELETE FROM {table}")  # noqa: S608
    session.execute(f"INSERT INTO {table} (version) VALUES (?)", version)  # noqa: S608


def _fill_ledger(session: Session) -> None:
    """Write down in the ledger what was loaded before there was one."""
    days: dict[Place, dict[date, bool]] = defaultdict(dict)
    metrics = {table.name for table in METRIC_TABLES}
    for business_id, table_name, day, complete in session.query(
        f"SELECT _business_id, table_name, read_date, complete FROM {session.name_of(READINGS)}"  # noqa: S608
    ):
        if table_name not in metrics:
            days[business_id, table_name][day] = complete
    for business_id, day in session.query(f"SELECT _business_id, metric_date FROM {session.name_of(ACCOUNT_METRICS)}"):  # noqa: S608
        for table in METRIC_TABLES:
            days[business_id, table.name][day] = True
    stored = set(session.query(f"SELECT DISTINCT _business_id, table_name FROM {session.name_of(LEDGER)}"))  # noqa: S608
    replace_spans(
        session,
        {
            place: ([], laid_over([], [read_today(day, complete=days[place][day]) for day in sorted(days[place])]))
            for place in days
            if place not in stored
        },
    )


_MIGRATIONS: Mapping[int, Callable[[Session], None]] = {1: _fill_ledger}
"""What leads from a version to the next one; each is carried out once, in the transaction that raises the version."""
