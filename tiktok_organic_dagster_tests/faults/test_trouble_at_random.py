"""Two days at a TikTok that fails at every tenth call, in small; `make soak` lives many days of many accounts."""

from collections.abc import Callable

import pytest

from tiktok_organic_dagster_tests import figures
from tiktok_organic_dagster_tests.lab import Lab
from tiktok_organic_dagster_tests.soak.days import Days

SEED = 6
"""One of those that kill a loader within these two days."""


def test_two_days_of_trouble_end_with_every_table_exact(
    new_lab: Callable[..., Lab], request: pytest.FixtureRequest
) -> None:
    lab = new_lab(accounts=4, videos=3)
    days = Days(lab, SEED, share=0.1, at_once=1)
    wrong = list(days.live())
    lab.clock.next_day()
    wrong += [*days.live(all_comments=True), *days.days_in_between()]
    figures.add(request.node, days.spent | {"kills": days.kills})
    assert wrong == []
    assert days.kills
    assert lab.simulator.faults.struck > 10
