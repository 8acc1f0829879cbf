"""What a step tells Dagster: rows and a preview of each table, and the results of its two checks."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
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

from tiktok_organic_dagster.assets.specs import (
    ACCOUNTS_CHECK,
    ACCOUNTS_OF_THIS_RUN,
    FAILING_ACCOUNTS,
    SCHEMA_CHECK,
    TROUBLESHOOTING,
    column_lineage,
)
from tiktok_organic_dagster.readings.progress import counted
from tiktok_organic_dagster.readings.run import Outcome
from tiktok_organic_dagster.tables import Table
from tiktok_organic_dagster.tiktok.errors import printable
from tiktok_organic_dagster.warehouse.spool import PREVIEW_ROWS

CELL_LENGTH = 80  # of a value in a preview
SENTENCE_LENGTH = 600  # of a reason: it ends with what to do
_REMEDIES = {
    "failed": "its earlier rows stay. Follow the reason, then materialize the same partition again; "
    "tiktok-organic check tells what TikTok will give.",
    "skipped": "nothing was asked for. Connect the account again with all boxes ticked: tiktok-organic connect.",
    "warning": "everything that TikTok gave was stored; see whether you miss what is named.",
}
_MARKUP = re.compile(r"(<(?=\S)|\](?=[(\[:]))")
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
        "accounts read": sum(outcome.error is None and outcome.notes.skipped is None for outcome in outcomes),
        "calls of the step": sum(sum(outcome.stats.calls.values()) for outcome in outcomes),
        "seconds waited for quota": round(sum(outcome.stats.waited_s for outcome in outcomes), 1),
        "rows sent twice by TikTok": sum(outcome.notes.repeated for outcome in outcomes),
        "dagster/column_lineage": column_lineage(table),
    }


def preview(table: Table, day: date, outcomes: Sequence[Outcome]) -> dict[str, MetadataValue[Any]]:
    """The first rows of a day, without what tells something of a person who is not the account's owner."""
    of_accounts = [outcome.previews.get(table.name, {}).get(day, ()) for outcome in outcomes]
    rows = [row for rows in of_accounts for row in rows][:PREVIEW_ROWS]
    columns = [column for column in table.columns if not column.personal]
    shown = shown_table(
        tuple(column.name for column in columns),
        [tuple(row[column.name] for column in columns) for row in rows],
        CELL_LENGTH,
    )
    return {"preview": shown} if rows else {}


def schema_result(table: Table, outcomes: Sequence[Outcome], *, of_some: bool) -> AssetCheckResult:
    """The check `schema`: what Pandera and the conversion noticed.

    Args:
        table: The table.
        outcomes: What came of each account.
        of_some: Whether the run was told to read some accounts only.
    """
    covered = (
        {ACCOUNTS_OF_THIS_RUN: MetadataValue.json([f"@{outcome.account.username}" for outcome in outcomes])}
        if of_some
        else {}
    )
    found = [
        (outcome.account.username, finding) for outcome in outcomes for finding in outcome.notes.findings.of(table.name)
    ]
    if not found:
        return AssetCheckResult(
            passed=True,
            asset_key=table.name,
            check_name=SCHEMA_CHECK,
            description=_checked(table, outcomes),
            metadata=covered,
        )
    remedies = dict.fromkeys(f"{finding.kind.words}: {finding.kind.remedy}." for _, finding in found)
    return AssetCheckResult(
        passed=False,
        asset_key=table.name,
        check_name=SCHEMA_CHECK,
        severity=AssetCheckSeverity.ERROR if any(f.kind.is_error for _, f in found) else AssetCheckSeverity.WARN,
        description=with_remedies([f"@{name} {finding}" for name, finding in found], list(remedies)),
        metadata={
            "findings": shown_table(
                ("account", "column", "level", "count", "what", "sample", "what to do"),
                [
                    (
                        f"@{name}",
                        f.column,
                        "error" if f.kind.is_error else "warning",
                        f.count,
                        f.kind.words,
                        f.sample,
                        f.kind.remedy,
                    )
                    for name, f in found
                ],
            ),
            FAILING_ACCOUNTS: MetadataValue.json({f"@{name}": str(f) for name, f in found if f.kind.is_error}),
            **covered,
        },
    )


