"""The reading of comments: which videos to ask about, how far, and whole videos at a time into the warehouse."""

from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import astuple, dataclass, field
from datetime import timedelta
from functools import partial

from tiktok_organic_dagster.accounts.store import Account
from tiktok_organic_dagster.errors import TikTokOrganicError
from tiktok_organic_dagster.readings.base import Moment, Notes, Portion, Reading, spool_rows
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
from tiktok_organic_dagster.tiktok.errors import RefusedError
from tiktok_organic_dagster.warehouse import Session, Spool
from tiktok_organic_dagster.warehouse.bookkeeping import was_read
from tiktok_organic_dagster.warehouse.known_comments import (
    comment_reads,
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
    """The videos read since the last write, and their comments on the way to the spool."""

    spool: Spool
    known: dict[str, Known] = field(default_factory=dict)
    complete: list[str] = field(default_factory=list)
    waiting: list[tuple[JsonObject, Video]] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        """Whether it is time to write."""
        return len(self.known) >= PORTION_VIDEOS or self.spool.rows(COMMENTS) + len(self.waiting) >= PORTION_ROWS


class CommentsReading(Reading):
    """Reads `business/comment/list` for the videos whose comments may have changed.

    Args:
        tables: The table to fill.
        moment: When the run takes its readings.
        time_limit: How long to go on with one account. A video that was begun is read to its end; the videos that are
            left are taken up by later runs.
    """

    step = "comments"

    def __init__(self, tables: Sequence[Table], moment: Moment, time_limit: timedelta) -> None:
        super().__init__(tables, moment)
        self._time_limit = time_limit
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
        if plan is None:
            raise NotReadYetError(
                f"The videos of @{self.username(account)} were not read on {self.moment.today}, and comments are read "
                f"for the videos of the day: materialize {VIDEOS.name} for {self.moment.today} first."
            )
        waiting = deque(plan.tasks)
        started_at = self.moment.now()
        is_late = False
        while True:
            with Spool() as spool:
                batch = Batch(spool)
                while waiting and not batch.is_full and not is_late:
                    video, how = waiting.popleft()
                    self._read_video(account, reader, plan, video, how, batch, notes)
                    is_late = self.moment.now() - started_at >= self._time_limit
                self._to_spool(account, batch, notes)
                is_last = is_late or not waiting
                yield Portion(spool, partial(self._write, account, batch, complete=not waiting))
            if is_last:
                break
        if waiting:
            notes.warnings.append(
                f"The time for one account's comments ({self._time_limit}) is over with {len(waiting)} videos left; "
                "the next run goes on with them (TIKTOK_ORGANIC_COMMENT_MINUTES)."
            )

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

        Returns:
            Whether the end was reached.
        """
        seen = 0
        for page in reader.comment_pages(video.video_id):
            comments = objects_of(COMMENTS, page.comments, "comment_id", notes.findings)
            notes.repeated += page.repeated
            batch.waiting += [(comment, video) for comment in comments]
            if len(batch.waiting) >= CHUNK_ROWS:
                self._to_spool(account, batch, notes)
            seen += len(comments)
            if seen <= ORDERED_COMMENTS and _holds_stored(comments, stored):
                return False
        return True

    def _to_spool(self, account: Account, batch: Batch, notes: Notes) -> None:
        labels = self.labels(
            account,
            video_id=[video.video_id for _, video in batch.waiting],
            thumbnail_url=[video.thumbnail_url for _, video in batch.waiting],
        )
        spool_rows(batch.spool, self.tables, [comment for comment, _ in batch.waiting], labels, notes)
        batch.waiting.clear()

    def _write(self, account: Account, batch: Batch, session: Session, *, complete: bool) -> None:
        with session.staged(COMMENTS, batch.spool) as stage:
            latest_state(session, COMMENTS, stage)
            mark_not_returned(session, stage, account.business_id, batch.complete, self.moment.today)
        session.require_unique(COMMENTS, account.business_id, batch.spool)
        write_comment_reads(
            session, account.business_id, {video_id: astuple(known) for video_id, known in batch.known.items()}
        )
        self.record(session, account, batch.spool, complete=complete)


class AllCommentsReading(CommentsReading):
    """Reads the comments of every video that was ever seen to the end, whatever is known of them."""

    def __init__(self, tables: Sequence[Table], moment: Moment) -> None:
        super().__init__(tables, moment, time_limit=timedelta.max)

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
