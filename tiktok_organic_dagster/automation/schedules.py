"""The schedules: the metrics and the readings of every day, and the checks of what is stored."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

from dagster import (
    DagsterInstance,
    DefaultScheduleStatus,
    RunRequest,
    RunsFilter,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SkipReason,
    schedule,
)

from tiktok_organic_dagster.accounts.account import Account
from tiktok_organic_dagster.accounts.store import AccountStore
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
    runs_under_way,
    utc_now,
)
from tiktok_organic_dagster.ledger import State
from tiktok_organic_dagster.resources import TikTokResource, WarehouseResource
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.warehouse import WarehouseError
from tiktok_organic_dagster.windows import BACKFILL_DAYS, ONE_DAY

LOADING_HOUR = 5
CHECKING_HOUR = 9
LAST_CHECKING_HOUR = 21
"""Hours of the day (UTC)."""
LATE_AFTER = timedelta(minutes=30)
LOADS = (DAILY_READINGS, METRICS_REFRESH)
REFRESHED_DAYS = 7
"""Days of metrics that are loaded again every day, because TikTok publishes late."""
PART_TAG = "tiktok/accounts"
SCHEDULE_NAME_TAG = "dagster/schedule_name"

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
        with account_store(tiktok) as store:
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
        start = Settings.load().start_date
        with account_store(tiktok) as store:
            accounts = store.accounts()
            if not accounts:
                yield nobody_connected(store)
                return
            if day < utc_now().date():
                yield SkipReason(
                    f"This tick of {day} comes late: the tick of today loads the same days, and newer ones."
                )
                return
            if start >= day:
                yield SkipReason(
                    f"The first partition is {start}, and there are no metrics of a day before it has ended."
                )
                return
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
        cron_schedule=f"0 {CHECKING_HOUR}-{LAST_CHECKING_HOUR}/3 * * *",
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING,
        description="Looks once a day whether the warehouse is as new and as whole as it can be, also when nothing was "
        f"loaded: at {CHECKING_HOUR:02}:00 UTC, or up to 12 hours later, once no load is under way.",
    )
    def warehouse_checks(context: ScheduleEvaluationContext, tiktok: TikTokResource) -> Tick:
        scheduled = context.scheduled_execution_time.astimezone(UTC)
        with account_store(tiktok) as store:
            if not store.accounts():
                yield nobody_connected(store)
                return
        if utc_now() - scheduled > LATE_AFTER:
            # After an outage, it would look before the loads that make up for it.
            yield SkipReason(f"This tick of {scheduled:%Y-%m-%d %H:%M} comes late: the next one looks at the same.")
        elif _was_asked_for(context.instance, scheduled):
            yield SkipReason(f"The checks of {scheduled.date()} were made already.")
        elif scheduled.hour < LAST_CHECKING_HOUR and runs_under_way(context.instance, LOADS, scheduled.date()):
            yield SkipReason("A load is under way: the tick in three hours looks at what it brings.")
        else:
            yield RunRequest()

    return warehouse_checks


def _was_asked_for(instance: DagsterInstance, scheduled: datetime) -> bool:
    """Whether an earlier tick of the day asked for the checks."""
    midnight = scheduled.replace(hour=0, minute=0, second=0, microsecond=0)
    of_today = RunsFilter(job_name=WAREHOUSE_CHECKS, tags={SCHEDULE_NAME_TAG: WAREHOUSE_CHECKS}, created_after=midnight)
    return bool(instance.get_run_ids(of_today, limit=1))


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
