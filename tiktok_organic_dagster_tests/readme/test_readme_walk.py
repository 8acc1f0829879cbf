"""The README walked from top to bottom in a fresh clone: each block is used, and what it promises is looked at."""

import re
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import psycopg2
import pytest
import requests
import yaml
from cryptography.fernet import Fernet
from dotenv import dotenv_values, set_key

from tiktok_organic_dagster.simulator import Simulator
from tiktok_organic_dagster.tables import CATALOGUE, METRIC_TABLES, Table
from tiktok_organic_dagster_tests.orchestration.deployment import ROOT
from tiktok_organic_dagster_tests.readme.blocks import Block, blocks_of
from tiktok_organic_dagster_tests.readme.clone import Terminal, free_port, fresh_clone

T = TypeVar("T")
OWNER = "@your.account"
CONSENT = "/v2/auth/authorize/?"
REQUIREMENTS = 5
DEADLINE_S = 120
SECRETS_AND_URLS = {"TIKTOK_ORGANIC_WAREHOUSE", "TIKTOK_ORGANIC_STATE", "TIKTOK_ORGANIC_KEY"}


class Walk:
    """Someone who follows the README: a clone, a terminal in it, and a TikTok that stands in for the real one."""

    def __init__(self, folder: Path, new_database: Callable[[], str]) -> None:
        self.clone = fresh_clone(ROOT, folder / "clone")
        self.folder = folder
        self.terminal = Terminal(self.clone, PYTHON=sys.executable)
        self.new_database = new_database
        self.simulator = Simulator(accounts=1, videos=12)
        self.simulator.strict_redirect_uri = True
        self.username = self.simulator.world.accounts[0].username
        self.given: dict[str, str] = {}
        self.of_the_clone = {path.name for path in self.clone.iterdir()}

    def try_it(self, block: Block) -> None:
        """`make demo` and `make ui`, each by itself; the UI on a free port, as the README says it can be."""
        demo, ui = block.text.splitlines()
        assert not (self.clone / ".venv").exists()
        printed = self.terminal.run(demo)
        home = self.clone / ".tiktok_organic" / "demo"
        for table in CATALOGUE:
            rows = _count(home / "warehouse.duckdb", table)
            assert rows > 0, table.name
            assert re.search(rf"\b{table.name}\s+{rows:,}\s", printed), table.name
        assert _distinct(home / "warehouse.duckdb", CATALOGUE[0], "_business_id") == 5
        port = free_port()
        with self.terminal.running(f"{ui} PORT={port}") as process:
            assert process.stdout
            assert any(f"http://127.0.0.1:{port} " in line for line in process.stdout), "it says where it is"
            assets = _within(DEADLINE_S, lambda: _assets(port))
            for table in CATALOGUE:
                checks, _ = assets[table.name]
                assert {"accounts_loaded", "freshness", "schema"} <= set(checks), table.name
            shown = {name: set(metadata) for name, (_, metadata) in assets.items()}
            assert all("preview" in metadata for metadata in shown.values())
            assert sum("plot" in metadata for metadata in shown.values()) == 11
            assert _listens(port)
        assert not _listens(port), "Ctrl-C has stopped it"

    def tell(self, block: Block) -> None:
        """`.env` from its example."""
        self.terminal.run(block.text)
        assert set(dotenv_values(self.clone / ".env")) == set(_APP[:3])

    def settings(self, block: Block) -> None:
        """The lines of `.env`, with real values in the place of the example's; TikTok is the simulated one."""
        given = dict(line.partition("=")[::2] for line in block.text.splitlines())
        example = (ROOT / ".env.example").read_text()
        assert all(f"{name}=" in example for name in given), "names of the example file"
        if SECRETS_AND_URLS & set(given):
            given |= {name: self.new_database() for name in given if name.endswith(("WAREHOUSE", "STATE"))}
            given |= {name: Fernet.generate_key().decode() for name in given if name.endswith("KEY")}
        self.given |= given
        for name, value in given.items() | {
            ("TIKTOK_API_URL", self.simulator.api_url),
            ("TIKTOK_AUTHORIZE_URL", self.simulator.authorize_url),
        }:
            set_key(self.clone / ".env", name, value)

    def connect(self, block: Block) -> None:
        """The owner opens the printed address and allows all; the address the browser lands on is pasted."""
        printed = self._connect(self.terminal, block.text.replace(OWNER, f"@{self.username}"))
        assert f"Authorized: @{self.username}" in printed
        assert len(re.findall(r"^  (ok|NOT MET) ", printed, re.MULTILINE)) == REQUIREMENTS
        assert re.search(r"consent again in 365 days", printed)

    def look(self, block: Block) -> None:
        """The account is listed and meets what TikTok wants."""
        printed = self.terminal.run(block.text)
        assert self.username in printed
        assert len(re.findall(r"^  ok ", printed, re.MULTILINE)) == REQUIREMENTS

    def load(self, block: Block) -> None:
        """58 days of metrics in one call, and today's readings: the rows that the simulated TikTok has."""
        self.simulator.calls.clear()
        self.terminal.run(block.text)
        warehouse = self.clone / ".tiktok_organic" / "warehouse.duckdb"
        now, account = datetime.now(UTC), self.simulator.world.accounts[0]
        days = [now.date() - timedelta(days=back) for back in (58, 1)]
        metrics = self.simulator.world.metrics(account, *days, now)
        assert _count(warehouse, METRIC_TABLES[0]) == len(metrics) > 50
        posts = self.simulator.world.videos(account, now)
        assert _distinct(warehouse, CATALOGUE[3], "item_id") == len(posts) == 12
        for table in CATALOGUE:
            assert _count(warehouse, table) > 0, table.name
        asked = [call for call in self.simulator.calls if call.endpoint == "business/get"]
        assert len(asked) == 2, "one for the metrics, one for the profile"

    def every_day(self, block: Block) -> None:
        """The same again changes nothing but the moment of reading."""
        warehouse = self.clone / ".tiktok_organic" / "warehouse.duckdb"
        before = {table.name: _count(warehouse, table) for table in CATALOGUE}
        self.terminal.run(block.text)
        assert {table.name: _count(warehouse, table) for table in CATALOGUE} == before

    def into_another_project(self, block: Block) -> None:
        """Another environment, in which the packages of the clone's are seen, so that only ours is installed."""
        other = Terminal(self.folder / "other")
        other.folder.mkdir()
        other.run(f"{sys.executable} -m venv env")
        (library,) = (self.clone / ".venv" / "lib").glob("python3*/site-packages")
        (seen,) = (other.folder / "env" / "lib").glob("python3*/site-packages")
        (seen / "clone.pth").write_text(f"{library}\n")
        other.variables["PATH"] = f"{other.folder / 'env' / 'bin'}:{other.variables['PATH']}"
        other.run(f"{block.text.replace('/path/to/this/clone', str(self.clone))}")
        assert (seen / "tiktok_organic_dagster" / "definitions.py").exists()
        self.other = other

    def into_its_workspace(self, block: Block) -> None:
        """Its workspace with our module beside a module of its own: both load, and ours finds its settings there."""
        (self.other.folder / "mine.py").write_text("from dagster import Definitions\n\ndefs = Definitions()\n")
        workspace = yaml.safe_load(block.text)
        workspace["load_from"].append({"python_file": {"relative_path": "mine.py"}})
        (self.other.folder / "workspace.yaml").write_text(yaml.safe_dump(workspace))
        printed = self.other.run("python -m dagster definitions validate -w workspace.yaml")
        assert printed.count("Validation successful") == 2, printed

    def make_key(self, block: Block) -> None:
        """It is one that the loader takes."""
        assert Fernet(self.terminal.run(block.text).strip())

    def from_a_laptop(self) -> None:
        """An account connected in one folder is loaded from another one: they share nothing but the two databases."""
        laptop = Terminal(self.folder / "laptop")
        laptop.folder.mkdir()
        for name in ("TIKTOK_ORGANIC_STATE", "TIKTOK_ORGANIC_KEY", *_APP):
            set_key(laptop.folder / ".env", name, dotenv_values(self.clone / ".env")[name] or "")
        self._connect(laptop, f"{self.clone}/.venv/bin/tiktok-organic connect")
        (load,) = (b for b in blocks_of(ROOT / "README.md") if (b.heading, b.language) == ("4. Load", "sh"))
        self.terminal.run(load.text)
        with closing(psycopg2.connect(self.given["TIKTOK_ORGANIC_WAREHOUSE"])) as warehouse, warehouse.cursor() as rows:
            for table in CATALOGUE:
                rows.execute(f'SELECT count(*) FROM "{self.given["TIKTOK_ORGANIC_SCHEMA"]}"."{table.name}"')
                assert rows.fetchall()[0][0] > 0, table.name

    def rehearse(self, simulator: Block, connect: Block) -> None:
        """Simulator in one terminal, `connect` in the other; what is connected stays apart."""
        port = str(free_port())
        with Terminal(self.clone).running(simulator.text.replace("8040", port)) as process:
            assert process.stdout
            assert process.stdout.readline().rstrip().endswith(f"http://127.0.0.1:{port}")
            printed = self._connect(Terminal(self.clone), connect.text.replace("8040", port))
            assert "Connected @" in printed
            exports = "".join(line for line in connect.text.splitlines(keepends=True) if line.startswith("export "))
            self._look_and_load(exports.replace("8040", port))
        home = self.clone / ".tiktok_organic"
        assert {path.name for path in home.iterdir()} == {"demo", "rehearsal"}, "all of it stays apart"
        for table in CATALOGUE:
            assert _count(home / "rehearsal" / "warehouse.duckdb", table) > 0, table.name
        assert (home / "rehearsal" / "dagster" / "history").exists(), "where make ui looks for the runs"

    def _look_and_load(self, exports: str) -> None:
        """The blocks of the sections that the rehearsal names, in its terminal."""
        named = [("3. Connect an account", ".venv/bin/tiktok-organic accounts"), ("4. Load", "export DAGSTER_HOME=")]
        terminal = Terminal(self.clone)
        terminal.run(exports)
        for heading, begin in named:
            (block,) = (b for b in blocks_of(ROOT / "README.md") if b.heading == heading and b.text.startswith(begin))
            terminal.run(block.text)

    def leave(self, block: Block) -> None:
        """The tokens are revoked, and nothing is left that was not in the clone, but `.env`."""
        printed = self.terminal.run(block.text.replace(OWNER, f"@{self.username}"))
        assert self.username in printed
        assert {path.name for path in self.clone.iterdir()} == self.of_the_clone | {".env"}

    def _connect(self, terminal: Terminal, commands: str) -> str:
        with terminal.running(commands) as process:
            assert process.stdin
            assert process.stdout
            printed: list[str] = []
            for line in process.stdout:
                printed.append(line)
                if CONSENT in line:
                    answer = requests.get(f"{line.strip()}&as=0", allow_redirects=False, timeout=30)
                    process.stdin.write(answer.headers["Location"] + "\n")
                    process.stdin.flush()
            assert process.wait(DEADLINE_S) == 0, "".join(printed)
        return "".join(printed)


