"""The simulated world that tests look at."""

import pytest

from tiktok_organic_dagster.simulator import World


@pytest.fixture(scope="session")
def world() -> World:
    """The default world; tests that change a world make their own."""
    return World()
