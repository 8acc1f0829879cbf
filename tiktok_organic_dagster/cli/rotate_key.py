"""The command `rotate-key`: the stored tokens get another key."""

import click

from tiktok_organic_dagster.accounts.access import open_accounts
from tiktok_organic_dagster.accounts.vault import KEY_FILE, new_key_in_home
from tiktok_organic_dagster.errors import ConfigurationError
from tiktok_organic_dagster.settings import Settings


@click.command("rotate-key")
def rotate_key() -> None:
    """Encrypt the stored tokens with another key, once no run is under way.

    With the key in the home folder, a new one is made, and the old one is gone at the end. With TIKTOK_ORGANIC_KEY, put
    the new key before the old one first, with a comma between them, on every machine.
    """
    settings = Settings.load()
    if settings.key is None:
        open_accounts(settings).engine.dispose()  # is there a state, and does the key fit?
        with new_key_in_home(settings.home):
            number = _rotate(settings)
        click.echo(
            f"The tokens of all accounts ({number}) are encrypted with a new key, in {settings.home / KEY_FILE}. Back "
            "it up; only older backups of the state need the old one. Start Dagster's processes again."
        )
        return
    if "," not in settings.key.get_secret_value().strip(" ,"):
        raise ConfigurationError(
            "TIKTOK_ORGANIC_KEY holds one key alone. Put the new one before it, with a comma between them, on every "
            "machine; then run tiktok-organic rotate-key again."
        )
    click.echo(
        f"The tokens of all accounts ({_rotate(settings)}) are encrypted with the first key of TIKTOK_ORGANIC_KEY. "
        "Leave that one alone there, on every machine, and start Dagster's processes again."
    )


def _rotate(settings: Settings) -> int:
    store = open_accounts(settings)
    try:
        return store.rotate_key()
    finally:
        store.engine.dispose()
