"""The posts that have left the readings, and whose comments may still have to be read: few, however long it goes on."""

from collections.abc import Mapping
from datetime import date, datetime

from tiktok_organic_dagster.readings.comment_refresh import Known
from tiktok_organic_dagster.tables import COMMENTS
from tiktok_organic_dagster.warehouse import Session
from tiktok_organic_dagster.warehouse.bookkeeping import last_complete_readings
from tiktok_organic_dagster.warehouse.known_comments import VideoRow, older_videos, older_videos_of


def older_posts(
    session: Session, known: Mapping[str, Mapping[str, Known]], today: date, now: datetime
) -> dict[str, list[VideoRow]]:
    """The posts that today's reading no longer holds and whose comments may not be known to the end, by account.

    What stood in a reading before the last complete one of comments was dealt with by then: its comments were read, or
    it had none, or TikTok did not know it. The last is known, and asked for again after a while.

    Args:
        session: An open warehouse.
        known: What is known of the comments of each account's posts.
        today: The day of the reading.
        now: The moment.
    """
    complete = last_complete_readings(session, COMMENTS, list(known), today)
    older = older_videos(session, {each: complete.get(each, date.min) for each in known}, today)
    found = {(business_id, row[0]) for business_id, rows in older.items() for row in rows}
    again = [
        (business_id, video_id)
        for business_id, videos in known.items()
        for video_id, each in videos.items()
        if each.complete_at is None and not each.waits(now) and (business_id, video_id) not in found
    ]
    more = older_videos_of(session, again, today)
    return {business_id: [*older.get(business_id, ()), *more.get(business_id, ())] for business_id in known}


def all_older_posts(
    session: Session, known: Mapping[str, Mapping[str, Known]], today: date, _now: datetime
) -> dict[str, list[VideoRow]]:
    """All posts of earlier readings that today's no longer holds, by account."""
    return older_videos(session, dict.fromkeys(known, date.min), today)
