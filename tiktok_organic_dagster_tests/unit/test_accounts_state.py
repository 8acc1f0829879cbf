"""Opening the state database: private files, clear errors, and several openers at once."""

import stat
import threading

import pytest
import sqlalchemy as sa

from tiktok_organic_dagster import state
from tiktok_organic_dagster.errors import ConfigurationError, StateError


def test_folder_and_file_are_private(tmp_path):
    state.engine(f"sqlite:///{tmp_path}/home/state.db").dispose()
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "home/state.db").stat().st_mode) == 0o600


def test_it_is_opened_with_a_write_ahead_log(tmp_path):
    engine = state.engine(f"sqlite:///{tmp_path}/state.db")
    with state.reading(engine) as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1


def test_threads_that_open_it_at_once_all_succeed(tmp_path):
    url = f"sqlite:///{tmp_path}/home/state.db"
    failures = []

    def work():
        try:
            state.engine(url).dispose()
        except ConfigurationError as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize(
    "url", ["nonsense", "", "mysql://u:hidden@h/d", "sqlite://", "sqlite:///:memory:", "postgresql://u:hidden@h:port/d"]
)
def test_urls_that_cannot_be_used_are_named_without_being_shown(url):
    with pytest.raises(ConfigurationError, match="TIKTOK_ORGANIC_STATE") as caught:
        state.engine(url)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("password", ["hid@hidden", "hid@hidden/x", "hid@hidden?x", "hid@hidden:5432", "@hidden"])
def test_a_password_with_an_unescaped_at_sign_is_refused_without_being_shown(password):
    with pytest.raises(ConfigurationError, match=r"TIKTOK_ORGANIC_STATE .*@ as %40") as caught:
        state.engine(f"postgresql://owner:{password}@127.0.0.1:9/db")
    for part in ("owner", "hid", "127.0.0.1"):
        assert part not in str(caught.value)


def test_a_file_may_have_at_signs_in_its_path(tmp_path):
    state.engine(f"sqlite:///{tmp_path}/me@home/a@b/state.db").dispose()
    assert (tmp_path / "me@home/a@b/state.db").is_file()


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_an_unreachable_server_is_named_without_its_password(scheme):
    with pytest.raises(ConfigurationError, match=r"127\.0\.0\.1") as caught:
        state.engine(f"{scheme}://me:hidden@127.0.0.1:9/db?sslmode=disable")
    assert "hidden" not in str(caught.value)


def test_a_file_that_is_no_database_is_a_clear_error(tmp_path):
    (tmp_path / "state.db").write_text("this is not a database, but it is long enough to be looked at")
    with pytest.raises(ConfigurationError, match=r"state\.db"):
        state.engine(f"sqlite:///{tmp_path}/state.db")


def test_a_folder_in_place_of_the_file_is_a_clear_error(tmp_path):
    with pytest.raises(ConfigurationError, match="TIKTOK_ORGANIC_HOME"):
        state.engine(f"sqlite:///{tmp_path}")


def test_a_state_of_a_newer_version_is_refused(tmp_path):
    url = f"sqlite:///{tmp_path}/state.db"
    engine = state.engine(url)
    with state.writing(engine) as connection:
        connection.execute(state.versions.update().values(version=state.SCHEMA_VERSION + 1))
    with pytest.raises(ConfigurationError, match="newer"):
        state.engine(url)


def test_a_database_that_fails_later_is_a_clear_error(tmp_path):
    engine = state.engine(f"sqlite:///{tmp_path}/state.db")
    with pytest.raises(StateError, match=r"state\.db"), state.writing(engine) as connection:
        connection.execute(sa.text("INSERT INTO nowhere VALUES (1)"))


def test_a_write_that_fails_changes_nothing(tmp_path):
    engine = state.engine(f"sqlite:///{tmp_path}/state.db")
    with pytest.raises(ZeroDivisionError), state.writing(engine) as connection:
        connection.execute(state.versions.update().values(version=9))
        _ = 1 / 0
    with state.reading(engine) as connection:
        assert connection.execute(sa.select(state.versions.c.version)).scalar_one() == state.SCHEMA_VERSION
