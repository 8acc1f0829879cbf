"""Faults at random befall their share of the calls, the same ones for the same seed in whatever order they come."""

from datetime import timedelta

from tiktok_organic_dagster.simulator import Call
from tiktok_organic_dagster.simulator.random_faults import KINDS, RandomFaults
from tiktok_organic_dagster_tests.integration.simulator.client import NOW, Client


def _call(number: int, path: str = "business/video/list/", days: int = 0, **params: object) -> Call:
    return Call(
        0.0, NOW + timedelta(days=days), path, {"cursor": number, **params}, f"account {number % 5}", number % 5
    )


def test_a_share_of_the_calls_is_befallen_by_everything_that_can_befall_them():
    faults = RandomFaults(seed=1, share=0.1)
    struck = [effect for number in range(20_000) if (effect := faults.befalls(_call(number, start_date="2026-11-01")))]
    assert 1_800 < len(struck) < 2_200
    assert {id(effect) for effect in struck} == {id(kind.effect) for kind in KINDS}


def test_a_seed_decides_and_not_the_order_of_the_calls():
    calls = [_call(number, days=day) for day in range(3) for number in range(100) for _ in range(3)]
    first = _struck(7, calls)
    assert first == _struck(7, calls[::-1])
    assert first != _struck(8, calls)


def _struck(seed: int, calls: list[Call]) -> list[str]:
    """Which calls are befallen by what, in an order of their own."""
    faults = RandomFaults(seed, share=0.2)
    return sorted(repr((call.moment, call.params, effect)) for call in calls if (effect := faults.befalls(call)))


def test_a_token_has_no_say():
    here, there = RandomFaults(seed=7, share=0.5), RandomFaults(seed=7, share=0.5)
    path = "tt_user/oauth2/refresh_token/"
    assert [here.befalls(_call(n, path, refresh_token="one")) for n in range(50)] == [
        there.befalls(_call(n, path, refresh_token="two")) for n in range(50)
    ]


def test_no_share_is_no_trouble(sim, client: Client):
    faults = sim.faults.add(RandomFaults(seed=1, share=0))
    assert [client.code("business/get/") for _ in range(20)] == [0] * 20
    sim.faults.remove(faults)
