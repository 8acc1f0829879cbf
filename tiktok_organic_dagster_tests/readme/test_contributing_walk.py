"""CONTRIBUTING.md is followed to the letter in a copy of the project: its edits add a column and a table that load."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tiktok_organic_dagster_tests.pages import ROOT
from tiktok_organic_dagster_tests.readme.blocks import Block, blocks_of

PAGE = ROOT / "CONTRIBUTING.md"
NEW_FILE = "tiktok_organic_dagster/tables/audience.py"
COPIED = ("tiktok_organic_dagster", "tiktok_organic_dagster_tests", "docs")
COPIED_FILES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile", "pyproject.toml", "setup.cfg", "LICENSE")

# Runs in the copy, with the fixtures of its tests.
LOADS = """
import tiktok_organic_dagster
from dagster import AssetKey

from tiktok_organic_dagster.tables import CATALOGUE
from tiktok_organic_dagster.tables.dictionary import document
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.orchestration.runs import ACCOUNT, VIDEOS, Run, code_location, marked

NEW = "tiktok_organic_account_audience_countries"
TABLES = {table.name: table for table in CATALOGUE}


def test_this_is_the_copy(pytestconfig):
    assert tiktok_organic_dagster.__file__.startswith(str(pytestconfig.rootpath))


def test_the_new_table_and_column_are_loaded_as_the_world_has_them(noon, new_deployment, instance):
    deployment = new_deployment(accounts=4)
    deployment.connect_all()
    expected = {name: truth.rows_of(deployment, name) for name in (ACCOUNT, NEW, VIDEOS)}
    fewest = {row[-1] for row in expected[ACCOUNT]} - {row[-1] for row in expected[NEW]}
    assert len(fewest) == 1, "one account has fewer than 100 followers, and no audience"

    alone = Run(instance, [NEW], deployment.today)
    assert alone.check(NEW, "accounts_loaded").passed, alone.check(NEW, "accounts_loaded").description
    assert deployment.rows(TABLES[NEW]) == expected[NEW]

    run = Run(instance, list(expected), deployment.today)

    assert run.succeeded, run.failures
    for name, rows in expected.items():
        assert deployment.rows(TABLES[name]) == rows
        assert marked(instance, name) == [deployment.today]
        assert all(run.check(name, check).passed for check in ("schema", "accounts_loaded"))
    kinds = {
        video["media_type"]
        for account in deployment.world.accounts
        for video in deployment.world.videos(account, deployment.clock.now())
    }
    assert len(kinds) > 1
    assert {kind for (kind,) in deployment.rows(TABLES[VIDEOS], ["media_type"])} == kinds


def test_dagster_shows_the_new_table_and_column(noon, new_deployment):
    new_deployment()
    location = code_location()
    columns = {
        spec.key.to_user_string(): {column.name: column for column in spec.metadata["dagster/column_schema"].columns}
        for spec in location.resolve_all_asset_specs()
    }
    assert list(columns[NEW]) == list(TABLES[NEW].column_names)
    assert all(column.description for column in columns[NEW].values())
    assert "photo" in columns[VIDEOS]["media_type"].description
    assert AssetKey(NEW) in location.resolve_job_def("daily_readings").asset_layer.executable_asset_keys


def test_the_dictionary_has_the_new_table_and_column():
    dictionary = document(CATALOGUE, ())
    assert f"## `{NEW}`" in dictionary
    assert "| `media_type` |" in dictionary
"""


@pytest.mark.readme
def test_the_edits_of_the_page_add_a_column_and_a_table(tmp_path: Path) -> None:
    for name in COPIED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in COPIED_FILES:
        shutil.copy(ROOT / name, tmp_path / name)
    edits = [block for block in blocks_of(PAGE) if block.language == "diff"]
    (declared,) = [block for block in blocks_of(PAGE) if block.language == "python"]
    assert len(edits) == 9

    (tmp_path / NEW_FILE).write_text(declared.text)
    for edit in edits:
        _apply(edit, tmp_path)

    added = tmp_path / "tiktok_organic_dagster_tests/orchestration/test_added.py"
    added.write_text(LOADS)
    unit = tmp_path / "tiktok_organic_dagster_tests/unit"
    in_readme = "test_the_tables_are_the_catalogues_in_its_order_and_words"
    _test(tmp_path, str(added), str(unit / "test_catalogue.py"), f"{unit / 'test_readme.py'}::{in_readme}")


def _apply(edit: Block, root: Path) -> None:
    """Make an edit: its first line names the file; `-` lines go, `+` lines come, the others are there and stay."""
    first, *lines = edit.text.splitlines(keepends=True)
    file = root / first.removeprefix("+++").strip()
    before = "".join(line[1:] for line in lines if not line.startswith("+"))
    after = "".join(line[1:] for line in lines if not line.startswith("-"))
    text = file.read_text()
    assert text.count(before) == 1, f"{file.name} holds this {text.count(before)} times:\n{before}"
    file.write_text(text.replace(before, after))


def _test(root: Path, *tests: str) -> None:
    """Run tests of the copy, which comes before the project itself."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
