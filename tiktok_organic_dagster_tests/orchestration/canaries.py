"""Looks for secrets in whatever was written, in the shapes in which a text travels: as it is, in a URL, in base64."""

import os
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, quote_plus

import psycopg2


def shapes(secret: str) -> set[bytes]:
    """A secret as it may stand somewhere. In base64 it looks in three ways, by what stands before it."""
    raw = secret.encode()
    encoded = {
        # The first and the last letters also hold bits of what stands beside the secret.
        encode(bytes(before) + raw)[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]
        for before in range(3)
        for encode in (b64encode, urlsafe_b64encode)
    }
    return {raw, quote(secret, safe="").encode(), quote_plus(secret).encode(), raw.hex().encode(), *encoded}


def leaked(secrets: Iterable[str], told: Iterable[bytes | str]) -> set[str]:
    """The secrets that stand in one of the texts in some shape."""
    by_shape = {shape: secret for secret in secrets for shape in shapes(secret)}
    found: set[str] = set()
    for each in told:
        text = each.encode(errors="surrogatepass") if isinstance(each, str) else each
        found |= {secret for shape, secret in by_shape.items() if shape in text}
    return found


def files(*folders: Path) -> Iterator[bytes]:
    """Every file below some folders: its name, and its bytes."""
    for folder in folders:
        for path in folder.rglob("*"):
            yield os.fsencode(path)
            if path.is_file():
                yield path.read_bytes()


def rows(database: str) -> Iterator[str]:
    """Every row of every table of a PostgreSQL database, as text."""
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE'")
        for schema, table in cursor.fetchall():
            if schema not in {"pg_catalog", "information_schema"}:
                cursor.execute(f'SELECT t::text FROM "{schema}"."{table}" t')
                yield from (text for (text,) in cursor.fetchall())
    connection.close()


def command_lines(session: int) -> list[bytes]:
    """What a list of processes shows of those of a session, which all users of a machine may see."""
    found: list[bytes] = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            if os.getsid(int(process.name)) == session:
                found.append((process / "cmdline").read_bytes())
    return found
