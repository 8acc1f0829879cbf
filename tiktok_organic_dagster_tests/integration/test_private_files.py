"""Who can read what is written: nobody else, also where the system would let everybody."""

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tiktok_organic_dagster.accounts import open_accounts
from tiktok_organic_dagster.accounts.vault import vault_of_home
from tiktok_organic_dagster.errors import ConfigurationError
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.state import private_folder
from tiktok_organic_dagster.warehouse import Spool, open_warehouse
from tiktok_organic_dagster_tests.lab import Lab

NOBODY = 65534
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file to another user")


@pytest.fixture(params=[0o000, 0o022], ids=oct)
def umask(request: pytest.FixtureRequest):
    """What the system takes away from the mode of a new file."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def readable_by_others(folder: Path) -> list[str]:
    """The files that another user could open: those with the right, in folders that can be entered."""
    if mode(folder) & 0o011 == 0:
        return []
    return [
        str(path)
        for path in folder.iterdir()
        for path in (readable_by_others(path) if path.is_dir() else [path] if mode(path) & 0o044 else [])
    ]


@pytest.mark.usefixtures("umask")
def test_everything_in_the_home_is_for_its_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "above" / "home"
    monkeypatch.setenv("TIKTOK_ORGANIC_HOME", str(home))
    settings = Settings.load()
    store = open_accounts(settings)
    store.record_error("b", "videos", "x", store.clock())
    with open_warehouse(settings).session():
        assert {path.name for path in home.iterdir()} == {
            "key",
            "state.db",
            "state.db-wal",
            "state.db-shm",
            "warehouse.duckdb",
        }
        assert mode(home) == mode(home.parent) == 0o700
        assert {mode(path) for path in home.iterdir() if path.name != "warehouse.duckdb"} == {0o600}
        assert readable_by_others(tmp_path / "above") == []
    store.engine.dispose()


def test_a_home_that_others_could_enter_is_closed_also_with_a_key_in_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    monkeypatch.setenv("TIKTOK_ORGANIC_HOME", str(home))
    monkeypatch.setenv("TIKTOK_ORGANIC_KEY", "A" * 43 + "=")
    open_accounts(Settings.load()).engine.dispose()
    assert mode(home) == 0o700
    assert not (home / "key").exists()


def test_a_folder_of_the_users_own_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own"
    own.mkdir(mode=0o755)
    monkeypatch.setenv("TIKTOK_ORGANIC_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TIKTOK_ORGANIC_STATE", f"sqlite:///{own / 's.db'}")
    open_accounts(Settings.load()).engine.dispose()
    assert mode(own) == 0o755
    assert mode(own / "s.db") == 0o600


@pytest.fixture
def for_all() -> Iterator[Path]:
    """A folder that every user can enter; nobody else can enter pytest's."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@as_root
@pytest.mark.parametrize("prepared", ["folder", "folder with a key", "link to a folder"])
def test_a_home_that_somebody_else_made_is_refused(for_all: Path, prepared: str) -> None:
    """In a folder where everybody may write, such as /tmp, somebody may wait for our key and our tokens."""
    home = for_all / "home"
    theirs = for_all / "theirs" if "link" in prepared else home
    theirs.mkdir()
    if "link" in prepared:
        home.symlink_to(theirs)
    if "key" in prepared:
        (theirs / "key").write_text("A" * 43 + "=")
    theirs.chmod(0o777)
    os.chown(theirs, NOBODY, NOBODY)
    found = as_another_user(home)
    assert "belongs to another user, who could read the tokens in it. Set TIKTOK_ORGANIC_HOME" in found
    assert sorted(path.name for path in theirs.iterdir()) == (["key"] if "key" in prepared else [])


def as_another_user(home: Path) -> str:
    """What a process of a user who is neither root nor the owner of the home says when it opens the accounts."""
    program = (
        "import encodings.ascii, encodings.idna, os\n"  # that user may not be able to read Python's own files
        "from tiktok_organic_dagster.accounts import open_accounts\n"
        "from tiktok_organic_dagster.settings import Settings\n"
        "os.setgid(65533); os.setuid(65533)\n"
        "try: open_accounts(Settings.load())\n"
        "except Exception as error: print(error)\n"
    )
    environment = {**os.environ, "TIKTOK_ORGANIC_HOME": str(home), "TIKTOK_ORGANIC_STATE": ""}
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd="/",
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout


def test_links_in_the_place_of_the_key_lead_nowhere_new(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir(mode=0o700)
    (home / "key").symlink_to(elsewhere)
    with pytest.raises(ConfigurationError, match=r"The key file .*/home/key cannot be used"):
        vault_of_home(home, holds_tokens=False)
    assert not elsewhere.exists()


def test_rows_on_their_way_have_no_name_that_anybody_could_open(
    new_lab: Callable[..., Lab], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir(mode=0o777)
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    lab = new_lab(accounts=1, videos=3)
    names: list[list[Path]] = []
    batches = Spool.batches

    def looked_at(self: Spool, table: object):
        names.append(list(temporary.iterdir()))
        return batches(self, table)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(Spool, "batches", looked_at)
    (outcome,) = lab.read_videos()
    assert outcome.error is None
    assert len(names) >= 8, "a file of each table"
    assert not [name for each in names for name in each]


def test_folders_that_lack_are_made_for_the_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        private_folder(tmp_path / "a" / "b" / "c")
    finally:
        os.umask(before)
    assert [mode(tmp_path / name) for name in ("a", "a/b", "a/b/c")] == [0o700] * 3
    with pytest.raises(NotADirectoryError):
        (tmp_path / "file").write_text("")
        private_folder(tmp_path / "file" / "below")
