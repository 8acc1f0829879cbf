"""What came of a story: in the tables, in the ledger, in people's inbox, and what it took."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from tiktok_organic_dagster.tables import CATALOGUE, METRIC_TABLES
from tiktok_organic_dagster.tables.own import LEDGER
from tiktok_organic_dagster_tests.orchestration.dagster_in_process import Dagster
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.year.expected import Expected
from tiktok_organic_dagster_tests.year.life import Figures
from tiktok_organic_dagster_tests.year.receiver import Received
from tiktok_organic_dagster_tests.year.story import METRICS, READINGS, Story, days

Days = dict[date, str]


@dataclass(frozen=True)
class Outcome:
    """What is there at the end.

    Attributes:
        problems: What went wrong in schedules and sensors.
        runs: The runs, by job and status.
        differences: What in the twelve tables is not as it should be.
        ledger: The days of each state with their reasons, by account and table.
        received: The alerts.
        figures: What it took, in words.
    """

    problems: Sequence[str]
    runs: Counter[tuple[str, str]]
    differences: Sequence[str]
    ledger: dict[tuple[int, str], dict[str, Days]]
    received: Sequence[Received]
    figures: str

    @classmethod
    def of(
        cls, story: Story, deployment: Deployment, dagster: Dagster, played: Figures, received: Sequence[Received]
    ) -> "Outcome":
        """Look at all of it."""
        runs = Counter((run.job_name, run.status.value) for run in dagster.instance.get_runs())
        expected = Expected(story, deployment)
        differences = list(expected.differences())
        figures = (
            f"{played.ticks:,} ticks, {sum(runs.values()):,} runs, {expected.rows:,} rows, "
            f"{len(deployment.simulator.calls):,} calls, {len(received)} alerts in {played.seconds:,.0f} s"
        )
        return cls(played.problems, runs, differences, _ledger(story, deployment), list(received), figures)


def _ledger(story: Story, deployment: Deployment) -> dict[tuple[int, str], dict[str, Days]]:
    """What the ledger's table says of each day, by account and table, then by state."""
    accounts = {deployment.business_id(account): account for account in story.accounts}
    columns = ["_business_id", "table_name", "first_day", "last_day", "state", "why"]
    found: dict[tuple[int, str], dict[str, Days]] = defaultdict(lambda: defaultdict(dict))
    for business_id, table, first, last, state, why in deployment.rows(LEDGER, columns):
        for each in days(first, last):
            found[accounts[business_id], table][state][each] = why or ""
    return found


def lost_days(story: Story) -> dict[tuple[int, str], Days]:
    """What the story says is lost, by account and table, each day with a word of the reason."""
    metrics = {table.name for table in METRIC_TABLES}
    return {
        (account, table.name): lost
        for account in story.accounts
        for table in CATALOGUE
        if (lost := story.lost_days(account, METRICS if table.name in metrics else READINGS))
    }
