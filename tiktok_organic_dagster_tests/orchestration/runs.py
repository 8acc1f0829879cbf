"""Runs of the code location within this process, and what they left behind."""

import importlib
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from dagster import (
    AssetCheckEvaluation,
    AssetKey,
    DagsterEventType,
    DagsterInstance,
    Definitions,
    ExecuteInProcessResult,
    RetryPolicy,
    define_asset_job,
)

from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster_tests.orchestration.dagster_in_process import MODULE

ACCOUNT = "tiktok_organic_account"
METRICS = "tiktok_organic_account_metrics"
ACTIVITY = "tiktok_organic_account_metrics_audience_activity"
VIDEOS = "tiktok_organic_videos"
BREAKDOWNS = tuple(
    f"{VIDEOS}_{name}"
    for name in (
        "impression_sources", "engagement_likes", "audience_types", "audience_countries", "audience_cities",
        "video_view_retention", "audience_genders",
    )
)  # fmt: skip
COMMENTS = "tiktok_organic_videos_comments"
METRIC_TABLES = (METRICS, ACTIVITY)
VIDEO_TABLES = (VIDEOS, *BREAKDOWNS)
ALL_TABLES = (ACCOUNT, *METRIC_TABLES, *VIDEO_TABLES, COMMENTS)


def code_location() -> Definitions:
    """What the settings of this moment describe; made anew if they are no longer those of the last time."""
    return _described_by(Settings.load())


@lru_cache(maxsize=1)
def _described_by(settings: Settings) -> Definitions:
    return importlib.import_module(MODULE).definitions(settings)


class Run:
    """A finished run of some tables for some days, which may retry each step twice.

    Args:
        instance: Dagster's storage.
        tables: What to materialize.
        first: The first day.
        last: The last day; the first if none is given.
        config: Of each op: `{"videos": {"accounts": ["name"]}}`.
    """

    def __init__(
        self,
        instance: DagsterInstance,
        tables: Sequence[str],
        first: date,
        last: date | None = None,
        config: dict[str, dict[str, Any]] | None = None,
    ) -> None:
        job = define_asset_job("of_this_test", list(tables), op_retry_policy=RetryPolicy(max_retries=2))
        location = Definitions.merge(code_location(), Definitions(jobs=[job]))
        self._result: ExecuteInProcessResult = location.resolve_job_def("of_this_test").execute_in_process(
            instance=instance,
            raise_on_error=False,
            run_config={
                "ops": {op: {"config": of_op} for op, of_op in (config or {}).items()},
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
            tags={
                "dagster/asset_partition_range_start": first.isoformat(),
                "dagster/asset_partition_range_end": (last or first).isoformat(),
            },
        )
        self.id = self._result.run_id
        self.succeeded = self._result.success
        self._instance = instance

    @property
    def failures(self) -> dict[str, str]:
        """What each failed step says."""
        return {
            str(event.step_key): str(event.step_failure_data.user_failure_data.description)
            if event.step_failure_data.user_failure_data
            else str(event.step_failure_data.error)
            for event in self._result.get_step_failure_events()
        }

    @property
    def was_retried(self) -> bool:
        return any(event.event_type is DagsterEventType.STEP_UP_FOR_RETRY for event in self._result.all_events)

    @property
    def log(self) -> list[str]:
        """What the steps logged."""
        return [
            entry.user_message
            for entry in self._instance.all_logs(self.id)
            if entry.dagster_event is None and entry.step_key is not None
        ]

    def check(self, table: str, name: str) -> AssetCheckEvaluation:
        """The last result of one check of a table."""
        return [
            result
            for result in self._result.get_asset_check_evaluations()
            if result.asset_key == AssetKey(table) and result.check_name == name
        ][-1]

    def metadata(self, table: str, day: date) -> dict[str, Any]:
        """What is shown with the materialization of one partition."""
        (found,) = [
            event.step_materialization_data.materialization
            for event in self._result.all_events
            if event.is_step_materialization
            and event.asset_key == AssetKey(table)
            and event.partition == day.isoformat()
        ]
        return {name: value.value for name, value in found.metadata.items()}


def marked(instance: DagsterInstance, table: str) -> list[date]:
    """The partitions of a table that Dagster shows as materialized, in order."""
    return sorted(map(date.fromisoformat, instance.get_materialized_partitions(AssetKey(table))))
