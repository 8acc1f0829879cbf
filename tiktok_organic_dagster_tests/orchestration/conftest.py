"""Fixtures of the orchestration tests: deployments, and the moment they live in."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import time_machine
from cryptography.fernet import Fernet
from dagster import DagsterInstance

from tiktok_organic_dagster_tests.conftest import NOON
from tiktok_organic_dagster_tests.orchestration.dagster_in_process import Dagster, dagster_in_process
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment


@pytest.fixture
def noon() -> Iterator[time_machine.Traveller]:
    """The whole process stands at noon of 2026-11-23 UTC, until the test moves it."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def new_deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Deployment]]:
    """Makes a deployment; none of its accounts is connected yet."""
    monkeypatch.chdir(tmp_path)  # where no .env is found
    deployments: list[Deployment] = []

    def new(*, accounts: int = 2, videos: int = 6, **settings: str) -> Deployment:
        folder = tmp_path / f"home{len(deployments)}"
        deployments.append(Deployment(folder, monkeypatch, accounts=accounts, videos=videos, settings=settings))
        return deployments[-1]

    yield new
    for deployment in deployments:
        deployment.close()


@pytest.fixture
def deployment(noon: time_machine.Traveller, new_deployment: Callable[..., Deployment]) -> Deployment:
    """Two connected accounts with a handful of videos each, at noon."""
    made = new_deployment()
    made.connect_all()
    return made


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterInstance]:
    """A Dagster that remembers its runs for one test."""
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "yes")
    with DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def dagster(deployment: Deployment, tmp_path: Path) -> Iterator[Dagster]:
    """Dagster's web server and backfill daemon over the deployment, in this process."""
    with dagster_in_process(tmp_path / "dagster") as made:
        yield made


@pytest.fixture
def in_postgres(new_postgres_database: Callable[[], str]) -> dict[str, str]:
    """Settings of a deployment whose warehouse and state live in PostgreSQL."""
    return {
        "TIKTOK_ORGANIC_WAREHOUSE": new_postgres_database(),
        "TIKTOK_ORGANIC_STATE": new_postgres_database(),
        "TIKTOK_ORGANIC_KEY": Fernet.generate_key().decode(),
    }
