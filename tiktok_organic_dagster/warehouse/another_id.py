"""Gives the rows of an account another `_business_id`."""

from collections.abc import Callable

from tiktok_organic_dagster.tables import CATALOGUE, STEPS, Table
from tiktok_organic_dagster.tables.own import OWN_TABLES
from tiktok_organic_dagster.warehouse.base import Session, Warehouse, WarehouseError, quoted, step_lock
from tiktok_organic_dagster.warehouse.preparing import prepare_warehouse


def rename_business_id(warehouse: Warehouse, old: str, new: str, *, before_moving: Callable[[], None]) -> None:
    """Give an account's rows another `_business_id` in every table, in one transaction.

    A new developer app gives an account a new id; this keeps its history under one id. Runs that write rows of the
    account are waited for.

    Args:
        warehouse: Where the rows are.
        old: The id that they have.
        new: The id that they get.
        before_moving: Called once nothing stands against it: a run that waits for its turn meanwhile must see by this
            that it is to write nothing under the old id any more.

    Raises:
        WarehouseError: The warehouse cannot be used, or rows of both ids stand in one table under the same key.
    """
    tables = (*CATALOGUE, *OWN_TABLES)
    locks = [step_lock(step, business_id) for step in STEPS for business_id in (old, new)]
    with warehouse.session() as session:
        prepare_warehouse(session)
        with session.transaction("rename", *locks):
            for table in tables:
                _refuse_clash(session, table, old, new)
            before_moving()
            for table in tables:
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
