"""The rule by which a list of TikTok's is read to its end: never too early, never for ever."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from tiktok_organic_dagster.tiktok.answers import whole_number
from tiktok_organic_dagster.tiktok.errors import Fault, PagingError, Remedy

MAX_STALE_PAGES = 100  # in a row without a new row; TikTok's filters leave some pages empty, not a hundred
START = 0
_SECONDS = re.compile(r"\s*\d+(\.\d*)?\s*", re.ASCII)
_BOOLEANS: dict[object, bool] = {True: True, False: False, "true": True, "false": False, "1": True, "0": False}


@dataclass(frozen=True)
class RawPage:
    """One page as TikTok sent it; `cursor` is None where there is none."""

    rows: list[dict[str, Any]]
    cursor: int | None
    has_more: bool


@dataclass(frozen=True)
class NewRows:
    """What a page brought.

    Attributes:
        rows: Its rows without those whose id stood on an earlier page.
        repeated: How many were left out.
        number: The page's number, from 1.
    """

    rows: list[dict[str, Any]]
    repeated: int
    number: int


def parse_page(data: dict[str, Any], rows_key: str) -> RawPage:
    """Read the parts of a page.

    Raises:
        ValueError: The list or what paging needs is missing; the text says what.
    """
    rows = data.get(rows_key)
    if not isinstance(rows, list):
        raise ValueError(f"without its list `{rows_key}`")  # noqa: TRY004 -- one kind of error for malformed answers
    listed = cast("list[Any]", rows)
    if not all(isinstance(row, dict) for row in listed):
        raise ValueError(f"`{rows_key}` holds something that is not an object")
    has_more = _boolean(data.get("has_more"))
    if has_more is None:
        raise ValueError("without a readable `has_more`")
    cursor = whole_number(data.get("cursor"))
    if has_more and cursor is None:
        raise ValueError("`has_more` without a readable `cursor`")
    return RawPage(listed, cursor, has_more)


def read_pages(
    fetch: Callable[[int | None], RawPage], *, endpoint: str, id_key: str, oldest: datetime | None = None
) -> Iterator[NewRows]:
    """Read page after page until TikTok says that there is no more, or until all that follows is too old.

    Args:
        fetch: Gets the page at a cursor; None is the start.
        endpoint: For messages.
        id_key: The key that holds a row's id.
        oldest: The list is in order of time, newest first, its cursor is epoch milliseconds, and it is read as far back
            as this. A page ends the reading only if it has rows and all of them and the next cursor are older: one old
            (pinned) post on top does not, and neither does a short or empty page.

    Raises:
        PagingError: The cursor was there before, or too many pages in a row brought nothing new.
    """
    seen_cursors = {START}
    seen_ids: set[str] = set()
    cursor: int | None = None
    stale = 0
    number = 0
    while True:
        page = fetch(cursor)
        number += 1
        rows = [row for row in page.rows if _id(row, id_key) not in seen_ids]
        fresh = {found for row in rows if (found := _id(row, id_key)) is not None}
        seen_ids |= fresh
        yield NewRows(rows, len(page.rows) - len(rows), number)
        if not page.has_more or page.cursor is None:
            return
        if page.cursor in seen_cursors:
            raise _stuck(endpoint, f"its cursor {page.cursor} was there before although there is more to come")
        if oldest is not None and _all_older(page, oldest):
            return
        stale = 0 if fresh else stale + 1
        if stale >= MAX_STALE_PAGES:
            raise _stuck(endpoint, f"{MAX_STALE_PAGES} pages in a row brought nothing new")
        cursor = page.cursor
        seen_cursors.add(cursor)


def created_at(row: dict[str, Any]) -> float | None:
    """When a row was created, in epoch seconds; None if that cannot be read, as then no row may be taken for old."""
    value = row.get("create_time")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not _SECONDS.fullmatch(value):
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return None
    return seconds if seconds >= 0 else None


def _all_older(page: RawPage, oldest: datetime) -> bool:
    limit = oldest.timestamp()
    times = [created_at(row) for row in page.rows]
    older = bool(times) and all(time is not None and time < limit for time in times)
    return older and page.cursor is not None and page.cursor < limit * 1000


def _stuck(endpoint: str, why: str) -> PagingError:
    advice = "The rows read so far are not complete; try again later."
    return PagingError(Fault(endpoint, Remedy.FAIL, f"the list does not end: {why}", advice=advice))


def _id(row: dict[str, Any], key: str) -> str | None:
    value = row.get(key)
    return str(value) if isinstance(value, int | str) and value != "" else None


def _boolean(value: object) -> bool | None:
    if isinstance(value, str):
        return _BOOLEANS.get(value.strip().lower())
    return _BOOLEANS.get(value) if isinstance(value, bool | int) else None
