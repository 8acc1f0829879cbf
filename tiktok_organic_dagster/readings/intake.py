"""Objects of answers on their way to the spool: their values are gathered, made into rows, and validated together."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from tiktok_organic_dagster.readings.base import Notes
from tiktok_organic_dagster.tables import Table
from tiktok_organic_dagster.tables.rows import JsonObject, Values
from tiktok_organic_dagster.validation import validated
from tiktok_organic_dagster.warehouse import Spool

OBJECTS_TOGETHER = 500
"""Objects of all accounts whose values are made into rows together: enough to be fast, few enough for memory."""
ROWS_TOGETHER = 20_000
"""Rows of a table, of all accounts, that are validated together: a validation takes some milliseconds however few."""
LEAST_OBJECTS = 60
LEAST_ROWS = 5_000


class Intake:
    """Fills a spool with an account's rows. Its memory does not grow with the account, nor with their number.

    Args:
        spool: Takes the validated rows.
        tables: The tables that each object has rows for.
        labels: What the reading knows of itself, see `Values`.
        notes: Where it is counted what was noticed, and how many rows there are.
        accounts: How many accounts are read by this run, which share the memory.
    """

    def __init__(
        self, spool: Spool, tables: Sequence[Table], labels: dict[str, Any], notes: Notes, *, accounts: int
    ) -> None:
        self._spool = spool
        self._tables = tables
        self._labels = labels
        self._notes = notes
        self._objects_together = max(OBJECTS_TOGETHER // accounts, LEAST_OBJECTS)
        self._rows_together = max(ROWS_TOGETHER // accounts, LEAST_ROWS)
        self._gathered = 0
        self._values = [Values(table, notes.findings) for table in tables]
        self._rows: list[list[pa.RecordBatch]] = [[] for _ in tables]

    def add(self, objects: Sequence[JsonObject]) -> None:
        """Take objects of an answer."""
        for values in self._values:
            values.add(objects)
        self._gathered += len(objects)
        if self._gathered >= self._objects_together:
            self._make_rows()

    def finish(self) -> None:
        """Put what is still on its way on the spool."""
        self._make_rows()
        for table, waiting in zip(self._tables, self._rows, strict=True):
            self._validate(table, waiting)

    def _make_rows(self) -> None:
        for table, values, waiting in zip(self._tables, self._values, self._rows, strict=True):
            rows = values.rows(self._labels)
            waiting.append(rows)
            self._notes.rows += rows.num_rows
            if sum(batch.num_rows for batch in waiting) >= self._rows_together:
                self._validate(table, waiting)
        self._values = [Values(table, self._notes.findings) for table in self._tables]
        self._gathered = 0

    def _validate(self, table: Table, waiting: list[pa.RecordBatch]) -> None:
        if waiting:
            self._spool.add(table, validated(table, pa.concat_batches(waiting), self._notes.findings))
            waiting.clear()
