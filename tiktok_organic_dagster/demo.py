"""The demo: everything that a real deployment does, on a simulated TikTok, in a folder of its own."""

import json
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import requests
from rich.console import Console
from rich.table import Table as TextTable

from tiktok_organic_dagster.accounts import open_accounts, open_client, open_oauth
from tiktok_organic_dagster.accounts.store import Account
from tiktok_organic_dagster.accounts.tokens import FixedToken
from tiktok_organic_dagster.accounts.vault import vault_of_home
from tiktok_organic_dagster.cli.redirect import code_of
from tiktok_organic_dagster.errors import TikTokOrganicError
from tiktok_organic_dagster.local_ui import dagster_dev, dagster_home
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.simulator import Simulator
from tiktok_organic_dagster.state import private_folder
from tiktok_organic_dagster.tables import ALL_SCOPES, CATALOGUE
from tiktok_organic_dagster.warehouse import open_warehouse
from tiktok_organic_dagster.windows import BACKFILL_DAYS

SEED = 1
REDIRECT_URI = "https://demo.invalid/connected/"
CLIENT_ID = "7000000000000000001"
CLIENT_SECRET = "demo-app-of-the-simulator"  # noqa: S105 -- the simulator takes any
RAISED_LIMIT = 1_000_000


class DemoError(TikTokOrganicError):
    """The demo did not come to its end."""


def run(settings: Settings) -> None:
    """Load all 12 tables from a simulated TikTok and print what landed. Safe to repeat.

    Raises:
        DemoError: A run of Dagster failed.
    """
    console = Console()
    with simulated_tiktok(settings) as demo:
        accounts = connect_all(demo)
        names = ", ".join(f"@{account.username}" for account in accounts)
        console.print(f"A simulated TikTok with {len(accounts)} accounts: {names}")
        today = datetime.now(UTC).date()
        with console.status("Dagster materializes 58 days of account metrics, one call per account ..."):
            materialize("account_metrics_refresh", today - timedelta(days=BACKFILL_DAYS), today)
        with console.status("Dagster materializes today's accounts, videos, breakdowns and comments ..."):
            materialize("daily_readings", today, today)
        _print_tables(console, demo)


def ui(settings: Settings, port: int) -> None:
    """Dagster's UI on the demo, with its simulated TikTok running; the demo is loaded first if it was not yet."""
    if not (demo_home(settings) / "warehouse.duckdb").exists():
        run(settings)
    with simulated_tiktok(settings) as demo:
        connect_all(demo)
        Console().print("No account is connected: this is the demo, with its simulated TikTok.")
        dagster_dev(dagster_home(demo.home), port)


def demo_home(settings: Settings) -> Path:
    """The folder of the demo, apart from real data."""
    return settings.home / "demo"


@contextmanager
def simulated_tiktok(settings: Settings) -> Generator[Settings]:
    """The demo's simulator, running, and this process's settings set to it. It comes back on the port it had before."""
    home = demo_home(settings)
    private_folder(settings.home)
    private_folder(home)
    remembered = home / "simulator.json"
    port = _port(remembered)
    if port and _answers(port):  # `make ui` has it open
        yield _use(home, port)
        return
    with Simulator(seed=SEED, port=port, data_dir=home / "simulator") as simulator:
        port = int(simulator.base_url.rpartition(":")[2])
        _replace(remembered, json.dumps({"port": port, "seed": SEED}))
        yield _use(home, port)


def connect_all(settings: Settings) -> list[Account]:
    """Connect the simulator's accounts that are not connected yet, through the same OAuth calls as real ones."""
    store = open_accounts(settings)
    client = open_client(settings, store)
    oauth = open_oauth(settings, client)
    number = len(store.accounts())
    while True:
        state = secrets.token_urlsafe()
        consent = oauth.authorize_url(REDIRECT_URI, state, ALL_SCOPES) + f"&as={number}"
        answer = requests.get(consent, allow_redirects=False, timeout=settings.timeout_s)
        if answer.is_redirect:
            grant = oauth.exchange_code(code_of(answer.headers["Location"], REDIRECT_URI, state), REDIRECT_URI)
            reader = client.reader(grant.business_id, CLIENT_ID, FixedToken(grant.access_token))
            store.save(grant, reader.profile(["username"])["username"], CLIENT_ID, settings.api_url)
        else:
            return store.accounts()
        number += 1


