"""THE CATALOGUE: the 12 tables, each declared once; all that is known of a column follows from its declaration."""

from tiktok_organic_dagster.tables.account import ACCOUNT, ACCOUNT_METRICS, AUDIENCE_ACTIVITY
from tiktok_organic_dagster.tables.comments import COMMENTS
from tiktok_organic_dagster.tables.model import (
    Column,
    ColumnType,
    Entry,
    Field,
    Label,
    Table,
    Writing,
    field_choices,
    fields_to_ask,
    missing_scopes,
)
from tiktok_organic_dagster.tables.shared import ALL_SCOPES, REQUIRED_SCOPES
from tiktok_organic_dagster.tables.videos import (
    AUDIENCE_CITIES,
    AUDIENCE_COUNTRIES,
    AUDIENCE_GENDERS,
    AUDIENCE_TYPES,
    ENGAGEMENT_LIKES,
    IMPRESSION_SOURCES,
    VIDEO_VIEW_RETENTION,
    VIDEOS,
)

ACCOUNT_TABLES = (ACCOUNT,)
METRIC_TABLES = (ACCOUNT_METRICS, AUDIENCE_ACTIVITY)
VIDEO_TABLES = (
    VIDEOS,
    IMPRESSION_SOURCES,
    ENGAGEMENT_LIKES,
    AUDIENCE_TYPES,
    AUDIENCE_COUNTRIES,
    AUDIENCE_CITIES,
    VIDEO_VIEW_RETENTION,
    AUDIENCE_GENDERS,
)
COMMENT_TABLES = (COMMENTS,)
STEPS = {
    "account": ACCOUNT_TABLES,
    "account_metrics": METRIC_TABLES,
    "videos": VIDEO_TABLES,
    "comments": COMMENT_TABLES,
}
"""The tables that are read together, by the name of the step that reads them."""
CATALOGUE = (*ACCOUNT_TABLES, *METRIC_TABLES, *VIDEO_TABLES, *COMMENT_TABLES)

__all__ = [
    "ACCOUNT",
    "ACCOUNT_METRICS",
    "ACCOUNT_TABLES",
    "ALL_SCOPES",
    "AUDIENCE_ACTIVITY",
    "CATALOGUE",
    "COMMENTS",
    "COMMENT_TABLES",
    "METRIC_TABLES",
    "REQUIRED_SCOPES",
    "STEPS",
    "VIDEOS",
    "VIDEO_TABLES",
    "VIDEO_VIEW_RETENTION",
    "Column",
    "ColumnType",
    "Entry",
    "Field",
    "Label",
    "Table",
    "Writing",
    "field_choices",
    "fields_to_ask",
    "missing_scopes",
]
