"""Many days of many accounts, with trouble at every tenth call and loaders that are killed: every table is exact."""

import os
import secrets
from collections.abc import Callable

import pytest
from cryptography.fernet import Fernet

from tiktok_organic_dagster_tests import figures
from tiktok_organic_dagster_tests.lab import Lab
from tiktok_organic_dagster_tests.soak.days import Days

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]

SHARE = 0.1
"""Of the calls that go wrong."""
VIDEOS = 6
"""Posts of an account by the reference day of the world."""


def test_a_loader_on_one_machine(new_lab: Callable[..., Lab], request: pytest.FixtureRequest) -> None:
    """With DuckDB and SQLite."""
    _live(new_lab(accounts=_number("ACCOUNTS", 40), videos=VIDEOS), request, at_once=1)


def test_two_machines_that_load_the_same_accounts_at_once(
    new_lab: Callable[..., Lab], new_postgres_database: Callable[[], str], request: pytest.FixtureRequest
) -> None:
    """With warehouse and state in PostgreSQL."""
    lab = new_lab(
        new_postgres_database(),
        accounts=_number("ACCOUNTS", 40),
        videos=VIDEOS,
        state_url=new_postgres_database(),
        key=Fernet.generate_key().decode(),
    )
    _live(lab, request, at_once=2)


def _live(lab: Lab, request: pytest.FixtureRequest, at_once: int) -> None:
    seed, days = _number("SEED", secrets.randbelow(1_000_000)), _number("DAYS", 20)
    name = f"\n{request.node.name}: SOAK_SEED={seed} SOAK_DAYS={days} SOAK_ACCOUNTS={len(lab.world.accounts)}"
    print(name, flush=True)
    soak = Days(lab, seed, SHARE, at_once)
    wrong: list[str] = []
    for day in range(days):
        wrong += soak.live(all_comments=day == days - 1)
        if day < days - 1:
            lab.clock.next_day()
    wrong += soak.days_in_between()
    print(f"{soak}", flush=True)
    figures.add(request.node, soak.spent | {"kills": soak.kills})
    assert not wrong, "\n".join([name, f"{len(wrong)} differences", *wrong[:20], "...", *wrong[-20:]])


def _number(name: str, otherwise: int) -> int:
    """What a person asks for, to have a soak again or a smaller one: SOAK_SEED=7 SOAK_DAYS=3 make soak."""
    return int(os.environ.get(f"SOAK_{name}") or otherwise)
