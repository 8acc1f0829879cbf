"""Tokens and consents that end at the wrong moment: one refresh, or the owner's name; the other accounts complete."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tiktok_organic_dagster.accounts.account import Account
from tiktok_organic_dagster.simulator import Fault
from tiktok_organic_dagster.simulator.faults import (
    expire_token,
    lose_answer,
    refuse,
    revoke_token,
    take_scope,
    withdraw_consent,
)
from tiktok_organic_dagster.tables import ACCOUNT, ACCOUNT_METRICS, COMMENTS, VIDEOS, Table
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.faults.cells import (
    BUSINESS_GET,
    COMMENT_LIST,
    REFRESH,
    VIDEO_LIST,
    WITHOUT_BREAKDOWNS,
    add_post,
    by_account,
    of_account,
    stand_still,
    truth_of,
)
from tiktok_organic_dagster_tests.lab import Lab

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")


@pytest.fixture
def lab(new_lab: Callable[..., Lab]) -> Lab:
    """Two accounts: the first has three pages of posts and of comments, the second a post."""
    lab = new_lab(accounts=2, videos=0)
    add_post(lab, 65)
    add_post(lab, 3, account=1)
    for number in range(40):
        add_post(lab, days_old=31 + number, **WITHOUT_BREAKDOWNS)
    stand_still(lab)
    return lab


def asked_to_connect(lab: Lab) -> list[str]:
    return [account.username for account in lab.store.accounts() if account.needs_authorization]


def account_of(lab: Lab, index: int) -> Account:
    return lab.account(index)


@pytest.mark.parametrize("path", [VIDEO_LIST, COMMENT_LIST])
@pytest.mark.parametrize("code", [40102, 40105, 40131])
def test_a_token_that_ends_in_the_middle_of_the_pages_is_renewed_once(lab: Lab, path: str, code: int) -> None:
    ends = revoke_token() if code == 40105 else expire_token() if code == 40102 else refuse(code, "no longer valid")
    fault = lab.simulator.faults.add(Fault(ends, account=0, path=path, nth=2))

    outcomes = [*lab.read_videos([VIDEOS]), *lab.read_comments()]

    assert fault.struck == 1
    assert [outcome.error for outcome in outcomes] == [None] * 4
    assert lab.simulator.calls.count(REFRESH) == 1
    expected = truth_of(lab)
    assert lab.rows(VIDEOS) == expected[VIDEOS.name]
    assert lab.rows(COMMENTS) == expected[COMMENTS.name]
    assert asked_to_connect(lab) == []


@pytest.mark.parametrize("kept", [True, False], ids=["the refresh token changes", "the refresh token stays"])
def test_a_rotated_refresh_token_is_stored_before_it_is_used(lab: Lab, kept: bool) -> None:
    lab.simulator.oauth.rotates_refresh_tokens = kept
    lab.simulator.oauth.refresh_voids_access_tokens = True
    lab.simulator.faults.add(Fault(revoke_token(), account=0, path=VIDEO_LIST, every=2))

    (outcome, _) = by_account(lab, lab.read_videos([VIDEOS]))

    assert outcome.error is None
    assert lab.simulator.calls.count(REFRESH) == outcome.stats.calls[VIDEO_LIST] - 3 >= 2
    assert lab.rows(VIDEOS) == truth_of(lab)[VIDEOS.name]


def test_a_lost_answer_to_a_refresh_costs_nothing_where_tiktok_keeps_the_refresh_token(lab: Lab) -> None:
    lab.simulator.oauth.rotates_refresh_tokens = False
    lab.simulator.faults.add(Fault(revoke_token(), account=0, path=VIDEO_LIST, nth=2))
    lost = lab.simulator.faults.add(Fault(lose_answer(), path=REFRESH, times=2))

    outcomes = lab.read_videos([VIDEOS])

    assert lost.struck == 2
    assert [outcome.error for outcome in outcomes] == [None, None]
    assert lab.rows(VIDEOS) == truth_of(lab)[VIDEOS.name]


def test_a_lost_answer_to_a_refresh_that_replaced_the_token_names_the_account_to_be_connected_again(lab: Lab) -> None:
    lab.read_videos([VIDEOS])
    before = lab.rows(VIDEOS)
    lab.simulator.faults.add(Fault(revoke_token(), account=0, path=VIDEO_LIST, nth=2))
    lost = lab.simulator.faults.add(Fault(lose_answer(), path=REFRESH, times=1))

    failed, other = by_account(lab, lab.read_videos([VIDEOS]))

    assert lost.struck == 1
    name = account_of(lab, 0).username
    assert f"the authorization of @{name} has ended (TikTok answered code 40107" in (failed.error or "")
    assert "tiktok-organic connect" in (failed.error or "")
    assert other.error is None
    assert asked_to_connect(lab) == [name]
    assert lab.rows(VIDEOS) == before

    lab.connect(0)
    assert [outcome.error for outcome in lab.read_videos([VIDEOS])] == [None, None]
    assert lab.rows(VIDEOS) == truth_of(lab)[VIDEOS.name]
    assert asked_to_connect(lab) == []


def test_a_lost_answer_to_a_refresh_made_in_good_time_costs_the_owner_a_consent_and_no_other_account_a_row(
    lab: Lab,
) -> None:
    lab.clock.moment += timedelta(hours=22)
    stand_still(lab)
    lost = lab.simulator.faults.add(Fault(lose_answer(), path=REFRESH, account=0, times=1))

    failed, other = by_account(lab, lab.read_account())

    assert lost.struck == 1
    assert "tiktok-organic connect" in (failed.error or "")
    assert other.error is None
    assert lab.rows(ACCOUNT) == of_account(lab, 1, truth_of(lab))[ACCOUNT.name]


def test_an_account_whose_year_is_over_costs_no_call_and_is_named(lab: Lab) -> None:
    lab.read_account()
    before = lab.rows(ACCOUNT)
    lab.clock.moment += timedelta(days=366)
    stand_still(lab)
    lab.connect(1)
    lab.simulator.calls.clear()

    failed, other = by_account(lab, lab.read_account())

    name = account_of(lab, 0).username
    assert f"the authorization of @{name} has ended (its year is over). Its owner must connect" in (failed.error or "")
    assert other.error is None
    assert lab.simulator.calls.count() == 1, "of the other account"
    today = of_account(lab, 1, truth_of(lab))[ACCOUNT.name]
    assert lab.rows(ACCOUNT) == truth.in_order([*before, *today])


@pytest.mark.parametrize("code", [40103, 40107])
def test_a_refused_refresh_names_the_account_and_is_not_tried_again(lab: Lab, code: int) -> None:
    lab.simulator.faults.add(Fault(revoke_token(), account=0, path=BUSINESS_GET, nth=1))
    lab.simulator.faults.add(Fault(refuse(code, "Refresh token has expired."), path=REFRESH))

    failed, other = by_account(lab, lab.read_account())
    again, _ = by_account(lab, lab.read_account())

    assert f"TikTok answered code {code}: Refresh token has expired" in (failed.error or "")
    assert again.error is not None
    assert other.error is None
    assert lab.simulator.calls.count(REFRESH) == 1
    assert asked_to_connect(lab) == [account_of(lab, 0).username]
    assert lab.rows(ACCOUNT) == of_account(lab, 1, truth_of(lab))[ACCOUNT.name]


@pytest.mark.parametrize("path", [BUSINESS_GET, VIDEO_LIST, COMMENT_LIST])
def test_a_consent_withdrawn_on_any_page_asks_for_a_new_one_by_name_and_others_go_on(lab: Lab, path: str) -> None:
    at_once = path == BUSINESS_GET
    lab.simulator.faults.add(Fault(withdraw_consent(), account=0, path=path, nth=1 if at_once else 2))
    name = account_of(lab, 0).username

    account, videos = by_account(lab, lab.read_account()), by_account(lab, lab.read_videos([VIDEOS]))
    comments = by_account(lab, lab.read_comments())

    steps = {BUSINESS_GET: account, VIDEO_LIST: videos, COMMENT_LIST: comments}
    assert f"the authorization of @{name} has ended" in (steps[path][0].error or "")
    assert "tiktok-organic connect" in (steps[path][0].error or "")
    assert [outcomes[1].error for outcomes in steps.values()] == [None] * 3
    assert asked_to_connect(lab) == [name]
    expected, found = truth_of(lab), lab.everything()
    later = [ACCOUNT.name, VIDEOS.name, COMMENTS.name][list(steps).index(path) :]
    for table in (ACCOUNT.name, VIDEOS.name, COMMENTS.name):
        assert of_account(lab, 1, found)[table] == of_account(lab, 1, expected)[table]
        assert of_account(lab, 0, found)[table] == ([] if table in later else of_account(lab, 0, expected)[table])


def test_an_account_that_was_disconnected_while_it_is_read_costs_no_other_a_row(lab: Lab) -> None:
    disconnected = account_of(lab, 0)
    lab.store.forget(disconnected.business_id)

    failed, other = by_account(lab, lab.read_account(accounts=[disconnected, account_of(lab, 1)]))

    assert "No connected account is named" in (failed.error or "")
    assert other.error is None
    assert lab.rows(ACCOUNT) == of_account(lab, 1, truth_of(lab))[ACCOUNT.name]


@pytest.mark.parametrize(
    ("scope", "table", "lost", "kept"),
    [
        ("user.info.stats", ACCOUNT, ["followers_count", "videos_count"], ["display_name", "profile_image"]),
        ("video.insights", VIDEOS, ["average_time_watched"], ["item_id", "caption", "likes"]),
        ("user.insights", ACCOUNT_METRICS, [], []),
        ("comment.list", COMMENTS, [], []),
    ],
)
def test_a_scope_taken_away_meanwhile_costs_one_refresh_and_its_own_columns_and_is_said(
    lab: Lab, scope: str, table: Table, lost: list[str], kept: list[str]
) -> None:
    nth = 2 if table in {VIDEOS, COMMENTS} else 1
    taken = lab.simulator.faults.add(Fault(take_scope(scope), account=0, path=table.endpoint, nth=nth))

    outcomes = [*lab.read_account(), *lab.read_metrics(2), *lab.read_videos([VIDEOS]), *lab.read_comments()]

    assert taken.struck == 1
    assert [outcome.error for outcome in outcomes] == [None] * 8
    assert lab.simulator.calls.count(REFRESH) == 1
    assert scope not in account_of(lab, 0).scopes
    notes = [each.notes for each in outcomes if each.account.business_id == lab.business_id(0)]
    said = [text for note in notes for text in [*note.warnings, note.skipped or ""] if scope in text]
    assert any("was not granted" in text and (f"{table.name}.{lost[0]}" in text if lost else True) for text in said)
    expected, found = truth_of(lab, days=2), lab.everything()
    assert of_account(lab, 1, found)[table.name] == of_account(lab, 1, expected)[table.name]
    other = COMMENTS if table is VIDEOS else VIDEOS
    assert found[other.name] == expected[other.name]
    of_first = of_account(lab, 0, expected)[table.name]
    names = [name for name in table.column_names if name != "_loaded_at"]
    values = [tuple(None if name in lost else row[names.index(name)] for name in [*lost, *kept]) for row in of_first]
    where = f"_business_id = '{lab.business_id(0)}'"
    assert lab.rows(table, [*lost, *kept] or None, where) == (truth.in_order(values) if kept else [])


def test_a_refused_scope_that_a_new_token_still_names_fails_with_what_to_do(lab: Lab) -> None:
    lab.read_account()
    before = lab.rows(ACCOUNT)
    lab.simulator.faults.add(Fault(refuse(40130, "Scope not authorized for: username."), account=0, path=BUSINESS_GET))

    failed, other = by_account(lab, lab.read_account())

    assert "code 40130" in (failed.error or "")
    assert "tiktok-organic connect" in (failed.error or "")
    assert other.error is None
    assert lab.simulator.calls.count(REFRESH) == 1
    assert lab.rows(ACCOUNT) == before
