"""Dagster's web server and daemons within this process. The one place that reaches into Dagster's insides."""

import logging
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import sqlalchemy as sa
from alembic.config import Config
from dagster import DagsterInstance, _loggers
from dagster._cli.workspace.cli_target import workspace_opts_to_load_target
from dagster._core.execution import context_creation_job
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.storage.event_log import in_memory as in_memory_event_log
from dagster._core.storage.event_log.sqlite import consolidated_sqlite_event_log
from dagster._core.storage.runs import in_memory as in_memory_run_storage
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage
from dagster._core.storage.sql import AlembicVersion, check_alembic_revision
from dagster._core.test_utils import create_test_daemon_workspace_context, instance_for_test
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.backfill import execute_backfill_iteration
from dagster._daemon.sensor import execute_sensor_iteration
from dagster._scheduler.scheduler import DEFAULT_MAX_CATCHUP_RUNS, ScheduleIterationTimes, launch_scheduled_runs
from dagster._time import get_current_datetime
from dagster_dg_cli.cli.utils import create_temp_workspace_file
from dagster_dg_core.context import DgContext
from dagster_shared.cli import WorkspaceOpts
from dagster_webserver.app import create_app_from_workspace_process_context
from starlette.testclient import TestClient

MODULE = "tiktok_organic_dagster.definitions"
LOCATION = "tiktok_organic_dagster"
MOST_ITERATIONS = 20  # of the backfill daemon; a backfill of four steps takes four


class Daemon:
    """Dagster's daemon since its start: schedules and sensors, looked after when it is told to.

    Runs are carried out within the tick that asks for them. What the real daemon keeps in its memory until it ends is
    kept here, so a new object is a daemon that was started again.
    """

    def __init__(self, workspace: WorkspaceProcessContext) -> None:
        self._workspace = workspace
        self._iteration_times: dict[str, ScheduleIterationTimes] = {}

    def tick(self) -> list[str]:
        """Do what is due at this moment, once.

        Returns:
            What went wrong in the evaluation of schedules and sensors.
        """
        log = logging.getLogger("daemon")
        schedules = launch_scheduled_runs(
            self._workspace,
            log,
            end_datetime_utc=get_current_datetime(),
            iteration_times=self._iteration_times,
            max_catchup_runs=DEFAULT_MAX_CATCHUP_RUNS,
        )
        sensors = execute_sensor_iteration(
            self._workspace, log, threadpool_executor=None, submit_threadpool_executor=None
        )
        return [error.message for daemon in (schedules, sensors) for error in daemon if error]


