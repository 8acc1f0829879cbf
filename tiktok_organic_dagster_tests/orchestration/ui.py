"""What Dagster's UI asks of its web server, in GraphQL: the same for one in this process and one over HTTP."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Protocol

from tiktok_organic_dagster_tests.orchestration.processes import poll

LOOKS_AT_REST = 3
"""So many looks in a row that find all schedules and sensors at rest are enough."""


class Asks(Protocol):
    """Anything that answers GraphQL."""

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data that GraphQL answers a query with."""
        ...


def _keys(tables: Sequence[str]) -> list[dict[str, list[str]]]:
    return [{"path": [table]} for table in tables]


DEFINITIONS = """{
  repositoriesOrError {
    __typename
    ... on PythonError { message }
    ... on RepositoryConnection { nodes {
      name location { name }
      assetNodes {
        assetKey { path } opNames groupName kinds description isPartitioned
        dependencyKeys { path }
        partitionKeys
        assetChecksOrError { ... on AssetChecks { checks { name } } }
      }
      jobs { name } schedules { name } sensors { name }
      allTopLevelResourceDetails { name }
    } }
  }
}"""


def definitions(server: Asks) -> dict[str, Any]:
    """The one code location as the UI shows it."""
    answer = server.ask(DEFINITIONS)["repositoriesOrError"]
    assert answer["__typename"] == "RepositoryConnection", answer
    (repository,) = answer["nodes"]
    return repository


def backfill(server: Asks, tables: Sequence[str], days: Sequence[date]) -> str:
    """Press "Materialize" for some days; gives the id of the backfill."""
    answer = server.ask(
        """mutation ($parameters: LaunchBackfillParams!) {
          launchPartitionBackfill(backfillParams: $parameters) {
            __typename
            ... on LaunchBackfillSuccess { backfillId }
            ... on PythonError { message }
          }
        }""",
        parameters={"assetSelection": _keys(tables), "partitionNames": [day.isoformat() for day in days]},
    )["launchPartitionBackfill"]
    assert answer["__typename"] == "LaunchBackfillSuccess", answer
    return answer["backfillId"]


def backfill_status(server: Asks, backfill_id: str) -> str:
    """How a backfill stands."""
    return server.ask(
        "query ($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }",
        id=backfill_id,
    )["partitionBackfillOrError"]["status"]


def materialize(server: Asks, tables: Sequence[str], day: date) -> str:
    """Press "Materialize" for one day, as one run; gives the id of the run."""
    answer = server.ask(
        """mutation ($parameters: ExecutionParams!) {
          launchPipelineExecution(executionParams: $parameters) {
            __typename
            ... on LaunchRunSuccess { run { runId } }
            ... on PythonError { message }
            ... on RunConfigValidationInvalid { errors { message } }
          }
        }""",
        parameters={
            "mode": "default",
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": day.isoformat()}]},
            "runConfigData": {},
            "selector": {
                "repositoryLocationName": "tiktok_organic_dagster",
                "repositoryName": "__repository__",
                "jobName": "__ASSET_JOB",
                "assetSelection": _keys(tables),
            },
        },
    )["launchPipelineExecution"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return answer["run"]["runId"]


def run_status(server: Asks, run_id: str) -> str:
    """How a run stands."""
    return server.ask("query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }", id=run_id)["runOrError"][
        "status"
    ]


def runs(server: Asks) -> list[dict[str, Any]]:
    """All runs, the oldest first: status, steps, tags and what a failed step said."""
    found = server.ask("""{ runsOrError { ... on Runs { results {
      runId status
      tags { key value }
      assetSelection { path }
      stepStats { stepKey status }
      eventConnection(limit: 1000) { events {
        ... on ExecutionStepFailureEvent { stepKey error { message } failureMetadata { description } }
      } }
    } } } }""")["runsOrError"]["results"]
    return list(reversed(found))


def materialized(server: Asks, table: str) -> list[date]:
    """The partitions of a table that the UI shows in green, in order."""
    (node,) = server.ask(
        """query ($keys: [AssetKeyInput!]!) { assetNodes(assetKeys: $keys) { assetPartitionStatuses {
          __typename
          ... on TimePartitionStatuses { ranges { status startKey endKey } }
        } } }""",
        keys=_keys([table]),
    )["assetNodes"]
    days: list[date] = []
    for span in node["assetPartitionStatuses"]["ranges"]:
        if span["status"] == "MATERIALIZED":
            first, last = date.fromisoformat(span["startKey"]), date.fromisoformat(span["endKey"])
            days += [date.fromordinal(number) for number in range(first.toordinal(), last.toordinal() + 1)]
    return sorted(days)


def stop_automation(server: Asks) -> None:
    """Switch all schedules and sensors off, and wait for ticks under way, so that only what the test starts is running.

    A tick that begins in that moment switches its sensor on again, and may not be seen yet: so it is looked again. The
    same with a switch that was refused because the daemon wrote a sensor's first state in that moment.
    """
    quiet = 0

    def is_quiet() -> bool | None:
        nonlocal quiet
        states = _automation(server)
        for kind, state in states:
            if state["status"] == "RUNNING":
                _stop(server, kind, state["id"])
        at_rest = all(
            state["status"] == "STOPPED" and [tick["status"] for tick in state["ticks"]] != ["STARTED"]
            for _, state in states
        )
        quiet = quiet + 1 if at_rest else 0
        return quiet == LOOKS_AT_REST or None

    poll(is_quiet, "the end of all ticks")


def _automation(server: Asks) -> list[tuple[str, dict[str, Any]]]:
    """Each schedule and sensor, and how it stands."""
    state = "{ id status ticks(limit: 1) { status } }"
    (repository,) = server.ask(
        "{ repositoriesOrError { ... on RepositoryConnection { nodes { "
        f"schedules {{ scheduleState {state} }} sensors {{ sensorState {state} }} }} }} }} }}"
    )["repositoriesOrError"]["nodes"]
    return [(kind, each[f"{kind}State"]) for kind in ("schedule", "sensor") for each in repository[f"{kind}s"]]


def _stop(server: Asks, kind: str, identity: str) -> None:
    stop = "stopRunningSchedule" if kind == "schedule" else "stopSensor"
    answer = server.ask(
        f"mutation ($id: String!) {{ {stop}(id: $id) {{ __typename ... on PythonError {{ message }} }} }}",
        id=identity,
    )
    refused = answer[stop]["__typename"].endswith("Error")
    assert not refused or "already present in storage" in answer[stop].get("message", ""), answer
