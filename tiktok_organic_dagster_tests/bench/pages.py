"""The figures as docs/performance.md shows them: tables between two marks, and a chart."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pygal
from pygal.style import Style

from tiktok_organic_dagster_tests.bench.targets import loads_rows, tables

DOCS = Path(__file__).parents[2] / "docs"
RESULTS = DOCS / "performance.json"
PAGE = DOCS / "performance.md"
CHART = DOCS / "images" / "performance.svg"
BEGIN, END = "<!-- figures: made by `make bench` -->", "<!-- end of figures -->"


def write_pages(results: Mapping[str, Any]) -> None:
    """Put the figures between the marks of the page, and draw the chart."""
    PAGE.write_text(with_figures(PAGE.read_text(), results))
    CHART.write_bytes(_chart(results["loads"]))


def with_figures(page: str, results: Mapping[str, Any]) -> str:
    """The page with these figures between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{_figures(results)}\n{END}{after}"


def _figures(results: Mapping[str, Any]) -> str:
    machine = results["machine"]
    where = (
        f"Measured on {machine['at']} on {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}, "
        f"Python {machine['python']}: {', '.join(f'{name} {number}' for name, number in machine['versions'].items())}."
    )
    lines = [where, ""]
    for title, (heads, rows) in tables(results).items():
        lines += [f"**{title}**", "", *_markdown(heads, rows), ""]
    return "\n".join(lines)


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (heads, ["---"] * len(heads), *rows)]


def _chart(loads: Mapping[str, Any]) -> bytes:
    """The median seconds of each loader as bars."""
    style = Style(background="white", plot_background="white", colors=("#8fbcdb",), font_family="system-ui, sans-serif")
    chart = pygal.HorizontalBar(
        style=style, width=900, height=70 + 34 * len(loads), show_legend=False, print_values=True, js=(),
        title="First load of 10,000 videos: seconds, median", truncate_label=-1, margin=12,
        formatter=lambda value: f"{value:.1f} s",
    )  # fmt: skip
    rows = [(name, float(seconds)) for name, seconds, *_ in loads_rows(loads)][::-1]
    chart.x_labels = [name for name, _ in rows]
    chart.add("seconds", [seconds for _, seconds in rows])
    return bytes(chart.render())
