"""The command `tiktok-organic`: its groups of commands, and the one place where errors become a sentence."""

import sys
from typing import Any, NoReturn

import click

from tiktok_organic_dagster.cli.accounts import accounts, check, disconnect
from tiktok_organic_dagster.cli.connect import connect
from tiktok_organic_dagster.cli.copy_warehouse import copy_warehouse
from tiktok_organic_dagster.cli.forget_commenter import forget_commenter
from tiktok_organic_dagster.cli.gaps import gaps
from tiktok_organic_dagster.cli.local import demo, simulator, ui
from tiktok_organic_dagster.cli.rotate_key import rotate_key
from tiktok_organic_dagster.errors import TikTokOrganicError
from tiktok_organic_dagster.terminal import allow_any_text
from tiktok_organic_dagster.tiktok.errors import printable, without_secrets


class _OneSentence(click.ClickException):
    """An error as the user sees it: never cut, for the remedy often stands at its end."""

    def show(self, file: Any = None) -> None:  # noqa: ANN401 -- as in click
        click.echo(printable(without_secrets(self.message)), file=file or sys.stderr)


class _Commands(click.Group):
    """Commands whose errors are one sentence on stderr and exit status 1, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 -- as in click
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            # It quotes arguments, which a script may have from elsewhere.
            raise click.UsageError(printable(error.format_message()), error.ctx) from None
        except TikTokOrganicError as error:
            _fail(str(error))
        except BrokenPipeError:
            raise  # whoever read the output has enough of it: click ends without a word
        except OSError as error:
            name = f" ({error.filename})" if error.filename else ""
            _fail(f"The system refused: {error.strerror or error}{name}. Check that you may read and write there.")
        except (KeyboardInterrupt, EOFError):
            _fail("Stopped; nothing more was done.")


def _fail(text: str) -> NoReturn:
    raise _OneSentence(text) from None


@click.group(cls=_Commands)
@click.version_option(package_name="tiktok-organic-dagster")
def main() -> None:
    """TikTok's organic data in your warehouse: connect accounts, check them, try it all on a simulated TikTok."""
    allow_any_text()


for _command in (
    connect,
    accounts,
    check,
    disconnect,
    gaps,
    forget_commenter,
    copy_warehouse,
    rotate_key,
    simulator,
    demo,
    ui,
):
    main.add_command(_command)
