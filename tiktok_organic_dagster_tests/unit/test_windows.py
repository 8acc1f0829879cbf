"""Which days can be loaded, which videos a reading holds: worked examples by date."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tiktok_organic_dagster.assets.specs import daily
from tiktok_organic_dagster.windows import in_words, metrics_request, reading_request, videos_since

TODAY = date(2026, 11, 23)
FIRST = date(2026, 9, 26)  # 58 days before: 4 of September, 31 of October and 23 of November lie between


def _days(first, last):
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def test_the_58_days_of_metrics_and_today_are_allowed():
    request = metrics_request(_days(FIRST, TODAY), TODAY)
    assert request.allowed == tuple(_days(FIRST, TODAY))
    assert len(request.allowed) == 59
    assert request.refused == ()


@pytest.mark.parametrize("day", [date(2026, 9, 25), date(2026, 1, 1), date(2026, 11, 24), date(2030, 1, 1)])
def test_metrics_of_a_day_outside_are_refused(day):
    request = metrics_request([day], TODAY)
    assert request.allowed == ()
    assert request.refused == (day,)


def test_a_range_of_metrics_partly_inside_is_split():
    request = metrics_request(_days(date(2026, 9, 20), date(2026, 9, 28)), TODAY)
    assert request.allowed == (date(2026, 9, 26), date(2026, 9, 27), date(2026, 9, 28))
    assert request.refused == tuple(_days(date(2026, 9, 20), date(2026, 9, 25)))


def test_the_refusal_of_metrics_names_the_days_left_out_the_days_allowed_and_why():
    text = metrics_request(_days(date(2026, 9, 24), date(2026, 9, 27)), TODAY).refusal
    assert "2026-09-24 to 2026-09-25 (2 days)" in text
    assert "2026-09-26 to 2026-11-23" in text
    assert "58 days" in text
    assert "2026-09-27" not in text


@pytest.mark.parametrize(
    ("today", "first"),
    [
        (date(2028, 2, 29), date(2028, 1, 2)),
        (date(2028, 3, 1), date(2028, 1, 3)),  # over a leap day
        (date(2027, 3, 1), date(2027, 1, 2)),  # over a February of 28 days
        (date(2027, 1, 1), date(2026, 11, 4)),  # over the year's end
    ],
)
def test_58_days_are_counted_by_the_calendar(today, first):
    assert metrics_request([first], today).allowed == (first,)
    assert metrics_request([first - timedelta(days=1)], today).allowed == ()


def test_a_reading_is_allowed_today_only():
    request = reading_request(_days(date(2026, 11, 21), date(2026, 11, 24)), TODAY)
    assert request.allowed == (TODAY,)
    assert request.refused == (date(2026, 11, 21), date(2026, 11, 22), date(2026, 11, 24))


def test_the_refusal_of_a_reading_names_the_days_left_out_and_today():
    text = reading_request([date(2026, 11, 21), date(2026, 11, 22)], TODAY).refusal
    assert text == (
        "Not loaded: 2026-11-21 to 2026-11-22 (2 days). Allowed: 2026-11-23 (today). "
        "A reading is what TikTok says now, so it can be taken for today only: TikTok serves no past values."
    )


@pytest.mark.parametrize("request_of", [metrics_request, reading_request])
def test_days_are_sorted_and_each_counted_once(request_of):
    yesterday = date(2026, 11, 22)
    request = request_of(iter([TODAY, date(2026, 1, 2), TODAY, date(2026, 1, 1), date(2026, 1, 2)]), TODAY)
    assert request.allowed == (TODAY,)
    assert request.refused == (date(2026, 1, 1), date(2026, 1, 2))
    assert yesterday not in request.refused


@pytest.mark.parametrize("request_of", [metrics_request, reading_request])
def test_no_days_asked_for_are_no_days(request_of):
    request = request_of([], TODAY)
    assert (request.allowed, request.refused) == ((), ())


@pytest.mark.parametrize(
    ("today", "since"),
    [
        (date(2026, 11, 23), datetime(2025, 11, 23, tzinfo=UTC)),
        (date(2028, 2, 29), datetime(2027, 3, 1, tzinfo=UTC)),
        (date(2029, 2, 28), datetime(2028, 2, 29, tzinfo=UTC)),
        (date(2029, 3, 1), datetime(2028, 3, 1, tzinfo=UTC)),
        (date(2027, 1, 1), datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_videos_of_365_days_count_from_midnight_utc(today, since):
    assert videos_since(today) == since
    assert videos_since(today).utcoffset() == timedelta(0)


def test_a_video_of_the_first_second_is_held_and_one_of_the_second_before_is_not():
    since = videos_since(date(2026, 11, 23))
    assert datetime(2025, 11, 23, 0, 0, 0, tzinfo=UTC) >= since
    assert datetime(2025, 11, 22, 23, 59, 59, tzinfo=UTC) < since


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ([], ""),
        (["2026-01-07"], "2026-01-07"),
        (["2026-01-01", "2026-01-02"], "2026-01-01 to 2026-01-02 (2 days)"),
        (
            ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-07"],
            "2026-01-01 to 2026-01-03 (3 days), 2026-01-07",
        ),
        (["2026-01-01", "2026-01-03"], "2026-01-01, 2026-01-03"),
        (["2028-02-28", "2028-02-29", "2028-03-01"], "2028-02-28 to 2028-03-01 (3 days)"),
        (["2026-12-31", "2027-01-01"], "2026-12-31 to 2027-01-01 (2 days)"),
    ],
)
def test_days_in_words(days, words):
    assert in_words([date.fromisoformat(day) for day in days]) == words


def test_the_partitions_are_utc_days_from_the_fixed_start_to_today():
    partitions = daily(date(2026, 1, 1))
    now = datetime(2026, 1, 3, 0, 0, 1, tzinfo=UTC)
    assert partitions.get_partition_keys(current_time=now) == ["2026-01-01", "2026-01-02", "2026-01-03"]
    before_midnight = datetime(2026, 1, 2, 23, 59, 59, tzinfo=UTC)
    assert partitions.get_partition_keys(current_time=before_midnight)[-1] == "2026-01-02"
    assert partitions.timezone == "UTC"
