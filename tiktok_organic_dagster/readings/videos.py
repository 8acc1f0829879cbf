"""The reading of an account's videos and their breakdowns: pages of 20, one transaction for all tables."""

from collections.abc import Generator, Iterator, Sequence
from datetime import datetime
from functools import partial

from tiktok_organic_dagster.accounts.account import Account
from tiktok_organic_dagster.readings.base import (
    Moment,
    Notes,
    Portion,
    Reading,
    nothing_came,
    with_fewer_fields,
)
from tiktok_organic_dagster.readings.empty_list import KnownPosts, doubt, known_posts
from tiktok_organic_dagster.readings.intake import Intake
from tiktok_organic_dagster.tables import ACCOUNT, VIDEOS, Table, field_choices
from tiktok_organic_dagster.tables.rows import objects_of
from tiktok_organic_dagster.tiktok.client import VIDEO_LIST, AccountReader, VideoPage
from tiktok_organic_dagster.warehouse import Session, Spool
from tiktok_organic_dagster.warehouse.newest import with_rows_before
from tiktok_organic_dagster.windows import videos_since


class VideosReading(Reading):
    """Reads `business/video/list`: every post at an account's first reading, later those of the last 365 days."""

    step = "videos"

    def __init__(self, tables: Sequence[Table], moment: Moment) -> None:
        super().__init__(tables, moment)
        self._read_before: set[str] = set()
        self._known_posts: dict[str, KnownPosts] = {}

    def look_up(self, session: Session, accounts: Sequence[Account]) -> None:
        """Whether this is an account's first reading, and what is known of its posts.

        The first means: the videos table holds no row of an earlier day for it.
        """
        business_ids = [account.business_id for account in accounts]
        self._read_before |= with_rows_before(session, VIDEOS, business_ids, self.moment.today)
        self._known_posts |= known_posts(session, accounts, self.moment.today)

    def portions(self, account: Account, reader: AccountReader, notes: Notes) -> Generator[Portion]:
        """The rows of all pages."""
        oldest = videos_since(self.moment.today) if account.business_id in self._read_before else None
        came = False
        with Spool() as spool:
            intake = Intake(spool, self.tables, self.labels(account), notes, accounts=self.accounts)
            for page in self._pages(account, reader, oldest, notes):
                notes.repeated += page.repeated
                came = came or bool(page.videos or page.older)
                intake.add(objects_of(VIDEOS, page.videos, "item_id", notes.findings))
            if not came:
                self._believe_or_refuse(account, notes)
            intake.finish()
            yield Portion(spool, partial(self.replace_today, account, spool))

    def _believe_or_refuse(self, account: Account, notes: Notes) -> None:
        """Warn of an empty list of posts that is doubted, or raise if rows would be replaced by nothing."""
        known = self._known_posts[account.business_id]
        doubted = doubt(known, self.moment.today)
        if doubted is None:
            return
        if doubted.is_refused:
            seen = f"materialize {ACCOUNT.name} first" if known.can_be_counted else "try again tomorrow"
            raise nothing_came(
                VIDEO_LIST,
                f"no post of @{account.username} came, although {doubted.why}, so nothing was stored",
                f"If the posts are gone or private now, {seen}; else try again later.",
            )
        notes.warnings.append(
            f"No post of @{account.username} came, although {doubted.why}. Rows of earlier days stay. If the posts are "
            "not gone or private, materialize these tables again later today."
        )

    def _pages(
        self, account: Account, reader: AccountReader, oldest: datetime | None, notes: Notes
    ) -> Iterator[VideoPage]:
        """The pages; the first one shows whether TikTok gives this account all fields."""

        def begin(fields: list[str]) -> tuple[VideoPage | None, Iterator[VideoPage]]:
            pages = reader.video_pages(fields, oldest)
            return next(pages, None), pages

        first, others = with_fewer_fields(
            begin,
            field_choices(self.tables, account.scopes),
            notes,
        )
        if first is not None:
            yield first
            yield from others
