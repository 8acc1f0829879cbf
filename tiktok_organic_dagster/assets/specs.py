"""What Dagster and its UI know of a table: all of it taken from the catalogue."""

from collections.abc import Sequence

from dagster import (
    AssetCheckSpec,
    AssetKey,
    AssetSpec,
    DailyPartitionsDefinition,
    TableColumn,
    TableColumnConstraints,
    TableColumnDep,
    TableColumnLineage,
    TableConstraints,
    TableSchema,
)

from tiktok_organic_dagster.tables import Column, Table

GROUP = "tiktok_organic"
SCHEMA_CHECK = "schema"
ACCOUNTS_CHECK = "accounts_loaded"


def asset_spec(
    table: Table, partitions: DailyPartitionsDefinition, kind: str, depends_on: Sequence[Table]
) -> AssetSpec:
    """The asset of a table.

    Args:
        table: The table; its name is the asset's key.
        partitions: The daily partitioning that all tables share.
        kind: The kind of warehouse, for the badge in the UI.
        depends_on: The tables that are materialized before this one.
    """
    return AssetSpec(
        table.name,
        deps=[other.name for other in depends_on],
        description=f"**{table.title.capitalize()}.** {table.meaning}\n\nWriting: {table.writing.value}.",
        metadata={
            "dagster/column_schema": column_schema(table),
            "dagster/column_lineage": column_lineage(table),
            "dagster/table_name": table.name,
        },
        group_name=GROUP,
        kinds={"tiktok", kind},
        partitions_def=partitions,
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
                "NULL or rows were left out; a warning, that something unusual was stored as TikTok sent it.",
            ),
            AssetCheckSpec(
                ACCOUNTS_CHECK,
                asset=table.name,
                description="Every connected account was read. An account that failed keeps its earlier rows.",
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
                constraints=TableColumnConstraints(nullable=column.name not in table.key),
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


def _column_text(column: Column) -> str:
    return f"{column.meaning} ({column.unit})" if column.unit else column.meaning
