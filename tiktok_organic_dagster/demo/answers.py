"""What the demo asks its warehouse at the end: questions of a person who posts, each answered by SQL."""

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from tiktok_organic_dagster.tables import ACCOUNT_METRICS, AUDIENCE_ACTIVITY, VIDEO_VIEW_RETENTION, VIDEOS, Table
from tiktok_organic_dagster.warehouse import Session
from tiktok_organic_dagster.windows import BACKFILL_DAYS


@dataclass(frozen=True)
class BestVideo:
    """The post with the most views, in the newest reading.

    Attributes:
        retention: The share of viewers, 0 to 1, who still watched at each second.
    """

    username: str
    caption: str
    views: float
    likes: float
    link: str
    retention: list[tuple[float, float]]


@dataclass(frozen=True)
class Followers:
    """An account's followers, day by day, of the last 58 days that TikTok has published."""

    username: str
    days: list[tuple[date, float]]


@dataclass(frozen=True)
class Activity:
    """Active followers of all accounts together, an average for each hour (UTC), and over how many days."""

    hours: list[tuple[float, float]]
    days: int


def rows_of(session: Session, table: Table) -> int:
    """How many rows a table has."""
    ((rows,),) = session.query(f"SELECT count(*) FROM {session.name_of(table)}")  # noqa: S608
    return rows


def best_video(session: Session) -> BestVideo:
    """The post with the most views, and how long its viewers stayed."""
    ((username, caption, views, likes, link, *key),) = session.query(
        "SELECT video_creator_username, caption, video_views, likes, split_part(share_url, '?', 1), "  # noqa: S608
        f"_business_id, item_id, metric_date FROM {session.name_of(VIDEOS)} "
        f"WHERE metric_date = (SELECT max(metric_date) FROM {session.name_of(VIDEOS)}) AND video_views IS NOT NULL "
        "ORDER BY video_views DESC, item_id LIMIT 1"
    )
    retention = session.query(
        "SELECT video_view_retention_second, video_view_retention_percentage "  # noqa: S608
        f"FROM {session.name_of(VIDEO_VIEW_RETENTION)} WHERE _business_id = ? AND item_id = ? AND metric_date = ? "
        "ORDER BY video_view_retention_second",
        *key,
    )
    return BestVideo(username, caption, views, likes, link, [(second, share) for second, share in retention])


def followers(session: Session) -> list[Followers]:
    """The followers of each account, the largest account first."""
    rows = session.query(
        "SELECT _business_id, video_creator_username, metric_date, followers_count "  # noqa: S608
        f"FROM {session.name_of(ACCOUNT_METRICS)} WHERE metric_date >= ? AND followers_count IS NOT NULL "
        "ORDER BY _business_id, metric_date",
        _since(session, ACCOUNT_METRICS),
    )
    found: list[Followers] = []
    for _, group in groupby(rows, key=lambda row: row[0]):
        days = list(group)
        found.append(Followers(days[-1][1], [(day, count) for _, _, day, count in days]))
    return sorted(found, key=lambda account: account.days[-1][1], reverse=True)


def activity(session: Session) -> Activity:
    """When the followers are on TikTok."""
    rows = session.query(
        "SELECT audience_activity_hour, sum(audience_activity_count) / count(DISTINCT metric_date), "  # noqa: S608
        f"count(DISTINCT metric_date) FROM {session.name_of(AUDIENCE_ACTIVITY)} "
        "WHERE metric_date >= ? AND audience_activity_count IS NOT NULL "
        "GROUP BY audience_activity_hour ORDER BY audience_activity_hour",
        _since(session, AUDIENCE_ACTIVITY),
    )
    return Activity([(hour, active) for hour, active, _ in rows], max(days for _, _, days in rows))


def _since(session: Session, table: Table) -> date:
    ((newest,),) = session.query(f"SELECT max(metric_date) FROM {session.name_of(table)}")  # noqa: S608
    return newest - timedelta(days=BACKFILL_DAYS - 1)
