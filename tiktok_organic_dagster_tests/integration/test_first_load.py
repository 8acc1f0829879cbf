"""A first load: every row of the simulated world, in both warehouses, and the same again when it is repeated."""

from collections.abc import Callable

from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.lab import Lab


def test_a_first_load_holds_exactly_the_rows_of_the_world(new_lab: Callable[..., Lab], warehouse_url: str) -> None:
    lab = new_lab(warehouse_url)

    outcomes = lab.read_everything()

    assert [outcome.error for outcome in outcomes] == [None] * 20
    loaded, expected = lab.everything(), truth.everything(lab)
    assert set(loaded) == set(expected)
    for table, rows in expected.items():
        assert rows, f"the world has nothing for {table}"
        assert loaded[table] == rows, table


def test_a_second_load_at_the_same_moment_changes_no_row(new_lab: Callable[..., Lab], warehouse_url: str) -> None:
    lab = new_lab(warehouse_url, accounts=2, videos=30)
    lab.read_everything()
    first = lab.everything()

    lab.read_everything()

    assert lab.everything() == first
