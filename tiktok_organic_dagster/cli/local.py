"""Commands that need no TikTok: the simulator, the demo, and Dagster's UI on the user's accounts or the demo."""

from pathlib import Path

import click

from tiktok_organic_dagster.settings import Settings


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1; any free one by default.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed makes another world.")
@click.option("--accounts", type=click.IntRange(1), default=5, show_default=True, help="How many accounts there are.")
@click.option("--videos", type=click.IntRange(0), default=None, help="How many posts each account has.")
@click.option(
    "--faults",
    type=click.FloatRange(0, 90),
    default=0,
    metavar="PERCENT",
    help="Let so many of the calls go wrong: throttles, errors, broken connections and answers, refused tokens.",
)
def simulator(port: int, seed: int, accounts: int, videos: int | None, faults: float) -> None:
    """Run a stand-in for TikTok's API on this machine; its address is the first line printed."""
    from tiktok_organic_dagster.simulator import run  # noqa: PLC0415 -- a web server that no other command needs

    run(port=port, seed=seed, accounts=accounts, videos=videos, faults=faults / 100)


@click.command()
def demo() -> None:
    """Load all tables from a simulated TikTok into one DuckDB file: what `make demo` runs."""
    from tiktok_organic_dagster.demo import run  # noqa: PLC0415 -- Dagster, that no other command needs

    run(Settings.load())


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Port of the UI.")
def ui(port: int) -> None:
    """Open Dagster's UI on your accounts, or on the demo while none is connected: what `make ui` runs."""
    from tiktok_organic_dagster import demo, local_ui  # noqa: PLC0415 -- Dagster, that no other command needs

    settings = Settings.load()
    local_ui.require_free_port(port)
    if local_ui.has_accounts(settings):
        local_ui.dagster_dev(local_ui.dagster_home(settings.home), port, Path.cwd())
    else:
        demo.ui(settings, port)
