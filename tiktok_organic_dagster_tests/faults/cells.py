"""What the cells of the fault matrix share: a world that stands still, few posts, and the exact rows."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tiktok_organic_dagster.readings.run import Outcome
from tiktok_organic_dagster.tables import ACCOUNT_METRICS, AUDIENCE_ACTIVITY, CATALOGUE, COMMENTS, VIDEOS
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.lab import Lab

BUSINESS_GET = "business/get/"
VIDEO_LIST = "business/video/list/"
COMMENT_LIST = "business/comment/list/"
REFRESH = "tt_user/oauth2/refresh_token/"

Rows = dict[str, list[tuple[Any, ...]]]


def stand_still(lab: Lab) -> None:
    """From now on nothing changes at TikTok, however long the loader waits."""
    now = lab.clock.now()
    lab.simulator.clock = lambda: now


def truth_of(lab: Lab, days: int = 58) -> Rows:
    """What all tables hold of the world that stands still, with so many days of metrics."""
    moment, lab.clock.moment = lab.clock.moment, lab.simulator.now()
    try:
        metrics = {ACCOUNT_METRICS.name: truth.metrics(lab, days), AUDIENCE_ACTIVITY.name: truth.activity(lab, days)}
        others = {table.name: truth.rows_of(lab, table.name) for table in CATALOGUE if table.name not in metrics}
    finally:
        lab.clock.moment = moment
    return others | {name: truth.in_order(rows) for name, rows in metrics.items()}


def assert_all_is_there(lab: Lab, days: int) -> None:
    """The tables that `read_all` fills hold the truth."""
    loaded = lab.everything()
    for name, rows in truth_of(lab, days).items():
        if not name.startswith(f"{VIDEOS.name}_") or name == COMMENTS.name:
            assert loaded[name] == rows, name


def read_all(lab: Lab, days: int) -> list[list[Outcome]]:
    """All four steps, in the order of their lineage and of the accounts; of the videos without their breakdowns."""
    steps = [lab.read_account, lambda: lab.read_metrics(days), lambda: lab.read_videos([VIDEOS])]
    steps.append(lambda: lab.read_comments(limit=timedelta(hours=9)))
    return [by_account(lab, step()) for step in steps]


def of_account(lab: Lab, index: int, rows: Mapping[str, list[tuple[Any, ...]]]) -> Rows:
    """The rows of one account."""
    business_id = lab.business_id(index)
    return {table: [row for row in found if business_id in row] for table, found in rows.items()}


WITHOUT_BREAKDOWNS: dict[str, Any] = {name: [] for name in truth.BREAKDOWNS}


def add_post(lab: Lab, comments: int = 0, *, account: int = 0, days_old: float = 30, **fields: object) -> str:
    """A post with comments that are half as old as itself, its counter up to date."""
    created = lab.clock.now() - timedelta(days=days_old)
    post = lab.world.changes.add_video(account, at=created, **{"comments": comments, **fields})
    if comments:
        lab.world.changes.add_comment(post, comments, at=created + timedelta(days=days_old / 2))
    return post


def by_account(lab: Lab, outcomes: list[Outcome]) -> list[Outcome]:
    """Outcomes in the order of the world's accounts."""
    order = [lab.business_id(account.index) for account in lab.world.accounts]
    return sorted(outcomes, key=lambda outcome: order.index(outcome.account.business_id))
