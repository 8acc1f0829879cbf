"""The commands `accounts`, `check` and `disconnect`: what is connected, whether it can be read, and its end."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from tiktok_organic_dagster.accounts import Account, AccountStore, open_accounts, open_client, open_oauth, open_reader
from tiktok_organic_dagster.accounts.account import StepStatus, days_until
from tiktok_organic_dagster.accounts.preflight import Requirement, read_facts, requirements
from tiktok_organic_dagster.errors import TikTokOrganicError, UnknownAccountError
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.tables import ALL_SCOPES
from tiktok_organic_dagster.terminal import print_json, print_requirements, print_table, waits_told
from tiktok_organic_dagster.tiktok.client import TikTokClient
from tiktok_organic_dagster.tiktok.errors import ReauthorizationError, clean
from tiktok_organic_dagster.tiktok.oauth import ALREADY_REVOKED, OAuthClient

NAMES_MAY_BEGIN_WITH_A_HYPHEN = {"ignore_unknown_options": True}  # a business_id often does


class RequirementsError(TikTokOrganicError):
    """An account does not meet the requirements, or could not be checked."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def accounts(as_json: bool) -> None:  # noqa: FBT001 -- an option
    """List the connected accounts."""
    store = open_accounts(Settings.load())
    found = [_described(account, store) for account in store.accounts()]
    if as_json:
        print_json(found)
    elif found:
        columns = ("username", "business_id", "scopes", "days left", "last complete reading", "last error")
        print_table(columns, [_row(entry) for entry in found], unbroken=("username", "business_id"))
    else:
        click.echo(f"No account is connected in {store.place}. Connect one: tiktok-organic connect")


@click.command(context_settings=NAMES_MAY_BEGIN_WITH_A_HYPHEN)
@click.argument("account", required=False)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def check(context: click.Context, account: str | None, as_json: bool) -> None:  # noqa: FBT001 -- an option
    """Check whether ACCOUNT, or every connected one, meets the five requirements; exit status 1 if not."""
    settings = Settings.load()
    store = open_accounts(settings)
    chosen = [store.find(account)] if account else store.accounts()
    if not chosen:
        raise UnknownAccountError(f"No account is connected in {store.place}. Connect one: tiktok-organic connect")
    client = open_client(settings, store, on_wait=waits_told(store.clock))
    oauth = open_oauth(settings, client)
    results: list[dict[str, Any]] = []
    for one in chosen:
        if not as_json:
            click.echo(f"@{clean(one.username)}")
        found, error = _checked(one, store, client, oauth)
        results.append(_result(one, found, error))
        if not as_json:
            print_requirements(found)
            if error:
                click.echo(clean(error), err=True)
    if as_json:
        print_json(results)
    if not all(result["met"] for result in results):
        context.exit(1)


@click.command(context_settings=NAMES_MAY_BEGIN_WITH_A_HYPHEN)
@click.argument("account")
@click.option("--force", is_flag=True, help="Forget the tokens even if TikTok does not confirm the end.")
def disconnect(account: str, force: bool) -> None:  # noqa: FBT001 -- an option
    """End the authorization of ACCOUNT at TikTok and forget its tokens; rows that were loaded stay."""
    settings = Settings.load()
    store = open_accounts(settings)
    found = store.find(account)
    try:
        _revoke(found, store, open_oauth(settings, open_client(settings, store, on_wait=waits_told(store.clock))))
    except TikTokOrganicError as error:
        if not force:
            raise RequirementsError(
                f"{str(error).rstrip('.')}. The tokens were kept; to forget them all the same: "
                f"tiktok-organic disconnect {clean(account)} --force"
            ) from error
        click.echo(f"Warning: TikTok did not confirm: {clean(str(error))}", err=True)
    store.forget(found.business_id)
    click.echo(f"Disconnected @{clean(found.username)}. Its rows stay in the warehouse.")


def _revoke(account: Account, store: AccountStore, oauth: OAuthClient) -> None:
    """Revoke at TikTok; an authorization that has ended already is as good as revoked."""
    tokens = store.tokens(account.business_id, oauth)
    try:
        token = tokens.access_token()
        try:
            oauth.revoke(token, account.business_id)
        except ReauthorizationError:
            # Expired or outdated is not revoked: only a refused refresh, or a fresh token refused, tells.
            oauth.revoke(tokens.refused(token), account.business_id)
    except ReauthorizationError as error:
        ended = store.pair(account.business_id).needs_authorization is not None
        if not ended and error.code not in ALREADY_REVOKED:
            raise


def _checked(
    account: Account, store: AccountStore, client: TikTokClient, oauth: OAuthClient
) -> tuple[list[Requirement], str | None]:
    """An account's requirements, or why they could not be read."""
    try:
        reader = open_reader(account, store, client, oauth)
        facts = read_facts(reader, account.scopes, store.clock().date())
    except TikTokOrganicError as error:
        return [], str(error)
    return requirements(facts, account.username), None


def _all_met(found: list[Requirement], error: str | None) -> bool:
    return error is None and all(requirement.met for requirement in found)


def _result(account: Account, found: list[Requirement], error: str | None) -> dict[str, Any]:
    return {
        "username": account.username,
        "business_id": account.business_id,
        "met": _all_met(found, error),
        "requirements": [asdict(requirement) for requirement in found],
        "error": error,
    }


def _described(account: Account, store: AccountStore) -> dict[str, Any]:
    """An account as `accounts --json` shows it."""
    status = store.status(account.business_id)
    expires = account.refresh_expires_at
    return {
        "username": account.username,
        "business_id": account.business_id,
        "scopes": sorted(account.scopes),
        "days_until_re_authorization": None if expires is None else days_until(expires, store.clock()),
        "last_complete_reading_per_step": {step: _text(found.last_complete) for step, found in status.items()},
        "last_error": _last_error(status),
        "needs_authorization": account.needs_authorization,
    }


def _last_error(status: dict[str, StepStatus]) -> dict[str, Any] | None:
    """The newest error, of whichever step."""
    errors = [(found.last_error_at, step, found) for step, found in status.items() if found.last_error_at is not None]
    if not errors:
        return None
    at, step, found = max(errors, key=lambda entry: entry[0])
    return {"step": step, "text": found.last_error, "at": _text(at), "solved": not found.failing}


def _row(entry: dict[str, Any]) -> tuple[object, ...]:
    complete = [f"{step} {_short(at)}" for step, at in entry["last_complete_reading_per_step"].items() if at]
    error = entry["last_error"]
    problem = f"{error['step']}: {error['text']}" if error and not error["solved"] else ""
    days = entry["days_until_re_authorization"]
    return (
        f"@{entry['username']}",
        entry["business_id"],
        f"{len(entry['scopes'])} of {len(ALL_SCOPES)}",
        "?" if days is None else days,
        complete or "none yet",
        entry["needs_authorization"] or problem or "none",
    )


def _short(at: str) -> str:
    """A moment to look at: `2026-11-23 12:00`."""
    return at[:16].replace("T", " ")


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
