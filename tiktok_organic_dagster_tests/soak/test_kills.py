"""SIGKILL at every point of readings: before each write, and before and after each commit."""

from collections.abc import Callable

import pytest

from tiktok_organic_dagster_tests.faults import kills
from tiktok_organic_dagster_tests.lab import Lab
from tiktok_organic_dagster_tests.soak.conftest import Every

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]


@pytest.fixture
def database(warehouse_url: str) -> str:
    """What to call the warehouse."""
    return warehouse_url.partition(":")[0]


@pytest.mark.parametrize("step", ["account", "account_metrics", "videos", "comments"])
def test_a_reading(
    new_lab: Callable[..., Lab], warehouse_url: str, database: str, step: str, every_point: Every
) -> None:
    lab = new_lab(warehouse_url, accounts=2 if step == "account" else 1, videos=2)
    if step == "comments":
        kills.few_comments(lab)
    lab.read_everything()
    lab.read_all_comments()
    every_point(lambda at: kills.reading(lab, step, at), f"{step} in {database}")


@pytest.mark.parametrize("kind", ["duckdb", "postgresql"])
def test_the_first_load(
    new_lab: Callable[..., Lab], new_database: Callable[[str], str], kind: str, every_point: Every
) -> None:
    lab = new_lab(accounts=1, videos=1)
    every_point(lambda at: kills.first_load(lab, new_database(kind), at), f"the first load into {kind}")


@pytest.mark.parametrize("rotates", [True, False])
def test_a_refresh(new_lab: Callable[..., Lab], every_point: Every, *, rotates: bool) -> None:
    lab = new_lab(accounts=1, videos=1)
    lab.simulator.oauth.rotates_refresh_tokens = rotates
    asked: list[bool] = []

    def kill(at: int) -> bool:
        killed, of_owner = kills.refresh(lab, at)
        asked.append(of_owner)
        return killed

    every_point(kill, f"a refresh {'with' if rotates else 'without'} a new refresh token")
    assert sum(asked) == int(rotates), "only what was killed between TikTok's answer and the commit that stores it"
