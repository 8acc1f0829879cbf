"""Lists in pages of every kind: each row that is wanted comes once, or there is an error; no list is read for ever."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiktok_organic_dagster.tables.conversion import convert
from tiktok_organic_dagster.tables.model import ColumnType
from tiktok_organic_dagster.tiktok.answers import malformed
from tiktok_organic_dagster.tiktok.client import AccountReader
from tiktok_organic_dagster.tiktok.errors import PagingError, TransientError
from tiktok_organic_dagster.tiktok.paging import MAX_STALE_PAGES, RawPage, created_at, parse_page
from tiktok_organic_dagster_tests.properties.json_values import JSON, LIKELY

OLDEST = datetime(2025, 11, 23, tzinfo=UTC)
LIMIT = int(OLDEST.timestamp())

YES = st.sampled_from([True, 1, "true", "True", "1", " TRUE "])
NO = st.sampled_from([False, 0, "false", "FALSE", "0"])


class NotAskedForError(AssertionError):
    """The list was asked for at a place that it did not name."""


@dataclass
class Listed:
    """A list as TikTok serves it, and what was asked of it; stands where the client stands that sends the calls."""

    rows_key: str
    pages: list[dict[str, Any]]
    asked: list[str | None] = field(default_factory=list)
    served: list[dict[str, Any]] = field(default_factory=list)

    def call(self, request, read, **_):
        cursor = request.params.get("cursor")
        self.asked.append(cursor)
        try:
            return read(self.page(cursor))
        except ValueError as error:
            raise TransientError(malformed(request.endpoint, str(error))) from None

    def page(self, cursor):
        if cursor is None:
            return self.pages[0]
        for page, following in pairwise(self.pages):
            if str(int(page["cursor"])) == cursor:
                return following
        raise NotAskedForError(cursor)

    @property
    def reader(self):
        return AccountReader(self, "b", "cid", tokens=None)


def post(name, created):
    return {"item_id": name, "create_time": str(created)}


@st.composite
def honest_posts(draw):
    """Pages of posts, newest first, as the documentation allows them, and the posts that were there all the time."""
    created = sorted(draw(st.lists(st.integers(LIMIT - 9, LIMIT + 9), max_size=12)), reverse=True)
    rest = [post(str(number), moment) for number, moment in enumerate(created)]
    pinned = draw(st.lists(st.sampled_from(rest), max_size=3, unique_by=id)) if rest else []
    posts = [*pinned, *(each for each in rest if each not in pinned)]
    sizes = []
    while sum(sizes) < len(posts):
        sizes.append(draw(st.integers(0, 4)))
    sizes += [0] * draw(st.integers(0 if sizes else 1, 2))
    pages, begin = [], 0
    for number, size in enumerate(sizes):
        again = draw(st.lists(st.sampled_from(posts[:begin]), max_size=2, unique_by=id)) if begin else []
        published = [post(f"new{number}", LIMIT + 99)] if draw(st.booleans()) else []
        following = posts[begin + size :]
        newest = max((int(each["create_time"]) for each in following), default=LIMIT - 99)
        cursor = newest * 1000 + len(sizes) - number  # all that follows was published before it
        pages.append(
            {
                "videos": [*again, *published, *posts[begin : begin + size]],
                "has_more": draw(YES if number < len(sizes) - 1 else NO),
                "cursor": draw(st.sampled_from([cursor, str(cursor), float(cursor)])),
            }
        )
        begin += size
    if draw(st.booleans()):
        del pages[-1]["cursor"]
    return pages, posts


@given(honest_posts())
def test_of_posts_in_any_pages_all_come_and_each_once(listed):
    pages, posts = listed
    server = Listed("videos", pages)

    came = [row["item_id"] for page in server.reader.video_pages([], None) for row in page.videos]

    assert len(came) == len(set(came))
    assert set(came) == {row["item_id"] for page in pages for row in page["videos"]}
    assert set(came) >= {row["item_id"] for row in posts}
    assert len(server.asked) == len(pages)


@given(honest_posts())
def test_of_posts_in_any_pages_those_of_the_last_year_come_each_once_whatever_is_pinned(listed):
    pages, posts = listed
    server = Listed("videos", pages)

    came = [row["item_id"] for page in server.reader.video_pages([], OLDEST) for row in page.videos]

    wanted = {row["item_id"] for row in posts if int(row["create_time"]) >= LIMIT}
    assert len(came) == len(set(came))
    assert {name for name in came if not name.startswith("new")} == wanted
    assert len(server.asked) <= len(pages)


@st.composite
def honest_comments(draw):
    """Pages of comments, whose cursor is a small number, and the comments."""
    sizes = draw(st.lists(st.integers(0, 4), min_size=1, max_size=8))
    comments = [{"comment_id": str(number)} for number in range(sum(sizes))]
    pages, begin, cursor = [], 0, 0
    for number, size in enumerate(sizes):
        again = draw(st.lists(st.sampled_from(comments[:begin]), max_size=2, unique_by=id)) if begin else []
        cursor += max(1, size)
        pages.append(
            {
                "comments": [*again, *comments[begin : begin + size]],
                "has_more": draw(YES if number < len(sizes) - 1 else NO),
                "cursor": draw(st.sampled_from([cursor, str(cursor), float(cursor)])),
            }
        )
        begin += size
    return pages, comments


@given(honest_comments())
def test_of_comments_in_any_pages_all_come_and_each_once(listed):
    pages, comments = listed
    server = Listed("comments", pages)

    came = [row for page in server.reader.comment_pages("v") for row in page.comments]

    assert came == comments
    assert len(server.asked) == len(pages)


ID_KEYS = {"videos": "item_id", "comments": "comment_id"}
ROW_IDS = st.integers(0, 6) | st.integers(0, 6).map(str) | JSON
MOMENTS = st.integers(LIMIT - 2, LIMIT + 2).map(str) | LIKELY[ColumnType.TIMESTAMP] | JSON
ROWS = st.lists(
    st.fixed_dictionaries({}, optional=dict.fromkeys(ID_KEYS.values(), ROW_IDS) | {"create_time": MOMENTS}), max_size=3
)
LOWERED = "lower than all before"
CURSORS = (
    st.just(LOWERED)
    | st.sampled_from([0, 1, 2, "1", 2.0, -1, LIMIT * 1000 - 1, LIMIT * 1000, str(LIMIT * 1000 + 1)])
    | JSON
)
ANY_PAGE = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(ID_KEYS, ROWS | JSON) | {"has_more": YES | NO | JSON, "cursor": CURSORS}
)
PAGE_WITH_MORE = st.fixed_dictionaries(dict.fromkeys(ID_KEYS, ROWS) | {"has_more": YES, "cursor": CURSORS})


class AnyList(Listed):
    """A list whose pages come in a fixed order whatever is asked for, and then the last ones again without end."""

    def page(self, cursor):
        del cursor
        number = len(self.asked) - 1
        data = self.pages[number if number < len(self.pages) else -1 - number % min(3, len(self.pages))]
        if data.get("cursor") == LOWERED:
            data = {**data, "cursor": LIMIT * 1000 + 500 - number}
        self.served.append(data)
        return data


def says_no_more(page):
    return str(page["has_more"]).strip().lower() in {"false", "0"}


def is_too_old(row):
    created = created_at(row)
    return created is not None and created < LIMIT


def is_all_too_old(page, rows_key):
    """Whether nothing on a page and nothing after it can be of the last year."""
    rows = page[rows_key]
    return bool(rows) and all(map(is_too_old, rows)) and int(page["cursor"]) < LIMIT * 1000


def usable_id(row, key):
    value = row.get(key)
    return str(value) if isinstance(value, str | int) and value != "" else None


@pytest.mark.parametrize(("rows_key", "oldest"), [("videos", None), ("videos", OLDEST), ("comments", None)])
@given(pages=st.lists(ANY_PAGE | PAGE_WITH_MORE, min_size=1, max_size=8))
def test_pages_of_any_content_end_with_all_their_rows_or_with_an_error(rows_key, oldest, pages):
    id_key = ID_KEYS[rows_key]
    server = AnyList(rows_key, pages)
    came = []
    try:
        if rows_key == "videos":
            for page in server.reader.video_pages([], oldest):
                came += page.videos
        else:
            for page in server.reader.comment_pages("v"):
                came += page.comments
    except PagingError as error:
        assert "does not end" in str(error)
        read = server.served
    except TransientError as error:
        assert "malformed answer" in str(error)
        read = server.served[:-1]
    else:
        read = server.served
        assert says_no_more(read[-1]) or (oldest is not None and is_all_too_old(read[-1], rows_key))

    rows = [row for page in read for row in page[rows_key]]
    came_ids = {usable_id(row, id_key) for row in came}
    too_old = {usable_id(row, id_key) for row in rows if oldest is not None and is_too_old(row)}
    recent = {usable_id(row, id_key) for row in rows if oldest is None or not is_too_old(row)}
    assert recent - too_old <= came_ids <= recent
    assert len(server.asked) == len(set(server.asked))
    assert len(server.asked) <= (len(rows) + 1) * MAX_STALE_PAGES


@given(st.dictionaries(st.sampled_from(["videos", "has_more", "cursor"]), JSON))
def test_a_page_is_read_or_called_malformed(data):
    try:
        page = parse_page(data, "videos")
    except ValueError as error:
        assert str(error).startswith(("without", "`"))
    else:
        assert isinstance(page, RawPage)
        assert page.cursor is not None or not page.has_more


@given(MOMENTS)
def test_a_post_is_taken_for_old_only_if_the_time_that_is_stored_of_it_is_old(value):
    (stored,) = convert(ColumnType.TIMESTAMP, [value]).array.to_pylist()
    read = created_at({"create_time": value})
    if read is not None and read < LIMIT:
        assert stored is not None
        assert stored < OLDEST
    if stored is not None and type(value) in {int, float}:
        assert read == pytest.approx(stored.timestamp(), abs=1e-6)
