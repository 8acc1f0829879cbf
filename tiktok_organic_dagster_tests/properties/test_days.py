"""Days sorted into windows, told in words and laid over one another, beside a plain account of each single day."""

import re
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiktok_organic_dagster.ledger import Span, State, laid_over
from tiktok_organic_dagster.windows import in_words, metrics_request, reading_request, videos_since

TODAYS = st.dates(date(2026, 1, 1), date(2032, 12, 31))
NEAR = st.integers(-70, 5)
BASE = date(2028, 2, 20)


@given(TODAYS, st.lists(NEAR))
@pytest.mark.parametrize(("request_of", "oldest"), [(metrics_request, 58), (reading_request, 0)])
def test_each_day_that_is_asked_for_is_allowed_or_refused_and_named(request_of, oldest, today, offsets):
    days = [today + timedelta(days=offset) for offset in offsets]

    request = request_of(days, today)

    assert list(request.allowed) == sorted({day for day in days if 0 <= (today - day).days <= oldest})
    assert list(request.refused) == sorted({*days} - {*request.allowed})
    left_out, _, allowed = request.refusal.partition(" Allowed: ")
    assert days_of(left_out) == list(request.refused)
    first = today - timedelta(days=oldest)
    assert allowed.startswith(f"{first} to {today} (today). " if oldest else f"{today} (today). ")


def days_of(text):
    """The days that a text names, single ones and ranges."""
    found = []
    for first, last in re.findall(r"(\d{4}-\d{2}-\d{2})(?: to (\d{4}-\d{2}-\d{2}) \(\d+ days\))?", text):
        begin, end = date.fromisoformat(first), date.fromisoformat(last or first)
        found += [begin + timedelta(days=number) for number in range((end - begin).days + 1)]
    return found


@given(st.sets(NEAR))
def test_days_in_words_name_each_of_them_in_as_few_ranges_as_there_are_gaps(offsets):
    days = [BASE + timedelta(days=offset) for offset in sorted(offsets)]

    words = in_words(days)

    assert days_of(words) == days
    assert len([part for part in words.split(", ") if part]) == sum(offset - 1 not in offsets for offset in offsets)
    lengths = [int(number) for number in re.findall(r"\((\d+) days\)", words)]
    assert all(length > 1 for length in lengths)
    assert sum(lengths) + words.count(", ") + bool(words) - len(lengths) == len(days)


@given(TODAYS)
def test_a_reading_holds_the_posts_of_exactly_365_days(today):
    since = videos_since(today)
    assert since == datetime.combine(since.date(), time(), UTC)
    assert (today - since.date()).days == 365


SPANS = st.lists(
    st.builds(
        lambda first, length, state, why, asked: Span(
            BASE + timedelta(days=first), BASE + timedelta(days=first + length), state, why, asked
        ),
        st.integers(0, 30),
        st.integers(0, 9),
        st.sampled_from(State),
        st.sampled_from(["", "why"]),
        st.sampled_from([None, BASE]),
    ),
    max_size=8,
)


def apart(spans):
    """Those of some spans that do not overlap an earlier one."""
    kept = []
    for span in spans:
        if all(span.last < other.first or other.last < span.first for other in kept):
            kept.append(span)
    return kept


def by_day(spans):
    return {
        span.first + timedelta(days=number): (span.state, span.why, span.asked)
        for span in spans
        for number in range(span.days)
    }


@given(SPANS.map(apart), SPANS.map(apart))
def test_spans_laid_over_others_say_of_each_day_the_newest_in_as_few_spans_as_can_be(known, new):
    told = laid_over(known, new)

    assert by_day(told) == by_day(known) | by_day(new)
    for one, following in pairwise(told):
        assert one.first <= one.last < following.first
        assert not (one.is_like(following) and one.last + timedelta(days=1) == following.first)
    assert laid_over(told, []) == told
