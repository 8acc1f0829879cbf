"""The command `copy-warehouse`: all tables into another database, compared, with what to do next."""

import os
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from pydantic import SecretStr
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from tiktok_organic_dagster.errors import ConfigurationError
from tiktok_organic_dagster.settings import SCHEMA_NAME, Settings
from tiktok_organic_dagster.terminal import console, print_table
from tiktok_organic_dagster.tiktok.errors import printable

if TYPE_CHECKING:
    from tiktok_organic_dagster.warehouse.copying import Copied, Step

FROM_ENVIRONMENT = "env:"


@click.command("copy-warehouse")
@click.option(
    "--to",
    required=True,
    metavar="URL|env:NAME",
    help=(
        "Where to: postgresql://user:password@host:port/database or duckdb:///path/to/file, as in "
        "TIKTOK_ORGANIC_WAREHOUSE. Lists of processes show the password: with env:NAME the URL is taken from the "
        "environment variable NAME (any name of yours that does not begin with TIKTOK_ORGANIC_)."
    ),
)
@click.option("--to-schema", metavar="NAME", help="The schema there; by default the one of TIKTOK_ORGANIC_SCHEMA.")
def copy_warehouse(to: str, to_schema: str | None) -> None:
    """Copy all tables into another database, and compare the two value by value.

    The warehouse of the settings is only read. The other one has to hold no rows of these tables; it takes all of them
    in one transaction, or none. Stop the loading meanwhile: what is loaded later is not in the copy. A copy that is
    there already is compared again.
    """
    from tiktok_organic_dagster.tables import CATALOGUE  # noqa: PLC0415 -- databases, that other commands need not wait for
    from tiktok_organic_dagster.tables.own import OWN_TABLES  # noqa: PLC0415 -- likewise
    from tiktok_organic_dagster.warehouse import copying, open_warehouse  # noqa: PLC0415 -- likewise

    settings = Settings.load()
    elsewhere = settings.model_copy(
        update={
            "warehouse": SecretStr(_url(to)),
            "warehouse_schema": settings.warehouse_schema if to_schema is None else _schema(to_schema),
        }
    )
    source = open_warehouse(settings)
    with copying.named_as_target():
        target = open_warehouse(elsewhere)
    click.echo(f"From {printable(source.place)} to {printable(target.place)}")
    with _progress() as tell:
        copied = copying.copy_warehouse(source, target, (*CATALOGUE, *OWN_TABLES), tell)
    _print_result(copied)
    for name, columns in copied.stays_behind.items():
        click.echo(
            f"Warning: {name} also has columns that are not of this project, and stay behind: {', '.join(columns)}"
        )
    _print_next(elsewhere, target.place)


def _url(to: str) -> str:
    """The URL that the option gives, or names the variable of."""
    if not to.startswith(FROM_ENVIRONMENT):
        return to
    name = to.removeprefix(FROM_ENVIRONMENT)
    if not name.isidentifier():  # perhaps the URL itself, with its password
        raise ConfigurationError("--to env: wants the name of an environment variable, such as --to env:NEW_WAREHOUSE.")
    url = os.environ.get(name, "")
    if not url:
        raise ConfigurationError(
            f"--to names the environment variable {name}, which is not set. Set it to the URL of the database to copy "
            "to, and export it."
        )
    return url


def _schema(name: str) -> str:
    if not re.fullmatch(SCHEMA_NAME, name):
        raise ConfigurationError(
            f"--to-schema {name!r} cannot be the name of a schema here: letters, digits and _ only, at most 63 of "
            "them, and no digit in front."
        )
    return name


@contextmanager
def _progress() -> Generator[Callable[["Step"], None]]:
    """Shows how far the copy is: moving in a terminal, else a line when something begins."""
    terminal = console()
    if not terminal.is_terminal:
        yield lambda step: None if step.rows else terminal.print(f"{step.doing} {step.table}: {step.of:,} rows ...")
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=terminal, transient=True) as progress:
        tasks: dict[str, TaskID] = {}

        def tell(step: "Step") -> None:
            if not step.rows:
                for task in tasks.values():
                    progress.remove_task(task)
                tasks.clear()
                tasks["now"] = progress.add_task(f"{step.doing} {step.table}", total=step.of)
            progress.update(tasks["now"], completed=step.rows)

        yield tell


def _print_result(copied: "Copied") -> None:
    rows = [(name, f"{rows:,}", f"{copied.compared[name]:,}") for name, rows in copied.rows.items()]
    total = (sum(copied.rows.values()), sum(copied.compared.values()))
    print_table(("table", "rows", "compared, and equal"), [*rows, ("all", *(f"{count:,}" for count in total))])
    if copied.was_there:
        click.echo("The copy is there already; it was compared value by value, and nothing was written.")
    else:
        click.echo("Copied, and compared value by value.")


def _print_next(elsewhere: Settings, place: str) -> None:
    """What to set now, without the password, and what stays where it is."""
    url = (
        f"duckdb:///{place}" if elsewhere.warehouse_url.startswith("duckdb:") else f"{place} (in full, as you gave it)"
    )
    click.echo(
        "\nNext, set this wherever TIKTOK_ORGANIC_WAREHOUSE is set now (.env, environment), and start Dagster again:"
    )
    click.echo(f"  TIKTOK_ORGANIC_WAREHOUSE={printable(url)}")
    if elsewhere.warehouse_schema:
        click.echo(f"  TIKTOK_ORGANIC_SCHEMA={elsewhere.warehouse_schema}")
    click.echo(
        "The old warehouse is as it was; remove it when you need it no more. What is not of this project stays behind: "
        "your own tables, views and grants. So does the state database (TIKTOK_ORGANIC_STATE), which holds accounts, "
        "tokens and request budget: it is another database, and goes on serving as it is."
    )
