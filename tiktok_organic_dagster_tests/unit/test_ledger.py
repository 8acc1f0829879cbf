"""The gap ledger's rules: worked examples by date, and a year of accidents against a plain day-by-day account of it."""

import random
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import pairwise

import pytest

from tiktok_organic_dagster.ledger import (
    BEFORE_THE_FIRST,
    IN_PART,
    NO_RUN,
    NOT_CONNECTED,
    NOT_PUBLISHED,
    NOT_YET,
    NOTHING_RETURNED,
    ROWS_GONE,
    Circumstances,
    Span,
    State,
    answered,
    laid_over,
    read_today,
    settled,
)

DAY = timedelta(days=1)
CONNECTED = date(2026, 3, 1)
OLDEST = date(2026, 1, 2)  # 58 days before: 28 of February and 30 of January lie between
LOADED, MISSING, LOST, PROVISIONAL, NOT_OFFERED = (
    State.LOADED, State.MISSING, State.LOST, State.PROVISIONAL, State.NOT_OFFERED,
)  # fmt: skip


def _days(first, last):
    return [first + n * DAY for n in range((last - first).days + 1)]


def _rows(spans):
    """The spans as they are written down in the examples."""
    return [(f"{span.first:%m-%d}", f"{span.last:%m-%d}", span.state, span.why) for span in spans]


@dataclass
class Life:
    """An account's table, and what becomes of it."""

    fills_days: bool = True
    about: Circumstances = field(default_factory=lambda: Circumstances(CONNECTED, OLDEST))
    spans: list[Span] = field(default_factory=list)

    def settle(self, today):
        self.spans = settled(self.spans, self.about, today, fills_days=self.fills_days)

    def ask(self, today, first=None, published=lambda day, today: day <= today - 3 * DAY):
        """A run asks TikTok, by default for the days of which the ledger knows that they are missing."""
        self.settle(today)
        missing = [span.first for span in self.spans if span.state is MISSING]
        asked = _days(first or min([*missing, today - 7 * DAY]), today - DAY)
        self.spans = answered(self.spans, asked, [day for day in asked if published(day, today)], today)

    def read(self, today, *, complete=True):
        """A run takes today's reading."""
        self.settle(today)
        self.spans = laid_over(self.spans, [read_today(today, complete=complete)])

    def live(self, first, last):
        """A run every day."""
        for today in _days(first, last):
            if self.fills_days:
                self.ask(today)
            else:
                self.read(today)


def _metrics(**about):
    return Life(about=Circumstances(CONNECTED, OLDEST, **about))


def _readings(**about):
    return Life(fills_days=False, about=Circumstances(CONNECTED, CONNECTED, **about))


def test_new_days_take_the_place_of_what_was_said_of_them_and_like_neighbours_are_one():
    a, b = Span(date(2026, 3, 1), date(2026, 3, 10), LOADED), Span(date(2026, 3, 11), date(2026, 3, 11), MISSING)
    assert laid_over([a, b], [Span(date(2026, 3, 11), date(2026, 3, 12), LOADED)]) == [
        replace(a, last=date(2026, 3, 12))
    ]
    assert _rows(laid_over([a, b], [Span(date(2026, 3, 4), date(2026, 3, 5), LOST, "x")])) == [
        ("03-01", "03-03", LOADED, ""),
        ("03-04", "03-05", LOST, "x"),
        ("03-06", "03-10", LOADED, ""),
        ("03-11", "03-11", MISSING, ""),
    ]
    assert laid_over([], []) == []
    assert a.days == 10


def test_a_healthy_account_of_three_years_is_a_row_for_readings_and_two_for_metrics():
    readings, metrics = _readings(), _metrics()
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
    metrics, readings = _metrics(), _readings()
    metrics.settle(CONNECTED)
    assert _rows(metrics.spans) == [
        ("01-02", "02-26", MISSING, NOT_YET),
        ("02-27", "02-28", PROVISIONAL, NOT_PUBLISHED),
    ]
    readings.settle(CONNECTED)
    assert _rows(readings.spans) == [("03-01", "03-01", MISSING, NOT_YET)]
    readings.read(CONNECTED)
    assert _rows(readings.spans) == [("03-01", "03-01", LOADED, "")]


def test_no_day_before_the_first_partition_is_expected():
    life = Life(about=Circumstances(CONNECTED, date(2026, 2, 20)))
    life.ask(CONNECTED)
    assert _rows(life.spans)[0] == ("02-20", "02-26", LOADED, "")
    not_begun = Life(about=Circumstances(CONNECTED, date(2026, 4, 1)))
    not_begun.settle(CONNECTED)
    assert not_begun.spans == []


