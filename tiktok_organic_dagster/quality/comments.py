"""The rule on comments: those that are stored of a video, against the video's counter."""

from collections.abc import Sequence
from datetime import date

from tiktok_organic_dagster.quality.newest import newest_and_rows
from tiktok_organic_dagster.quality.rule import Row, Rule, Tolerance, Unusual, Verdict
from tiktok_organic_dagster.tables import COMMENTS, VIDEOS
from tiktok_organic_dagster.tables.own import COMMENT_READS, READINGS
from tiktok_organic_dagster.warehouse import Session
from tiktok_organic_dagster.windows import VIDEO_DAYS

APART = Tolerance(10, 0.25)
"""Comments that vanish are noticed within 30 days, and replies are counted when a comment is read: far apart is odd."""

COUNTER_DAYS = 2
"""The counter is 24 to 48 hours old: younger comments need not be in it."""


def _rows_and_counters(session: Session, today: date) -> list[Row]:
    """For each account: username, videos compared, videos that are off, and the worst of them.

    How the counter takes replies and hidden comments is not documented. So it may be anything from the public comments
    alone to all comments with their replies, those of forgotten commenters with them.
    """
    with_newest, values = newest_and_rows(session, VIDEOS, VIDEOS, today)
    return session.query(
        f"WITH {with_newest}, "  # noqa: S608
        "counted AS (SELECT v._business_id, max(v.video_creator_username) AS username, v.item_id, "
        "max(v.comments) AS counter, count(c.comment_id) AS stored, "
        "count(c.comment_id) FILTER (WHERE coalesce(c.status, '') <> 'HIDDEN' "
        f"AND c.create_time < v.metric_date - {COUNTER_DAYS}) AS least, "
        "coalesce(sum(c.replies), 0) AS replies, "
        "count(c.comment_id) + coalesce(sum(c.replies), 0) + coalesce(max(r.left_out), 0) AS most FROM newest "
        "JOIN recent AS v ON v._business_id = newest._business_id AND v.metric_date = newest.day "
        f"JOIN {session.name_of(COMMENT_READS)} AS r ON r._business_id = v._business_id AND r.video_id = v.item_id "
        "AND r.counter = v.comments AND r.complete_at IS NOT NULL AND r.refused_at IS NULL "
        f"LEFT JOIN {session.name_of(COMMENTS)} AS c ON c._business_id = v._business_id AND c.video_id = v.item_id "
        "AND c._not_returned_since IS NULL "
        f"WHERE v.create_time >= v.metric_date - {VIDEO_DAYS} GROUP BY v._business_id, v.item_id), "
        "apart AS (SELECT *, greatest(counter - most, least - counter, 0) AS distance FROM counted), "
        f"videos AS (SELECT *, {APART.in_sql('distance', 'greatest(counter, least)')} AS off FROM apart), "
        "ranked AS (SELECT *, count(*) OVER account AS compared, count(*) FILTER (WHERE off) OVER account AS all_off, "
        "row_number() OVER (PARTITION BY _business_id ORDER BY CASE WHEN off THEN distance ELSE 0 END DESC, item_id) "
        "AS place FROM videos WINDOW account AS (PARTITION BY _business_id)) "
        "SELECT username, compared, all_off, item_id, counter, stored, replies FROM ranked WHERE place = 1 "
        "ORDER BY username",
        *values,
    )


def judge_comments(rows: Sequence[Row]) -> Verdict:
    """Whether the stored comments of videos are about as many as their counters say.

    Args:
        rows: Username, videos compared, videos that are off, the worst of them, its counter, its stored comments and
            the replies to them.
    """
    unusual = [
        Unusual(
            username,
            f"{off:,} of {compared:,} videos are off, most of all {video}: its counter says {counter:,.0f}, {stored:,} "
            f"comments with {replies:,.0f} replies are stored",
            abs(counter - stored),
            {"videos that are off": off, "video": video, "counter": counter, "stored": stored, "replies": replies},
        )
        for username, compared, off, video, counter, stored, replies in rows
        if off
    ]
    return Verdict(len(rows), sum(compared for _, compared, *_ in rows), tuple(unusual))


COMMENT_ROWS = Rule(
    name="comments_match_counters",
    table=COMMENTS,
    meaning="The stored comments of each video, without those that TikTok no longer returns, against `comments` of the "
    "video's newest reading. Compared are videos that were read to the end and whose counter has not moved since. The "
    "counter may be anything from the public comments to all of them with their replies, as TikTok does not document "
    f"what it counts. A warning means that it lies more than {APART.count:.0f} and {APART.part:.0%} outside of that.",
    remedy="Compare with the video in TikTok's app. If comments are missing, run the step `comments` with "
    "`all_comments: true` for the account; if the counter is wrong, nothing.",
    unit=("video", "videos"),
    needs=(VIDEOS, COMMENTS, COMMENT_READS, READINGS),
    look=_rows_and_counters,
    judge=judge_comments,
)
