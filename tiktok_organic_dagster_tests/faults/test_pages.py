"""Pages that are short, empty, repeated or badly told apart: exact rows or a clear error, never a loop."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tiktok_organic_dagster.quality import verdict_of
from tiktok_organic_dagster.quality.videos import RECEIVED
from tiktok_organic_dagster.readings.run import Outcome
from tiktok_organic_dagster.simulator import Fault
from tiktok_organic_dagster.simulator.faults import (
    Effect,
    change,
    cursor_goes_back,
    cursor_stands_still,
    empty_page,
    has_more_without_list,
    list_without_has_more,
    repeat_page,
    short_page,
)
from tiktok_organic_dagster.tables import COMMENTS, VIDEOS, Table
from tiktok_organic_dagster.warehouse import open_warehouse
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.faults.cells import (
    COMMENT_LIST,
    VIDEO_LIST,
    WITHOUT_BREAKDOWNS,
    add_post,
)
from tiktok_organic_dagster_tests.lab import Lab

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")

LISTS: dict[str, tuple[str, Table]] = {"videos": (VIDEO_LIST, VIDEOS), "comments": (COMMENT_LIST, COMMENTS)}


@pytest.fixture(params=LISTS)
def name(request: pytest.FixtureRequest) -> str:
    """Which list it is about."""
    return request.param


@pytest.fixture
def lab(new_lab: Callable[..., Lab], name: str) -> Lab:
    """One account of which that list has three pages."""
    return lab_with_three_pages(new_lab, name)


def lab_with_three_pages(new_lab: Callable[..., Lab], name: str) -> Lab:
    lab = new_lab(accounts=1, videos=0)
    add_post(lab, 65, **WITHOUT_BREAKDOWNS)
    for number in range(40 if name == "videos" else 0):
        add_post(lab, days_old=31 + number, **WITHOUT_BREAKDOWNS)
    return lab


def read(lab: Lab, name: str) -> Outcome:
    (outcome,) = lab.read_videos([VIDEOS]) if name == "videos" else lab.read_all_comments()
    return outcome


@pytest.mark.parametrize(
    ("effect", "because"),
    [
        (cursor_stands_still(), "its cursor"),
        (cursor_goes_back(), "its cursor"),
        (has_more_without_list(), "without its list"),
        (list_without_has_more(), "without a readable `has_more`"),
    ],
    ids=["cursor stands still", "cursor goes back", "has_more without list", "list without has_more"],
)
def test_a_list_that_cannot_be_read_to_its_end_is_an_error_and_stores_nothing(
    lab: Lab, name: str, effect: Effect, because: str
) -> None:
    path, table = LISTS[name]
    lab.read_videos([VIDEOS])
    lab.read_comments()
    before = lab.everything()
    lab.clock.moment += timedelta(hours=1)
    fault = lab.simulator.faults.add(Fault(effect, path=path, after=1))

    outcome = read(lab, name)

    assert because in (outcome.error or "")
    assert 2 <= fault.struck <= 2 * 8, "it is neither taken for the end nor asked for without end"
    assert lab.rows(table) == before[table.name]


@pytest.mark.parametrize("effect", [cursor_stands_still(), cursor_goes_back(), repeat_page()])
def test_a_list_that_could_not_be_read_once_is_read_whole_at_the_end_of_the_step(
    lab: Lab, name: str, effect: Effect
) -> None:
    path, table = LISTS[name]
    lab.read_videos([VIDEOS])
    fault = lab.simulator.faults.add(Fault(effect, path=path, nth=2))

    outcome = read(lab, name)

    assert fault.struck == 1
    assert outcome.error is None
    assert lab.rows(table) == truth.rows_of(lab, table.name)


def test_short_pages_do_not_end_a_list(lab: Lab, name: str) -> None:
    path, table = LISTS[name]
    lab.read_videos([VIDEOS])
    fault = lab.simulator.faults.add(Fault(short_page(), path=path))

    outcome = read(lab, name)

    assert fault.struck > 5
    assert outcome.error is None
    assert lab.rows(table) == truth.rows_of(lab, table.name)


def test_rows_repeated_on_a_later_page_are_stored_once(lab: Lab, name: str) -> None:
    path, table = LISTS[name]
    lab.read_videos([VIDEOS])
    pages: list[list[Any]] = []

    def with_the_page_before(data: dict[str, Any]) -> dict[str, Any]:
        pages.append(data[name])
        return {**data, name: [*(pages[-2] if len(pages) > 1 else []), *data[name]]}

    lab.simulator.faults.add(Fault(change(with_the_page_before), path=path))

    outcome = read(lab, name)

    assert outcome.error is None
    assert outcome.notes.repeated == sum(map(len, pages[:-1]))
    assert lab.rows(table) == truth.rows_of(lab, table.name)


def test_empty_pages_in_the_middle_do_not_end_a_list(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=2, videos=90)

    outcomes = lab.read_videos([VIDEOS])

    assert [outcome.error for outcome in outcomes] == [None, None]
    of_short_pages = [call for call in lab.simulator.calls.to(VIDEO_LIST) if call.business_id == lab.business_id(1)]
    assert len(of_short_pages) > 5, "the second account has short and empty pages"
    assert lab.rows(VIDEOS) == truth.rows_of(lab, VIDEOS.name)


def test_an_empty_page_whose_rows_are_lost_is_seen_by_the_count_of_the_profile_alone(
    new_lab: Callable[..., Lab],
) -> None:
    lab = lab_with_three_pages(new_lab, "videos")
    lab.read_account()
    fault = lab.simulator.faults.add(Fault(empty_page(), path=VIDEO_LIST, nth=2))

    (outcome,) = lab.read_videos([VIDEOS])

    assert fault.struck == 1
    assert outcome.error is None
    whole = truth.rows_of(lab, VIDEOS.name)
    assert len(lab.rows(VIDEOS)) == len(whole) - 20
    assert set(lab.rows(VIDEOS)) < set(whole)
    with open_warehouse(lab.settings).session() as session:
        (unusual,) = verdict_of(RECEIVED, session, lab.clock.today).unusual
    assert unusual.why.endswith(
        "the profile counts 41 posts; 21 received and 0 known that are older than 365 days leave 20 missing"
    )


def test_comments_that_an_empty_page_lost_keep_their_rows_and_are_marked_until_they_come_back(
    new_lab: Callable[..., Lab],
) -> None:
    lab = lab_with_three_pages(new_lab, "comments")
    lab.read_videos([VIDEOS])
    lab.read_comments()
    stored = truth.rows_of(lab, COMMENTS.name)
    lab.clock.moment += timedelta(hours=1)
    fault = lab.simulator.faults.add(Fault(empty_page(), path=COMMENT_LIST, nth=2))

    (outcome,) = lab.read_all_comments()

    assert fault.struck == 1
    assert outcome.error is None
    marked = [row for row in lab.rows(COMMENTS) if row[-1] is not None]
    assert len(marked) == 30
    assert [(*row[:-1], None) for row in lab.rows(COMMENTS)] == stored
    lab.read_all_comments()
    assert lab.rows(COMMENTS) == stored


def test_what_is_published_while_paging_does_no_harm(lab: Lab, name: str) -> None:
    path, table = LISTS[name]
    lab.read_videos([VIDEOS])
    before = truth.rows_of(lab, table.name)
    post = next(row[0] for row in truth.comments(lab))

    def publish(data: dict[str, Any]) -> dict[str, Any]:
        if name == "videos":
            lab.world.changes.add_video(0, at=lab.clock.now())
        else:
            lab.world.changes.add_comment(post, 1, at=lab.clock.now())
        return data

    lab.simulator.faults.add(Fault(change(publish), path=path, times=2))

    outcome = read(lab, name)

    assert outcome.error is None
    assert [row for row in lab.rows(table) if row in before] == before
    assert len({row[:2] for row in lab.rows(table)}) == len(lab.rows(table))
    lab.simulator.faults.clear()
    read(lab, name)
    assert lab.rows(table) == truth.rows_of(lab, table.name)


def test_a_pinned_old_post_on_top_does_not_end_the_list(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=90)
    lab.read_videos([VIDEOS])
    lab.world.changes.pin_video(lab.world.videos(0, lab.clock.now())[-1]["item_id"])
    lab.clock.next_day()
    since = lab.clock.now().replace(hour=0) - timedelta(days=365)

    lab.read_videos([VIDEOS])

    where = f"metric_date = DATE '{lab.clock.today}'"
    assert lab.rows(VIDEOS, where=where) == truth.in_order(truth.videos(lab, since))
