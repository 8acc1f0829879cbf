"""The demo's runs of Dagster, and what the terminal shows while they work."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table as Grid
from rich.text import Text

from tiktok_organic_dagster.errors import TikTokOrganicError
from tiktok_organic_dagster.readings.progress import Progress, counted, observed
from tiktok_organic_dagster.settings import Settings

if TYPE_CHECKING:
    from dagster import ExecuteInProcessResult

BAR_WIDTH = 16
REFRESHES_A_SECOND = 8


class DemoError(TikTokOrganicError):
    """The demo did not come to its end."""


def materialize(job: str, first: date, last: date) -> None:
    """Run a job of the code location for a range of days, recorded in the demo's Dagster home.

    Raises:
        DemoError: It failed; the text says why.
    """
    _run(
        job,
        {
            "dagster/asset_partition_range_start": first.isoformat(),
            "dagster/asset_partition_range_end": last.isoformat(),
        },
    )


def check() -> str:
    """Let Dagster look into the warehouse, and say how many of the checks passed.

    Raises:
        DemoError: They could not be made.
    """
    results = _run("warehouse_checks", {}).get_asset_check_evaluations()
    passed = sum(result.passed for result in results)
    return f"{passed} of {len(results)} checks of what is stored passed: freshness, missing days, data quality"


def _run(job: str, tags: Mapping[str, str]) -> "ExecuteInProcessResult":
    from dagster import DagsterInstance  # noqa: PLC0415 -- reads DAGSTER_HOME, which is set by now

    from tiktok_organic_dagster.definitions import definitions  # noqa: PLC0415 -- likewise the settings

    with DagsterInstance.get() as instance:
        result = (
            definitions(Settings.load())
            .resolve_job_def(job)
            .execute_in_process(
                instance=instance,
                raise_on_error=False,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                tags=tags,
            )
        )
    if not result.success:
        reasons = [str(event.step_failure_data.error) for event in result.get_step_failure_events()]
        raise DemoError(f"The job {job} failed: {' '.join(reasons)}")
    return result


@contextmanager
def shown(console: Console) -> Generator[None]:
    """Within the block, show how far each step is: moving in a terminal, else a line when one begins, and the end."""
    steps = _Steps(console)
    live = Live(console=console, get_renderable=steps.shown, refresh_per_second=REFRESHES_A_SECOND)
    with live, observed(steps.begins):
        try:
            yield
        finally:
            steps.are_over = True


class _Steps:
    """The steps that have begun, as the terminal shows them."""

    def __init__(self, console: Console) -> None:
        self.are_over = False
        self._console = console
        self._begun: list[Progress] = []
        self._spinner = Spinner("line", "Dagster starts ...")

    def begins(self, progress: Progress) -> None:
        """Show one more step."""
        self._begun.append(progress)
        self._spinner.update(text="Dagster is at work ...")
        if not self._console.is_terminal:
            self._console.print(f"{progress.step}: {counted(progress.total, 'account', 'accounts')} ...")

    def shown(self) -> RenderableType:
        """A line for each step, and who waits for what."""
        grid = Grid.grid(padding=(0, 2, 0, 0))
        for _ in range(2):
            grid.add_column(no_wrap=True)
        for _ in range(3):
            grid.add_column(justify="right", no_wrap=True)
        for step in self._begun:
            grid.add_row(
                step.step,
                ProgressBar(total=step.total, completed=step.done, width=BAR_WIDTH),
                f"{step.done} of {counted(step.total, 'account', 'accounts')}",
                counted(step.pages, "page", "pages") if step.pages else "",
                counted(step.rows, "row", "rows"),
            )
        waits = [Text(text) for step in self._begun for text in step.waits()]
        return Group(grid, *waits, *([] if self.are_over else [self._spinner]))
