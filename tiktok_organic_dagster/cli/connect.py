"""The command `connect`: an owner's consent becomes a stored, checked account."""

import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import click

from tiktok_organic_dagster.accounts import AccountStore, open_accounts, open_client, open_oauth
from tiktok_organic_dagster.accounts.account import Account, days_until
from tiktok_organic_dagster.accounts.preflight import (
    Requirement,
    cost_of_missing,
    read_facts,
    required_but_missing,
    requirements,
)
from tiktok_organic_dagster.accounts.redirect import code_of
from tiktok_organic_dagster.accounts.tokens import FixedToken
from tiktok_organic_dagster.errors import ConfigurationError, TikTokOrganicError
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.tables import ALL_SCOPES
from tiktok_organic_dagster.terminal import print_requirements, waits_told
from tiktok_organic_dagster.tiktok.client import AccountReader, TikTokClient
from tiktok_organic_dagster.tiktok.errors import clean, printable
from tiktok_organic_dagster.tiktok.oauth import OAuthClient, TokenGrant

STATE_BYTES = 24
STATE_LIFE = timedelta(days=1)  # owner and operator may sit at different desks


class ConnectError(TikTokOrganicError):
    """An account is not accepted; nothing was stored, and the text says why."""


@dataclass(frozen=True)
class Candidate:
    """An account just authorized, not stored yet."""

    grant: TokenGrant
    username: str
    display_name: str


@click.command()
@click.option("--expect", metavar="@NAME", help="Refuse if another account than this one was authorized.")
@click.option("--replace", "replacing", is_flag=True, help="Let a known @ that comes with a new business_id take over.")
@click.option("--strict", is_flag=True, help="Refuse an account that does not meet all requirements.")
def connect(expect: str | None, replacing: bool, strict: bool) -> None:  # noqa: FBT001 -- options
    """Connect a TikTok account: print the address its owner opens, read the address it leads to, store the account."""
    settings = Settings.load()
    redirect_uri = _redirect_uri(settings)
    store = open_accounts(settings)
    client = open_client(settings, store, on_wait=waits_told(store.clock))
    oauth = open_oauth(settings, client)

    candidate, reader = _authorize(oauth, client, redirect_uri, store.clock)
    known = _namesake(store, candidate)
    _refuse_other(candidate, expect)
    if known is not None and not replacing:
        raise ConnectError(
            f"@{clean(candidate.username)} is connected already under another business_id, as a new developer app "
            "gives it. To let the new one take over, in all tables too, run: tiktok-organic connect --replace. "
            "Nothing was stored."
        )
    _warn_of_missing_scopes(candidate.grant)
    facts = read_facts(reader, candidate.grant.scopes, store.clock().date())
    unmet = _show(requirements(facts, expect or candidate.username))
    if unmet and strict:
        raise ConnectError(
            f"{len(unmet)} of the requirements are not met, and --strict was given. Nothing was stored; meet them, or "
            "connect without --strict."
        )
    stored = _store(settings, store, oauth, candidate, known)
    click.echo(f"Connected @{clean(stored.username)}{_until(stored, store)}. See it: tiktok-organic accounts")


def _redirect_uri(settings: Settings) -> str:
    """The redirect URI, once all three variables of the user's TikTok app are set."""
    for variable, value in (
        ("TIKTOK_CLIENT_ID", settings.client_id),
        ("TIKTOK_CLIENT_SECRET", settings.client_secret),
        ("TIKTOK_REDIRECT_URI", settings.redirect_uri),
    ):
        if not value:
            raise ConfigurationError(
                f"{variable} is not set. Set it in the environment or in .env to that of your app in TikTok's portal."
            )
    return settings.redirect_uri or ""


