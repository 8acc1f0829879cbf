"""The state database in PostgreSQL, as several machines share it: accounts, tokens, leases, and the request budget."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tiktok_organic_dagster.accounts import open_accounts, open_client, open_oauth
from tiktok_organic_dagster.accounts.access import open_reader
from tiktok_organic_dagster.errors import ConfigurationError
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.tables import ACCOUNT
from tiktok_organic_dagster.tiktok.limits import RequestBudget
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.lab import CLIENT_ID, Clock, Lab


@pytest.fixture
def lab(tmp_path: Path, clock: Clock, new_postgres_database: Callable[[], str]) -> Iterator[Lab]:
    """One machine; its state is shared."""
    lab = Lab(
        tmp_path / "one",
        f"duckdb:///{tmp_path / 'one.duckdb'}",
        clock,
        state_url=new_postgres_database(),
        key=Fernet.generate_key().decode(),
        accounts=2,
        videos=10,
    )
    yield lab
    lab.close()


def another_machine(lab: Lab, tmp_path: Path) -> Settings:
    return lab.settings.model_copy(update={"home_folder": tmp_path / "two", "base": tmp_path})


def test_an_account_connected_on_one_machine_is_read_on_another(lab: Lab, tmp_path: Path) -> None:
    store = open_accounts(another_machine(lab, tmp_path), lab.clock.now)

    assert {account.business_id for account in store.accounts()} == {lab.business_id(0), lab.business_id(1)}
    lab.read_account()
    assert lab.rows(ACCOUNT) == truth.in_order(truth.account(lab))
    store.engine.dispose()


def test_a_token_that_is_due_is_refreshed_once_by_two_machines_at_once(lab: Lab, tmp_path: Path) -> None:
    lab.clock.moment += timedelta(hours=23)
    lab.simulator.calls.clear()
    stores = [open_accounts(settings, lab.clock.now) for settings in (lab.settings, another_machine(lab, tmp_path))]

    def read(number: int) -> dict[str, object]:
        store = stores[number % 2]
        client = open_client(lab.settings, store, clock=lab.clock.now)
        account = store.find(lab.business_id(0))
        return open_reader(account, store, client, open_oauth(lab.settings, client)).profile(["username"])

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(read, range(8)))

    assert answers == [{"username": lab.world.accounts[0].username}] * 8
    assert lab.simulator.calls.count("tt_user/oauth2/refresh_token/") == 1
    for store in stores:
        store.engine.dispose()


def test_two_machines_share_one_budget(lab: Lab, tmp_path: Path) -> None:
    stores = [open_accounts(settings, lab.clock.now) for settings in (lab.settings, another_machine(lab, tmp_path))]
    budgets = [
        RequestBudget(
            store.engine,
            qpm_per_endpoint=40,
            qpm_app=600,
            qps_app=1_000,
            throttle_wait_s=300,
            clock=lab.clock.now,
            sleep=lab.clock.sleep,
        )
        for store in stores
    ]

    sent = [
        budgets[number % 2].acquire(f"{CLIENT_ID} x", "an account", "business/get/").sent_at for number in range(90)
    ]

    for moment in sent:
        assert sum(moment <= other < moment + 60 for other in sent) <= 38
    assert max(sent) - min(sent) >= 120
    for store in stores:
        store.engine.dispose()


def test_ten_machines_may_open_a_new_state_at_once(
    tmp_path: Path, clock: Clock, new_postgres_database: Callable[[], str]
) -> None:
    settings = Settings(
        base=tmp_path, home_folder=tmp_path, state=new_postgres_database(), key=Fernet.generate_key().decode()
    )

    def connected(_number: int) -> int:
        store = open_accounts(settings, clock.now)
        found = len(store.accounts())
        store.engine.dispose()
        return found

    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(connected, range(10))) == [0] * 10


def test_a_state_that_is_shared_wants_a_key_that_is_shared(
    tmp_path: Path, new_postgres_database: Callable[[], str]
) -> None:
    settings = Settings(base=tmp_path, home_folder=tmp_path, state=new_postgres_database())
    with pytest.raises(ConfigurationError, match=r"TIKTOK_ORGANIC_KEY is not set\. It is required"):
        open_accounts(settings)
