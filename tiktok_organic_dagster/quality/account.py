"""Rules on the account: likes that fall, followers won and lost against the curve of followers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from tiktok_organic_dagster.quality.newest import newest_and_rows
from tiktok_organic_dagster.quality.rule import Row, Rule, Tolerance, Unusual, Verdict
from tiktok_organic_dagster.tables import ACCOUNT, ACCOUNT_METRICS, VIDEOS
from tiktok_organic_dagster.tables.own import READINGS
from tiktok_organic_dagster.warehouse import Session
from tiktok_organic_dagster.windows import ONE_DAY, VIDEO_DAYS

LIKES_MAY_FALL = Tolerance(10, 0.1)
"""People take likes back, and TikTok takes off what it finds to be fake."""

FOLLOWER_DAYS = 9
"""The last seven days that TikTok has published: it is up to two days late."""

FEW_FOLLOWERS = 10
PART_OF_MOVES = 0.5
"""The two reports may end their day at different hours, and count what happens in between on different days."""
PART_OF_FOLLOWERS = 0.001
"""TikTok closes fake accounts: the total falls, and no report counts them as lost."""


@dataclass(frozen=True)
class Day:
    """Followers of one account on one day, by TikTok's two reports.

    Attributes:
        day: The day.
        won: Followers won on it.
        lost: Followers lost on it.
        change: `daily_total_followers`, documented as won less lost; None if TikTok does not say.
        total: Followers at its end.
        total_before: Followers at the end of the day before.
    """

    day: date
    won: float
    lost: float
    change: float | None
    total: float
    total_before: float

    @property
    def net(self) -> float:
        """Won less lost."""
        return self.won - self.lost

    @property
    def moved(self) -> float:
        """By how many followers the total moved."""
        return self.total - self.total_before

    @property
    def tolerance(self) -> float:
        """By how much the reports may differ."""
        return max(FEW_FOLLOWERS, PART_OF_MOVES * (self.won + self.lost), PART_OF_FOLLOWERS * self.total_before)

    @property
    def adds_up(self) -> bool:
        """Whether won less lost is what the total moved by."""
        return abs(self.moved - self.net) <= self.tolerance

    @property
    def change_is_total(self) -> bool:
        """Whether `daily_total_followers` is the total, as some take it for, and not the documented change."""
        return self.change is not None and self.change != self.net and abs(self.change - self.total) <= self.tolerance

    @property
    def change_is_neither(self) -> bool:
        """Whether `daily_total_followers` is neither the documented change nor the total."""
        return self.change is not None and not self.change_is_total and abs(self.change - self.net) > self.tolerance


def _followers(session: Session, today: date) -> list[Row]:
    """The days of the last week whose day before is stored too, each as the fields of `Day` after id and username."""
    metrics = session.name_of(ACCOUNT_METRICS)
    return session.query(
        "SELECT m._business_id, m.video_creator_username, m.metric_date, m.daily_new_followers, "  # noqa: S608
        "m.daily_lost_followers, m.daily_total_followers, m.followers_count, b.followers_count "
        f"FROM {metrics} AS m JOIN {metrics} AS b ON b._business_id = m._business_id "
        "AND b.metric_date = m.metric_date - 1 WHERE m.metric_date BETWEEN ? AND ? "
        "AND m.daily_new_followers IS NOT NULL AND m.daily_lost_followers IS NOT NULL "
        "AND m.followers_count IS NOT NULL AND b.followers_count IS NOT NULL "
        "ORDER BY m._business_id, m.metric_date",
        today - FOLLOWER_DAYS * ONE_DAY,
        today,
    )


def judge_followers(rows: Sequence[Row]) -> Verdict:
    """Whether followers won and lost give the curve of followers.

    Args:
        rows: Business id, username, and the fields of a `Day`, in order of the days.
    """
    usernames: dict[str, str] = {}
    days: dict[str, list[Day]] = {}
    for business_id, username, *of_day in rows:
        usernames[business_id] = username
        days.setdefault(business_id, []).append(Day(*of_day))
    unusual: list[Unusual] = []
    totals: list[str] = []
    for business_id, of_account in days.items():
        username = usernames[business_id]
        off = [day for day in of_account if not day.adds_up]
        neither = [day for day in of_account if day.change_is_neither]
        unusual += [_unusual(username, off, len(of_account))] if off else []
        unusual += [_unusual_change(username, neither, len(of_account))] if neither else []
        totals += [f"@{username}"] if any(day.change_is_total for day in of_account) else []
    notes = [f"daily_total_followers holds the total, not the net change, for {', '.join(totals)}."] if totals else []
    return Verdict(len(days), len(rows), tuple(unusual), tuple(notes))


def _unusual(username: str, off: Sequence[Day], compared: int) -> Unusual:
    worst = max(off, key=lambda day: abs(day.moved - day.net))
    return Unusual(
        username,
        f"{len(off)} of {compared} days do not add up, least of all {worst.day}: {worst.won:,.0f} won less "
        f"{worst.lost:,.0f} lost, while followers_count moved by {worst.moved:+,.0f}",
        abs(worst.moved - worst.net),
        _numbers(worst, "followers_count", worst.moved),
    )


def _unusual_change(username: str, neither: Sequence[Day], compared: int) -> Unusual:
    worst = max(neither, key=lambda day: abs((day.change or 0) - day.net))
    change = worst.change or 0
    return Unusual(
        username,
        f"daily_total_followers is neither the net change nor the total on {len(neither)} of {compared} days, least of "
        f"all {worst.day}: {change:,.0f}, with {worst.won:,.0f} won and {worst.lost:,.0f} lost",
        abs(change - worst.net),
        _numbers(worst, "daily_total_followers", change),
    )


def _numbers(day: Day, column: str, value: float) -> dict[str, float | str]:
    return {"column": column, "day": str(day.day), "won less lost": day.net, "by the column": value}


def _likes(session: Session, today: date) -> list[Row]:
    """For each account: username, the two days, likes before and now, likes of the posts that are gone since.

    Only accounts whose videos were read on both days: without, nobody knows which posts are gone. And only while the
    profile counts as many posts as the readings explain: if it counts fewer, posts are gone that are too old to be
    read, and their likes with them.
    """
    with_newest, values = newest_and_rows(session, ACCOUNT, VIDEOS, today)
    account, readings = session.name_of(ACCOUNT), session.name_of(READINGS)
    videos_read = f"EXISTS (SELECT 1 FROM {readings} AS r WHERE r._business_id = newest._business_id"  # noqa: S608
    return session.query(
        f"WITH {with_newest}, gone AS (SELECT newest._business_id, count(*) AS posts, sum(v.likes) AS likes "  # noqa: S608
        f"FROM newest JOIN recent AS v ON v._business_id = newest._business_id AND v.metric_date = newest.day_before "
        f"WHERE v.create_time >= newest.day - {VIDEO_DAYS} AND NOT EXISTS (SELECT 1 FROM recent AS n "
        "WHERE n._business_id = newest._business_id AND n.metric_date = newest.day AND n.item_id = v.item_id) "
        "GROUP BY newest._business_id), "
        "come AS (SELECT newest._business_id, count(*) AS posts FROM newest "
        f"JOIN recent AS v ON v._business_id = newest._business_id AND v.metric_date = newest.day "
        f"WHERE NOT EXISTS (SELECT 1 FROM recent AS b WHERE b._business_id = newest._business_id "
        "AND b.metric_date = newest.day_before AND b.item_id = v.item_id) GROUP BY newest._business_id) "
        "SELECT n.video_creator_username, newest.day_before, newest.day, b.total_likes, n.total_likes, "
        "coalesce(gone.likes, 0) FROM newest "
        f"JOIN {account} AS b ON b._business_id = newest._business_id AND b.metric_date = newest.day_before "
        f"JOIN {account} AS n ON n._business_id = newest._business_id AND n.metric_date = newest.day "
        "LEFT JOIN gone ON gone._business_id = newest._business_id "
        "LEFT JOIN come ON come._business_id = newest._business_id "
        "WHERE b.total_likes IS NOT NULL AND n.total_likes IS NOT NULL "
        "AND n.videos_count >= b.videos_count - coalesce(gone.posts, 0) + coalesce(come.posts, 0) "
        f"AND {videos_read} AND r.table_name = ? AND r.read_date = newest.day) "
        f"AND {videos_read} AND r.table_name = ? AND r.read_date = newest.day_before) "
        "ORDER BY n.video_creator_username",
        *values,
        VIDEOS.name,
        VIDEOS.name,
    )


def judge_likes(rows: Sequence[Row]) -> Verdict:
    """Whether the likes of accounts fell by more than people take back.

    Args:
        rows: Username, the day of the reading before, the day of the newest, likes then and now, and the likes of the
            posts that are gone since.
    """
    unusual = [
        Unusual(
            username,
            f"total_likes fell from {likes_before:,.0f} on {before} to {likes:,.0f} on {day}"
            + (f", although the posts that are gone had {gone:,.0f} only" if gone else ""),
            likes_before - gone - likes,
            {"reading before": str(before), "reading": str(day), "before": likes_before, "now": likes, "gone": gone},
        )
        for username, before, day, likes_before, likes, gone in rows
        if LIKES_MAY_FALL.exceeded(likes_before - gone - likes, likes_before)
    ]
    return Verdict(len(rows), len(rows), tuple(unusual))


LIKES = Rule(
    name="counters_do_not_fall",
    table=ACCOUNT,
    meaning="`total_likes` of the newest reading, against the reading before. The likes of posts that are gone since "
    f"are taken off first; an account that lost posts older than {VIDEO_DAYS} days is left out, as nobody knows their "
    f"likes. A fall of up to {LIKES_MAY_FALL.count:.0f}, or of {LIKES_MAY_FALL.part:.0%}, is people who take back what "
    "they gave.",
    remedy="Nothing if TikTok took off likes that it found to be fake. Else leave this reading out of differences of "
    "days, and see whether the next one is right.",
    unit=("profile", "profiles"),
    needs=(ACCOUNT, VIDEOS, READINGS),
    look=_likes,
    judge=judge_likes,
)
FOLLOWERS = Rule(
    name="follower_changes_add_up",
    table=ACCOUNT_METRICS,
    meaning="`daily_new_followers` less `daily_lost_followers` of each of the last seven days that are published, "
    "against the difference of `followers_count` to the day before, and against `daily_total_followers`. They come "
    f"from two of TikTok's reports, and may differ by {FEW_FOLLOWERS}, by half of the day's moves, or by "
    f"{PART_OF_FOLLOWERS:.1%} of the followers. Only Business accounts have these numbers.",
    remedy="Take followers_count for the total and its differences for the change. Days that were just published may "
    "be corrected within a week: the next loads bring that in.",
    unit=("day", "days"),
    needs=(ACCOUNT_METRICS,),
    look=_followers,
    judge=judge_followers,
)
