"""Rows on their way to the warehouse: what goes in comes out, and nothing stays behind."""

import os
import tempfile
from collections import Counter
from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from tiktok_organic_dagster.tables import ACCOUNT, COMMENTS, VIDEOS
from tiktok_organic_dagster.warehouse import Spool

ONE, TWO = date(2026, 11, 22), date(2026, 11, 23)


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Where temporary files go."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def _files_open():
    """The numbers of all files that this process has open."""
    return set(os.listdir("/dev/fd"))  # noqa: PTH208 -- its own number is in it


def _batch(table, *rows):
    return pa.RecordBatch.from_pylist(
        [{**dict.fromkeys(table.column_names), **row} for row in rows], schema=table.arrow_schema
    )


def _videos(day, *ids):
    return _batch(VIDEOS, *({"item_id": id_, "metric_date": day} for id_ in ids))


def _read(spool, table):
    with spool.batches(table) as reader:
        return [row for batch in reader for row in batch.to_pylist()]


def test_the_batch_that_was_added_last_comes_back_first():
    with Spool() as spool:
        spool.add(VIDEOS, _videos(ONE, "1", "2"))
        spool.add(VIDEOS, _videos(TWO))
        spool.add(VIDEOS, _videos(TWO, "3"))
        assert [(row["item_id"], row["metric_date"]) for row in _read(spool, VIDEOS)] == [
            ("3", TWO),
            ("1", ONE),
            ("2", ONE),
        ]


def test_values_come_back_as_they_were():
    values = {
        "video_id": "1",
        "comment_id": "",
        "text": 'a\n"b"\\N,😀' + "x" * 10_000,
        "create_time": datetime(2026, 11, 23, 1, 2, 3, 456789, tzinfo=UTC),
        "likes": 0.1,
        "liked": False,
        "_read_date": TWO,
    }  # fmt: skip
    with Spool() as spool:
        spool.add(COMMENTS, _batch(COMMENTS, values))
        assert _read(spool, COMMENTS) == [{**dict.fromkeys(COMMENTS.column_names), **values}]


def test_rows_can_be_read_more_than_once():
    with Spool() as spool:
        spool.add(VIDEOS, _videos(ONE, "1"))
        assert _read(spool, VIDEOS) == _read(spool, VIDEOS)
        assert len(_read(spool, VIDEOS)) == 1


def test_tables_are_kept_apart():
    with Spool() as spool:
        spool.add(VIDEOS, _videos(ONE, "1"))
        spool.add(ACCOUNT, _batch(ACCOUNT, {"metric_date": TWO}))
        assert (spool.rows(VIDEOS), spool.rows(ACCOUNT), spool.rows(COMMENTS)) == (1, 1, 0)
        assert [row["metric_date"] for row in _read(spool, ACCOUNT)] == [TWO]


def test_a_table_without_rows_has_its_columns():
    with Spool() as spool:
        spool.add(VIDEOS, _videos(ONE))
        for table in (VIDEOS, COMMENTS):
            with spool.batches(table) as reader:
                assert reader.schema.equals(table.arrow_schema)
                assert sum(batch.num_rows for batch in reader) == 0
            assert spool.rows(table) == 0
            assert spool.days(table) == Counter()
            assert not spool.previews(table)


def test_rows_are_counted_by_day():
    with Spool() as spool:
        spool.add(VIDEOS, _videos(ONE, "1", "2"))
        spool.add(VIDEOS, _videos(TWO, "1"))
        spool.add(VIDEOS, _videos(ONE, "3"))
        assert spool.days(VIDEOS) == {ONE: 3, TWO: 1}
        assert spool.rows(VIDEOS) == 4


def test_comments_are_counted_by_the_day_they_were_read():
    with Spool() as spool:
        spool.add(COMMENTS, _batch(COMMENTS, {"comment_id": "1", "_read_date": TWO}))
        assert spool.days(COMMENTS) == {TWO: 1}


def test_the_preview_of_a_day_is_its_first_five_rows():
    with Spool() as spool:
        for ids in (("1", "2", "3"), (), ("4", "5", "6"), ("7",)):
            spool.add(VIDEOS, _videos(ONE, *ids))
        spool.add(VIDEOS, _videos(TWO, "8"))
        shown = {day: [row["item_id"] for row in rows] for day, rows in spool.previews(VIDEOS).items()}
        assert shown == {ONE: ["1", "2", "3", "4", "5"], TWO: ["8"]}


def test_the_files_have_no_name_so_that_a_killed_process_leaves_none(temporary):
    with Spool() as spool:
        spool.add(VIDEOS, _videos(ONE, "1"))
        assert list(temporary.iterdir()) == []
        assert len(_read(spool, VIDEOS)) == 1
        assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("is_read", [False, True])
def test_the_files_go_with_it(is_read):
    before = _files_open()
    with Spool() as spool:
        spool.add(VIDEOS, _videos(ONE, "1"))
        assert len(_files_open()) == len(before) + 1
        if is_read:
            _read(spool, VIDEOS)
    assert _files_open() == before


def test_the_files_go_also_when_something_fails():
    before = _files_open()
    with pytest.raises(ZeroDivisionError), Spool() as spool:
        spool.add(VIDEOS, _videos(ONE, "1"))
        _ = 1 / 0
    assert _files_open() == before


def test_closing_it_twice_does_no_harm():
    before = _files_open()
    spool = Spool()
    spool.add(VIDEOS, _videos(ONE, "1"))
    spool.close()
    spool.close()
    assert _files_open() == before


def test_a_batch_of_another_table_is_refused():
    with Spool() as spool:
        spool.add(VIDEOS, _videos(ONE, "1"))
        with pytest.raises(pa.ArrowInvalid):
            spool.add(VIDEOS, _batch(ACCOUNT, {"metric_date": ONE}))
