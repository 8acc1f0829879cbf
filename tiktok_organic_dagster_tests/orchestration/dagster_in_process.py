"""Dagster's web server and backfill daemon within this process. The one place that reaches into Dagster's insides."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster import DagsterInstance
from dagster._cli.workspace.cli_target import workspace_opts_to_load_target
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.test_utils import create_test_daemon_workspace_context, instance_for_test
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.backfill import execute_backfill_iteration
from dagster_dg_cli.cli.utils import create_temp_workspace_file
from dagster_dg_core.context import DgContext
from dagster_shared.cli import WorkspaceOpts
from dagster_webserver.app import create_app_from_workspace_process_context
from starlette.testclient import TestClient

MODULE = "tiktok_organic_dagster.definitions"
LOCATION = "tiktok_organic_dagster"
MOST_ITERATIONS = 20  # of the backfill daemon; a backfill of four steps takes four


class Dagster:
    """A web server to ask, and a daemon that works when it is told to.

    Attributes:
        instance: Dagster's storage.
    """

    def __init__(self, instance: DagsterInstance, workspace: WorkspaceProcessContext) -> None:
        self.instance = instance
        self._workspace = workspace
        self._client = TestClient(create_app_from_workspace_process_context(workspace))

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data that GraphQL answers a query with."""
        answer = self._client.post("/graphql", json={"query": query, "variables": variables}).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

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


def loaded_by_dagster_dev(*workspace_files: str) -> list[tuple[str, str]]:
    """Name and module of the code locations that `dagster dev` loads in the working directory, with `-w` or without."""
    target = workspace_opts_to_load_target(WorkspaceOpts(workspace=workspace_files))
    return [(origin.location_name, origin.loadable_target_origin.module_name) for origin in target.create_origins()]


def loaded_by_dg_dev(project: Path) -> list[tuple[str, str]]:
    """Name and module of the code locations that `dg dev` loads in a project: it writes a workspace file for them."""
    context = DgContext.for_workspace_or_project_environment(project, {})
    with create_temp_workspace_file(context, use_active_venv=True) as workspace_file:
        return loaded_by_dagster_dev(workspace_file)
