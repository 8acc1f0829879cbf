"""The reading of comments: which videos to ask about, how far, and whole videos at a time into the warehouse."""

from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from datetime import datetime, timedelta
from functools import partial

import pyarrow as pa

from tiktok_organic_dagster.accounts.account import Account
from tiktok_organic_dagster.accounts.store import AccountStore
from tiktok_organic_dagster.errors import TikTokOrganicError
from tiktok_organic_dagster.readings.base import Moment, Notes, Portion, Reading, valid_rows
from tiktok_organic_dagster.readings.comment_refresh import (
    Known,
    Refresh,
    Video,
    after_reading,
    after_refusal,
    in_order,
    refresh,
)
from tiktok_organic_dagster.readings.older_posts import all_older_posts, older_posts
from tiktok_organic_dagster.readings.privacy import Privacy, amount, were_there
from tiktok_organic_dagster.tables import COMMENTS, VIDEOS, ColumnType, Table
from tiktok_organic_dagster.tables.conversion import convert
from tiktok_organic_dagster.tables.rows import JsonObject, objects_of
from tiktok_organic_dagster.tables.shared import COMMENT_LIST
from tiktok_organic_dagster.tiktok.client import AccountReader
from tiktok_organic_dagster.tiktok.errors import PagingError, RefusedError, TikTokError, TransientError
from tiktok_organic_dagster.warehouse import Session, Spool
from tiktok_organic_dagster.warehouse.bookkeeping import readings_on
from tiktok_organic_dagster.warehouse.known_comments import (
    comment_reads,
    comments_read_on,
    mark_not_returned,
    newest_comment_ids,
    todays_videos,
    write_comment_reads,
)
from tiktok_organic_dagster.warehouse.writing import latest_state

ORDERED_COMMENTS = 500
"""TikTok keeps the order asked for up to here; what comes after it is sorted by likes and may repeat."""
PORTION_ROWS = 2_000
PORTION_VIDEOS = 50
CHUNK_ROWS = 1_000
PLANNED_AT_ONCE = 20_000
"""Videos of today of which it is decided together what to read: so many of all their accounts are in memory at once."""
UNKNOWN_VIDEO = frozenset({40002, 40007})
OF_ONE_VIDEO = (PagingError, TransientError, RefusedError)
"""Trouble that may be with one video alone."""
FAILURES_IN_A_ROW = 3
"""So many videos that fail one after the other have nothing to do with the single video."""

Comment = tuple[JsonObject, Video, datetime]
"""A comment, its video, and when it was read: of two runs at once, the row that was read later stays."""


class NotReadYetError(TikTokOrganicError):
    """The videos of the day, whose comments are to be read, were not read."""


@dataclass(frozen=True)
class Plan:
    """What to read of an account.

    Attributes:
        tasks: The videos in order, each with how far to read it.
        known: What is known of the comments of those that were asked for before.
        stored: The stored comments that a head reading of a video is compared with.
    """

    tasks: tuple[tuple[Video, Refresh], ...]
    known: dict[str, Known]
    stored: dict[str, set[str]]


@dataclass
class Batch:
    """Whole videos read since the last write, and their comments on the way to the spool.

    Attributes:
        spool: Rows that are ready.
        began_at: When the first of these videos was asked for.
        known: What is known of each video now.
        complete: The videos that were read to the end.
        waiting: Comments that are not rows yet.
    """

    spool: Spool
    began_at: datetime
    known: dict[str, Known] = field(default_factory=dict)
    complete: list[str] = field(default_factory=list)
    waiting: list[Comment] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        """Whether it is time to write."""
        return len(self.known) >= PORTION_VIDEOS or self.spool.rows(COMMENTS) + len(self.waiting) >= PORTION_ROWS


