"""The home that the UI gives to Dagster: made once, and its owner's from then on."""

from pathlib import Path

import yaml

from tiktok_organic_dagster.local_ui import DAGSTER, WORKSPACE, dagster_home

ROOT = Path(__file__).parents[2]


def test_the_home_holds_what_the_files_of_the_clone_say(tmp_path):
    home = dagster_home(tmp_path)

    assert yaml.safe_load((home / "dagster.yaml").read_text()) == DAGSTER
    assert yaml.safe_load((ROOT / "dagster.yaml").read_text()) == DAGSTER
    (written,) = yaml.safe_load((home / "workspace.yaml").read_text())["load_from"]
    (kept,) = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]
    assert [written] == WORKSPACE["load_from"]
    assert kept["python_module"] == {**written["python_module"], "working_directory": "."}


def test_a_dagster_yaml_of_ones_own_is_kept(tmp_path):
    (tmp_path / "dagster").mkdir(mode=0o700)
    (tmp_path / "dagster" / "dagster.yaml").write_text("storage: mine\n")

    home = dagster_home(tmp_path)

    assert (home / "dagster.yaml").read_text() == "storage: mine\n"
