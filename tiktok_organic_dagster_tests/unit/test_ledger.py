"""The gap ledger's rules in worked examples by date: healthy accounts, outages, failures, and how days are written."""

from dataclasses import replace
from datetime import date

from tiktok_organic_dagster.ledger import (
    NO_RUN,
    NOT_CONNECTED,
    NOT_PUBLISHED,
    NOT_YET,
    Circumstances,
    Span,
    laid_over,
)
from tiktok_organic_dagster_tests.unit.lives import (
    CONNECTED,
    DAY,
    LOADED,
    LOST,
    MISSING,
    OLDEST,
    PROVISIONAL,
    Life,
    as_rows,
    days_between,
    new_metrics,
    new_readings,
)


def test_new_days_take_the_place_of_what_was_said_of_them_and_like_neighbours_are_one():
    a, b = Span(date(2026, 3, 1), date(2026, 3, 10), LOADED), Span(date(2026, 3, 11), date(2026, 3, 11), MISSING)
    assert laid_over([a, b], [Span(date(2026, 3, 11), date(2026, 3, 12), LOADED)]) == [
        replace(a, last=date(2026, 3, 12))
    ]
    assert as_rows(laid_over([a, b], [Span(date(2026, 3, 4), date(2026, 3, 5), LOST, "x")])) == [
        ("03-01", "03-03", LOADED, ""),
        ("03-04", "03-05", LOST, "x"),
        ("03-06", "03-10", LOADED, ""),
        ("03-11", "03-11", MISSING, ""),
    ]
    assert laid_over([], []) == []
    assert a.days == 10


def test_a_healthy_account_of_three_years_is_a_row_for_readings_and_two_for_metrics():
    readings, metrics = new_readings(), new_metrics()
    last = CONNECTED + 3 * 365 * DAY
    for life in (readings, metrics):
        life.live(CONNECTED, last)
        life.settle(last + DAY)
    assert [(s.first, s.last, s.state) for s in readings.spans] == [
        (CONNECTED, last, LOADED),
        (last + DAY, last + DAY, MISSING),
    ]
    assert [(s.first, s.last, s.state) for s in metrics.spans] == [
        (OLDEST, last - 3 * DAY, LOADED),
        (last - 2 * DAY, last - 2 * DAY, MISSING),  # published by the next day, and not asked for since
        (last - DAY, last, PROVISIONAL),
    ]


def test_the_first_day_of_an_account():
    metrics, readings = new_metrics(), new_readings()
    metrics.settle(CONNECTED)
    assert as_rows(metrics.spans) == [
        ("01-02", "02-26", MISSING, NOT_YET),
        ("02-27", "02-28", PROVISIONAL, NOT_PUBLISHED),
    ]
    readings.settle(CONNECTED)
    assert as_rows(readings.spans) == [("03-01", "03-01", MISSING, NOT_YET)]
    readings.read(CONNECTED)
    assert as_rows(readings.spans) == [("03-01", "03-01", LOADED, "")]


def test_no_day_before_the_first_partition_is_expected():
    life = Life(about=Circumstances(CONNECTED, date(2026, 2, 20)))
    life.ask(CONNECTED)
    assert as_rows(life.spans)[0] == ("02-20", "02-26", LOADED, "")
    not_begun = Life(about=Circumstances(CONNECTED, date(2026, 4, 1)))
    not_begun.settle(CONNECTED)
    assert not_begun.spans == []


def test_an_outage_of_3_days_loses_readings_and_no_metrics():
    readings, metrics = new_readings(), new_metrics()
    for life in (readings, metrics):
        life.live(CONNECTED, date(2026, 6, 10))
        life.live(date(2026, 6, 14), date(2026, 6, 20))
    assert as_rows(readings.spans) == [
        ("03-01", "06-10", LOADED, ""),
        ("06-11", "06-13", LOST, NO_RUN),
        ("06-14", "06-20", LOADED, ""),
    ]
    assert as_rows(metrics.spans) == [
        ("01-02", "06-17", LOADED, ""),
        ("06-18", "06-19", PROVISIONAL, NOT_PUBLISHED),
    ]


def test_an_outage_of_30_days_is_closed_by_the_next_run_for_metrics():
    metrics, readings = new_metrics(), new_readings()
    for life in (readings, metrics):
        life.live(CONNECTED, date(2026, 6, 10))
    metrics.settle(date(2026, 7, 11))
    assert as_rows(metrics.spans) == [
        ("01-02", "06-07", LOADED, ""),
        ("06-08", "07-08", MISSING, NOT_YET),
        ("07-09", "07-10", PROVISIONAL, NOT_PUBLISHED),
    ]
    metrics.ask(date(2026, 7, 11))
    assert as_rows(metrics.spans) == [("01-02", "07-08", LOADED, ""), ("07-09", "07-10", PROVISIONAL, NOT_PUBLISHED)]
    readings.live(date(2026, 7, 11), date(2026, 7, 11))
    assert as_rows(readings.spans)[1] == ("06-11", "07-10", LOST, NO_RUN)