def test_an_outage_of_3_days_loses_readings_and_no_metrics():
    readings, metrics = _readings(), _metrics()
    for life in (readings, metrics):
        life.live(CONNECTED, date(2026, 6, 10))
        life.live(date(2026, 6, 14), date(2026, 6, 20))
    assert _rows(readings.spans) == [
        ("03-01", "06-10", LOADED, ""),
        ("06-11", "06-13", LOST, NO_RUN),
        ("06-14", "06-20", LOADED, ""),
    ]
    assert _rows(metrics.spans) == [
        ("01-02", "06-17", LOADED, ""),
        ("06-18", "06-19", PROVISIONAL, NOT_PUBLISHED),
    ]


def test_an_outage_of_30_days_is_closed_by_the_next_run_for_metrics():
    metrics, readings = _metrics(), _readings()
    for life in (readings, metrics):
        life.live(CONNECTED, date(2026, 6, 10))
    metrics.settle(date(2026, 7, 11))
    assert _rows(metrics.spans) == [
        ("01-02", "06-07", LOADED, ""),
        ("06-08", "07-08", MISSING, NOT_YET),
        ("07-09", "07-10", PROVISIONAL, NOT_PUBLISHED),
    ]
    metrics.ask(date(2026, 7, 11))
    assert _rows(metrics.spans) == [("01-02", "07-08", LOADED, ""), ("07-09", "07-10", PROVISIONAL, NOT_PUBLISHED)]
    readings.live(date(2026, 7, 11), date(2026, 7, 11))
    assert _rows(readings.spans)[1] == ("06-11", "07-10", LOST, NO_RUN)


def test_an_outage_of_70_days_loses_exactly_the_days_that_came_to_lie_before_the_58():
    metrics = _metrics()
    metrics.live(CONNECTED, date(2026, 6, 10))
    metrics.ask(date(2026, 8, 20))
    # 58 days before 08-20 is 06-23; loaded by 06-10 was what was published then, up to 06-07.
    assert _rows(metrics.spans) == [
        ("01-02", "06-07", LOADED, ""),
        ("06-08", "06-22", LOST, NO_RUN),
        ("06-23", "08-17", LOADED, ""),
        ("08-18", "08-19", PROVISIONAL, NOT_PUBLISHED),
    ]


def test_an_account_that_was_not_connected_for_a_time():
    readings, metrics = _readings(), _metrics()
    for life in (readings, metrics):
        life.live(CONNECTED, date(2026, 6, 10))
    again = date(2026, 9, 1)
    readings.about = Circumstances(again, again)
    metrics.about = Circumstances(again, date(2026, 7, 5))
    readings.live(again, date(2026, 9, 3))
    assert _rows(readings.spans) == [
        ("03-01", "06-10", LOADED, ""),
        ("06-11", "08-31", LOST, NOT_CONNECTED),
        ("09-01", "09-03", LOADED, ""),
    ]
    metrics.ask(again)
    assert _rows(metrics.spans) == [
        ("01-02", "06-07", LOADED, ""),
        ("06-08", "07-04", LOST, NOT_CONNECTED),
        ("07-05", "08-29", LOADED, ""),
        ("08-30", "08-31", PROVISIONAL, NOT_PUBLISHED),
    ]


def test_a_day_before_the_reconnection_that_could_still_be_had_afterwards_was_lost_because_no_run_asked():
    metrics = _metrics()
    metrics.live(CONNECTED, date(2026, 6, 10))
    metrics.about = Circumstances(date(2026, 6, 20), date(2026, 4, 23))
    metrics.settle(date(2026, 9, 1))
    assert _rows(metrics.spans)[1] == ("06-08", "07-04", LOST, NO_RUN)


