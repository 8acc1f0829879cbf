"""Trouble that passes, on every second or third call of each step: exact rows, and as many retries as troubles."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tiktok_organic_dagster.readings.run import Outcome
from tiktok_organic_dagster.simulator import Fault
from tiktok_organic_dagster.simulator.faults import (
    Effect,
    delay,
    html,
    http_status,
    invalid_json,
    refuse,
    reset,
    truncated,
)
from tiktok_organic_dagster.tables import VIDEOS
from tiktok_organic_dagster_tests import figures
from tiktok_organic_dagster_tests.conftest import NOON
from tiktok_organic_dagster_tests.faults.cells import (
    BUSINESS_GET,
    COMMENT_LIST,
    VIDEO_LIST,
    WITHOUT_BREAKDOWNS,
    Rows,
    add_post,
    assert_everything_is_there,
    of_account,
    stand_still,
    take_away_posts,
    truth_of,
)
from tiktok_organic_dagster_tests.lab import Clock, Lab

TROUBLE: dict[str, Effect] = {
    "HTTP 429": http_status(429, "slow down"),
    "HTTP 500": http_status(500),
    "HTTP 502": http_status(502, "bad gateway"),
    "HTTP 503": http_status(503, headers={"Retry-After": "7"}),
    "connection reset": reset(),
    "truncated body": truncated(),
    "HTML with status 200": html(),
    "invalid JSON": invalid_json(),
    "50000": refuse(50000, "system error"),
    "50002": refuse(50002, "processing error"),
    "51010": refuse(51010, "internal timeout"),
    "60001": refuse(60001, "maintenance"),
}


DAYS = 4  # of metrics


def on_every(n: int, effect: Effect, account: int = 0) -> list[Fault]:
    """A fault for each step, which befalls its first call and then each n-th."""
    of_step: list[Callable[..., bool]] = [lambda p: "start_date" not in p, lambda p: "start_date" in p]
    steps = [(BUSINESS_GET, when) for when in of_step] + [(VIDEO_LIST, None), (COMMENT_LIST, None)]
    return [Fault(effect, account=account, path=path, when=when, every=n, seen=n - 1) for path, when in steps]


def few_posts(lab: Lab, account: int = 0) -> None:
    """Two pages of posts, of which one has breakdowns and three pages of comments."""
    take_away_posts(lab, account)
    add_post(lab, 65, account=account)
    for number in range(20):
        add_post(lab, account=account, days_old=31 + number, **WITHOUT_BREAKDOWNS)


class Day:
    """A day on which each account has another trouble, and the last one none; all are loaded side by side."""

    def __init__(self, lab: Lab, every: int) -> None:
        self.every = every
        self.faults = [on_every(every, effect, index) for index, effect in enumerate(TROUBLE.values())]
        for account in lab.world.accounts:
            few_posts(lab, account.index)
        for fault in (fault for faults in self.faults for fault in faults):
            lab.simulator.faults.add(fault)
        stand_still(lab)
        self.lab = lab
        self.outcomes: list[Outcome] = [*lab.read_account(), *lab.read_metrics(DAYS), *lab.read_videos()]
        self.outcomes += lab.read_comments(limit=timedelta(hours=9))
        self.loaded: Rows = lab.everything()
        self.truth = truth_of(lab, DAYS)

    def outcomes_of(self, index: int) -> list[Outcome]:
        return [each for each in self.outcomes if each.account.business_id == self.lab.business_id(index)]


@pytest.fixture(scope="module", params=[2, 3], ids=lambda n: f"every {n}")
def day(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    folder: Path = tmp_path_factory.mktemp("day")
    lab = Lab(folder, f"duckdb:///{folder / 'w.duckdb'}", Clock(NOON), accounts=len(TROUBLE) + 1, videos=0)
    lab.settings = lab.settings.model_copy(update={"throttle_wait_s": 1})
    yield Day(lab, request.param)
    lab.close()


@pytest.mark.parametrize("trouble", TROUBLE)
def test_trouble_that_passes_costs_no_row(day: Day, trouble: str, request: pytest.FixtureRequest) -> None:
    index = list(TROUBLE).index(trouble)
    struck = [fault.struck for fault in day.faults[index]]
    outcomes = day.outcomes_of(index)

    figures.add(request.node, figures.of_outcomes(outcomes) | {"faults": sum(struck)})
    assert min(struck) >= 1, "each of the four steps had it"
    assert sum(struck) >= (6 if day.every == 2 else 5)
    assert [outcome.error for outcome in outcomes] == [None] * 4
    again = [outcome.stats.pauses if trouble == "HTTP 429" else outcome.stats.retries for outcome in outcomes]
    assert again == struck
    assert of_account(day.lab, index, day.loaded) == of_account(day.lab, index, day.truth)


def test_an_account_without_trouble_is_not_held_up_by_the_others(day: Day) -> None:
    index = len(TROUBLE)

    outcomes = day.outcomes_of(index)

    assert [(each.error, each.stats.retries, each.stats.pauses) for each in outcomes] == [(None, 0, 0)] * 4
    assert of_account(day.lab, index, day.loaded) == of_account(day.lab, index, day.truth)


def test_answers_slower_than_the_timeout_cost_no_row(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=0)
    few_posts(lab)
    stand_still(lab)
    lab.settings = lab.settings.model_copy(update={"timeout_s": 0.5})
    faults = [lab.simulator.faults.add(fault) for fault in on_every(3, delay(0.8))]

    outcomes = [*lab.read_account(), *lab.read_metrics(DAYS), *lab.read_videos(), *lab.read_comments()]

    assert min(fault.struck for fault in faults) >= 1
    assert [outcome.error for outcome in outcomes] == [None] * 4
    assert all(outcome.stats.retries >= fault.struck for outcome, fault in zip(outcomes, faults, strict=True))
    assert_everything_is_there(lab, DAYS)


def test_answers_that_are_always_too_slow_are_said_to_be(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=1)
    lab.read_account()
    before = lab.everything()
    lab.settings = lab.settings.model_copy(update={"timeout_s": 0.05})
    fault = lab.simulator.faults.add(Fault(delay(0.1)))

    (outcome,) = lab.read_account()

    assert "not complete in time" in (outcome.error or "")
    assert fault.struck == 2 * 8
    assert lab.everything() == before


def test_retries_are_bounded_and_the_account_keeps_its_rows(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=2, videos=2)
    lab.read_videos()
    before = lab.rows(VIDEOS)
    lab.simulator.calls.clear()
    lab.simulator.faults.add(Fault(http_status(503), account=0, path=VIDEO_LIST))

    outcomes = {outcome.account.business_id: outcome for outcome in lab.read_videos()}

    assert "503" in (outcomes[lab.business_id(0)].error or "")
    assert outcomes[lab.business_id(1)].error is None
    calls = [call for call in lab.simulator.calls.to(VIDEO_LIST) if call.business_id == lab.business_id(0)]
    assert len(calls) == 2 * 8, "8 attempts, and once more at the end of the step"
    assert [row for row in lab.rows(VIDEOS) if row[-1] == lab.business_id(0)] == [
        row for row in before if row[-1] == lab.business_id(0)
    ]
