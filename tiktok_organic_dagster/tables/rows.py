"""Objects of an API answer -> the rows of a table, as an Arrow batch in the catalogue's columns."""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import pyarrow as pa
import pyarrow.compute

from tiktok_organic_dagster.findings import Findings, Kind
from tiktok_organic_dagster.tables.conversion import Converted, convert
from tiktok_organic_dagster.tables.known_fields import note_new_fields
from tiktok_organic_dagster.tables.model import Column, ColumnType, Entry, Field, Label, Table

pc: Any = pyarrow.compute  # its functions are made when it is imported, so they have no types

JsonObject = Mapping[str, Any]

NOT_SHOWN = "not shown: personal data"

KEY_BYTES = 1_000
"""The longest text in a key, in UTF-8. PostgreSQL indexes 2,700 bytes at most, all columns of a key together."""


class Values:
    """The values of a table's columns as answers hold them, on their way to rows.

    Objects are gathered answer by answer, as they take several times the memory of their values; columns are converted
    for many objects at once, which is what makes it fast.

    Args:
        table: The table to fill.
        findings: Where unreadable values, mended texts and unknown fields are counted.
    """

    def __init__(self, table: Table, findings: Findings) -> None:
        self._table = table
        self._findings = findings
        self._objects = 0
        self._parents: list[int] = []
        self._values: dict[str, list[Any]] = {
            column.name: [] for column in table.columns if not isinstance(column.source, Label)
        }

    def add(self, objects: Sequence[JsonObject]) -> None:
        """Gather the values of objects of an answer.

        Args:
            objects: Profiles, metric days, videos or comments. A table with `entries` gets a row for each entry of
                theirs.
        """
        listed = objects if self._table.entries is None else self._entries(self._table.entries, objects)
        note_new_fields(self._table, listed, self._findings)
        for column in self._table.columns:
            match column.source:
                case Entry(name):
                    self._values[column.name] += _all(name, listed)
                case Field(name):
                    self._values[column.name] += _all(name, objects)
                case Label():
                    pass
        self._objects += len(objects)

    def _entries(self, field: Field, objects: Sequence[JsonObject]) -> list[JsonObject]:
        """The entries of all objects in one list; it is kept which object each of them belongs to."""
        entries: list[JsonObject] = []
        unreadable: list[Any] = []
        for number, item in enumerate(objects, self._objects):
            listed = item.get(field.name)
            if listed is None:
                continue
            if not isinstance(listed, list):
                unreadable.append(listed)
                continue
            if not set(map(type, listed)) <= {dict}:
                unreadable += [entry for entry in listed if not isinstance(entry, dict)]
                listed = [entry for entry in listed if isinstance(entry, dict)]
            entries += listed
            self._parents += [number] * len(listed)
        if unreadable:
            self._findings.add(self._table.name, field.name, Kind.UNREADABLE, len(unreadable), unreadable[0])
        return entries

    def rows(self, labels: Mapping[str, Any]) -> pa.RecordBatch:
        """Make rows of what was gathered.

        Args:
            labels: What the reading knows of itself, by the name of the `Label`. A list is one value per object.

        Returns:
            A batch with exactly the table's columns, in order.
        """
        parents = None if self._table.entries is None else pa.array(self._parents, pa.int64())
        length = self._objects if parents is None else len(parents)
        arrays: list[pa.Array] = []
        for column in self._table.columns:
            if isinstance(column.source, Label):
                array = _labelled(column, labels.get(column.source.name), length, parents)
            else:
                array = _read(self._table, column, self._values[column.name], self._findings)
                if parents is not None and isinstance(column.source, Field):
                    array = array.take(parents)
            arrays.append(array)
        return pa.RecordBatch.from_arrays(arrays, schema=self._table.arrow_schema)


def _all(name: str, objects: Sequence[JsonObject]) -> list[Any]:
    """What each object has under a name; None if it has nothing."""
    try:
        return list(map(itemgetter(name), objects))
    except KeyError:
        return [item.get(name) for item in objects]


def rows_of(
    table: Table, objects: Sequence[JsonObject], labels: Mapping[str, Any], findings: Findings
) -> pa.RecordBatch:
    """Turn objects of one answer into rows, see `Values`."""
    values = Values(table, findings)
    values.add(objects)
    return values.rows(labels)


def _read(table: Table, column: Column, values: list[Any], findings: Findings) -> pa.Array:
    if column.is_username:
        values = [value.removeprefix("@") if isinstance(value, str) else value for value in values]
    converted: Converted = convert(column.type, values)
    if column.name in table.key and column.type is ColumnType.TEXT:
        _refuse_as_key(column, values, converted)
    if column.name in table.key and column.type is ColumnType.FLOAT:
        converted.array = pc.add(converted.array, 0.0)  # turns -0.0 into 0.0: for a database they are the same key
    for kind, found in ((Kind.UNREADABLE, converted.unreadable), (Kind.MENDED_TEXT, converted.mended)):
        if found:
            findings.add(table.name, column.name, kind, len(found), NOT_SHOWN if column.personal else found[0])
    return converted.array


def _refuse_as_key(column: Column, values: list[Any], converted: Converted) -> None:
    """A text that is too long for a database's index becomes NULL, and so does an empty id."""
    lengths = pc.binary_length(converted.array)
    bounds = pc.min_max(lengths).as_py()
    shortest = 1 if column.identifier else 0
    if bounds["min"] is None or shortest <= bounds["min"] <= bounds["max"] <= KEY_BYTES:
        return
    refused = pc.or_(pc.greater(lengths, KEY_BYTES), pc.less(lengths, shortest))
    converted.unreadable.extend(value for value, no in zip(values, refused.to_pylist(), strict=True) if no)
    converted.array = pc.if_else(refused, None, converted.array)


def _labelled(column: Column, label: Any, length: int, parents: pa.Array | None) -> pa.Array:  # noqa: ANN401
    if isinstance(label, list):
        array = pa.array(label, column.type.arrow)
        return array if parents is None else array.take(parents)
    if column.type is ColumnType.TEXT and label is not None:
        label = convert(ColumnType.TEXT, [label]).array[0].as_py()
    return pa.repeat(pa.scalar(label, column.type.arrow), length)


def objects_of(table: Table, answer: Sequence[JsonObject], identifier: str, findings: Findings) -> list[JsonObject]:
    """The objects of one answer, each id once: the first is kept, the others are counted.

    Args:
        table: The table whose rows the objects are.
        answer: A list as it came.
        identifier: The field that tells the objects of this answer apart.
        findings: Where it is counted.
    """
    objects: dict[Any, JsonObject] = {}
    for number, item in enumerate(answer):
        name = item.get(identifier)
        is_id = isinstance(name, str | int) and not isinstance(name, bool) and name != ""
        place = name if is_id else (number,)  # no id: told apart by its place
        if place in objects:
            findings.add(table.name, identifier, Kind.DUPLICATE, 1, name)
        else:
            objects[place] = item
    return list(objects.values())
