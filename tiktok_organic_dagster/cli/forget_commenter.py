"""The command `forget-commenter`: one commenter's comments are erased, and do not come back."""

from collections.abc import Sequence

import click

from tiktok_organic_dagster.accounts import AccountStore, open_accounts
from tiktok_organic_dagster.cli.accounts import NAMES_MAY_BEGIN_WITH_A_HYPHEN
from tiktok_organic_dagster.errors import TikTokOrganicError
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.tables import ColumnType
from tiktok_organic_dagster.tables.conversion import convert
from tiktok_organic_dagster.terminal import print_table
from tiktok_organic_dagster.warehouse import Session, open_warehouse, prepare_warehouse
from tiktok_organic_dagster.warehouse.commenters import IDENTIFIER, commented_accounts, erase


class CommenterError(TikTokOrganicError):
    """What was given names no commenter."""


@click.command("forget-commenter", context_settings=NAMES_MAY_BEGIN_WITH_A_HYPHEN)
@click.argument("unique_identifier")
def forget_commenter(unique_identifier: str) -> None:
    """Erase all comments of one commenter, under the videos of all accounts, and leave them out from now on.

    UNIQUE_IDENTIFIER is the whole value of the column of that name, in plain or hashed (hashed:...). Nothing but a
    keyed hash of it is remembered. Replies are not stored, so there are none to erase. To do it twice does no harm.
    """
    if unique_identifier.startswith("@") or not unique_identifier.strip():
        raise CommenterError(
            "A commenter is told by the value of the column unique_identifier, not by a username, which may change. "
            "Look it up in tiktok_organic_videos_comments, and give it whole."
        )
    store = open_accounts(Settings.load())
    pseudonyms = store.commenters.pseudonyms()
    (identifier,) = convert(ColumnType.TEXT, [unique_identifier]).array.to_pylist()
    pseudonym = pseudonyms.of_stored(IDENTIFIER, identifier)
    is_new = store.commenters.forget(pseudonym)  # before anything is erased: whoever writes after that leaves it out
    click.echo(f"This commenter's comments {'are left out from now on' if is_new else 'were left out already'}.")
    with open_warehouse(Settings.load()).session() as session:
        prepare_warehouse(session)
        accounts = {account.business_id for account in store.accounts()} | {*commented_accounts(session)}
        erased = {
            business_id: erase(
                session, business_id, lambda stored: pseudonyms.of_stored(IDENTIFIER, stored) == pseudonym
            )
            for business_id in sorted(accounts)
        }
        names = _names(session, store, list(erased))
    found = [(names.get(business_id, business_id), number) for business_id, number in erased.items() if number]
    if found:
        print_table(("account", "comments erased"), [(name, f"{number:,}") for name, number in found])
    else:
        click.echo("No stored comment has this unique_identifier.")
    click.echo(
        "Backups, and what the database itself still holds of erased rows, are not reached: see docs/operations.md, "
        "Erasing a commenter."
    )


def _names(session: Session, store: AccountStore, business_ids: Sequence[str]) -> dict[str, str]:
    """The accounts' names by business_id, also of those that are connected no more."""
    from tiktok_organic_dagster.readings.base import newest_usernames  # noqa: PLC0415 -- Pandera, that no other command needs

    stored = newest_usernames(session, business_ids, store.clock().date())
    return {
        business_id: f"@{name}"
        for business_id, name in {**stored, **{a.business_id: a.username for a in store.accounts()}}.items()
    }
