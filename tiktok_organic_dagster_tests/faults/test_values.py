"""Values that nobody expects: the right value, or NULL and a finding with column, count and sample; no text fails."""

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tiktok_organic_dagster.assets.results import schema_result
from tiktok_organic_dagster.findings import Kind
from tiktok_organic_dagster.readings.run import Outcome
from tiktok_organic_dagster.simulator import ABSENT, Fault
from tiktok_organic_dagster.simulator.faults import change, without_metrics
from tiktok_organic_dagster.tables import (
    ACCOUNT,
    ACCOUNT_METRICS,
    AUDIENCE_ACTIVITY,
    COMMENTS,
    VIDEO_TABLES,
    VIDEOS,
    Table,
)
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.faults.cells import WITHOUT_BREAKDOWNS, add_post
from tiktok_organic_dagster_tests.lab import Lab

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")

BREAKDOWN = {name: next(table for table in VIDEO_TABLES if table.name.endswith(name)) for name in truth.BREAKDOWNS}

NUMBERS: list[tuple[object, float | None, Kind | None]] = [
    (12, 12.0, None),
    (1.5, 1.5, None),
    ("12", 12.0, None),
    (" 1e3 ", 1000.0, None),
    ("", None, None),
    (None, None, None),
    (ABSENT, None, None),
    (2**63, float(2**63), None),
    (10**400, None, Kind.UNREADABLE),
    (math.nan, None, Kind.UNREADABLE),
    (math.inf, None, Kind.UNREADABLE),
    ("NaN", None, Kind.UNREADABLE),
    ("many", None, Kind.UNREADABLE),
    (True, None, Kind.UNREADABLE),
    ([], None, Kind.UNREADABLE),
    ({"value": 3}, None, Kind.UNREADABLE),
    (-1, -1.0, Kind.OUT_OF_BOUNDS),
]
"""What is sent as the likes of a post, what is stored, and what is found about it."""

TEXTS = {
    text: text
    for text in (
        "",
        " spaces stay ",
        "Größe, naïve, œuvre",
        "Привет, Ελληνικά",
        "مرحبا \u202eبالعالم\u202c",
        "שלום\u200f",
        "नमस्ते दुनिया",
        "สวัสดีชาวโลก",
        "中文，日本語、한국어",
        "👩‍👩‍👧‍👦 🏳️‍🌈 🇧🇷",
        "e\u0301 is not \u00e9",
        "zero\u200bwidth\ufeff",
        "a\nb\tc\r\nd\x1b[2J\x7f",
        "\\N \\. \\\\ ' \" ; -- /* */ $$ %s {} \x1f,",
        '=HYPERLINK("x")',
        "NULL",
        "х" * 10_000,
        "\U0010ffff\ufffe",
    )
} | {"nul\0 here": "nul here", "half \ud83d of": "half \ufffd of", "\udc00\ud800": "\ufffd\ufffd"}
"""What is sent as a caption and as a comment, and what is stored."""


def only(outcomes: list[Outcome]) -> Outcome:
    (outcome,) = outcomes
    return outcome


def found(outcome: Outcome) -> dict[tuple[str, str, Kind], int]:
    return {(each.table, each.column, each.kind): each.count for each in outcome.notes.findings}


def said(table: Table, outcome: Outcome) -> str:
    return schema_result(table, [outcome], of_some=False).description or ""


def test_odd_numbers_are_the_right_value_or_null_and_said_with_count_and_sample(
    new_lab: Callable[..., Lab], warehouse_url: str
) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=0)
    posts = [
        add_post(lab, days_old=40 + number, **{**WITHOUT_BREAKDOWNS, "likes": sent})
        for number, (sent, _, _) in enumerate(NUMBERS)
    ]

    outcome = only(lab.read_videos([VIDEOS]))

    assert outcome.error is None
    stored = dict(lab.rows(VIDEOS, ["item_id", "likes"]))
    assert [stored[post] for post in posts] == [expected for _, expected, _ in NUMBERS]
    assert found(outcome) == {(VIDEOS.name, "likes", Kind.UNREADABLE): 8, (VIDEOS.name, "likes", Kind.OUT_OF_BOUNDS): 1}
    assert "likes: 8 could not be read and became NULL (first: " in said(VIDEOS, outcome)
    assert "likes: 1 are outside the bounds that make sense; stored as sent (first: -1.0)" in said(VIDEOS, outcome)
    assert sum(kind is Kind.UNREADABLE for _, _, kind in NUMBERS) == 8


