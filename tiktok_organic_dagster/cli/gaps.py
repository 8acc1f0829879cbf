"""The command `gaps`: which days of which account are loaded, missing or lost, and why."""

from collections.abc import Sequence
from typing import Any

import click

from tiktok_organic_dagster.accounts import open_accounts
from tiktok_organic_dagster.cli.accounts import NAMES_MAY_BEGIN_WITH_A_HYPHEN
from tiktok_organic_dagster.gaps import Gap, gaps_now, listed
from tiktok_organic_dagster.ledger import MEANING, State
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.terminal import print_json, print_table
from tiktok_organic_dagster.warehouse import open_warehouse


@click.command(context_settings=NAMES_MAY_BEGIN_WITH_A_HYPHEN)
@click.argument("account", required=False)
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([state.value for state in State]),
    help="Only days of this state; may be given several times.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def gaps(account: str | None, states: Sequence[str], as_json: bool) -> None:  # noqa: FBT001 -- an option
    """Show for ACCOUNT, or every connected one, which days are loaded, missing or lost, and why.

    Days are UTC. It reads the gap ledger as it is at this moment, and writes nothing.
    """
    settings = Settings.load()
    store = open_accounts(settings)
    chosen = [store.find(account)] if account else store.accounts()
    if not chosen and not as_json:
        click.echo(f"No account is connected in {store.place}. Connect one: tiktok-organic connect")
        return
    with open_warehouse(settings).look() as session:
        now = gaps_now(session, store, chosen, since=settings.start_date, today=store.clock().date())
    wanted = {State(word) for word in states} or set(State)
    found = [gap for gap in listed(now) if gap.span.state in wanted]
    if as_json:
        print_json([_entry(gap) for gap in found])
        return
    columns = ("account", "tables", "from", "to", "days", "state", "why")
    print_table(columns, [_row(gap) for gap in found], unbroken=("account", "from", "to", "state"))
    for state in State:
        if any(gap.span.state is state for gap in found):
            click.echo(f"{state.value}: {MEANING[state]}.")


def _row(gap: Gap) -> tuple[object, ...]:
    span = gap.span
    return (f"@{gap.account.username}", gap.title, span.first, span.last, span.days, span.state.value, span.why)


def _entry(gap: Gap) -> dict[str, Any]:
    span = gap.span
    return {
        "username": gap.account.username,
        "business_id": gap.account.business_id,
        "step": gap.step,
        "tables": list(gap.tables),
        "first_day": str(span.first),
        "last_day": str(span.last),
        "days": span.days,
        "state": span.state.value,
        "why": span.why or None,
        "asked_on": str(span.asked) if span.asked else None,
    }
