"""Rules on the videos: against the profile's count, against the reading before, counters that fall."""

from collections.abc import Sequence
from datetime import date

from tiktok_organic_dagster.quality.newest import newest, newest_and_rows
from tiktok_organic_dagster.quality.rule import Row, Rule, Tolerance, Unusual, Verdict
from tiktok_organic_dagster.tables import ACCOUNT, VIDEOS
from tiktok_organic_dagster.tables.own import READINGS
from tiktok_organic_dagster.warehouse import Session
from tiktok_organic_dagster.windows import VIDEO_DAYS

LACKING = Tolerance(3, 0.05)
"""TikTok leaves single posts out that it filtered; a page that is missing is 20 posts."""

VANISHED = Tolerance(4, 0.1)
"""Owners hide or delete a few posts a day; who clears out a tenth of them knows."""

NEVER_FALLS = Tolerance(0, 0)
MAY_FALL = Tolerance(10, 0.1)
"""Likes, shares and saves are taken back, comments deleted: a few, or a small part of many."""

COUNTERS = {
    "video_views": NEVER_FALLS,
    "likes": MAY_FALL,
    "comments": MAY_FALL,
    "shares": MAY_FALL,
    "favorites": MAY_FALL,
}

_VIDEOS = ("video", "videos")


def _known_and_counted(session: Session, today: date) -> list[Row]:
    """For each account: username, posts by its profile, posts received, posts known.

    A reading holds the posts of 365 days, the first one all. So the older ones are counted in the oldest reading of the
    year before the newest, those older still in the oldest of the year before that one, and so on to the first: one
    reading for each year, however long the history. Where it does not reach the first reading, too little is known.
    """
    with_newest, values = newest(session, VIDEOS, today)
    readings, videos = session.name_of(READINGS), session.name_of(VIDEOS)
    held = f"FROM {readings} AS r WHERE r._business_id = years._business_id AND r.table_name = ? AND r.rows > 0"
    return session.query(
        f"WITH RECURSIVE {with_newest}, "  # noqa: S608
        "profiles AS (SELECT newest._business_id, newest.day, a.video_creator_username AS username, a.videos_count "
        f"FROM newest JOIN {session.name_of(ACCOUNT)} AS a ON a._business_id = newest._business_id "
        "AND a.metric_date = newest.day WHERE a.videos_count IS NOT NULL), "
        "years(_business_id, day, before) AS (SELECT _business_id, day, CAST(NULL AS DATE) FROM profiles UNION ALL "
        "SELECT _business_id, oldest, before FROM (SELECT _business_id, day, "
        f"(SELECT min(r.read_date) {held} AND r.read_date >= years.day - {VIDEO_DAYS}) AS oldest, "
        f"day - {VIDEO_DAYS} AS before FROM years) AS year WHERE oldest < day), "
        "reached AS (SELECT _business_id, min(day) AS first_day FROM years GROUP BY _business_id), "
        "posts AS (SELECT years._business_id, count(v.item_id) FILTER (WHERE years.before IS NULL) AS received, "
        f"count(v.item_id) AS known FROM years LEFT JOIN {videos} AS v ON v._business_id = years._business_id "
        "AND v.metric_date = years.day AND (years.before IS NULL OR v.create_time < years.before) "
        "GROUP BY years._business_id) "
        "SELECT username, videos_count, received, known FROM profiles "
        "JOIN posts ON posts._business_id = profiles._business_id "
        "JOIN reached AS years ON years._business_id = profiles._business_id "
        f"WHERE NOT EXISTS (SELECT 1 {held} AND r.read_date < years.first_day) ORDER BY username",
        *values,
        VIDEOS.name,
        VIDEOS.name,
    )


def judge_count(rows: Sequence[Row]) -> Verdict:
    """Whether TikTok's list holds the posts that the profile counts.

    Args:
        rows: Username, posts by the profile, posts received, posts known: those received and older ones.
    """
    unusual: list[Unusual] = []
    for username, counted, received, known in rows:
        lacking = counted - known
        if LACKING.exceeded(lacking, counted):
            older = known - received
            unusual.append(
                Unusual(
                    username,
                    f"the profile counts {counted:,.0f} posts; {received:,} received and {older:,} known that are "
                    f"older than {VIDEO_DAYS} days leave {lacking:,.0f} missing",
                    lacking,
                    {"profile counts": counted, "received": received, "older": older, "missing": lacking},
                )
            )
    return Verdict(len(rows), sum(received for _, _, received, _ in rows), tuple(unusual))


def _vanished(session: Session, today: date) -> list[Row]:
    """For each account: username, the two days, posts expected in the newer reading, posts it lacks."""
    with_newest, values = newest_and_rows(session, VIDEOS, VIDEOS, today)
    return session.query(
        f"WITH {with_newest} "  # noqa: S608
        "SELECT coalesce(max(n.video_creator_username), max(b.video_creator_username)) AS username, newest.day_before, "
        "newest.day, count(*), count(*) - count(n.item_id) "
        "FROM newest JOIN recent AS b ON b._business_id = newest._business_id AND b.metric_date = newest.day_before "
        "LEFT JOIN recent AS n ON n._business_id = newest._business_id AND n.metric_date = newest.day "
        f"AND n.item_id = b.item_id WHERE b.create_time >= newest.day - {VIDEO_DAYS} "
        "GROUP BY newest._business_id, newest.day_before, newest.day ORDER BY username",
        *values,
    )