def test_an_authorization_that_ended_and_was_renewed():
    readings, metrics = _readings(), _metrics()
    for life in (readings, metrics):
        life.live(CONNECTED, date(2026, 6, 10))
        life.about = replace(life.about, ended="the owner revoked it")
        for today in _days(date(2026, 6, 11), date(2026, 6, 20)):
            life.settle(today)
    because = "the authorization has ended (the owner revoked it)"
    assert _rows(readings.spans)[1:] == [("06-11", "06-19", LOST, because), ("06-20", "06-20", MISSING, because)]
    assert _rows(metrics.spans)[1:] == [
        ("06-08", "06-17", MISSING, because),
        ("06-18", "06-19", PROVISIONAL, NOT_PUBLISHED),
    ]
    for life in (readings, metrics):
        life.about = replace(life.about, ended=None)
    readings.read(date(2026, 6, 20))
    metrics.ask(date(2026, 6, 20))
    readings.settle(date(2026, 6, 22))
    assert _rows(readings.spans)[1:] == [
        ("06-11", "06-19", LOST, because),
        ("06-20", "06-20", LOADED, ""),
        ("06-21", "06-21", LOST, NO_RUN),
        ("06-22", "06-22", MISSING, NOT_YET),
    ]
    assert _rows(metrics.spans) == [("01-02", "06-17", LOADED, ""), ("06-18", "06-19", PROVISIONAL, NOT_PUBLISHED)]


def test_each_day_on_which_an_account_failed_keeps_its_own_reason():
    life = _readings()
    life.live(CONNECTED, date(2026, 6, 10))
    for day, why in ((11, "TikTok is down"), (12, "TikTok is down"), (13, "too many requests")):
        life.settle(date(2026, 6, day))  # the run's beginning
        life.about = replace(life.about, failed_on=date(2026, 6, day), failure=why)
    life.settle(date(2026, 6, 13))
    assert _rows(life.spans)[-1] == ("06-13", "06-13", MISSING, "too many requests")
    life.settle(date(2026, 6, 16))  # no run on the 14th and 15th
    assert _rows(life.spans)[1:] == [
        ("06-11", "06-12", LOST, "TikTok is down"),
        ("06-13", "06-13", LOST, "too many requests"),
        ("06-14", "06-15", LOST, NO_RUN),
        ("06-16", "06-16", MISSING, NOT_YET),
    ]


def test_metrics_that_are_lost_while_the_account_fails_keep_the_reason_of_the_failure():
    life = _metrics()
    life.live(CONNECTED, date(2026, 6, 10))
    for today in _days(date(2026, 6, 11), date(2026, 8, 20)):
        life.settle(today)
        life.about = replace(life.about, failed_on=today, failure="TikTok is down")
    life.settle(date(2026, 8, 20))
    assert _rows(life.spans) == [
        ("01-02", "06-07", LOADED, ""),
        ("06-08", "06-22", LOST, "TikTok is down"),
        ("06-23", "08-17", MISSING, "TikTok is down"),
        ("08-18", "08-19", PROVISIONAL, NOT_PUBLISHED),
    ]


def test_a_day_that_tiktok_returns_late():
    life = _metrics()
    late = date(2026, 6, 8)
    life.live(CONNECTED, date(2026, 6, 10))
    life.ask(date(2026, 6, 11), published=lambda day, _today: day < late)
    assert _rows(life.spans) == [
        ("01-02", "06-07", LOADED, ""),
        ("06-08", "06-08", MISSING, NOTHING_RETURNED),
        ("06-09", "06-10", PROVISIONAL, NOT_PUBLISHED),
    ]
    assert life.spans[1].asked == date(2026, 6, 11)
    life.ask(date(2026, 6, 12), published=lambda day, _today: day < late)
    assert _rows(life.spans)[1] == ("06-08", "06-09", MISSING, NOTHING_RETURNED)
    life.ask(date(2026, 6, 13))
    assert _rows(life.spans) == [("01-02", "06-10", LOADED, ""), ("06-11", "06-12", PROVISIONAL, NOT_PUBLISHED)]


def test_a_day_that_never_comes_is_asked_for_until_it_is_lost():
    life = _metrics()
    never = date(2026, 6, 8)
    for today in _days(CONNECTED, date(2026, 8, 5)):
        life.ask(today, published=lambda day, today: day <= today - 3 * DAY and day != never)
    assert (never, never, MISSING, NOTHING_RETURNED, date(2026, 8, 5)) in [
        (s.first, s.last, s.state, s.why, s.asked) for s in life.spans
    ]
    life.ask(date(2026, 8, 6), published=lambda day, today: day <= today - 3 * DAY)
    assert _rows(life.spans)[1] == ("06-08", "06-08", LOST, NOTHING_RETURNED)


