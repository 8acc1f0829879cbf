"""The demo: everything that a real deployment does, on a simulated TikTok, in a folder of its own."""

from datetime import UTC, datetime, timedelta

from tiktok_organic_dagster.demo.closing import print_closing
from tiktok_organic_dagster.demo.loading import DemoError, check, materialize, shown
from tiktok_organic_dagster.demo.simulated import CLIENT_ID, SEED, connect_all, demo_home, simulated_tiktok
from tiktok_organic_dagster.local_ui import dagster_dev, dagster_home
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.terminal import console, own_console, safe
from tiktok_organic_dagster.warehouse import open_warehouse
from tiktok_organic_dagster.windows import BACKFILL_DAYS

__all__ = ["CLIENT_ID", "SEED", "DemoError", "run", "ui"]


def run(settings: Settings) -> None:
    """Load all 12 tables from a simulated TikTok and print what landed. Safe to repeat.

    Raises:
        DemoError: A run of Dagster failed.
    """
    with own_console() as terminal, simulated_tiktok(settings) as demo:
        accounts = connect_all(demo)
        names = ", ".join(f"@{safe(account.username)}" for account in accounts)
        terminal.print(f"A simulated TikTok with {len(accounts)} accounts: {names}\n")
        today = datetime.now(UTC).date()
        with shown(terminal):
            materialize("account_metrics_refresh", today - timedelta(days=BACKFILL_DAYS), today)
            materialize("daily_readings", today, today)
            checks = check()
        terminal.print(f"\n{checks}\n")
        print_closing(terminal, open_warehouse(demo))


def ui(settings: Settings, port: int) -> None:
    """Dagster's UI on the demo, with its simulated TikTok running; the demo is loaded first if it was not yet."""
    if not (demo_home(settings) / "warehouse.duckdb").exists():
        run(settings)
    with simulated_tiktok(settings) as demo:
        connect_all(demo)
        console().print("No account is connected: this is the demo, with its simulated TikTok.")
        dagster_dev(dagster_home(demo.home), port, demo.home)
