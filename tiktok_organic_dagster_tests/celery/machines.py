"""A run of one account on machines that may be killed in the middle of it."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tiktok_organic_dagster.simulator import Fault
from tiktok_organic_dagster.simulator.faults import delay
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.celery.runs import carried_out_by
from tiktok_organic_dagster_tests.celery.workers import Worker, worker
from tiktok_organic_dagster_tests.orchestration import ui
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.orchestration.processes import DagsterDev, poll
from tiktok_organic_dagster_tests.orchestration.runs import ACCOUNT

ENDED = {"SUCCESS", "FAILURE", "CANCELED"}


@dataclass(frozen=True)
class Machines:
    """Dagster, one connected account in a world that stands still, and as many workers as a test starts."""

    deployment: Deployment
    dagster: DagsterDev
    folder: Path
    until_the_end: ExitStack

    def worker(self, name: str) -> Worker:
        """One more worker."""
        return self.until_the_end.enter_context(worker(name, self.folder))

    def run(self, *, answer_after: float = 0, times: int | None = 1) -> str:
        """Load the account; TikTok takes its time for the first answers."""
        self.deployment.simulator.calls.clear()
        self.deployment.simulator.faults.clear()
        self.deployment.simulator.faults.add(Fault(delay(answer_after), path="business/get", times=times))
        return ui.materialize(self.dagster, [ACCOUNT], self.deployment.today)

    def under_way(self, attempt: int = 1) -> None:
        """Wait until the step has asked TikTok for the n-th time."""
        calls = self.deployment.simulator.calls
        poll(lambda: True if calls.count("business/get") >= attempt else None, f"attempt {attempt}")

    def end_of(self, run: str) -> str:
        """How a run ends."""

        def ended() -> str | None:
            status = ui.run_status(self.dagster, run)
            return status if status in ENDED else None

        return poll(ended, "the run to end")

    def loaded_by(self, run: str) -> list[str]:
        """Who carried out the step of a run that succeeds, one after another, if its rows are right."""
        assert self.end_of(run) == "SUCCESS"
        assert self.deployment.everything()[ACCOUNT] == truth.rows_of(self.deployment, ACCOUNT)
        return carried_out_by(self.dagster, run)["account"]
