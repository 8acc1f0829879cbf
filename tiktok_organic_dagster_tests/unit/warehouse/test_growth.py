"""What a reading asks of the warehouse does not grow with the history: by the plan, or by the number of statements."""

from datetime import timedelta

import pytest

from tiktok_organic_dagster.quality import RULES
from tiktok_organic_dagster.quality.videos import COUNTERS_OF_VIDEOS, KEPT
from tiktok_organic_dagster.readings.base import Moment
from tiktok_organic_dagster.readings.comment_refresh import Refresh
from tiktok_organic_dagster.readings.comments import AllCommentsReading, CommentsReading
from tiktok_organic_dagster.tables import (
    ACCOUNT,
    ACCOUNT_METRICS,
    AUDIENCE_ACTIVITY,
    COMMENT_TABLES,
    COMMENTS,
    VIDEO_TABLES,
    VIDEOS,
)
from tiktok_organic_dagster.tables.own import READINGS
from tiktok_organic_dagster.warehouse import prepare_warehouse
from tiktok_organic_dagster.warehouse.bookkeeping import record_readings
from tiktok_organic_dagster.warehouse.known_comments import comments_read_on, write_comment_reads
from tiktok_organic_dagster_tests.unit.warehouse.rows import (
    LONG_AGO,
    NOON,
    ONE,
    THREE,
    TWO,
    a_metric,
    a_row,
    a_video,
    an_account,
    warehouse_at,
    write_day,
    write_metrics,
)

ACCOUNTS, DAYS = 60, 150
FULL_SCAN = "Seq Scan on tiktok_organic", "Seq Scan on _readings"


def _insert(session, table, values, sources):
    session.execute(
        f"INSERT INTO {session.name_of(table)} ({', '.join(values)}) SELECT {', '.join(values.values())} FROM {sources}"
    )


def _fill(session):
    """A history of many accounts and days."""
    accounts, days = f"generate_series(0, {ACCOUNTS - 1}) AS a (n)", f"generate_series({DAYS}, 0, -1) AS d (n)"
    both = f"{days} CROSS JOIN {accounts}"
    day = f"(DATE '{THREE}' - CAST(d.n AS INTEGER))"
    known = {"_business_id": "'b' || a.n", "_loaded_at": day}
    daily = {**known, "metric_date": day, "video_creator_username": "'name'"}
    _insert(session, ACCOUNT, {**daily, "videos_count": "2"}, both)
    _insert(session, ACCOUNT_METRICS, {**daily, "likes": "2"}, both)
    hours = f"{both} CROSS JOIN generate_series(0, 3) AS h (n)"
    _insert(session, AUDIENCE_ACTIVITY, {**daily, "audience_activity_hour": "h.n"}, hours)
    posts = f"{both} CROSS JOIN generate_series(0, 2) AS v (n)"
    ids = {"create_time": "DATE '2026-06-01'", "item_id": "'v' || v.n"}
    counters = dict.fromkeys(("comments", "likes", "shares", "favorites", "video_views"), "9")
    _insert(session, VIDEOS, {**daily, **ids, **counters}, posts)
    tables = ", ".join(f"('{table.name}')" for table in (*VIDEO_TABLES, COMMENTS, ACCOUNT))
    read = {"_business_id": "'b' || a.n", "table_name": "t.name", "read_date": day, "read_at": day, "rows": "3"}
    _insert(session, READINGS, {**read, "complete": "true"}, f"{both} CROSS JOIN (VALUES {tables}) AS t (name)")
    comments = {**known, "video_id": "'v' || v.n", "comment_id": "'c' || d.n", "_read_date": day, "create_time": day}
    _insert(session, COMMENTS, comments, posts)


def _plans(session, statements, explain="EXPLAIN"):
    """How the database carries out what was asked or changed."""
    of_rows = [(sql, values) for sql, values in statements if sql.startswith(("SELECT", "WITH", "DELETE", "UPDATE"))]
    assert of_rows
    return {
        sql: "\n".join(str(row[-1]) for row in session.query(f"{explain} {sql}", *values)) for sql, values in of_rows
    }


@pytest.fixture
def long_history(empty_postgres):
    """PostgreSQL with many days."""
    with warehouse_at(empty_postgres).session() as session:
        prepare_warehouse(session)
        _fill(session)
        session.execute("ANALYZE")
        yield session


def test_what_is_looked_up_before_a_reading_is_found_by_keys(long_history, store, statements, reading):
    accounts = [an_account(number) for number in range(5)]
    sent = statements(long_history)
    reading.prepare(long_history, accounts, store)
    plans = _plans(long_history, sent)
    assert any("tiktok_organic_account_pkey" in plan for plan in plans.values())
    assert not {sql: plan for sql, plan in plans.items() if any(scan in plan for scan in FULL_SCAN)}


