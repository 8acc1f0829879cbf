"""No secret reaches Dagster: not its storage, not its files, not an answer of its web server."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest
import yaml

from tiktok_organic_dagster.simulator import Fault
from tiktok_organic_dagster.simulator.faults import http_status, revoke_token
from tiktok_organic_dagster_tests.orchestration import ui
from tiktok_organic_dagster_tests.orchestration.conftest import (
    DAGSTER_PASSWORD,
    STATE_PASSWORD,
    WAREHOUSE_PASSWORD,
)
from tiktok_organic_dagster_tests.orchestration.dagster_in_process import Dagster, dagster_in_process
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.orchestration.runs import ACCOUNT, ALL_TABLES

EVERYTHING_ABOUT_RUNS = """{
  instance { info daemonHealth { allDaemonStatuses { lastHeartbeatErrors { message } } } runLauncher { name } }
  workspaceOrError { ... on Workspace { locationEntries {
    displayMetadata { key value }
    locationOrLoadError { ... on PythonError { message } }
  } } }
  repositoriesOrError { ... on RepositoryConnection { nodes { allTopLevelResourceDetails {
    name description configFields { name description defaultValueAsJson }
    configuredValues { key value } nestedResources { name }
  } } } }
  assetsOrError { ... on AssetConnection { nodes { assetMaterializations { metadataEntries {
    __typename label description
    ... on TextMetadataEntry { text }
    ... on TableMetadataEntry { table { records } }
  } } } } }
  runsOrError { ... on Runs { results {
    runConfigYaml tags { key value }
    eventConnection(limit: 1000) { events {
      __typename
      ... on MessageEvent { message }
      ... on ErrorEvent { error { message stack causes { message stack } } }
      ... on ExecutionStepFailureEvent { failureMetadata { description } }
      ... on AssetCheckEvaluationEvent { evaluation { description metadataEntries { label description
        ... on TableMetadataEntry { table { records } }
      } } }
    } }
  } } }
}"""


@pytest.mark.usefixtures("noon")
def test_no_secret_is_in_dagsters_storage_its_files_or_its_answers(
    new_deployment: Callable[..., Deployment],
    in_postgres: dict[str, str],
    dagster_postgres_home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deployment = new_deployment(**in_postgres)
    deployment.connect_all()
    secrets = {*tokens(deployment), *of_settings(deployment)}
    # One account's token is refused and refreshed on the way; the other one ends in an error that echoes its call.
    faults = deployment.simulator.faults
    faults.add(Fault(revoke_token(), account=1, path="business/video/list", times=1))
    faults.add(Fault(http_status(404, f"No {' '.join(tokens(deployment))}"), account=0, path="business/get"))
    storage = yaml.safe_load((dagster_postgres_home / "dagster.yaml").read_text())["storage"]

    with dagster_in_process(dagster_postgres_home, storage=storage) as dagster:
        ui.materialize(dagster, ALL_TABLES, deployment.today)
        secrets |= tokens(deployment)
        nowhere = f"postgresql://loader:{WAREHOUSE_PASSWORD}@127.0.0.1:1/nowhere"
        monkeypatch.setenv("TIKTOK_ORGANIC_WAREHOUSE", nowhere)
        ui.materialize(dagster, [ACCOUNT], deployment.today)
        monkeypatch.setenv("TIKTOK_ORGANIC_STATE", nowhere)
        ui.materialize(dagster, [ACCOUNT], deployment.today)

        assert [run["status"] for run in ui.runs(dagster)] == ["SUCCESS", "FAILURE", "FAILURE"]
        told = "\n".join([*stored(), *files(dagster_postgres_home), *answers(dagster)])

    assert len(secrets) == 2 * 2 + 2 + 5  # two tokens an account, one account's refreshed, and those of the settings
    assert deployment.username(0) in told
    assert "127.0.0.1" in told
    assert [secret for secret in secrets if secret in told] == []


def tokens(deployment: Deployment) -> set[str]:
    """The tokens that the accounts have now."""
    pairs = [deployment.store.pair(account.business_id) for account in deployment.store.accounts()]
    return {token for pair in pairs for token in (pair.access_token, pair.refresh_token)}


def of_settings(deployment: Deployment) -> set[str]:
    """The secrets in the environment."""
    return {
        deployment.variables["TIKTOK_CLIENT_SECRET"],
        deployment.variables["TIKTOK_ORGANIC_KEY"],
        WAREHOUSE_PASSWORD,
        STATE_PASSWORD,
        DAGSTER_PASSWORD,
    }


def stored() -> Iterator[str]:
    """Every row of every table of Dagster's database, as text."""
    with psycopg2.connect(dbname=os.environ["DAGSTER_PG_DB"], user=os.environ["DAGSTER_PG_USERNAME"]) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            yield from (text for (text,) in cursor.fetchall())
    connection.close()


def files(folder: Path) -> Iterator[str]:
    """Every file that Dagster wrote."""
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.read_bytes().decode(errors="replace")


def answers(dagster: Dagster) -> Iterator[str]:
    """What the web server tells about its configuration, the code location and the runs."""
    yield str(dagster.ask(EVERYTHING_ABOUT_RUNS))
    yield str(dagster.ask(ui.DEFINITIONS))
