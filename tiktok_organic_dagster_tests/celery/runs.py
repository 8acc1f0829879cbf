"""The runs that a schedule asks for: launched over GraphQL, and by whom their steps were carried out."""

from collections import defaultdict
from datetime import datetime
from typing import Any

from tiktok_organic_dagster_tests.orchestration.ui import Asks

REPOSITORY = {"repositoryLocationName": "tiktok_organic_dagster", "repositoryName": "__repository__"}


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


def carried_out_by(server: Asks, run: str) -> dict[str, list[str]]:
    """The workers that took each step of a run, one after another."""
    events = server.ask(
        """query ($id: ID!) { runOrError(runId: $id) { ... on Run { eventConnection(limit: 1000) { events {
          ... on EngineEvent { stepKey metadataEntries { label ... on TextMetadataEntry { text } } }
        } } } } }""",
        id=run,
    )["runOrError"]["eventConnection"]["events"]
    found = defaultdict[str, list[str]](list)
    for event in events:
        for entry in event.get("metadataEntries", ()):
            if entry["label"] == "Celery worker":
                found[event["stepKey"]].append(entry["text"].split("@")[0])
    return found
