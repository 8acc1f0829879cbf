"""Single ticks of schedules and sensors, and the runs that they ask for, carried out within this process."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import time_machine
from dagster import (
    DagsterInstance,
    ExecuteInProcessResult,
    RunRequest,
    build_schedule_context,
    build_sensor_context,
)

from tiktok_organic_dagster.resources import TikTokResource, WarehouseResource
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.orchestration.runs import code_location

FIRST_TAG = "dagster/asset_partition_range_start"
LAST_TAG = "dagster/asset_partition_range_end"

NEW = "new_account"
MISSED = "missed_readings"
READINGS = "daily_readings"
METRICS = "account_metrics_refresh"
READING_STEPS = ["account", "comments", "videos"]


def ids(deployment: Deployment, *indexes: int) -> list[str]:
    """The `_business_id`s of some accounts, as `Asked.accounts` orders them."""
    return sorted(deployment.business_id(index) for index in indexes)


def move_to(clock: time_machine.Traveller, hour: int, minute: int, day: date) -> None:
    """Go to a time of a day."""
    clock.move_to(datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC))


@dataclass(frozen=True)
class Asked:
    """What a tick asks for."""

    requests: Sequence[RunRequest]
    why_not: str
    cursor: str | None = None

    @property
    def days(self) -> list[tuple[date, date]]:
        """The first and the last day of each run."""
        return [
            (date.fromisoformat(each.tags[FIRST_TAG]), date.fromisoformat(each.tags[LAST_TAG]))
            for each in self.requests
        ]

    @property
    def accounts(self) -> list[dict[str, list[str]]]:
        """The accounts of each run by step, in order; empty if it is told none, and reads all."""
        return [
            {step: sorted(op["config"]["accounts"]) for step, op in (each.run_config or {}).get("ops", {}).items()}
            for each in self.requests
        ]


def schedule_tick(instance: DagsterInstance, name: str, day: date, hour: int = 5) -> Asked:
    """Evaluate the tick of a schedule for a day, at whatever time it is."""
    repository = code_location().get_repository_def()
    context = build_schedule_context(
        instance=instance,
        scheduled_execution_time=datetime.combine(day, time(hour), UTC),
        repository_def=repository,
        resources={"tiktok": TikTokResource(), "warehouse": WarehouseResource()},
    )
    with context:
        found = repository.get_schedule_def(name).evaluate_tick(context)
    return Asked(found.run_requests or [], found.skip_message or "")


def sensor_tick(instance: DagsterInstance, name: str, cursor: str | None = None) -> Asked:
    """Evaluate a sensor once."""
    repository = code_location().get_repository_def()
    context = build_sensor_context(
        instance=instance,
        cursor=cursor,
        repository_def=repository,
        resources={"tiktok": TikTokResource(), "warehouse": WarehouseResource()},
    )
    with context:
        found = repository.get_sensor_def(name).evaluate_tick(context)
    return Asked(found.run_requests or [], found.skip_message or "", found.cursor)


def carry_out(instance: DagsterInstance, request: RunRequest, job: str) -> ExecuteInProcessResult:
    """Carry out a run as it was asked for."""
    repository = code_location().get_repository_def()
    whole = repository.get_job(request.job_name or job)
    selected = whole.get_subset(  # as the daemon does it
        asset_selection=set(request.asset_selection) if request.asset_selection else None,
        asset_check_selection=None if request.asset_check_keys is None else set(request.asset_check_keys),
    )
    return selected.execute_in_process(
        instance=instance,
        run_config={**request.run_config, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        tags=request.tags,
        raise_on_error=False,
    )
