"""Warehouses to copy from and to."""

import contextlib
import shutil
from pathlib import Path

import pytest

from tiktok_organic_dagster_tests.conftest import NOON
from tiktok_organic_dagster_tests.integration.copying.copies import (
    hostile,
)
from tiktok_organic_dagster_tests.lab import Clock, Lab


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DuckDB file with the rows of a first load and, of another account, whatever is hard to copy."""
    folder = tmp_path_factory.mktemp("loaded")
    file = folder / "loaded.duckdb"
    with contextlib.closing(Lab(folder / "lab", f"duckdb:///{file}", Clock(NOON), accounts=1, videos=3)) as lab:
        assert {outcome.error for outcome in lab.read_everything()} == {None}
    hostile(f"duckdb:///{file}")
    return file


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DuckDB file that holds the hard rows alone."""
    file = tmp_path_factory.mktemp("small") / "small.duckdb"
    hostile(f"duckdb:///{file}")
    return file


@pytest.fixture
def source(small: Path, tmp_path: Path) -> str:
    """The hard rows, in a file of this test."""
    return f"duckdb:///{shutil.copy(small, tmp_path / 'source.duckdb')}"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(params=["duckdb", "postgres"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty warehouse of each kind."""
    if request.param == "duckdb":
        return f"duckdb:///{tmp_path / 'target.duckdb'}"
    return request.getfixturevalue("new_postgres_database")()
