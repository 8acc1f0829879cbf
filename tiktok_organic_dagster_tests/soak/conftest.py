"""What the tests that go through every point share."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from tiktok_organic_dagster_tests import figures

Every = Callable[[Callable[[int], bool], str], None]


@pytest.fixture
def every_point(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Every:
    """Kills at the first point, the second, and so on until the process gets through, and says how many there were."""

    def every_point(kill: Callable[[int], bool], what: str) -> None:
        at = 1
        while kill(at):
            at += 1
        figures.add(request.node, {"kills": at - 1})
        with capsys.disabled():
            print(f"\n{what}: killed at each of {at - 1} points")
        assert at > 2

    return every_point


@pytest.fixture
def new_database(tmp_path: Path, new_postgres_database: Callable[[], str]) -> Callable[[str], str]:
    """Gives the URL of a new database of a kind: `duckdb`, `sqlite` or `postgresql`."""
    numbers = itertools.count()

    def new(kind: str) -> str:
        return new_postgres_database() if kind == "postgresql" else f"{kind}:///{tmp_path / f'{next(numbers)}.{kind}'}"

    return new