class Dagster:
    """A web server to ask, and a daemon that works when it is told to.

    Attributes:
        instance: Dagster's storage.
    """

    def __init__(self, instance: DagsterInstance, workspace: WorkspaceProcessContext) -> None:
        self.instance = instance
        self._workspace = workspace
        self._client = TestClient(create_app_from_workspace_process_context(workspace))

    def post(self, query: str, **variables: Any) -> dict[str, Any]:
        """The whole answer of GraphQL to a query, errors too."""
        return self._client.post("/graphql", json={"query": query, "variables": variables}).json()

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data that GraphQL answers a query with."""
        answer = self.post(query, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def start_daemon(self) -> Daemon:
        """A daemon for schedules and sensors that remembers nothing but what is stored."""
        for name, location in self._workspace.create_request_context().get_code_location_entries().items():
            assert location.load_error is None, f"{name} does not load: {location.load_error.message}"
        return Daemon(self._workspace)

    def work_off_backfills(self) -> None:
        """Let the daemon look after the backfills until it has nothing more to do; runs are carried out at once."""
        for _ in range(MOST_ITERATIONS):
            errors = list(filter(None, execute_backfill_iteration(self._workspace, logging.getLogger("backfills"))))
            assert not errors, errors
            if not any(backfill.status.value in _UNDER_WAY for backfill in self.instance.get_backfills()):
                return
        raise AssertionError("The backfill does not come to an end.")


_UNDER_WAY = {"REQUESTED", "CANCELING", "FAILING"}


@contextmanager
def dagster_in_process(home: Path, **overrides: Any) -> Iterator[Dagster]:
    """A Dagster of its own below a folder, with the code location loaded.

    Args:
        home: Its DAGSTER_HOME.
        overrides: What its dagster.yaml holds besides.
    """
    home.mkdir(exist_ok=True)
    sys.modules.pop(MODULE, None)  # it is made by the settings of its import, which may be those of another test
    origin = InProcessCodeLocationOrigin(
        LoadableTargetOrigin(executable_path=sys.executable, module_name=MODULE), location_name=LOCATION
    )
    with (
        instance_for_test(
            overrides, temp_dir=str(home), synchronous_run_coordinator=True, synchronous_run_launcher=True
        ) as instance,
        create_test_daemon_workspace_context(InProcessWorkspaceLoadTarget(origin), instance) as workspace,
    ):
        yield Dagster(instance, workspace)


@contextmanager
def quick_dagster_in_process(home: Path) -> Iterator[Dagster]:
    """The same for tests of thousands of ticks: Dagster's SQLite files, without what makes them slow.

    Dagster makes a new engine for each query and a new file for the events of each run, and reads all its migrations
    for each tick of a sensor. Here a file has one engine, which keeps its compiled queries, and a version that is read
    until it has one; all events share a file, no commit waits for the disk, and nothing is printed.
    """
    storage = "dagster._core.storage"
    with ExitStack() as stack:
        for module in (consolidated_sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage):
            stack.enter_context(patch.object(module, "create_engine", _engine_of_file))
        for module in (sqlite_run_storage, sqlite_schedule_storage):
            stack.enter_context(patch.object(module, "check_alembic_revision", _revision_of_file))
        stack.enter_context(patch.object(_loggers, "default_loggers", dict))
        stack.enter_context(patch.object(context_creation_job, "default_loggers", dict))
        yield stack.enter_context(
            dagster_in_process(
                home,
                event_log_storage={
                    "module": f"{storage}.event_log",
                    "class": "ConsolidatedSqliteEventLogStorage",
                    "config": {"base_dir": str(home / "events")},
                },
                compute_logs={"module": f"{storage}.noop_compute_log_manager", "class": "NoOpComputeLogManager"},
            )
        )


@contextmanager
def ephemeral_instance() -> Iterator[DagsterInstance]:
    """Dagster's storage in memory, made anew. It needs no version, and all migrations are read to give it one."""
    with ExitStack() as stack:
        for module in (in_memory_event_log, in_memory_run_storage):
            stack.enter_context(patch.object(module, "stamp_alembic_rev"))
        made = DagsterInstance.ephemeral()
    with made:
        yield made


def _engine_of_file(url: str, **_arguments: Any) -> sa.Engine:
    return _quick_engine(url)


@cache
def _quick_engine(url: str) -> sa.Engine:
    engine = sa.create_engine(url)
    sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    return engine


def _revision_of_file(config: Config, connection: sa.Connection) -> AlembicVersion:
    file = str(connection.engine.url)
    if not all(_revisions.get(file, (None,))):
        _revisions[file] = check_alembic_revision(config, connection)
    return _revisions[file]


_revisions: dict[str, AlembicVersion] = {}


def loaded_by_dagster_dev(*workspace_files: str) -> list[tuple[str, str]]:
    """Name and module of the code locations that `dagster dev` loads in the working directory, with `-w` or without."""
    target = workspace_opts_to_load_target(WorkspaceOpts(workspace=workspace_files))
    return [(origin.location_name, origin.loadable_target_origin.module_name) for origin in target.create_origins()]


def loaded_by_dg_dev(project: Path) -> list[tuple[str, str]]:
    """Name and module of the code locations that `dg dev` loads in a project: it writes a workspace file for them."""
    context = DgContext.for_workspace_or_project_environment(project, {})
    with create_temp_workspace_file(context, use_active_venv=True) as workspace_file:
        return loaded_by_dagster_dev(workspace_file)
