"""Prints to the terminal: tables, marks and JSON; text from outside is made harmless first."""

import json
from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tiktok_organic_dagster.accounts.preflight import Requirement
from tiktok_organic_dagster.tiktok.errors import clean

WIDE = 200  # columns where the output is not a terminal, so that nothing is cut


def safe(text: object) -> str:
    """Text from TikTok, fit for `rich`: no control characters, no markup."""
    return escape(clean(str(text)))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; every cell is made harmless."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(safe(cell) for cell in row))
    _console().print(table)


def print_requirements(found: Sequence[Requirement]) -> None:
    """Print the requirements, one line each."""
    for requirement in found:
        mark = "ok " if requirement.met else "NOT MET"
        click.echo(f"  {mark:<8}{clean(requirement.name)}: {clean(requirement.detail)}")


def print_json(value: Any) -> None:  # noqa: ANN401 -- whatever JSON can hold
    """Print JSON, with control characters of its texts escaped."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=True))


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDE)
