"""Fixtures of the orchestration tests: deployments, and the moment they live in."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import time_machine
from cryptography.fernet import Fernet
from dagster import DagsterInstance
from sqlalchemy.engine import make_url

from tiktok_organic_dagster_tests.conftest import NOON
from tiktok_organic_dagster_tests.orchestration.dagster_in_process import (
    Dagster,
    ephemeral_instance,
    quick_dagster_in_process,
)
from tiktok_organic_dagster_tests.orchestration.deployment import ROOT, Deployment

WAREHOUSE_PASSWORD = "password-of-the-warehouse"
STATE_PASSWORD = "password-of-the-state"
DAGSTER_PASSWORD = "password-of-dagsters-storage"


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
def deployment(
    noon: time_machine.Traveller,  # noqa: ARG001 -- for its effect
    new_deployment: Callable[..., Deployment],
) -> Deployment:
    """Two connected accounts with a handful of videos each, at noon."""
    made = new_deployment()
    made.connect_all()
    return made


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterInstance]:
    """A Dagster that remembers its runs for one test."""
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "yes")
    with ephemeral_instance() as made:
        yield made


@pytest.fixture
def dagster(
    deployment: Deployment,  # noqa: ARG001 -- for its effect
    tmp_path: Path,
) -> Iterator[Dagster]:
    """Dagster's web server and backfill daemon over the deployment, in this process."""
    with quick_dagster_in_process(tmp_path / "dagster") as made:
        yield made


@pytest.fixture
def in_postgres(new_postgres_database: Callable[[], str]) -> dict[str, str]:
    """Settings of a deployment whose warehouse and state live in PostgreSQL, with passwords that nobody else has."""
    return {
        "TIKTOK_ORGANIC_WAREHOUSE": _with_password(new_postgres_database(), WAREHOUSE_PASSWORD),
        "TIKTOK_ORGANIC_STATE": _with_password(new_postgres_database(), STATE_PASSWORD),
        "TIKTOK_ORGANIC_KEY": Fernet.generate_key().decode(),
    }


@pytest.fixture
def dagster_postgres_home(
    tmp_path: Path, new_postgres_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A DAGSTER_HOME made as deploy/dagster.postgres.yaml says.

    The server of the tests listens on a socket in a folder, which cannot stand in the URL that Dagster makes of the
    host. So the host is left empty, and PGHOST, which PostgreSQL's own library reads, names the folder.
    """
    database = make_url(new_postgres_database())
    monkeypatch.setenv("DAGSTER_PG_HOST", "")
    monkeypatch.setenv("DAGSTER_PG_PORT", "5432")
    monkeypatch.setenv("DAGSTER_PG_USERNAME", str(database.username))
    monkeypatch.setenv("DAGSTER_PG_PASSWORD", DAGSTER_PASSWORD)
    monkeypatch.setenv("DAGSTER_PG_DB", str(database.database))
    monkeypatch.setenv("PGHOST", str(database.query["host"]))
    home = tmp_path / "dagster"
    home.mkdir()
    shutil.copy(ROOT / "deploy" / "dagster.postgres.yaml", home / "dagster.yaml")
    return home


def _with_password(url: str, password: str) -> str:
    return make_url(url).set(password=password).render_as_string(hide_password=False)