_APP = (
    "TIKTOK_CLIENT_ID", "TIKTOK_CLIENT_SECRET", "TIKTOK_REDIRECT_URI", "TIKTOK_API_URL", "TIKTOK_AUTHORIZE_URL",
)  # fmt: skip


@pytest.fixture
def walk(tmp_path: Path, new_postgres_database: Callable[[], str]) -> Iterator[Walk]:
    """A walk that is about to begin; nothing of the clone is left after it."""
    made = Walk(tmp_path, new_postgres_database)
    with made.simulator:
        yield made
    shutil.rmtree(made.clone)


@pytest.mark.readme
@pytest.mark.timeout(1200)
def test_every_block_of_the_readme_does_what_the_readme_says(walk: Walk) -> None:
    blocks = iter(blocks_of(ROOT / "README.md"))

    def follow(heading: str, language: str, step: Callable[[Block], None]) -> None:
        block = next(blocks)
        assert (block.heading, block.language) == (heading, language)
        step(block)

    follow("TikTok Organic on Dagster", "sh", walk.try_it)
    simulator, connect = next(blocks), next(blocks)
    assert {simulator.heading, connect.heading} == {"Rehearse the connection"}
    walk.rehearse(simulator, connect)
    follow("2. Tell the loader about it", "sh", walk.tell)
    follow("2. Tell the loader about it", "ini", walk.settings)
    follow("3. Connect an account", "sh", walk.connect)
    follow("3. Connect an account", "sh", walk.look)
    follow("4. Load", "sh", walk.load)
    follow("Every day", "sh", walk.every_day)
    follow("In a Dagster project that you have", "sh", walk.into_another_project)
    follow("In a Dagster project that you have", "yaml", walk.into_its_workspace)
    follow("PostgreSQL", "ini", walk.settings)
    follow("PostgreSQL", "ini", walk.settings)
    follow("PostgreSQL", "sh", walk.make_key)
    walk.from_a_laptop()
    follow("Where things are, and how to remove them", "sh", walk.leave)
    assert next(blocks, None) is None, "a block that nobody follows"


