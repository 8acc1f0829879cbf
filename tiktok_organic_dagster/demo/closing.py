"""The end of the demo: what landed, a few answers from it, and what to try next."""

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text
from sparklines import sparklines

from tiktok_organic_dagster.demo.answers import (
    Activity,
    BestVideo,
    Followers,
    activity,
    best_video,
    followers,
    rows_of,
)
from tiktok_organic_dagster.tables import CATALOGUE, VIDEOS
from tiktok_organic_dagster.terminal import safe
from tiktok_organic_dagster.tiktok.errors import clean
from tiktok_organic_dagster.warehouse import Session, Warehouse

MARGIN = 2
COMMAND_MARGIN = 5
CAPTION_LENGTH = 60
CHART_WIDTH = 58  # a day each, where the terminal is wide enough
BESIDE_CHART = 52  # columns for the name and the numbers of an account
CHART_STYLE = "magenta"
NARROWEST_CHART = 8
BEST_HOURS = 3
BAR_OF_AN_HOUR = 2
QUERY = (
    f"SELECT video_creator_username, count(*) AS posts, sum(likes) AS likes FROM {VIDEOS.name} "  # noqa: S608
    f"WHERE metric_date = (SELECT max(metric_date) FROM {VIDEOS.name}) GROUP BY 1 ORDER BY 3 DESC"
)


def print_closing(console: Console, warehouse: Warehouse) -> None:
    """Print rows per table, answers from the data, and the next steps."""
    with warehouse.session() as session:
        _print_tables(console, session)
        _print_followers(console, followers(session))
        video = best_video(session)
        _print_video(console, video)
        _print_activity(console, activity(session))
    _print_next(console, Path(warehouse.place))


def _print_tables(console: Console, session: Session) -> None:
    counts = {table.name: rows_of(session, table) for table in CATALOGUE}
    _heading(console, f"{len(counts)} tables, {sum(counts.values()):,} rows")
    grid = Grid.grid(padding=(0, 0, 0, MARGIN))
    grid.add_column(no_wrap=True)
    grid.add_column(justify="right")
    for name, rows in counts.items():
        grid.add_row(name, f"{rows:,}")
    console.print(Padding.indent(grid, MARGIN))
    console.print()


def _print_followers(console: Console, accounts: Sequence[Followers]) -> None:
    days = [day for account in accounts for day, _ in account.days]
    _heading(console, "Followers", f"{min(days):%d %b} to {max(days):%d %b %Y}")
    grid = Grid.grid(padding=(0, 0, 0, MARGIN))
    grid.add_column(no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(no_wrap=True, style=CHART_STYLE)
    for _ in range(2):
        grid.add_column(justify="right", no_wrap=True)
    width = min(CHART_WIDTH, console.width - BESIDE_CHART)
    for account in accounts:
        counts = [count for _, count in account.days]
        grid.add_row(
            f"@{safe(account.username)}",
            f"{counts[0]:,.0f}",
            _chart(console, counts, width),
            f"{counts[-1]:,.0f}",
            f"{counts[-1] / counts[0] - 1:+.1%}" if counts[0] else "",
        )
    console.print(Padding.indent(grid, MARGIN))
    console.print()


def _print_video(console: Console, video: BestVideo) -> None:
    _heading(console, "Best video", f"@{video.username}")
    _line(console, f'"{_shortened(video.caption)}"')
    _line(console, f"{video.views:,.0f} views, {video.likes:,.0f} likes")
    _line(console, video.link)
    console.print()
    if video.retention:
        _print_retention(console, video.retention)


def _print_retention(console: Console, retention: Sequence[tuple[float, float]]) -> None:
    _heading(console, "How long its viewers stay", f"second 0 to {retention[-1][0]:.0f}")
    _line(console, _chart(console, [share for _, share in retention], CHART_WIDTH, lowest=0), CHART_STYLE)
    (half, still), (end, last) = retention[len(retention) // 2], retention[-1]
    _line(console, f"{still:.0%} still watch at second {half:.0f}, {last:.0%} at second {end:.0f}")
    console.print()


def _print_activity(console: Console, found: Activity) -> None:
    _heading(console, "When followers are awake", f"all accounts, hours in UTC, average of {found.days} days")
    active = [count for _, count in found.hours]
    chart = _chart(console, active, len(active), lowest=0)
    if chart:
        _line(console, "".join(bar * BAR_OF_AN_HOUR for bar in chart), CHART_STYLE)
        _line(console, "".join(f"{hour:02.0f}".ljust(BAR_OF_AN_HOUR * 6) for hour, _ in found.hours[::6]))
    best = sorted(found.hours, key=lambda entry: entry[1], reverse=True)[:BEST_HOURS]
    _line(console, "Best: " + ", ".join(f"{hour:02.0f}:00 ({count:,.0f} active)" for hour, count in best))
    console.print()


def _print_next(console: Console, file: Path) -> None:
    _heading(console, "Next")
    _line(console, "1. See it in Dagster's UI, with lineage, partitions, checks and previews:")
    _command(console, "make ui")
    _line(console, f"2. Ask the DuckDB file {file}")
    program = (
        f"import duckdb; print(duckdb.connect({json.dumps(_from_here(file))}, read_only=True).sql({json.dumps(QUERY)}))"
    )
    _command(console, shlex.join([_from_here(Path(sys.executable)), "-c", program]))
    _line(console, "3. Connect your own account: README.md, With your own accounts")


def _heading(console: Console, text: str, more: str = "") -> None:
    console.print(Text.assemble((text, "bold"), "  " if more else "", (clean(more), "dim")), soft_wrap=True)


def _line(console: Console, text: str, style: str = "") -> None:
    """A line that is not wrapped, so that it can be copied; none if there is nothing in it."""
    if text:
        console.print(" " * MARGIN + safe(text), style=style, soft_wrap=True)


def _chart(console: Console, numbers: Sequence[float], width: int, lowest: float | None = None) -> str:
    """A line of bars, at most `width` of them; empty where the terminal is too narrow, or cannot show them."""
    if console.options.ascii_only or width < NARROWEST_CHART:
        return ""
    step = -(-len(numbers) // width)
    last_of_each = list(reversed(numbers[::-1][::step]))
    (line,) = sparklines(last_of_each, minimum=lowest)
    return line


def _command(console: Console, text: str) -> None:
    console.print(" " * COMMAND_MARGIN + escape(text), style="cyan", soft_wrap=True)


def _shortened(caption: str) -> str:
    words = " ".join(caption.split())
    return words if len(words) <= CAPTION_LENGTH else words[: CAPTION_LENGTH - 3].rstrip() + "..."


def _from_here(path: Path) -> str:
    """A path as one types it in this folder."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
