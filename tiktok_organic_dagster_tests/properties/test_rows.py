"""Answers of any content become rows that can be stored, and everything that was changed or left out is counted."""

import math
import uuid
from collections import Counter
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiktok_organic_dagster.findings import Findings, Kind
from tiktok_organic_dagster.tables import CATALOGUE, Writing
from tiktok_organic_dagster.tables.model import ColumnType, Entry, Field, Label
from tiktok_organic_dagster.tables.own import OWN_TABLES
from tiktok_organic_dagster.tables.rows import KEY_BYTES, rows_of
from tiktok_organic_dagster.validation import validated
from tiktok_organic_dagster.warehouse import Spool
from tiktok_organic_dagster.warehouse.writing import fill_days, latest_state, replace_day
from tiktok_organic_dagster_tests.properties.json_values import JSON, LIKELY
from tiktok_organic_dagster_tests.unit.warehouse.rows import stored_rows, warehouse_at

TODAY = date(2026, 11, 23)
LOADED_AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
EACH_TABLE = pytest.mark.parametrize("table", CATALOGUE, ids=lambda table: table.name)


def labels_of(count, business_id="b"):
    return {
        "business_id": business_id,
        "username": "an\ud83da",
        "read_date": TODAY,
        "loaded_at": LOADED_AT,
        "video_id": [str(number % 2) for number in range(count)],
        "thumbnail_url": [None, "", "https://t/"][:1] * count,
    }


def values_of(column):
    likely = LIKELY[column.type]
    return likely | JSON if column.type is ColumnType.TEXT else likely | likely | JSON


def objects_with(columns):
    return st.fixed_dictionaries({}, optional={column.source.name: values_of(column) for column in columns})


def answers_for(table):
    """Lists of objects with anything in the fields that the table is made from."""
    objects = objects_with([column for column in table.columns if isinstance(column.source, Field)])
    if table.entries is not None:
        entries = objects_with([column for column in table.columns if isinstance(column.source, Entry)])
        listed = st.lists(entries | entries | JSON, max_size=4) | JSON
        objects = st.tuples(objects, listed).map(lambda both: {**both[0], table.entries.name: both[1]})
    return st.lists(objects, max_size=5)


def values_sent(table, column, objects):
    """What was sent for a column, a value for each row."""
    if table.entries is None:
        return [item.get(column.source.name) for item in objects]
    listed = [(item, entry) for item in objects for entry in _entries(table, item) if isinstance(entry, dict)]
    return [(entry if isinstance(column.source, Entry) else item).get(column.source.name) for item, entry in listed]


def _entries(table, item):
    listed = item.get(table.entries.name)
    return listed if isinstance(listed, list) else []


def counted(findings):
    return Counter({(found.column, found.kind): found.count for found in findings})


def mended(text):
    return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text if char != "\0")


def as_sent(column, stored, sent):
    """Whether a stored value says what was sent."""
    match column.type:
        case ColumnType.TEXT:
            text = str(sent) if isinstance(sent, int) and not isinstance(sent, bool) else sent
            return stored == mended(text.removeprefix("@") if column.is_username else text)
        case ColumnType.FLOAT:
            return math.isfinite(stored) and stored == float(sent) and not isinstance(sent, bool)
        case ColumnType.TIMESTAMP:
            return stored.timestamp() == pytest.approx(float(sent), abs=1e-6) and not isinstance(sent, bool)
        case ColumnType.DATE:
            return sent.startswith(stored.isoformat())
        case ColumnType.BOOLEAN:
            return stored is (str(sent).lower() in {"true", "1", "1.0"})


