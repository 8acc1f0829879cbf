"""What the warehouse knows of comments: the videos to consider, what was read of each, and how that is written."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from tiktok_organic_dagster.tables import COMMENTS, VIDEOS
from tiktok_organic_dagster.tables.own import COMMENT_READS
from tiktok_organic_dagster.warehouse.base import Session

NEWEST_IDS = 1_000
"""Stored comments of a video that a reading of its head is compared with; the head is ordered up to the 500th."""

VideoRow = tuple[str, datetime | None, float | None, str | None]
"""A video's id, time of creation, number of comments, and cover image."""
ReadRow = tuple[datetime | None, float | None, datetime | None, datetime | None]
"""When a video's comments were read, its counter then, when they were read to the end, when TikTok refused."""

_COLUMNS = "item_id, create_time, comments, thumbnail_url"


def todays_videos(session: Session, business_id: str, today: date) -> list[VideoRow]:
    """The videos of today's reading."""
    return session.query(  # pyright: ignore[reportReturnType] -- the columns' types are the catalogue's
        f"SELECT {_COLUMNS} FROM {session.name_of(VIDEOS)} WHERE _business_id = ? AND metric_date = ?",  # noqa: S608
        business_id,
        today,
    )


def older_videos(session: Session, business_id: str, today: date) -> list[VideoRow]:
    """Videos that today's reading no longer holds, each as it was last seen."""
    videos = session.name_of(VIDEOS)
    return session.query(  # pyright: ignore[reportReturnType]
        f"SELECT DISTINCT ON (item_id) {_COLUMNS} FROM {videos} AS v "  # noqa: S608
        "WHERE _business_id = ? AND metric_date < ? AND NOT EXISTS (SELECT 1 FROM "
        f"{videos} AS n WHERE n._business_id = v._business_id AND n.item_id = v.item_id AND n.metric_date = ?) "
        "ORDER BY item_id, metric_date DESC",
        business_id,
        today,
        today,
    )


def comment_reads(session: Session, business_id: str) -> dict[str, ReadRow]:
    """What was read of each video's comments."""
    rows = session.query(
        "SELECT video_id, read_at, counter, complete_at, refused_at "  # noqa: S608
        f"FROM {session.name_of(COMMENT_READS)} WHERE _business_id = ?",
        business_id,
    )
    return {video_id: (read_at, counter, complete, refused) for video_id, read_at, counter, complete, refused in rows}


def comments_read_on(session: Session, business_id: str, day: date) -> int:
    """How many comments were last read on a day."""
    ((rows,),) = session.query(
        f"SELECT count(*) FROM {session.name_of(COMMENTS)} WHERE _business_id = ? AND _read_date = ?",  # noqa: S608
        business_id,
        day,
    )
    return rows


def newest_comment_ids(session: Session, business_id: str, video_ids: Sequence[str]) -> dict[str, set[str]]:
    """The ids of the newest stored comments of some videos."""
    found: dict[str, set[str]] = {video_id: set() for video_id in video_ids}
    if video_ids:
        places = ", ".join("?" for _ in video_ids)
        for video_id, comment_id in session.query(
            "SELECT video_id, comment_id FROM (SELECT video_id, comment_id, row_number() OVER "  # noqa: S608
            "(PARTITION BY video_id ORDER BY create_time DESC NULLS LAST) AS place "
            f"FROM {session.name_of(COMMENTS)} WHERE _business_id = ? AND video_id IN ({places})) AS newest "
            "WHERE place <= ?",
            business_id,
            *video_ids,
            NEWEST_IDS,
        ):
            found[video_id].add(comment_id)
    return found


def mark_not_returned(
    session: Session, stage: str, business_id: str, video_ids: Sequence[str], *, day: date, before: datetime
) -> None:
    """Date the stored comments that a complete reading of their videos, which stands in `stage`, did not return.

    Comments that another run has read since `before`, when this reading began, are none of them.
    """
    if not video_ids:
        return
    places = ", ".join("?" for _ in video_ids)
    session.execute(
        f"UPDATE {session.name_of(COMMENTS)} AS t SET _not_returned_since = ? "  # noqa: S608
        f"WHERE t._business_id = ? AND t.video_id IN ({places}) "
        "AND t._not_returned_since IS NULL AND t._loaded_at <= ? "
        f"AND NOT EXISTS (SELECT 1 FROM {stage} AS s WHERE s.video_id = t.video_id AND s.comment_id = t.comment_id)",
        day,
        business_id,
        *video_ids,
        before,
    )


def write_comment_reads(session: Session, business_id: str, reads: Mapping[str, ReadRow], *, now: datetime) -> None:
    """Note what was read of some videos' comments, within the transaction of the comments themselves.

    What another run has read later, and noted earlier, stays; what a wrong clock has noted of the future does not.
    """
    table = session.name_of(COMMENT_READS)
    for video_id, read in reads.items():
        if session.query(
            f"SELECT 1 FROM {table} WHERE _business_id = ? AND video_id = ? AND read_at > ? AND read_at <= ?",  # noqa: S608
            business_id,
            video_id,
            read[0],
            now,
        ):
            continue
        session.execute(f"DELETE FROM {table} WHERE _business_id = ? AND video_id = ?", business_id, video_id)  # noqa: S608
        session.execute(
            f"INSERT INTO {table} (_business_id, video_id, read_at, counter, complete_at, refused_at) "  # noqa: S608
            "VALUES (?, ?, ?, ?, ?, ?)",
            business_id,
            video_id,
            *read,
        )
