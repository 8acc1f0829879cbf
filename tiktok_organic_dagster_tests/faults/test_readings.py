"""What faults of TikTok do to a reading: exact rows, or the rows that were there before and the reason."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tiktok_organic_dagster.findings import Kind
from tiktok_organic_dagster.simulator import Fault
from tiktok_organic_dagster.simulator.faults import (
    Effect,
    change,
    cursor_stands_still,
    has_more_without_list,
    html,
    http_status,
    invalid_json,
    list_without_has_more,
    refuse,
    refuse_business_fields,
    repeat_page,
    reset,
    revoke_token,
    throttle,
    truncated,
    without_metrics,
)
from tiktok_organic_dagster.tables import ACCOUNT, ACCOUNT_METRICS, AUDIENCE_ACTIVITY, COMMENTS, VIDEO_TABLES, VIDEOS
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.lab import Lab

ENDPOINTS = ("business/get/", "business/video/list/", "business/comment/list/")


def assert_everything_is_there(lab: Lab) -> None:
    loaded = lab.everything()
    for table, rows in truth.everything(lab).items():
        assert loaded[table] == rows, table


@pytest.mark.parametrize("code", [40100, 40132, 40133, 61000])
def test_a_throttle_on_any_page_is_waited_out_and_never_taken_as_the_end(
    new_lab: Callable[..., Lab], code: int
) -> None:
    lab = new_lab(accounts=1, videos=90)
    now = lab.clock.now()
    lab.simulator.clock = lambda: now  # TikTok's world stands still while we wait
    lab.settings = lab.settings.model_copy(update={"throttle_wait_s": 10})
    fault = lab.simulator.faults.add(Fault(refuse(code, "Too many requests. Please retry in some time."), every=3))

    outcomes = [*lab.read_account(), *lab.read_metrics(), *lab.read_videos()]
    outcomes += lab.read_comments(limit=timedelta(hours=5))

    assert fault.struck >= 8
    assert [outcome.error for outcome in outcomes] == [None] * 4
    assert lab.clock.now() - now >= fault.struck * timedelta(seconds=10)
    lab.clock.moment = now
    assert_everything_is_there(lab)


def test_a_throttled_app_is_left_alone_by_all_of_its_accounts(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=2, videos=10)
    first, second = (lab.store.find(lab.business_id(index)) for index in (0, 1))
    fault = lab.simulator.faults.add(Fault(refuse(40016, "App reaches the limit."), account=0))

    (throttled,) = lab.read_videos(accounts=[first])
    lab.simulator.calls.clear()
    (left_alone,) = lab.read_videos(accounts=[second])

    assert fault.struck == 6, "one call, and one after each of 5 pauses"
    assert all("resume" in (outcome.error or "") for outcome in (throttled, left_alone))
    assert lab.simulator.calls.count() == 0
    lab.clock.moment += timedelta(minutes=5)
    (resumed,) = lab.read_videos(accounts=[second])
    assert resumed.error is None


def test_an_account_that_stays_throttled_fails_with_the_time_to_resume_and_others_go_on(
    new_lab: Callable[..., Lab],
) -> None:
    lab = new_lab(accounts=2, videos=25)
    lab.simulator.faults.add(Fault(throttle(), account=0, path="business/video/list/", after=1))

    first, second = sorted(lab.read_videos(), key=lambda outcome: outcome.account.business_id != lab.business_id(0))

    assert first.error is not None
    assert "40100" in first.error
    assert "resume" in first.error
    assert second.error is None
    assert {row[-1] for row in lab.rows(VIDEOS)} == {lab.business_id(1)}


TRANSIENT: list[Effect] = [
    http_status(500),
    http_status(502, "bad gateway"),
    html(),
    invalid_json(),
    truncated(),
    reset(),
    refuse(50000, "system error"),
    refuse(50002, "processing error"),
    refuse(51010, "internal timeout"),
    refuse(60001, "maintenance"),
]


@pytest.mark.parametrize("effect", TRANSIENT, ids=lambda effect: repr(effect)[:40])
def test_trouble_that_passes_costs_no_row(new_lab: Callable[..., Lab], effect: Effect) -> None:
    lab = new_lab(accounts=1, videos=25)
    lab.clock.sleep = lab.clock.waits.append  # type: ignore[method-assign] -- the world stands still
    fault = lab.simulator.faults.add(Fault(effect, every=4))

    lab.read_everything()

    assert fault.struck >= 2
    assert_everything_is_there(lab)


def test_retries_are_bounded_and_the_account_keeps_its_rows(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=2, videos=10)
    lab.read_videos()
    before = lab.rows(VIDEOS)
    lab.simulator.calls.clear()
    lab.simulator.faults.add(Fault(http_status(503), account=0, path="business/video/list/"))

    outcomes = {outcome.account.business_id: outcome for outcome in lab.read_videos()}

    assert "503" in (outcomes[lab.business_id(0)].error or "")
    assert outcomes[lab.business_id(1)].error is None
    calls = [call for call in lab.simulator.calls.to("business/video/list/") if call.business_id == lab.business_id(0)]
    assert len(calls) == 2 * 8, "8 attempts, and once more at the end of the step"
    assert [row for row in lab.rows(VIDEOS) if row[-1] == lab.business_id(0)] == [
        row for row in before if row[-1] == lab.business_id(0)
    ]


@pytest.mark.parametrize("effect", [cursor_stands_still(), has_more_without_list(), list_without_has_more()])
@pytest.mark.parametrize("path", ["business/video/list/", "business/comment/list/"])
def test_paging_that_cannot_end_is_an_error_and_stores_nothing(
    new_lab: Callable[..., Lab], effect: Effect, path: str
) -> None:
    lab = new_lab(accounts=1, videos=90)
    lab.read_videos()
    lab.read_comments()
    before = lab.everything()
    lab.clock.moment += timedelta(hours=6)
    fault = lab.simulator.faults.add(Fault(effect, path=path))

    outcomes = [*lab.read_videos(), *lab.read_all_comments()]

    failed = outcomes[0] if path == "business/video/list/" else outcomes[1]
    assert fault.struck
    assert failed.error is not None
    table = VIDEOS if path == "business/video/list/" else COMMENTS
    assert lab.rows(table) == before[table.name]


def test_rows_repeated_on_a_later_page_are_stored_once(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=90)
    lab.simulator.habits.short_pages_of.clear()

    def with_the_page_before(data: dict[str, Any]) -> dict[str, Any]:
        pages.append(data["videos"])
        return {**data, "videos": [*(pages[-2] if len(pages) > 1 else []), *data["videos"]]}

    pages: list[list[Any]] = []
    lab.simulator.faults.add(Fault(change(with_the_page_before), path="business/video/list/"))

    (outcome,) = lab.read_videos()

    assert outcome.notes.repeated > 0
    assert lab.rows(VIDEOS) == truth.in_order(truth.videos(lab))


def test_a_video_published_while_paging_does_not_harm(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=90)
    before = truth.in_order(truth.videos(lab))

    def publish(data: dict[str, Any]) -> dict[str, Any]:
        lab.world.changes.add_video(0, at=lab.clock.now())
        return data

    lab.simulator.faults.add(Fault(change(publish), path="business/video/list/", times=1))

    lab.read_videos()

    assert [row for row in lab.rows(VIDEOS) if row in before] == before


def test_a_pinned_old_post_on_top_does_not_end_the_list(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=90)
    lab.read_videos()
    lab.world.changes.pin_video(lab.world.videos(0, lab.clock.now())[-1]["item_id"])
    lab.clock.next_day()
    since = lab.clock.now().replace(hour=0) - timedelta(days=365)

    lab.read_videos()

    where = f"metric_date = DATE '{lab.clock.today}'"
    assert lab.rows(VIDEOS, where=where) == truth.in_order(truth.videos(lab, since))


def test_metrics_that_are_absent_are_asked_for_again(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=10)
    lab.clock.sleep = lab.clock.waits.append  # type: ignore[method-assign]
    lab.simulator.faults.add(Fault(without_metrics(), times=3))

    (outcome,) = lab.read_metrics()

    assert outcome.error is None
    assert lab.rows(ACCOUNT_METRICS) == truth.in_order(truth.metrics(lab))


def test_metrics_that_stay_absent_fail_the_account_alone(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=2, videos=10)
    lab.simulator.faults.add(Fault(without_metrics(), account=1))

    failed = [outcome.account.business_id for outcome in lab.read_metrics() if outcome.error]

    assert failed == [lab.business_id(1)]
    assert {row[-1] for row in lab.rows(ACCOUNT_METRICS)} == {lab.business_id(0)}


def test_a_revoked_token_is_renewed_once_in_the_middle_of_the_pages(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=90)
    lab.simulator.faults.add(Fault(revoke_token(), path="business/video/list/", nth=3))

    lab.read_videos()

    assert lab.rows(VIDEOS) == truth.in_order(truth.videos(lab))
    assert lab.simulator.calls.count("tt_user/oauth2/refresh_token/") == 1


def test_a_withdrawn_consent_asks_for_a_new_one_by_name_and_others_go_on(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=2, videos=10)
    lab.simulator.oauth.revoke_account(0)

    outcomes = {outcome.account.business_id: outcome for outcome in lab.read_account()}

    assert "tiktok-organic connect" in (outcomes[lab.business_id(0)].error or "")
    assert outcomes[lab.business_id(1)].error is None
    asking = [account.username for account in lab.store.accounts() if account.needs_authorization]
    assert asking == [lab.world.accounts[0].username]


def test_business_fields_refused_to_a_personal_account_are_left_out_with_a_warning(
    new_lab: Callable[..., Lab],
) -> None:
    lab = new_lab(accounts=3, videos=10)
    lab.simulator.faults.add(Fault(refuse_business_fields()))

    outcomes = [*lab.read_metrics(), *lab.read_videos()]

    assert [outcome.error for outcome in outcomes] == [None] * 6
    warned = {outcome.account.business_id for outcome in outcomes if outcome.notes.warnings}
    assert lab.business_id(2) in warned
    assert lab.business_id(0) not in warned
    personal = f"_business_id = '{lab.business_id(2)}'"
    views = [row[-2] for row in truth.metrics(lab) if row[-1] == lab.business_id(2)]
    assert sorted(row[0] for row in lab.rows(ACCOUNT_METRICS, ["video_views"], personal)) == sorted(views)


@pytest.mark.parametrize(
    ("scope", "lost"),
    [
        ("user.info.stats", "followers_count"),
        ("user.info.profile", "bio_description"),
        ("user.account.type", "is_business_account"),
    ],
)
def test_a_missing_scope_costs_its_own_columns_of_the_account(
    new_lab: Callable[..., Lab], scope: str, lost: str
) -> None:
    lab = new_lab(accounts=1, videos=10)
    lab.connect(0, without=[scope])

    outcomes = lab.read_everything()

    assert [outcome.error for outcome in outcomes] == [None] * 4
    assert lab.rows(ACCOUNT, [lost, "display_name"]) == [(None, lab.world.accounts[0].display_name)]


def test_a_missing_scope_of_the_videos_costs_columns_and_breakdowns(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=10)
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
    lab = new_lab(accounts=1, videos=10)
    lab.connect(0, without=[scope])
    lab.read_videos()
    lab.simulator.calls.clear()

    (outcome,) = getattr(lab, step)()

    assert outcome.error is None
    assert scope in (outcome.notes.skipped or "")
    assert lab.simulator.calls.count() == 0


def test_values_that_cannot_be_read_become_null_and_are_counted(
    new_lab: Callable[..., Lab], warehouse_url: str
) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=10)
    posts = [post["item_id"] for post in lab.world.videos(0, lab.clock.now())]
    lab.world.changes.patch_video(posts[0], likes="many", caption="nul\0 and half \ud83d", shares="12")
    lab.world.changes.patch_video(posts[1], likes=-1, video_views=2**63, audience_genders=[{"gender": "Robot"}])

    (outcome,) = lab.read_videos()

    found = {(finding.table, finding.column, finding.kind): finding.count for finding in outcome.notes.findings}
    assert found == {
        (VIDEOS.name, "likes", Kind.UNREADABLE): 1,
        (VIDEOS.name, "caption", Kind.MENDED_TEXT): 1,
        (VIDEOS.name, "likes", Kind.OUT_OF_BOUNDS): 1,
        (f"{VIDEOS.name}_audience_genders", "audience_genders_gender", Kind.UNKNOWN_VALUE): 1,
    }
    columns = ["likes", "caption", "shares"]
    assert lab.rows(VIDEOS, columns, f"item_id = '{posts[0]}'") == [(None, "nul and half \ufffd", 12.0)]
    assert lab.rows(VIDEOS, ["likes", "video_views"], f"item_id = '{posts[1]}'") == [(-1.0, float(2**63))]


def test_the_same_hour_twice_in_one_answer_is_stored_once_and_counted(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=10)
    day = lab.clock.today - timedelta(days=9)
    lab.world.changes.patch_metrics(
        0, day, audience_activity=[{"hour": "3", "count": 7}, {"hour": "3", "count": 8}, {"hour": "4", "count": 9}]
    )

    (outcome,) = lab.read_metrics()

    columns = ["audience_activity_hour", "audience_activity_count"]
    assert lab.rows(AUDIENCE_ACTIVITY, columns, f"metric_date = DATE '{day}'") == [(3.0, 7.0), (4.0, 9.0)]
    assert [finding.kind for finding in outcome.notes.findings] == [Kind.DUPLICATE]


def test_an_answer_with_nothing_in_it_does_not_replace_a_reading(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=10)
    lab.read_account()
    before = lab.rows(ACCOUNT)
    lab.simulator.faults.add(Fault(change(lambda _data: {})))

    (outcome,) = lab.read_account()

    assert outcome.error is not None
    assert lab.rows(ACCOUNT) == before


def test_a_page_that_comes_twice_is_not_stored_twice(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=90)
    lab.simulator.faults.add(Fault(repeat_page(), path="business/video/list/", nth=2))

    (outcome,) = lab.read_videos()

    ids = [row[0] for row in lab.rows(VIDEOS)]
    assert len(ids) == len(set(ids))
    assert outcome.error is not None or len(ids) == 90


def test_the_daily_followers_alone_are_given_up_without_the_scope_of_the_lifetime_number(
    new_lab: Callable[..., Lab],
) -> None:
    lab = new_lab(accounts=1, videos=10)
    lab.connect(0, without=["user.info.stats"])

    (outcome,) = lab.read_metrics()

    assert outcome.error is None
    said, refused = outcome.notes.warnings
    assert "user.info.stats was not granted: no tiktok_organic_account_metrics.followers_count" in said
    assert "followers_count are NULL" in refused
    columns = ["metric_date", "followers_count", "daily_new_followers", "video_views"]
    expected = [(row[1], None, row[8], row[19]) for row in truth.metrics(lab)]
    assert any(new is not None for _, _, new, _ in expected)
    assert lab.rows(ACCOUNT_METRICS, columns) == truth.in_order(expected)


def test_a_key_too_long_for_an_index_costs_its_own_row_alone(new_lab: Callable[..., Lab], warehouse_url: str) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=10)
    post = lab.world.videos(0, lab.clock.now())[0]["item_id"]
    cities = [{"city_name": "x" * 9_000, "percentage": 0.5}, {"city_name": "é" * 500, "percentage": 0.25}]
    lab.world.changes.patch_video(post, audience_cities=cities)

    (outcome,) = lab.read_videos()

    assert outcome.error is None
    (table,) = (table for table in VIDEO_TABLES if table.name.endswith("audience_cities"))
    assert lab.rows(table, ["audience_cities_city_name", "audience_cities_percentage"], f"item_id = '{post}'") == [
        ("é" * 500, 0.25)
    ]
    assert {finding.kind for finding in outcome.notes.findings.of(table.name)} == {Kind.UNREADABLE, Kind.REJECTED}
