"""The state database: its tables, how it is opened, brought up to date and written (SQLite, or PostgreSQL)."""

import errno
import os
import sqlite3
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from tiktok_organic_dagster.errors import MORE_THAN_ONE_AT, ConfigurationError, StateError
from tiktok_organic_dagster.state.versions import STEPS

SCHEMA_VERSION = max(STEPS)
BUSY_TIMEOUT_S = 30  # how long a writer waits for another one's SQLite lock; every transaction here takes milliseconds
CONNECT_TIMEOUT_S = 10
POOL_SIZE = 20  # and as many again for a moment: 22 accounts are read at once, beside the command line and the sensors
SCHEMA_LOCK = 0x7469_6B74_6F6B_6F72  # PostgreSQL advisory lock of whoever makes the tables; any fixed number serves
POSTGRES_SCHEMES = frozenset({"postgresql", "postgres", "postgresql+psycopg2"})
VARIABLE = "TIKTOK_ORGANIC_STATE"

# Instants are epoch seconds in a double: exact to the microsecond, the same in both databases, quick to compare.
metadata = sa.MetaData()

versions = sa.Table("organic_state_version", metadata, sa.Column("version", sa.Integer, primary_key=True))

accounts = sa.Table(
    "organic_state_accounts",
    metadata,
    sa.Column("business_id", sa.Text, primary_key=True),
    sa.Column("username", sa.Text, nullable=False),
    sa.Column("client_id", sa.Text, nullable=False),
    sa.Column("api_url", sa.Text, nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("connected_at", sa.Double, nullable=False),
    sa.Column("authorized_at", sa.Double, nullable=False),
    sa.Column("access_token", sa.Text, nullable=False),  # encrypted
    sa.Column("access_expires_at", sa.Double),
    sa.Column("access_life_s", sa.Double),
    sa.Column("refresh_token", sa.Text, nullable=False),  # encrypted
    sa.Column("refresh_expires_at", sa.Double),
    sa.Column("token_version", sa.Integer, nullable=False),  # rises with every new pair
    sa.Column("lease_owner", sa.Text),
    sa.Column("lease_until", sa.Double, nullable=False),
    sa.Column("needs_authorization", sa.Text),
)

steps = sa.Table(
    "organic_state_steps",
    metadata,
    sa.Column("business_id", sa.Text, primary_key=True),
    sa.Column("step", sa.Text, primary_key=True),
    sa.Column("last_complete", sa.Double),
    sa.Column("last_error", sa.Text),
    sa.Column("last_error_at", sa.Double),
)

calls = sa.Table(
    "organic_state_calls",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("app", sa.Text, nullable=False),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("endpoint", sa.Text, nullable=False),
    sa.Column("sent_at", sa.Double, nullable=False),
    sa.Index("organic_state_calls_app", "app", "sent_at"),
    sa.Index("organic_state_calls_endpoint", "app", "account", "endpoint", "sent_at"),
)

pauses = sa.Table(
    "organic_state_pauses",
    metadata,
    sa.Column("app", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, primary_key=True),  # empty, with the endpoint: the whole app
    sa.Column("endpoint", sa.Text, primary_key=True),
    sa.Column("paused_at", sa.Double, nullable=False),
    sa.Column("paused_until", sa.Double, nullable=False),
    sa.Column("strikes", sa.Integer, nullable=False),
    sa.Column("given_up", sa.Boolean, nullable=False),
    sa.Column("lease_owner", sa.Text),
    sa.Column("lease_until", sa.Double, nullable=False),
)

problems = sa.Table(  # what is wrong now
    "organic_state_problems",
    metadata,
    sa.Column("watch", sa.Text, primary_key=True),  # which sensor looks after it
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, primary_key=True),  # empty: of no single one
    sa.Column("problem", sa.Text, nullable=False),  # the key under which it is told, with others of its kind
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("stage", sa.Text, nullable=False),  # told again when it changes
    sa.Column("since", sa.Double, nullable=False),
)

