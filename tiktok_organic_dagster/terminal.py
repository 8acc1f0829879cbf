"""Prints to the terminal: tables, marks and JSON; text from outside is made harmless first."""

import json
import os
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import TextIOWrapper
from typing import IO, Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tiktok_organic_dagster.accounts.preflight import Requirement
from tiktok_organic_dagster.tiktok.errors import clean
from tiktok_organic_dagster.tiktok.waiting import OnWait, Waiting

LONG_WAIT = timedelta(seconds=3)  # a command that stands still for less needs no explanation
WIDE = 200  # columns where the output is not a terminal, so that nothing is cut


def safe(text: object) -> str:
    """Text from TikTok, fit for `rich`: no control characters, no markup."""
    return escape(clean(str(text)))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], unbroken: Sequence[str] = ()) -> None:
    """Print a table; every cell is made harmless. A cell that is a list has a line for each of its entries.

    Args:
        columns: Their headings.
        rows: Their cells.
        unbroken: The columns that are not folded in a narrow terminal.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in unbroken)
    for row in rows:
        table.add_row(*("\n".join(map(safe, cell if isinstance(cell, list) else [cell])) for cell in row))
    console().print(table)


def print_requirements(found: Sequence[Requirement]) -> None:
    """Print the requirements, one line each."""
    for requirement in found:
        mark = "ok " if requirement.met else "NOT MET"
        click.echo(f"  {mark:<8}{clean(requirement.name)}: {clean(requirement.detail)}")


def print_json(value: Any) -> None:  # noqa: ANN401 -- whatever JSON can hold
    """Print JSON, with control characters of its texts escaped."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=True))


def waits_told(clock: Callable[[], datetime]) -> OnWait:
    """What a client is given so that its long waits are told on stderr, each one once: why, and how long."""
    told: list[Waiting] = []

    def tell(waiting: Waiting) -> None:
        now = clock()
        is_new = not told or waiting.reason is not told[-1].reason or waiting.until - told[-1].until >= LONG_WAIT
        if is_new and waiting.until - now >= LONG_WAIT:
            told.append(waiting)
            click.echo(f"The command {waiting.reason.one}, {waiting.left(now)} ...", err=True)

    return tell


def console(file: IO[str] | None = None) -> Console:
    """The terminal; where the output is none, it is as wide as a table may need."""
    found = Console(file=file, highlight=False)
    return found if found.is_terminal else Console(file=file, highlight=False, width=WIDE)


@contextmanager
def own_console() -> Generator[Console]:
    """A console that stays with the terminal, also while Dagster turns the standard output of a step aside."""
    sys.stdout.flush()
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding=sys.stdout.encoding, errors="replace") as file:
        yield console(file)


def allow_any_text() -> None:
    """Let what the encoding of the terminal cannot show or read be a `?`, instead of the end of the command."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
