"""Opens what the settings describe: the account store, the TikTok client, OAuth, and a reader of one account."""

import time
from collections.abc import Callable
from datetime import datetime

from tiktok_organic_dagster.accounts.account import Account
from tiktok_organic_dagster.accounts.store import AccountStore
from tiktok_organic_dagster.accounts.vault import Vault, keep_private, vault_of_home, vault_of_setting
from tiktok_organic_dagster.errors import ConfigurationError
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.state import accounts, engine, reading, secrets, utc_now
from tiktok_organic_dagster.tiktok.client import AccountReader, TikTokClient
from tiktok_organic_dagster.tiktok.limits import RequestBudget
from tiktok_organic_dagster.tiktok.oauth import OAuthClient
from tiktok_organic_dagster.tiktok.waiting import OnWait, unheard


def open_accounts(
    settings: Settings, clock: Callable[[], datetime] = utc_now, sleep: Callable[[float], None] = time.sleep
) -> AccountStore:
    """Open the state database, which is created if it does not exist, and make sure that the key fits.

    Raises:
        ConfigurationError: The database cannot be opened, or the key is missing, malformed or wrong.
    """
    keep_private(settings.home)
    opened = engine(settings.state_url)
    with reading(opened) as connection:
        needed = any(connection.execute(table.select().limit(1)).first() is not None for table in (accounts, secrets))
    store = AccountStore(opened, _vault(settings, opened.dialect.name, needed=needed), clock, sleep)
    store.check_key()
    return store


def open_client(
    settings: Settings,
    store: AccountStore,
    *,
    clock: Callable[[], datetime] = utc_now,
    sleep: Callable[[float], None] = time.sleep,
    on_wait: OnWait = unheard,
) -> TikTokClient:
    """A client of the API of the settings, whose quotas are shared through the state database."""
    budget = RequestBudget(
        store.engine,
        qpm_per_endpoint=settings.qpm_per_endpoint,
        qpm_app=settings.qpm_app,
        qps_app=settings.qps_app,
        throttle_wait_s=settings.throttle_wait_s,
        clock=clock,
        sleep=sleep,
    )
    return TikTokClient(
        api_url=settings.api_url,
        budget=budget,
        timeout_s=settings.timeout_s,
        backoff_s=settings.backoff_s,
        sleep=sleep,
        clock=clock,
        on_wait=on_wait,
    )


def open_oauth(settings: Settings, client: TikTokClient) -> OAuthClient:
    """The developer app of the settings; what is missing there is asked for only once a call needs it."""
    return OAuthClient(
        client,
        client_id=settings.client_id,
        client_secret=settings.client_secret.get_secret_value() if settings.client_secret else None,
        authorize_url=settings.authorize_url,
    )


def open_reader(account: Account, store: AccountStore, client: TikTokClient, oauth: OAuthClient) -> AccountReader:
    """A reader of a connected account.

    Raises:
        ConfigurationError: It was connected at another API or with another app than the settings name.
    """
    return client.reader(account.business_id, account.client_id, store.tokens(account.business_id, oauth))


def _vault(settings: Settings, dialect: str, *, needed: bool) -> Vault:
    if settings.key is not None:
        return vault_of_setting(settings.key.get_secret_value())
    if dialect != "sqlite":
        raise ConfigurationError(
            "TIKTOK_ORGANIC_KEY is not set. It is required when TIKTOK_ORGANIC_STATE is not SQLite: every machine "
            "needs the same key. Make one with: python -c 'from cryptography.fernet import Fernet; "
            "print(Fernet.generate_key().decode())'"
        )
    return vault_of_home(settings.home, holds_tokens=needed)