def accounts_result(
    table: Table, outcomes: Sequence[Outcome], elsewhere: Mapping[str, str] | None = None
) -> AssetCheckResult:
    """The check `accounts_loaded`: which account is missing and why.

    Args:
        table: The table.
        outcomes: What came of each account of this run.
        elsewhere: Accounts that this run did not read, by name, with why their last reading failed: a run of some
            accounts must not hide what happened to the others.
    """
    failed = [(o.account.username, "failed", o.error) for o in outcomes if o.error is not None]
    failed += [(name, "failed", f"in an earlier run: {why}") for name, why in (elsewhere or {}).items()]
    skipped = [(o.account.username, "skipped", o.notes.skipped) for o in outcomes if o.notes.skipped is not None]
    warned = [(o.account.username, "warning", text) for o in outcomes for text in o.notes.warnings]
    told = [*failed, *skipped, *warned]
    remedies = [f"{what}: {_REMEDIES[what]}" for what in dict.fromkeys(what for _, what, _ in told)]
    read = sum(o.error is None and o.notes.skipped is None for o in outcomes)
    asked = "" if read == len(outcomes) else f"{read:,} of "
    summary = f"{asked}{counted(len(outcomes), 'account', 'accounts')} read."
    return AssetCheckResult(
        passed=not failed and not skipped,
        asset_key=table.name,
        check_name=ACCOUNTS_CHECK,
        severity=AssetCheckSeverity.WARN if skipped and not failed else AssetCheckSeverity.ERROR,
        description=f"{summary} {with_remedies([f'@{name} {what}: {text}' for name, what, text in told], remedies)}"
        if told
        else summary,
        metadata={
            "accounts read": read,
            **({FAILING_ACCOUNTS: MetadataValue.json({f"@{name}": why for name, _, why in failed})} if failed else {}),
            **(
                {
                    "details": shown_table(
                        ("account", "what", "why", "what to do"),
                        [(f"@{name}", what, why, _REMEDIES[what]) for name, what, why in told],
                    )
                }
                if told
                else {}
            ),
        },
    )


def _checked(table: Table, outcomes: Sequence[Outcome]) -> str:
    rows = sum(rows_by_day(table, outcomes).values())
    if not rows:
        return "No rows to check: TikTok returned none of this table, or nothing was to be asked for."
    columns = counted(len(table.columns), "column", "columns")
    return f"{counted(rows, 'row', 'rows')} checked against {columns}: nothing unusual."


def with_remedies(lines: Sequence[str], remedies: Sequence[str]) -> str:
    """What is wrong with whom, one line each, then what to do about each kind of it.

    Dagster's UI takes the description of a check for Markdown; logs and alerts show it as it is.
    """
    lines = [without_markup(line) for line in lines]
    more = f"; and {len(lines) - LINES:,} more" if len(lines) > LINES else ""
    return f"{'; '.join(lines[:LINES])}{more}\n\nWhat to do. {' '.join(remedies)} See {TROUBLESHOOTING}."


def shown_table(names: Sequence[str], rows: Sequence[Sequence[Any]], most: int = SENTENCE_LENGTH) -> MetadataValue[Any]:
    """The first rows as a table of the metadata, each value cut to a readable length."""
    return MetadataValue.table(
        [TableRecord(dict(zip(names, (_cell(value, most) for value in row), strict=True))) for row in rows[:LINES]],
        TableSchema([TableColumn(name) for name in names]),
    )


def without_markup(text: str) -> str:
    """A line with names and reasons from outside, in which Markdown finds neither links, nor images, nor HTML.

    A space between what has to stand together takes the meaning from it, and costs less where it is read as it is than
    a backslash before each dot and underscore of a name.
    """
    return _MARKUP.sub(r"\1 ", printable(text))


def _cell(value: Any, most: int) -> str | int | float | bool:  # noqa: ANN401
    if isinstance(value, bool | int | float):
        return value
    text = "NULL" if value is None else printable(str(value))
    return text if len(text) <= most else f"{text[: most - 3]}..."
