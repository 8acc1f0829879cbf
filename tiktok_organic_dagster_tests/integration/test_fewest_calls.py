"""The calls of each step, as the simulator saw them, are the fewest that the world allows: see `minimum.py`."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from tiktok_organic_dagster.readings.run import Outcome
from tiktok_organic_dagster.simulator import AccountKind, Fault
from tiktok_organic_dagster.simulator.faults import http_status, refuse_business_fields
from tiktok_organic_dagster.tables import ACCOUNT_METRICS, AUDIENCE_ACTIVITY, METRIC_TABLES, VIDEOS
from tiktok_organic_dagster_tests import minimum
from tiktok_organic_dagster_tests.faults.cells import WITHOUT_BREAKDOWNS
from tiktok_organic_dagster_tests.lab import Lab

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")

GET, VIDEO_LIST, COMMENT_LIST = "business/get", "business/video/list", "business/comment/list"
REFRESH = "tt_user/oauth2/refresh_token"
DAY = timedelta(days=1)

# The accounts by their index, which says as well what kind they are of.
NO_POSTS, ONE_PAGE, PERSONAL, SMALL, OVER_A_YEAR, YEAR_ENDS_WITH_A_PAGE, TALKED_OF, ALL_OLD = range(8)
KINDS = range(len(AccountKind))
AGES = {
    NO_POSTS: [],
    ONE_PAGE: range(20, 40),
    PERSONAL: range(20, 41),  # one more than fits on a page
    OVER_A_YEAR: range(10, 730, 16),  # 23 of 45 are younger than a year
    YEAR_ENDS_WITH_A_PAGE: [*range(10, 50), *range(400, 445)],
    TALKED_OF: [1, 3, 5.5, 20, 30, 40, 50, 60],
    ALL_OLD: range(400, 445),
}
"""The posts that each holds, in days; the small account keeps those of the world, with all that happens to them."""
COMMENTS = (0, 4, 0, 30, 31, 65, 120, 0)
"""Of the posts of the account that is talked of."""


@pytest.fixture
def lab(new_lab: Callable[..., Lab]) -> Lab:
    lab = new_lab(accounts=8, videos=12)
    lab.simulator.habits.short_pages_of.clear()  # how many posts then stand on a page is TikTok's choice
    now, changes = lab.clock.now(), lab.world.changes
    for account, ages in AGES.items():
        for post in lab.world.posts(account, now + 60 * DAY):
            changes.delete_video(post.item_id, at=now - 800 * DAY)
        videos = [changes.add_video(account, at=now - age * DAY, **WITHOUT_BREAKDOWNS) for age in ages]
        if account == TALKED_OF:
            for video, age, comments in zip(videos, ages, COMMENTS, strict=True):
                if comments:
                    changes.add_comment(video, comments, at=now - age * DAY / 2)
    lab.simulator.calls.clear()
    return lab


def calls(lab: Lab, step: Callable[[], Sequence[Outcome]]) -> dict[int, Counter[str]]:
    """The calls of a step by account and endpoint, those for tokens among them."""
    lab.simulator.calls.clear()
    assert [outcome.error for outcome in step() if outcome.error] == []
    found = {account.index: Counter[str]() for account in lab.world.accounts}
    for call in lab.simulator.calls:
        assert call.account is not None
        found[call.account][call.endpoint] += 1
    return found


def each(lab: Lab, fewest: Callable[[int], dict[str, int]]) -> dict[int, Counter[str]]:
    return {account.index: +Counter(fewest(account.index)) for account in lab.world.accounts}


def of_all_steps(lab: Lab, *, first: bool = False) -> Callable[[int], dict[str, int]]:
    """A profile, a span of metrics, the posts, and their comments, read for the first time or a day after it.

    Tokens live for a day, so that they are renewed on the later one, and on no other occasion.
    """
    at = lab.clock.now()
    return lambda account: {
        GET: 1 + 1,
        VIDEO_LIST: minimum.of_posts(lab.world, account, at, first=first),
        COMMENT_LIST: minimum.of_comments(lab.world, account, at, None if first else at - DAY),
        REFRESH: 0 if first else 1,
    }


def test_the_shapes_of_the_accounts_are_those_that_are_meant(lab: Lab) -> None:
    at = lab.clock.now()
    first = [minimum.of_posts(lab.world, account, at, first=True) for account in AGES]
    later = [minimum.of_posts(lab.world, account, at, first=False) for account in AGES]
    assert first == [1, 1, 2, 3, 5, 1, 3]
    assert later == [1, 1, 2, 3, 3, 1, 1]
    assert minimum.of_comments(lab.world, TALKED_OF, at) == 1 + 1 + 1 + 1 + 2 + 3 + 4 + 0
    assert lab.world.audience(SMALL, at) == {}, "it has fewer than 100 followers"
    assert not lab.world.accounts[PERSONAL].is_business
    assert {lab.world.accounts[index].kind for index in KINDS} == set(AccountKind)


def test_a_first_load_its_rerun_and_a_day_later_take_the_fewest_calls(lab: Lab) -> None:
    """A rerun reads again what may have changed, and no comments."""
    fewest = of_all_steps(lab, first=True)
    assert calls(lab, lab.read_everything) == each(lab, fewest)
    assert calls(lab, lab.read_everything) == each(lab, lambda account: fewest(account) | {COMMENT_LIST: 0})

    talked_of = lab.world.posts(TALKED_OF, lab.clock.now())
    for post, more in zip(talked_of, (0, 1, 0, 29, 30, 61, 0, 2), strict=True):
        if more:
            lab.world.changes.add_comment(post.item_id, more, at=lab.clock.now() + timedelta(minutes=1))
            counter = len(lab.world.comments(TALKED_OF, post.item_id, lab.clock.now() + DAY))
            lab.world.changes.patch_video(post.item_id, comments=counter, at=lab.clock.now() + DAY)
    lab.world.changes.add_video(ONE_PAGE, at=lab.clock.now() + timedelta(hours=1))
    lab.clock.next_day()

    found = calls(lab, lab.read_everything)

    assert found == each(lab, of_all_steps(lab))
    assert found[ONE_PAGE][VIDEO_LIST] == 2
    assert found[TALKED_OF][COMMENT_LIST] == 1 + 1 + 1 + 1 + 2 + 3 + 0 + 1


def test_a_span_of_metrics_is_one_call_however_long_and_today_takes_none(lab: Lab) -> None:
    for days, fewest in ((1, {GET: 1}), (7, {GET: 1}), (58, {GET: 1}), (0, {})):
        found = calls(lab, lambda days=days: lab.read_metrics(days, accounts=[lab.account(index) for index in KINDS]))
        assert found == each(lab, lambda account, fewest=fewest: fewest if account in KINDS else {}), days


def test_audience_activity_comes_with_the_call_of_the_metrics(lab: Lab) -> None:
    for tables in (METRIC_TABLES, [ACCOUNT_METRICS], [AUDIENCE_ACTIVITY]):
        found = calls(
            lab, lambda tables=tables: lab.read_metrics(tables=tables, accounts=[lab.account(index) for index in KINDS])
        )
        assert found == each(lab, lambda account: {GET: 1} if account in KINDS else {})


def test_an_answer_that_fails_is_asked_for_again_and_no_page_before_it(lab: Lab) -> None:
    lab.simulator.faults.add(Fault(http_status(502), account=YEAR_ENDS_WITH_A_PAGE, path="business/video/list/", nth=4))

    found = calls(lab, lambda: lab.read_videos([VIDEOS], accounts=[lab.account(YEAR_ENDS_WITH_A_PAGE)]))

    assert found[YEAR_ENDS_WITH_A_PAGE] == {VIDEO_LIST: 5 + 1}


def test_after_an_account_failed_only_the_post_that_failed_is_read_again(lab: Lab) -> None:
    accounts = [lab.account(TALKED_OF)]
    lab.read_videos([VIDEOS], accounts=accounts)
    lab.simulator.faults.add(
        Fault(http_status(502), account=TALKED_OF, path="business/comment/list/", after=5, times=8)
    )

    found = calls(lab, lambda: lab.read_comments(accounts=accounts))

    fewest = minimum.of_comments(lab.world, TALKED_OF, lab.clock.now())
    of_its_post = 1  # a post is stored whole or not at all, so the page before the one that failed is read again
    assert found[TALKED_OF][COMMENT_LIST] == fewest + 8 + of_its_post


def test_after_an_account_failed_its_posts_are_read_from_the_first_page_again(lab: Lab) -> None:
    """All are stored in one transaction, or none: those of an attempt that failed are thrown away with it."""
    path = "business/video/list/"
    lab.simulator.faults.add(Fault(http_status(502), account=YEAR_ENDS_WITH_A_PAGE, path=path, after=4, times=8))

    found = calls(lab, lambda: lab.read_videos([VIDEOS], accounts=[lab.account(YEAR_ENDS_WITH_A_PAGE)]))

    assert found[YEAR_ENDS_WITH_A_PAGE] == {VIDEO_LIST: 4 + 8 + 5}


def test_a_personal_account_whose_business_fields_are_refused_takes_one_call_more_a_step(lab: Lab) -> None:
    lab.simulator.faults.add(Fault(refuse_business_fields(), account=PERSONAL))

    accounts = [lab.account(PERSONAL)]
    found = calls(lab, lambda: [*lab.read_metrics(accounts=accounts), *lab.read_videos(accounts=accounts)])

    assert found[PERSONAL] == {GET: 1 + 1, VIDEO_LIST: 2 + 1}
