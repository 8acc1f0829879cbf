"""A month of the loader's life."""

from collections.abc import Callable

import pytest

from tiktok_organic_dagster_tests.year.outcome import Outcome, lost_days
from tiktok_organic_dagster_tests.year.stories import MONTH
from tiktok_organic_dagster_tests.year.story import Story

pytestmark = [pytest.mark.year, pytest.mark.timeout(1200)]


def test_a_month_by_itself(play: Callable[[Story], Outcome]) -> None:
    outcome = play(MONTH)
    import pprint
    print("PROBLEMS"); pprint.pprint(outcome.problems)
    print("RUNS"); pprint.pprint(outcome.runs)
    print("DIFF"); print("\n".join(d[:600] for d in outcome.differences))
    print("LEDGER")
    for k, v in outcome.ledger.items():
        for s, d in v.items():
            ks=sorted(d); print(k, s, ks[0], ks[-1], len(ks), {x[:150] for x in d.values()})
    print("ALERTS")
    for r in outcome.received: print(r)
    assert 0
