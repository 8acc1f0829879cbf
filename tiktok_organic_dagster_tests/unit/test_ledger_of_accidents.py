"""The gap ledger's rules in 400 days of accidents, against a plain account of each day."""

import random
from dataclasses import replace
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
    Circumstances,
    answered,
    laid_over,
    read_today,
    settled,
)
from tiktok_organic_dagster_tests.unit.lives import (
    CONNECTED,
    DAY,
    LOADED,
    LOST,
    MISSING,
    NOT_OFFERED,
    OLDEST,
    PROVISIONAL,
    days_between,
)


class Plain:
    """The same, told day by day: what is known of each day, and since when nothing more can be done."""

    def __init__(self, fills_days):
        self.fills_days = fills_days
        self.days = {}
        self.begin = None

    def settle(self, today, about):
        window = 58 * DAY if self.fills_days else 0 * DAY
        self.begin = min(self.begin or about.begin, about.begin)
        for day in days_between(self.begin, today - DAY if self.fills_days else today):
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
                asked = days_between(today - rng.choice([1, 7, 20, 58]) * DAY, today - DAY)
                late = rng.choice([2, 2, 2, 3, 6]) * DAY
                came = [d for d in asked if d <= today - late and d not in never and d >= CONNECTED + on * DAY]
                spans = answered(spans, asked, came, today)
                plain.ask(asked, came, today)
            else:
                complete = rng.random() < 0.8
                spans = laid_over(spans, [read_today(today, complete=complete)])
                plain.days[today] = (LOADED, "" if complete else IN_PART, None)
        told = {day: (s.state, s.why, s.asked) for s in spans for day in days_between(s.first, s.last)}
        assert told == plain.days, today
        assert sum(s.days for s in spans) == len(told)  # no day twice
        assert not any(a.is_like(b) and b.first == a.last + DAY for a, b in pairwise(spans))
