"""Runs as the UI starts them, and by whom their steps are carried out; and a world that stands still meanwhile."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from tiktok_organic_dagster_tests.lab import Clock
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.orchestration.ui import Asks

REPOSITORY = {"repositoryLocationName": "tiktok_organic_dagster", "repositoryName": "__repository__"}


def let_the_world_stand_still(deployment: Deployment) -> None:
    """Stop the world's clock, so that a reading can be held against it while time goes on."""
    deployment.clock = Clock(datetime.now(UTC))
    deployment.simulator.clock = deployment.clock.now


def launch_what_is_scheduled(server: Asks, schedule: str, moment: datetime) -> list[str]:
    """Test a schedule at a moment and launch all that it asks for, as its page in the UI does; gives the runs."""
    answer = server.ask(
        """mutation ($selector: ScheduleSelector!, $at: Float!) {
          scheduleDryRun(selectorData: $selector, timestamp: $at) {
            __typename
            ... on PythonError { message }
            ... on DryRunInstigationTick { evaluationResult {
              skipReason error { message } runRequests { runConfigYaml tags { key value } jobName }
            } }
          }
        }""",
        selector={**REPOSITORY, "scheduleName": schedule},
        at=moment.timestamp(),
    )["scheduleDryRun"]
    result = answer.get("evaluationResult")
    assert result, answer
    assert result["runRequests"], result
    return [_launch(server, request["jobName"] or schedule, request) for request in result["runRequests"]]


def _launch(server: Asks, job: str, request: dict[str, Any]) -> str:
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
            "executionMetadata": {"tags": request["tags"]},
            "runConfigData": request["runConfigYaml"],
            "selector": {**REPOSITORY, "jobName": job},
        },
    )["launchPipelineExecution"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return answer["run"]["runId"]


def terminate(server: Asks, run: str) -> None:
    """Press "Terminate"."""
    answer = server.ask("mutation ($id: String!) { terminateRun(runId: $id) { __typename } }", id=run)
    assert answer["terminateRun"]["__typename"] == "TerminateRunSuccess", answer


def messages(server: Asks, run: str) -> str:
    """All that the events of a run say."""
    events = _run(server, run, "... on MessageEvent { message } ... on ErrorEvent { error { message } }")["events"]
    return "\n".join(f"{event.get('message')} {event.get('error')}" for event in events)


def carried_out_by(server: Asks, run: str) -> dict[str, list[str]]:
    """The workers that took each step of a run, one after another."""
    events = _run(
        server,
        run,
        "... on EngineEvent { stepKey metadataEntries { label ... on TextMetadataEntry { text } } }",
    )["events"]
    found = defaultdict[str, list[str]](list)
    for event in events:
        for entry in event.get("metadataEntries", ()):
            if entry["label"] == "Celery worker":
                found[event["stepKey"]].append(entry["text"].split("@")[0])
    return found


def is_at_work(server: Asks, worker: str, runs: Iterable[str]) -> bool:
    """Whether a worker is in the middle of a step of some runs."""
    return any(
        workers[-1] == worker and step in _run(server, run)["under way"]
        for run in runs
        for step, workers in carried_out_by(server, run).items()
    )


def _run(server: Asks, run: str, of_event: str = "__typename") -> dict[str, Any]:
    found = server.ask(
        f"""query ($id: ID!) {{ runOrError(runId: $id) {{ ... on Run {{
          stepStats {{ stepKey status }}
          eventConnection(limit: 1000) {{ events {{ {of_event} }} }}
        }} }} }}""",
        id=run,
    )["runOrError"]
    under_way = {each["stepKey"] for each in found["stepStats"] if each["status"] == "IN_PROGRESS"}
    return {"events": found["eventConnection"]["events"], "under way": under_way}
