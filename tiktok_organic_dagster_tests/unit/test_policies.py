"""The examples of docs/policies.md that follow from pure functions: windows, messages, when comments are read again."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tiktok_organic_dagster.readings.comment_refresh import Known, Refresh, Video, refresh
from tiktok_organic_dagster.windows import BACKFILL_DAYS, VIDEO_DAYS, Request, metrics_request, reading_request
from tiktok_organic_dagster_tests.pages import examples, page, table
from tiktok_organic_dagster_tests.policy_examples import PAGE, TODAY, days_of

EXAMPLES = examples(page(PAGE))
REQUESTS: dict[str, Callable[[Iterable[date], date], Request]] = {
    "metrics": metrics_request,
    "reading": reading_request,
}
READ = {"nothing": Refresh.NOTHING, "newest": Refresh.HEAD, "all": Refresh.FULL}
LONG_AGO, LATER = TODAY - timedelta(days=400), TODAY + timedelta(days=10)


def test_every_example_of_the_page_is_played_through_by_a_test():
    sources = [file.read_text() for file in Path(__file__).parents[1].glob("*/test_policies*.py")]
    played = {name for source in sources for name in re.findall(r'table\(EXAMPLES\["([^"]+)"\]\)', source)}
    refusals = {name for name in EXAMPLES if name.startswith("refusal of ")}
    assert len(refusals) == 2
    assert set(EXAMPLES) == played | refusals


def test_the_page_names_the_numbers_of_the_code():
    text = page(PAGE)
    assert f"## {BACKFILL_DAYS} days of account metrics" in text
    assert f"## The first reading, and {VIDEO_DAYS} days" in text


@pytest.mark.parametrize("row", table(EXAMPLES["metrics-window"]), ids=lambda row: row["today"])
def test_the_window_of_the_metrics(row):
    today = date.fromisoformat(row["today"])
    every_day = [LONG_AGO + timedelta(days=n) for n in range((LATER - LONG_AGO).days)]
    allowed = metrics_request(every_day, today).allowed
    assert allowed[0] == date.fromisoformat(row["first day"])
    assert allowed[-2:] == (date.fromisoformat(row["last day asked for"]), today)
    assert len(allowed) == BACKFILL_DAYS + 1


@pytest.mark.parametrize("row", table(EXAMPLES["ranges"]), ids=lambda row: f"{row['what']} {row['left out']}")
def test_what_is_loaded_of_a_range_and_what_is_left_out(row):
    request = REQUESTS[row["what"]](days_of(row["asked for on 2026-11-24"]), TODAY)
    assert list(request.allowed) == days_of(row["loaded and marked"])
    assert list(request.refused) == days_of(row["left out"])


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name.startswith("refusal")])
def test_the_message_names_the_days_left_out_and_those_allowed(name):
    what, _, days = name.removeprefix("refusal of ").removeprefix("a ").partition(" for ")
    fence, shown, _ = EXAMPLES[name].splitlines()
    assert fence == "```text"
    assert REQUESTS[what](days_of(days), TODAY).refusal == shown


@pytest.mark.parametrize("row", table(EXAMPLES["comment-refresh"]), ids=lambda row: row["why"])
def test_when_comments_are_read_again(row):
    read_at = _at(row["last read"])
    counter = {"none": None}.get(row["counter on 2026-11-24"], row["counter on 2026-11-24"])
    video = Video("v", _at(row["post published"]), None if counter is None else float(counter))
    known = (
        None
        if read_at is None
        else Known(read_at, float(row["counter then"]), complete_at=_at(row["last read to the end"]))
    )
    assert refresh(video, known, datetime(2026, 11, 24, 5, tzinfo=UTC)) is READ[row["what is read"]]


def _at(moment: str) -> datetime | None:
    """A moment of the page; a day alone is meant at 05:00."""
    day, _, time = moment.partition(" ")
    return None if day == "never" else datetime.fromisoformat(f"{day}T{time or '05:00'}+00:00")
