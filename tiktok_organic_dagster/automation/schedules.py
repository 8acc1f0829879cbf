"""The schedules: the metrics and the readings of every day, and the checks of what is stored."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date

from dagster import (
    DefaultScheduleStatus,
    RunRequest,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SkipReason,
    schedule,
)

from tiktok_organic_dagster.accounts.store import Account, AccountStore
from tiktok_organic_dagster.automation.jobs import (
    DAILY_READINGS,
    METRICS_REFRESH,
    METRICS_STEP,
    READING_STEPS,
    WAREHOUSE_CHECKS,
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
from tiktok_organic_dagster.resources import TikTokResource, WarehouseResource
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.warehouse import WarehouseError
from tiktok_organic_dagster.windows import BACKFILL_DAYS, ONE_DAY

LOADING_HOUR = 5
CHECKING_HOUR = 9
"""Hours of the day (UTC)."""
REFRESHED_DAYS = 7
"""Days of metrics that are loaded again every day, because TikTok publishes late."""
PART_TAG = "tiktok/accounts"

Tick = Iterator[RunRequest | SkipReason]


def schedules() -> list[ScheduleDefinition]:
    """All schedules; they run by default."""
    return [_daily_readings(), _account_metrics_refresh(), _warehouse_checks()]


def _daily_readings() -> ScheduleDefinition:
    @schedule(
        name=DAILY_READINGS,
        job_name=DAILY_READINGS,
        cron_schedule=f"0 {LOADING_HOUR} * * *",
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING,
        description="Takes today's reading of every connected account, its videos and comments.",
    )
    def daily_readings(context: ScheduleEvaluationContext, tiktok: TikTokResource) -> Tick:
        day = _day_of(context)
        store = account_store(tiktok)
        accounts = store.accounts()
        if not accounts:
            yield nobody_connected(store)
        elif day < utc_now().date():
            yield SkipReason(
                f"This tick of {day} comes too late: TikTok serves no past values, so the reading of {day} can no "
                "longer be taken. The next tick takes that of its own day."
            )
        else:
            yield from _requests(READING_STEPS, accounts, day, day)

    return daily_readings


def _account_metrics_refresh() -> ScheduleDefinition:
    @schedule(
        name=METRICS_REFRESH,
        job_name=METRICS_REFRESH,
        cron_schedule=f"0 {LOADING_HOUR} * * *",
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING,
        description=f"Loads the account metrics from the oldest of the last {BACKFILL_DAYS} days that any account "
        f"lacks, and at least those of the last {REFRESHED_DAYS}, in one call for each account.",
    )
    def account_metrics_refresh(
        context: ScheduleEvaluationContext, tiktok: TikTokResource, warehouse: WarehouseResource
    ) -> Tick:
        day = _day_of(context)
        store = account_store(tiktok)
        accounts = store.accounts()
        start = Settings.load().start_date
        if not accounts:
            yield nobody_connected(store)
        elif day < utc_now().date():
            yield SkipReason(f"This tick of {day} comes late: the tick of today loads the same days, and newer ones.")
        elif start >= day:
            yield SkipReason(f"The first partition is {start}, and there are no metrics of a day before it has ended.")
        else:
            try:
                oldest = oldest_missing(store, warehouse, accounts, day)
            except WarehouseError as error:
                context.log.warning("Asking for all %s days, as the ledger cannot be read: %s", BACKFILL_DAYS, error)
                oldest = day - BACKFILL_DAYS * ONE_DAY
            first = max(start, min(oldest, day - REFRESHED_DAYS * ONE_DAY))
            yield from _requests([METRICS_STEP], accounts, first, day - ONE_DAY)

    return account_metrics_refresh


def _warehouse_checks() -> ScheduleDefinition:
    @schedule(
        name=WAREHOUSE_CHECKS,
        job_name=WAREHOUSE_CHECKS,
        cron_schedule=f"0 {CHECKING_HOUR} * * *",
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING,
        description="Looks whether the warehouse is as new and as whole as it can be, also when nothing was loaded.",
    )
    def warehouse_checks(context: ScheduleEvaluationContext, tiktok: TikTokResource) -> Tick:
        day = _day_of(context)
        store = account_store(tiktok)
        if not store.accounts():
            yield nobody_connected(store)
        elif day < utc_now().date():
            yield SkipReason(f"This tick of {day} comes late: the tick of today looks at the same.")
        else:
            yield RunRequest()

    return warehouse_checks


def oldest_missing(store: AccountStore, warehouse: WarehouseResource, accounts: Sequence[Account], day: date) -> date:
    """The oldest day of metrics that an account lacks and TikTok still has; yesterday if none does.

    An account whose owner has to connect it again cannot be asked, so it does not count until then.

    Raises:
        WarehouseError: The ledger cannot be read at this moment.
    """
    asked = [account for account in accounts if account.needs_authorization is None]
    gaps = look_at_gaps(store, warehouse, asked, day, [METRICS_STEP])
    return min((span.first for _, _, span in gaps.in_state(State.MISSING)), default=day - ONE_DAY)


def _requests(steps: Sequence[str], accounts: Sequence[Account], first: date, last: date) -> Iterator[RunRequest]:
    """A run for the days, or one for each part of the accounts."""
    for part, business_ids in in_runs(accounts):
        yield RunRequest(
            run_key=f"{first} {last} {part}".rstrip(),
            run_config=for_accounts(steps, business_ids),
            tags={**range_tags(first, last), **({PART_TAG: part} if part else {})},
        )


def _day_of(context: ScheduleEvaluationContext) -> date:
    """The UTC date that a tick is for, however late it is carried out."""
    return context.scheduled_execution_time.astimezone(UTC).date()