def test_days_before_the_first_that_tiktok_has_are_not_offered():
    life = _metrics()

    def published(day, today):
        return date(2026, 2, 10) <= day <= today - 3 * DAY

    for _ in range(2):  # on one day
        life.ask(CONNECTED, published=published)
        assert _rows(life.spans) == [
            ("01-02", "02-09", MISSING, NOTHING_RETURNED),
            ("02-10", "02-26", LOADED, ""),
            ("02-27", "02-28", PROVISIONAL, NOT_PUBLISHED),
        ]
    life.ask(CONNECTED + DAY, published=published)
    assert _rows(life.spans)[:2] == [("01-02", "02-09", NOT_OFFERED, BEFORE_THE_FIRST), ("02-10", "02-27", LOADED, "")]
    life.live(CONNECTED + 2 * DAY, date(2026, 6, 1))
    assert _rows(life.spans)[:2] == [("01-02", "02-09", NOT_OFFERED, BEFORE_THE_FIRST), ("02-10", "05-29", LOADED, "")]


def test_one_short_answer_does_not_make_an_account_begin_late():
    life = _metrics()
    life.ask(CONNECTED, published=lambda day, today: date(2026, 2, 20) <= day <= today - 3 * DAY)
    life.ask(CONNECTED + DAY, first=date(2026, 2, 21))  # somebody loads a few days by hand
    assert _rows(life.spans)[1:3] == [("01-03", "02-19", MISSING, NOTHING_RETURNED), ("02-20", "02-27", LOADED, "")]

    life.ask(CONNECTED + DAY)

    assert _rows(life.spans) == [
        ("01-02", "01-02", NOT_OFFERED, BEFORE_THE_FIRST),  # by now too old to be asked for
        ("01-03", "02-27", LOADED, ""),
        ("02-28", "03-01", PROVISIONAL, NOT_PUBLISHED),
    ]


def test_an_account_whose_analytics_are_off_for_ever_loses_nothing():
    life = _metrics()
    for today in _days(CONNECTED, date(2026, 6, 1)):
        life.ask(today, published=lambda _day, _today: False)
    assert _rows(life.spans) == [
        ("01-02", "04-03", NOT_OFFERED, NOTHING_RETURNED),
        ("04-04", "05-29", MISSING, NOTHING_RETURNED),
        ("05-30", "05-31", PROVISIONAL, NOT_PUBLISHED),
    ]


@pytest.mark.parametrize("by_hand", [False, True])
def test_analytics_that_are_turned_on_begin_the_account(by_hand):
    life = _metrics()
    for today in _days(CONNECTED, date(2026, 5, 5)):
        life.ask(today, published=lambda _day, _today: False)

    def published(day, today):
        return date(2026, 5, 1) <= day <= today - 3 * DAY

    if by_hand:
        life.ask(date(2026, 5, 6), date(2026, 4, 30), published)
        assert _rows(life.spans)[:3] == [
            ("01-02", "03-08", NOT_OFFERED, BEFORE_THE_FIRST),
            ("03-09", "04-29", MISSING, NOTHING_RETURNED),  # in the window, and not among the days asked for by hand
            ("04-30", "04-30", NOT_OFFERED, BEFORE_THE_FIRST),
        ]
    life.ask(date(2026, 5, 6), published=published)
    assert _rows(life.spans) == [
        ("01-02", "04-30", NOT_OFFERED, BEFORE_THE_FIRST),
        ("05-01", "05-03", LOADED, ""),
        ("05-04", "05-05", PROVISIONAL, NOT_PUBLISHED),
    ]


def test_seven_days_loaded_by_hand_say_nothing_of_the_days_before_them():
    life = _metrics()
    life.ask(CONNECTED, first=date(2026, 2, 22))
    assert _rows(life.spans)[:2] == [("01-02", "02-21", MISSING, NOT_YET), ("02-22", "02-26", LOADED, "")]
    life.ask(CONNECTED)
    assert _rows(life.spans)[0] == ("01-02", "02-26", LOADED, "")


def test_a_scope_that_is_granted_later_opens_what_can_still_be_had_and_nothing_before():
    readings = _readings(scope="comment.list")
    metrics = _metrics(scope="user.insights")
    without = "the owner did not grant the scope {}"
    for today in _days(CONNECTED, date(2026, 6, 10)):
        readings.settle(today)
        metrics.settle(today)
    assert _rows(readings.spans) == [("03-01", "06-10", NOT_OFFERED, without.format("comment.list"))]
    assert _rows(metrics.spans) == [("01-02", "06-09", NOT_OFFERED, without.format("user.insights"))]
    readings.about, metrics.about = replace(readings.about, scope=None), replace(metrics.about, scope=None)
    readings.settle(date(2026, 6, 10))
    metrics.settle(date(2026, 6, 10))
    assert _rows(readings.spans) == [
        ("03-01", "06-09", NOT_OFFERED, without.format("comment.list")),
        ("06-10", "06-10", MISSING, NOT_YET),
    ]
    assert _rows(metrics.spans) == [
        ("01-02", "04-12", NOT_OFFERED, without.format("user.insights")),
        ("04-13", "06-07", MISSING, NOT_YET),
        ("06-08", "06-09", PROVISIONAL, NOT_PUBLISHED),
    ]


