"""What the gap ledger of a laboratory says."""

from tiktok_organic_dagster.gaps import Gaps, gaps_now
from tiktok_organic_dagster.ledger import (
    Span,
    State,
)
from tiktok_organic_dagster.tables import (
    Table,
)
from tiktok_organic_dagster.warehouse import open_warehouse
from tiktok_organic_dagster.warehouse.ledger import stored_spans
from tiktok_organic_dagster_tests.lab import Lab


def gaps(lab: Lab) -> Gaps:
    """The ledger as it is now."""
    with open_warehouse(lab.settings).session() as session:
        return gaps_now(session, lab.store, lab.store.accounts(), since=lab.settings.start_date, today=lab.clock.today)


def told(lab: Lab, table: Table, index: int = 0) -> list[tuple[str, str, State, str]]:
    """What the ledger says now of an account's table."""
    account = lab.account(index)
    return [(f"{s.first:%m-%d}", f"{s.last:%m-%d}", s.state, s.why) for s in gaps(lab).of(account, table)]


def stored(lab: Lab, table: Table, index: int = 0) -> list[Span]:
    """What is written down of an account's table."""
    with open_warehouse(lab.settings).session() as session:
        return stored_spans(session).get((lab.business_id(index), table.name), [])