class CommentsReading(Reading):
    """Reads `business/comment/list` for the videos whose comments may have changed.

    Args:
        tables: The table to fill.
        moment: When the run takes its readings.
        time_limit: How long to go on with one account; None for as long as it takes. A video that was begun is read to
            its end; the videos that are left are taken up by later runs.
        hashed: Whether hashes are stored in the place of the commenters' names.
    """

    step = "comments"
    writes_in_portions = True
    older_posts = staticmethod(older_posts)

    def __init__(
        self, tables: Sequence[Table], moment: Moment, time_limit: timedelta | None, *, hashed: bool = False
    ) -> None:
        super().__init__(tables, moment)
        self._time_limit = time_limit
        self._hashed = hashed
        self._began: dict[str, datetime] = {}
        self._plans: dict[str, Plan] = {}

    def prepare(self, session: Session, accounts: Sequence[Account], store: AccountStore) -> None:
        """Beside what each step prepares, make the stored rows of all accounts fit what is to be kept of commenters."""
        super().prepare(session, accounts, store)
        self._privacy = Privacy(store.commenters, hashed=self._hashed)
        self._privacy.settle(session)

    def look_up(self, session: Session, accounts: Sequence[Account]) -> None:
        """Decide for each video of the accounts whether to read its comments, and how far."""
        for account in accounts:
            self._plans.pop(account.business_id, None)
        read = readings_on(session, VIDEOS, self.moment.today)
        videos = {each.business_id: read[each.business_id].rows for each in accounts if each.business_id in read}
        for business_ids in _parts(videos):
            self._plans |= self._planned(session, business_ids)

    def _planned(self, session: Session, business_ids: Sequence[str]) -> dict[str, Plan]:
        reads = comment_reads(session, business_ids)
        todays = todays_videos(session, business_ids, self.moment.today)
        known = {
            business_id: {video_id: Known(*read) for video_id, read in reads.get(business_id, {}).items()}
            for business_id in business_ids
        }
        older = self.older_posts(session, known, self.moment.today, self.moment.now())
        tasks = {
            business_id: self.choose(
                [Video(*row) for row in todays.get(business_id, ())],
                [Video(*row) for row in older.get(business_id, ())],
                known[business_id],
            )
            for business_id in business_ids
        }
        heads = [(id_, video.video_id) for id_, each in tasks.items() for video, how in each if how is Refresh.HEAD]
        stored = newest_comment_ids(session, heads)
        return {
            business_id: Plan(
                tuple(chosen),
                {v.video_id: known[business_id][v.video_id] for v, _ in chosen if v.video_id in known[business_id]},
                {v.video_id: stored.get((business_id, v.video_id), set()) for v, how in chosen if how is Refresh.HEAD},
            )
            for business_id, chosen in tasks.items()
        }

    def choose(
        self, todays: Sequence[Video], older: Sequence[Video], known: Mapping[str, Known]
    ) -> list[tuple[Video, Refresh]]:
        """Today's videos whose counter moved, and older posts that were never read to the end, in order."""
        never_complete = [v for v in older if v.video_id not in known or known[v.video_id].complete_at is None]
        now = self.moment.now()
        return [
            (video, how)
            for video in in_order([*todays, *never_complete], known)
            if (how := refresh(video, known.get(video.video_id), now)) is not Refresh.NOTHING
        ]

    def portions(self, account: Account, reader: AccountReader, notes: Notes) -> Generator[Portion]:
        """The comments of whole videos, about 2,000 comments at a time."""
        if COMMENT_LIST not in account.scopes:
            notes.skipped = f"the scope {COMMENT_LIST} was not granted: connect the account again to grant it"
            return
        plan = self._plans.get(account.business_id)
        if plan is None and account.needs_authorization is not None:
            raise NotReadYetError(
                f"The videos of @{account.username} were not read on {self.moment.today}, as the authorization has "
                f"ended ({account.needs_authorization.rstrip('.')}). Its owner must connect the account again."
            )
        if plan is None:
            raise NotReadYetError(
                f"The videos of @{account.username} were not read on {self.moment.today}, and comments are read "
                f"for the videos of the day: materialize {VIDEOS.name} for {self.moment.today} first."
            )
        videos = deque(plan.tasks)
        failures: list[TikTokError] = []
        while True:
            with Spool() as spool:
                batch = Batch(spool, self.moment.now())
                ended_by = self._fill(account, reader, plan, videos, batch, failures, notes)
                self._to_spool(account, batch, notes)
                notes.left_over = len(videos)
                yield Portion(spool, partial(self._write, account, batch, complete=not videos and not failures))
            if ended_by is not None:
                raise ended_by
            if not videos or self._is_late(account):
                break
        if videos:
            notes.warnings.append(
                f"The time for one account's comments ({self._time_limit}) is over with {len(videos)} videos left; "
                "the next run goes on with them (TIKTOK_ORGANIC_COMMENT_MINUTES)."
            )
        if failures:
            raise failures[0]

    def _fill(
        self,
        account: Account,
        reader: AccountReader,
        plan: Plan,
        videos: deque[tuple[Video, Refresh]],
        batch: Batch,
        failures: list[TikTokError],
        notes: Notes,
    ) -> TikTokOrganicError | None:
        """Read videos until the batch is full, the time is over, or none is left.

        Trouble with one video does not hold back the others, unless several in a row have it.

        Returns:
            What ends the reading of the account, once the batch is written; None if nothing does.
        """
        in_a_row = 0
        while videos and not batch.is_full and not self._is_late(account):
            video, how = videos[0]
            try:
                self._read_video(account, reader, plan, video, how, batch, notes)
                in_a_row = 0
            except OF_ONE_VIDEO as error:
                failures.append(error)
                in_a_row += 1
                if in_a_row >= FAILURES_IN_A_ROW:
                    return error
            except TikTokOrganicError as error:
                return error
            videos.popleft()
        return None

    def _is_late(self, account: Account) -> bool:
        """Whether the time for one account is over; a second attempt of the same run has no more."""
        now = self.moment.now()
        began = self._began.setdefault(account.business_id, now)
        return self._time_limit is not None and now - began >= self._time_limit

    def _read_video(
        self,
        account: Account,
        reader: AccountReader,
        plan: Plan,
        video: Video,
        how: Refresh,
        batch: Batch,
        notes: Notes,
    ) -> None:
        known = plan.known.get(video.video_id)
        before = known if how is Refresh.HEAD else None
        stored: set[str] = plan.stored.get(video.video_id, set()) if before is not None else set()
        try:
            complete, left_out = self._read_pages(account, reader, video, before, stored, batch, notes)
        except RefusedError as error:
            if error.code not in UNKNOWN_VIDEO:
                raise
            notes.warnings.append(f"The comments of video {video.video_id} cannot be read, its rows stay. {error}")
            batch.known[video.video_id] = after_refusal(known, self.moment.now())
            return
        if complete:
            batch.complete.append(video.video_id)
        batch.known[video.video_id] = after_reading(
            video, known, self.moment.now(), complete=complete, left_out=left_out
        )

    def _read_pages(
        self,
        account: Account,
        reader: AccountReader,
        video: Video,
        before: Known | None,
        stored: set[str],
        batch: Batch,
        notes: Notes,
    ) -> tuple[bool, float]:
        """Read a video's comments, newest first, to the end or to the first page that holds one seen before.

        That is a stored one, or one of a forgotten commenter from before the last reading. Nothing of a video that
        fails on the way comes into the batch. Without `before`, what is known of it, the video is read to the end.

        Returns:
            Whether the end was reached, and how many comments with their replies are left out now.
        """
        seen = 0
        ended = True
        read_at = before.read_at if before is not None else None
        left_out: list[JsonObject] = []
        waiting: list[Comment] = []
        with Spool() as of_video:
            for page in reader.comment_pages(video.video_id):
                comments = objects_of(COMMENTS, page.comments, "comment_id", notes.findings)
                notes.repeated += page.repeated
                kept, forgotten = self._privacy.sorted_out(comments)
                left_out += forgotten
                now = self.moment.now()
                waiting += [(comment, video, now) for comment in kept]
                if len(waiting) >= CHUNK_ROWS:
                    of_video.add(COMMENTS, self._rows(account, waiting, notes))
                    waiting = []
                seen += len(comments)
                known_ones = _holds_stored(kept, stored) or (read_at is not None and were_there(forgotten, read_at))
                if seen <= ORDERED_COMMENTS and known_ones:
                    ended = False
                    break
            batch.spool.take_over(COMMENTS, of_video)
        batch.waiting += waiting
        notes.rows += seen - len(left_out)
        if ended or before is None:
            return ended, amount(left_out)
        return ended, before.left_out + amount(left_out, since=read_at)

    def _to_spool(self, account: Account, batch: Batch, notes: Notes) -> None:
        batch.spool.add(COMMENTS, self._rows(account, batch.waiting, notes))
        batch.waiting.clear()

    def _rows(self, account: Account, comments: Sequence[Comment], notes: Notes) -> pa.RecordBatch:
        labels = self.labels(
            account,
            video_id=[video.video_id for _, video, _ in comments],
            thumbnail_url=[video.thumbnail_url for _, video, _ in comments],
            loaded_at=[read_at for _, _, read_at in comments],
        )
        return self._privacy.as_set(valid_rows(COMMENTS, [comment for comment, _, _ in comments], labels, notes))

    def _write(self, account: Account, batch: Batch, session: Session, *, complete: bool) -> None:
        with session.staged(COMMENTS, batch.spool) as stage:
            self._privacy.leave_out(session, stage)
            latest_state(session, COMMENTS, stage, account.business_id, now=self.moment.now())
            mark_not_returned(
                session, stage, account.business_id, batch.complete, day=self.moment.today, before=batch.began_at
            )
        session.require_unique(COMMENTS, account.business_id, batch.spool)
        write_comment_reads(
            session,
            account.business_id,
            {video_id: astuple(known) for video_id, known in batch.known.items()},
            now=self.moment.now(),
        )
        rows = {COMMENTS: comments_read_on(session, account.business_id, self.moment.today)}  # also of earlier runs
        if complete or batch.known:
            self.record(session, account, rows, complete=complete)
        else:
            self.note_asked(session, account, rows, complete=False)


