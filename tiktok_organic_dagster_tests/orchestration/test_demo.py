"""`make demo`, as a person runs it: all 12 tables, each row compared to the simulated world, and again without harm."""

import io
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from rich.console import Console

from tiktok_organic_dagster import demo
from tiktok_organic_dagster.demo.closing import print_closing
from tiktok_organic_dagster.demo.simulated import simulated_tiktok
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.simulator import World
from tiktok_organic_dagster.tables import ACCOUNT, CATALOGUE, Table
from tiktok_organic_dagster.warehouse import open_warehouse
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.conftest import NOON
from tiktok_organic_dagster_tests.lab import Clock, Lab

HOME = "a home"


def run_demo(folder: Path) -> str:
    """What the demo prints. Over midnight its world would be two days' worlds: then it is run once more."""
    while True:
        before = datetime.now(UTC).date()
        finished = subprocess.run(
            [sys.executable, "-m", "tiktok_organic_dagster.cli", "demo"],
            env={**os.environ, "TIKTOK_ORGANIC_HOME": str(folder / HOME), "PYTHONPATH": str(Path.cwd())},
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
        assert finished.returncode == 0, finished.stderr
        if before == datetime.now(UTC).date():
            return finished.stdout


def warehouse(folder: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(folder / HOME / "demo" / "warehouse.duckdb", read_only=True)


def rows(connection: duckdb.DuckDBPyConnection, table: Table) -> list[tuple[Any, ...]]:
    columns = ", ".join(f'"{name}"' for name in table.column_names if name != "_loaded_at")
    found = connection.execute(f'SELECT {columns} FROM "{table.name}"').fetchall()
    return truth.in_order(tuple(v.astimezone(UTC) if isinstance(v, datetime) else v for v in row) for row in found)


def row_counts(folder: Path) -> dict[str, int]:
    with warehouse(folder) as connection:
        return {table.name: len(connection.table(table.name)) for table in CATALOGUE}


def the_world_at(world: World, moment: datetime) -> Any:
    """The demo's world as the truth wants to see it, at the moment at which a table was read."""
    return SimpleNamespace(
        world=world,
        clock=SimpleNamespace(now=lambda: moment, today=moment.date()),
        business_id=lambda index: world.business_id(world.accounts[index], demo.CLIENT_ID),
    )


def assert_every_row_is_the_worlds(folder: Path) -> dict[str, int]:
    """Compare each table, and count its rows."""
    counts: dict[str, int] = {}
    world = World(demo.SEED)
    with warehouse(folder) as connection:
        for table in CATALOGUE:
            ((moment,),) = connection.execute(f'SELECT max(_loaded_at) FROM "{table.name}"').fetchall()
            expected = truth.rows_of(the_world_at(world, moment.astimezone(UTC)), table.name)
            loaded = rows(connection, table)
            counts[table.name] = len(loaded)
            if table is ACCOUNT:  # its followers count up within minutes
                assert [(row[0], row[1], row[-1]) for row in loaded] == [(row[0], row[1], row[-1]) for row in expected]
            else:
                assert loaded == expected, table.name
    return counts


def test_the_demo_loads_every_row_of_its_world_says_so_and_may_be_repeated(tmp_path: Path) -> None:
    printed = run_demo(tmp_path)

    counts = assert_every_row_is_the_worlds(tmp_path)
    for table in CATALOGUE:
        assert counts[table.name] > 0
        assert [table.name, f"{counts[table.name]:,}"] in [line.split() for line in printed.splitlines()]
    assert str(tmp_path / HOME / "demo" / "warehouse.duckdb") in printed
    assert "make ui" in printed
    assert "24 of 24 checks of what is stored passed" in printed  # as many as test_definitions.py lists
    assert [path.name for path in (tmp_path / HOME).iterdir()] == ["demo"], "real data is elsewhere"

    while True:
        hour = datetime.now(UTC).hour
        before = row_counts(tmp_path)
        run_demo(tmp_path)
        if hour == datetime.now(UTC).hour:  # with each hour the world goes on a little
            break
    assert row_counts(tmp_path) == before


BARS = set("▁▂▃▄▅▆▇█")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A warehouse with all tables of a small world."""
    folder = tmp_path_factory.mktemp("loaded")
    with closing(Lab(folder, f"duckdb:///{folder / 'warehouse.duckdb'}", Clock(NOON), accounts=3, videos=12)) as lab:
        lab.read_everything()
        yield lab


def closing_of(lab: Lab, *, encoding: str = "utf-8", width: int = 80) -> list[str]:
    """What the demo prints at its end of a warehouse, line by line."""
    output = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="replace")  # as the terminal of the demo
    print_closing(Console(file=output, highlight=False, width=width), open_warehouse(lab.settings))
    output.seek(0)
    return [line.strip() for line in output.read().splitlines()]


def the_answers(lab: Lab) -> list[str]:
    """The sentences that the world's truth makes: views and retention, activity, as the closing words them."""
    columns = ("item_id", "username", "day", *truth.VIDEO, "business_id")
    posts = [dict(zip(columns, row, strict=True)) for row in truth.videos(lab)]
    best = max((post for post in posts if post["video_views"] is not None), key=lambda post: post["video_views"])
    curve = sorted(
        (second, share)
        for item, _, _, share, second, _ in truth.breakdown(lab, "video_view_retention")
        if item == best["item_id"]
    )
    middle, end = curve[len(curve) // 2], curve[-1]
    active: Counter[float] = Counter()
    for _, _, count, hour, _ in truth.activity(lab):
        active[hour] += count
    days = len({day for _, day, *_ in truth.activity(lab)})
    hours = ", ".join(f"{hour:02.0f}:00 ({count / days:,.0f} active)" for hour, count in active.most_common(3))
    return [
        f"Best video  @{best['username']}",
        f"{best['video_views']:,.0f} views, {best['likes']:,.0f} likes",
        best["share_url"].partition("?")[0],
        f"{middle[1]:.0%} still watch at second {middle[0]:.0f}, {end[1]:.0%} at second {end[0]:.0f}",
        f"When followers are awake  all accounts, hours in UTC, average of {days} days",
        f"Best: {hours}",
    ]


def the_followers(lab: Lab) -> list[list[str]]:
    """Each account's name, first and last number of followers, and growth, the largest account first."""
    at = 3 + truth.METRICS.index("followers_count")
    days: dict[str, list[tuple[Any, ...]]] = {}
    for row in sorted(truth.metrics(lab), key=lambda row: row[1]):
        if row[at] is not None:
            days.setdefault(row[0], []).append(row)
    ends = sorted(((name, rows[0][at], rows[-1][at]) for name, rows in days.items()), key=lambda end: -end[2])
    return [[f"@{name}", f"{first:,.0f}", f"{last:,.0f}", f"{last / first - 1:+.1%}"] for name, first, last in ends]


def test_nothing_of_the_users_own_settings_reaches_the_demos_dagster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in Settings.variables():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text("TIKTOK_ORGANIC_ALERT_WEBHOOK=https://hooks.example.com/of/the/user\n")
    monkeypatch.setenv("TIKTOK_ORGANIC_ACCOUNTS_PER_RUN", "3")
    monkeypatch.setenv("DAGSTER_HOME", "")
    before = Settings.load()
    assert before.alert_webhook is not None

    with simulated_tiktok(before) as settings:
        monkeypatch.chdir(settings.home)  # as `make ui` starts it
        found = Settings.load()

    assert (found.alert_webhook, found.accounts_per_run) == (None, None)
    assert found.home == tmp_path / ".tiktok_organic" / "demo"


def test_the_closing_answers_with_the_numbers_of_the_world(loaded: Lab) -> None:
    lines = closing_of(loaded)

    counts = {table.name: len(truth.rows_of(loaded, table.name)) for table in CATALOGUE}
    assert lines[0] == f"12 tables, {sum(counts.values()):,} rows"
    for answer in the_answers(loaded):
        assert answer in lines
    accounts = [[word for word in line.split() if not BARS.issuperset(word)] for line in lines if line.startswith("@")]
    assert accounts == the_followers(loaded)
    charts = [line for line in lines if line and BARS.issuperset(line)]
    assert [len(chart) for chart in charts][1:] == [48], "two bars for each hour"
    may_be_long = ("https://", ".venv", "2. Ask", str(Path(sys.executable).parent), "'")
    assert all(len(line) <= 78 for line in lines if not line.startswith(may_be_long))


def test_a_terminal_that_knows_ascii_alone_is_shown_the_numbers_without_charts(loaded: Lab) -> None:
    lines = closing_of(loaded, encoding="ascii")
    for answer in the_answers(loaded):
        assert answer in lines
    assert [line.split() for line in lines if line.startswith("@")] == the_followers(loaded)


def test_the_query_that_the_closing_proposes_works_as_it_is_printed(loaded: Lab) -> None:
    (command,) = [line for line in closing_of(loaded) if " -c " in line]

    answer = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True, timeout=60).stdout

    posts = Counter(row[1] for row in truth.videos(loaded))
    assert {tuple(cell.strip() for cell in line.split("│")[1:3]) for line in answer.splitlines()} >= {
        (name, str(count)) for name, count in posts.items()
    }