@EACH_TABLE
@given(data=st.data())
@settings(max_examples=max(5, settings.default.max_examples // 6))
def test_what_is_stored_is_what_was_sent_or_null_and_counted(table, data):
    objects = data.draw(answers_for(table))
    findings = Findings()

    batch = rows_of(table, objects, labels_of(len(objects)), findings)

    assert batch.schema.equals(table.arrow_schema)
    batch.validate(full=True)
    found = counted(findings)
    for column in table.columns:
        if isinstance(column.source, Label):
            continue
        sent, stored = values_sent(table, column, objects), batch.column(column.name).to_pylist()
        assert len(stored) == len(sent)
        for was, value in zip(sent, stored, strict=True):
            assert value is None or as_sent(column, value, was), (column.name, was, value)
        empty = [None] if column.type is ColumnType.TEXT else [None, ""]
        absent = sum(any(was is each or (was == each and isinstance(was, str)) for each in empty) for was in sent)
        if isinstance(column.source, Entry) or table.entries is None:
            assert found[column.name, Kind.UNREADABLE] == stored.count(None) - absent, column.name
        if column.type is ColumnType.TEXT and (isinstance(column.source, Entry) or table.entries is None):
            changed = sum(isinstance(was, str) and mended(was) != was for was in sent)
            assert found[column.name, Kind.MENDED_TEXT] == changed
    assert {kind for _, kind in found} <= {Kind.UNREADABLE, Kind.MENDED_TEXT, Kind.NEW_FIELD}
    for finding in findings:
        assert str(finding).encode()


@EACH_TABLE
@given(data=st.data())
@settings(max_examples=max(5, settings.default.max_examples // 6))
def test_what_validation_lets_through_has_keys_that_are_there_once_and_the_rest_is_counted(table, data):
    objects = data.draw(answers_for(table))
    batch = rows_of(table, objects, labels_of(len(objects)), Findings())
    findings = Findings()

    rows = validated(table, batch, findings)

    assert rows.schema.equals(batch.schema)
    found = counted(findings)
    keys = [tuple(row[name] for name in table.key) for row in rows.to_pylist()]
    assert all(value is not None for key in keys for value in key)
    assert len(keys) == len(set(keys))
    assert all(len(value.encode()) <= KEY_BYTES for key in keys for value in key if isinstance(value, str))
    assert all(row[column.name] != "" for row in rows.to_pylist() for column in table.columns if column.identifier)

    first_of: dict[tuple[object, ...], dict[str, object]] = {}
    for row in batch.to_pylist():
        key = tuple(row[name] for name in table.key)
        if None not in key:
            first_of.setdefault(key, row)
    assert rows.to_pylist() == list(first_of.values())
    left_out = sum(count for (_, kind), count in found.items() if kind in {Kind.REJECTED, Kind.DUPLICATE})
    assert left_out == batch.num_rows - rows.num_rows
    for column in table.columns:
        values = [value for value in batch.column(column.name).to_pylist() if value is not None]
        low, high = column.minimum, column.maximum
        outside = sum((low is not None and value < low) + (high is not None and value > high) for value in values)
        assert found[column.name, Kind.OUT_OF_BOUNDS] == outside
        unknown = sum(bool(column.values) and value not in column.values for value in values)
        assert found[column.name, Kind.UNKNOWN_VALUE] == unknown


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def session(request, tmp_path_factory):
    """A warehouse of each kind, for examples that each take an account of their own."""
    if request.param == "duckdb":
        url = f"duckdb:///{tmp_path_factory.mktemp('rows') / 'warehouse.duckdb'}"
    else:
        url = request.getfixturevalue("new_postgres_database")()
    with warehouse_at(url).session() as session:
        session.prepare([*CATALOGUE, *OWN_TABLES])
        yield session


def write(session, table, rows, business_id):
    with Spool() as spool, session.transaction("x"):
        spool.add(table, rows)
        match table.writing:
            case Writing.REPLACE_DAY:
                replace_day(session, table, spool, business_id, TODAY)
            case Writing.FILL_DAYS:
                fill_days(session, table, spool, business_id)
            case Writing.LATEST_STATE:
                with session.staged(table, spool) as stage:
                    latest_state(session, table, stage, business_id, now=LOADED_AT)


@given(data=st.data())
@settings(max_examples=max(6, settings.default.max_examples // 5))
def test_what_validation_lets_through_can_be_written_and_comes_back_as_it_was(session, data):
    table = data.draw(st.sampled_from(CATALOGUE))
    objects = data.draw(answers_for(table))
    business_id = uuid.uuid4().hex
    batch = rows_of(table, objects, labels_of(len(objects), business_id), Findings())
    rows = validated(table, batch, Findings())

    write(session, table, rows, business_id)

    found = [row for row in stored_rows(session, table) if row[table.column_names.index("_business_id")] == business_id]
    assert found == sorted((tuple(row.values()) for row in rows.to_pylist()), key=repr)
