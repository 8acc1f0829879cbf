"""Faults at random: a share of all calls, drawn from a seed, so that a run with trouble can be had again.

Whether a call is befallen depends on nothing but the seed, the simulator's day, what is asked for and how often it was
asked for on that day. The order in which threads and processes come makes no difference.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from tiktok_organic_dagster.simulator import faults
from tiktok_organic_dagster.simulator.calls import Call
from tiktok_organic_dagster.simulator.chance import chance
from tiktok_organic_dagster.simulator.faults import Effect

_SECRET_OR_OF_THE_APP = frozenset({
    "access_token", "auth_code", "client_id", "client_secret", "refresh_token",
})  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A kind of trouble.

    Attributes:
        effect: What happens.
        weight: How often it is drawn, beside the others.
        fits: Which calls it can befall.
    """

    effect: Effect
    weight: int
    fits: Callable[[Call], bool] = lambda _call: True


def _lists(call: Call) -> bool:
    return call.endpoint.endswith("/list")


def _goes_on(call: Call) -> bool:
    return _lists(call) and bool(call.params.get("cursor"))


def _has_days(call: Call) -> bool:
    return "start_date" in call.params


def _has_token(call: Call) -> bool:
    return call.endpoint.startswith("business/")


def _not_a_code(call: Call) -> bool:
    """A lost answer to the exchange of a code would need a new consent."""
    return "auth_code" not in call.params


KINDS = (
    *(Kind(faults.http_status(status), 6) for status in (500, 502, 503)),
    *(Kind(faults.refuse(code, "System error"), 5) for code in (50000, 50002, 51010, 60001)),
    Kind(faults.reset(), 8),
    Kind(faults.html(), 6),
    Kind(faults.invalid_json(), 6),
    Kind(faults.truncated(), 6, _not_a_code),
    Kind(faults.http_status(429), 3),
    *(Kind(faults.refuse(code, "Too many requests."), 4, _has_token) for code in (40100, 40132, 40133, 61000)),
    Kind(faults.throttle("Too many requests: the limit of QPS was reached."), 3, _has_token),
    Kind(faults.refuse(40016, "The app has reached its limit."), 1, _has_token),
    Kind(faults.revoke_token(), 3, _has_token),
    Kind(faults.without_metrics(), 20, _has_days),
    Kind(faults.list_without_has_more(), 4, _lists),
    Kind(faults.has_more_without_list(), 4, _lists),
    Kind(faults.repeat_page(), 8, _goes_on),
    Kind(faults.cursor_stands_still(), 2, _goes_on),
    Kind(faults.change(lambda data: {**data, "something_new": {"since": "today"}}), 4),
)
"""Trouble that a loader can come through with every row, if it asks again."""


class Draws:
    """A random source for every call: a matter of the seed, the day, what is asked for, and how often it was before.

    Args:
        *seed: Names the sequence.
    """

    def __init__(self, *seed: object) -> None:
        self._seed = seed
        self._asked: Counter[tuple[Any, ...]] = Counter()

    def of(self, call: Call) -> Random:
        """The random source of a call; counts the call."""
        asked = sorted((name, str(value)) for name, value in call.params.items() if name not in _SECRET_OR_OF_THE_APP)
        key = (call.moment.date(), call.endpoint, *asked, call.account)
        self._asked[key] += 1
        return chance(*self._seed, *key, self._asked[key])


class RandomFaults:
    """Befalls a share of all calls with trouble of all kinds.

    Args:
        seed: Names the sequence.
        share: Of the calls, from 0 to 1.
        timeout_s: How long the loader waits for an answer; some calls take longer. None: none does.
    """

    def __init__(self, seed: int, share: float, timeout_s: float | None = None) -> None:
        self._draws = Draws("fault", seed)
        self._share = share
        self._kinds = KINDS if timeout_s is None else (*KINDS, Kind(faults.delay(1.5 * timeout_s), 1))

    def befalls(self, call: Call) -> Effect | None:
        """What happens to a call, if anything does; counts the call."""
        random = self._draws.of(call)
        if random.random() >= self._share:
            return None
        fitting = [kind for kind in self._kinds if kind.fits(call)]
        return random.choices([kind.effect for kind in fitting], [kind.weight for kind in fitting])[0]
