"""`forget-commenter`: a commenter's rows are gone, never come back, and make no later reading dearer or odd."""

import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tiktok_organic_dagster import state
from tiktok_organic_dagster.quality import verdict_of
from tiktok_organic_dagster.quality.comments import COMMENT_ROWS
from tiktok_organic_dagster.readings.comments import AllCommentsReading
from tiktok_organic_dagster.simulator import Fault
from tiktok_organic_dagster.simulator.faults import change
from tiktok_organic_dagster.tables import CATALOGUE, COMMENT_TABLES, COMMENTS, VIDEOS
from tiktok_organic_dagster.tables.own import COMMENT_READS, OWN_TABLES
from tiktok_organic_dagster.warehouse import commenters, open_warehouse
from tiktok_organic_dagster.warehouse.copying import copy_warehouse
from tiktok_organic_dagster.warehouse.duckdb import DuckDBWarehouse
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.integration.commenters import (
    COLUMNS,
    environment_of,
    forget,
    hashed,
    identifiers,
    only_video,
    pseudonym,
    read_comments,
)
from tiktok_organic_dagster_tests.lab import Lab

COMMENT_LIST = "business/comment/list/"
TROLL = "-VHJvbGwvKzE="
FAN = "RmFuLysx"
REMAINS = (
    "Backups, and what the database itself still holds of erased rows, are not reached: see docs/operations.md, "
    "Erasing a commenter.\n"
)

in_one_process = pytest.mark.usefixtures("duckdb_stays_open")


@pytest.fixture
def lab(new_lab: Callable[..., Lab], warehouse_url: str) -> Lab:
    """Two accounts with a video each; one commenter wrote 20 of 26 comments on the first, and 2 on the second."""
    lab = new_lab(warehouse_url, accounts=2, videos=0)
    for index, number in ((0, 20), (1, 2)):
        video = only_video(lab, index, comments=4)
        written = lab.clock.now() - timedelta(days=3)
        lab.world.changes.add_comment(video, number, at=written, unique_identifier=TROLL, replies=1)
        lab.world.changes.add_comment(video, 2, at=written - timedelta(hours=1), unique_identifier=FAN)
        lab.world.changes.patch_video(video, comments=4 + number + 2)
    lab.read_videos([VIDEOS])
    return lab


def without(rows: list[tuple[Any, ...]], identifier: str) -> list[tuple[Any, ...]]:
    return truth.in_order(row for row in rows if row[COLUMNS.index("unique_identifier")] != identifier)


def ids(rows: list[tuple[Any, ...]]) -> set[str]:
    return {row[COLUMNS.index("comment_id")] for row in rows}


def left_out(lab: Lab) -> list[tuple[Any, ...]]:
    return lab.rows(COMMENT_READS, ["_business_id", "left_out"])


def told(*lines: str) -> str:
    """What the command prints, its table made plain."""
    return "".join(f"{line}\n" for line in lines) + REMAINS


def plainly(text: str) -> str:
    return "".join(" ".join(line.split()) + "\n" for line in text.splitlines() if set(line) - set(" ─━-│"))


def names(lab: Lab) -> list[str]:
    """The accounts' names in the order of their ids."""
    return [f"@{a.username}" for a in sorted(lab.store.accounts(), key=lambda account: account.business_id)]


def new_comments(lab: Lab, index: int, number: int, **fields: object) -> None:
    """Comments written now, which the counter counts already."""
    (video,) = lab.world.videos(index, lab.clock.now())
    lab.world.changes.add_comment(video["item_id"], number, **fields)
    lab.world.changes.patch_video(video["item_id"], comments=video["comments"] + number)


def calls_of_next_day(lab: Lab, *, everything: bool = False) -> int:
    lab.clock.next_day()
    lab.read_videos([VIDEOS])
    lab.simulator.calls.clear()
    read_comments(lab, everything=everything)
    return lab.simulator.calls.count(COMMENT_LIST)


