"""The figures of docs/performance.md are those of the last run of the benchmark."""

import json

from tiktok_organic_dagster_tests.bench.pages import PAGE, RESULTS, with_figures
from tiktok_organic_dagster_tests.bench.targets import TARGETS, targets_rows


def test_the_page_shows_the_figures_of_the_results():
    results = json.loads(RESULTS.read_text())

    assert PAGE.read_text() == with_figures(PAGE.read_text(), results)


def test_a_target_that_is_not_met_is_marked():
    loads = {
        "hand-written": {"seconds": [2.0, 2.0]},
        "this loader, DuckDB": {"seconds": [2.8, 3.2]},
        "this loader, PostgreSQL": {"seconds": [4.0, 4.0]},
        "dlt": {"seconds": [6.0, 6.0]},
    }

    rows = targets_rows({"loads": loads})

    assert [(measured, met) for _, _, measured, met in rows] == [("1.50 x", "yes"), ("2.0 x", "NO"), ("1.34 x", "yes")]
    assert [what for what, *_ in rows] == [target.what for target in TARGETS if target.section == "loads"]
