"""A simulated TikTok, and an account connected to it."""

import pytest

from tiktok_organic_dagster.simulator import Simulator
from tiktok_organic_dagster_tests.integration.simulator.client import NOW, Client


@pytest.fixture
def sim():
    with Simulator(clock=lambda: NOW) as simulator:
        yield simulator


@pytest.fixture
def client(sim) -> Client:
    return Client(sim)