def test_comments_left_in_part_are_loaded_with_a_note_until_the_rest_is_read():
    life = _readings()
    life.read(CONNECTED, complete=False)
    assert _rows(life.spans) == [("03-01", "03-01", LOADED, IN_PART)]
    assert life.spans[0].read_in_part
    life.read(CONNECTED)
    assert not life.spans[0].read_in_part
    life.read(CONNECTED + DAY, complete=False)
    life.read(CONNECTED + 2 * DAY)
    assert _rows(life.spans) == [
        ("03-01", "03-01", LOADED, ""),
        ("03-02", "03-02", LOADED, IN_PART),
        ("03-03", "03-03", LOADED, ""),
    ]


def test_a_stored_day_that_tiktok_withdraws_stays_loaded():
    life = _metrics()
    life.live(CONNECTED, date(2026, 6, 10))
    before = life.spans
    life.ask(date(2026, 6, 10), published=lambda day, today: day <= today - 3 * DAY and day != date(2026, 6, 4))
    assert life.spans == before


def test_rows_that_are_gone_say_so_until_they_are_loaded_again_or_lost():
    gone = Span(date(2026, 5, 4), date(2026, 5, 5), MISSING, ROWS_GONE)
    life = _metrics()
    life.live(CONNECTED, date(2026, 6, 10))
    life.spans = laid_over(life.spans, [gone])
    life.settle(date(2026, 6, 10))
    assert _rows(life.spans)[1] == ("05-04", "05-05", MISSING, ROWS_GONE)
    life.settle(date(2026, 7, 2))
    assert _rows(life.spans)[1:3] == [("05-04", "05-04", LOST, ROWS_GONE), ("05-05", "05-05", MISSING, ROWS_GONE)]
    life.ask(date(2026, 7, 2))
    assert _rows(life.spans)[1:3] == [("05-04", "05-04", LOST, ROWS_GONE), ("05-05", "06-29", LOADED, "")]


def test_a_run_of_the_day_before_that_writes_after_midnight_finds_its_day():
    readings, metrics = _readings(), _metrics()
    for life in (readings, metrics):
        life.live(CONNECTED, date(2026, 6, 9))
        life.settle(date(2026, 6, 10))  # the run begins
        life.settle(date(2026, 6, 11))  # somebody looks after midnight
    assert _rows(readings.spans)[1] == ("06-10", "06-10", LOST, NO_RUN)
    readings.spans = laid_over(readings.spans, [read_today(date(2026, 6, 10), complete=True)])
    assert _rows(readings.spans) == [("03-01", "06-10", LOADED, ""), ("06-11", "06-11", MISSING, NOT_YET)]
    days = _days(date(2026, 4, 13), date(2026, 6, 9))  # the 58 of the day before
    metrics.spans = answered(metrics.spans, days, days[:-2], date(2026, 6, 10))
    metrics.settle(date(2026, 6, 11))
    assert _rows(metrics.spans) == [
        ("01-02", "06-07", LOADED, ""),
        ("06-08", "06-08", MISSING, NOT_YET),
        ("06-09", "06-10", PROVISIONAL, NOT_PUBLISHED),
    ]


def test_looking_again_changes_nothing():
    for life in (_readings(), _metrics()):
        life.live(CONNECTED, date(2026, 6, 9))
        life.settle(date(2026, 8, 30))
        before = life.spans
        life.settle(date(2026, 8, 30))
        assert life.spans == before


