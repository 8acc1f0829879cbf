"""What a step tells Dagster: rows and a preview of each table, and the results of its two checks."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    MetadataValue,
    TableColumn,
    TableRecord,
    TableSchema,
)

from tiktok_organic_dagster.assets.specs import ACCOUNTS_CHECK, SCHEMA_CHECK, column_lineage
from tiktok_organic_dagster.readings.run import Outcome
from tiktok_organic_dagster.tables import Table
from tiktok_organic_dagster.warehouse.spool import PREVIEW_ROWS

CELL_LENGTH = 80
LINES = 50  # of a table in the metadata; the whole text of a thousand failures helps nobody


def rows_by_day(table: Table, outcomes: Sequence[Outcome]) -> Counter[date]:
    """How many rows of a table were written for each day, all accounts together."""
    total: Counter[date] = Counter()
    for outcome in outcomes:
        total.update(outcome.rows.get(table.name, Counter()))
    return total


def table_metadata(table: Table, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What is shown with each materialization of a table."""
    return {
        "accounts": sum(outcome.error is None and outcome.notes.skipped is None for outcome in outcomes),
        "calls": sum(sum(outcome.stats.calls.values()) for outcome in outcomes),
        "waited_s": round(sum(outcome.stats.waited_s for outcome in outcomes), 1),
        "repeated_rows": sum(outcome.notes.repeated for outcome in outcomes),
        "dagster/column_lineage": column_lineage(table),
        "preview": _preview(table, outcomes),
    }


def schema_result(table: Table, outcomes: Sequence[Outcome]) -> AssetCheckResult:
    """The check `schema`: what Pandera and the conversion noticed."""
    found = [
        (outcome.account.username, finding) for outcome in outcomes for finding in outcome.notes.findings.of(table.name)
    ]
    is_error = any(finding.kind.is_error for _, finding in found)
    return AssetCheckResult(
        passed=not found,
        asset_key=table.name,
        check_name=SCHEMA_CHECK,
        severity=AssetCheckSeverity.ERROR if is_error or not found else AssetCheckSeverity.WARN,
        description="; ".join(f"@{name} {finding}" for name, finding in found[:LINES]) or None,
        metadata={
            "findings": _table(
                ("account", "column", "level", "count", "what", "sample"),
                [
                    (name, f.column, "error" if f.kind.is_error else "warning", f.count, f.kind.words, f.sample)
                    for name, f in found
                ],
            )
        }
        if found
        else {},
    )


def accounts_result(table: Table, outcomes: Sequence[Outcome]) -> AssetCheckResult:
    """The check `accounts_loaded`: which account is missing and why."""
    failed = [(o.account.username, "failed", o.error) for o in outcomes if o.error is not None]
    skipped = [(o.account.username, "skipped", o.notes.skipped) for o in outcomes if o.notes.skipped is not None]
    warned = [(o.account.username, "warning", text) for o in outcomes for text in o.notes.warnings]
    told = [*failed, *skipped, *warned]
    return AssetCheckResult(
        passed=not failed and not skipped,
        asset_key=table.name,
        check_name=ACCOUNTS_CHECK,
        severity=AssetCheckSeverity.WARN if skipped and not failed else AssetCheckSeverity.ERROR,
        description="; ".join(f"@{name} {what}: {text}" for name, what, text in told[:LINES]) or None,
        metadata={"accounts": len(outcomes), **({"details": _table(("account", "what", "why"), told)} if told else {})},
    )


def _preview(table: Table, outcomes: Sequence[Outcome]) -> MetadataValue[Any]:
    rows = [row for outcome in outcomes for row in outcome.previews.get(table.name, [])][:PREVIEW_ROWS]
    columns = [column for column in table.columns if not column.personal]
    return _table(
        tuple(column.name for column in columns), [tuple(row[column.name] for column in columns) for row in rows]
    )


def _table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> MetadataValue[Any]:
    return MetadataValue.table(
        [TableRecord(dict(zip(names, map(_cell, row), strict=True))) for row in rows[:LINES]],
        TableSchema([TableColumn(name) for name in names]),
    )


def _cell(value: Any) -> str | int | float | bool:  # noqa: ANN401
    if isinstance(value, bool | int | float):
        return value
    text = "" if value is None else str(value)
    return text if len(text) <= CELL_LENGTH else f"{text[: CELL_LENGTH - 3]}..."
