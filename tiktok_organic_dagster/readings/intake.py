"""Objects of answers on their way to the spool: made into rows page by page, validated many pages at a time."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from tiktok_organic_dagster.readings.base import Notes
from tiktok_organic_dagster.tables import Table
from tiktok_organic_dagster.tables.rows import JsonObject, rows_of
from tiktok_organic_dagster.validation import validated
from tiktok_organic_dagster.warehouse import Spool

OBJECTS_TOGETHER = 400
"""Objects of all accounts that are made into rows together: enough to be fast, few enough for memory to stay small."""
ROWS_TOGETHER = 30_000
"""Rows of a table, of all accounts, that are validated together: a validation takes some milliseconds however few."""
LEAST_OBJECTS = 40
LEAST_ROWS = 5_000


class Intake:
    """Fills a spool with an account's rows. Its memory does not grow with the account, nor with their number.

    Args:
        spool: Takes the validated rows.
        tables: The tables that each object has rows for.
        labels: What the reading knows of itself, see `rows_of`.
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
        self._objects: list[JsonObject] = []
        self._rows: dict[str, list[pa.RecordBatch]] = {table.name: [] for table in tables}

    def add(self, objects: Sequence[JsonObject]) -> None:
        """Take objects of an answer."""
        self._objects += objects
        if len(self._objects) >= self._objects_together:
            self._make_rows()

    def finish(self) -> None:
        """Put what is still on its way on the spool."""
        self._make_rows()
        for table in self._tables:
            self._validate(table)

    def _make_rows(self) -> None:
        for table in self._tables:
            rows = rows_of(table, self._objects, self._labels, self._notes.findings)
            waiting = self._rows[table.name]
            waiting.append(rows)
            self._notes.rows += rows.num_rows
            if sum(batch.num_rows for batch in waiting) >= self._rows_together:
                self._validate(table)
        self._objects = []

    def _validate(self, table: Table) -> None:
        waiting = self._rows[table.name]
        if waiting:
            self._spool.add(table, validated(table, pa.concat_batches(waiting), self._notes.findings))
            waiting.clear()
