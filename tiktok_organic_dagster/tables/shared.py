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

NAMES_CHANGE = "names change: join on `_business_id`."
IMAGE_EXPIRES = "the address is signed and stops working; its `x-expires` says when, in epoch seconds."
NOT_SUMMED = "people cannot be added up over days: whoever comes on two days counts on both."

BUSINESS_ID = Column(
    "_business_id",
    ColumnType.TEXT,
    "TikTok's id of the account. It stays when the account changes its name.",
    Label("business_id", "the connected account"),
    beware="it is an id for one developer app: connected through another app, the same account has another one.",
    identifier=True,
)
LOADED_AT = Column(
    "_loaded_at",
    ColumnType.TIMESTAMP,
    "When this row was read from TikTok.",
    Label("loaded_at", "its clock"),
    unit="UTC",
    never_null=True,
)


def username(references: str | None = "tiktok_organic_account.video_creator_username") -> Column:
    """The account's name as it was known when the row was written."""
    return Column(
        "video_creator_username",
        ColumnType.TEXT,
        "The account's username without @, as it was known when the row was last written.",
        Label("username", "the newest account reading, else the name known from connecting"),
        beware=NAMES_CHANGE,
        references=references,
        never_null=True,
    )


def reading_date(meaning: str) -> Column:
    """The date of a reading, UTC."""
    return Column("metric_date", ColumnType.DATE, meaning, Label("read_date", "the day of the run"), unit="UTC")


def text(name: str, meaning: str, source: Field, *, beware: str = "") -> Column:
    """A text, stored as TikTok sends it."""
    return Column(name, ColumnType.TEXT, meaning, source, beware)


def flag(name: str, meaning: str, source: Field, *, beware: str = "") -> Column:
    """A yes or no."""
    return Column(name, ColumnType.BOOLEAN, meaning, source, beware)


def count(name: str, meaning: str, source: Field, *, unit: str = "count", beware: str = "") -> Column:
    """A number that cannot be below zero."""
    return Column(name, ColumnType.FLOAT, meaning, source, beware, unit=unit, minimum=0)