def test_an_outage_of_70_days_loses_exactly_the_days_that_came_to_lie_before_the_58():
    metrics = new_metrics()
    metrics.live(CONNECTED, date(2026, 6, 10))
    metrics.ask(date(2026, 8, 20))
    # 58 days before 08-20 is 06-23; loaded by 06-10 was what was published then, up to 06-07.
    assert as_rows(metrics.spans) == [
        ("01-02", "06-07", LOADED, ""),
        ("06-08", "06-22", LOST, NO_RUN),
        ("06-23", "08-17", LOADED, ""),
        ("08-18", "08-19", PROVISIONAL, NOT_PUBLISHED),
    ]


def test_an_account_that_was_not_connected_for_a_time():
    readings, metrics = new_readings(), new_metrics()
    for life in (readings, metrics):
        life.live(CONNECTED, date(2026, 6, 10))
    again = date(2026, 9, 1)
    readings.about = Circumstances(again, again)
    metrics.about = Circumstances(again, date(2026, 7, 5))
    readings.live(again, date(2026, 9, 3))
    assert as_rows(readings.spans) == [
        ("03-01", "06-10", LOADED, ""),
        ("06-11", "08-31", LOST, NOT_CONNECTED),
        ("09-01", "09-03", LOADED, ""),
    ]
    metrics.ask(again)
    assert as_rows(metrics.spans) == [
        ("01-02", "06-07", LOADED, ""),
        ("06-08", "07-04", LOST, NOT_CONNECTED),
        ("07-05", "08-29", LOADED, ""),
        ("08-30", "08-31", PROVISIONAL, NOT_PUBLISHED),
    ]


def test_a_day_before_the_reconnection_that_could_still_be_had_afterwards_was_lost_because_no_run_asked():
    metrics = new_metrics()
    metrics.live(CONNECTED, date(2026, 6, 10))
    metrics.about = Circumstances(date(2026, 6, 20), date(2026, 4, 23))
    metrics.settle(date(2026, 9, 1))
    assert as_rows(metrics.spans)[1] == ("06-08", "07-04", LOST, NO_RUN)


def test_an_authorization_that_ended_and_was_renewed():
    readings, metrics = new_readings(), new_metrics()
    for life in (readings, metrics):
        life.live(CONNECTED, date(2026, 6, 10))
        life.about = replace(life.about, ended="the owner revoked it")
        for today in days_between(date(2026, 6, 11), date(2026, 6, 20)):
            life.settle(today)
    because = "the authorization has ended (the owner revoked it)"
    assert as_rows(readings.spans)[1:] == [("06-11", "06-19", LOST, because), ("06-20", "06-20", MISSING, because)]
    assert as_rows(metrics.spans)[1:] == [
        ("06-08", "06-17", MISSING, because),
        ("06-18", "06-19", PROVISIONAL, NOT_PUBLISHED),
    ]
    for life in (readings, metrics):
        life.about = replace(life.about, ended=None)
    readings.read(date(2026, 6, 20))
    metrics.ask(date(2026, 6, 20))
    readings.settle(date(2026, 6, 22))
    assert as_rows(readings.spans)[1:] == [
        ("06-11", "06-19", LOST, because),
        ("06-20", "06-20", LOADED, ""),
        ("06-21", "06-21", LOST, NO_RUN),
        ("06-22", "06-22", MISSING, NOT_YET),
    ]
    assert as_rows(metrics.spans) == [("01-02", "06-17", LOADED, ""), ("06-18", "06-19", PROVISIONAL, NOT_PUBLISHED)]


def test_each_day_on_which_an_account_failed_keeps_its_own_reason():
    life = new_readings()
    life.live(CONNECTED, date(2026, 6, 10))
    for day, why in ((11, "TikTok is down"), (12, "TikTok is down"), (13, "too many requests")):
        life.settle(date(2026, 6, day))  # the run's beginning
        life.about = replace(life.about, failed_on=date(2026, 6, day), failure=why)
    life.settle(date(2026, 6, 13))
    assert as_rows(life.spans)[-1] == ("06-13", "06-13", MISSING, "too many requests")
    life.settle(date(2026, 6, 16))  # no run on the 14th and 15th
    assert as_rows(life.spans)[1:] == [
        ("06-11", "06-12", LOST, "TikTok is down"),
        ("06-13", "06-13", LOST, "too many requests"),
        ("06-14", "06-15", LOST, NO_RUN),
        ("06-16", "06-16", MISSING, NOT_YET),
    ]


def test_metrics_that_are_lost_while_the_account_fails_keep_the_reason_of_the_failure():
    life = new_metrics()
    life.live(CONNECTED, date(2026, 6, 10))
    for today in days_between(date(2026, 6, 11), date(2026, 8, 20)):
        life.settle(today)
        life.about = replace(life.about, failed_on=today, failure="TikTok is down")
    life.settle(date(2026, 8, 20))
    assert as_rows(life.spans) == [
        ("01-02", "06-07", LOADED, ""),
        ("06-08", "06-22", LOST, "TikTok is down"),
        ("06-23", "08-17", MISSING, "TikTok is down"),
        ("08-18", "08-19", PROVISIONAL, NOT_PUBLISHED),
    ]
