"""A year of the loader's life: at its end everything is as the story says, which was written down by hand."""

from collections.abc import Callable

import pytest

from tiktok_organic_dagster_tests.year.outcome import Outcome
from tiktok_organic_dagster_tests.year.stories import YEAR
from tiktok_organic_dagster_tests.year.story import Story

pytestmark = [pytest.mark.year, pytest.mark.timeout(9000)]


def test_a_year_by_itself(play: Callable[[Story], Outcome]) -> None:
    outcome = play(YEAR)

    assert outcome.surprises == []
