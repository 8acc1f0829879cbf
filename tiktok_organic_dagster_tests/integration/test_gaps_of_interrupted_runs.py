"""The gap ledger after runs that were killed, or that crossed each other: it says what the tables hold."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from datetime import timedelta
from threading import Lock

import pytest

from tiktok_organic_dagster.accounts.account import Account
from tiktok_organic_dagster.ledger import (
    NOT_YET,
    State,
)
from tiktok_organic_dagster.readings.base import Notes, Portion
from tiktok_organic_dagster.readings.metrics import MetricsReading
from tiktok_organic_dagster.readings.run import Outcome
from tiktok_organic_dagster.tables import (
    ACCOUNT,
    ACCOUNT_METRICS,
    METRIC_TABLES,
)
from tiktok_organic_dagster.tiktok.client import AccountReader
from tiktok_organic_dagster_tests.integration.ledgers import stored, told
from tiktok_organic_dagster_tests.lab import Lab

DAY = timedelta(days=1)

KILLED_BEFORE_THE_COMMIT = """
import os, signal
from datetime import datetime
from tiktok_organic_dagster.accounts import open_accounts, open_client, open_oauth
from tiktok_organic_dagster.accounts.access import open_reader
from tiktok_organic_dagster.readings import base
from tiktok_organic_dagster.readings.account import AccountReading
from tiktok_organic_dagster.readings.run import Stop, take
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.tables import ACCOUNT_TABLES
from tiktok_organic_dagster.tiktok.client import AccountReader
from tiktok_organic_dagster.warehouse import open_warehouse

change_spans = base.change_spans
def killed(*args):
    change_spans(*args)
    os.kill(os.getpid(), signal.SIGKILL)
base.change_spans = killed

settings, now = Settings.load(), datetime.fromisoformat({now!r})
store = open_accounts(settings, lambda: now)
client = open_client(settings, store, clock=lambda: now)
oauth = open_oauth(settings, client)
take(AccountReading(ACCOUNT_TABLES, base.Moment(now.date(), lambda: now)), store.accounts(),
     open_reader=lambda a: open_reader(a, store, client, oauth), warehouse=open_warehouse(settings), store=store,
     log=print, stop=Stop(), since=settings.start_date)
"""


def test_a_run_killed_between_its_rows_and_the_end_of_the_transaction_leaves_neither(
    new_lab: Callable[..., Lab], warehouse_url: str
) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=3)
    lab.read_account()
    lab.clock.next_day()
    environment = {
        **os.environ,
        "TIKTOK_CLIENT_ID": lab.settings.client_id or "",
        "TIKTOK_CLIENT_SECRET": "lab-app-secret",
        "TIKTOK_API_URL": lab.settings.api_url,
        "TIKTOK_ORGANIC_HOME": str(lab.settings.home),
        "TIKTOK_ORGANIC_WAREHOUSE": warehouse_url,
    }

    killed = subprocess.run(
        [sys.executable, "-c", KILLED_BEFORE_THE_COMMIT.format(now=lab.clock.now().isoformat())],
        env=environment, cwd=lab.settings.home, check=False, capture_output=True, timeout=120,
    )  # fmt: skip

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(lab.rows(ACCOUNT)) == 1
    assert told(lab, ACCOUNT)[1] == ("11-24", "11-24", State.MISSING, NOT_YET)
    lab.read_account()
    assert told(lab, ACCOUNT) == [("11-23", "11-24", State.LOADED, "")]


@pytest.mark.parametrize("warehouse_url", ["postgres"], indirect=True)
def test_two_runs_at_once_leave_one_ledger(new_lab: Callable[..., Lab], warehouse_url: str) -> None:
    lab = new_lab(warehouse_url, accounts=3, videos=3)
    lab.read_metrics()
    lab.clock.next_day()
    another = Lock()

    class InterruptedReading(MetricsReading):
        """Another run begins and ends between the beginning of this one and its first account."""

        def portions(self, account: Account, reader: AccountReader, notes: Notes) -> Generator[Portion]:
            with another:
                if not others:
                    others.extend(lab.read_metrics())
            yield from super().portions(account, reader, notes)

    others: list[Outcome] = []
    days = [lab.clock.today - back * DAY for back in range(8)]

    outcomes = lab.take(lambda moment: InterruptedReading(METRIC_TABLES, moment, days))

    assert [outcome.error for outcome in [*others, *outcomes]] == [None] * 6

    for index in range(3):
        states = [state for _, _, state, _ in told(lab, ACCOUNT_METRICS, index)]
        assert states == [State.LOADED, State.PROVISIONAL]
        days = [span.first + n * DAY for span in stored(lab, ACCOUNT_METRICS, index) for n in range(span.days)]
        assert len(days) == len(set(days))