@in_one_process
@pytest.mark.parametrize("setting", ["plain", "hashed"])
def test_all_comments_of_one_commenter_go_and_do_not_come_back(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setenv("TIKTOK_ORGANIC_COMMENTERS", setting)
    read_comments(lab)
    stored = lab.rows(COMMENTS)
    monkeypatch.setattr(commenters, "PORTION_ROWS", 2)  # of the identifiers that are looked through

    result = forget(lab, monkeypatch, TROLL)

    numbers = {f"@{lab.world.accounts[0].username}": 20, f"@{lab.world.accounts[1].username}": 2}
    assert (result.exit_code, plainly(result.output)) == (
        0,
        told(
            "This commenter's comments are left out from now on.",
            "account comments erased",
            *(f"{name} {numbers[name]}" for name in names(lab)),
        ),
    )
    known_as = TROLL if setting == "plain" else pseudonym(lab, TROLL)
    assert lab.rows(COMMENTS) == without(stored, known_as) != stored
    assert left_out(lab) == sorted([(lab.business_id(0), 40.0), (lab.business_id(1), 4.0)])

    again = forget(lab, monkeypatch, TROLL)
    already = ("This commenter's comments were left out already.", "No stored comment has this unique_identifier.")
    assert (again.exit_code, plainly(again.output)) == (0, told(*already))
    assert left_out(lab) == sorted([(lab.business_id(0), 40.0), (lab.business_id(1), 4.0)])

    new_comments(lab, 0, 1, unique_identifier=TROLL)
    assert calls_of_next_day(lab) == 1
    assert ids(lab.rows(COMMENTS)) == ids(without(stored, known_as))
    assert calls_of_next_day(lab, everything=True) == 2
    kept = without(truth.comments(lab), TROLL)
    assert lab.rows(COMMENTS) == truth.in_order(kept if setting == "plain" else hashed(lab, kept))
    assert left_out(lab) == sorted([(lab.business_id(0), 41.0), (lab.business_id(1), 4.0)])
    with open_warehouse(lab.settings).session() as session:
        verdict = verdict_of(COMMENT_ROWS, session, lab.clock.today)
    assert (verdict.compared, verdict.unusual) == (2, ())


@in_one_process
def test_only_a_hash_is_remembered_and_the_identifier_is_shown_nowhere(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    result = forget(lab, monkeypatch, TROLL)

    with state.reading(lab.store.engine) as connection:
        remembered = connection.execute(sa.select(state.forgotten.c.commenter)).scalars().all()
    assert remembered == [pseudonym(lab, TROLL)]
    assert TROLL not in result.output + caplog.text
    assert not [path for path in lab.settings.home.rglob("state*") if TROLL.encode() in path.read_bytes()]


@in_one_process
def test_who_has_not_commented_yet_is_left_out_all_the_same(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    result = forget(lab, monkeypatch, TROLL)
    assert plainly(result.output) == told(
        "This commenter's comments are left out from now on.",
        "No stored comment has this unique_identifier.",
    )

    read_comments(lab)

    assert lab.rows(COMMENTS) == without(truth.comments(lab), TROLL)
    assert left_out(lab) == sorted([(lab.business_id(0), 40.0), (lab.business_id(1), 4.0)])


@in_one_process
@pytest.mark.parametrize("given", ["@ada.reads", "", "  "])
def test_a_username_is_no_identifier(lab: Lab, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    result = forget(lab, monkeypatch, given)
    assert result.exit_code == 1
    assert result.stderr == (
        "A commenter is told by the value of the column unique_identifier, not by a username, which may change. Look "
        "it up in tiktok_organic_videos_comments, and give it whole.\n"
    )
    assert lab.store.commenters.forgotten() == frozenset()


@in_one_process
def test_only_the_whole_identifier_is_meant(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    read_comments(lab)
    stored = lab.rows(COMMENTS)
    for other in (TROLL[:-1], TROLL.lower(), TROLL + " ", "%"):
        assert forget(lab, monkeypatch, other).exit_code == 0
    assert lab.rows(COMMENTS) == stored


@in_one_process
def test_a_hash_names_a_commenter_too_whose_rows_are_plain_or_hashed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOK_ORGANIC_COMMENTERS", "hashed")
    read_comments(lab)
    monkeypatch.setenv("TIKTOK_ORGANIC_COMMENTERS", "plain")
    first = [account for account in lab.store.accounts() if account.business_id == lab.business_id(0)]
    lab.take(lambda moment: AllCommentsReading(COMMENT_TABLES, moment), accounts=first)
    assert identifiers(lab.rows(COMMENTS)) >= {TROLL, pseudonym(lab, TROLL)}, "some are plain now, some still hashed"

    assert forget(lab, monkeypatch, pseudonym(lab, TROLL)).exit_code == 0

    assert len(lab.rows(COMMENTS)) == 2 * 6
    assert not identifiers(lab.rows(COMMENTS)) & {TROLL, pseudonym(lab, TROLL)}


@in_one_process
def test_forgotten_comments_end_the_reading_of_a_head_as_stored_ones_do(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = lab.world.videos(0, lab.clock.now())[0]["item_id"]
    lab.world.changes.add_comment(video, 100, at=lab.clock.now() - timedelta(hours=2), unique_identifier=TROLL)
    lab.world.changes.patch_video(video, comments=126)
    lab.read_videos([VIDEOS])
    read_comments(lab)
    lab.clock.next_day()
    assert forget(lab, monkeypatch, TROLL).exit_code == 0
    new_comments(lab, 0, 1)

    assert calls_of_next_day(lab) == 1
    assert ids(lab.rows(COMMENTS)) == ids(without(truth.comments(lab), TROLL))
    lab.clock.sleep(60)
    new_comments(lab, 0, 1, unique_identifier=TROLL)
    assert calls_of_next_day(lab) == 1
    assert left_out(lab) == sorted([(lab.business_id(0), 141.0), (lab.business_id(1), 4.0)])
    assert ids(lab.rows(COMMENTS)) == ids(without(truth.comments(lab), TROLL))
    assert not lab.rows(COMMENTS, where="_not_returned_since IS NOT NULL")


@in_one_process
def test_who_is_forgotten_while_a_reading_is_under_way_is_not_stored_by_it(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = []

    def forgotten_meanwhile(data: dict[str, Any]) -> dict[str, Any]:
        results.append(forget(lab, monkeypatch, TROLL))
        return data

    lab.simulator.faults.add(Fault(change(forgotten_meanwhile), path=COMMENT_LIST, times=1))

    read_comments(lab)

    assert [result.exit_code for result in results] == [0]
    assert lab.rows(COMMENTS) == without(truth.comments(lab), TROLL)


@in_one_process
def test_rows_that_come_back_with_a_backup_are_erased_by_the_next_step(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_comments(lab)
    stored = lab.rows(COMMENTS)
    assert forget(lab, monkeypatch, FAN).exit_code == 0
    lab.store.commenters.forget(pseudonym(lab, TROLL))  # and nothing is erased
    assert lab.rows(COMMENTS) == without(stored, FAN)

    read_comments(lab)

    assert lab.rows(COMMENTS) == without(without(stored, FAN), TROLL)


KILLED = """
import os, signal, sys
from tiktok_organic_dagster.cli import main
from tiktok_organic_dagster.warehouse.{module} import {cls}

execute = {cls}.execute
def killed_before_the_commit(self, sql, *values):
    execute(self, sql, *values)
    if sql.startswith("DELETE") and "unique_identifier" in sql:
        os.kill(os.getpid(), signal.SIGKILL)
{cls}.execute = killed_before_the_commit
main(["forget-commenter", sys.argv[1]])
"""


def test_the_command_that_is_killed_has_erased_nothing_in_part_and_is_finished_by_running_it_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, warehouse_url: str
) -> None:
    read_comments(lab)
    before, reads = lab.rows(COMMENTS), left_out(lab)
    module, cls = ("duckdb", "DuckDBSession") if warehouse_url.startswith("duckdb") else ("postgres", "PostgresSession")

    killed = subprocess.run(
        [sys.executable, "-c", KILLED.format(module=module, cls=cls), TROLL],
        env=os.environ | environment_of(lab),
        cwd=lab.settings.home,
        check=False,
        capture_output=True,
        timeout=120,
    )

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert (lab.rows(COMMENTS), left_out(lab)) == (before, reads)
    again = forget(lab, monkeypatch, TROLL)
    assert plainly(again.output).startswith(
        "This commenter's comments were left out already.\naccount comments erased\n"
    )
    assert lab.rows(COMMENTS) == without(before, TROLL)
    assert left_out(lab) == sorted([(lab.business_id(0), 40.0), (lab.business_id(1), 4.0)])


@pytest.mark.parametrize("warehouse_url", ["duckdb"], indirect=True)
def test_a_copy_holds_not_a_byte_of_who_was_forgotten(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    read_comments(lab)
    assert forget(lab, monkeypatch, TROLL).exit_code == 0
    copy = DuckDBWarehouse(tmp_path / "copy.duckdb")

    copy_warehouse(open_warehouse(lab.settings), copy, (*CATALOGUE, *OWN_TABLES), lambda _step: None)

    held = (tmp_path / "copy.duckdb").read_bytes()
    assert (FAN.encode() in held, TROLL.encode() in held) == (True, False)
    with copy.session() as session:
        known = session.query(f"SELECT _business_id, left_out FROM {session.name_of(COMMENT_READS)}")
    assert sorted(known) == left_out(lab) != []


HOLDS = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"


@pytest.mark.parametrize("warehouse_url", ["duckdb"], indirect=True)
def test_it_waits_for_whoever_holds_the_file(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    read_comments(lab)
    stored = lab.rows(COMMENTS)
    file = lab.settings.warehouse_url.removeprefix("duckdb:///")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    waits = []

    def let_go(seconds: float) -> None:
        waits.append(seconds)
        holder.communicate(timeout=60)

    module = importlib.import_module("tiktok_organic_dagster.cli.forget_commenter")
    monkeypatch.setattr(module, "open_warehouse", partial(open_warehouse, sleep=let_go))

    assert forget(lab, monkeypatch, TROLL).exit_code == 0
    assert waits
    assert lab.rows(COMMENTS) == without(stored, TROLL)
