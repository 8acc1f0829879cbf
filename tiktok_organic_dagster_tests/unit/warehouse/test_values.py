"""DuckDB and PostgreSQL give the same rows back, to the last bit."""

import os
import subprocess
import sys
from datetime import UTC, date, datetime

import pytest

from tiktok_organic_dagster.tables import ACCOUNT_METRICS, CATALOGUE, COMMENTS, VIDEOS
from tiktok_organic_dagster_tests.unit.warehouse.rows import (
    THREE,
    a_comment,
    a_metric,
    a_row,
    a_video,
    stored_rows,
    warehouse_at,
    write_comments,
    write_day,
    write_metrics,
)

IMPRESSIONS = next(table for table in CATALOGUE if table.name == "tiktok_organic_videos_impression_sources")

TEXTS = [
    "", " ", "plain", 'say "hi"', "it's", "a,b;c\td", "line\nline", "line\r\nline", "\n", "\\", "\\N", "\\.",
    "x\n\\.\ny", "\\n", "NULL", "null", '"', '""', "'", ",", "{}", "%s %% %(x)s ?", "é ẽ ñ ß 漢字", "👩‍👩‍👧‍👦🏳️‍🌈",
    "\u202eمرحبا\u202c שלום", "\ufeffbom", "\x01\x1f\x7f", "\u2028\u2029", "ä" * 10_000, 'a"\n,\\N' * 2_000, None,
]  # fmt: skip
FLOATS = [
    0.0, -0.0, 0.1, 0.1 + 0.2, -1.5, 1e-300, 1e300, 5e-324, 1.7976931348623157e308, float(2**53), float(2**53 - 1),
    1 / 3, 123456789.123456789, None,
]  # fmt: skip
TIMES = [
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2026, 11, 23, 1, 2, 3, 456789, tzinfo=UTC),
    datetime(2026, 11, 23, 1, 2, 3, 1, tzinfo=UTC),
    datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
    datetime(9999, 12, 30, 23, 59, 59, 999999, tzinfo=UTC),
    None,
]
DAYS = [date(1970, 1, 1), date(2028, 2, 29), date(9999, 12, 31)]


@pytest.mark.parametrize("chunk", [1, 10_000])
def test_texts_come_out_as_they_went_in(session, chunk):
    rows = [a_video(str(n), caption=text, share_url=text) for n, text in enumerate(TEXTS)]
    write_day(session, VIDEOS, rows, chunk=chunk)
    expected = sorted(((str(n), text, text) for n, text in enumerate(TEXTS)), key=repr)
    assert stored_rows(session, VIDEOS, "item_id", "caption", "share_url") == expected


def test_an_empty_text_is_not_null(session):
    write_day(session, VIDEOS, [a_video("empty", caption=""), a_video("null", caption=None)])
    table = session.name_of(VIDEOS)
    assert session.query(f"SELECT item_id FROM {table} WHERE caption IS NULL") == [("null",)]
    assert session.query(f"SELECT item_id FROM {table} WHERE caption = ''") == [("empty",)]


def test_texts_of_a_key_are_told_apart_to_the_letter(warehouse):
    kinds = ["", " ", "a", "A", "a ", "é", "e\u0301", "\\N", "NULL", '"', "\n"]
    with warehouse.session() as session:
        session.prepare([IMPRESSIONS])
        rows = [
            a_row(IMPRESSIONS, item_id="1", metric_date=THREE, impression_sources_impression_source=kind)
            for kind in kinds
        ]
        write_day(session, IMPRESSIONS, rows)
        found = stored_rows(session, IMPRESSIONS, "impression_sources_impression_source")
        assert found == sorted(((kind,) for kind in kinds), key=repr)


def test_numbers_come_out_to_the_last_bit(session):
    write_day(session, VIDEOS, [a_video(str(n), likes=number) for n, number in enumerate(FLOATS)])
    found = {item_id: repr(likes) for item_id, likes in stored_rows(session, VIDEOS, "item_id", "likes")}
    assert found == {str(n): repr(number) for n, number in enumerate(FLOATS)}


def test_times_come_out_to_the_microsecond(session):
    write_day(session, VIDEOS, [a_video(str(n), create_time=moment) for n, moment in enumerate(TIMES)])
    assert dict(stored_rows(session, VIDEOS, "item_id", "create_time")) == {
        str(n): time for n, time in enumerate(TIMES)
    }


def test_days_come_out_as_they_went_in(session):
    write_metrics(session, ACCOUNT_METRICS, [a_metric(day) for day in DAYS])
    assert stored_rows(session, ACCOUNT_METRICS, "metric_date") == [(day,) for day in DAYS]


def test_yes_no_and_unknown_come_out_as_they_went_in(session):
    rows = [a_comment("1", str(n), liked=value) for n, value in enumerate([True, False, None])]
    write_comments(session, rows)
    assert stored_rows(session, COMMENTS, "comment_id", "liked") == [("0", True), ("1", False), ("2", None)]


def test_times_are_read_in_utc_from_postgresql_wherever_the_machine_stands(empty_postgres, monkeypatch):
    """What is decided by the day of a time may not depend on the machine's time zone."""
    monkeypatch.setenv("PGTZ", "Asia/Tokyo")
    with warehouse_at(empty_postgres).session() as session:
        found = session.query("SELECT TIMESTAMPTZ '2026-11-22 20:00:00+00'")[0][0]
    assert found.isoformat() == "2026-11-22T20:00:00+00:00"


def test_times_are_read_in_utc_from_duckdb_wherever_the_machine_stands(tmp_path):
    code = (
        "import pathlib, sys\n"
        "from tiktok_organic_dagster.warehouse.duckdb import DuckDBWarehouse\n"
        "with DuckDBWarehouse(pathlib.Path(sys.argv[1])).session() as session:\n"
        "    print(session.query(\"SELECT TIMESTAMPTZ '2026-11-22 20:00:00+00'\")[0][0].isoformat())\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "w.duckdb")],
        env={**os.environ, "TZ": "Asia/Tokyo"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert result.stdout.strip() == "2026-11-22T20:00:00+00:00"