alerts = sa.Table(  # what each channel was told, and not yet told to be over
    "organic_state_alerts",
    metadata,
    sa.Column("watch", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("opened_at", sa.Double, nullable=False),
    sa.Column("told_at", sa.Double, nullable=False),
)

secrets = sa.Table(  # what no other place may hold
    "organic_state_secrets",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),  # encrypted
)

forgotten = sa.Table(  # whose comments are left out
    "organic_state_forgotten",
    metadata,
    sa.Column("commenter", sa.Text, primary_key=True),  # a keyed hash
    sa.Column("forgotten_at", sa.Double, nullable=False),
)

fields = sa.Table(  # fields of TikTok's that this package does not know, and that were told
    "organic_state_fields",
    metadata,
    sa.Column("place", sa.Text, primary_key=True),  # the table whose rows are made from the objects that have it
    sa.Column("field", sa.Text, primary_key=True),
    sa.Column("told_at", sa.Double, nullable=False),
)


def utc_now() -> datetime:
    """The clock of everything here, unless another one is passed in."""
    return datetime.now(UTC)


def to_epoch(moment: datetime | None) -> float | None:
    """An instant as it is stored."""
    return None if moment is None else moment.timestamp()


def from_epoch(seconds: float | None) -> datetime | None:
    """An instant as it was stored."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def engine(url: str) -> Engine:
    """Open the state database and make its tables if they are not there yet.

    Args:
        url: `sqlite:///<file>` or `postgresql://user:password@host:port/database?sslmode=...`.

    Raises:
        ConfigurationError: The URL is malformed, the database cannot be reached or written, or it was made by a newer
            version of this package. The text never holds a password.
    """
    parsed = _parse(url)
    opened = _sqlite(parsed) if parsed.drivername == "sqlite" else _postgres(parsed)
    try:
        with _errors_named(opened):
            if opened.dialect.name == "sqlite":
                _use_wal(opened)
            _make_tables(opened)
    except StateError as error:
        opened.dispose()
        raise ConfigurationError(str(error)) from None
    return opened


def place(of: Engine) -> str:
    """Where a state database is, for messages: the absolute path of the file, or the URL without its password."""
    if of.dialect.name == "sqlite":
        return str(of.url.database)
    return of.url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)


@contextmanager
def reading(of: Engine) -> Generator[Connection]:
    """One read transaction.

    Raises:
        StateError: The database does not answer.
    """
    with _errors_named(of), of.connect() as connection:
        yield connection


@contextmanager
def writing(of: Engine) -> Generator[Connection]:
    """One write transaction, committed at the end; on SQLite it holds the write lock from its first moment.

    Raises:
        StateError: The database does not answer, or its lock was not free in time.
    """
    with _errors_named(of), of.connect() as connection:
        locked = connection.execution_options(organic_write=True)
        with locked.begin():
            yield locked


def insert_into(connection: Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """An insert in the words of this database, which may say what becomes of a row whose key is there already."""
    return {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[connection.dialect.name](table)


@contextmanager
def _errors_named(of: Engine) -> Generator[None]:
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:  # the latter from preparing a new connection
        raise StateError(
            f"The state database {place(of)} failed: {_reason(error)}. Check {VARIABLE}, that the database can be "
            "reached and that you may write to it."
        ) from error


def _reason(error: Exception) -> str:
    """The first line of what the database said, without the statement and its parameters."""
    text = str(getattr(error, "orig", None) or error).strip()
    return text.splitlines()[0].rstrip(".") if text else type(error).__name__


def _parse(url: str) -> URL:
    if url.partition("://")[0] in POSTGRES_SCHEMES and url.count("@") > 1:
        raise ConfigurationError(f"{VARIABLE} {MORE_THAN_ONE_AT}")
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigurationError(f"{VARIABLE} is not a database URL. {_FORMS}") from None
    if parsed.drivername == "sqlite":
        if parsed.database in {None, "", ":memory:"}:
            raise ConfigurationError(f"{VARIABLE} names no file; an SQLite state must be a file. {_FORMS}")
        return parsed
    if parsed.drivername not in POSTGRES_SCHEMES:
        raise ConfigurationError(f"{VARIABLE} begins with an unknown scheme. {_FORMS}")
    return parsed.set(drivername="postgresql+psycopg2")


_FORMS = "Use sqlite:///path/to/state.db or postgresql://user:password@host:port/database."


def _sqlite(url: URL) -> Engine:
    file = Path(str(url.database)).expanduser().absolute()
    try:
        private_folder(file.parent)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise ConfigurationError(
            f"The state database {file} cannot be written: {error.strerror}. Check {VARIABLE} and TIKTOK_ORGANIC_HOME."
        ) from None
    made = sa.create_engine(
        url.set(database=str(file)),
        pool_size=POOL_SIZE,
        max_overflow=POOL_SIZE,
        connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
    )
    event.listen(made, "connect", _prepare_sqlite)
    event.listen(made, "begin", _begin_sqlite)
    return made


def private_folder(folder: Path) -> None:
    """Make a folder that only its owner can enter, and what lacks above it; one that is there is left as it is.

    Raises:
        OSError: It cannot be made; a file in its place is no directory.
    """
    if not folder.is_dir():
        if folder.parent != folder:
            private_folder(folder.parent)  # whoever may write there could put another folder in its place
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except FileExistsError:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we begin transactions ourselves: the driver's own way begins them too late
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_S * 1000}")
    connection.execute("PRAGMA synchronous = NORMAL")  # safe in WAL mode; no wait for the disk at each commit


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("organic_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _use_wal(of: Engine) -> None:
    """Switch to the write-ahead log, in which readers and a writer do not block each other; it stays so for good."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    raw = of.raw_connection()
    try:
        cursor = raw.cursor()
        while cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            try:
                cursor.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise StateError(str(error)) from None
                time.sleep(0.02)  # another process is switching: SQLite does not wait for that lock by itself
    except sqlite3.DatabaseError as error:
        raise StateError(str(error)) from None
    finally:
        raw.close()


