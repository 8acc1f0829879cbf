"""The key of the hashes and the forgotten, in the state database: made once, encrypted, moved with their rows."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from tiktok_organic_dagster import state
from tiktok_organic_dagster.accounts import open_accounts
from tiktok_organic_dagster.accounts.store import AccountStore
from tiktok_organic_dagster.accounts.vault import vault_of_setting
from tiktok_organic_dagster.errors import ConfigurationError
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.tables import COMMENTS

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
USER_ID = COMMENTS.column("user_id")


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request, tmp_path):
    """A state database of each kind."""
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/state.db" if is_sqlite else request.getfixturevalue("new_postgres_database")()
    opened = state.engine(url)
    yield opened
    opened.dispose()


def store_of(engine, key):
    return AccountStore(engine, vault_of_setting(key), lambda: NOON)


def new_key():
    return Fernet.generate_key().decode()


def hash_of(store):
    return store.commenters.pseudonyms().of(USER_ID, "ada")


def rows(engine, table):
    with state.reading(engine) as connection:
        return [tuple(row) for row in connection.execute(sa.select(table))]


def test_the_key_is_made_once_whoever_comes_first(engine):
    key = new_key()
    with ThreadPoolExecutor(8) as pool:
        hashes = set(pool.map(lambda _number: hash_of(store_of(engine, key)), range(8)))
    assert len(hashes) == 1
    assert [name for name, _ in rows(engine, state.secrets)] == ["pseudonym key"]


def test_it_stays_the_same_when_the_key_of_the_tokens_is_replaced(engine):
    old, new = new_key(), new_key()
    before = hash_of(store_of(engine, old))

    assert store_of(engine, f"{new},{old}").rotate_key() == 0, "of no account"

    assert hash_of(store_of(engine, new)) == before
    for use in (hash_of, AccountStore.check_key):
        with pytest.raises(ConfigurationError, match=r"The key in TIKTOK_ORGANIC_KEY is not the one"):
            use(store_of(engine, old))


def test_a_lost_key_file_is_not_replaced_while_the_hashes_need_it(tmp_path):
    settings = Settings(home_folder=tmp_path)
    store = open_accounts(settings)
    before = hash_of(store)
    kept = (tmp_path / "key").read_text()
    (tmp_path / "key").unlink()
    with pytest.raises(ConfigurationError, match=r"The key file .* is missing"):
        open_accounts(settings)
    assert not (tmp_path / "key").exists()
    (tmp_path / "key").write_text(kept)
    assert hash_of(open_accounts(settings)) == before


def test_another_database_has_another_key(engine, tmp_path):
    other = state.engine(f"sqlite:///{tmp_path}/other.db")
    key = new_key()
    assert hash_of(store_of(engine, key)) != hash_of(store_of(other, key))
    other.dispose()


def test_two_tables_move_the_hashes_to_another_database(engine, tmp_path):
    key = new_key()
    commenters = store_of(engine, key).commenters
    before = hash_of(store_of(engine, key))
    assert commenters.forget("hashed:one")
    moved = state.engine(f"sqlite:///{tmp_path}/moved.db")

    with state.writing(moved) as connection:
        for table in (state.secrets, state.forgotten):
            connection.execute(table.insert().values(rows(engine, table)))

    assert hash_of(store_of(moved, key)) == before
    assert store_of(moved, key).commenters.forgotten() == {"hashed:one"}
    moved.dispose()


def test_who_is_forgotten_is_noted_once_with_the_moment(engine):
    commenters = store_of(engine, new_key()).commenters
    assert [commenters.forget(name) for name in ("hashed:one", "hashed:one", "hashed:two")] == [True, False, True]
    assert commenters.forgotten() == {"hashed:one", "hashed:two"}
    assert {moment for _, moment in rows(engine, state.forgotten)} == {NOON.timestamp()}
