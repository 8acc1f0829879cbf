"""A process that takes all readings of a day; the clock of its readings stands still, its waits are real."""

import json
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from tiktok_organic_dagster.accounts import open_accounts, open_client, open_oauth
from tiktok_organic_dagster.accounts.access import open_reader
from tiktok_organic_dagster.readings.account import AccountReading
from tiktok_organic_dagster.readings.base import Moment, Reading
from tiktok_organic_dagster.readings.comments import AllCommentsReading, CommentsReading
from tiktok_organic_dagster.readings.metrics import MetricsReading
from tiktok_organic_dagster.readings.run import Stop, take
from tiktok_organic_dagster.readings.videos import VideosReading
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.tables import ACCOUNT_TABLES, COMMENT_TABLES, METRIC_TABLES, VIDEO_TABLES
from tiktok_organic_dagster.warehouse import open_warehouse
from tiktok_organic_dagster_tests import figures

METRIC_DAYS = 58


def load(moment: datetime, passed: timedelta, accounts: Sequence[str], all_comments: bool) -> None:
    """Take the readings of the accounts, each step on its own, by the settings of the environment.

    Each step prints a line of JSON: what it came to, and which accounts failed and why.

    Args:
        moment: Of the readings.
        passed: The time since then, for quotas, pauses, tokens and leases.
        accounts: By business_id.
        all_comments: Whether all comments are read, also of posts whose counter stands still.
    """
    began = time.monotonic()

    def running() -> datetime:
        return moment + passed + timedelta(seconds=time.monotonic() - began)

    settings = Settings.load()
    store = open_accounts(settings, running)
    client = open_client(settings, store, clock=running)
    oauth = open_oauth(settings, client)
    for reading in _readings(Moment(moment.date(), lambda: moment), all_comments=all_comments):
        outcomes = take(
            reading,
            [account for account in store.accounts() if account.business_id in accounts],
            open_reader=lambda account: open_reader(account, store, client, oauth),
            warehouse=open_warehouse(settings),
            store=store,
            log=lambda _line: None,
            stop=Stop(),
            since=settings.start_date,
        )
        failed = {outcome.account.business_id: outcome.error for outcome in outcomes if outcome.error}
        print(json.dumps({"step": reading.step, "failed": failed, **figures.of_outcomes(outcomes)}), flush=True)


def _readings(moment: Moment, *, all_comments: bool) -> Iterator[Reading]:
    yield AccountReading(ACCOUNT_TABLES, moment)
    yield MetricsReading(
        METRIC_TABLES, moment, [moment.today - timedelta(days=back) for back in range(METRIC_DAYS + 1)]
    )
    yield VideosReading(VIDEO_TABLES, moment)
    if all_comments:
        yield AllCommentsReading(COMMENT_TABLES, moment)
    else:
        yield CommentsReading(COMMENT_TABLES, moment, timedelta(minutes=30))
