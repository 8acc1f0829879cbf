"""Permissions that were not granted, and fields that an account's kind does not have: they cost their own columns."""

from collections.abc import Callable

import pytest

from tiktok_organic_dagster.simulator import Fault
from tiktok_organic_dagster.simulator.faults import refuse_business_fields
from tiktok_organic_dagster.tables import ACCOUNT, ACCOUNT_METRICS, VIDEO_TABLES, VIDEOS
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.lab import Lab

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")

DAYS = 6


def test_business_fields_refused_to_a_personal_account_are_left_out_with_a_warning(
    new_lab: Callable[..., Lab],
) -> None:
    lab = new_lab(accounts=3, videos=2)
    lab.simulator.faults.add(Fault(refuse_business_fields()))

    outcomes = [*lab.read_metrics(DAYS), *lab.read_videos()]

    assert [outcome.error for outcome in outcomes] == [None] * 6
    warned = {outcome.account.business_id for outcome in outcomes if outcome.notes.warnings}
    assert lab.business_id(2) in warned
    assert lab.business_id(0) not in warned
    personal = f"_business_id = '{lab.business_id(2)}'"
    views = [row[-2] for row in truth.metrics(lab, DAYS) if row[-1] == lab.business_id(2)]
    assert sorted(row[0] for row in lab.rows(ACCOUNT_METRICS, ["video_views"], personal)) == sorted(views)


def test_a_missing_scope_costs_its_own_columns_of_the_account(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=0)
    profile = lab.world.profile(0, lab.clock.now())
    for scope, lost, kept in (
        ("user.info.stats", "followers_count", "bio_description"),
        ("user.info.profile", "bio_description", "is_business_account"),
        ("user.account.type", "is_business_account", "bio_description"),
    ):
        lab.connect(0, without=[scope])

        (outcome,) = lab.read_account()

        assert outcome.error is None
        assert f"{scope} was not granted" in outcome.notes.warnings[0]
        assert lab.rows(ACCOUNT, [lost, kept, "display_name"]) == [(None, profile[kept], profile["display_name"])]


def test_a_missing_scope_of_the_videos_costs_columns_and_breakdowns(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=2)
    lab.connect(0, without=["video.insights"])

    (outcome,) = lab.read_videos()

    assert outcome.error is None
    expected = {(row[0], row[12], None) for row in truth.videos(lab)}
    assert set(lab.rows(VIDEOS, ["item_id", "likes", "average_time_watched"])) == expected
    assert all(lab.rows(table) == [] for table in VIDEO_TABLES if table is not VIDEOS)
    assert "video.insights was not granted" in outcome.notes.warnings[0]


@pytest.mark.parametrize(("scope", "step"), [("comment.list", "read_comments"), ("user.insights", "read_metrics")])
def test_a_missing_scope_that_a_step_cannot_do_without_is_said_and_costs_no_call(
    new_lab: Callable[..., Lab], scope: str, step: str
) -> None:
    lab = new_lab(accounts=1, videos=2)
    lab.connect(0, without=[scope])
    lab.read_videos()
    lab.simulator.calls.clear()

    (outcome,) = getattr(lab, step)()

    assert outcome.error is None
    assert scope in (outcome.notes.skipped or "")
    assert lab.simulator.calls.count() == 0


def test_the_daily_followers_alone_are_given_up_without_the_scope_of_the_lifetime_number(
    new_lab: Callable[..., Lab],
) -> None:
    lab = new_lab(accounts=1, videos=2)
    lab.connect(0, without=["user.info.stats"])

    (outcome,) = lab.read_metrics(DAYS)

    assert outcome.error is None
    said, refused = outcome.notes.warnings
    assert "user.info.stats was not granted: no tiktok_organic_account_metrics.followers_count" in said
    assert "followers_count are NULL" in refused
    columns = ["metric_date", "followers_count", "daily_new_followers", "video_views"]
    expected = [(row[1], None, row[8], row[19]) for row in truth.metrics(lab, DAYS)]
    assert any(new is not None for _, _, new, _ in expected)
    assert lab.rows(ACCOUNT_METRICS, columns) == truth.in_order(expected)
