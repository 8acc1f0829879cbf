"""Whether a video's comments are to be read, and how far: one pure function of the video and what is known of it.

TikTok cannot say which comments are new, and an account may make 40 requests a minute. The number of comments that each
video shows is what a reading goes by; it arrives 24 to 48 hours late.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum

YOUNG = timedelta(days=7)
"""A video younger than this is read whenever its counter moves, and once a day while the counter still says 0."""
WITHOUT_COUNTER = timedelta(days=7)
"""How often a video is read that shows no counter, and one is tried again that TikTok did not know."""
FULL_AGAIN = timedelta(days=30)
"""How long a complete reading serves: it alone sees edits, likes and comments that vanished."""


class Refresh(Enum):
    """How far to read a video's comments."""

    NOTHING = "nothing"
    HEAD = "from the newest to the first that is known"
    FULL = "all"


@dataclass(frozen=True)
class Video:
    """A video as its latest reading shows it.

    Attributes:
        video_id: Its id.
        created_at: When it was published; None if that could not be read.
        counter: How many comments it has according to TikTok; None if TikTok did not say.
        thumbnail_url: Its cover image, a label of its comments.
    """

    video_id: str
    created_at: datetime | None
    counter: float | None
    thumbnail_url: str | None = None

    def is_young(self, now: datetime) -> bool:
        """Whether it was published within the last 7 days."""
        return self.created_at is not None and now - self.created_at < YOUNG


@dataclass(frozen=True)
class Known:
    """What is known of a video's comments.

    Attributes:
        read_at: When they were last read, in part or whole; None if TikTok refused each time.
        counter: What the video's counter said then.
        complete_at: When they were last read to the end; None if never.
        refused_at: When TikTok last said that it knows no such video.
        left_out: How many comments of forgotten commenters, and replies to them, the counter may count beside those
            that are stored.
    """

    read_at: datetime | None
    counter: float | None
    complete_at: datetime | None
    refused_at: datetime | None = None
    left_out: float = 0

    def waits(self, now: datetime) -> bool:
        """Whether TikTok said so lately that it knows no such video that it is not asked again yet."""
        return self.refused_at is not None and now - self.refused_at < WITHOUT_COUNTER


def refresh(video: Video, known: Known | None, now: datetime) -> Refresh:
    """How far to read a video's comments now."""
    if known is not None and known.waits(now):
        return Refresh.NOTHING
    if known is None or known.complete_at is None or known.read_at is None:
        return Refresh.NOTHING if video.counter == 0 and not video.is_young(now) else Refresh.FULL
    return _refresh_known(video, known.counter, known.read_at, known.complete_at, now)


def _refresh_known(
    video: Video, counted: float | None, read_at: datetime, complete_at: datetime, now: datetime
) -> Refresh:
    if video.counter is None:
        return Refresh.FULL if now - read_at >= WITHOUT_COUNTER else Refresh.NOTHING
    young = video.is_young(now)
    rose = video.counter > (counted or 0)
    fell = video.counter < (counted or 0)
    unseen_today = read_at.astimezone(UTC).date() < now.astimezone(UTC).date()
    if (
        fell
        or (young and rose)
        or (young and video.counter == 0 and unseen_today)
        or (video.counter > 0 and now - complete_at >= FULL_AGAIN)
    ):
        return Refresh.FULL
    return Refresh.HEAD if rose else Refresh.NOTHING


def after_reading(video: Video, known: Known | None, now: datetime, *, complete: bool, left_out: float = 0) -> Known:
    """What is known once a video's comments were read; a counter that TikTok left out keeps its last value.

    Args:
        video: The video.
        known: What was known of it before.
        now: The moment.
        complete: Whether they were read to the end.
        left_out: How many comments of forgotten commenters, and replies to them, are now beside those that are stored.
    """
    counted = known.counter if known and video.counter is None else video.counter
    before = known.complete_at if known else None
    return Known(read_at=now, counter=counted, complete_at=now if complete else before, left_out=left_out)


def after_refusal(known: Known | None, now: datetime) -> Known:
    """What is known once TikTok said that it knows no such video."""
    if known is None:
        return Known(read_at=None, counter=None, complete_at=None, refused_at=now)
    return replace(known, refused_at=now)


def in_order(videos: Iterable[Video], known: Mapping[str, Known]) -> list[Video]:
    """Those never read first, the newest of them before the others; then the longest unread."""

    def place(video: Video) -> tuple[bool, float]:
        read_at = known[video.video_id].read_at if video.video_id in known else None
        if read_at is not None:
            return True, read_at.timestamp()
        return False, -video.created_at.timestamp() if video.created_at else 0.0

    return sorted(videos, key=place)
