"""When a list of TikTok's is read to its end, and when it is not."""

from datetime import UTC, datetime, timedelta

import pytest

from tiktok_organic_dagster.tiktok.errors import PagingError
from tiktok_organic_dagster.tiktok.paging import MAX_STALE_PAGES, RawPage, created_at, parse_page, read_pages

OLDEST = datetime(2025, 11, 23, tzinfo=UTC)


def row(name, created=OLDEST + timedelta(days=1)):
    return {"item_id": name, "create_time": str(int(created.timestamp()))}


OLD = OLDEST - timedelta(seconds=1)
OLD_CURSOR = int(OLD.timestamp() * 1000)
NEW_CURSOR = int((OLDEST + timedelta(days=1)).timestamp() * 1000)


def read(pages, oldest=None):
    asked = []

    def fetch(cursor):
        asked.append(cursor)
        return pages[len(asked) - 1]

    found = list(read_pages(fetch, endpoint="e/", id_key="item_id", oldest=oldest))
    return found, asked


def ids(found):
    return [[each["item_id"] for each in page.rows] for page in found]


def test_the_cursor_of_a_page_asks_for_the_next():
    found, asked = read([RawPage([row("1")], 9, True), RawPage([row("2")], 5, True), RawPage([], None, False)])
    assert asked == [None, 9, 5]
    assert ids(found) == [["1"], ["2"], []]
    assert [page.number for page in found] == [1, 2, 3]


def test_short_and_empty_pages_with_more_to_come_do_not_end_it():
    found, _ = read([RawPage([], 9, True), RawPage([row("1")], 8, True), RawPage([], 7, True), RawPage([], 0, False)])
    assert len(found) == 4


def test_rows_of_earlier_pages_are_dropped_and_counted():
    found, _ = read([RawPage([row("1"), row("2")], 9, True), RawPage([row("2"), row("3")], 8, False)])
    assert ids(found) == [["1", "2"], ["3"]]
    assert [page.repeated for page in found] == [0, 1]


def test_rows_repeated_inside_a_page_stay():
    found, _ = read([RawPage([row("1"), row("1")], None, False)])
    assert ids(found) == [["1", "1"]]
    assert found[0].repeated == 0


@pytest.mark.parametrize("unusable", [None, "", 1.5, [], {}])
def test_rows_without_a_usable_id_are_all_given_and_are_nothing_new(unusable):
    found, _ = read([RawPage([{"item_id": unusable}, {}], 9, True), RawPage([{}, {"item_id": unusable}], 8, False)])
    assert [(len(page.rows), page.repeated) for page in found] == [(2, 0), (2, 0)]
    with pytest.raises(PagingError):
        read([RawPage([{"item_id": unusable}], 10_000 - number, True) for number in range(MAX_STALE_PAGES)])


INCOMPLETE = "The rows read so far are not complete; try again later."


@pytest.mark.parametrize("cursor", [0, 9])
def test_a_cursor_that_was_there_before_is_an_error(cursor):
    with pytest.raises(PagingError) as caught:
        read([RawPage([row("1")], 9, True), RawPage([row("2")], 8, True), RawPage([row("3")], cursor, True)])
    assert str(caught.value) == (
        f"TikTok's e/: the list does not end: its cursor {cursor} was there before although there is more to come. "
        f"{INCOMPLETE}"
    )


def test_the_page_before_a_stuck_cursor_is_still_given():
    pages = read_pages(lambda _: RawPage([row("1")], 0, True), endpoint="e/", id_key="item_id")
    assert [each["item_id"] for each in next(pages).rows] == ["1"]
    with pytest.raises(PagingError):
        next(pages)


def stale_pages(count, cursor=10_000):
    return [RawPage([], cursor - number, True) for number in range(count)]


def test_a_hundred_pages_without_a_new_row_are_an_error():
    with pytest.raises(PagingError) as caught:
        read(stale_pages(MAX_STALE_PAGES))
    assert (
        str(caught.value) == f"TikTok's e/: the list does not end: 100 pages in a row brought nothing new. {INCOMPLETE}"
    )


def test_a_new_row_after_99_pages_without_one_lets_another_99_pass_and_no_more():
    some = [*stale_pages(MAX_STALE_PAGES - 1), RawPage([row("1")], 9_000, True)]
    found, _ = read([*some, *stale_pages(MAX_STALE_PAGES - 1, 8_000), RawPage([], None, False)])
    assert len(found) == 200
    with pytest.raises(PagingError):
        read([*some, *stale_pages(MAX_STALE_PAGES, 8_000)])


