"""The five requirements that an account must meet to be read, and what a missing permission costs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from tiktok_organic_dagster.tables import ALL_SCOPES, CATALOGUE, REQUIRED_SCOPES, Entry, Field, Table, missing_scopes
from tiktok_organic_dagster.tables.shared import ACCOUNT_TYPE, INSIGHTS, STATS, USERNAME, VIDEO_LIST
from tiktok_organic_dagster.tiktok.client import AccountReader
from tiktok_organic_dagster.tiktok.errors import RefusedError

MIN_FOLLOWERS = 100  # TikTok has audience data from here on
METRIC_DAYS = 7
NO_PERMISSION = 40001
METRICS_TRIES = 3  # TikTok leaves `metrics` out of an answer now and then; missing that often means there are none
TURN_ON = "turn them on in the TikTok app: Profile > menu > TikTok Studio > Analytics > Turn on"
# What a day's metrics are recognized by; every kind of account has them.
DAILY_FIELDS = ("video_views", "profile_views", "likes", "comments", "shares")
PROFILE_FIELDS = {"username": USERNAME, "is_business_account": ACCOUNT_TYPE, "followers_count": STATS}


@dataclass(frozen=True)
class Facts:
    """What TikTok says of an account, as far as the requirements need it.

    Attributes:
        profile: The profile fields that its scopes allow.
        metrics: The days of the last week that TikTok has metrics for; None if it refuses them (code 40001).
        has_post: Is there a public post? None if the scope to see that is missing.
        scopes: What the owner granted.
    """

    profile: Mapping[str, Any]
    metrics: Sequence[Mapping[str, Any]] | None
    has_post: bool | None
    scopes: frozenset[str]


@dataclass(frozen=True)
class Requirement:
    """One requirement: is it met, and what was found, or what to do about it."""

    name: str
    met: bool
    detail: str


def requirements(facts: Facts, expected_username: str) -> list[Requirement]:
    """Judge the five requirements.

    Args:
        facts: What TikTok says.
        expected_username: The @ that should have been authorized.
    """
    return [
        _account_type(facts),
        _followers(facts),
        _analytics(facts),
        _public_post(facts),
        _authorization(facts, expected_username),
    ]


def read_facts(reader: AccountReader, scopes: Iterable[str], today: date) -> Facts:
    """Ask TikTok for what the requirements need, with as few calls as possible.

    Raises:
        TikTokError: A call did not succeed.
    """
    granted = frozenset(scopes)
    profile = reader.profile([name for name, scope in PROFILE_FIELDS.items() if scope in granted] or ["display_name"])
    metrics = _read_metrics(reader, today) if INSIGHTS in granted else []
    return Facts(profile, metrics, _read_post(reader) if VIDEO_LIST in granted else None, granted)


def required_but_missing(scopes: Iterable[str]) -> list[str]:
    """The scopes without which an account is not accepted."""
    granted = frozenset(scopes)
    return [scope for scope in REQUIRED_SCOPES if scope not in granted]


def cost_of_missing(scopes: Iterable[str]) -> dict[str, str]:
    """For each scope that was not granted, the tables and columns that stay empty without it, in words."""
    costs: dict[str, str] = {}
    for scope, columns in missing_scopes(CATALOGUE, scopes).items():
        lost = frozenset(columns)
        costs[scope] = "; ".join(filter(None, (_cost(table, lost) for table in CATALOGUE)))
    return costs


def _cost(table: Table, lost: frozenset[str]) -> str:
    """What a table loses: nothing, some columns, or all that makes a row of it."""
    names = [column.name for column in table.columns if f"{table.name}.{column.name}" in lost]
    entries = [column.name for column in table.columns if isinstance(column.source, Entry)]
    own = entries or [column.name for column in table.columns if isinstance(column.source, Field)]
    if not names or set(own) <= set(names):
        return table.name if names else ""
    return f"{table.name} ({', '.join(names)})"


def _read_metrics(reader: AccountReader, today: date) -> list[dict[str, Any]] | None:
    """The last week's days, None if TikTok refuses to tell."""
    try:
        for _ in range(METRICS_TRIES):
            found = reader.metrics_if_any(DAILY_FIELDS, today - timedelta(METRIC_DAYS), today - timedelta(1))
            if found:
                return found
    except RefusedError as error:
        if error.code == NO_PERMISSION:
            return None
        raise
    return []


def _read_post(reader: AccountReader) -> bool:
    """Is there a post? Pages may be empty although more come, so the first page with one decides."""
    return any(page.videos for page in reader.video_pages(["item_id"], None))


def _account_type(facts: Facts) -> Requirement:
    name = "Business or Personal account"
    kind = facts.profile.get("is_business_account")
    if kind is None:
        return Requirement(name, met=True, detail=f"kind unknown without the scope {ACCOUNT_TYPE}; both kinds will do")
    is_business = str(kind).strip().lower() in {"true", "1"}
    return Requirement(name, met=True, detail="a Business account" if is_business else "a Personal account")


def _followers(facts: Facts) -> Requirement:
    name = f"at least {MIN_FOLLOWERS} followers"
    count = _number(facts.profile.get("followers_count"))
    if count is None:
        return Requirement(name, met=False, detail=f"the number is not known; it takes the scope {STATS}")
    met = count >= MIN_FOLLOWERS
    return Requirement(name, met=met, detail=f"{count:.0f}" + ("" if met else "; TikTok shows no audience data below"))


def _analytics(facts: Facts) -> Requirement:
    name = "analytics turned on"
    if INSIGHTS not in facts.scopes:
        return Requirement(name, met=False, detail=f"cannot be read without the scope {INSIGHTS}")
    if facts.metrics is None:
        return Requirement(name, met=False, detail=f"TikTok refuses the metrics (code {NO_PERMISSION}); {TURN_ON}")
    days = [day for day in facts.metrics if any(day.get(field) not in (None, "") for field in DAILY_FIELDS)]
    if not days:
        return Requirement(name, met=False, detail=f"no metrics for any of the last {METRIC_DAYS} days; {TURN_ON}")
    return Requirement(name, met=True, detail=f"metrics for {len(days)} of the last {METRIC_DAYS} days")


def _public_post(facts: Facts) -> Requirement:
    name = "at least one public post"
    if facts.has_post is None:
        return Requirement(name, met=False, detail=f"cannot be seen without the scope {VIDEO_LIST}")
    return Requirement(name, met=facts.has_post, detail="found" if facts.has_post else "none; publish one")


def _authorization(facts: Facts, expected: str) -> Requirement:
    name = "authorized as the right @ with all scopes"
    wanted = expected.strip().removeprefix("@")
    found = str(facts.profile.get("username") or "").removeprefix("@")
    if found.casefold() != wanted.casefold():
        shown = f"@{found}" if found else "an account without a readable name"
        return Requirement(name, met=False, detail=f"expected @{wanted}, authorized is {shown}")
    missing = [scope for scope in ALL_SCOPES if scope not in facts.scopes]
    if missing:
        detail = f"@{found}, but without {', '.join(missing)}; connect again and leave all boxes ticked"
        return Requirement(name, met=False, detail=detail)
    return Requirement(name, met=True, detail=f"@{found}")


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None
