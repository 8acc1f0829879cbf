"""The sensor `missed_readings`: tries again what is missing of today, and goes on with comments left over."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

from dagster import (
    AssetCheckKey,
    AssetKey,
    DefaultSensorStatus,
    RunRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    sensor,
)

from tiktok_organic_dagster.accounts.account import Account, StepStatus
from tiktok_organic_dagster.assets.specs import ACCOUNTS_CHECK, SCHEMA_CHECK
from tiktok_organic_dagster.automation.jobs import DAILY_READINGS, READING_STEPS, for_accounts
from tiktok_organic_dagster.automation.looking import (
    RunUnderWay,
    account_store,
    in_runs,
    look_at_gaps,
    look_at_readings,
    nobody_connected,
    range_tags,
    runs_under_way,
    utc_now,
)
from tiktok_organic_dagster.automation.schedules import LOADING_HOUR
from tiktok_organic_dagster.gaps import Gaps
from tiktok_organic_dagster.ledger import State
from tiktok_organic_dagster.readings.progress import counted
from tiktok_organic_dagster.resources import TikTokResource, WarehouseResource
from tiktok_organic_dagster.tables import ACCOUNT_TABLES, COMMENT_TABLES, COMMENTS, VIDEO_TABLES
from tiktok_organic_dagster.warehouse import WarehouseError

LOOKS_EVERY_S = 300
PAUSES = (
    timedelta(minutes=15),
    timedelta(minutes=45),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=9),
)
"""Before each attempt of a day, counted from the one before; the first from the hour of the daily schedule, or from the
moment of connecting: until then an account is that of the sensor `new_account`."""


@dataclass(frozen=True)
class Attempts:
    """What was tried for an account on a day.

    Attributes:
        count: How often, since something of comments left over was last read.
        last: When last (epoch seconds).
    """

    count: int
    last: float


@dataclass
class Memory:
    """The sensor's cursor: the day, and what was tried on it, by `_business_id`."""

    day: str = ""
    attempts: dict[str, Attempts] = field(default_factory=dict[str, Attempts])

    @classmethod
    def of(cls, cursor: str | None, today: date) -> "Memory":
        """What the cursor holds of today; nothing if it is of another day, or none of ours."""
        try:
            found: Any = json.loads(cursor or "{}")
            if found["day"] == today.isoformat():
                return cls(found["day"], {name: Attempts(**tried) for name, tried in found["attempts"].items()})
        except (ValueError, KeyError, TypeError, AttributeError):
            pass
        return cls(today.isoformat())

    def __str__(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Missed:
    """What is missing of today's readings.

    Attributes:
        readings: Accounts whose profile or videos, and perhaps comments, are missing.
        comments: Accounts of which the comments alone are missing.
        left_over: Accounts whose comments were read in part, without a failure since.
        refused: Accounts that cannot be read until their owner connects them again.
    """

    readings: Sequence[Account]
    comments: Sequence[Account]
    left_over: Sequence[Account]
    refused: Sequence[Account]


def missed_readings() -> SensorDefinition:
    """The sensor; its cursor holds what was tried today."""

    @sensor(
        name="missed_readings",
        job_name=DAILY_READINGS,
        minimum_interval_seconds=LOOKS_EVERY_S,
        default_status=DefaultSensorStatus.RUNNING,
        description=f"Tries again, up to {len(PAUSES)} times a day and with growing pauses, what is missing of today's "
        "readings, and goes on with comments that a run had no time for, as long as that gets on.",
    )
    def missed_readings_sensor(
        context: SensorEvaluationContext, tiktok: TikTokResource, warehouse: WarehouseResource
    ) -> Iterator[RunRequest | SkipReason]:
        now = utc_now()
        due = now.replace(hour=LOADING_HOUR, minute=0, second=0, microsecond=0)
        with account_store(tiktok) as store:
            accounts = store.accounts()
            if not accounts:
                yield nobody_connected(store)
                return
            if now < due + PAUSES[0]:
                yield SkipReason(
                    f"The reading of {now.date()} is taken at {due:%H:%M} UTC; what is missing of it is tried again "
                    f"from {due + PAUSES[0]:%H:%M} on."
                )
                return
            statuses = store.statuses()
            busy = being_read(accounts, runs_under_way(context.instance, [DAILY_READINGS], now.date()), statuses)
            free = [account for account in accounts if account.business_id not in busy]
            if not free:
                yield SkipReason(f"A run of {DAILY_READINGS} is under way.")
                return
            try:
                gaps = look_at_gaps(store, warehouse, free, now.date(), READING_STEPS)
                read_at = look_at_readings(warehouse, COMMENTS, now.date())
            except WarehouseError as error:
                yield SkipReason(f"The ledger cannot be read now, the next tick looks again: {error}")
                return
        failing = {
            business_id
            for (business_id, step), status in statuses.items()
            if step == "comments" and status.failing and not _was_read_since(status.last_error_at, read_at, business_id)
        }
        memory = Memory.of(context.cursor, now.date())
        yield from _again(missed(gaps, failing), read_at, memory, now, due, len(free))
        context.update_cursor(str(memory))

    return missed_readings_sensor


def being_read(
    accounts: Sequence[Account],
    runs: Sequence[RunUnderWay],
    statuses: Mapping[tuple[str, str], StepStatus],
) -> set[str]:
    """The `_business_id`s of accounts that a run is at; without those of which a step has failed in that run."""

    def has_failed(account: Account, run: RunUnderWay) -> bool:
        found = [statuses.get((account.business_id, step)) for step in READING_STEPS]
        return any(
            status is not None and status.failing and (status.last_error_at or run.begun) > run.begun
            for status in found
        )

    return {
        account.business_id
        for account in accounts
        if any(run.covers(account) and not has_failed(account, run) for run in runs)
    }


def missed(gaps: Gaps, comments_failing: set[str]) -> Missed:
    """What is missing of today's readings, by the ledger.

    Args:
        gaps: The ledger of today.
        comments_failing: The `_business_id`s of accounts of which no comments were read since they failed.
    """
    readings: list[Account] = []
    comments: list[Account] = []
    left_over: list[Account] = []
    refused: list[Account] = []
    for account in gaps.accounts:
        spans = {table: gaps.on(account, table, gaps.today) for tables in _TABLES for table in tables}
        absent = {table for table, span in spans.items() if span is not None and span.state is State.MISSING}
        of_comments = spans[COMMENTS]
        in_part = of_comments is not None and of_comments.read_in_part
        if not absent and not in_part:
            continue
        if account.needs_authorization is not None:
            refused.append(account)
        elif absent - {COMMENTS}:
            readings.append(account)
        elif absent or account.business_id in comments_failing:
            comments.append(account)
        else:
            left_over.append(account)
    return Missed(readings, comments, left_over, refused)


_TABLES = (ACCOUNT_TABLES, VIDEO_TABLES, COMMENT_TABLES)


def is_due(attempts: Attempts | None, now: datetime, begun: datetime) -> bool:
    """Whether it is time to try an account again, whose reading should have begun at a moment of today."""
    if attempts is None:
        return now >= begun + PAUSES[0]
    return attempts.count < len(PAUSES) and now.timestamp() >= attempts.last + PAUSES[attempts.count].total_seconds()


def gets_on(attempts: Attempts | None, read_at: datetime | None) -> bool:
    """Whether something was read since the last attempt, so that the next one need not wait."""
    return attempts is None or (read_at is not None and read_at.timestamp() > attempts.last)


def _was_read_since(moment: datetime | None, read_at: Mapping[str, datetime], business_id: str) -> bool:
    return moment is not None and business_id in read_at and read_at[business_id] > moment


def _again(
    missed: Missed,
    read_at: Mapping[str, datetime],
    memory: Memory,
    now: datetime,
    scheduled: datetime,
    connected: int,
) -> Iterator[RunRequest | SkipReason]:
    """The runs that are due now, or why there is none."""

    def go_on(account: Account) -> bool:
        return gets_on(memory.attempts.get(account.business_id), read_at.get(account.business_id))

    def due(accounts: Sequence[Account]) -> list[Account]:
        return [
            each
            for each in accounts
            if is_due(memory.attempts.get(each.business_id), now, max(scheduled, each.connected_at))
        ]

    going_on = [account for account in missed.left_over if go_on(account)]
    standing_still = [account for account in missed.left_over if not go_on(account)]
    readings, comments = due(missed.readings), due([*missed.comments, *standing_still])
    for account in (*readings, *comments):
        before = memory.attempts.get(account.business_id, Attempts(0, 0))
        memory.attempts[account.business_id] = Attempts(before.count + 1, now.timestamp())
    for account in going_on:
        memory.attempts[account.business_id] = Attempts(0, now.timestamp())
    requests = [*_requests(readings, READING_STEPS, now), *_requests([*comments, *going_on], ["comments"], now)]
    if requests:
        yield from requests
    else:
        yield SkipReason(_nothing_due(missed, connected))


def _requests(accounts: Sequence[Account], steps: Sequence[str], now: datetime) -> Iterator[RunRequest]:
    if not accounts:
        return
    today = now.date()
    key = AssetKey(COMMENTS.name)
    for _, part in in_runs(accounts):
        business_ids = part or sorted(account.business_id for account in accounts)
        name = sha256(" ".join(business_ids).encode()).hexdigest()[:16]
        yield RunRequest(
            run_key=f"missed {now.isoformat(timespec='seconds')} {' '.join(steps)} {name}",
            run_config=for_accounts(steps, business_ids),
            tags=range_tags(today, today),
            asset_selection=[key] if steps == ["comments"] else None,
            asset_check_keys=[*_checks_of(key)] if steps == ["comments"] else None,
        )


def _checks_of(key: AssetKey) -> Iterator[AssetCheckKey]:
    """The checks made while a table is loaded; if none is named, Dagster adds those that look into the warehouse."""
    for name in (SCHEMA_CHECK, ACCOUNTS_CHECK):
        yield AssetCheckKey(key, name)


def _nothing_due(missed: Missed, connected: int) -> str:
    waiting = len(missed.readings) + len(missed.comments) + len(missed.left_over)
    if waiting == 0 and not missed.refused:
        return f"Nothing is missing today: {counted(connected, 'account', 'accounts')} read."
    parts: list[str] = []
    if waiting:
        wait = counted(waiting, "account waits", "accounts wait")
        parts.append(f"{wait} for the next attempt, or had all {len(PAUSES)} of the day")
    if missed.refused:
        parts.append(f"{counted(len(missed.refused), 'account', 'accounts')} must be connected again by the owner")
    return f"{'; '.join(parts)}."
