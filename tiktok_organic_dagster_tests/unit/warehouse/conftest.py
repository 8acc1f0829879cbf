"""Empty warehouses of each kind."""

import contextlib

import psycopg2
import pytest

from tiktok_organic_dagster.tables import ACCOUNT, ACCOUNT_METRICS, AUDIENCE_ACTIVITY, COMMENTS, VIDEOS
from tiktok_organic_dagster.tables.own import OWN_TABLES
from tiktok_organic_dagster.warehouse.base import quoted
from tiktok_organic_dagster_tests.unit.warehouse.rows import warehouse_at


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
