"""Columns that several tables share, and short forms to declare the rest with."""

from tiktok_organic_dagster.tables.model import Availability, Column, ColumnType, Field, Label

BASIC = "user.info.basic"
USERNAME = "user.info.username"
PROFILE = "user.info.profile"
STATS = "user.info.stats"
ACCOUNT_TYPE = "user.account.type"
INSIGHTS = "user.insights"
VIDEO_LIST = "video.list"
VIDEO_INSIGHTS = "video.insights"
COMMENT_LIST = "comment.list"

ALL_SCOPES = (
    BASIC, USERNAME, PROFILE, STATS, ACCOUNT_TYPE, INSIGHTS, VIDEO_LIST, VIDEO_INSIGHTS, COMMENT_LIST,
)  # fmt: skip
REQUIRED_SCOPES = (BASIC, USERNAME, INSIGHTS, VIDEO_LIST)

BUSINESS = Availability.BUSINESS
VERIFIED = Availability.VERIFIED_BUSINESS

BUSINESS_ID = Column(
    "_business_id",
    ColumnType.TEXT,
    "TikTok's id of the account for your developer app. It stays when the account changes its name: join on it.",
    Label("business_id"),
    identifier=True,
)
LOADED_AT = Column(
    "_loaded_at", ColumnType.TIMESTAMP, "When this row was read from TikTok.", Label("loaded_at"), unit="UTC"
)


def username(references: str | None = "tiktok_organic_account.video_creator_username") -> Column:
    """The account's name at the time of the reading."""
    return Column(
        "video_creator_username",
        ColumnType.TEXT,
        "The account's username without @, as it was at the reading. Names change; join on `_business_id`.",
        Label("username"),
        references=references,
    )


def reading_date(meaning: str) -> Column:
    """The date of a reading, UTC."""
    return Column("metric_date", ColumnType.DATE, meaning, Label("read_date"), unit="UTC date")


def text(name: str, meaning: str, source: Field) -> Column:
    """A text, stored as TikTok sends it."""
    return Column(name, ColumnType.TEXT, meaning, source)


def flag(name: str, meaning: str, source: Field) -> Column:
    """A yes or no."""
    return Column(name, ColumnType.BOOLEAN, meaning, source)


def count(name: str, meaning: str, source: Field, unit: str = "count") -> Column:
    """A number that cannot be below zero."""
    return Column(name, ColumnType.FLOAT, meaning, source, unit=unit, minimum=0)
