"""The sensor `new_account`: an account just connected gets its 58 days of metrics and today's reading at once."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from hashlib import sha256

from dagster import DefaultSensorStatus, RunRequest, SensorDefinition, SensorEvaluationContext, SkipReason, sensor
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from tiktok_organic_dagster.accounts.account import Account
from tiktok_organic_dagster.accounts.store import AccountStore
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
from tiktok_organic_dagster.tables import ACCOUNT_TABLES, METRIC_TABLES
from tiktok_organic_dagster.warehouse import WarehouseError
from tiktok_organic_dagster.windows import BACKFILL_DAYS, ONE_DAY

LOOKS_EVERY_S = 60
ACCOUNT_STEP = "account"


def new_account(jobs: Sequence[UnresolvedAssetJobDefinition]) -> SensorDefinition:
    """The sensor; its cursor holds the accounts that it has seen, each with the moment of its owner's consent.

    Args:
        jobs: The two that load: readings and metrics.
    """

    @sensor(
        name="new_account",
        jobs=jobs,
        minimum_interval_seconds=LOOKS_EVERY_S,
        default_status=DefaultSensorStatus.RUNNING,
        description=f"Loads {BACKFILL_DAYS} days of metrics and today's reading for an account as soon as it is "
        "connected, and the metrics that are missing of one that was connected again.",
    )
    def new_account_sensor(
        context: SensorEvaluationContext, tiktok: TikTokResource, warehouse: WarehouseResource
    ) -> Iterator[RunRequest | SkipReason]:
        today = utc_now().date()
        with account_store(tiktok) as store:
            accounts = store.accounts()
            if not accounts:
                yield nobody_connected(store)
                return
            seen = _seen(context.cursor)
            unseen = [account for account in accounts if seen.get(account.business_id) != _authorized(account)]
            try:
                lacking = _what_they_lack(store, warehouse, unseen, today)
            except WarehouseError as error:
                yield SkipReason(f"The ledger cannot be read now, the next tick looks again: {error}")
                return
        context.update_cursor(json.dumps({account.business_id: _authorized(account) for account in accounts}))
        if not (lacking.metrics or lacking.readings):
            yield SkipReason(f"No account is new: {counted(len(accounts), 'account', 'accounts')} connected.")
            return
        start = max(Settings.load().start_date, today - BACKFILL_DAYS * ONE_DAY)
        yield from _requests(METRICS_REFRESH, [METRICS_STEP], lacking.metrics, start, today - ONE_DAY)
        yield from _requests(DAILY_READINGS, READING_STEPS, lacking.readings, today, today)

    return new_account_sensor


@dataclass(frozen=True)
class _Lacking:
    """What is to be loaded for accounts that were connected just now, by the ledger.

    Whoever loads one of the two first, such as the sensor `missed_readings`, leaves the other to be asked for.

    Attributes:
        metrics: Accounts that lack days of metrics which TikTok has.
        readings: Accounts of which nothing was read since they were connected.
    """

    metrics: Sequence[Account] = ()
    readings: Sequence[Account] = ()


def _what_they_lack(
    store: AccountStore, warehouse: WarehouseResource, accounts: Sequence[Account], today: date
) -> _Lacking:
    if not accounts:
        return _Lacking()
    gaps = look_at_gaps(store, warehouse, accounts, today, [ACCOUNT_STEP, METRICS_STEP])
    lack = {account.business_id for account, table, _ in gaps.in_state(State.MISSING) if table in METRIC_TABLES}
    read = {
        account.business_id
        for account, table, span in gaps.in_state(State.LOADED)
        if table in ACCOUNT_TABLES and span.last >= account.connected_at.astimezone(UTC).date()
    }
    return _Lacking(
        metrics=[account for account in accounts if account.business_id in lack],
        readings=[account for account in accounts if account.business_id not in read],
    )


def _requests(
    job: str, steps: Sequence[str], accounts: Sequence[Account], first: date, last: date
) -> Iterator[RunRequest]:
    if not accounts:
        return
    for _, part in in_runs(accounts):
        chosen = [account for account in accounts if not part or account.business_id in part]
        name = sha256("".join(f"{account.business_id} {_authorized(account)};" for account in chosen).encode())
        yield RunRequest(
            run_key=f"new {job} {name.hexdigest()[:16]}",
            job_name=job,
            run_config=for_accounts(steps, [account.business_id for account in chosen]),
            tags=range_tags(first, last),
        )


def _authorized(account: Account) -> str:
    return account.authorized_at.astimezone(UTC).isoformat()


def _seen(cursor: str | None) -> dict[str, str]:
    """What the cursor holds; nothing if it is none of ours."""
    try:
        found = json.loads(cursor or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