class Plain:
    """The same, told day by day: what is known of each day, and since when nothing more can be done."""

    def __init__(self, fills_days):
        self.fills_days = fills_days
        self.days = {}
        self.begin = None

    def settle(self, today, about):
        window = 58 * DAY if self.fills_days else 0 * DAY
        self.begin = min(self.begin or about.begin, about.begin)
        for day in _days(self.begin, today - DAY if self.fills_days else today):
            state, why, asked = self.days.get(day, (MISSING, "", None))
            can_be_had = day + window >= today
            opened = state is NOT_OFFERED and "scope" in why and about.scope is None and can_be_had
            if state in {LOADED, LOST, NOT_OFFERED} and not opened:
                continue
            first = min((day for day, known in self.days.items() if known[0] is LOADED), default=None)
            if about.scope:
                now = (NOT_OFFERED, f"the owner did not grant the scope {about.scope}", None)
            elif self.fills_days and day + 3 * DAY > today:
                now = (PROVISIONAL, NOT_PUBLISHED, None)
            elif asked:
                if can_be_had:
                    now = (MISSING, NOTHING_RETURNED, asked)
                elif first is None:
                    now = (NOT_OFFERED, NOTHING_RETURNED, None)
                else:
                    now = (NOT_OFFERED, BEFORE_THE_FIRST, None) if day < first else (LOST, NOTHING_RETURNED, None)
            else:
                now = (MISSING if can_be_had else LOST, self.why(day, about, can_be_had, window), None)
            self.days[day] = now

    def why(self, day, about, can_be_had, window):
        if not can_be_had and day + window < about.connected:
            return NOT_CONNECTED
        if about.failed_on and (day < about.failed_on if self.fills_days else day == about.failed_on):
            return about.failure
        if about.ended:
            return f"the authorization has ended ({about.ended})"
        return NOT_YET if can_be_had else NO_RUN

    def ask(self, asked, returned, today):
        first = min([*returned, *(day for day, known in self.days.items() if known[0] is LOADED)], default=None)
        for day in list(self.days):
            if first and day < first and self.days[day][:2] == (NOT_OFFERED, NOTHING_RETURNED):
                self.days[day] = (NOT_OFFERED, BEFORE_THE_FIRST, None)
        for day in asked:
            state, _, asked_before = self.days.get(day, (None, "", None))
            if day in returned:
                self.days[day] = (LOADED, "", None)
            elif state is LOADED:
                continue
            elif first and day < first and (state is NOT_OFFERED or (asked_before and asked_before < today)):
                self.days[day] = (NOT_OFFERED, BEFORE_THE_FIRST, None)
            elif day + 3 * DAY <= today:
                self.days[day] = (MISSING, NOTHING_RETURNED, today)


def _next_circumstances(rng, about, today, fills_days):
    """What happens to an account from one day to the next."""
    if rng.random() < 0.02:
        about = replace(about, ended=None if about.ended else "revoked")
    if rng.random() < 0.01:
        about = replace(about, scope=None if about.scope else "comment.list")
    if rng.random() < 0.01:
        about = Circumstances(today, today - 58 * DAY if fills_days else today)
    if rng.random() < 0.2:
        about = replace(about, failed_on=today - DAY, failure=rng.choice(["down", "too many"]))
    elif rng.random() < 0.3:
        about = replace(about, failed_on=None, failure="")
    return about


@pytest.mark.parametrize("fills_days", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_400_days_of_accidents_are_told_as_a_plain_account_of_each_day_tells_them(seed, fills_days):
    rng = random.Random(seed)  # noqa: S311 -- accidents, not secrets
    about = Circumstances(CONNECTED, OLDEST if fills_days else CONNECTED)
    spans, plain = [], Plain(fills_days)
    down = 0  # days for which nothing runs
    on = rng.choice([0, 40])  # days until TikTok has anything
    never = set()
    for number in range(400):
        today = CONNECTED + number * DAY
        about = _next_circumstances(rng, about, today, fills_days)
        down = rng.choice([3, 30, 70]) if rng.random() < 0.02 else max(0, down - 1)
        if down:
            continue
        spans = settled(spans, about, today, fills_days=fills_days)
        plain.settle(today, about)
        never |= {today - 4 * DAY} if rng.random() < 0.1 else set()
        if rng.random() < 0.8 and not about.ended and not about.scope:
            if fills_days:
                asked = _days(today - rng.choice([1, 7, 20, 58]) * DAY, today - DAY)
                late = rng.choice([2, 2, 2, 3, 6]) * DAY
                came = [d for d in asked if d <= today - late and d not in never and d >= CONNECTED + on * DAY]
                spans = answered(spans, asked, came, today)
                plain.ask(asked, came, today)
            else:
                complete = rng.random() < 0.8
                spans = laid_over(spans, [read_today(today, complete=complete)])
                plain.days[today] = (LOADED, "" if complete else IN_PART, None)
        told = {day: (s.state, s.why, s.asked) for s in spans for day in _days(s.first, s.last)}
        assert told == plain.days, today
        assert sum(s.days for s in spans) == len(told)  # no day twice
        assert not any(a.is_like(b) and b.first == a.last + DAY for a, b in pairwise(spans))