def test_what_is_written_is_compared_with_rows_that_are_found_by_keys(long_history, statements):
    hours = [a_row(AUDIENCE_ACTIVITY, metric_date=day, audience_activity_hour=h, _business_id="b7", _loaded_at=NOON)
             for day in (ONE, TWO) for h in (0.0, 1.0)]  # fmt: skip
    sent = statements(long_history)
    write_metrics(long_history, AUDIENCE_ACTIVITY, hours, "b7")
    write_metrics(long_history, ACCOUNT_METRICS, [a_metric(ONE, "b7"), a_metric(TWO, "b7")], "b7")
    write_day(long_history, VIDEOS, [a_video("v1", business_id="b7")], business_id="b7")
    staged = [(sql, values) for sql, values in sent if "_stage_" not in sql]
    plans = _plans(long_history, staged)
    assert not {sql: plan for sql, plan in plans.items() if any(scan in plan for scan in FULL_SCAN)}
    for table in (AUDIENCE_ACTIVITY, ACCOUNT_METRICS):
        joined = [
            values for sql, values in sent if "_stage_" in sql and "NOT EXISTS" in sql and f'"{table.name}"' in sql
        ]
        assert joined == [("b7", ONE, TWO)]  # no other day and no other account is looked at


def test_the_rules_look_at_new_readings_by_the_index_of_their_days(long_history, statements):
    sent = statements(long_history)
    for rule in RULES:
        rule.look(long_history, THREE)
    plans = _plans(long_history, sent)
    assert len(plans) == len(RULES)
    assert not [sql for sql, plan in plans.items() if "Seq Scan on _readings" in plan]


def test_the_comments_read_on_a_day_are_counted_by_an_index(long_history, statements):
    sent = statements(long_history)
    assert comments_read_on(long_history, "b7", TWO) == 3
    [plan] = _plans(long_history, sent).values()
    assert "tiktok_organic_videos_comments_by__business_id__read_date" in plan


def test_tables_that_were_made_without_an_index_get_it_once(empty_postgres):
    def indexes():
        return session.query("SELECT indexname FROM pg_indexes WHERE indexname LIKE '%by%' ORDER BY indexname")

    with warehouse_at(empty_postgres).session() as session:
        prepare_warehouse(session)
        made = indexes()
        assert [name for (name,) in made] == [
            "_readings_by_table_name_read_date",
            "tiktok_organic_videos_comments_by__business_id__read_date",
        ]
        for (name,) in made:
            session.execute(f'DROP INDEX "{name}"')
        prepare_warehouse(session)
        prepare_warehouse(session)
        assert indexes() == made


def test_duckdb_reads_no_rows_of_old_days_for_the_rules(tmp_path, statements):
    """Of the rules on videos; that on their count goes back by years."""
    with warehouse_at(f"duckdb:///{tmp_path / 'warehouse.duckdb'}").session() as session:
        prepare_warehouse(session)
        _fill(session)
        sent = statements(session)
        for rule in (KEPT, COUNTERS_OF_VIDEOS):
            rule.look(session, THREE)
        plans = _plans(session, sent, "EXPLAIN (FORMAT json)").values()
    assert [plan.count(f"(metric_date >= '{THREE - timedelta(days=30)}'::DATE)") for plan in plans] == [2, 2]


def test_what_is_known_of_comments_is_written_in_few_statements_however_many_videos(session, statements):
    sent = statements(session)

    def number(videos):
        sent.clear()
        write_comment_reads(
            session, "b", {f"v{each}": (NOON, 1.0, NOON, None, 0.0) for each in range(videos)}, now=NOON
        )
        return len(sent)

    assert number(2) == number(50) == 3


@pytest.fixture
def read_for_days(session, store):
    """An account with a post that left at each turn; comments were read completely on the second of three days."""
    prepare_warehouse(session)
    for day, ids in ((ONE, ("refused", "lately", "before", "stays")), (TWO, ("left", "stays")), (THREE, ("stays",))):
        write_day(session, VIDEOS, [a_video(each, day, comments=3.0, create_time=LONG_AGO) for each in ids], day=day)
        with session.transaction("x"):
            record_readings(session, "b", [(VIDEOS, len(ids))], read_date=day, read_at=NOON)
            record_readings(session, "b", [(COMMENTS, 0)], read_date=day, read_at=NOON, complete=day == TWO)
    refused = {"refused": NOON - timedelta(days=8), "lately": NOON - timedelta(days=1)}
    write_comment_reads(session, "b", {each: (None, None, None, at, 0.0) for each, at in refused.items()}, now=NOON)

    def planned(reading):
        reading.prepare(session, [an_account("")], store)
        return {video.video_id: how for video, how in reading._plans["b"].tasks}  # noqa: SLF001

    return planned


def test_posts_that_left_are_looked_for_since_the_last_complete_reading_and_where_tiktok_refused(read_for_days):
    moment = Moment(THREE, lambda: NOON)
    assert read_for_days(CommentsReading(COMMENT_TABLES, moment, None)) == dict.fromkeys(
        ("stays", "left", "refused"), Refresh.FULL
    )
    assert set(read_for_days(AllCommentsReading(COMMENT_TABLES, moment))) == {
        "stays", "left", "refused", "lately", "before",
    }  # fmt: skip


def test_without_a_complete_reading_all_of_the_history_is_looked_through(session, read_for_days):
    session.execute(f"DELETE FROM {session.name_of(READINGS)} WHERE table_name = ?", COMMENTS.name)
    found = read_for_days(CommentsReading(COMMENT_TABLES, Moment(THREE, lambda: NOON), None))
    assert set(found) == {"stays", "left", "refused", "before"}
