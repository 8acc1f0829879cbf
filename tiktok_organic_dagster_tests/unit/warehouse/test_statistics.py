"""What PostgreSQL plans by is counted anew after a large load, which never fails for it."""

import pytest

from tiktok_organic_dagster.tables import AUDIENCE_GENDERS, VIDEOS
from tiktok_organic_dagster_tests.unit.warehouse.rows import (
    THREE,
    TWO,
    a_row,
    a_video,
    tables_counted,
    warehouse_at,
    write_day,
)

POSTS = 1_200


@pytest.fixture
def posts(empty_postgres):
    """A warehouse with two tables of the same posts, and how many rows each has."""
    warehouse = warehouse_at(empty_postgres)
    with warehouse.session() as session:
        session.prepare([VIDEOS, AUDIENCE_GENDERS])
        for table in (VIDEOS, AUDIENCE_GENDERS):  # or it may come in the middle of a test
            session.execute(f"ALTER TABLE {session.name_of(table)} SET (autovacuum_enabled = off)")
        for day in (TWO, THREE):
            write_posts(session, day)
    return warehouse, {VIDEOS.name: POSTS, AUDIENCE_GENDERS.name: POSTS}


def write_posts(session, day):
    ids = [str(number) for number in range(POSTS)]
    write_day(session, VIDEOS, [a_video(item_id, day) for item_id in ids], day)
    parts = [
        a_row(AUDIENCE_GENDERS, item_id=item_id, metric_date=day, audience_genders_gender="Female") for item_id in ids
    ]
    write_day(session, AUDIENCE_GENDERS, parts, day)


def joined(session, day):
    """How the two tables are joined for a day, as PostgreSQL plans it."""
    ((plan,),) = session.query(
        f"EXPLAIN (FORMAT json) SELECT * FROM {session.name_of(VIDEOS)} AS v "
        f"JOIN {session.name_of(AUDIENCE_GENDERS)} AS g USING (_business_id, metric_date, item_id) "
        "WHERE v._business_id = ? AND v.metric_date = ?",
        "b",
        day,
    )
    return plan[0]["Plan"]["Node Type"]


def test_tables_of_a_large_load_are_joined_by_a_plan_that_knows_their_size(posts):
    warehouse, rows = posts
    with warehouse.session() as session:
        assert joined(session, THREE) == "Nested Loop"
        warehouse.refresh_statistics(rows)
        assert joined(session, THREE) == "Hash Join"


def test_only_tables_that_many_rows_were_written_to_are_counted(posts):
    warehouse, rows = posts
    warehouse.refresh_statistics({**rows, VIDEOS.name: 999})
    with warehouse.session() as session:
        assert tables_counted(session) == {AUDIENCE_GENDERS.name}


def test_a_table_that_is_being_looked_after_is_passed_over(posts):
    warehouse, rows = posts
    with warehouse.session() as session, session.transaction("of this test"):
        session.execute(f"LOCK TABLE {session.name_of(VIDEOS)} IN SHARE UPDATE EXCLUSIVE MODE")
        warehouse.refresh_statistics(rows)
        assert tables_counted(session) == {AUDIENCE_GENDERS.name}


def test_a_server_that_is_gone_is_no_error():
    warehouse_at("postgresql://me@127.0.0.1:9/db").refresh_statistics({VIDEOS.name: POSTS})