def materialize(job: str, first: date, last: date) -> None:
    """Run a job of the code location for a range of days, recorded in the demo's Dagster home.

    Raises:
        DemoError: It failed; the text says why.
    """
    from dagster import DagsterInstance  # noqa: PLC0415 -- reads DAGSTER_HOME, which is set by now

    from tiktok_organic_dagster.definitions import definitions  # noqa: PLC0415 -- likewise the settings

    with DagsterInstance.get() as instance:
        result = (
            definitions(Settings.load())
            .resolve_job_def(job)
            .execute_in_process(
                instance=instance,
                raise_on_error=False,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                tags={
                    "dagster/asset_partition_range_start": first.isoformat(),
                    "dagster/asset_partition_range_end": last.isoformat(),
                },
            )
        )
    if not result.success:
        reasons = [str(event.step_failure_data.error) for event in result.get_step_failure_events()]
        raise DemoError(f"The job {job} failed: {' '.join(reasons)}")


def _answers(port: int) -> bool:
    """Whether a simulator answers on a port of this machine."""
    try:
        answer = requests.get(f"http://127.0.0.1:{port}/open_api/v1.3/business/get/", timeout=5)
        return answer.json()["code"] == 40002
    except (requests.RequestException, ValueError, KeyError):
        return False


def _port(remembered: Path) -> int:
    """The port that the demo's simulator had before; 0 if there was none."""
    try:
        return int(json.loads(remembered.read_text())["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _replace(file: Path, text: str) -> None:
    """Write a file so that it is never seen half written."""
    beside = file.with_suffix(".new")
    beside.write_text(text)
    beside.replace(file)


def _use(home: Path, port: int) -> Settings:
    """Set this process, and those that it starts, to the demo: nothing of the user's own settings is left."""
    base = f"http://127.0.0.1:{port}"
    defaults = {name: Settings.model_fields[field].default for name, field in Settings.variables().items()}
    vault_of_home(home, holds_tokens=False)
    os.environ.update({name: str(value) for name, value in defaults.items() if value is not None})
    os.environ.update(
        {
            "TIKTOK_CLIENT_ID": CLIENT_ID,
            "TIKTOK_CLIENT_SECRET": CLIENT_SECRET,
            "TIKTOK_REDIRECT_URI": REDIRECT_URI,
            "TIKTOK_API_URL": f"{base}/open_api/v1.3",
            "TIKTOK_AUTHORIZE_URL": f"{base}/v2/auth/authorize/",
            "TIKTOK_ORGANIC_HOME": str(home),
            "TIKTOK_ORGANIC_WAREHOUSE": f"duckdb:///{home / 'warehouse.duckdb'}",
            "TIKTOK_ORGANIC_SCHEMA": "main",
            "TIKTOK_ORGANIC_STATE": f"sqlite:///{home / 'state.db'}",
            "TIKTOK_ORGANIC_KEY": (home / "key").read_text().strip(),
            "TIKTOK_ORGANIC_QPM_PER_ENDPOINT": str(RAISED_LIMIT),
            "TIKTOK_ORGANIC_QPM_APP": str(RAISED_LIMIT),
            "TIKTOK_ORGANIC_QPS_APP": str(RAISED_LIMIT),
            "DAGSTER_HOME": str(dagster_home(home)),
        }
    )
    return Settings.load()


def _print_tables(console: Console, settings: Settings) -> None:
    warehouse = open_warehouse(settings)
    text = TextTable(box=None)
    text.add_column("table", no_wrap=True)
    text.add_column("rows", justify="right")
    with warehouse.session() as session:
        for table in CATALOGUE:
            ((rows,),) = session.query(f"SELECT count(*) FROM {session.name_of(table)}")  # noqa: S608
            text.add_row(table.name, f"{rows:,}")
    console.print(text)
    console.print(f"They are in the DuckDB file {warehouse.place}", soft_wrap=True)
    console.print("Look at them in Dagster's UI, with lineage, partitions, checks and previews: make ui")