def test_every_text_is_stored_to_the_letter_or_mended_and_said(new_lab: Callable[..., Lab], warehouse_url: str) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=0)
    posts = [
        add_post(lab, days_old=40 + number, **{**WITHOUT_BREAKDOWNS, "caption": text})
        for number, text in enumerate(TEXTS)
    ]
    commented = add_post(lab, **{**WITHOUT_BREAKDOWNS, "comments": len(TEXTS)})
    when = lab.clock.now() - timedelta(days=20)
    comments = [lab.world.changes.add_comment(commented, at=when, text=text)[0] for text in TEXTS]
    lab.world.changes.set_profile(0, bio_description="".join(TEXTS), display_name="\0")

    outcomes = [only(step) for step in (lab.read_account(), lab.read_videos([VIDEOS]), lab.read_comments())]

    assert [outcome.error for outcome in outcomes] == [None] * 3
    captions, written = dict(lab.rows(VIDEOS, ["item_id", "caption"])), dict(lab.rows(COMMENTS, ["comment_id", "text"]))
    assert [captions[post] for post in posts] == list(TEXTS.values())
    assert [written[comment] for comment in comments] == list(TEXTS.values())
    assert lab.rows(ACCOUNT, ["bio_description", "display_name"]) == [("".join(TEXTS.values()), "")]
    assert [found(outcome) for outcome in outcomes] == [
        {(ACCOUNT.name, "bio_description", Kind.MENDED_TEXT): 1, (ACCOUNT.name, "display_name", Kind.MENDED_TEXT): 1},
        {(VIDEOS.name, "caption", Kind.MENDED_TEXT): 3},
        {(COMMENTS.name, "text", Kind.MENDED_TEXT): 3},
    ]
    assert (
        r"caption: 3 held NUL or half of a character, which cannot be stored; mended (first: 'nul\x00 here')"
        in said(VIDEOS, outcomes[1])
    )
    assert "not shown: personal data" in said(COMMENTS, outcomes[2])


def test_odd_lists_and_unknown_values_in_breakdowns(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=0)
    genders: list[Any] = [
        [{"gender": "Robot", "percentage": 0.5}, {"gender": "Female", "percentage": 0.25}],
        [{"gender": "Male", "percentage": 0.5}, {"gender": "Male", "percentage": 0.6}],
        [{"percentage": 0.5}, {"gender": "Other"}, "text"],
        "a text",
        [],
        None,
        ABSENT,
    ]
    posts = [
        add_post(lab, days_old=40 + number, **{**WITHOUT_BREAKDOWNS, "audience_genders": each})
        for number, each in enumerate(genders)
    ]

    outcome = only(lab.read_videos())

    table = BREAKDOWN["audience_genders"]
    columns = ["item_id", "audience_genders_gender", "audience_genders_percentage"]
    assert lab.rows(table, columns) == truth.in_order(
        [
            (posts[0], "Robot", 0.5),
            (posts[0], "Female", 0.25),
            (posts[1], "Male", 0.5),
            (posts[2], "Other", None),
        ]
    )
    assert outcome.error is None
    key = "item_id, metric_date, audience_genders_gender"
    assert {(name, kind): count for (_, name, kind), count in found(outcome).items()} == {
        ("audience_genders_gender", Kind.UNKNOWN_VALUE): 1,
        (key, Kind.DUPLICATE): 1,
        (key, Kind.REJECTED): 1,
        ("audience_genders", Kind.UNREADABLE): 2,
    }
    assert "audience_genders_gender: 1 are none of the documented values; stored as sent (first: 'Robot')" in said(
        table, outcome
    )
    assert len(lab.rows(VIDEOS)) == len(posts)


