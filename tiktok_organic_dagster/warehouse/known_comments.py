"""What the warehouse knows of comments: the videos to consider, what was read of each, and how that is written."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from tiktok_organic_dagster.tables import COMMENTS, VIDEOS
from tiktok_organic_dagster.tables.own import COMMENT_READS
from tiktok_organic_dagster.warehouse.base import Session, a_row_each, in_parts, places

NEWEST_IDS = 1_000
"""Stored comments of a video that a reading of its head is compared with; the head is ordered up to the 500th."""

VIDEOS_AT_ONCE = 1_000
"""Videos whose comments are looked up with one statement."""

VideoRow = tuple[str, datetime | None, float | None, str | None]
"""A video's id, time of creation, number of comments, and cover image."""
ReadRow = tuple[datetime | None, float | None, datetime | None, datetime | None, float]
"""When a video's comments were read, its counter then, when they were read to the end, when TikTok refused, and how
many were left out."""

_COLUMNS = "item_id, create_time, comments, thumbnail_url"


def todays_videos(session: Session, business_ids: Sequence[str], today: date) -> dict[str, list[VideoRow]]:
    """The videos of today's reading, by account."""
    return _by_account(
        session.query(
            f"SELECT _business_id, {_COLUMNS} FROM {session.name_of(VIDEOS)} "  # noqa: S608
            f"WHERE _business_id IN ({places(business_ids)}) AND metric_date = ? ORDER BY item_id",
            *business_ids,
            today,
        )
    )


def older_videos(session: Session, since: Mapping[str, date], today: date) -> dict[str, list[VideoRow]]:
    """Videos that today's reading no longer holds, each as it was last seen, by account.

    Args:
        session: An open warehouse.
        since: For each account, the day from which on its readings are looked through.
        today: The day of the reading.
    """
    if not since:
        return {}
    videos = session.name_of(VIDEOS)
    earliest = min(since.values())  # once more as a value: DuckDB reads the rows of earlier days else
    return _by_account(
        session.query(
            f"SELECT _business_id, {_COLUMNS} FROM {videos} JOIN (SELECT v._business_id, v.item_id, "  # noqa: S608
            f"max(metric_date) AS metric_date FROM {a_row_each(since, 2)} AS a (id, since) "
            f"JOIN {videos} AS v ON v._business_id = a.id AND v.metric_date >= a.since "
            "WHERE v.metric_date BETWEEN ? AND ? GROUP BY v._business_id, v.item_id "
            "HAVING max(metric_date) < ?) AS last_seen USING (_business_id, item_id, metric_date) "
            "WHERE metric_date >= ? ORDER BY item_id",
            *(value for each in since.items() for value in each),
            earliest,
            today,
            today,
            earliest,
        )
    )


def older_videos_of(session: Session, videos: Sequence[tuple[str, str]], today: date) -> dict[str, list[VideoRow]]:
    """Those of some videos, each with its account, that today's reading no longer holds, as they were last seen."""
    all_videos = session.name_of(VIDEOS)
    found: list[tuple[Any, ...]] = []
    for part in in_parts(videos, VIDEOS_AT_ONCE):
        found += session.query(
            f"SELECT _business_id, {_COLUMNS} FROM {all_videos} JOIN (SELECT v._business_id, v.item_id, "  # noqa: S608
            f"max(v.metric_date) AS metric_date FROM {a_row_each(part, 2)} AS a (id, item_id) "
            f"JOIN {all_videos} AS v ON v._business_id = a.id AND v.item_id = a.item_id AND v.metric_date <= ? "
            "GROUP BY v._business_id, v.item_id) AS last_seen "
            "USING (_business_id, item_id, metric_date) WHERE metric_date < ? ORDER BY item_id",
            *(value for pair in part for value in pair),
            today,
            today,
        )
    return _by_account(found)


