"""The rows of the gap ledger: read as spans, and changed within the transaction of what they speak of."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

from tiktok_organic_dagster.ledger import Span, State
from tiktok_organic_dagster.tables import ACCOUNT_METRICS, Table
from tiktok_organic_dagster.tables.own import LEDGER
from tiktok_organic_dagster.warehouse.base import Session, in_parts, places

ROWS_AT_ONCE = 500

Place = tuple[str, str]
"""An account's `_business_id` and the name of a table."""


def stored_spans(
    session: Session, business_ids: Iterable[str] | None = None, tables: Sequence[Table] = ()
) -> dict[Place, list[Span]]:
    """What the ledger says, in order of days.

    Args:
        session: An open warehouse.
        business_ids: The accounts; all if None.
        tables: The tables; all if none is given.
    """
    conditions, values = ["1 = 1"], list[str]()
    for column, wanted in (
        ("_business_id", business_ids),
        ("table_name", [table.name for table in tables] or None),
    ):
        if wanted is not None:
            listed = list(wanted)
            conditions.append(f"{column} IN ({', '.join('?' for _ in listed)})" if listed else "1 = 0")
            values += listed
    found: dict[Place, list[Span]] = defaultdict(list)
    for business_id, table_name, first, last, state, why, asked in session.query(
        "SELECT _business_id, table_name, first_day, last_day, state, why, asked_on "  # noqa: S608
        f"FROM {session.name_of(LEDGER)} WHERE {' AND '.join(conditions)} ORDER BY _business_id, table_name, first_day",
        *values,
    ):
        found[business_id, table_name].append(Span(first, last, State(state), why or "", asked))
    return found


def answered_since(session: Session, table: Table, day: date) -> set[str]:
    """The accounts of which TikTok answered for a day of a table or for a later one, whether or not it has rows."""
    found = session.query(
        f"SELECT DISTINCT _business_id FROM {session.name_of(LEDGER)} "  # noqa: S608
        "WHERE table_name = ? AND state = ? AND last_day >= ?",
        table.name,
        State.LOADED.value,
        day,
    )
    return {str(business_id) for (business_id,) in found}


def change_spans(
    session: Session,
    business_id: str,
    tables: Sequence[Table],
    change: Callable[[Table, list[Span]], Sequence[Span]],
) -> None:
    """Change what the ledger says of some tables of an account, within the caller's transaction."""
    stored = stored_spans(session, [business_id], tables)
    replace_spans(
        session,
        {
            (business_id, table.name): (known, change(table, known))
            for table in tables
            for known in [stored.get((business_id, table.name), [])]
        },
    )


def replace_spans(session: Session, changes: Mapping[Place, tuple[Sequence[Span], Sequence[Span]]]) -> None:
    """Write what differs between the spans that are stored and those that shall be."""
    ledger = session.name_of(LEDGER)
    gone: list[tuple[str, str, date]] = []
    come: list[tuple[str, str, Span]] = []
    for place, (old, new) in changes.items():
        stay = {*old} & {*new}
        gone += [(*place, span.first) for span in old if span not in stay]
        come += [(*place, span) for span in new if span not in stay]
    for part in in_parts(gone, ROWS_AT_ONCE):
        rows = ", ".join("(?, ?, ?)" for _ in part)
        session.execute(
            f"DELETE FROM {ledger} AS l USING (VALUES {rows}) AS gone (account, name, day) "  # noqa: S608
            "WHERE l._business_id = gone.account AND l.table_name = gone.name AND l.first_day = gone.day",
            *(value for row in part for value in row),
        )
    for part in in_parts(come, ROWS_AT_ONCE):
        rows = ", ".join("(?, ?, ?, ?, ?, ?, ?)" for _ in part)
        session.execute(
            f"INSERT INTO {ledger} (_business_id, table_name, first_day, last_day, state, why, asked_on) VALUES {rows}",  # noqa: S608
            *(
                value
                for business_id, table_name, span in part
                for value in (
                    business_id, table_name, span.first, span.last, span.state.value, span.why or None, span.asked
                )
            ),
        )  # fmt: skip


def metric_days(session: Session, since: date, business_ids: Sequence[str]) -> dict[str, set[date]]:
    """The days from `since` on of which the account metrics of some accounts hold a row."""
    found: dict[str, set[date]] = defaultdict(set)
    accounts = places(business_ids)
    for business_id, day in session.query(
        f"SELECT _business_id, metric_date FROM {session.name_of(ACCOUNT_METRICS)} "  # noqa: S608
        f"WHERE _business_id IN ({accounts}) AND metric_date >= ?",
        *business_ids,
        since,
    ):
        found[business_id].add(day)
    return found
