"""Runs at once, in processes of their own: of one partition, of one state, of one account's comments, of a new id."""

import time
from collections.abc import Callable, Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from cryptography.fernet import Fernet

from tiktok_organic_dagster.accounts.account import Account
from tiktok_organic_dagster.readings.base import Moment, Notes, Portion
from tiktok_organic_dagster.readings.comments import AllCommentsReading
from tiktok_organic_dagster.readings.videos import VideosReading
from tiktok_organic_dagster.tables import COMMENT_TABLES, COMMENTS, STEPS, VIDEO_TABLES
from tiktok_organic_dagster.tables.own import COMMENT_READS
from tiktok_organic_dagster.tiktok.client import AccountReader
from tiktok_organic_dagster.warehouse import Session, Spool
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.faults import killing, kills, works
from tiktok_organic_dagster_tests.faults.kills_of_commands import ids, variables
from tiktok_organic_dagster_tests.lab import CLIENT_ID, Clock, Lab

ANOTHER_APP = f"{CLIENT_ID}1"


class _InterruptedVideos(VideosReading):
    """Something happens when all pages are there, and before a row is written."""

    def __init__(self, moment: Moment, interrupt: Callable[[], None]) -> None:
        super().__init__(VIDEO_TABLES, moment)
        self._interrupt = interrupt

    def portions(self, account: Account, reader: AccountReader, notes: Notes) -> Generator[Portion]:
        for portion in super().portions(account, reader, notes):
            self._interrupt()
            yield portion


class _HeldUpVideos(VideosReading):
    """Something happens when all rows are written, and before they are committed."""

    def __init__(self, moment: Moment, interrupt: Callable[[], None]) -> None:
        super().__init__(VIDEO_TABLES, moment)
        self._interrupt = interrupt

    def replace_today(self, account: Account, spool: Spool, session: Session) -> None:
        super().replace_today(account, spool, session)
        self._interrupt()


class _InterruptedComments(AllCommentsReading):
    """Something happens when all pages are there, and before a row is written."""

    def __init__(self, moment: Moment, interrupt: Callable[[], None]) -> None:
        super().__init__(COMMENT_TABLES, moment)
        self._interrupt = interrupt

    def portions(self, account: Account, reader: AccountReader, notes: Notes) -> Generator[Portion]:
        for portion in super().portions(account, reader, notes):
            self._interrupt()
            yield portion


def test_two_runs_of_one_partition_leave_the_rows_of_one(new_lab: Callable[..., Lab], warehouse_url: str) -> None:
    lab = new_lab(warehouse_url, accounts=2, videos=1)
    lab.read_videos()
    for step in ("videos", "comments"):
        kills.change_the_world(lab)
        runs = [
            killing.begin(work, lab.settings, lab.clock.now(), step, folder=lab.settings.home)
            for work in (works.read, works.read_backwards)
        ]
        _all_well(runs, lab.settings.home)
        kills.units(lab, step)  # no row twice
        kills.assert_exact(lab, STEPS[step])


def test_two_machines_with_tokens_that_are_due_go_over_the_accounts_in_opposite_order_and_refresh_each_once(
    tmp_path: Path, clock: Clock, new_postgres_database: Callable[[], str], request: pytest.FixtureRequest
) -> None:
    lab = Lab(
        tmp_path / "one",
        new_postgres_database(),
        clock,
        state_url=new_postgres_database(),
        key=Fernet.generate_key().decode(),
        accounts=2,
        videos=1,
    )
    request.addfinalizer(lab.close)
    clock.moment += timedelta(hours=23)
    machines = [lab.settings, lab.settings.model_copy(update={"home_folder": tmp_path / "two"})]

    runs = [
        killing.begin(work, settings, clock.now(), "account", folder=settings.home)
        for settings, work in zip(machines, (works.read, works.read_backwards), strict=True)
    ]

    for run, settings in zip(runs, machines, strict=True):
        _all_well([run], settings.home)
    assert lab.simulator.calls.count("tt_user/oauth2/refresh_token/") == 2
    kills.assert_exact(lab, STEPS["account"])


def test_of_two_readings_of_a_comment_the_later_one_stays_whichever_is_written_last(
    new_lab: Callable[..., Lab], warehouse_url: str
) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=1)
    lab.read_videos()

    def another_run() -> None:
        kills.change_the_world(lab)
        assert lab.read_all_comments()[0].error is None

    (outcome,) = lab.take(lambda moment: _InterruptedComments(moment, another_run))

    assert outcome.error is None
    assert lab.rows(COMMENTS) == kills.all_comments(lab)
    assert {row[0] for row in lab.rows(COMMENT_READS, ["read_at"])} == {lab.clock.now()}


def test_a_run_that_reads_while_the_account_gets_another_id_writes_no_row_under_the_old_one(
    new_lab: Callable[..., Lab], warehouse_url: str
) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=1)
    lab.read_everything()
    new = lab.world.business_id(0, ANOTHER_APP)
    name = lab.world.username(0, lab.clock.now())
    kills.change_the_world(lab)

    def replace() -> None:
        arguments: dict[str, Any] = {"folder": lab.settings.home, "variables": variables(lab, ANOTHER_APP)}
        assert not killing.run(works.connect, lab.clock.now(), 0, "--replace", **arguments)

    (outcome,) = lab.take(lambda moment: _InterruptedVideos(moment, replace))

    assert outcome.error == (
        f"@{name} was disconnected, or given another business_id, while it was read, so nothing more of it was stored. "
        "If it is connected again, the next run reads it."
    )
    _all_under(lab, new)
    assert lab.store.statuses().keys() == {(new, step) for step in STEPS}
    lab.settings = lab.settings.model_copy(update={"client_id": ANOTHER_APP})
    assert [outcome.error for outcome in lab.read_everything()] == [None] * 4
    _all_under(lab, new)
    for table in VIDEO_TABLES:
        assert [row[:-1] for row in lab.rows(table)] == [row[:-1] for row in truth.rows_of(lab, table.name)]


@pytest.mark.parametrize("warehouse_url", ["postgres"], indirect=True)
def test_another_id_waits_for_a_run_that_is_writing(new_lab: Callable[..., Lab], warehouse_url: str) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=1)
    lab.read_everything()
    new = lab.world.business_id(0, ANOTHER_APP)
    kills.change_the_world(lab)
    commands: list[Any] = []

    def begin_to_replace() -> None:
        more: dict[str, Any] = {"folder": lab.settings.home, "variables": variables(lab, ANOTHER_APP)}
        commands.append(killing.begin(works.connect, lab.clock.now(), 0, "--replace", **more))
        while not _somebody_waits(warehouse_url):
            assert commands[0].is_alive()
            time.sleep(0.02)

    (outcome,) = lab.take(lambda moment: _HeldUpVideos(moment, begin_to_replace))

    assert outcome.error is None
    _all_well(commands, lab.settings.home)
    _all_under(lab, new)
    for table in VIDEO_TABLES:
        assert [row[:-1] for row in lab.rows(table)] == [row[:-1] for row in truth.rows_of(lab, table.name)]


def _all_under(lab: Lab, business_id: str) -> None:
    assert {frozenset(found) for found in ids(lab).values()} == {frozenset({business_id})}
    assert [account.business_id for account in lab.store.accounts()] == [business_id]


def _all_well(processes: list[Any], folder: Path) -> None:
    for process in processes:
        process.join(killing.DEADLINE_S)
        assert process.exitcode == 0, [file.read_text() for file in folder.glob("told*.txt")]


def _somebody_waits(url: str) -> bool:
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        ((waiting,),) = cursor.fetchall()
    connection.close()
    return bool(waiting)