def judge_vanished(rows: Sequence[Row]) -> Verdict:
    """Whether far fewer posts came than in the reading before.

    Args:
        rows: Username, the day of the reading before, the day of the newest, posts of the former that are young enough
            for the latter, those of them that it lacks.
    """
    unusual = [
        Unusual(
            username,
            f"{missing:,} of the {expected:,} posts of {before} are missing on {day}",
            missing,
            {"reading before": str(before), "reading": str(day), "expected": expected, "missing": missing},
        )
        for username, before, day, expected, missing in rows
        if VANISHED.exceeded(missing, expected)
    ]
    return Verdict(len(rows), sum(expected for _, _, _, expected, _ in rows), tuple(unusual))


def _falls(session: Session, today: date) -> list[Row]:
    """For each account and counter: username, counter, videos compared, videos that fell, and the worst of them."""
    with_newest, values = newest_and_rows(session, VIDEOS, VIDEOS, today)
    columns = ", ".join(f"b.{counter} AS {counter}_before, n.{counter} AS {counter}_now" for counter in COUNTERS)
    counters = " UNION ALL ".join(
        f"SELECT _business_id, username, item_id, '{counter}' AS counter, {counter}_before AS before, "  # noqa: S608
        f"{counter}_now AS now, {tolerance.in_sql(f'({counter}_before - {counter}_now)', f'{counter}_before')} AS fell "
        f"FROM pairs WHERE {counter}_before IS NOT NULL AND {counter}_now IS NOT NULL"
        for counter, tolerance in COUNTERS.items()
    )
    return session.query(
        f"WITH {with_newest}, "  # noqa: S608
        f"pairs AS (SELECT n._business_id, n.video_creator_username AS username, n.item_id, {columns} FROM newest "
        "JOIN recent AS b ON b._business_id = newest._business_id AND b.metric_date = newest.day_before "
        "JOIN recent AS n ON n._business_id = newest._business_id AND n.metric_date = newest.day "
        f"AND n.item_id = b.item_id), counters AS ({counters}), "
        "ranked AS (SELECT *, count(*) OVER each AS compared, count(*) FILTER (WHERE fell) OVER each AS fallen, "
        "row_number() OVER (PARTITION BY _business_id, counter ORDER BY CASE WHEN fell THEN before - now ELSE 0 END "
        "DESC, item_id) AS place FROM counters WINDOW each AS (PARTITION BY _business_id, counter)) "
        "SELECT _business_id, username, counter, compared, fallen, item_id, before, now FROM ranked WHERE place = 1 "
        "ORDER BY username, counter",
        *values,
    )


def judge_falls(rows: Sequence[Row]) -> Verdict:
    """Whether counters of videos fell by more than people take back.

    Args:
        rows: Business id, username, counter, videos compared, videos whose counter fell, the one that fell most, its
            counter before and now.
    """
    unusual = [
        Unusual(
            username,
            f"{counter} fell for {fallen:,} of {compared:,} videos, most for {video}: from {before:,.0f} to {now:,.0f}",
            before - now,
            {"counter": counter, "videos that fell": fallen, "video": video, "before": before, "now": now},
        )
        for _, username, counter, compared, fallen, video, before, now in rows
        if fallen
    ]
    compared_of: dict[str, int] = {}
    for business_id, _, _, compared, *_ in rows:
        compared_of[business_id] = max(compared, compared_of.get(business_id, 0))
    return Verdict(len(compared_of), sum(compared_of.values()), tuple(unusual))


RECEIVED = Rule(
    name="videos_match_profile_count",
    table=VIDEOS,
    meaning="The posts known on the day of the newest reading, against `videos_count` of the profile of the same day. "
    f"Known are the posts of that reading and, as later readings hold those of the last {VIDEO_DAYS} days only, the "
    "older ones of earlier readings. More of them is fine: deleted ones and posts for ads alone are known, and not "
    f"counted. A warning means that more than {LACKING.count:.0f} posts and {LACKING.part:.0%} of them are missing.",
    remedy="Compare with the profile in TikTok's app. TikTok leaves posts out that it filtered, for instance because "
    "of their music; if public ones are missing, materialize the videos again today.",
    unit=_VIDEOS,
    needs=(ACCOUNT, VIDEOS, READINGS),
    look=_known_and_counted,
    judge=judge_count,
)
KEPT = Rule(
    name="no_sudden_loss_of_videos",
    table=VIDEOS,
    meaning="The posts of the newest reading, against those of the reading before. Posts that are older than "
    f"{VIDEO_DAYS} days leave the readings, and are not missed. A warning means that more than {VANISHED.count:.0f} "
    f"posts and {VANISHED.part:.0%} of them are gone.",
    remedy="Ask the owner whether they deleted posts or made them private. If not, materialize the videos again today: "
    "tomorrow today's reading cannot be taken any more. Rows of earlier days stay.",
    unit=_VIDEOS,
    needs=(VIDEOS, READINGS),
    look=_vanished,
    judge=judge_vanished,
)
COUNTERS_OF_VIDEOS = Rule(
    name="counters_do_not_fall",
    table=VIDEOS,
    meaning=f"{', '.join(COUNTERS)} of each video in the newest reading, against the reading before. Views should "
    f"never fall; of the others a fall of up to {MAY_FALL.count:.0f}, or of {MAY_FALL.part:.0%}, is people who take "
    "back what they gave. A warning names how many videos fell further, and the one that fell most.",
    remedy="Nothing if the owner deleted comments, or if TikTok took off what it found to be fake. If a counter fell "
    "to 0 or for many videos at once, leave this reading out of differences of days, and see whether the next one is "
    "right.",
    unit=_VIDEOS,
    needs=(VIDEOS, READINGS),
    look=_falls,
    judge=judge_falls,
)
