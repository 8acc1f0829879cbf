"""Fixtures of the tests with Celery: several machines in small, with everything shared in PostgreSQL and Redis."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tiktok_organic_dagster_tests.celery.broker import broker
from tiktok_organic_dagster_tests.orchestration.conftest import (  # noqa: F401 -- fixtures
    dagster_postgres_home,
    in_postgres,
    new_deployment,
)
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment


@pytest.fixture
def new_deployment_on_machines(
    tmp_path: Path,
    new_deployment: Callable[..., Deployment],  # noqa: F811
    in_postgres: dict[str, str],  # noqa: F811
) -> Iterator[Callable[..., Deployment]]:
    """Makes a deployment whose steps Celery carries out; warehouse and state are in PostgreSQL."""
    with broker(tmp_path) as url:

        def new(**settings: str | int) -> Deployment:
            celery = {"TIKTOK_ORGANIC_EXECUTOR": "celery", "TIKTOK_ORGANIC_CELERY_BROKER": url}
            return new_deployment(**in_postgres, **celery, **settings)

        yield new
