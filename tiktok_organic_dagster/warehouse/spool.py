"""Rows on their way: validated batches in files without a name, so that memory does not grow with an account."""

import tempfile
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from typing import IO, Any, Self

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
    """The rows of one reading, a file for each table. Use it as a context manager: the files go with it.

    The files have no name in the temporary folder, so that they go as well when the process is killed.
    """

    def __init__(self) -> None:
        self._files: dict[str, IO[bytes]] = {}
        self._writers: dict[str, pa.ipc.RecordBatchFileWriter] = {}
        self._days: dict[str, Counter[date]] = {}
        self._previews: dict[str, dict[date, list[dict[str, Any]]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the files."""
        for opened in (*self._writers.values(), *self._files.values()):
            with suppress(OSError):  # no room for the last bytes, which go anyway
                opened.close()
        self._writers.clear()
        self._files.clear()

    def add(self, table: Table, batch: pa.RecordBatch) -> None:
        """Append rows of a table.

        Raises:
            SpoolError: The temporary folder has no room for them.
        """
        with _refusals_named():
            if table.name not in self._writers:
                file = self._files[table.name] = tempfile.TemporaryFile()  # noqa: SIM115 -- closed with the others
                self._writers[table.name] = pa.ipc.new_file(pa.PythonFile(file, "w"), table.arrow_schema)
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

    def take_over(self, table: Table, other: Self) -> None:
        """Append the rows of another spool.

        Raises:
            SpoolError: The temporary folder has no room for them.
        """
        with other.batches(table) as batches:
            for batch in batches:
                self.add(table, batch)

    @contextmanager
    def batches(self, table: Table) -> Generator[pa.RecordBatchReader]:
        """Read the rows of a table back, batch by batch. Nothing can be added to it any more.

        The last batch comes first. TikTok lists the newest first, so the batches are in ascending order of time.
        """
        writer = self._writers.get(table.name)
        if writer is None:
            yield pa.RecordBatchReader.from_batches(table.arrow_schema, [])
            return
        file = self._files[table.name]
        with _refusals_named():
            writer.close()
            file.flush()
        pa.default_memory_pool().release_unused()  # else Arrow keeps it, while the warehouse takes its own
        with pa.ipc.open_file(pa.PythonFile(file, "r")) as stored:
            last_first = (stored.get_batch(number) for number in reversed(range(stored.num_record_batches)))
            yield pa.RecordBatchReader.from_batches(table.arrow_schema, last_first)

    def rows(self, table: Table) -> int:
        """How many rows there are of a table."""
        return sum(self.days(table).values())

    def days(self, table: Table) -> Counter[date]:
        """How many rows there are of a table for each day."""
        return self._days.get(table.name, Counter())

    def previews(self, table: Table) -> Mapping[date, Sequence[dict[str, Any]]]:
        """The first rows of a table for each day."""
        return self._previews.get(table.name, {})
