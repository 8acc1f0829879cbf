"""The two resources of the code location: thin shells without fields; settings are read at run start."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from dagster import ConfigurableResource

from tiktok_organic_dagster.accounts.access import open_accounts, open_client, open_oauth, open_reader
from tiktok_organic_dagster.accounts.account import Account
from tiktok_organic_dagster.accounts.store import AccountStore
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
                "(or try everything without an account: tiktok-organic demo)."
            )
        return accounts


class TikTokResource(ConfigurableResource[ConnectedAccounts]):
    """TikTok's Accounts API v1.3 for all connected accounts, within TikTok's quotas.

    There is nothing to configure here: the app (TIKTOK_CLIENT_ID and others), the quotas (TIKTOK_ORGANIC_QPM_APP and
    others) and the place of the tokens (TIKTOK_ORGANIC_STATE) come from the environment or `.env`, and are read when a
    run starts. Accounts are connected with `tiktok-organic connect` and listed with `tiktok-organic accounts`.
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
    """Where the 12 tables live: a DuckDB file or a PostgreSQL database.

    There is nothing to configure here: the place (TIKTOK_ORGANIC_WAREHOUSE) and the schema (TIKTOK_ORGANIC_SCHEMA) come
    from the environment or `.env`, and are read when a run starts. Missing tables are made by the first run.
    """

    def open(self, sleep: Callable[[float], None] = time.sleep) -> Warehouse:
        """The warehouse; a connection is made only when it is read or written.

        Args:
            sleep: Waits for a number of seconds, while another process holds an embedded warehouse.

        Raises:
            WarehouseError: The setting names no kind of database that is known here.
        """
        return open_warehouse(Settings.load(), sleep)
