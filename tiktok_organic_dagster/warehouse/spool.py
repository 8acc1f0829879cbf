"""Rows on their way: validated batches in files of a temporary folder, so that memory does not grow with an account."""

import tempfile
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute

from tiktok_organic_dagster.errors import TikTokOrganicError
from tiktok_organic_dagster.tables import Table

pc: Any = pyarrow.compute  # its functions are made when it is imported, so they have no types

PREVIEW_ROWS = 5


class SpoolError(TikTokOrganicError):
    """The temporary folder cannot take the rows of a reading."""


@contextmanager
def _refusals_named() -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise SpoolError(
            f"The rows cannot wait in the temporary folder {tempfile.gettempdir()}: {error.strerror or error}. Nothing "
            "of them was stored. Make room there, or set TMPDIR to a folder that has room."
        ) from error


class Spool:
    """The rows of one reading, a file for each table. Use it as a context manager: the files go with it."""

    def __init__(self) -> None:
        with _refusals_named():
            self._folder = tempfile.TemporaryDirectory(prefix="tiktok-organic-")
        self._writers: dict[str, pa.ipc.RecordBatchStreamWriter] = {}
        self._days: dict[str, Counter[date]] = {}
        self._previews: dict[str, dict[date, list[dict[str, Any]]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the files."""
        for writer in self._writers.values():
            with suppress(OSError):  # no room for the last bytes, which go anyway
                writer.close()
        self._writers.clear()
        self._folder.cleanup()

    def add(self, table: Table, batch: pa.RecordBatch) -> None:
        """Append rows of a table.

        Raises:
            SpoolError: The temporary folder has no room for them.
        """
        with _refusals_named():
            if table.name not in self._writers:
                self._writers[table.name] = pa.ipc.new_stream(str(self._file(table)), table.arrow_schema)
                self._days[table.name] = Counter()
                self._previews[table.name] = {}
            self._writers[table.name].write_batch(batch)
        days = batch.column(table.day)
        for counted in pc.value_counts(days):
            day = counted["values"].as_py()
            self._days[table.name][day] += counted["counts"].as_py()
            preview = self._previews[table.name].setdefault(day, [])
            if len(preview) < PREVIEW_ROWS:
                of_day = batch.filter(pc.equal(days, counted["values"]))
                preview.extend(of_day.slice(0, PREVIEW_ROWS - len(preview)).to_pylist())

    @contextmanager
    def batches(self, table: Table) -> Generator[pa.RecordBatchReader]:
        """Read the rows of a table back, batch by batch. Nothing can be added to it any more."""
        writer = self._writers.get(table.name)
        if writer is None:
            yield pa.RecordBatchReader.from_batches(table.arrow_schema, [])
            return
        with _refusals_named():
            writer.close()
        with pa.OSFile(str(self._file(table))) as file, pa.ipc.open_stream(file) as reader:
            yield reader

    def rows(self, table: Table) -> int:
        """How many rows there are of a table."""
        return sum(self.days(table).values())

    def days(self, table: Table) -> Counter[date]:
        """How many rows there are of a table for each day."""
        return self._days.get(table.name, Counter())

    def previews(self, table: Table) -> Mapping[date, Sequence[dict[str, Any]]]:
        """The first rows of a table for each day."""
        return self._previews.get(table.name, {})

    def _file(self, table: Table) -> Path:
        return Path(self._folder.name) / f"{table.name}.arrows"