def test_a_key_too_long_for_an_index_costs_its_own_row_alone(new_lab: Callable[..., Lab], warehouse_url: str) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=0)
    cities = [{"city_name": "x" * 9_000, "percentage": 0.5}, {"city_name": "é" * 500, "percentage": 0.25}]
    add_post(lab, **{**WITHOUT_BREAKDOWNS, "audience_cities": cities})

    outcome = only(lab.read_videos())

    assert outcome.error is None
    table = BREAKDOWN["audience_cities"]
    columns = ["audience_cities_city_name", "audience_cities_percentage"]
    assert lab.rows(table, columns) == [("é" * 500, 0.25)]
    assert {kind for _, _, kind in found(outcome)} == {Kind.UNREADABLE, Kind.REJECTED}


def test_the_same_hour_twice_in_one_answer_is_stored_once_and_counted(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=0)
    day = lab.clock.today - timedelta(days=9)
    lab.world.changes.patch_metrics(
        0, day, audience_activity=[{"hour": "3", "count": 7}, {"hour": "3", "count": 8}, {"hour": "4", "count": 9}]
    )

    outcome = only(lab.read_metrics(12))

    columns = ["audience_activity_hour", "audience_activity_count"]
    assert lab.rows(AUDIENCE_ACTIVITY, columns, f"metric_date = DATE '{day}'") == [(3.0, 7.0), (4.0, 9.0)]
    assert [finding.kind for finding in outcome.notes.findings] == [Kind.DUPLICATE]


def test_odd_days_are_left_out_and_said_and_the_others_are_exact(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=0)

    def with_odd_days(data: dict[str, Any]) -> dict[str, Any]:
        first, *_ = days = data["metrics"]
        odd = [first | {"date": "yesterday"}, first | {"likes": 7}, first | {"date": "2020-01-01"}, {"likes": 3}]
        return data | {"metrics": [*days, *odd]}

    lab.simulator.faults.add(Fault(change(with_odd_days), path="business/get/"))

    outcome = only(lab.read_metrics(6))

    assert outcome.error is None
    assert lab.rows(ACCOUNT_METRICS) == truth.in_order(truth.metrics(lab, 6))
    assert lab.rows(AUDIENCE_ACTIVITY) == truth.in_order(truth.activity(lab, 6))
    of_metrics = {(each.column, each.kind): each.count for each in outcome.notes.findings.of(ACCOUNT_METRICS.name)}
    assert of_metrics[("date", Kind.DUPLICATE)] == 1
    assert of_metrics[("metric_date", Kind.UNREADABLE)] == 1
    assert of_metrics[("metric_date", Kind.REJECTED)] == 2


def test_metrics_that_are_absent_are_asked_for_again(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=0)
    lab.clock.sleep = lab.clock.waits.append  # type: ignore[method-assign]
    lab.simulator.faults.add(Fault(without_metrics(), times=3))

    outcome = only(lab.read_metrics(9))

    assert outcome.error is None
    assert outcome.stats.retries == 3
    assert lab.rows(ACCOUNT_METRICS) == truth.in_order(truth.metrics(lab, 9))


def test_metrics_that_stay_absent_fail_the_account_alone(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=2, videos=0)
    lab.simulator.faults.add(Fault(without_metrics(), account=1))

    outcomes = lab.read_metrics(9)

    (failed,) = [outcome for outcome in outcomes if outcome.error]
    assert failed.account.business_id == lab.business_id(1)
    assert "without its list `metrics`" in (failed.error or "")
    assert {row[-1] for row in lab.rows(ACCOUNT_METRICS)} == {lab.business_id(0)}


def test_an_answer_with_nothing_in_it_does_not_replace_a_reading(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=0)
    lab.read_account()
    before = lab.rows(ACCOUNT)
    lab.simulator.faults.add(Fault(change(lambda _data: {})))

    outcome = only(lab.read_account())

    assert "without data" in (outcome.error or "")
    assert lab.rows(ACCOUNT) == before
