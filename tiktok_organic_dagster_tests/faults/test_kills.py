"""A process killed with SIGKILL in the middle of a write leaves no torn reading, and the next run makes it whole.

A few points of each; `soak/test_kills.py` goes through all of them.
"""

from collections.abc import Callable

import pytest

from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster_tests import figures
from tiktok_organic_dagster_tests.faults import kills, kills_of_commands
from tiktok_organic_dagster_tests.lab import Lab

AFTER_THE_ROWS_AND_BEFORE_THE_ACCOUNT = 31
"""The point of `connect --replace` at which the rows have their new id, and the account has not."""


@pytest.fixture(autouse=True)
def _kills_are_counted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    original = kills.killing.run

    def counted(*arguments: object, **more: object) -> bool:
        killed = original(*arguments, **more)  # type: ignore[arg-type]
        figures.add(request.node, {"kills": killed})
        return killed

    monkeypatch.setattr(kills.killing, "run", counted)


def test_a_killed_reading_is_there_whole_or_not_at_all(new_lab: Callable[..., Lab], warehouse_url: str) -> None:
    lab = new_lab(warehouse_url, accounts=2, videos=1)
    lab.read_everything()
    for step, at in {"account": 5, "account_metrics": 9, "videos": 20, "comments": 12}.items():
        assert kills.reading(lab, step, at)


def test_a_process_that_is_killed_while_it_makes_the_tables_has_made_all_or_none(
    new_lab: Callable[..., Lab], warehouse_url: str
) -> None:
    assert kills.first_load(new_lab(warehouse_url, accounts=1, videos=1), warehouse_url, 9)


@pytest.mark.parametrize("rotates", [True, False])
def test_a_kill_during_a_refresh_costs_a_minute_or_is_told_by_name(
    new_lab: Callable[..., Lab], *, rotates: bool
) -> None:
    lab = new_lab(accounts=1, videos=1)
    lab.simulator.oauth.rotates_refresh_tokens = rotates
    assert kills.refresh(lab, 2) == (True, False), "after the lease was taken"
    assert kills.refresh(lab, 5) == (True, rotates), "between TikTok's answer and the commit that stores it"
    assert kills.refresh(lab, 6) == (True, False), "after the commit"


def test_a_command_that_is_killed_is_completed_by_running_it_again(
    new_lab: Callable[..., Lab], new_postgres_database: Callable[[], str]
) -> None:
    lab = new_lab(accounts=1, videos=1)
    lab.read_account()
    assert kills_of_commands.copying(lab, Settings(warehouse=new_postgres_database()), 25)
    assert kills_of_commands.rotating(lab, 4)
    assert kills_of_commands.replacing(lab, AFTER_THE_ROWS_AND_BEFORE_THE_ACCOUNT)
