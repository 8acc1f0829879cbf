"""PostgreSQL: clear errors without secrets, transactions that wait for each other, keys."""

import contextlib
import threading
import time

import psycopg2
import pytest
from sqlalchemy.engine import make_url

from tiktok_organic_dagster.tables import CATALOGUE, COMMENTS, VIDEOS
from tiktok_organic_dagster.warehouse import WarehouseBusyError, WarehouseError
from tiktok_organic_dagster.warehouse.postgres import PostgresWarehouse
from tiktok_organic_dagster.warehouse.writing import replace_day
from tiktok_organic_dagster_tests.databases_that_refuse import PASSWORD, postgres_that_refuses_the_password
from tiktok_organic_dagster_tests.unit.warehouse.rows import (
    THREE,
    a_video,
    spooled,
    stored_rows,
    warehouse_at,
    write_day,
)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hidden@127.0.0.1:9/db?sslmode=disable",
        "postgres://me:hidden@127.0.0.1:9/db",
        "postgresql+psycopg2://me:hidden@127.0.0.1:9/db",
        "postgresql://127.0.0.1:9/db?user=me&password=hidden",
        "postgresql://me:hidden@127.0.0.1:9/db?sslmode=nonsense",
        "postgresql://me:hidden@127.0.0.1:9/db?no_such_option=1",
        "postgresql://me:hidden@127.0.0.1:9/db?sslpassword=hidden",
        "postgresql://me:hid%20den%40hidden@127.0.0.1:9/db",
    ],
)
def test_a_server_that_cannot_be_reached_is_named_without_its_password(url):
    with pytest.raises(WarehouseError) as caught, warehouse_at(url).session():
        pass
    text = str(caught.value)
    assert "127.0.0.1" in text
    assert "TIKTOK_ORGANIC_WAREHOUSE" in text
    assert "hidden" not in text
    assert "hidden" not in warehouse_at(url).place
    assert "\n" not in text


@pytest.mark.parametrize("url", ["postgresql://me:pw@h:hidden/d", "postgresql://me:hidden:x/@h:y/d"])
def test_an_address_that_cannot_be_read_is_refused_without_being_shown(url):
    with pytest.raises(WarehouseError, match="TIKTOK_ORGANIC_WAREHOUSE") as caught:
        warehouse_at(url)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("password", ["hid@hidden", "hid@hidden/x", "hid@hidden?x", "hid@hidden:5432", "@hidden"])
def test_a_password_with_an_unescaped_at_sign_is_refused_without_being_shown(password):
    with pytest.raises(WarehouseError, match=r"TIKTOK_ORGANIC_WAREHOUSE .*@ as %40") as caught:
        warehouse_at(f"postgresql://owner:{password}@127.0.0.1:9/db")
    for part in ("owner", "hid", "127.0.0.1"):
        assert part not in str(caught.value)


@pytest.mark.parametrize("parameter", ["password", "sslpassword", "service", "options", "passfile"])
def test_no_parameter_of_the_address_is_shown(parameter):
    assert warehouse_at(f"postgresql://me:hidden@h:9/db?{parameter}=hidden").place == "postgresql://me:***@h:9/db"


def test_a_wrong_password_is_a_clear_error_that_does_not_show_it():
    with (
        postgres_that_refuses_the_password() as url,
        pytest.raises(WarehouseError, match="password authentication failed") as caught,
        warehouse_at(url).session(),
    ):
        pass
    assert PASSWORD not in str(caught.value)


