"""What came of a story: in the tables, in the ledger, in people's inbox, and what it took."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from tiktok_organic_dagster.ledger import State
from tiktok_organic_dagster.tables.own import LEDGER
from tiktok_organic_dagster_tests import receivers
from tiktok_organic_dagster_tests.orchestration.dagster_in_process import Dagster
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.year.expected import Expected, Place
from tiktok_organic_dagster_tests.year.life import Figures
from tiktok_organic_dagster_tests.year.story import HOUR, Story, Told, days


@dataclass(frozen=True)
class Outcome:
    """How it went.

    Attributes:
        surprises: What is not as the story says, in sentences: what went wrong in schedules, sensors and runs; what in
            the twelve tables is not what TikTok showed; days that the gap ledger tells wrong; alerts that are missing,
            or that nobody expects. Empty if everything went well.
        figures: What it took, in words.
    """

    surprises: Sequence[str]
    figures: str

    @classmethod
    def of(
        cls, story: Story, deployment: Deployment, dagster: Dagster, played: Figures, received: Sequence[receivers.Told]
    ) -> "Outcome":
        """Look at all of it."""
        runs = Counter((run.job_name, run.status.value) for run in dagster.instance.get_runs())
        failed = [f"{number} runs of {job}: {status}" for (job, status), number in runs.items() if status != "SUCCESS"]
        expected = Expected(story, deployment)
        tables = list(expected.in_tables())
        lost = sum(len(story.lost_days(account, what)) for account in story.accounts for what in story.kinds)
        figures = (
            f"{(story.end - story.start).days + 1} days, {played.ticks:,} ticks, {sum(runs.values()):,} runs, "
            f"{len(deployment.simulator.calls):,} calls, {expected.rows:,} rows, {lost} days lost, "
            f"{len(received)} alerts; it took {played.seconds:,.0f} s."
        )
        ledger = list(expected.in_ledger(_ledger(story, deployment)))
        return cls([*played.problems, *failed, *tables, *ledger, *_not_as_told(story.told, received)], figures)


def _ledger(story: Story, deployment: Deployment) -> dict[Place, dict[State, dict[date, str]]]:
    """What the ledger's table says of each day, by account and table, then by state."""
    accounts = {deployment.business_id(account): account for account in story.accounts}
    columns = ["_business_id", "table_name", "first_day", "last_day", "state", "why"]
    found: dict[Place, dict[State, dict[date, str]]] = defaultdict(lambda: defaultdict(dict))
    for business_id, table, first, last, state, why in deployment.rows(LEDGER, columns):
        for each in days(first, last):
            found[accounts[business_id], table][State(state)][each] = why or ""
    return found


def _not_as_told(told: Sequence[Told], received: Sequence[receivers.Told]) -> Iterator[str]:
    """Which alerts did not come at their tick or the next one, and which came that nobody expects."""
    left = list(received)
    for each in told:
        titles = (tuple(sorted(each.opened)), tuple(sorted(each.recovered)))
        same = [one for one in left if (one.opened, one.recovered) == titles and each.at <= one.at <= each.at + HOUR]
        if same:
            left.remove(same[0])
        else:
            yield f"{each.at:%F %H:%M}: nobody was told that {_titles(*titles)}"
    for one in left:
        yield f"{one.at:%F %H:%M}: people were told that {_titles(one.opened, one.recovered)}"


def _titles(opened: Sequence[str], recovered: Sequence[str]) -> str:
    return "; ".join([*(f"it begins: {title}" for title in opened), *(f"it is over: {title}" for title in recovered)])
