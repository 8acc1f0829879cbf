"""A first load: every row of the simulated world, in both warehouses, and the same again when it is repeated."""

from collections import Counter
from collections.abc import Callable

import pytest

from tiktok_organic_dagster.readings import comments
from tiktok_organic_dagster.simulator import AccountKind
from tiktok_organic_dagster.simulator.endpoints import ORDERED_COMMENTS, VIDEOS_A_PAGE
from tiktok_organic_dagster.tables import CATALOGUE, COMMENTS, METRIC_TABLES
from tiktok_organic_dagster.tables.own import READINGS
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.lab import Lab

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")


def test_a_first_load_holds_exactly_the_rows_of_the_world(new_lab: Callable[..., Lab], warehouse_url: str) -> None:
    lab = new_lab(warehouse_url, accounts=len(AccountKind), videos=45)
    assert {account.kind for account in lab.world.accounts} == set(AccountKind)
    posts = [post for account in lab.world.accounts for post in lab.world.posts(account, lab.clock.now())]
    assert any(post.is_photo for post in posts)
    assert any(post.comments > ORDERED_COMMENTS for post in posts), "so many that some come a second time"
    assert len(posts) > len(AccountKind) * 2 * VIDEOS_A_PAGE

    outcomes = lab.read_everything()

    assert [outcome.error for outcome in outcomes] == [None] * len(AccountKind) * 4
    loaded, expected = lab.everything(), truth.everything(lab)
    assert set(loaded) == set(expected)
    for table, rows in expected.items():
        assert rows, f"the world has nothing for {table}"
        assert loaded[table] == rows, table


def test_a_second_load_at_the_same_moment_changes_no_row(new_lab: Callable[..., Lab], warehouse_url: str) -> None:
    lab = new_lab(warehouse_url, accounts=2, videos=22)
    lab.read_everything()
    first = lab.everything()
    assert all(first.values())

    lab.read_everything()

    assert lab.everything() == first


def test_what_is_noted_of_a_reading_is_the_number_of_rows_that_the_day_holds(
    new_lab: Callable[..., Lab], warehouse_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comments, "PORTION_VIDEOS", 4)  # comments are written in several transactions
    lab = new_lab(warehouse_url, accounts=2, videos=10)
    lab.read_account()
    lab.read_videos()
    lab.read_comments()
    lab.read_comments()  # again: no counter has moved, so nothing is read

    noted = lab.rows(READINGS, ["_business_id", "table_name", "rows"])

    tables = [table for table in CATALOGUE if table not in METRIC_TABLES]
    held = {
        table.name: Counter(business_id for (business_id,) in lab.rows(table, ["_business_id"])) for table in tables
    }
    accounts = [lab.business_id(0), lab.business_id(1)]
    assert noted == sorted(((each, table, float(held[table][each])) for each in accounts for table in held), key=repr)
    assert held[COMMENTS.name][accounts[0]] > 0