def test_a_glance_waits_neither_for_a_lock_nor_for_a_long_answer(empty_postgres):
    warehouse = PostgresWarehouse(empty_postgres)
    with warehouse.session() as session:
        session.prepare([VIDEOS])
        with session.transaction("of this test"):
            session.execute(f"LOCK TABLE {session.name_of(VIDEOS)} IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(WarehouseBusyError, match="lock"), warehouse.glance() as other:
                other.query(f"SELECT count(*) FROM {other.name_of(VIDEOS)}")
    with warehouse.glance() as other:
        assert other.query("SHOW statement_timeout") == [("15s",)]
        assert other.query(f"SELECT count(*) FROM {other.name_of(VIDEOS)}") == [(0,)]


def test_ids_have_no_language_and_still_join_a_text_of_somebody_elses_table(empty_postgres):
    with PostgresWarehouse(empty_postgres).session() as session:
        session.prepare(CATALOGUE)
        found = session.query(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = ? AND collation_name = 'C'",
            session.schema,
        )
        assert set(found) == {(t.name, c.name) for t in CATALOGUE for c in t.columns if c.identifier}
        write_day(session, VIDEOS, [a_video("1"), a_video("2")])
        session.execute("CREATE TABLE campaigns (video text, campaign text)")
        session.execute("INSERT INTO campaigns VALUES ('2', 'spring')")
        joined = f"SELECT item_id FROM campaigns JOIN {session.name_of(VIDEOS)} ON video = item_id ORDER BY item_id"
        assert session.query(joined) == [("2",)]


def test_a_database_that_does_not_exist_is_named(empty_postgres):
    url = make_url(empty_postgres).set(database="no_such_database")
    with (
        pytest.raises(WarehouseError, match="no_such_database"),
        warehouse_at(url.render_as_string(hide_password=False)).session(),
    ):
        pass


def test_two_transactions_of_one_name_follow_each_other(empty_postgres):
    warehouse = PostgresWarehouse(empty_postgres)
    seen = []

    def second():
        with warehouse.session() as session, session.transaction("videos:b"):
            seen.extend(stored_rows(session, VIDEOS, "item_id"))

    with warehouse.session() as first, warehouse.session() as observer:
        first.prepare([VIDEOS])
        thread = threading.Thread(target=second)
        with first.transaction("videos:b"):
            thread.start()
            _until(lambda: observer.query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))
            with spooled(VIDEOS, [a_video("1")]) as spool:
                replace_day(first, VIDEOS, spool, "b", THREE)
            assert seen == []
        thread.join(30)
    assert seen == [("1",)]


def test_two_transactions_of_different_names_or_schemas_do_not_wait(empty_postgres):
    url = empty_postgres
    with contextlib.ExitStack() as stack:
        for schema, lock in ((None, "videos:b"), (None, "videos:other"), (None, "account:b"), ("apart", "videos:b")):
            session = stack.enter_context(warehouse_at(url, schema).session())
            session.execute("SET lock_timeout = '2s'")
            stack.enter_context(session.transaction(lock))


def test_a_day_of_a_table_lies_together_in_its_primary_key(empty_postgres):
    with PostgresWarehouse(empty_postgres).session() as session:
        session.prepare([VIDEOS, COMMENTS])
        found = session.query(
            "SELECT table_name, column_name FROM information_schema.key_column_usage WHERE table_schema = ? "
            "ORDER BY table_name, ordinal_position",
            session.schema,
        )
    assert found == [
        (VIDEOS.name, "_business_id"),
        (VIDEOS.name, "metric_date"),
        (VIDEOS.name, "item_id"),
        (COMMENTS.name, "_business_id"),
        (COMMENTS.name, "video_id"),
        (COMMENTS.name, "comment_id"),
    ]


def _until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"


def test_a_server_that_is_gone_without_a_word_is_noticed_after_a_minute_unless_the_address_says_otherwise(
    empty_postgres, monkeypatch
):
    connect, given = psycopg2.connect, []
    monkeypatch.setattr(psycopg2, "connect", lambda dsn, **more: given.append(more) or connect(dsn, **more))
    address = make_url(empty_postgres).update_query_dict({"keepalives_idle": "5"}).render_as_string(hide_password=False)
    for url in (empty_postgres, address):
        with warehouse_at(url).session():
            pass
    minute = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
    assert [{name: value for name, value in more.items() if name in minute} for more in given] == [
        minute,
        {"keepalives_interval": 10, "keepalives_count": 3},
    ]


def test_the_options_in_the_address_hold(empty_postgres):
    with warehouse_at(empty_postgres).session() as session:
        session.execute("CREATE SCHEMA mine")
    url = make_url(empty_postgres).update_query_dict({"options": "-csearch_path=mine"})
    with warehouse_at(url.render_as_string(hide_password=False)).session() as session:
        assert session.schema == "mine"
        assert session.query("SHOW timezone") == [("UTC",)]
