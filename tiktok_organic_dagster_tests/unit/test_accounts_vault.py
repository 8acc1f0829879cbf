"""The vault: keys from the settings or the home folder, and the errors of those that do not fit."""

import multiprocessing
import stat

import pytest
from cryptography.fernet import Fernet

from tiktok_organic_dagster.accounts.vault import Vault, new_key_in_home, vault_of_home, vault_of_setting
from tiktok_organic_dagster.errors import ConfigurationError


def key():
    return Fernet.generate_key().decode()


def test_the_first_key_encrypts_and_all_decrypt():
    old, new = key(), key()
    kept = vault_of_setting(old).encrypt("act.token")
    rotating = vault_of_setting(f"{new}, {old}")
    assert rotating.decrypt(kept) == "act.token"
    assert vault_of_setting(new).decrypt(rotating.encrypt("rft.token")) == "rft.token"


def test_a_wrong_key_is_one_clear_error_without_the_key():
    wrong = key()
    with pytest.raises(ConfigurationError, match="TIKTOK_ORGANIC_KEY") as caught:
        vault_of_setting(wrong).decrypt(vault_of_setting(key()).encrypt("x"))
    assert wrong not in str(caught.value)
    with pytest.raises(ConfigurationError, match="TIKTOK_ORGANIC_KEY"):
        vault_of_setting(wrong).rotate(vault_of_setting(key()).encrypt("x"))


@pytest.mark.parametrize("text", ["", ",", "secret-but-no-key", "ä" * 44])
def test_what_is_no_key_is_refused_without_being_shown(text):
    with pytest.raises(ConfigurationError, match="TIKTOK_ORGANIC_KEY") as caught:
        vault_of_setting(text)
    assert "secret" not in str(caught.value)


def test_the_home_gets_a_key_that_only_its_owner_reads(tmp_path):
    home = tmp_path / "home"
    kept = vault_of_home(home, holds_tokens=False).encrypt("x")
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "key").stat().st_mode) == 0o600
    assert [each.name for each in home.iterdir()] == ["key"]
    assert vault_of_home(home, holds_tokens=True).decrypt(kept) == "x"


def test_a_lost_key_is_not_replaced_while_tokens_depend_on_it(tmp_path):
    with pytest.raises(ConfigurationError, match="missing"):
        vault_of_home(tmp_path, holds_tokens=True)
    assert not (tmp_path / "key").exists()


def test_a_spoilt_key_file_is_a_clear_error(tmp_path):
    (tmp_path / "key").write_bytes(b"\xff\x00")
    with pytest.raises(ConfigurationError, match="key"):
        vault_of_home(tmp_path, holds_tokens=False)


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="TIKTOK_ORGANIC_HOME"):
        vault_of_home(tmp_path / "file" / "home", holds_tokens=False)


def encrypt_at_once(home, started, results):
    started.wait()
    results.put(vault_of_home(home, holds_tokens=False).encrypt("x"))


def test_processes_that_start_at_once_end_with_one_key(tmp_path):
    context = multiprocessing.get_context("spawn")
    started, results = context.Barrier(3), context.Queue()
    workers = [context.Process(target=encrypt_at_once, args=(tmp_path / "home", started, results)) for _ in range(3)]
    for worker in workers:
        worker.start()
    found = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(60)
    vault = Vault((tmp_path / "home" / "key").read_text(), "test")
    assert [vault.decrypt(each) for each in found] == ["x"] * 3


def test_a_new_key_in_the_home_stands_before_the_old_one_until_the_tokens_are_encrypted_anew(tmp_path):
    old = vault_of_home(tmp_path, holds_tokens=False).encrypt("x")
    with new_key_in_home(tmp_path):
        both = vault_of_home(tmp_path, holds_tokens=True)
        assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
        anew = both.rotate(old)
    alone = vault_of_home(tmp_path, holds_tokens=True)
    assert alone.decrypt(anew) == "x"
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["key"]
    with pytest.raises(ConfigurationError):
        alone.decrypt(old)


def test_a_rotation_that_breaks_off_is_gone_on_with_and_loses_no_token(tmp_path):
    old = vault_of_home(tmp_path, holds_tokens=False).encrypt("x")
    with pytest.raises(RuntimeError), new_key_in_home(tmp_path):
        anew = vault_of_home(tmp_path, holds_tokens=True).rotate(old)
        raise RuntimeError
    both = vault_of_home(tmp_path, holds_tokens=True)
    assert both.decrypt(old) == both.decrypt(anew) == "x"
    with new_key_in_home(tmp_path):
        pass
    assert vault_of_home(tmp_path, holds_tokens=True).decrypt(anew) == "x"


def test_a_home_without_a_key_has_none_to_replace(tmp_path):
    with pytest.raises(ConfigurationError, match="key"), new_key_in_home(tmp_path):
        pytest.fail("it must not come to this")