class AllCommentsReading(CommentsReading):
    """Reads the comments of every video that was ever seen to the end, whatever is known of them."""

    older_posts = staticmethod(all_older_posts)

    def __init__(self, tables: Sequence[Table], moment: Moment, *, hashed: bool = False) -> None:
        super().__init__(tables, moment, time_limit=None, hashed=hashed)

    def choose(
        self, todays: Sequence[Video], older: Sequence[Video], known: Mapping[str, Known]
    ) -> list[tuple[Video, Refresh]]:
        """Every known video, in full."""
        return [(video, Refresh.FULL) for video in in_order([*todays, *older], known)]


def _parts(videos: Mapping[str, int]) -> Iterator[list[str]]:
    """The accounts in parts that are looked up together, as their videos do not fit into memory all at once."""
    part: list[str] = []
    number = 0
    for business_id, count in videos.items():
        if part and number + count > PLANNED_AT_ONCE:
            yield part
            part, number = [], 0
        part.append(business_id)
        number += count
    if part:
        yield part


def _holds_stored(comments: Sequence[JsonObject], stored: set[str]) -> bool:
    """Whether one of the comments is stored already, apart from pinned ones, which stand on top however old."""
    ids: list[str | None] = convert(
        ColumnType.TEXT, [comment.get("comment_id") for comment in comments]
    ).array.to_pylist()
    pinned: list[bool | None] = convert(ColumnType.BOOLEAN, [c.get("pinned") for c in comments]).array.to_pylist()
    return any(id_ in stored and not is_pinned for id_, is_pinned in zip(ids, pinned, strict=True))