def test_a_page_whose_posts_and_cursor_are_all_too_old_ends_it():
    found, asked = read([RawPage([row("1")], NEW_CURSOR, True), RawPage([row("2", OLD)], OLD_CURSOR, True)], OLDEST)
    assert len(asked) == len(found) == 2


def test_one_old_pinned_post_on_top_does_not_end_it():
    found, _ = read([RawPage([row("1", OLD), row("2")], NEW_CURSOR, True), RawPage([row("3")], 1, False)], OLDEST)
    assert len(found) == 2


def test_a_page_of_old_posts_with_a_cursor_inside_the_window_does_not_end_it():
    found, _ = read([RawPage([row("1", OLD)], NEW_CURSOR, True), RawPage([row("3")], 1, False)], OLDEST)
    assert len(found) == 2


def test_an_empty_page_with_an_old_cursor_does_not_end_it():
    found, _ = read([RawPage([], OLD_CURSOR, True), RawPage([row("3")], 1, False)], OLDEST)
    assert len(found) == 2


def test_a_post_created_at_the_very_start_of_the_window_belongs_to_it():
    start = int(OLDEST.timestamp() * 1000)
    found, _ = read([RawPage([row("1", OLDEST)], start, True), RawPage([row("2", OLD)], OLD_CURSOR, True)], OLDEST)
    assert len(found) == 2


def test_posts_that_are_all_too_old_before_a_cursor_at_the_very_start_of_the_window_do_not_end_it():
    start = int(OLDEST.timestamp() * 1000)
    found, _ = read([RawPage([row("1", OLD)], start, True), RawPage([row("2", OLD)], 1, False)], OLDEST)
    assert len(found) == 2


def test_a_post_of_the_very_start_of_the_window_among_old_ones_does_not_end_it():
    pages = [RawPage([row("1", OLD), row("2", OLDEST)], OLD_CURSOR, True), RawPage([row("3", OLD)], 1, False)]
    assert len(read(pages, OLDEST)[0]) == 2


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        (1_700_000_000, 1.7e9),
        ("1700000000", 1.7e9),
        (" 1700000000.5 ", 1_700_000_000.5),
        (0, 0.0),
        *((unreadable, None) for unreadable in (-1, "-1", "1_000", "\u0663", "soon", "", True, None, [], 10**400)),
    ],
)
def test_the_time_of_a_post_is_its_seconds_or_unreadable(sent, seconds):
    assert created_at({"create_time": sent}) == seconds


def test_a_post_without_a_readable_time_is_not_taken_for_old():
    unreadable = RawPage([{"item_id": "1", "create_time": "soon"}], OLD_CURSOR, True)
    found, _ = read([unreadable, RawPage([row("2", OLD)], OLD_CURSOR - 1, True)], OLDEST)
    assert len(found) == 2


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"videos": [], "has_more": "true", "cursor": "12"}, RawPage([], 12, True)),
        ({"videos": [], "has_more": 1, "cursor": 1655118106000}, RawPage([], 1655118106000, True)),
        ({"videos": [], "has_more": 0, "cursor": 0}, RawPage([], 0, False)),
        ({"videos": [], "has_more": False}, RawPage([], None, False)),
    ],
)
def test_pages_are_read_leniently(data, expected):
    assert parse_page(data, "videos") == expected


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"has_more": False, "cursor": 1},
        {"videos": None, "has_more": False},
        {"videos": {}, "has_more": False},
        {"videos": ["x"], "has_more": False},
        {"videos": []},
        {"videos": [], "has_more": None},
        {"videos": [], "has_more": "perhaps"},
        {"videos": [], "has_more": True},
        {"videos": [], "has_more": True, "cursor": None},
        {"videos": [], "has_more": True, "cursor": True},
        {"videos": [], "has_more": True, "cursor": "abc"},
    ],
)
def test_pages_without_what_paging_needs_are_malformed(data):
    with pytest.raises(ValueError, match=r"without|holds"):
        parse_page(data, "videos")


def test_a_page_without_a_cursor_to_go_on_with_says_so():
    with pytest.raises(ValueError, match=r"^`has_more` without a readable `cursor`$"):
        parse_page({"videos": [], "has_more": True}, "videos")
