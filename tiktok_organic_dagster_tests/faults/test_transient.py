"""Trouble that passes, on every second or third call of each step: exact rows, and as many retries as troubles."""

from collections.abc import Callable

import pytest

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
from tiktok_organic_dagster_tests.faults.cells import (
    BUSINESS_GET,
    COMMENT_LIST,
    VIDEO_LIST,
    WITHOUT_BREAKDOWNS,
    add_post,
    assert_all_is_there,
    read_all,
    stand_still,
)
from tiktok_organic_dagster_tests.lab import Lab

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")

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
    """Two pages of posts, of which one has three pages of comments."""
    add_post(lab, 65, account=account, **WITHOUT_BREAKDOWNS)
    for number in range(20):
        add_post(lab, account=account, days_old=31 + number, **WITHOUT_BREAKDOWNS)


@pytest.mark.parametrize("every", [2, 3])
def test_trouble_that_passes_costs_no_row(new_lab: Callable[..., Lab], every: int) -> None:
    """Each account has another trouble, and the last one none; all are loaded side by side."""
    lab = new_lab(accounts=len(TROUBLE) + 1, videos=0)
    lab.settings = lab.settings.model_copy(update={"throttle_wait_s": 1})
    faults = [on_every(every, effect, index) for index, effect in enumerate(TROUBLE.values())]
    for account in lab.world.accounts:
        few_posts(lab, account.index)
    for fault in (fault for of_account in faults for fault in of_account):
        lab.simulator.faults.add(fault)
    stand_still(lab)

    steps = read_all(lab, DAYS)

    for index, trouble in enumerate(TROUBLE):
        struck = [fault.struck for fault in faults[index]]
        outcomes = [step[index] for step in steps]
        assert min(struck) >= 1, "each of the four steps had it"
        assert sum(struck) >= (6 if every == 2 else 5), trouble
        assert [outcome.error for outcome in outcomes] == [None] * 4
        again = [outcome.stats.pauses if trouble == "HTTP 429" else outcome.stats.retries for outcome in outcomes]
        assert again == struck, trouble
    spared = [step[-1] for step in steps]
    assert [(each.error, each.stats.retries, each.stats.pauses) for each in spared] == [(None, 0, 0)] * 4
    assert_all_is_there(lab, DAYS)


def test_answers_slower_than_the_timeout_cost_no_row(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=0)
    few_posts(lab)
    stand_still(lab)
    lab.settings = lab.settings.model_copy(update={"timeout_s": 0.5})
    faults = [lab.simulator.faults.add(fault) for fault in on_every(3, delay(0.8))]

    outcomes = [outcome for step in read_all(lab, DAYS) for outcome in step]

    assert min(fault.struck for fault in faults) >= 1
    assert [outcome.error for outcome in outcomes] == [None] * 4
    assert all(outcome.stats.retries >= fault.struck for outcome, fault in zip(outcomes, faults, strict=True))
    assert_all_is_there(lab, DAYS)


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
