"""What keys and order do for the tables in PostgreSQL, by the processor time of the server alone.

    python -m tiktok_organic_dagster_tests.bench.keys

It makes a table of the same shape with each key, fills it with a year, and replaces one account's day in it; and it
copies rows into a primary key in several orders, and by the rules of a language where the server knows one.
"""

import io
import json
import random
from collections.abc import Iterable
from typing import Any

import psutil
import psycopg2

from tiktok_organic_dagster_tests.databases import running_postgres

COLUMNS = "account {id}, day date, item {id}, value double precision, loaded_at timestamptz"
BY_BYTES = 'text COLLATE "C"'
LANGUAGE = "en_US"
KEYS = {
    "account, date, item": "PRIMARY KEY (account, day, item)",
    "account, item, date": "PRIMARY KEY (account, item, day)",
    "none": "",
}
"""The first one is ours."""
ACCOUNTS, ITEMS, DAYS = 20, 100, 365
LAST_DAY = "2026-11-22"
COPIED = 100_000


def measure() -> dict[str, dict[str, float]]:
    """Seconds and milliseconds of processor time, by key and by order."""
    with running_postgres() as server:
        return _Lab(server.get_uri()).measured()


class _Lab:
    def __init__(self, uri: str) -> None:
        connection = psycopg2.connect(uri)
        connection.autocommit = True
        self._cursor = connection.cursor()
        self._ask("SET max_parallel_workers_per_gather = 0")
        ((pid,),) = self._ask("SELECT pg_backend_pid()")
        self._backend = psutil.Process(pid)

    def measured(self) -> dict[str, dict[str, float]]:
        return {f"key: {name}": self._of_key(key) for name, key in KEYS.items()} | self._of_orders()

    def _ask(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        self._cursor.execute(sql, values)
        return self._cursor.fetchall() if self._cursor.description else []

    def _cpu(self) -> float:
        used = self._backend.cpu_times()
        return used.user + used.system

    def _new_table(self, key: str, id_type: str = BY_BYTES) -> None:
        self._ask("DROP TABLE IF EXISTS rows")
        self._ask(f"CREATE TABLE rows ({', '.join(filter(None, (COLUMNS.format(id=id_type), key)))})")

    def _of_key(self, key: str) -> dict[str, float]:
        self._new_table(key)
        began = self._cpu()
        for back in reversed(range(DAYS)):
            self._ask(
                "INSERT INTO rows SELECT 'account-' || a, %s::date - %s, (7300000000000000000 + i)::text, 0.5, now() "
                "FROM generate_series(1, %s) AS a, generate_series(1, %s) AS i",
                LAST_DAY, back, ACCOUNTS, ITEMS,
            )  # fmt: skip
        filled = self._cpu() - began
        self._ask("VACUUM ANALYZE rows")
        ((plan,),) = self._ask(
            "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) DELETE FROM rows WHERE account = 'account-7' AND day = %s",
            LAST_DAY,
        )
        scan = plan[0]["Plan"]["Plans"][0]
        ((mib,),) = self._ask("SELECT pg_total_relation_size('rows') / 1048576.0")
        return {
            "fill, s": round(filled, 2),
            "pages touched to find a day": scan["Shared Hit Blocks"] + scan["Shared Read Blocks"],
            "size, MiB": round(float(mib)),
        }

    def _of_orders(self) -> dict[str, dict[str, float]]:
        rows = [f"account-7\t{LAST_DAY}\t{7_300_000_000_000_000_000 + i}\t0.5\t{LAST_DAY}\n" for i in range(COPIED)]
        orders: dict[str, Iterable[str]] = {
            "ascending": rows,
            "descending": rows[::-1],
            "at random": random.Random(1).sample(rows, len(rows)),  # noqa: S311 -- nothing secret
        }
        found = {f"copy {COPIED:,} rows, {name}": self._copied(ordered) for name, ordered in orders.items()}
        if self._ask("SELECT 1 FROM pg_collation WHERE collname = %s", LANGUAGE):
            found[f"copy {COPIED:,} rows, ascending by {LANGUAGE}"] = self._copied(rows, f'text COLLATE "{LANGUAGE}"')
        return found

    def _copied(self, rows: Iterable[str], id_type: str = BY_BYTES) -> dict[str, float]:
        self._new_table(KEYS["account, date, item"], id_type)
        text = io.StringIO("".join(rows))
        began = self._cpu()
        self._cursor.copy_expert("COPY rows FROM STDIN", text)
        used = self._cpu() - began
        ((mib,),) = self._ask("SELECT pg_indexes_size('rows') / 1048576.0")
        return {"copy, s": round(used, 2), "index, MiB": round(float(mib), 1)}


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
