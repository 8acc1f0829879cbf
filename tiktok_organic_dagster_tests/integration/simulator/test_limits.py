"""The simulator's quotas are TikTok's."""

import time
from concurrent.futures import ThreadPoolExecutor

from tiktok_organic_dagster.simulator import Fault, Limits, Simulator
from tiktok_organic_dagster.simulator.faults import delay
from tiktok_organic_dagster_tests.integration.simulator.client import Client


class Timer:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def limited(sim: Simulator, **limits: int) -> Timer:
    sim.limits = Limits(**limits)
    sim.limits.timer = timer = Timer()
    return timer


def test_40_requests_a_minute_per_account_and_endpoint(sim, client):
    timer = limited(sim, per_endpoint=40)
    other = Client(sim, 1)
    assert {client.code("business/get/") for _ in range(40)} == {0}
    response = client.get("business/get/")
    assert (response.status_code, response.json()["code"]) == (200, 40100)
    assert response.json()["message"] == "Too many requests. Please retry in some time."
    assert client.code("business/video/list/") == 0
    assert other.code("business/get/") == 0
    assert sim.limits.refused == 1
    timer.now += 60
    assert client.code("business/get/") == 0


def test_a_call_counts_when_it_arrives_however_long_its_answer_takes(sim, client):
    timer = limited(sim, per_endpoint=1)
    slow = sim.faults.add(Fault(delay(0.3), nth=1))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.code, "business/get/")
        while not slow.struck:
            time.sleep(0.005)
        assert client.code("business/get/") == 40100
        timer.now += 60
        assert first.result() == 0
    assert client.code("business/get/") == 0


def test_refused_requests_count_too(sim, client):
    timer = limited(sim, per_endpoint=2)
    assert [client.code("business/get/") for _ in range(3)] == [0, 0, 40100]
    timer.now += 59
    assert [client.code("business/get/") for _ in range(2)] == [40100, 40100]
    timer.now += 2  # the first three are gone, the two refused ones are not
    assert client.code("business/get/") == 40100


def test_the_app_has_limits_of_its_own(sim):
    first, second = Client(sim, 0), Client(sim, 1)
    timer = limited(sim, per_app=3, per_second=2)
    assert [first.code("business/get/"), second.code("business/get/")] == [0, 0]
    assert second.get("business/get/").json()["message"] == "App reaches the QPS limit."
    timer.now += 1
    answer = first.refresh()
    assert answer["code"] == 40100
    assert answer["message"] == "Too many requests by this developer. Please retry in some time."
