"""The rule on breakdowns whose shares are those of a whole: genders, types of viewers, sources of views.

Countries and cities are cut at ten; retention and likes by second are no parts of a whole that TikTok documents.
"""

from collections.abc import Sequence
from datetime import date
from functools import partial

from tiktok_organic_dagster.quality.newest import newest_and_rows
from tiktok_organic_dagster.quality.rule import Row, Rule, Unusual, Verdict
from tiktok_organic_dagster.tables import Table
from tiktok_organic_dagster.tables.own import READINGS
from tiktok_organic_dagster.tables.videos import AUDIENCE_GENDERS, AUDIENCE_TYPES, IMPRESSION_SOURCES
from tiktok_organic_dagster.warehouse import Session

ROUNDING = 0.05
"""Shares may be rounded, at worst to full percents: eight of them are then up to 0.04 off."""

PAIRS = {
    "NEW_VIEWER": "new and returning",
    "RETURN_VIEWER": "new and returning",
    "FOLLOWER_PERCENT": "followers and others",
    "NON_FOLLOWER_PERCENT": "followers and others",
}
"""The types of viewers are two pairs; each is a whole."""


def _sums(table: Table, session: Session, today: date) -> list[Row]:
    """For each account: username, videos compared, videos that are off, and the worst of them with its sum."""
    with_newest, values = newest_and_rows(session, table, table, today)
    share = next(name for name in table.column_names if name.endswith("_percentage"))
    entry = table.key[-1]
    cases = " ".join(f"WHEN '{name}' THEN '{pair}'" for name, pair in PAIRS.items())
    whole = f"CASE {entry} {cases} END" if table is AUDIENCE_TYPES else "'all'"
    return session.query(
        f"WITH {with_newest}, "  # noqa: S608
        f"parts AS (SELECT t._business_id, t.video_creator_username AS username, t.item_id, t.{share} AS share, "
        f"{whole} AS whole FROM newest "
        "JOIN recent AS t ON t._business_id = newest._business_id AND t.metric_date = newest.day), "
        "sums AS (SELECT _business_id, max(username) AS username, item_id, whole, sum(share) AS total FROM parts "
        "WHERE whole IS NOT NULL GROUP BY _business_id, item_id, whole "
        "HAVING count(*) = count(share) AND sum(share) <> 0), "
        "videos AS (SELECT *, row_number() OVER (PARTITION BY _business_id, item_id ORDER BY abs(total - 1) DESC, "
        "whole) AS place FROM sums), "
        "ranked AS (SELECT _business_id, username, item_id, whole, total, count(*) OVER account AS compared, "
        "count(*) FILTER (WHERE abs(total - 1) > ?) OVER account AS off, row_number() OVER "
        "(PARTITION BY _business_id ORDER BY abs(total - 1) DESC, item_id) AS rank FROM videos WHERE place = 1 "
        "WINDOW account AS (PARTITION BY _business_id)) "
        "SELECT username, compared, off, item_id, whole, total FROM ranked WHERE rank = 1 ORDER BY username",
        *values,
        ROUNDING,
    )


def judge_sums(rows: Sequence[Row]) -> Verdict:
    """Whether the shares of videos sum to 1.

    Args:
        rows: Username, videos compared, videos whose shares do not sum to 1, the worst of them, which of its shares,
            and their sum.
    """
    unusual = [
        Unusual(
            username,
            f"{off:,} of {compared:,} videos are off, most of all {video}: {whole} sum to {total:.4g}",
            abs(total - 1),
            {"videos that are off": off, "video": video, "shares": whole, "sum": total},
        )
        for username, compared, off, video, whole, total in rows
        if off
    ]
    return Verdict(len(rows), sum(compared for _, compared, *_ in rows), tuple(unusual))


def _rule(table: Table, what: str) -> Rule:
    return Rule(
        name="shares_sum_to_one",
        table=table,
        meaning=f"The shares of each video in the newest reading: {what} should sum to 1, give or take {ROUNDING} for "
        "rounding. Videos without shares, or with zeros alone, are left out. A warning names how many videos are off, "
        "and the worst.",
        remedy="Look at the named video's rows. A sum near 100 means that TikTok sends percents now; a sum far below "
        "1, that it leaves entries out: divide by the sum before you compare videos.",
        unit=("video", "videos"),
        needs=(table, READINGS),
        look=partial(_sums, table),
        judge=judge_sums,
    )


SHARES = (
    _rule(IMPRESSION_SOURCES, "all sources"),
    _rule(AUDIENCE_TYPES, "new and returning viewers, and followers and others, each pair"),
    _rule(AUDIENCE_GENDERS, "all genders"),
)
