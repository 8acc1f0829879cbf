"""What can be wrong before anything runs: no Python, no venv, a port that is taken, a folder that cannot be written."""

import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from tiktok_organic_dagster import local_ui
from tiktok_organic_dagster.cli import main
from tiktok_organic_dagster.local_ui import UiError

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
MAKE_SECONDS = 60

# A Python that reports another version, and one whose module venv is not there, as Debian without python3-venv.
OLD = f"""#!/bin/sh
[ "$1" = -c ] || {{ touch started; exit 1; }}
exec {sys.executable} -c 'import sys; sys.version_info = (3, 9, 18); exec(sys.argv[1])' "$2"
"""
WITHOUT_VENV = f"""#!/bin/sh
[ "$1" = -m ] || exec {sys.executable} "$@"
mkdir -p .venv/bin; ln -s {sys.executable} .venv/bin/python
echo "The virtual environment was not created successfully because ensurepip is not available." >&2
exit 1
"""


def make(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """`make` in a copy of what it needs of the clone."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    return subprocess.run(
        ["make", *arguments], cwd=folder, capture_output=True, text=True, timeout=MAKE_SECONDS, check=False
    )


def python(folder: Path, script: str) -> Path:
    file = folder / "a-python"
    file.write_text(script)
    file.chmod(0o755)
    return file


def test_a_python_that_is_too_old_is_refused_with_its_version_before_anything_is_made(tmp_path: Path) -> None:
    done = make(tmp_path, "setup", f"PYTHON={python(tmp_path, OLD)}")
    assert done.returncode != 0
    assert "Python 3.11 or later is needed, this is 3.9." in done.stderr
    assert "make PYTHON=" in done.stderr
    assert not (tmp_path / ".venv").exists()
    assert not (tmp_path / "started").exists()


def test_a_python_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = make(tmp_path, "setup", "PYTHON=python-of-another-world")
    assert done.returncode != 0
    assert "There is no python-of-another-world here." in done.stderr
    assert "make PYTHON=" in done.stderr


def test_without_the_module_venv_the_package_to_install_is_named_each_time(tmp_path: Path) -> None:
    broken = python(tmp_path, WITHOUT_VENV)
    for _ in range(2):  # the first attempt leaves half of an environment behind
        done = make(tmp_path, "setup", f"PYTHON={broken}")
        assert done.returncode != 0
        assert "ensurepip is not available" in done.stderr
        assert "apt install python3-venv" in done.stderr


# Ports


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which another program listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("command", ["ui", "simulator"])
def test_a_port_that_is_taken_is_one_sentence_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: int, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, [command, "--port", str(taken)])
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    for part in (f"port {taken}", "Address already in use", "--port"):
        assert part in result.stderr
    assert list(tmp_path.iterdir()) == [], "no home, no demo, no state was made"


def test_a_user_interface_that_ends_by_itself_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(local_ui.sys, "executable", str(python(tmp_path, "#!/bin/sh\nexit 3\n")))
    try:
        with pytest.raises(UiError, match="exit status 3"):
            local_ui.dagster_dev(tmp_path, 1, tmp_path)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_working_directory_that_is_gone_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    result = CliRunner().invoke(main, ["accounts"])
    assert result.exit_code == 1
    assert "Change to one that is there." in result.stderr


# Folders and files that may not be written

STATE = """
def act(place):
    from click.testing import CliRunner
    from tiktok_organic_dagster.cli import main
    os.environ["TIKTOK_ORGANIC_HOME"] = str(place)
    return CliRunner().invoke(main, ["accounts"]).stderr
"""
WAREHOUSE = """
def act(place):
    from tiktok_organic_dagster.warehouse import WarehouseError, open_warehouse
    from tiktok_organic_dagster.settings import Settings
    try:
        with open_warehouse(Settings(warehouse=f"duckdb:///{place / 'w.duckdb'}")).session() as session:
            session.execute("CREATE TABLE IF NOT EXISTS t (x INTEGER)")
    except WarehouseError as error:
        return str(error)
    return ""
"""
RUNNER = """
import os, sys
from pathlib import Path
{act}
act(Path(sys.argv[1]) / "tried as who we are, so that all that Python needs is imported")
if os.getuid() == 0:
    os.setuid({nobody})
print(act(Path(sys.argv[2])))
"""


def said_by_nobody(tmp_path: Path, open_folder: Path, act: str, place: Path) -> str:
    """What an action says that a user takes who may not write; root may write everywhere, so it becomes nobody."""
    script = RUNNER.format(act=act, nobody=NOBODY)
    arguments = [sys.executable, "-c", script, str(tmp_path), str(place)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=MAKE_SECONDS, check=True, cwd=open_folder)
    return done.stdout.strip()


def locked(path: Path) -> None:
    path.chmod(0o555 if path.is_dir() else 0o444)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can enter: those that pytest makes are for their owner alone."""
    with tempfile.TemporaryDirectory(prefix="of-everybody-") as name:
        Path(name).chmod(0o755)
        yield Path(name)
        Path(name).chmod(0o755)


def home_that_may_not_be_written(folder: Path) -> Path:
    locked(folder)
    return folder / "home"


def state_that_may_not_be_written(folder: Path) -> Path:
    (folder / "state.db").touch()
    locked(folder / "state.db")
    return folder


def key_that_may_not_be_read(folder: Path) -> Path:
    folder.chmod(0o777)
    (folder / "key").write_text("A" * 43 + "=")
    (folder / "key").chmod(0)
    return folder


@pytest.mark.parametrize(
    ("make_place", "named"),
    [
        (home_that_may_not_be_written, "home/state.db"),
        (state_that_may_not_be_written, "state.db"),
        (key_that_may_not_be_read, "key"),
    ],
)
def test_a_home_without_permission_is_one_sentence(
    tmp_path: Path, open_folder: Path, make_place: Callable[[Path], Path], named: str
) -> None:
    said = said_by_nobody(tmp_path, open_folder, STATE, make_place(open_folder))
    assert f"{open_folder / named} cannot be" in said
    assert "Permission denied" in said
    assert "TIKTOK_ORGANIC_HOME" in said
    assert "\n" not in said


def folder_that_may_not_be_written(folder: Path) -> Path:
    locked(folder)
    return folder


def folder_that_may_not_be_made(folder: Path) -> Path:
    locked(folder)
    return folder / "below"


def file_that_may_not_be_written(folder: Path) -> Path:
    folder.chmod(0o777)
    duckdb.connect(folder / "w.duckdb").close()
    locked(folder / "w.duckdb")
    return folder


@pytest.mark.parametrize(
    "make_place", [folder_that_may_not_be_written, folder_that_may_not_be_made, file_that_may_not_be_written]
)
def test_a_warehouse_without_permission_is_one_sentence(
    tmp_path: Path, open_folder: Path, make_place: Callable[[Path], Path]
) -> None:
    place = make_place(open_folder)
    before = {file: file.read_bytes() for file in open_folder.iterdir()}

    said = said_by_nobody(tmp_path, open_folder, WAREHOUSE, place)

    assert str(place) in said
    assert "Permission denied" in said
    assert "TIKTOK_ORGANIC_WAREHOUSE" in said
    assert "\n" not in said
    assert {file: file.read_bytes() for file in open_folder.iterdir()} == before
