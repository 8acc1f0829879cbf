"""The gap ledger's rules in worked examples by date: days that come late, never, in part, or not yet."""

from dataclasses import replace
from datetime import date

import pytest

from tiktok_organic_dagster.ledger import (
    BEFORE_THE_FIRST,
    IN_PART,
    NO_RUN,
    NOT_PUBLISHED,
    NOT_YET,
    NOTHING_RETURNED,
    ROWS_GONE,
    Span,
    answered,
    laid_over,
    read_today,
)
from tiktok_organic_dagster_tests.unit.lives import (
    CONNECTED,
    DAY,
    LOADED,
    LOST,
    MISSING,
    NOT_OFFERED,
    PROVISIONAL,
    as_rows,
    days_between,
    new_metrics,
    new_readings,
)


def test_a_day_that_tiktok_returns_late():
    life = new_metrics()
    late = date(2026, 6, 8)
    life.live(CONNECTED, date(2026, 6, 10))
    life.ask(date(2026, 6, 11), published=lambda day, _today: day < late)
    assert as_rows(life.spans) == [
        ("01-02", "06-07", LOADED, ""),
        ("06-08", "06-08", MISSING, NOTHING_RETURNED),
        ("06-09", "06-10", PROVISIONAL, NOT_PUBLISHED),
    ]
    assert life.spans[1].asked == date(2026, 6, 11)
    life.ask(date(2026, 6, 12), published=lambda day, _today: day < late)
    assert as_rows(life.spans)[1] == ("06-08", "06-09", MISSING, NOTHING_RETURNED)
    life.ask(date(2026, 6, 13))
    assert as_rows(life.spans) == [("01-02", "06-10", LOADED, ""), ("06-11", "06-12", PROVISIONAL, NOT_PUBLISHED)]


def test_a_day_that_never_comes_is_asked_for_until_it_is_lost():
    life = new_metrics()
    never = date(2026, 6, 8)
    for today in days_between(CONNECTED, date(2026, 8, 5)):
        life.ask(today, published=lambda day, today: day <= today - 3 * DAY and day != never)
    assert (never, never, MISSING, NOTHING_RETURNED, date(2026, 8, 5)) in [
        (s.first, s.last, s.state, s.why, s.asked) for s in life.spans
    ]
    life.ask(date(2026, 8, 6), published=lambda day, today: day <= today - 3 * DAY)
    assert as_rows(life.spans)[1] == ("06-08", "06-08", LOST, NOTHING_RETURNED)


def test_days_before_the_first_that_tiktok_has_are_not_offered():
    life = new_metrics()

    def published(day, today):
        return date(2026, 2, 10) <= day <= today - 3 * DAY

    for _ in range(2):  # on one day
        life.ask(CONNECTED, published=published)
        assert as_rows(life.spans) == [
            ("01-02", "02-09", MISSING, NOTHING_RETURNED),
            ("02-10", "02-26", LOADED, ""),
            ("02-27", "02-28", PROVISIONAL, NOT_PUBLISHED),
        ]
    life.ask(CONNECTED + DAY, published=published)
    assert as_rows(life.spans)[:2] == [
        ("01-02", "02-09", NOT_OFFERED, BEFORE_THE_FIRST),
        ("02-10", "02-27", LOADED, ""),
    ]
    life.live(CONNECTED + 2 * DAY, date(2026, 6, 1))
    assert as_rows(life.spans)[:2] == [
        ("01-02", "02-09", NOT_OFFERED, BEFORE_THE_FIRST),
        ("02-10", "05-29", LOADED, ""),
    ]


def test_one_short_answer_does_not_make_an_account_begin_late():
    life = new_metrics()
    life.ask(CONNECTED, published=lambda day, today: date(2026, 2, 20) <= day <= today - 3 * DAY)
    life.ask(CONNECTED + DAY, first=date(2026, 2, 21))  # somebody loads a few days by hand
    assert as_rows(life.spans)[1:3] == [("01-03", "02-19", MISSING, NOTHING_RETURNED), ("02-20", "02-27", LOADED, "")]

    life.ask(CONNECTED + DAY)

    assert as_rows(life.spans) == [
        ("01-02", "01-02", NOT_OFFERED, BEFORE_THE_FIRST),  # by now too old to be asked for
        ("01-03", "02-27", LOADED, ""),
        ("02-28", "03-01", PROVISIONAL, NOT_PUBLISHED),
    ]


def test_an_account_whose_analytics_are_off_for_ever_loses_nothing():
    life = new_metrics()
    for today in days_between(CONNECTED, date(2026, 6, 1)):
        life.ask(today, published=lambda _day, _today: False)
    assert as_rows(life.spans) == [
        ("01-02", "04-03", NOT_OFFERED, NOTHING_RETURNED),
        ("04-04", "05-29", MISSING, NOTHING_RETURNED),
        ("05-30", "05-31", PROVISIONAL, NOT_PUBLISHED),
    ]


@pytest.mark.parametrize("by_hand", [False, True])
def test_analytics_that_are_turned_on_begin_the_account(by_hand):
    life = new_metrics()
    for today in days_between(CONNECTED, date(2026, 5, 5)):
        life.ask(today, published=lambda _day, _today: False)

    def published(day, today):
        return date(2026, 5, 1) <= day <= today - 3 * DAY

    if by_hand:
        life.ask(date(2026, 5, 6), date(2026, 4, 30), published)
        assert as_rows(life.spans)[:3] == [
            ("01-02", "03-08", NOT_OFFERED, BEFORE_THE_FIRST),
            ("03-09", "04-29", MISSING, NOTHING_RETURNED),  # in the window, and not among the days asked for by hand
            ("04-30", "04-30", NOT_OFFERED, BEFORE_THE_FIRST),
        ]
    life.ask(date(2026, 5, 6), published=published)
    assert as_rows(life.spans) == [
        ("01-02", "04-30", NOT_OFFERED, BEFORE_THE_FIRST),
        ("05-01", "05-03", LOADED, ""),
        ("05-04", "05-05", PROVISIONAL, NOT_PUBLISHED),
    ]


