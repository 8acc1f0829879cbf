"""What the plots in the UI show of each table: a few numbers, asked from the warehouse once the rows are written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from tiktok_organic_dagster.tables import (
    ACCOUNT,
    ACCOUNT_METRICS,
    AUDIENCE_ACTIVITY,
    AUDIENCE_COUNTRIES,
    AUDIENCE_GENDERS,
    AUDIENCE_TYPES,
    COMMENTS,
    ENGAGEMENT_LIKES,
    IMPRESSION_SOURCES,
    VIDEO_VIEW_RETENTION,
    VIDEOS,
    Table,
)
from tiktok_organic_dagster.warehouse import Session
from tiktok_organic_dagster.windows import BACKFILL_DAYS

NAMED_ACCOUNTS = 8  # lines that can be told apart
NAMED_BARS = 10
NAMED_POSTS = 5
FOLLOWER_DAYS = 90
ACTIVITY_DAYS = 28
SECONDS = 120
CAPTION_LENGTH = 40


@dataclass(frozen=True)
class Series:
    """The values of one line, or the bars of one colour; None is a gap."""

    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class Chart:
    """What a plot shows.

    Attributes:
        title: What is seen, and how many of how many accounts.
        labels: What stands below the axis, one for each value.
        series: The lines or bars.
        bars: Whether the values are bars, each with its label; else they are lines.
        percent: Whether the values are shares of 1, to be shown as percentages.
        links: What can be opened: a text and an address of TikTok each.
    """

    title: str
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    bars: bool = False
    percent: bool = False
    links: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Loaded:
    """What was just loaded.

    Attributes:
        session: The warehouse, open.
        names: The username of each account, by its business id.
        day: The newest day that was loaded.
    """

    session: Session
    names: Mapping[str, str]
    day: date

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 -- values of any column
        """The rows of a statement in which `{tables}` are named and `{accounts}` is the condition on the account."""
        tables = {table.name.removeprefix("tiktok_organic_"): self.session.name_of(table) for table in CHARTS}
        accounts = f"_business_id IN ({', '.join('?' for _ in self.names)})"
        return self.session.query(sql.format(accounts=accounts, **tables), *self.names, *values)

    def daily(self, table: str, column: str, days: int) -> list[tuple[Any, ...]]:
        """A column of each account and day, of so many days up to the newest."""
        return self.rows(
            f"SELECT _business_id, metric_date, {column} FROM {table} "  # noqa: S608
            "WHERE {accounts} AND metric_date BETWEEN ? AND ?",
            self.since(days),
            self.day,
        )

    def since(self, days: int) -> date:
        """The first of so many days up to the newest."""
        return self.day - timedelta(days=days - 1)


def chart_of(table: Table, loaded: Loaded) -> Chart | None:
    """What there is to see of a table; None if nothing is stored of it, or nothing worth a plot."""
    chart = CHARTS.get(table)
    return chart(loaded) if chart and loaded.names else None


def followers(loaded: Loaded) -> Chart | None:
    """Followers of each account on the days of its readings; bars while there is one day."""
    rows = loaded.daily("{account}", "followers_count", FOLLOWER_DAYS)
    if len({day for _, day, _ in rows}) > 1:
        return by_day("Followers", loaded.names, rows, rank=lambda values: max(filter(None, values), default=0))
    counts = sorted(((count, loaded.names[account]) for account, _, count in rows if count is not None), reverse=True)
    return _bars(f"Followers on {loaded.day}", [(f"@{name}", count) for count, name in counts], of="accounts")


def views(loaded: Loaded) -> Chart | None:
    """Views of each account's videos on each day that TikTok has published."""
    return by_day("Video views a day", loaded.names, loaded.daily("{account_metrics}", "video_views", BACKFILL_DAYS))


def activity(loaded: Loaded) -> Chart | None:
    """Followers active in each hour, on average."""
    rows = loaded.rows(
        "SELECT _business_id, audience_activity_hour, avg(audience_activity_count) "
        "FROM {account_metrics_audience_activity} WHERE {accounts} AND metric_date BETWEEN ? AND ? "
        "AND audience_activity_hour BETWEEN 0 AND 23 GROUP BY _business_id, audience_activity_hour",
        loaded.since(ACTIVITY_DAYS),
        loaded.day,
    )
    hours = [(account, int(hour), count) for account, hour, count in rows]
    title = f"Followers active by hour (UTC), mean of {ACTIVITY_DAYS} days"
    return _lines(title, loaded.names, hours, range(24), lambda hour: f"{hour}:00")


