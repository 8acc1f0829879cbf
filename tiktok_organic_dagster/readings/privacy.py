"""What is kept of the people who comment: nothing of the forgotten, and of the others names or hashes, as is set."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pyarrow as pa

from tiktok_organic_dagster.accounts.commenters import Commenters
from tiktok_organic_dagster.tables import COMMENTS, ColumnType
from tiktok_organic_dagster.tables.conversion import convert
from tiktok_organic_dagster.tables.pseudonyms import Pseudonyms
from tiktok_organic_dagster.tables.rows import JsonObject
from tiktok_organic_dagster.warehouse import Session
from tiktok_organic_dagster.warehouse.commenters import IDENTIFIER, commented_accounts, erase, hash_names, leave_out

APART = timedelta(hours=1)
"""How far our clock and TikTok's may be apart: a comment written this long before a reading was there for it."""


class Privacy:
    """Keeps the setting and the forgotten; safe for threads.

    Args:
        commenters: Knows the key of the hashes and who is forgotten.
        hashed: Whether hashes stand in the place of names.
    """

    def __init__(self, commenters: Commenters, *, hashed: bool) -> None:
        self._commenters = commenters
        self._hashed = hashed
        self._forgotten: frozenset[str] = frozenset()
        self._pseudonyms: Pseudonyms | None = None
        self._look()

    def settle(self, session: Session) -> None:
        """Make the rows that are stored already fit: before the setting was changed, or in a restored backup."""
        if self._forgotten:
            for business_id in commented_accounts(session):
                erase(session, business_id, self._is_forgotten)
        if self._hashed and self._pseudonyms is not None:
            hash_names(session, self._pseudonyms)

    def sorted_out(self, comments: Sequence[JsonObject]) -> tuple[list[JsonObject], list[JsonObject]]:
        """Comments of an answer: those to be kept, and those of forgotten commenters."""
        if not self._forgotten or self._pseudonyms is None:
            return list(comments), []
        kept: list[JsonObject] = []
        left_out: list[JsonObject] = []
        identifiers = convert(ColumnType.TEXT, [comment.get(IDENTIFIER.name) for comment in comments]).array.to_pylist()
        for comment, identifier in zip(comments, identifiers, strict=True):
            is_forgotten = bool(identifier) and self._pseudonyms.of(IDENTIFIER, identifier) in self._forgotten
            (left_out if is_forgotten else kept).append(comment)
        return kept, left_out

    def as_set(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Rows of comments as they are stored."""
        return self._pseudonyms.rows(COMMENTS, rows) if self._hashed and self._pseudonyms is not None else rows

    def leave_out(self, session: Session, stage: str) -> None:
        """Take out of staged rows, right before they are written, whoever was forgotten since they were read."""
        self._look()
        if self._forgotten:
            leave_out(session, stage, self._is_forgotten)

    def _look(self) -> None:
        """See who is forgotten now."""
        forgotten = self._commenters.forgotten()
        if self._pseudonyms is None and (forgotten or self._hashed):
            self._pseudonyms = self._commenters.pseudonyms()
        self._forgotten = forgotten

    def _is_forgotten(self, stored: str) -> bool:
        """Whether it is the identifier, in plain or hashed, of somebody who is forgotten."""
        return self._pseudonyms is not None and self._pseudonyms.of_stored(IDENTIFIER, stored) in self._forgotten


def amount(comments: Sequence[JsonObject], since: datetime | None = None) -> float:
    """How many comments these are, with the replies to them; with `since`, of those written after it."""
    replies = convert(ColumnType.FLOAT, [comment.get("replies") for comment in comments]).array.to_pylist()
    return sum(
        1 + (count or 0)
        for count, written in zip(replies, _written(comments), strict=True)
        if since is None or written is None or written > since
    )


def were_there(comments: Sequence[JsonObject], read_at: datetime) -> bool:
    """Whether one of these comments must have been seen by a reading, apart from pinned ones, which stand on top."""
    pinned = convert(ColumnType.BOOLEAN, [comment.get("pinned") for comment in comments]).array.to_pylist()
    return any(
        written is not None and written < read_at - APART and not is_pinned
        for written, is_pinned in zip(_written(comments), pinned, strict=True)
    )


def _written(comments: Sequence[JsonObject]) -> list[datetime | None]:
    return convert(ColumnType.TIMESTAMP, [comment.get("create_time") for comment in comments]).array.to_pylist()
