"""What the tests that go through every point share."""

from collections.abc import Callable

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
