"""What the figures are held against, and the table of both."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

Results = Mapping[str, Any]

DUCKDB = "this loader, DuckDB"
POSTGRES = "this loader, PostgreSQL"


@dataclass(frozen=True)
class Target:
    """A figure with the bound that it is to keep.

    Attributes:
        what: What is measured.
        section: The part of the results that it is made from.
        figure: Makes it.
        bound: The largest value that is fine, or the smallest one where more is better.
        shown: How figure and bound are written.
        more_is_better: Which of the two the bound is.
    """

    what: str
    section: str
    figure: Callable[[Results], float]
    bound: float
    shown: str
    more_is_better: bool = False

    def is_met(self, results: Results) -> bool:
        """Whether the figure keeps the bound."""
        found = self.figure(results)
        return found >= self.bound if self.more_is_better else found <= self.bound


def _seconds(loads: Results, name: str) -> float:
    return median(loads[name]["seconds"])


def _ratio(one: str, other: str) -> Callable[[Results], float]:
    """How many times as long one loader takes as another, both of the same round; the median of the rounds."""
    return lambda loads: median(a / b for a, b in zip(loads[one]["seconds"], loads[other]["seconds"], strict=True))


def _memory(number: int) -> Callable[[Results], float]:
    return lambda peaks: list(peaks.values())[number]


TARGETS = (
    Target("First load of 10,000 videos, beside the hand-written loader", "loads", _ratio(DUCKDB, "hand-written"), 1.5,
           "{:.2f} x"),
    Target("dlt beside this loader", "loads", _ratio("dlt", DUCKDB), 4, "{:.1f} x", more_is_better=True),
    Target("PostgreSQL beside DuckDB", "loads", _ratio(POSTGRES, DUCKDB), 1.5, "{:.2f} x"),
    Target("Memory at 10,000 videos", "memory", _memory(0), 400, "{:.0f} MiB"),
    Target("Memory at 40,000 videos, beside that", "memory", lambda peaks: _memory(1)(peaks) / _memory(0)(peaks), 1.15,
           "{:.2f} x"),
    Target("Memory at 100,000 comments on one video", "memory", _memory(2), 400, "{:.0f} MiB"),
    Target("12 tables of a small account, beside the API's time", "framework",
           lambda found: median(found["12 tables of a small account"]["sqlite"]), 3, "{:.1f} s"),
    Target("58 days of metrics, beside the API's time", "framework",
           lambda found: median(found["58 days of metrics"]["sqlite"]), 5, "{:.1f} s"),
    Target("Share of the quota that 40 accounts use", "quota", lambda found: found["one_process"]["share"], 0.9,
           "{:.1%}", more_is_better=True),
    Target("The same with two processes, one of them killed", "quota", lambda found: found["two_processes"]["share"],
           0.9, "{:.1%}", more_is_better=True),
    Target("The same with one slow account", "quota", lambda found: found["slow_account"]["share"], 0.9, "{:.1%}",
           more_is_better=True),
    Target("Calls that were refused in all of these", "quota",
           lambda found: sum(each["refused"] for each in found.values()), 0, "{:.0f}"),
)  # fmt: skip


def targets_rows(results: Results) -> list[tuple[str, str, str, str]]:
    """What is measured, the bound, the figure, and whether it is met, for each section that there is."""
    rows: list[tuple[str, str, str, str]] = []
    for target in TARGETS:
        try:
            section = results[target.section]
            found = target.shown.format(target.figure(section))
        except KeyError:  # not measured this time
            continue
        bound = ("at least " if target.more_is_better else "at most ") + target.shown.format(target.bound)
        rows.append((target.what, bound, found, "yes" if target.is_met(section) else "NO"))
    return rows


def loads_rows(loads: Results) -> list[tuple[str, ...]]:
    """Each loader with the median of its seconds, their spread, those of a whole run of Dagster, and its memory."""

    def spread(values: Sequence[float], shown: str) -> str:
        return f"{shown.format(min(values))} to {shown.format(max(values))}"

    return [
        (
            name,
            f"{_seconds(loads, name):.2f}",
            spread(found["seconds"], "{:.2f}"),
            f"{median(found['run_seconds']):.1f}" if "run_seconds" in found else "",
            f"{median(found['peak_mib']):.0f}",
        )
        for name, found in loads.items()
    ]


READING = ("account", "account_metrics", "videos", "comments")


def growth_rows(growth: Results) -> list[tuple[str, ...]]:
    """Each point of each warehouse: what a day's reading takes, and checks and plots; then the extrapolation."""

    def cells(steps: Mapping[str, Mapping[str, float]], size_mib: float) -> tuple[str, ...]:
        of_videos = steps["videos"]["wall_s"]
        reading = sum(steps[name]["wall_s"] for name in READING)
        requests = sum(steps[name]["requests"] for name in READING)
        looks = steps["checks"]["wall_s"] + steps["plots"]["wall_s"]
        return f"{requests:,.0f}", f"{of_videos:.1f}", f"{reading:.1f}", f"{looks:.1f}", f"{size_mib:,.0f}"

    rows: list[tuple[str, ...]] = []
    for kind, found in growth.items():
        if not isinstance(found, Mapping):
            continue
        rows += [
            (kind, f"{point['accounts']}", f"{point['days']}", *cells(point["steps"], point["size_mib"]))
            for point in found["points"]
        ]
        fit = found["fit"]
        steps = {
            step: {what: fit[f"{step} {what}"]["1000x365"] for what in ("wall_s", "requests")}
            for step in (*READING, "checks", "plots")
        }
        rows.append((kind, "1,000", "365, by the fit", *cells(steps, fit["size_mib"]["1000x365"])))
    return rows


Rows = Sequence[Sequence[str]]


def tables(results: Results) -> dict[str, tuple[Sequence[str], Rows]]:
    """All figures that there are as tables: by title, the heads of their columns and their rows."""
    every: dict[str, tuple[Sequence[str], Rows]] = {
        "Targets": (("what", "target", "measured", "met"), targets_rows(results)),
        "First load of 10,000 videos, 800,000 rows": (
            ("loader", "seconds, median", "from, to", "whole run, s", "peak, MiB, median"),
            loads_rows(results.get("loads", {})),
        ),
        "A day's reading of accounts with 100 videos, by accounts and days of history": (
            (
                "warehouse",
                "accounts",
                "days",
                "requests",
                "videos, s",
                "reading, s",
                "checks and plots, s",
                "size, MiB",
            ),
            growth_rows(results.get("growth", {})),
        ),
        "Keys and order in PostgreSQL, processor time of the server": (
            ("what", "figures"),
            [
                (name, ", ".join(f"{what}: {number:g}" for what, number in found.items()))
                for name, found in results.get("keys", {}).items()
            ],
        ),
    }
    return {title: (heads, rows) for title, (heads, rows) in every.items() if rows}
