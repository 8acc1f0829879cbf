"""The gap ledger after readings of a simulated TikTok: what it says is what can be found in the tables."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from tiktok_organic_dagster.freshness import stale_accounts
from tiktok_organic_dagster.gaps import bring_to_date
from tiktok_organic_dagster.ledger import (
    BEFORE_THE_FIRST,
    IN_PART,
    NO_RUN,
    NOT_CONNECTED,
    NOT_YET,
    NOTHING_RETURNED,
    ROWS_GONE,
    Span,
    State,
)
from tiktok_organic_dagster.simulator import Fault, faults
from tiktok_organic_dagster.tables import (
    ACCOUNT,
    ACCOUNT_METRICS,
    AUDIENCE_ACTIVITY,
    CATALOGUE,
    COMMENTS,
    VIDEO_TABLES,
    VIDEOS,
)
from tiktok_organic_dagster.tables.own import LEDGER
from tiktok_organic_dagster.warehouse import open_warehouse
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.integration.ledgers import gaps, stored, told
from tiktok_organic_dagster_tests.lab import Clock, Lab

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")

DAY = timedelta(days=1)
TODAY = date(2026, 11, 23)
MIDNIGHT = datetime(2026, 11, 23, 23, 55, tzinfo=UTC)


def sql(lab: Lab, statement: str, *values: object) -> None:
    with open_warehouse(lab.settings).session() as session:
        session.execute(statement, *values)


def test_what_is_loaded_is_what_the_tables_hold(new_lab: Callable[..., Lab], warehouse_url: str) -> None:
    lab = new_lab(warehouse_url, accounts=2, videos=6)
    lab.read_everything()
    lab.clock.next_day(4)
    lab.read_everything()

    now = gaps(lab)

    for account in now.accounts:
        for table in CATALOGUE:
            loaded = {
                span.first + n * DAY
                for span in now.of(account, table)
                if span.state is State.LOADED
                for n in range(span.days)
            }
            day = table.day
            found = {day for (day,) in lab.rows(table, [day], f"_business_id = '{account.business_id}'")}
            if table in (ACCOUNT, VIDEOS, ACCOUNT_METRICS):
                assert loaded == found, table.name
            elif table is AUDIENCE_ACTIVITY:
                assert loaded >= found
            else:  # a reading may hold no row: TikTok has nothing to tell, or no comment is new
                assert loaded == {TODAY, TODAY + 4 * DAY} >= found, table.name
    assert told(lab, ACCOUNT) == [
        ("11-23", "11-23", State.LOADED, ""),
        ("11-24", "11-26", State.LOST, NO_RUN),
        ("11-27", "11-27", State.LOADED, ""),
    ]


def test_each_step_writes_its_days_with_its_rows_and_knows_them_before(
    new_lab: Callable[..., Lab], warehouse_url: str
) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=3)
    lab.read_account()

    assert stored(lab, ACCOUNT) == [Span(TODAY, TODAY, State.LOADED)]
    assert stored(lab, VIDEOS) == []
    assert told(lab, VIDEOS) == [("11-23", "11-23", State.MISSING, NOT_YET)]
    lab.clock.next_day(2)
    lab.simulator.faults.add(Fault(faults.refuse(40117, "no"), path="business/get/"))
    (outcome,) = lab.read_account()
    assert [(s.first, s.state, s.why) for s in stored(lab, ACCOUNT)] == [
        (TODAY, State.LOADED, ""),
        (TODAY + DAY, State.LOST, NO_RUN),
        (TODAY + 2 * DAY, State.MISSING, NOT_YET),  # as it was when the run began
    ]
    assert told(lab, ACCOUNT)[-1] == ("11-25", "11-25", State.MISSING, outcome.error)


def test_a_day_on_which_an_account_failed_keeps_the_reason(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=3)
    lab.read_account()
    lab.clock.next_day()
    fault = lab.simulator.faults.add(Fault(faults.refuse(40117, "no"), path="business/get/"))
    (outcome,) = lab.read_account()
    lab.simulator.faults.remove(fault)
    lab.clock.next_day()

    lab.read_account()

    assert told(lab, ACCOUNT) == [
        ("11-23", "11-23", State.LOADED, ""),
        ("11-24", "11-24", State.LOST, outcome.error),
        ("11-25", "11-25", State.LOADED, ""),
    ]


def test_a_failure_after_midnight_is_one_of_the_day_that_the_run_was_for(
    new_lab: Callable[..., Lab], clock: Clock
) -> None:
    clock.moment = MIDNIGHT
    lab = new_lab(accounts=1, videos=3)
    lab.read_videos()

    def after_midnight(data: faults.Data) -> faults.Data:
        lab.clock.moment += timedelta(minutes=10)
        return data

    lab.simulator.faults.add(Fault(faults.change(after_midnight), path="business/get/", nth=1))
    lab.simulator.faults.add(Fault(faults.refuse(40117, "no"), path="business/get/"))
    (outcome,) = lab.read_account()

    lab.clock.moment = datetime(2026, 11, 24, 5, tzinfo=UTC)
    assert told(lab, ACCOUNT)[0] == ("11-23", "11-23", State.LOST, outcome.error)


def test_a_reading_written_after_midnight_is_that_of_the_day_before(
    new_lab: Callable[..., Lab], warehouse_url: str, clock: Clock
) -> None:
    clock.moment = MIDNIGHT
    lab = new_lab(warehouse_url, accounts=1, videos=3)

    def somebody_looks_after_midnight(data: faults.Data) -> faults.Data:
        lab.clock.moment = datetime(2026, 11, 24, 0, 5, tzinfo=UTC)
        with open_warehouse(lab.settings).session() as session:
            accounts = lab.store.accounts()
            bring_to_date(session, lab.store, accounts, since=lab.settings.start_date, today=lab.clock.today)
        assert stored(lab, ACCOUNT)[0].state is State.LOST
        return data

    lab.simulator.faults.add(Fault(faults.change(somebody_looks_after_midnight), path="business/get/"))
    (outcome,) = lab.read_account()

    assert outcome.error is None
    assert told(lab, ACCOUNT) == [
        ("11-23", "11-23", State.LOADED, ""),
        ("11-24", "11-24", State.MISSING, NOT_YET),
    ]


def test_rows_of_metrics_that_somebody_deleted_are_missing_and_come_back(
    new_lab: Callable[..., Lab], warehouse_url: str
) -> None:
    lab = new_lab(warehouse_url, accounts=2, videos=3)
    lab.read_metrics()
    before = lab.rows(ACCOUNT_METRICS)
    sql(
        lab,
        f'DELETE FROM "{ACCOUNT_METRICS.name}" WHERE _business_id = ? AND metric_date IN (?, ?)',
        lab.business_id(0), date(2026, 10, 1), date(2026, 10, 2),
    )  # fmt: skip

    assert ("10-01", "10-02", State.MISSING, ROWS_GONE) in told(lab, ACCOUNT_METRICS)
    assert State.MISSING not in {state for _, _, state, _ in told(lab, ACCOUNT_METRICS, 1)}
    lab.read_metrics()
    assert lab.rows(ACCOUNT_METRICS) == before
    assert State.MISSING not in {state for _, _, state, _ in told(lab, ACCOUNT_METRICS)}


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


def test_the_table_alone_of_two_that_was_loaded_is_loaded(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=3)
    lab.read_videos([VIDEOS])

    assert told(lab, VIDEOS) == [("11-23", "11-23", State.LOADED, "")]
    assert {tuple(told(lab, table)) for table in VIDEO_TABLES if table is not VIDEOS} == {
        (("11-23", "11-23", State.MISSING, NOT_YET),)
    }


def test_comments_left_in_part_say_so_until_the_rest_is_read(new_lab: Callable[..., Lab], warehouse_url: str) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=8)
    lab.read_videos()

    def later(data: faults.Data) -> faults.Data:
        lab.clock.moment += timedelta(minutes=31)
        return data

    lab.simulator.faults.add(Fault(faults.change(later), path="business/comment/list/", nth=1))
    (outcome,) = lab.read_comments()
    assert outcome.notes.left_over > 0
    assert told(lab, COMMENTS) == [("11-23", "11-23", State.LOADED, IN_PART)]

    lab.read_comments()

    assert told(lab, COMMENTS) == [("11-23", "11-23", State.LOADED, "")]


def test_comments_of_which_nothing_could_be_read_are_missing(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=8)
    lab.read_videos()
    lab.simulator.faults.add(Fault(faults.refuse(40117, "no"), path="business/comment/list/"))
    (outcome,) = lab.read_comments()

    assert told(lab, COMMENTS) == [("11-23", "11-23", State.MISSING, outcome.error)]


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


def test_daily_runs_leave_a_few_rows(new_lab: Callable[..., Lab], warehouse_url: str) -> None:
    lab = new_lab(warehouse_url, accounts=2, videos=2)
    lab.read_metrics()
    for _ in range(6):
        lab.read_account()
        lab.read_metrics(20)
        lab.clock.next_day()

    with open_warehouse(lab.settings).session() as session:
        rows = session.query(f"SELECT table_name, count(*) FROM {session.name_of(LEDGER)} GROUP BY 1")
    assert dict(rows)[ACCOUNT.name] == 2  # one for each account
    assert dict(rows)[ACCOUNT_METRICS.name] <= 2 * 3
    assert dict(rows)[AUDIENCE_ACTIVITY.name] <= 2 * 3


def test_stale_is_whose_rows_are_old_and_not_who_has_none(new_lab: Callable[..., Lab], warehouse_url: str) -> None:
    lab = new_lab(warehouse_url, accounts=3, videos=2)
    accounts = {index: lab.store.find(lab.business_id(index)) for index in range(3)}
    lab.read_account(accounts=[accounts[0], accounts[1]])
    lab.clock.next_day(3)
    lab.read_account(accounts=[accounts[0]])
    lab.clock.next_day()

    with open_warehouse(lab.settings).session() as session:
        stale = stale_accounts(session, ACCOUNT, lab.store.accounts(), lab.clock.today)

    assert {each.account.business_id: str(each) for each in stale} == {
        lab.business_id(1): "the newest row is of 2026-11-23, 3 days older than it can be (2026-11-26)",
        lab.business_id(2): "no row at all, although there should be some of 2026-11-26",
    }