def comment_reads(session: Session, business_ids: Sequence[str]) -> dict[str, dict[str, ReadRow]]:
    """What was read of each video's comments, by account."""
    found: dict[str, dict[str, ReadRow]] = defaultdict(dict)
    for business_id, video_id, *read in session.query(
        "SELECT _business_id, video_id, read_at, counter, complete_at, refused_at, coalesce(left_out, 0) "  # noqa: S608
        f"FROM {session.name_of(COMMENT_READS)} WHERE _business_id IN ({places(business_ids)})",
        *business_ids,
    ):
        read_at, counter, complete, refused, left_out = read
        found[business_id][video_id] = (read_at, counter, complete, refused, left_out)
    return found


def comments_read_on(session: Session, business_id: str, day: date) -> int:
    """How many comments were last read on a day."""
    ((rows,),) = session.query(
        f"SELECT count(*) FROM {session.name_of(COMMENTS)} WHERE _business_id = ? AND _read_date = ?",  # noqa: S608
        business_id,
        day,
    )
    return rows


def newest_comment_ids(session: Session, videos: Sequence[tuple[str, str]]) -> dict[tuple[str, str], set[str]]:
    """The ids of the newest stored comments of some videos, by account and video."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for part in in_parts(videos, VIDEOS_AT_ONCE):
        for business_id, video_id, comment_id in session.query(
            "SELECT _business_id, video_id, comment_id FROM (SELECT c._business_id, c.video_id, c.comment_id, "  # noqa: S608
            "row_number() OVER (PARTITION BY c._business_id, c.video_id ORDER BY c.create_time DESC NULLS LAST) "
            f"AS place FROM {a_row_each(part, 2)} AS a (id, video_id) "
            f"JOIN {session.name_of(COMMENTS)} AS c ON c._business_id = a.id AND c.video_id = a.video_id) AS newest "
            "WHERE place <= ?",
            *(value for pair in part for value in pair),
            NEWEST_IDS,
        ):
            found[business_id, video_id].add(comment_id)
    return found


def _by_account(rows: Iterable[tuple[Any, ...]]) -> dict[str, list[VideoRow]]:
    found: dict[str, list[VideoRow]] = defaultdict(list)
    for business_id, video_id, created, comments, thumbnail_url in rows:
        found[business_id].append((video_id, created, comments, thumbnail_url))
    return found


def mark_not_returned(
    session: Session, stage: str, business_id: str, video_ids: Sequence[str], *, day: date, before: datetime
) -> None:
    """Date the stored comments that a complete reading of their videos, which stands in `stage`, did not return.

    Comments that another run has read since `before`, when this reading began, are none of them.
    """
    if not video_ids:
        return
    session.execute(
        f"UPDATE {session.name_of(COMMENTS)} AS t SET _not_returned_since = ? "  # noqa: S608
        f"WHERE t._business_id = ? AND t.video_id IN ({places(video_ids)}) "
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
    for part in in_parts(list(reads), VIDEOS_AT_ONCE):
        stored = session.query(
            f"SELECT video_id, read_at FROM {table} WHERE _business_id = ? AND video_id IN ({places(part)}) "  # noqa: S608
            "AND read_at <= ?",
            business_id,
            *part,
            now,
        )
        later = {video_id for video_id, read_at in stored if (mine := reads[video_id][0]) and read_at > mine}
        ours = [video_id for video_id in part if video_id not in later]
        rows = ", ".join("(?, ?, ?, ?, ?, ?, ?)" for _ in ours)
        if ours:
            session.execute(
                f"DELETE FROM {table} WHERE _business_id = ? AND video_id IN ({places(ours)})",  # noqa: S608
                business_id,
                *ours,
            )
            session.execute(
                f"INSERT INTO {table} (_business_id, video_id, read_at, counter, complete_at, refused_at, left_out) "  # noqa: S608
                f"VALUES {rows}",
                *(value for video_id in ours for value in (business_id, video_id, *reads[video_id])),
            )
