"""Empty warehouses of each kind, and readings that look up what is known."""

import contextlib
from datetime import timedelta

import psycopg2
import pytest

from tiktok_organic_dagster.accounts import open_accounts
from tiktok_organic_dagster.readings.base import Moment
from tiktok_organic_dagster.readings.comments import CommentsReading
from tiktok_organic_dagster.readings.videos import VideosReading
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.tables import (
    ACCOUNT,
    ACCOUNT_METRICS,
    AUDIENCE_ACTIVITY,
    COMMENT_TABLES,
    COMMENTS,
    VIDEO_TABLES,
    VIDEOS,
)
from tiktok_organic_dagster.tables.own import OWN_TABLES
from tiktok_organic_dagster.warehouse.base import quoted
from tiktok_organic_dagster_tests.unit.warehouse.rows import NOON, THREE, warehouse_at


@pytest.fixture(scope="session")
def made() -> list[str]:
    """The one database of these tests, once it is made."""
    return []


@pytest.fixture
def empty_postgres(made, new_postgres_database):
    """An empty PostgreSQL: one database for all tests here, emptied, as making one takes longer than a test."""
    if not made:
        made.append(new_postgres_database())
    with contextlib.closing(psycopg2.connect(made[0])) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'")
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP SCHEMA {quoted(name)} CASCADE")
        cursor.execute("CREATE SCHEMA public")
    return made[0]


@pytest.fixture(params=["duckdb", "postgres"])
def warehouse_url(request, tmp_path):
    """An empty warehouse of each kind."""
    if request.param == "duckdb":
        return f"duckdb:///{tmp_path / 'warehouse.duckdb'}"
    return request.getfixturevalue("empty_postgres")


@pytest.fixture
def warehouse(warehouse_url):
    """An empty warehouse of each kind."""
    return warehouse_at(warehouse_url)


@pytest.fixture
def session(warehouse):
    """A warehouse of each kind with the tables used here."""
    with warehouse.session() as session:
        session.prepare([ACCOUNT, ACCOUNT_METRICS, AUDIENCE_ACTIVITY, VIDEOS, COMMENTS, *OWN_TABLES])
        yield session


@pytest.fixture
def store(tmp_path):
    """Where commenters are known; nobody is forgotten."""
    return open_accounts(Settings(base=tmp_path, home_folder=tmp_path))


@pytest.fixture(params=["videos", "comments"])
def reading(request):
    """Each reading that looks up what is known before its first call."""
    moment = Moment(THREE, lambda: NOON)
    if request.param == "videos":
        return VideosReading(VIDEO_TABLES, moment)
    return CommentsReading(COMMENT_TABLES, moment, timedelta(minutes=30))


@pytest.fixture
def statements(monkeypatch):
    """Begins to listen to sessions of one kind, and gives every statement they send from then on, with its values."""
    sent = []

    def listen(session):
        for name in ("query", "execute"):
            original = getattr(type(session), name)

            def listening(self, sql, *values, original=original):
                sent.append((sql, values))
                return original(self, sql, *values)

            monkeypatch.setattr(type(session), name, listening)
        return sent

    return listen
