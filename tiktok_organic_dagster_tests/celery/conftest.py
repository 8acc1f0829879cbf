"""Fixtures of the tests with Celery: several machines in small, with everything shared in PostgreSQL and Redis."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from tiktok_organic_dagster_tests.celery.broker import Broker, broker
from tiktok_organic_dagster_tests.celery.machines import Machines
from tiktok_organic_dagster_tests.celery.runs import let_the_world_stand_still
from tiktok_organic_dagster_tests.orchestration import ui
from tiktok_organic_dagster_tests.orchestration.conftest import (  # noqa: F401 -- fixtures
    dagster_postgres_home,
    in_postgres,
    new_deployment,
)
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.orchestration.processes import a_day_with_time_left, dagster_dev


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[Broker]:
    """The broker of one test."""
    with broker(tmp_path) as made:
        yield made


@pytest.fixture
def new_deployment_on_machines(
    redis_server: Broker,
    new_deployment: Callable[..., Deployment],  # noqa: F811
    in_postgres: dict[str, str],  # noqa: F811
) -> Callable[..., Deployment]:
    """Makes a deployment whose steps Celery carries out; warehouse and state are in PostgreSQL."""

    def new(**settings: str | int) -> Deployment:
        celery = {"TIKTOK_ORGANIC_EXECUTOR": "celery", "TIKTOK_ORGANIC_CELERY_BROKER": redis_server.url}
        return new_deployment(**in_postgres, **celery, **settings)

    return new


@pytest.fixture
def machines(
    new_deployment_on_machines: Callable[..., Deployment],
    dagster_postgres_home: Path,  # noqa: F811
    tmp_path: Path,
) -> Iterator[Machines]:
    """Dagster on PostgreSQL with one account, and no worker yet."""
    a_day_with_time_left(timedelta(minutes=5))
    deployment = new_deployment_on_machines(accounts=1)
    let_the_world_stand_still(deployment)
    with ExitStack() as stack:
        dagster = stack.enter_context(dagster_dev(dagster_postgres_home))
        ui.stop_automation(dagster)
        deployment.connect_all()
        yield Machines(deployment, dagster, tmp_path, stack)
