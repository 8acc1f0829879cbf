"""The gap ledger where TikTok gives less: days that come late or never, scopes and accounts that were not granted."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from tiktok_organic_dagster.ledger import (
    BEFORE_THE_FIRST,
    NOT_CONNECTED,
    NOT_YET,
    NOTHING_RETURNED,
    State,
)
from tiktok_organic_dagster.simulator import Fault, faults
from tiktok_organic_dagster.tables import (
    ACCOUNT,
    ACCOUNT_METRICS,
    COMMENTS,
    VIDEO_TABLES,
    VIDEOS,
)
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.integration.ledgers import told
from tiktok_organic_dagster_tests.lab import Lab

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")

DAY = timedelta(days=1)
TODAY = date(2026, 11, 23)


def test_days_that_tiktok_publishes_late_are_missing_until_they_come(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=3)
    lab.read_metrics()
    lab.world.changes.publish_late(0, TODAY, TODAY, timedelta(days=2))
    lab.clock.next_day(3)
    lab.read_metrics(7)
    assert ("11-23", "11-23", State.MISSING, NOTHING_RETURNED) in told(lab, ACCOUNT_METRICS)
    lab.clock.next_day(2)

    lab.read_metrics(7)

    assert [state for _, _, state, _ in told(lab, ACCOUNT_METRICS)] == [State.LOADED, State.PROVISIONAL]


def test_a_withdrawn_day_stays_loaded(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=3)
    lab.read_metrics()
    before = told(lab, ACCOUNT_METRICS)
    lab.world.changes.withdraw_metrics_day(0, date(2026, 11, 3))

    lab.read_metrics()

    assert told(lab, ACCOUNT_METRICS) == before


def test_an_account_with_metrics_of_a_few_days_only(new_lab: Callable[..., Lab], warehouse_url: str) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=3)
    for back in range(20, 59):
        lab.world.changes.withdraw_metrics_day(0, TODAY - back * DAY)

    lab.read_metrics()
    assert told(lab, ACCOUNT_METRICS)[0] == ("09-26", "11-03", State.MISSING, NOTHING_RETURNED)
    lab.clock.next_day()
    lab.read_metrics()

    assert told(lab, ACCOUNT_METRICS)[0] == ("09-26", "11-03", State.NOT_OFFERED, BEFORE_THE_FIRST)
    assert told(lab, ACCOUNT_METRICS)[1][0::2] == ("11-04", State.LOADED)


def test_one_short_answer_gives_up_nothing(new_lab: Callable[..., Lab], warehouse_url: str) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=3)
    lab.simulator.faults.add(
        Fault(faults.change(lambda data: {**data, "metrics": data["metrics"][-9:]}), path="business/get/", nth=1)
    )
    lab.read_metrics()
    assert told(lab, ACCOUNT_METRICS)[0] == ("09-26", "11-12", State.MISSING, NOTHING_RETURNED)
    lab.clock.next_day()

    lab.read_metrics()

    assert told(lab, ACCOUNT_METRICS)[1][0::2] == ("09-27", State.LOADED)
    assert lab.rows(ACCOUNT_METRICS) == truth.in_order(truth.metrics(lab))


def test_an_account_whose_metrics_begin_after_it_was_asked_for_them_in_vain(
    new_lab: Callable[..., Lab], warehouse_url: str
) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=3)
    fault = lab.simulator.faults.add(Fault(faults.change(lambda data: {**data, "metrics": []}), path="business/get/"))
    lab.read_metrics()
    lab.clock.next_day()
    lab.read_metrics()
    assert told(lab, ACCOUNT_METRICS)[:2] == [
        ("09-26", "09-26", State.NOT_OFFERED, NOTHING_RETURNED),  # by now too old to be asked for
        ("09-27", "11-21", State.MISSING, NOTHING_RETURNED),
    ]
    lab.simulator.faults.remove(fault)
    for back in range(10, 60):
        lab.world.changes.withdraw_metrics_day(0, TODAY + DAY - back * DAY)
    lab.clock.next_day()

    lab.read_metrics()

    assert told(lab, ACCOUNT_METRICS)[0] == ("09-26", "11-14", State.NOT_OFFERED, BEFORE_THE_FIRST)
    assert told(lab, ACCOUNT_METRICS)[1][0::2] == ("11-15", State.LOADED)


def test_a_scope_that_is_granted_later(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=3)
    lab.connect(0, without=["comment.list"])
    lab.read_videos()
    lab.read_comments()
    lab.clock.next_day(2)
    lab.read_videos()
    lab.read_comments()
    not_granted = "the owner did not grant the scope comment.list"
    assert told(lab, COMMENTS) == [("11-23", "11-25", State.NOT_OFFERED, not_granted)]
    lab.clock.next_day()
    lab.connect(0)
    lab.read_videos()
    lab.read_comments()

    assert told(lab, COMMENTS) == [
        ("11-23", "11-25", State.NOT_OFFERED, not_granted),
        ("11-26", "11-26", State.LOADED, ""),
    ]


def test_breakdowns_without_their_scope_are_not_offered_beside_videos_that_are_loaded(
    new_lab: Callable[..., Lab], warehouse_url: str
) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=3)
    lab.connect(0, without=["video.insights"])
    lab.read_videos()
    lab.clock.next_day()
    lab.read_videos()

    not_granted = "the owner did not grant the scope video.insights"
    breakdowns = [table for table in VIDEO_TABLES if table is not VIDEOS]
    assert told(lab, VIDEOS) == [("11-23", "11-24", State.LOADED, "")]
    for table in breakdowns:
        assert told(lab, table) == [("11-23", "11-24", State.NOT_OFFERED, not_granted)]
    lab.connect(0)
    assert told(lab, breakdowns[0])[1] == ("11-24", "11-24", State.MISSING, NOT_YET)
    lab.read_videos()
    for table in breakdowns:
        assert told(lab, table) == [
            ("11-23", "11-23", State.NOT_OFFERED, not_granted),
            ("11-24", "11-24", State.LOADED, ""),
        ]


def test_an_account_that_was_disconnected_for_weeks(new_lab: Callable[..., Lab], warehouse_url: str) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=3)
    lab.read_account()
    lab.read_metrics()
    lab.store.forget(lab.business_id(0))
    lab.clock.next_day(80)
    lab.connect(0)
    lab.read_account()
    lab.read_metrics()

    assert told(lab, ACCOUNT) == [
        ("11-23", "11-23", State.LOADED, ""),
        ("11-24", "02-10", State.LOST, NOT_CONNECTED),
        ("02-11", "02-11", State.LOADED, ""),
    ]
    assert told(lab, ACCOUNT_METRICS)[1][1:] == ("12-14", State.LOST, NOT_CONNECTED)
    assert told(lab, ACCOUNT_METRICS)[2][0::2] == ("12-15", State.LOADED)


def test_an_authorization_that_was_revoked_and_given_again(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=3)
    lab.read_account()
    lab.simulator.oauth.revoke_account(0)
    for _ in range(2):
        lab.clock.next_day()
        lab.read_account()
    lost = told(lab, ACCOUNT)[1]
    assert lost[:3] == ("11-24", "11-24", State.LOST)
    assert "authoriz" in lost[3]
    lab.connect(0)
    lab.read_account()
    lab.clock.next_day()
    lab.read_account()

    assert [row[:3] for row in told(lab, ACCOUNT)] == [
        ("11-23", "11-23", State.LOADED),
        ("11-24", "11-24", State.LOST),
        ("11-25", "11-26", State.LOADED),
    ]
