"""The job `purge_old_runs`: Dagster's storage does not grow for ever, and nothing that its UI shows in green is lost.

Deleting a run takes its events along, also those by which a partition counts as loaded. So a run stays while it holds
the newest materialization of any partition, or the newest result of a check. For the readings that is one run a day,
for ever, as a day is read once; the runs of account metrics go when their last day was loaded by a later run. Of a run
that stays, only what it printed is removed: Dagster has no way to remove a part of a run's events.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dagster import (
    AssetCheckKey,
    AssetKey,
    AssetRecordsFilter,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    DefaultScheduleStatus,
    JobDefinition,
    OpExecutionContext,
    RunsFilter,
    ScheduleDefinition,
    in_process_executor,
    job,
    op,
)
from dagster._core.storage.event_log import SqliteEventLogStorage

from tiktok_organic_dagster.automation.jobs import DAILY_READINGS, METRICS_REFRESH, WAREHOUSE_CHECKS
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.tables import CATALOGUE

PURGE_OLD_RUNS = "purge_old_runs"
JOBS = frozenset({DAILY_READINGS, METRICS_REFRESH, WAREHOUSE_CHECKS, PURGE_OLD_RUNS})
FINISHED = (DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED)
AT_ONCE = 200


@dataclass(frozen=True)
class Purged:
    """What became of the old runs.

    Attributes:
        removed: Runs that are gone, with their events and logs.
        kept: Runs that something in the UI still rests on; what they printed is gone.
    """

    removed: int
    kept: int


def purge_job() -> JobDefinition:
    """The job, which removes what is older than the setting TIKTOK_ORGANIC_KEEP_RUNS_DAYS."""

    @op(description="Removes the finished runs of these tables that nothing rests on any more.")
    def remove_old_runs(context: OpExecutionContext) -> None:
        days = Settings.load().keep_runs_days
        before = datetime.now(UTC) - timedelta(days=days)
        purged = purge(context.instance, context.run, before)
        context.log.info(
            "Runs older than %s days: %s removed; %s stay, as a partition or a check rests on them.",
            days,
            purged.removed,
            purged.kept,
        )
        context.add_output_metadata({"removed runs": purged.removed, "runs that stay": purged.kept})

    # In the run's own process: what runs printed lies where Dagster is, and not where Celery's workers are.
    @job(
        name=PURGE_OLD_RUNS,
        executor_def=in_process_executor,
        description="Removes old runs of these tables from Dagster's storage, with their events and logs. What a green "
        "partition or the newest result of a check rests on stays, and so do runs under way and those of others. The "
        "warehouse is not touched.",
    )
    def purge_old_runs() -> None:
        remove_old_runs()

    return purge_old_runs


def purge_schedule() -> ScheduleDefinition:
    """Sundays, before the loads of the day."""
    return ScheduleDefinition(
        name=PURGE_OLD_RUNS,
        job_name=PURGE_OLD_RUNS,
        cron_schedule="0 3 * * 0",
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING,
        description="Keeps Dagster's storage from growing for ever.",
    )


def purge(instance: DagsterInstance, own: DagsterRun, before: datetime) -> Purged:
    """Remove the runs that nothing rests on.

    Args:
        instance: Dagster's storage.
        own: A run of this code location, by which its runs are told from those of others.
        before: Runs that were made earlier are old.
    """
    old = [run.run_id for run in _old_runs(instance, before) if _is_ours(run, own)]
    needed = _with_newest_loads(instance, before) | _with_newest_checks(instance, old)
    for run_id in old:
        instance.compute_log_manager.delete_logs(prefix=[run_id])
        if run_id not in needed:
            _delete(instance, run_id)
    return Purged(removed=len({*old} - needed), kept=len({*old} & needed))


def _asset_keys() -> set[AssetKey]:
    return {AssetKey(table.name) for table in CATALOGUE}


def _old_runs(instance: DagsterInstance, before: datetime) -> Iterator[DagsterRun]:
    """The finished runs that were made before a moment, the newest first."""
    cursor: str | None = None
    found = RunsFilter(statuses=FINISHED, created_before=before)
    while runs := instance.get_runs(found, cursor=cursor, limit=AT_ONCE):
        yield from runs
        cursor = runs[-1].run_id


def _is_ours(run: DagsterRun, own: DagsterRun) -> bool:
    """Whether a run was started from this code location, and was about our tables alone."""
    tables = _asset_keys()
    assets = {*(run.asset_selection or ()), *(check.asset_key for check in run.asset_check_selection or ())}
    about_ours = assets <= tables if assets else run.job_name in JOBS
    return about_ours and bool(_origins(run) & _origins(own))


def _origins(run: DagsterRun) -> set[str]:
    """Where a run was started from: by the name of the code location, and by its module."""
    found: set[str] = set()
    if run.remote_job_origin is not None:
        found.add(f"location {run.remote_job_origin.location_name}")
    if run.job_code_origin is not None:
        found.add(f"code {run.job_code_origin.repository_origin.code_pointer.describe()}")
    return found


def _with_newest_loads(instance: DagsterInstance, before: datetime) -> set[str]:
    """The runs that hold the newest materialization of a partition, if that is old."""
    found: set[str] = set()
    for table in _asset_keys():
        newest = instance.event_log_storage.get_latest_storage_id_by_partition(
            table, DagsterEventType.ASSET_MATERIALIZATION
        )
        ids = sorted(newest.values())
        for start in range(0, len(ids), AT_ONCE):
            some = ids[start : start + AT_ONCE]
            wanted = AssetRecordsFilter(table, storage_ids=some, before_timestamp=before.timestamp())
            found.update(event.run_id for event in instance.fetch_materializations(wanted, limit=AT_ONCE).records)
    return found


def _with_newest_checks(instance: DagsterInstance, runs: Sequence[str]) -> set[str]:
    """The runs that hold the newest result of a check, of all checks that some runs made."""
    made: set[AssetCheckKey] = set()
    for run_id in runs:
        for entry in instance.all_logs(run_id, of_type={DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED}):
            if entry.dagster_event is not None:
                planned = entry.dagster_event.asset_check_planned_data
                made.add(AssetCheckKey(planned.asset_key, planned.check_name))
    newest = instance.event_log_storage.get_latest_asset_check_execution_by_key([*made])
    return {result.run_id for result in newest.values()}


def _delete(instance: DagsterInstance, run_id: str) -> None:
    instance.delete_run(run_id)
    storage = instance.event_log_storage
    if isinstance(storage, SqliteEventLogStorage):  # which keeps a file for each run, and leaves it when it is empty
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                Path(storage.path_for_shard(run_id) + suffix).unlink()
