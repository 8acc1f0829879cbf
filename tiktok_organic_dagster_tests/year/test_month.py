"""A month of the loader's life: at its end everything is as the story says, which was written down by hand."""

from collections.abc import Callable

import pytest

from tiktok_organic_dagster_tests.year.outcome import Outcome
from tiktok_organic_dagster_tests.year.stories import MONTH
from tiktok_organic_dagster_tests.year.story import Story

pytestmark = [pytest.mark.year, pytest.mark.timeout(1200)]


def test_a_month_by_itself(play: Callable[[Story], Outcome]) -> None:
    outcome = play(MONTH)

    assert outcome.surprises == []
