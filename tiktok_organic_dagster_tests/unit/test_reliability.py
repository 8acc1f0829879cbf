"""docs/reliability.md names a test for each promise, and each of these tests is there."""

import ast
import re
from collections.abc import Iterator

import pytest

from tiktok_organic_dagster_tests.pages import ROOT, page, table

PAGE = "docs/reliability.md"
TESTS = ROOT / "tiktok_organic_dagster_tests"

TABLES = [part for part in re.split(r"^#+ ", page(PAGE), flags=re.MULTILINE) if "\n| promise |" in part]
PROMISES = [row for part in TABLES for row in table(part)]


@pytest.mark.parametrize("promise", PROMISES, ids=lambda row: row["promise"][:60])
def test_a_promise_is_pinned_by_tests_that_are_there(promise: dict[str, str]) -> None:
    named = list(_named(promise["pinned by"]))
    assert named, "no test is named"
    for file, test in named:
        path = TESTS / file
        assert path.is_file(), f"there is no {file}"
        there = {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}
        assert test is None or test in there, f"{file} has no {test}"


def test_there_are_promises() -> None:
    assert len(PROMISES) > 30


def test_no_promise_stands_twice() -> None:
    assert len({row["promise"] for row in PROMISES}) == len(PROMISES)


def _named(text: str) -> Iterator[tuple[str, str | None]]:
    """Files with the test that is named, or None for all of them; `pages.table` has taken the code marks away."""
    for word in text.replace(",", " ").split():
        file, _, test = word.partition("::")
        if file.endswith(".py"):
            yield file, test or None
