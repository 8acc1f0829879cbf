"""The two resources of the code location: thin shells without fields; settings are read at run start."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from dagster import ConfigurableResource

from tiktok_organic_dagster.accounts.access import open_accounts, open_client, open_oauth, open_reader
from tiktok_organic_dagster.accounts.store import Account, AccountStore
from tiktok_organic_dagster.errors import ConfigurationError
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.tiktok.client import AccountReader
from tiktok_organic_dagster.warehouse import Warehouse, open_warehouse


@dataclass(frozen=True)
class ConnectedAccounts:
    """The accounts that may be read, and the way to read them."""

    store: AccountStore
    open_reader: Callable[[Account], AccountReader]

    def named(self, names: Sequence[str]) -> list[Account]:
        """The accounts of these usernames or ids; all connected ones if no name is given.

        Raises:
            ConfigurationError: No account is connected, or one of the names is not.
        """
        if names:
            return list({account.business_id: account for account in map(self.store.find, names)}.values())
        accounts = self.store.accounts()
        if not accounts:
            raise ConfigurationError(
                f"No account is connected in {self.store.place}. Connect one with: tiktok-organic connect "
                "(or try everything without an account: make demo)."
            )
        return accounts


class TikTokResource(ConfigurableResource[ConnectedAccounts]):
    """TikTok's Accounts API for all connected accounts.

    It has no fields: the developer app, the quotas and the place of the tokens come from the environment or `.env`.
    """

    def connect(self, clock: Callable[[], datetime], sleep: Callable[[float], None]) -> ConnectedAccounts:
        """Open the account store and a client within the shared request budget.

        Raises:
            ConfigurationError: A setting, the state database or the key cannot be used.
        """
        settings = Settings.load()
        store = open_accounts(settings, clock, sleep)
        client = open_client(settings, store, clock=clock, sleep=sleep)
        oauth = open_oauth(settings, client)
        return ConnectedAccounts(store, lambda account: open_reader(account, store, client, oauth))


class WarehouseResource(ConfigurableResource[Warehouse]):
    """Where the 12 tables live: DuckDB or PostgreSQL.

    It has no fields: the place comes from the environment or `.env`.
    """

    def open(self, sleep: Callable[[float], None]) -> Warehouse:
        """The warehouse; a connection is made only when it is read or written.

        Args:
            sleep: Waits for a number of seconds, while another process holds an embedded warehouse.

        Raises:
            WarehouseError: The setting names no kind of database that is known here.
        """
        return open_warehouse(Settings.load(), sleep)
