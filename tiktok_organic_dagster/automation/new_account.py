"""The sensor `new_account`: an account just connected gets its 58 days of metrics and today's reading at once."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date
from hashlib import sha256

from dagster import DefaultSensorStatus, RunRequest, SensorDefinition, SensorEvaluationContext, SkipReason, sensor
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from tiktok_organic_dagster.accounts.store import Account, AccountStore
from tiktok_organic_dagster.automation.jobs import (
    DAILY_READINGS,
    METRICS_REFRESH,
    METRICS_STEP,
    READING_STEPS,
    for_accounts,
)
from tiktok_organic_dagster.automation.looking import (
    account_store,
    in_runs,
    look_at_gaps,
    nobody_connected,
    range_tags,
    utc_now,
)
from tiktok_organic_dagster.ledger import State
from tiktok_organic_dagster.readings.progress import counted
from tiktok_organic_dagster.resources import TikTokResource, WarehouseResource
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.warehouse import WarehouseError
from tiktok_organic_dagster.windows import BACKFILL_DAYS, ONE_DAY

LOOKS_EVERY_S = 60
ACCOUNT_STEP = "account"


def new_account(jobs: Sequence[UnresolvedAssetJobDefinition]) -> SensorDefinition:
    """The sensor; its cursor holds the accounts that it has seen, each with the moment of its connection.

    Args:
        jobs: The two that load: readings and metrics.
    """

    @sensor(
        name="new_account",
        jobs=jobs,
        minimum_interval_seconds=LOOKS_EVERY_S,
        default_status=DefaultSensorStatus.RUNNING,
        description=f"Loads {BACKFILL_DAYS} days of metrics and today's reading for an account as soon as it is "
        "connected.",
    )
    def new_account_sensor(
        context: SensorEvaluationContext, tiktok: TikTokResource, warehouse: WarehouseResource
    ) -> Iterator[RunRequest | SkipReason]:
        store = account_store(tiktok)
        accounts = store.accounts()
        if not accounts:
            yield nobody_connected(store)
            return
        seen = _seen(context.cursor)
        unseen = [account for account in accounts if seen.get(account.business_id) != _connected(account)]
        try:
            new = _never_read(store, warehouse, unseen) if unseen else []
        except WarehouseError as error:
            yield SkipReason(f"The ledger cannot be read now, the next tick looks again: {error}")
            return
        context.update_cursor(json.dumps({account.business_id: _connected(account) for account in accounts}))
        if not new:
            yield SkipReason(f"No account is new: {counted(len(accounts), 'account', 'accounts')} connected.")
            return
        today = utc_now().date()
        context.log.info("New: %s", ", ".join(f"@{account.username}" for account in new))
        yield from _requests(new, today)

    return new_account_sensor


def _never_read(store: AccountStore, warehouse: WarehouseResource, accounts: Sequence[Account]) -> list[Account]:
    """The accounts of which the ledger knows no reading since they were connected."""
    gaps = look_at_gaps(store, warehouse, accounts, utc_now().date(), [ACCOUNT_STEP])
    read = {
        account.business_id
        for account, _, span in gaps.in_state(State.LOADED)
        if span.last >= account.connected_at.astimezone(UTC).date()
    }
    return [account for account in accounts if account.business_id not in read]


def _requests(new: Sequence[Account], today: date) -> Iterator[RunRequest]:
    start = max(Settings.load().start_date, today - BACKFILL_DAYS * ONE_DAY)
    jobs: list[tuple[str, Sequence[str], date, date]] = [(DAILY_READINGS, READING_STEPS, today, today)]
    if start < today:
        jobs.insert(0, (METRICS_REFRESH, [METRICS_STEP], start, today - ONE_DAY))
    for _, part in in_runs(new):
        chosen = [account for account in new if not part or account.business_id in part]
        name = sha256("".join(f"{account.business_id} {_connected(account)};" for account in chosen).encode())
        for job, steps, first, last in jobs:
            yield RunRequest(
                run_key=f"new {job} {name.hexdigest()[:16]}",
                job_name=job,
                run_config=for_accounts(steps, [account.business_id for account in chosen]),
                tags=range_tags(first, last),
            )


def _connected(account: Account) -> str:
    return account.connected_at.astimezone(UTC).isoformat()


def _seen(cursor: str | None) -> dict[str, str]:
    """What the cursor holds; nothing if it is none of ours."""
    try:
        found = json.loads(cursor or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
