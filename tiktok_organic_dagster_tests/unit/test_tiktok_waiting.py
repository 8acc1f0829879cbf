"""Waits in words, and that they can be seen while they last."""

from datetime import UTC, datetime

import pytest

from tiktok_organic_dagster import state
from tiktok_organic_dagster.tiktok.errors import Fault, Remedy
from tiktok_organic_dagster.tiktok.limits import RequestBudget
from tiktok_organic_dagster.tiktok.waiting import Waiting, WaitReason, duration
from tiktok_organic_dagster_tests.lab import Clock

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "0 s"),
        (0.2, "1 s"),
        (24, "24 s"),
        (59.5, "1 min"),
        (60, "1 min"),
        (290, "4 min 50 s"),
        (3600, "1 h"),
        (3899, "1 h 5 min"),
        (7199, "2 h"),
    ],
)
def test_seconds_in_words(seconds, words):
    assert duration(seconds) == words


def test_the_end_of_a_pause_is_told_as_a_time_of_day_and_that_of_a_short_wait_is_not():
    until = datetime(2026, 11, 23, 12, 5, tzinfo=UTC)
    assert Waiting(WaitReason.PAUSE, until).left(NOON) == "5 min left, until 12:05:00 UTC"
    assert Waiting(WaitReason.QUOTA, until).left(NOON) == "5 min left"


@pytest.fixture
def waits(tmp_path):
    """A budget of one call a minute, and what it tells of its waits."""
    clock = Clock(NOON)
    engine = state.engine(f"sqlite:///{tmp_path}/state.db")
    budget = RequestBudget(
        engine, qpm_per_endpoint=1, qpm_app=600, qps_app=10, throttle_wait_s=300, clock=clock.now, sleep=clock.sleep
    )
    told = []

    def acquire(account="a", endpoint="e/"):
        told.clear()
        return budget.acquire("app", account, endpoint, told.append), [
            (wait.reason, (wait.until - NOON).total_seconds()) for wait in dict.fromkeys(told)
        ]

    yield budget, acquire
    engine.dispose()


def test_a_wait_for_the_quota_is_told_with_its_end_and_a_call_that_may_go_tells_nothing(waits):
    _, acquire = waits
    assert acquire()[1] == []
    assert acquire()[1] == [(WaitReason.QUOTA, 61)]


def test_a_pause_is_told_as_that_of_its_account_or_of_the_whole_app(waits):
    budget, acquire = waits
    grant, _ = acquire()
    budget.throttled(grant, Fault("e/", Remedy.THROTTLED, "Too many requests.", 40100))
    probe, told = acquire()
    assert told == [(WaitReason.PAUSE, 300)]
    budget.succeeded(probe)
    budget.throttled(probe, Fault("e/", Remedy.THROTTLED, "Too many requests.", 40016))
    assert acquire("b", "f/")[1] == [(WaitReason.APP_PAUSE, 600)]


def test_a_call_without_account_that_is_throttled_does_not_look_like_the_whole_app(waits):
    budget, acquire = waits
    grant, _ = acquire("", "oauth2/token/")
    budget.throttled(grant, Fault("oauth2/token/", Remedy.THROTTLED, "Too many requests.", 40100))
    assert acquire("", "oauth2/token/")[1] == [(WaitReason.PAUSE, 300)]


def test_whoever_waits_for_the_first_call_after_a_throttle_says_so(waits):
    budget, acquire = waits
    grant, _ = acquire()
    budget.throttled(grant, Fault("e/", Remedy.THROTTLED, "Too many requests.", 40016))
    acquire("b")
    assert acquire("c")[1] == [(WaitReason.PROBE, 360)]
