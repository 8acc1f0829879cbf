"""Kills of commands and of migrations: what must hold after one, and that doing it again completes it."""

import itertools
from datetime import date

from tiktok_organic_dagster.accounts import open_accounts
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.state import SCHEMA_VERSION as STATE_VERSION
from tiktok_organic_dagster.state import reading, versions
from tiktok_organic_dagster.tables import ACCOUNT, CATALOGUE, STEPS
from tiktok_organic_dagster.tables.own import OWN_TABLES
from tiktok_organic_dagster.warehouse import open_warehouse, prepare_warehouse
from tiktok_organic_dagster.warehouse.ledger import stored_spans
from tiktok_organic_dagster.warehouse.preparing import SCHEMA_VERSION, version_of
from tiktok_organic_dagster_tests.faults import killing, works
from tiktok_organic_dagster_tests.faults.kills import assert_exact
from tiktok_organic_dagster_tests.lab import CLIENT_ID, Lab

apps = itertools.count(1)


def variables(lab: Lab, client_id: str = CLIENT_ID) -> dict[str, str]:
    """The settings of a laboratory, as a command finds them in the environment."""
    return {**lab.variables, "TIKTOK_CLIENT_ID": client_id}


def connecting(lab: Lab, at: int) -> bool:
    """The command `connect`, of an account that is not connected."""
    lab.store.forget(lab.business_id(0))
    killed = killing.run(works.connect, lab.clock.now(), 0, folder=lab.settings.home, at=at, variables=variables(lab))
    if [account.business_id for account in lab.store.accounts()] != [lab.business_id(0)]:
        assert killed
        assert lab.store.accounts() == []
        assert not killing.run(works.connect, lab.clock.now(), 0, folder=lab.settings.home, variables=variables(lab))
    assert [outcome.error for outcome in lab.read_account()] == [None]
    assert_exact(lab, STEPS["account"])
    return killed


def disconnecting(lab: Lab, at: int) -> bool:
    """The command `disconnect`: the account can be told to go again, or is gone."""
    name = lab.connect(0).username
    rows = lab.everything()
    arguments = ("disconnect", name)
    killed = killing.run(
        works.command, lab.clock.now(), *arguments, folder=lab.settings.home, at=at, variables=variables(lab)
    )
    if lab.store.accounts():
        assert killed
        assert not killing.run(
            works.command, lab.clock.now(), *arguments, folder=lab.settings.home, variables=variables(lab)
        )
    assert lab.store.accounts() == []
    assert lab.store.statuses() == {}
    assert lab.everything() == rows
    return killed


def replacing(lab: Lab, at: int) -> bool:
    """The command `connect --replace`, from one developer app to another: every row under the one id or the other."""
    (old,) = lab.store.accounts()
    app = f"{CLIENT_ID}{next(apps)}"
    new = lab.world.business_id(0, app)
    before = ids(lab)
    assert set().union(*before.values()) == {old.business_id}
    moved = {table: {new} if there else set() for table, there in before.items()}
    more = variables(lab, app)
    killed = killing.run(
        works.connect, lab.clock.now(), 0, "--replace", folder=lab.settings.home, at=at, variables=more
    )
    assert ids(lab) in (before, moved)
    (account,) = lab.store.accounts()
    if account.business_id == old.business_id:
        assert killed
        if ids(lab) == moved:  # a run that comes now writes nothing under the old id
            (outcome,) = lab.read_account()
            assert "its rows are being moved" in (outcome.error or "")
            assert ids(lab) == moved
        assert not killing.run(works.connect, lab.clock.now(), 0, "--replace", folder=lab.settings.home, variables=more)
    assert ids(lab) == moved
    lab.settings = lab.settings.model_copy(update={"client_id": app})
    assert [outcome.error for outcome in lab.read_account()] == [None]
    assert ids(lab) == moved
    return killed


def rotating(lab: Lab, at: int) -> bool:
    """The command `rotate-key`: the keys in the home read all tokens; doing it again leaves one key and no draft."""
    home = lab.settings.home
    killed = killing.run(works.command, lab.clock.now(), "rotate-key", folder=home, at=at, variables=variables(lab))
    open_accounts(lab.settings).engine.dispose()  # every token is read
    if killed:
        assert not killing.run(works.command, lab.clock.now(), "rotate-key", folder=home, variables=variables(lab))
    assert (home / "key").read_text().count(",") == 0
    assert list(home.glob(".key-*")) == []
    lab.store.engine.dispose()
    lab.store = open_accounts(lab.settings, lab.clock.now, lab.clock.sleep)
    assert [outcome.error for outcome in lab.read_account()] == [None] * len(lab.world.accounts)
    return killed


def copying(lab: Lab, target: Settings, at: int) -> bool:
    """The command `copy-warehouse`: the target holds all rows or none, and the next copy is compared in full."""
    arguments = ("copy-warehouse", "--to", target.warehouse_url)
    killed = killing.run(
        works.command, lab.clock.now(), *arguments, folder=lab.settings.home, at=at, variables=variables(lab)
    )
    found = ids_in(target)
    if killed:
        assert found in ({}, {table: set() for table in ids(lab)}, ids(lab))
        assert not killing.run(
            works.command, lab.clock.now(), *arguments, folder=lab.settings.home, variables=variables(lab)
        )
    assert ids_in(target) == ids(lab)
    return killed


def migrating(settings: Settings, at: int) -> bool:
    """The first opening of a state and a warehouse of version 1: whoever comes next finds or makes the present one."""
    killed = killing.run(works.open_both, settings, folder=settings.home, at=at)
    store = open_accounts(settings)
    assert [account.username for account in store.accounts()] == ["ada", "bob"]
    with reading(store.engine) as connection:
        assert [*connection.execute(versions.select()).scalars()] == [STATE_VERSION]
    store.engine.dispose()
    with open_warehouse(settings).session() as session:
        prepare_warehouse(session)
        assert version_of(session) == SCHEMA_VERSION
        ((place, spans),) = stored_spans(session).items()
        assert (place, len(spans)) == (("b", ACCOUNT.name), 1)
        assert (spans[0].first, spans[0].last) == (date(2026, 3, 1), date(2026, 3, 2))
    return killed


def ids(lab: Lab) -> dict[str, set[str]]:
    """The accounts that each table holds rows of."""
    return ids_in(lab.settings)


def ids_in(settings: Settings) -> dict[str, set[str]]:
    """The accounts that each table of a warehouse holds rows of; nothing where there is no table."""
    with open_warehouse(settings).session() as session:
        return {
            table.name: {row[0] for row in session.query(f"SELECT DISTINCT _business_id FROM {session.name_of(table)}")}
            for table in (*CATALOGUE, *OWN_TABLES)
            if session.holds(table)
        }
