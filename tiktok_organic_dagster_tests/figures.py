"""What the tests of the fault matrix came to, told at the end of a run: cells, calls, faults, retries, pauses, rows."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

from tiktok_organic_dagster.readings.run import Outcome

NAMES = ("calls", "faults", "retries", "pauses", "kills", "rows")
MATRIX = ("/faults/", "/soak/")
"""Folders whose tests are cells of the matrix."""


def of_outcomes(outcomes: Sequence[Outcome]) -> Counter[str]:
    """What a step came to."""
    spent: Counter[str] = Counter()
    for outcome in outcomes:
        spent["calls"] += outcome.stats.calls.total()
        spent["retries"] += outcome.stats.retries
        spent["pauses"] += outcome.stats.pauses
        spent["rows"] += outcome.total
    return spent


def add(test: pytest.Item, spent: Mapping[str, int]) -> None:
    """Note what a test came to; a test may note several times, and any of `NAMES`."""
    test.user_properties.append(("figures", dict(spent)))


def show(terminal: pytest.TerminalReporter) -> None:
    """A line for each file of the matrix whose tests ran, and their sum."""
    cells: Counter[str] = Counter()
    spent: dict[str, Counter[str]] = {}
    for report in (each for reports in terminal.stats.values() for each in reports):
        if not isinstance(report, pytest.TestReport) or not any(folder in report.nodeid for folder in MATRIX):
            continue
        file = report.nodeid.partition("::")[0].partition("/")[2]
        cells[file] += report.when == "call" and report.passed
        for name, value in report.user_properties:
            if name == "figures" and report.when == "teardown":
                spent.setdefault(file, Counter()).update(value)
    if not cells:
        return
    terminal.section("fault matrix")
    for file in sorted(cells):
        terminal.line(_line(file, cells[file], spent.get(file, Counter())))
    terminal.line(_line("in all", cells.total(), sum(spent.values(), Counter())))


def _line(name: str, cells: int, spent: Mapping[str, int]) -> str:
    shown = [f"{spent[each]:,} {each}" for each in NAMES if spent.get(each)]
    return f"{name}: {cells} cells" + "".join(f", {figure}" for figure in shown)
