"""The Pandera schema of each table, made from the catalogue, and what it lets into the warehouse."""

from functools import cache

import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
from pandera.errors import SchemaErrors

from tiktok_organic_dagster.findings import Findings, Kind
from tiktok_organic_dagster.tables import Column, Table

_BOUNDS = "within_bounds"
_VALUES = "known_value"
_NOT_NULL = "not_nullable"
_UNIQUE = "multiple_fields_uniqueness"
_EXPECTED = frozenset({_BOUNDS, _VALUES, _NOT_NULL, _UNIQUE})

# Pandera would load what it checks frames with at the first validation, in the middle of a reading.
pandera.DataFrameSchema.register_default_backends(pd.DataFrame)


@cache
def schema_of(table: Table) -> pandera.DataFrameSchema:
    """The Pandera schema of a table: exact columns in order, types, keys that are there and unique, bounds, values."""
    return pandera.DataFrameSchema(
        {
            column.name: pandera.Column(
                pd.ArrowDtype(column.type.arrow),
                checks=_checks(column),
                nullable=column.name not in table.key,
                description=column.meaning,
            )
            for column in table.columns
        },
        strict=True,
        ordered=True,
        unique=list(table.key),
        report_duplicates="exclude_first",
        name=table.name,
    )


def _checks(column: Column) -> list[pandera.Check]:
    checks: list[pandera.Check] = []
    if column.minimum is not None:
        checks.append(pandera.Check.ge(column.minimum, error=_BOUNDS))
    if column.maximum is not None:
        checks.append(pandera.Check.le(column.maximum, error=_BOUNDS))
    if column.values:
        checks.append(pandera.Check.isin(column.values, error=_VALUES))
    return checks


def validated(table: Table, batch: pa.RecordBatch, findings: Findings) -> pa.RecordBatch:
    """Check a batch against its table's schema before it is written.

    A row without a readable key is left out, and so is a row that repeats the key of an earlier one of the batch.
    Values out of bounds and values that TikTok does not document stay, and are counted.

    Args:
        table: The table the batch is for.
        batch: Rows in the catalogue's columns.
        findings: Where it is counted.

    Returns:
        The rows that may be stored.

    Raises:
        SchemaErrors: The batch has other columns or types than the catalogue, which is a fault of ours.
    """
    frame: pd.DataFrame = pa.Table.from_batches([batch]).to_pandas(types_mapper=pd.ArrowDtype)
    try:
        schema_of(table).validate(frame, lazy=True)
    except SchemaErrors as error:
        failures: pd.DataFrame = error.failure_cases
        if not set(failures["check"]) <= _EXPECTED:
            raise
        return _sorted_out(table, batch, failures, findings)
    return batch


def _sorted_out(table: Table, batch: pa.RecordBatch, failures: pd.DataFrame, findings: Findings) -> pa.RecordBatch:
    """Count what failed, and leave out the rows that cannot be stored."""
    rejected = _rows(failures, _NOT_NULL)
    repeated = _rows(failures, _UNIQUE) - rejected  # a key that is not there is not the same key twice
    for rows, kind in ((rejected, Kind.REJECTED), (repeated, Kind.DUPLICATE)):
        if rows:
            sample = {name: str(batch.column(name)[min(rows)]) for name in table.key if name != "_business_id"}
            findings.add(table.name, ", ".join(sample), kind, len(rows), sample)
    for check, kind in ((_BOUNDS, Kind.OUT_OF_BOUNDS), (_VALUES, Kind.UNKNOWN_VALUE)):
        for column, cases in failures[failures["check"] == check].groupby("column", sort=False):
            first = cases.sort_values("index")["failure_case"].iloc[0]
            findings.add(table.name, str(column), kind, len(cases), first)
    kept = sorted(set(range(batch.num_rows)) - rejected - repeated)
    return batch if len(kept) == batch.num_rows else batch.take(pa.array(kept, pa.int64()))


def _rows(failures: pd.DataFrame, check: str) -> set[int]:
    """The numbers of the rows that failed a check."""
    return {int(row) for row in failures.loc[failures["check"] == check, "index"]}
