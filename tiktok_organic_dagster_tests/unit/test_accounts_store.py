"""The account store: saving, finding, renewing, renaming, forgetting, and what was last read."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from tiktok_organic_dagster import state
from tiktok_organic_dagster.accounts.store import AccountStore
from tiktok_organic_dagster.accounts.vault import vault_of_setting
from tiktok_organic_dagster.errors import ConfigurationError, UnknownAccountError
from tiktok_organic_dagster.tiktok import TokenGrant

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
GRANT = TokenGrant(
    access_token="act.one",
    refresh_token="rft.one",
    business_id="-000abc",
    scopes=("video.list", "user.info.basic"),
    expires_at=NOW + timedelta(days=1),
    refresh_expires_at=NOW + timedelta(days=365),
)
LABELS = ("tiny.greenhouse", "cid", "https://api")


class Clock:
    now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock):
    engine = state.engine(f"sqlite:///{tmp_path}/state.db")
    yield AccountStore(engine, vault_of_setting(Fernet.generate_key().decode()), clock)
    engine.dispose()


def test_a_saved_account_is_found_by_name_and_id(store):
    saved = store.save(GRANT, *LABELS)
    for name in ("tiny.greenhouse", "@tiny.greenhouse", "@Tiny.Greenhouse", "-000abc"):
        assert store.find(name) == saved
    assert saved.scopes == {"video.list", "user.info.basic"}
    assert (saved.connected_at, saved.authorized_at) == (NOW, NOW)
    assert saved.refresh_expires_at == GRANT.refresh_expires_at


def test_accounts_come_by_username(store):
    for number, name in enumerate(("zoe", "anna", "mia")):
        store.save(replace(GRANT, business_id=str(number)), name, "cid", "https://api")
    assert [account.username for account in store.accounts()] == ["anna", "mia", "zoe"]


def test_an_unknown_name_is_answered_with_the_known_ones(store):
    with pytest.raises(UnknownAccountError, match="tiktok-organic connect"):
        store.find("nobody")
    store.save(GRANT, *LABELS)
    with pytest.raises(UnknownAccountError, match=r"@tiny\.greenhouse"):
        store.find("nobody")


def test_of_many_accounts_ten_are_named_and_the_others_counted_before_the_remedy(store):
    for number in range(12):
        store.save(replace(GRANT, business_id=f"id-{number:02}"), f"brand.{number:02}", "cid", "https://api")
    with pytest.raises(UnknownAccountError) as caught:
        store.find("nobody")
    text = str(caught.value)
    assert all(f"@brand.{number:02}" in text for number in range(10))
    assert "@brand.09 and 2 more. To connect another: tiktok-organic connect" in text
    store.forget("id-11")
    store.forget("id-10")
    with pytest.raises(UnknownAccountError, match=r"@brand\.09\. To connect another"):
        store.find("nobody")


CLEARS_THE_SCREEN = "tiny\x1b[2J.green\r\nhouse\u202e"
HARMLESS = "tiny [2J.green house"


def test_no_control_character_of_a_name_comes_into_the_store(store):
    assert store.save(GRANT, CLEARS_THE_SCREEN, "cid", "https://api").username == HARMLESS
    assert store.rename("-000abc", GRANT, f"@{CLEARS_THE_SCREEN}", "cid", "https://api").username == HARMLESS
    store.record_username("-000abc", "plain")
    store.record_username("-000abc", f" @{CLEARS_THE_SCREEN} ")
    assert [account.username for account in store.accounts()] == [HARMLESS]
    store.record_username("-000abc", "\x1b\x07")
    assert store.username("-000abc") == HARMLESS


def test_a_name_that_looks_like_a_token_is_kept(store):
    assert store.save(GRANT, "act.studio", "cid", "https://api").username == "act.studio"


def test_tokens_are_encrypted_at_rest_and_in_no_repr(store, tmp_path):
    account = store.save(GRANT, *LABELS)
    raw = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for secret in ("act.one", "rft.one"):
        assert secret.encode() not in raw
        assert secret not in repr(account) + repr(GRANT) + repr(store.pair("-000abc"))
    assert store.pair("-000abc").refresh_token == "rft.one"


def test_connecting_again_renews_in_place(store, clock):
    store.save(GRANT, *LABELS)
    store.record_complete("-000abc", "videos", NOW)
    store.mark_needs_authorization("-000abc", "its year is over")
    clock.now += timedelta(days=3)
    again = store.save(replace(GRANT, access_token="act.two", scopes=("video.list",)), "new.name", "cid", "https://api")
    assert len(store.accounts()) == 1
    assert (again.connected_at, again.authorized_at) == (NOW, clock.now)
    assert (again.username, again.scopes, again.needs_authorization) == ("new.name", {"video.list"}, None)
    assert store.pair("-000abc").access_token == "act.two"
    assert store.status("-000abc")["videos"].last_complete == NOW


def test_renaming_moves_the_account_and_what_was_read(store):
    store.save(GRANT, *LABELS)
    store.record_complete("-000abc", "videos", NOW)
    store.rename("-000abc", replace(GRANT, business_id="000new", access_token="act.new"), *LABELS)
    (account,) = store.accounts()
    assert account.business_id == "000new"
    assert account.connected_at == NOW
    assert store.pair("000new").access_token == "act.new"
    assert store.status("000new")["videos"].last_complete == NOW
    assert store.status("-000abc") == {}


def test_forgetting_leaves_nothing(store):
    store.save(GRANT, *LABELS)
    store.record_complete("-000abc", "videos", NOW)
    store.forget("-000abc")
    assert store.accounts() == []
    assert store.status("-000abc") == {}


def test_what_was_read_and_what_failed_stand_side_by_side(store):
    store.save(GRANT, *LABELS)
    store.record_error("-000abc", "videos", "TikTok has trouble", NOW)
    assert store.status("-000abc")["videos"].failing
    store.record_complete("-000abc", "videos", NOW + timedelta(hours=1))
    found = store.status("-000abc")["videos"]
    assert not found.failing
    assert (found.last_complete, found.last_error) == (NOW + timedelta(hours=1), "TikTok has trouble")
    store.record_error("-000abc", "videos", "again", NOW + timedelta(hours=2))
    assert store.status("-000abc")["videos"].failing


def test_a_new_name_is_recorded_and_an_empty_one_is_not(store):
    store.save(GRANT, *LABELS)
    store.record_username("-000abc", "@renamed")
    store.record_username("-000abc", " ")
    assert store.find("renamed").business_id == "-000abc"


class App:
    api_url = "https://api"
    client_id = "cid"


def test_an_account_of_another_api_or_app_is_refused(store):
    store.save(GRANT, *LABELS)
    store.tokens("-000abc", App())
    for name, value, variable in (
        ("api_url", "https://elsewhere", "TIKTOK_API_URL"),
        ("client_id", "another", "TIKTOK_CLIENT_ID"),
    ):
        app = App()
        setattr(app, name, value)
        with pytest.raises(ConfigurationError, match=variable):
            store.tokens("-000abc", app)


def test_reading_needs_no_client_id(store):
    store.save(GRANT, *LABELS)
    app = App()
    app.client_id = None
    assert store.tokens("-000abc", app).access_token() == "act.one"


def test_a_wrong_key_is_noticed_at_once(store):
    store.save(GRANT, *LABELS)
    store.check_key()
    wrong = AccountStore(store.engine, vault_of_setting(Fernet.generate_key().decode()))
    with pytest.raises(ConfigurationError, match="TIKTOK_ORGANIC_KEY"):
        wrong.check_key()


def test_a_lease_has_one_owner_until_it_ends(store):
    store.save(GRANT, *LABELS)
    assert store.take_lease("-000abc", "one", 100.0, 160.0)
    assert not store.take_lease("-000abc", "two", 159.0, 219.0)
    assert store.take_lease("-000abc", "two", 160.0, 220.0)
    store.end_lease("-000abc", "one")
    assert not store.take_lease("-000abc", "three", 161.0, 221.0)
    store.end_lease("-000abc", "two")
    assert store.take_lease("-000abc", "three", 161.0, 221.0)


def test_a_lease_of_a_dead_owner_does_not_outlast_a_clock_that_is_set_back(store):
    store.save(GRANT, *LABELS)
    assert store.take_lease("-000abc", "dead", 7300.0, 7360.0)
    assert not store.take_lease("-000abc", "on another machine", 7240.0, 7300.0)
    assert store.take_lease("-000abc", "after the clock", 100.0, 160.0)


def test_an_outdated_pair_never_replaces_a_newer_one(store):
    store.save(GRANT, *LABELS)
    version = store.pair("-000abc").version
    assert store.replace_pair("-000abc", version, replace(GRANT, access_token="act.two"))
    assert not store.replace_pair("-000abc", version, replace(GRANT, access_token="act.late"))
    assert not store.mark_needs_authorization("-000abc", "late", version)
    assert store.pair("-000abc").access_token == "act.two"


def test_what_a_refresh_does_not_bring_stays(store):
    store.save(GRANT, *LABELS)
    bare = TokenGrant("act.two", "", "", (), NOW + timedelta(days=2), None)
    store.replace_pair("-000abc", store.pair("-000abc").version, bare)
    account, pair = store.find("-000abc"), store.pair("-000abc")
    assert (pair.access_token, pair.refresh_token) == ("act.two", "rft.one")
    assert account.scopes == {"video.list", "user.info.basic"}
    assert account.refresh_expires_at == GRANT.refresh_expires_at


def test_a_refresh_updates_the_scopes(store):
    store.save(GRANT, *LABELS)
    store.replace_pair("-000abc", store.pair("-000abc").version, replace(GRANT, scopes=("comment.list",)))
    assert store.find("-000abc").scopes == {"comment.list"}


def test_instants_are_kept_to_the_microsecond(store):
    exact = datetime(2026, 11, 23, 23, 59, 59, 999_999, tzinfo=UTC)
    store.save(GRANT, *LABELS)
    store.record_complete("-000abc", "videos", exact)
    assert store.status("-000abc")["videos"].last_complete == exact
    with state.reading(store.engine) as connection:
        assert connection.execute(sa.select(state.steps.c.last_error)).scalar_one() is None


def test_all_tokens_are_encrypted_with_the_first_key(store, clock):
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    before = AccountStore(store.engine, vault_of_setting(old), clock)
    for number in range(3):
        before.save(replace(GRANT, business_id=str(number), access_token=f"act.{number}"), *LABELS)

    assert AccountStore(store.engine, vault_of_setting(f"{new},{old}"), clock).rotate_key() == 3

    after = AccountStore(store.engine, vault_of_setting(new), clock)
    assert [after.pair(str(number)).access_token for number in range(3)] == ["act.0", "act.1", "act.2"]
    assert {after.pair(str(number)).refresh_token for number in range(3)} == {"rft.one"}
    with pytest.raises(ConfigurationError):
        before.pair("0")


def test_a_token_refreshed_while_the_key_is_rotated_is_not_replaced_by_the_old_one(store, clock, monkeypatch):
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    refreshing = AccountStore(store.engine, vault_of_setting(f"{new},{old}"), clock)
    AccountStore(store.engine, vault_of_setting(old), clock).save(GRANT, *LABELS)
    vault = vault_of_setting(f"{new},{old}")
    rotate = vault.rotate

    def refreshed_meanwhile(text):
        monkeypatch.setattr(vault, "rotate", rotate)
        assert refreshing.replace_pair(GRANT.business_id, 1, replace(GRANT, access_token="act.two"))
        return rotate(text)

    monkeypatch.setattr(vault, "rotate", refreshed_meanwhile)

    assert AccountStore(store.engine, vault, clock).rotate_key() == 1

    pair = AccountStore(store.engine, vault_of_setting(new), clock).pair(GRANT.business_id)
    assert (pair.access_token, pair.refresh_token) == ("act.two", "rft.one")


def test_without_accounts_there_is_nothing_to_rotate(store):
    assert store.rotate_key() == 0
