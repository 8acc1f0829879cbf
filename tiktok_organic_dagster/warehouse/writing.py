"""The three ways a reading enters its table, within the caller's transaction."""

from datetime import date, datetime

from tiktok_organic_dagster.tables import Table
from tiktok_organic_dagster.warehouse.base import Session, quoted
from tiktok_organic_dagster.warehouse.spool import Spool


def replace_day(session: Session, table: Table, spool: Spool, business_id: str, day: date) -> None:
    """The reading of a day replaces an earlier one of that day, as it was read; other days are not touched."""
    session.execute(
        f"DELETE FROM {session.name_of(table)} WHERE _business_id = ? AND {quoted(table.day)} = ?",  # noqa: S608
        business_id,
        day,
    )
    session.load(session.name_of(table), table, spool)
    session.require_unique(table, business_id, spool)


def fill_days(session: Session, table: Table, spool: Spool, business_id: str) -> None:
    """Days that were returned are written; a stored value is never replaced by NULL, and no stored row goes."""
    days = spool.days(table)
    if not days:
        return
    target = session.name_of(table)
    among = f"t._business_id = ? AND t.{quoted(table.day)} BETWEEN ? AND ?"
    bounds = (business_id, min(days), max(days))
    kept = [name for name in table.column_names if name not in table.key]
    values = ", ".join(f"{quoted(name)} = coalesce(s.{quoted(name)}, t.{quoted(name)})" for name in kept)
    with session.staged(table, spool) as stage:
        session.execute(
            f"UPDATE {target} AS t SET {values} FROM {stage} AS s WHERE {same_key(table)} AND {among}",  # noqa: S608
            *bounds,
        )
        _insert_new(session, table, stage, among, *bounds)
    session.require_unique(table, business_id, spool)


def latest_state(session: Session, table: Table, stage: str, business_id: str, *, now: datetime) -> None:
    """Each staged row of an account takes the place of the stored one of its key; the others stay.

    One that another run has read later, and stored earlier, stays too. A stored row of the future, which a wrong clock
    has left, is no later one.
    """
    target = session.name_of(table)
    session.execute(
        f"DELETE FROM {target} AS t USING {stage} AS s WHERE {same_key(table)} "  # noqa: S608
        "AND t._business_id = ? AND (t._loaded_at <= s._loaded_at OR t._loaded_at > ?)",
        business_id,
        now,
    )
    _insert_new(session, table, stage, "t._business_id = ?", business_id)


def _insert_new(session: Session, table: Table, stage: str, among: str, *values: str | date) -> None:
    """Write the staged rows whose key is not stored; `among` says once more, by values, which stored rows to look at.

    Without it, a database may read all of a table, of all accounts and days, to find the few that may have a key of
    the stage.
    """
    target = session.name_of(table)
    columns = ", ".join(quoted(name) for name in table.column_names)
    session.execute(
        f"INSERT INTO {target} ({columns}) SELECT {columns} FROM {stage} AS s "  # noqa: S608
        f"WHERE NOT EXISTS (SELECT 1 FROM {target} AS t WHERE {same_key(table)} AND {among})",
        *values,
    )


def same_key(table: Table) -> str:
    """The condition that a stored row `t` has the key of a staged one `s`."""
    return " AND ".join(f"t.{quoted(name)} = s.{quoted(name)}" for name in table.key)