def _postgres(url: URL) -> Engine:
    arguments: dict[str, Any] = {} if "connect_timeout" in url.query else {"connect_timeout": CONNECT_TIMEOUT_S}
    return sa.create_engine(
        url,
        pool_size=5,
        max_overflow=POOL_SIZE,
        pool_pre_ping=True,
        connect_args=arguments,
        isolation_level="READ COMMITTED",
    )


def _make_tables(of: Engine) -> None:
    """Make what is missing, and bring an older database up to date, one process at a time."""
    with reading(of) as connection:
        found = _version(connection)
    if found is None or found < SCHEMA_VERSION:
        with writing(of) as connection:
            if of.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(SCHEMA_LOCK)))
            found = _version(connection)  # another process may have been first
            if found is None:
                metadata.create_all(connection)
                connection.execute(versions.insert().values(version=SCHEMA_VERSION))
            elif found < SCHEMA_VERSION:
                _migrate(connection, found)
    if found is not None and found > SCHEMA_VERSION:
        raise ConfigurationError(
            f"The state database {place(of)} was made by a newer version of tiktok-organic-dagster "
            f"(schema {found}, this one knows {SCHEMA_VERSION}). Upgrade this installation."
        )


def _version(connection: Connection) -> int | None:
    if not sa.inspect(connection).has_table(versions.name):
        return None
    return connection.execute(sa.select(sa.func.max(versions.c.version))).scalar_one()


def _migrate(connection: Connection, found: int) -> None:
    """Run the steps from a version to the present one, in the transaction of the connection."""
    from alembic.operations import Operations  # noqa: PLC0415 -- rarely needed, and every command imports this module
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415

    operations = Operations(MigrationContext.configure(connection))
    for version in range(found + 1, SCHEMA_VERSION + 1):
        STEPS[version](operations)
    connection.execute(versions.update().values(version=SCHEMA_VERSION))