def test_seven_days_loaded_by_hand_say_nothing_of_the_days_before_them():
    life = new_metrics()
    life.ask(CONNECTED, first=date(2026, 2, 22))
    assert as_rows(life.spans)[:2] == [("01-02", "02-21", MISSING, NOT_YET), ("02-22", "02-26", LOADED, "")]
    life.ask(CONNECTED)
    assert as_rows(life.spans)[0] == ("01-02", "02-26", LOADED, "")


def test_a_scope_that_is_granted_later_opens_what_can_still_be_had_and_nothing_before():
    readings = new_readings(scope="comment.list")
    metrics = new_metrics(scope="user.insights")
    without = "the owner did not grant the scope {}"
    for today in days_between(CONNECTED, date(2026, 6, 10)):
        readings.settle(today)
        metrics.settle(today)
    assert as_rows(readings.spans) == [("03-01", "06-10", NOT_OFFERED, without.format("comment.list"))]
    assert as_rows(metrics.spans) == [("01-02", "06-09", NOT_OFFERED, without.format("user.insights"))]
    readings.about, metrics.about = replace(readings.about, scope=None), replace(metrics.about, scope=None)
    readings.settle(date(2026, 6, 10))
    metrics.settle(date(2026, 6, 10))
    assert as_rows(readings.spans) == [
        ("03-01", "06-09", NOT_OFFERED, without.format("comment.list")),
        ("06-10", "06-10", MISSING, NOT_YET),
    ]
    assert as_rows(metrics.spans) == [
        ("01-02", "04-12", NOT_OFFERED, without.format("user.insights")),
        ("04-13", "06-07", MISSING, NOT_YET),
        ("06-08", "06-09", PROVISIONAL, NOT_PUBLISHED),
    ]


def test_comments_left_in_part_are_loaded_with_a_note_until_the_rest_is_read():
    life = new_readings()
    life.read(CONNECTED, complete=False)
    assert as_rows(life.spans) == [("03-01", "03-01", LOADED, IN_PART)]
    assert life.spans[0].read_in_part
    life.read(CONNECTED)
    assert not life.spans[0].read_in_part
    life.read(CONNECTED + DAY, complete=False)
    life.read(CONNECTED + 2 * DAY)
    assert as_rows(life.spans) == [
        ("03-01", "03-01", LOADED, ""),
        ("03-02", "03-02", LOADED, IN_PART),
        ("03-03", "03-03", LOADED, ""),
    ]


def test_a_stored_day_that_tiktok_withdraws_stays_loaded():
    life = new_metrics()
    life.live(CONNECTED, date(2026, 6, 10))
    before = life.spans
    life.ask(date(2026, 6, 10), published=lambda day, today: day <= today - 3 * DAY and day != date(2026, 6, 4))
    assert life.spans == before


def test_rows_that_are_gone_say_so_until_they_are_loaded_again_or_lost():
    gone = Span(date(2026, 5, 4), date(2026, 5, 5), MISSING, ROWS_GONE)
    life = new_metrics()
    life.live(CONNECTED, date(2026, 6, 10))
    life.spans = laid_over(life.spans, [gone])
    life.settle(date(2026, 6, 10))
    assert as_rows(life.spans)[1] == ("05-04", "05-05", MISSING, ROWS_GONE)
    life.settle(date(2026, 7, 2))
    assert as_rows(life.spans)[1:3] == [("05-04", "05-04", LOST, ROWS_GONE), ("05-05", "05-05", MISSING, ROWS_GONE)]
    life.ask(date(2026, 7, 2))
    assert as_rows(life.spans)[1:3] == [("05-04", "05-04", LOST, ROWS_GONE), ("05-05", "06-29", LOADED, "")]


def test_a_run_of_the_day_before_that_writes_after_midnight_finds_its_day():
    readings, metrics = new_readings(), new_metrics()
    for life in (readings, metrics):
        life.live(CONNECTED, date(2026, 6, 9))
        life.settle(date(2026, 6, 10))  # the run begins
        life.settle(date(2026, 6, 11))  # somebody looks after midnight
    assert as_rows(readings.spans)[1] == ("06-10", "06-10", LOST, NO_RUN)
    readings.spans = laid_over(readings.spans, [read_today(date(2026, 6, 10), complete=True)])
    assert as_rows(readings.spans) == [("03-01", "06-10", LOADED, ""), ("06-11", "06-11", MISSING, NOT_YET)]
    days = days_between(date(2026, 4, 13), date(2026, 6, 9))  # the 58 of the day before
    metrics.spans = answered(metrics.spans, days, days[:-2], date(2026, 6, 10))
    metrics.settle(date(2026, 6, 11))
    assert as_rows(metrics.spans) == [
        ("01-02", "06-07", LOADED, ""),
        ("06-08", "06-08", MISSING, NOT_YET),
        ("06-09", "06-10", PROVISIONAL, NOT_PUBLISHED),
    ]


def test_looking_again_changes_nothing():
    for life in (new_readings(), new_metrics()):
        life.live(CONNECTED, date(2026, 6, 9))
        life.settle(date(2026, 8, 30))
        before = life.spans
        life.settle(date(2026, 8, 30))
        assert life.spans == before