def _authorize(
    oauth: OAuthClient, client: TikTokClient, redirect_uri: str, clock: Callable[[], datetime]
) -> tuple[Candidate, AccountReader]:
    """Let the owner consent, and see who it was and what was granted.

    What proves that the answer belongs to this question lives in this process alone: for one answer, and for a day.
    """
    state = secrets.token_urlsafe(STATE_BYTES)
    asked_at = clock()
    click.echo("Open this address in a browser where the account's owner is logged in to TikTok:")
    click.echo(oauth.authorize_url(redirect_uri, state, ALL_SCOPES))
    click.echo("Then paste the address that the browser was redirected to, and press Enter:")
    sys.stdout.flush()
    pasted = _first_line(sys.stdin.readline)
    if clock() - asked_at > STATE_LIFE:
        raise ConnectError("The address to open was printed more than a day ago. Nothing was stored; run it again.")
    code = code_of(pasted, redirect_uri, state)
    grant = oauth.exchange_code(code, redirect_uri)
    owner, scopes = oauth.token_info(grant.access_token, grant.business_id)
    if owner and owner != grant.business_id:
        raise ConnectError(
            "TikTok names another account for the token than it granted it to. Nothing was stored; run it again."
        )
    missing = required_but_missing(scopes)
    if missing:
        raise ConnectError(
            f"The owner did not grant {', '.join(missing)}, without which nothing can be read. Nothing was stored; "
            "run tiktok-organic connect again and leave all boxes ticked."
        )
    reader = client.reader(grant.business_id, oauth.client_id or "", FixedToken(grant.access_token))
    profile = reader.profile(["username", "display_name"])
    named = profile.get("username")
    username = printable(named).removeprefix("@") if isinstance(named, str) else ""
    if not username:
        raise ConnectError("TikTok did not tell the account's username. Nothing was stored; run it again.")
    display_name = str(profile.get("display_name") or "")
    click.echo(f"Authorized: @{clean(username)} ({clean(display_name)})")
    return Candidate(replace(grant, scopes=scopes), username, display_name), reader


def _first_line(readline: Callable[[], str]) -> str:
    """The first line that is not empty; empty at the end of the input."""
    while line := readline():
        if line.strip():
            return line
    return ""


def _refuse_other(candidate: Candidate, expect: str | None) -> None:
    wanted = (expect or candidate.username).strip().removeprefix("@")
    if wanted.casefold() != candidate.username.casefold():
        raise ConnectError(
            f"@{clean(candidate.username)} was authorized, not @{clean(wanted)}. Nothing was stored; log in to TikTok "
            f"as @{clean(wanted)} and run tiktok-organic connect again."
        )


def _namesake(store: AccountStore, candidate: Candidate) -> Account | None:
    """A stored account of the same name under another business_id."""
    for account in store.accounts():
        same_name = account.username.casefold() == candidate.username.casefold()
        if same_name and account.business_id != candidate.grant.business_id:
            return account
    return None


def _warn_of_missing_scopes(grant: TokenGrant) -> None:
    for scope, cost in cost_of_missing(grant.scopes).items():
        click.echo(f"Warning: the scope {scope} was not granted; empty stays: {cost}")


def _show(found: list[Requirement]) -> list[Requirement]:
    print_requirements(found)
    unmet = [requirement for requirement in found if not requirement.met]
    if unmet:
        click.echo("Warning: what is not met costs data; the rest is read all the same.")
    return unmet


def _store(
    settings: Settings, store: AccountStore, oauth: OAuthClient, candidate: Candidate, known: Account | None
) -> Account:
    """Store the account; where it takes over from an older business_id, its rows first."""
    labels = (candidate.username, oauth.client_id or "", oauth.api_url)
    if known is None:
        return store.save(candidate.grant, *labels)
    from tiktok_organic_dagster.warehouse import WarehouseLostError, another_id, open_warehouse  # noqa: PLC0415 -- rare

    old, new = known.business_id, candidate.grant.business_id
    warehouse = open_warehouse(settings)
    try:
        another_id.rename_business_id(warehouse, old, new, before_moving=lambda: store.begin_move(old))
    except WarehouseLostError:
        raise  # the rows may have been moved: nothing may be written under the old id until this was done again
    except Exception:
        store.give_up_move(known)
        raise
    return store.rename(old, candidate.grant, *labels)


def _until(account: Account, store: AccountStore) -> str:
    if account.refresh_expires_at is None:
        return ""
    days = days_until(account.refresh_expires_at, store.clock())
    return f"; its owner has to consent again in {days} days"
