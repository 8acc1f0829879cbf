"""Without Chromium the tests in the browser say what is missing, and fail."""

import sys
from pathlib import Path

import pytest

from tiktok_organic_dagster_tests.browser import chromium
from tiktok_organic_dagster_tests.orchestration.processes import command


def asked_before_the_tests(**variables: str) -> tuple[int, str]:
    asked = command("python", "-m", chromium.__name__, **variables)
    assert "Traceback" not in asked.stderr
    return asked.returncode, asked.stderr


def test_a_missing_chromium_is_named_with_the_remedy(tmp_path: Path) -> None:
    status, said = asked_before_the_tests(PATH=str(tmp_path), CHROMIUM="")

    assert status == 1
    assert said.count("\n") == 1
    assert "apt-get install chromium" in said
    assert "CHROMIUM" in said


def test_a_wrong_path_is_named_with_the_remedy(tmp_path: Path) -> None:
    status, said = asked_before_the_tests(CHROMIUM=str(tmp_path / "nothing"))

    assert status == 1
    assert said.count("\n") == 1
    assert f"CHROMIUM is {tmp_path / 'nothing'}, which is no program" in said
    assert "apt-get install chromium" in said


def test_the_chromium_that_is_set_goes_before_those_that_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", sys.executable)

    assert chromium.installed() == sys.executable
