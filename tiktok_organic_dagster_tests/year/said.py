"""What TikTok said in the course of time: the world as it was at the moment of each call that it answered.

Which calls there were is known from the simulator; what was in the answers is computed anew, from seed and moment.
"""

from copy import copy
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tiktok_organic_dagster.simulator import Call, World
from tiktok_organic_dagster.simulator.endpoints import ENDPOINTS, Asked
from tiktok_organic_dagster.tables import ALL_SCOPES
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.lab import Clock, Lab
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment

PROFILE, VIDEOS, COMMENTS = "business/get/", "business/video/list/", "business/comment/list/"


class AsItWas(Lab):
    """One account at one moment: what `truth` asks about."""

    def __init__(self, deployment: Deployment, world: World, moment: datetime) -> None:
        self.world = world
        self.clock = Clock(moment)
        self._deployment = deployment

    def business_id(self, index: int) -> str:
        return self._deployment.business_id(index)


@dataclass(frozen=True)
class Comment:
    """A comment as TikTok last showed it.

    Attributes:
        row: The row that it should be, as `truth` writes it.
        at: When it was shown.
    """

    row: truth.Row
    at: datetime


class Said:
    """What TikTok answered about one account.

    Args:
        deployment: Whose simulator was asked.
        account: The account's index.
    """

    def __init__(self, deployment: Deployment, account: int) -> None:
        self._deployment = deployment
        self._account = deployment.world.accounts[account]
        self._world = copy(deployment.world)
        self._world.accounts = (self._account,)
        self._calls = [c for c in deployment.simulator.calls if c.account == account and c.code == 0]

    def profile_moments(self) -> dict[date, datetime]:
        """When the profile was last asked for on each day."""
        return {
            call.moment.date(): call.moment
            for call in self._calls
            if call.path == PROFILE and "start_date" not in call.params and "bio_description" in call.params["fields"]
        }

    def video_moments(self) -> dict[date, datetime]:
        """When the posts were last asked for on each day."""
        return {call.moment.date(): call.moment for call in self._calls if call.path == VIDEOS}

    def as_it_was(self, moment: datetime) -> AsItWas:
        """The account at a moment."""
        return AsItWas(self._deployment, self._world, moment)

    def metrics(self) -> tuple[dict[date, truth.Row], dict[date, list[truth.Row]]]:
        """The rows of account metrics, and those of the audience by hour, as last answered for each day."""
        metrics: dict[date, truth.Row] = {}
        activity: dict[date, list[truth.Row]] = {}
        for call in self._calls:
            if call.path != PROFILE or "start_date" not in call.params:
                continue
            first, last = (date.fromisoformat(call.params[name]) for name in ("start_date", "end_date"))
            then = self.as_it_was(call.moment)
            reach = (call.moment.date() - first) // timedelta(days=1)
            answered = {row[1]: row for row in truth.metrics(then, reach) if first <= row[1] <= last}
            hours = truth.activity(then, reach)
            metrics |= answered
            activity |= {each: [row for row in hours if row[1] == each] for each in answered}
        return metrics, activity

    def comments(self) -> dict[str, Comment]:
        """Every comment that TikTok showed, by its id."""
        shown: dict[str, Comment] = {}
        rows: dict[tuple[str, datetime], dict[str, truth.Row]] = {}
        for call in self._calls:
            if call.path == COMMENTS:
                asked = (call.params["video_id"], call.moment)
                if asked not in rows:
                    rows[asked] = {row[1]: row for row in self.comments_at(*asked)}
                shown |= {id_: Comment(rows[asked][id_], call.moment) for id_ in self._answered(call)}
        return shown

    def comments_at(self, video_id: str, moment: datetime) -> list[truth.Row]:
        """All comments of a post as they were."""
        post = self._world.post(self._account, video_id, moment)
        assert post is not None
        video = self._world.video(self._account, post, moment, breakdowns=False)
        return truth.comments_of(self.as_it_was(moment), self._account, video)

    def _answered(self, call: Call) -> list[str]:
        """The ids in the answer to a call, which the endpoint gives anew."""
        habits = self._deployment.simulator.habits
        asked = Asked(self._world, habits, self._account, list(ALL_SCOPES), call.moment, call.params)
        return [comment["comment_id"] for comment in ENDPOINTS[COMMENTS](asked)["comments"]]