def _count(warehouse: Path, table: Table) -> int:
    with duckdb.connect(warehouse, read_only=True) as connection:
        return connection.execute(f'SELECT count(*) FROM "{table.name}"').fetchall()[0][0]


def _distinct(warehouse: Path, table: Table, column: str) -> int:
    with duckdb.connect(warehouse, read_only=True) as connection:
        return connection.execute(f'SELECT count(DISTINCT "{column}") FROM "{table.name}"').fetchall()[0][0]


def _assets(port: int) -> dict[str, tuple[list[str], list[str]]] | None:
    """Each asset with its checks and the labels of its materializations' metadata; None while nobody answers."""
    query = """{ assetNodes {
      assetKey { path }
      assetChecksOrError { ... on AssetChecks { checks { name } } }
      assetMaterializations(limit: 60) { metadataEntries { label } }
    } }"""
    with suppress(requests.ConnectionError):
        answer: dict[str, Any] = requests.post(
            f"http://127.0.0.1:{port}/graphql", json={"query": query}, timeout=60
        ).json()
        return {
            node["assetKey"]["path"][0]: (
                [check["name"] for check in node["assetChecksOrError"]["checks"]],
                [entry["label"] for event in node["assetMaterializations"] for entry in event["metadataEntries"]],
            )
            for node in answer["data"]["assetNodes"]
        }
    return None


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _within(seconds: float, look: Callable[[], T | None]) -> T:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.5)
    raise AssertionError(f"Nothing came within {seconds} s.")