def top_posts(loaded: Loaded) -> Chart | None:
    """The posts with most views over their life."""
    rows = loaded.rows(
        "SELECT _business_id, caption, video_views, share_url FROM {videos} "
        "WHERE {accounts} AND metric_date = ? AND video_views IS NOT NULL ORDER BY video_views DESC, item_id LIMIT ?",
        loaded.day,
        NAMED_BARS,
    )
    named = [(_post(loaded.names[account], caption), views, url) for account, caption, views, url in rows]
    chart = _bars("Views of the posts seen most, over their life", [(name, views) for name, views, _ in named])
    links = tuple((name, str(url)) for name, _, url in named if url)
    return chart and Chart(chart.title, chart.labels, chart.series, bars=True, links=links)


def retention(loaded: Loaded) -> Chart | None:
    """How many kept watching the posts with most views."""
    return _by_second(loaded, VIDEO_VIEW_RETENTION, "Share of views still going on, by second (as TikTok sends it)")


def likes(loaded: Loaded) -> Chart | None:
    """At which second the posts with most views were liked."""
    return _by_second(loaded, ENGAGEMENT_LIKES, "Share of likes given, by second of the video")


def comments(loaded: Loaded) -> Chart | None:
    """Comments written on each day. A count, so nothing of a person; a day without one is 0."""
    rows = loaded.rows(
        "SELECT _business_id, CAST(create_time AT TIME ZONE 'UTC' AS DATE) AS day, count(*) FROM {videos_comments} "
        "WHERE {accounts} AND create_time >= ? GROUP BY _business_id, day",
        loaded.since(BACKFILL_DAYS),
    )
    days = [loaded.since(BACKFILL_DAYS) + timedelta(days=number) for number in range(BACKFILL_DAYS)]
    counted = {(account, day): count for account, day, count in rows}
    accounts = {account for account, _ in counted}
    return by_day(
        "Comments written a day",
        loaded.names,
        [(account, day, counted.get((account, day), 0)) for account in accounts for day in days],
    )


def _shares(table: Table, title: str) -> Callable[[Loaded], Chart | None]:
    """Makes the chart of a breakdown in shares: all posts of the day together, each with the weight of its views."""
    share = next(name for name in table.column_names if name.endswith("_percentage"))
    entry = table.key[-1]
    breakdown = table.name.removeprefix("tiktok_organic_")

    def shares(loaded: Loaded) -> Chart | None:
        rows = loaded.rows(
            f"WITH posts AS (SELECT _business_id, item_id, video_views FROM {{videos}} "  # noqa: S608
            "WHERE {accounts} AND metric_date = ? AND video_views > 0), "
            f"parts AS (SELECT posts.item_id, video_views, {entry} AS entry, {share} AS share FROM posts "
            f"JOIN {{{breakdown}}} AS part ON part._business_id = posts._business_id AND part.item_id = posts.item_id "
            "AND part.metric_date = ?) "
            "SELECT entry, sum(share * video_views) / (SELECT sum(video_views) FROM "
            "(SELECT DISTINCT item_id, video_views FROM parts) AS each_post) AS of_all FROM parts "
            "WHERE share IS NOT NULL GROUP BY entry ORDER BY of_all DESC, entry",
            loaded.day,
            loaded.day,
        )
        chart = _bars(f"{title}, all posts by their views", [(str(name), of_all) for name, of_all in rows])
        return chart and Chart(chart.title, chart.labels, chart.series, bars=True, percent=True)

    return shares


def by_day(
    title: str,
    names: Mapping[str, str],
    rows: Sequence[tuple[str, date, float | None]],
    rank: Callable[[Sequence[float | None]], float] = lambda values: sum(filter(None, values)),
) -> Chart | None:
    """A line for each account, a value for each day from the first to the last; a day without one is a gap."""
    stored = [day for _, day, value in rows if value is not None]
    if not stored:
        return None
    days = [min(stored) + timedelta(days=number) for number in range((max(stored) - min(stored)).days + 1)]
    return _lines(title, names, rows, days, lambda day: f"{day:%b} {day.day}", rank)


