"""The reading of comments: which videos to ask about, how far, and whole videos at a time into the warehouse."""

from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import astuple, dataclass, field
from datetime import datetime, timedelta
from functools import partial

import pyarrow as pa

from tiktok_organic_dagster.accounts.store import Account
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
from tiktok_organic_dagster.tables import COMMENTS, VIDEOS, ColumnType, Table
from tiktok_organic_dagster.tables.conversion import convert
from tiktok_organic_dagster.tables.rows import JsonObject, objects_of
from tiktok_organic_dagster.tables.shared import COMMENT_LIST
from tiktok_organic_dagster.tiktok.client import AccountReader
from tiktok_organic_dagster.tiktok.errors import PagingError, RefusedError, TikTokError, TransientError
from tiktok_organic_dagster.warehouse import Session, Spool
from tiktok_organic_dagster.warehouse.bookkeeping import was_read
from tiktok_organic_dagster.warehouse.known_comments import (
    comment_reads,
    comments_read_on,
    mark_not_returned,
    newest_comment_ids,
    older_videos,
    todays_videos,
    write_comment_reads,
)
from tiktok_organic_dagster.warehouse.writing import latest_state

ORDERED_COMMENTS = 500
"""TikTok keeps the order asked for up to here; what comes after it is sorted by likes and may repeat."""
PORTION_ROWS = 2_000
PORTION_VIDEOS = 50
CHUNK_ROWS = 1_000
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
        known: What is known of each video's comments.
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
    """

    step = "comments"
    writes_in_portions = True

    def __init__(self, tables: Sequence[Table], moment: Moment, time_limit: timedelta | None) -> None:
        super().__init__(tables, moment)
        self._time_limit = time_limit
        self._began: dict[str, datetime] = {}
        self._plans: dict[str, Plan] = {}

    def look_up(self, session: Session, account: Account) -> None:
        """Decide for each video of the account whether to read its comments, and how far."""
        self._plans.pop(account.business_id, None)
        if was_read(session, account.business_id, VIDEOS, self.moment.today):
            self._plans[account.business_id] = self.plan(session, account)

    def plan(self, session: Session, account: Account) -> Plan:
        """Today's videos whose counter moved, and older posts that were never read to the end."""
        known = {video_id: Known(*read) for video_id, read in comment_reads(session, account.business_id).items()}
        todays = [Video(*row) for row in todays_videos(session, account.business_id, self.moment.today)]
        older = [Video(*row) for row in older_videos(session, account.business_id, self.moment.today)]
        never_complete = [v for v in older if v.video_id not in known or known[v.video_id].complete_at is None]
        now = self.moment.now()
        tasks = [
            (video, how)
            for video in in_order([*todays, *never_complete], known)
            if (how := refresh(video, known.get(video.video_id), now)) is not Refresh.NOTHING
        ]
        heads = [video.video_id for video, how in tasks if how is Refresh.HEAD]
        return Plan(tuple(tasks), known, newest_comment_ids(session, account.business_id, heads))

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
        stored: set[str] = plan.stored.get(video.video_id, set()) if how is Refresh.HEAD else set()
        try:
            complete = self._read_pages(account, reader, video, stored, batch, notes)
        except RefusedError as error:
            if error.code not in UNKNOWN_VIDEO:
                raise
            notes.warnings.append(f"The comments of video {video.video_id} cannot be read, its rows stay. {error}")
            batch.known[video.video_id] = after_refusal(known, self.moment.now())
            return
        if complete:
            batch.complete.append(video.video_id)
        batch.known[video.video_id] = after_reading(video, known, self.moment.now(), complete=complete)

    def _read_pages(
        self, account: Account, reader: AccountReader, video: Video, stored: set[str], batch: Batch, notes: Notes
    ) -> bool:
        """Read a video's comments, newest first, to the end or to the first page that holds a stored one.

        Nothing of a video that fails on the way comes into the batch.

        Returns:
            Whether the end was reached.
        """
        seen = 0
        ended = True
        chunks: list[pa.RecordBatch] = []
        waiting: list[Comment] = []
        for page in reader.comment_pages(video.video_id):
            comments = objects_of(COMMENTS, page.comments, "comment_id", notes.findings)
            notes.repeated += page.repeated
            read_at = self.moment.now()
            waiting += [(comment, video, read_at) for comment in comments]
            if len(waiting) >= CHUNK_ROWS:
                chunks.append(self._rows(account, waiting, notes))
                waiting = []
            seen += len(comments)
            if seen <= ORDERED_COMMENTS and _holds_stored(comments, stored):
                ended = False
                break
        for chunk in chunks:
            batch.spool.add(COMMENTS, chunk)
        batch.waiting += waiting
        notes.rows += seen
        return ended

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
        return valid_rows(COMMENTS, [comment for comment, _, _ in comments], labels, notes)

    def _write(self, account: Account, batch: Batch, session: Session, *, complete: bool) -> None:
        with session.staged(COMMENTS, batch.spool) as stage:
            latest_state(session, COMMENTS, stage, now=self.moment.now())
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

    def __init__(self, tables: Sequence[Table], moment: Moment) -> None:
        super().__init__(tables, moment, time_limit=None)

    def plan(self, session: Session, account: Account) -> Plan:
        """Every known video, in full."""
        known = {video_id: Known(*read) for video_id, read in comment_reads(session, account.business_id).items()}
        rows = [
            *todays_videos(session, account.business_id, self.moment.today),
            *older_videos(session, account.business_id, self.moment.today),
        ]
        videos = in_order([Video(*row) for row in rows], known)
        return Plan(tuple((video, Refresh.FULL) for video in videos), known, {})


def _holds_stored(comments: Sequence[JsonObject], stored: set[str]) -> bool:
    """Whether one of the comments is stored already, apart from pinned ones, which stand on top however old."""
    ids: list[str | None] = convert(
        ColumnType.TEXT, [comment.get("comment_id") for comment in comments]
    ).array.to_pylist()
    pinned: list[bool | None] = convert(ColumnType.BOOLEAN, [c.get("pinned") for c in comments]).array.to_pylist()
    return any(id_ in stored and not is_pinned for id_, is_pinned in zip(ids, pinned, strict=True))
