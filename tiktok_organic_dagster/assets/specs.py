"""What Dagster and its UI know of a table: all of it taken from the catalogue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from dagster import (
    AssetCheckSpec,
    AssetKey,
    AssetSpec,
    DailyPartitionsDefinition,
    FreshnessPolicy,
    MetadataValue,
    TableColumn,
    TableColumnConstraints,
    TableColumnDep,
    TableColumnLineage,
    TableConstraints,
    TableSchema,
)

from tiktok_organic_dagster.tables import Column, Table, Writing
from tiktok_organic_dagster.tables.dictionary import section
from tiktok_organic_dagster.windows import BACKFILL_DAYS

GROUP = "tiktok_organic"
SCHEMA_CHECK = "schema"
ACCOUNTS_CHECK = "accounts_loaded"
FRESHNESS_CHECK = "freshness"
NO_MISSING_DAYS_CHECK = "no_missing_days"
LEDGER_CHECK = "gap_ledger"
FAILING_ACCOUNTS = "failing accounts"
"""Metadata of a check that failed: each account that it failed for, with the reason."""
ACCOUNTS_OF_THIS_RUN = "accounts of this run"
"""Metadata of a check: the only accounts that it speaks of; without it, it speaks of all."""
TROUBLESHOOTING = "docs/troubleshooting.md"

# Every table is loaded once a day; Dagster looks at the last load alone, so the check `freshness` looks at the rows.
LATE_AFTER = timedelta(hours=26)
STALE_AFTER = timedelta(hours=36)

STEP_TAG = "tiktok/step"
DAYS_TAG = "tiktok/days"
PERSONAL_TAG = "tiktok/personal_data"

# TikTok's own page of each call, in its portal for business developers.
_PORTAL = "https://business-api.tiktok.com/portal/docs"
_PAGES = {
    "business/get/": "1762228399168514",
    "business/video/list/": "1762228421622786",
    "business/comment/list/": "1760232109619202",
}


def daily(start: date) -> DailyPartitionsDefinition:
    """The one partitioning of all tables: UTC days from a fixed start, today included."""
    return DailyPartitionsDefinition(start_date=start.isoformat(), timezone="UTC", end_offset=1)


@dataclass(frozen=True)
class Common:
    """What all assets have in common.

    Attributes:
        partitions: The daily partitioning that all tables share.
        kind: The kind of warehouse, for the badge in the UI.
        owners: E-mail addresses, and teams as `team:name`.
    """

    partitions: DailyPartitionsDefinition
    kind: str
    owners: tuple[str, ...]


def asset_spec(table: Table, step: str, common: Common, depends_on: Sequence[Table]) -> AssetSpec:
    """The asset of a table.

    Args:
        table: The table; its name is the asset's key.
        step: The step that fills it.
        common: What all assets have in common.
        depends_on: The tables that are materialized before this one.
    """
    return AssetSpec(
        table.name,
        deps=[other.name for other in depends_on],
        description=_description(table),
        metadata={
            "dictionary": MetadataValue.md(section(table)),
            "TikTok's documentation": MetadataValue.url(_portal_page(table)),
            "dagster/column_schema": column_schema(table),
            "dagster/column_lineage": column_lineage(table),
            "dagster/table_name": table.name,
        },
        freshness_policy=FreshnessPolicy.time_window(fail_window=STALE_AFTER, warn_window=LATE_AFTER),
        group_name=GROUP,
        kinds={"tiktok", common.kind},
        owners=common.owners,
        tags=_tags(table, step),
        partitions_def=common.partitions,
    )


def check_specs(tables: Sequence[Table]) -> list[AssetCheckSpec]:
    """The two checks that every table gets while it is materialized."""
    return [
        spec
        for table in tables
        for spec in (
            AssetCheckSpec(
                SCHEMA_CHECK,
                asset=table.name,
                description="Every value had its type, every row its key (Pandera). An error means that values became "
                "NULL or rows were left out; a warning, that something unusual was stored as TikTok sent it. The "
                f"result names account, column, count and a sample. What to do: {TROUBLESHOOTING}.",
            ),
            AssetCheckSpec(
                ACCOUNTS_CHECK,
                asset=table.name,
                description="Every connected account was read. An account that failed keeps its earlier rows; the "
                f"result names it and the reason. What to do: {TROUBLESHOOTING}.",
            ),
        )
    ]


def column_schema(table: Table) -> TableSchema:
    """The columns of a table with their meaning, for the UI."""
    return TableSchema(
        columns=[
            TableColumn(
                column.name,
                column.type.duckdb,
                description=_column_text(column),
                constraints=TableColumnConstraints(nullable=table.may_be_null(column)),
                tags={"personal_data": ""} if column.personal else {},
            )
            for column in table.columns
        ],
        constraints=TableConstraints(other=[f"unique: {', '.join(table.key)}"]),
    )


def column_lineage(table: Table) -> TableColumnLineage:
    """The columns of other tables that a table's columns refer to."""
    return TableColumnLineage(
        {
            column.name: [TableColumnDep(AssetKey(other), name)]
            for column in table.columns
            if column.references
            for other, name in [column.references.split(".")]
        }
    )


def _description(table: Table) -> str:
    fills_days = table.writing is Writing.FILL_DAYS
    facts = (
        (
            "Partition",
            f"the day that the numbers are about; {BACKFILL_DAYS} days back to yesterday can be loaded."
            if fills_days
            else "the day of the reading (UTC); only today's can be loaded, as TikTok serves no past values.",
        ),
        (
            "Loaded",
            f"daily at 05:00 UTC by the schedule `{'account_metrics_refresh' if fills_days else 'daily_readings'}`.",
        ),
        ("Delay", table.latency),
        ("History", table.history),
        ("Loaded again", f"{table.writing.value}."),
        ("Gone at TikTok", table.deletion),
        ("Joins", table.joins),
    )
    lines = "\n".join(f"- **{name}:** {text}" for name, text in facts if text)
    return f"{table.title[:1].upper()}{table.title[1:]}. {table.meaning}\n\n{lines}"


def _tags(table: Table, step: str) -> dict[str, str]:
    tags = {STEP_TAG: step, DAYS_TAG: f"last_{BACKFILL_DAYS}" if table.writing is Writing.FILL_DAYS else "today_only"}
    if any(column.personal for column in table.columns):
        tags[PERSONAL_TAG] = "commenters"
    return tags


def _portal_page(table: Table) -> str:
    page = _PAGES.get(table.endpoint)
    return f"{_PORTAL}?id={page}" if page else _PORTAL


def _column_text(column: Column) -> str:
    parts = [column.meaning]
    if column.unit not in {"", "count"}:  # that it is a count, its name and meaning say
        parts.append(f"Unit: {column.unit}.")
    if column.values:
        parts.append(f"Values: {', '.join(column.values)}.")
    if column.personal:
        parts.append("Personal data.")
    if column.beware:
        parts.append(f"Beware: {column.beware}")
    return " ".join(parts)