def _lines(
    title: str,
    names: Mapping[str, str],
    rows: Sequence[tuple[str, Any, float | None]],
    places: Sequence[Any],
    label: Callable[[Any], str],
    rank: Callable[[Sequence[float | None]], float] = lambda values: sum(filter(None, values)),
) -> Chart | None:
    """A line for each of the accounts that come first, the others counted in the title."""
    values = {(account, place): value for account, place, value in rows if value is not None}
    accounts = {account for account, _ in values}
    lines = {account: tuple(values.get((account, place)) for place in places) for account in accounts}
    if not lines:
        return None
    first = sorted(lines, key=lambda account: (-rank(lines[account]), names[account]))[:NAMED_ACCOUNTS]
    shown = f" ({len(first)} of {len(lines)} accounts, those with most)" if len(first) < len(lines) else ""
    return Chart(
        title + shown,
        tuple(map(label, places)),
        tuple(Series(f"@{names[account]}", lines[account]) for account in first),
    )


def _bars(title: str, values: Sequence[tuple[str, float]], of: str = "") -> Chart | None:
    """A bar for each value, the first ones."""
    if not values:
        return None
    first = values[:NAMED_BARS]
    shown = f" ({len(first)} of {len(values)} {of}, those with most)" if of and len(first) < len(values) else ""
    labels, numbers = zip(*first, strict=True)
    return Chart(title + shown, labels, (Series("", numbers),), bars=True)


def _by_second(loaded: Loaded, table: Table, title: str) -> Chart | None:
    share, second = (
        next(name for name in table.column_names if name.endswith(end)) for end in ("percentage", "second")
    )
    breakdown = "{" + table.name.removeprefix("tiktok_organic_") + "}"
    posts = loaded.rows(
        f"SELECT _business_id, item_id, caption FROM {{videos}} AS post "  # noqa: S608
        f"WHERE {{accounts}} AND metric_date = ? AND video_views IS NOT NULL AND EXISTS (SELECT 1 FROM {breakdown} AS b"
        " WHERE b._business_id = post._business_id AND b.item_id = post.item_id AND b.metric_date = post.metric_date) "
        f"ORDER BY video_views DESC, item_id LIMIT {NAMED_POSTS}",
        loaded.day,
    )
    if not posts:
        return None
    rows = loaded.rows(
        f"SELECT item_id, {second}, {share} FROM {breakdown} WHERE {{accounts}} AND metric_date = ? "  # noqa: S608
        f"AND {second} BETWEEN 0 AND {SECONDS} AND item_id IN ({', '.join('?' for _ in posts)})",
        loaded.day,
        *(item_id for _, item_id, _ in posts),
    )
    values = {(item_id, int(at)): part for item_id, at, part in rows}
    if not values:
        return None
    seconds = range(max(at for _, at in values) + 1)
    return Chart(
        f"{title}, of the posts seen most",
        tuple(str(at) for at in seconds),
        tuple(
            Series(_post(loaded.names[account], caption), tuple(values.get((item_id, at)) for at in seconds))
            for account, item_id, caption in posts
        ),
    )


def _post(username: str, caption: str | None) -> str:
    text = " ".join((caption or "").split())
    cut = text if len(text) <= CAPTION_LENGTH else f"{text[: CAPTION_LENGTH - 3]}..."
    return f"@{username}: {cut}" if cut else f"@{username}"


# Cities have no plot: TikTok mixes shares of 1 and of 100 in them, so they cannot be put together.
CHARTS: dict[Table, Callable[[Loaded], Chart | None]] = {
    ACCOUNT: followers,
    ACCOUNT_METRICS: views,
    AUDIENCE_ACTIVITY: activity,
    VIDEOS: top_posts,
    IMPRESSION_SOURCES: _shares(IMPRESSION_SOURCES, "Where views came from"),
    ENGAGEMENT_LIKES: likes,
    AUDIENCE_TYPES: _shares(AUDIENCE_TYPES, "Who watched"),
    AUDIENCE_COUNTRIES: _shares(AUDIENCE_COUNTRIES, "Where viewers are"),
    VIDEO_VIEW_RETENTION: retention,
    AUDIENCE_GENDERS: _shares(AUDIENCE_GENDERS, "Gender of the viewers"),
    COMMENTS: comments,
}
