"""Kills of readings: what must hold after one, and that the next run makes all whole. Each says whether it struck."""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.tables import CATALOGUE, COMMENTS, STEPS, Table
from tiktok_organic_dagster.tables.own import COMMENT_READS
from tiktok_organic_dagster.warehouse import open_warehouse
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.faults import killing, works
from tiktok_organic_dagster_tests.lab import Lab

Rows = list[tuple[Any, ...]]
Unit = tuple[str, ...]
"""What is written together: an account's tables of a step, or the comments of a video."""

numbers = itertools.count(1)


def reading(lab: Lab, step: str, at: int) -> bool:
    """A step that reads accounts for the second time on a day, after all that it reads has changed."""
    change_the_world(lab)
    before = units(lab, step)
    killed = killing.run(works.read, lab.settings, lab.clock.now(), step, folder=lab.settings.home, at=at)
    left = units(lab, step)

    assert list((lab.settings.home / "tmp").iterdir()) == []
    lab.clock.waits.clear()
    assert [outcome.error for outcome in works.STEPS[step](lab)] == [None] * len(lab.world.accounts)
    assert lab.clock.waits == []
    after = units(lab, step)
    for unit, rows in left.items():
        assert before[unit] != after[unit]
        assert rows in (before[unit], after[unit]), unit
    assert_exact(lab, STEPS[step])
    return killed


def first_load(lab: Lab, warehouse_url: str, at: int) -> bool:
    """The first step that a new warehouse ever sees: it makes the tables."""
    lab.settings = lab.settings.model_copy(update={"warehouse": Settings(warehouse=warehouse_url).warehouse})
    killed = killing.run(works.read, lab.settings, lab.clock.now(), "account", folder=lab.settings.home, at=at)
    with open_warehouse(lab.settings).session() as session:
        made = [table.name for table in CATALOGUE if session.holds(table)]
    assert made in ([], [table.name for table in CATALOGUE])
    assert [outcome.error for outcome in lab.read_account()] == [None] * len(lab.world.accounts)
    assert_exact(lab, STEPS["account"])
    return killed


def refresh(lab: Lab, at: int) -> tuple[bool, bool]:
    """A run that has to refresh the token of the only account; also says whether its owner was asked to consent."""
    lab.clock.moment += timedelta(hours=23)
    moment = lab.clock.moment
    lab.simulator.clock = lambda: moment
    killed = killing.run(works.read, lab.settings, moment, "account", folder=lab.settings.home, at=at, of="state")
    lab.clock.waits.clear()
    (outcome,) = lab.read_account()
    assert sum(lab.clock.waits) <= 65, "a dead owner's lease is over after a minute"
    asked = outcome.error is not None
    if outcome.error is not None:
        name = lab.world.username(0, moment)
        assert f"the authorization of @{name} has ended (TikTok answered code 40107" in outcome.error
        assert "connect the account again: tiktok-organic connect" in outcome.error
        lab.connect(0)
        assert [outcome.error for outcome in lab.read_account()] == [None]
    lab.clock.moment = moment
    assert lab.rows(STEPS["account"][0], where=f"metric_date = '{lab.clock.today}'") == truth.account(lab)
    return killed, asked


def units(lab: Lab, step: str) -> dict[Unit, dict[str, Rows]]:
    """The rows of a step's tables, by what is written together; `_comment_reads` in short."""
    found: dict[Unit, dict[str, Rows]] = defaultdict(dict)
    tables: list[tuple[Table, Callable[[Mapping[str, Any]], Unit]]] = [
        (table, lambda row: (row["_business_id"],)) for table in STEPS[step]
    ]
    if step == "comments":
        tables = [(table, lambda row: (row["_business_id"], row["video_id"])) for table in (COMMENTS, COMMENT_READS)]
    with open_warehouse(lab.settings).session() as session:
        for table, unit_of in tables:
            names = [name for name in table.column_names if name != "_loaded_at"]
            for values in session.query(f"SELECT {', '.join(names)} FROM {session.name_of(table)}"):
                row = dict(zip(names, values, strict=True))
                kept = values if table is not COMMENT_READS else (row["counter"], row["read_at"] >= lab.clock.now())
                found[unit_of(row)].setdefault(table.name, []).append(kept)
    for of_unit in found.values():
        for rows in of_unit.values():
            rows.sort(key=repr)
            assert len(rows) == len(set(rows))
    return found


def assert_exact(lab: Lab, tables: Iterable[Table]) -> None:
    """The tables hold what the simulated world says now, and nothing else."""
    for name, rows in lab.everything(tables).items():
        assert rows == (all_comments(lab) if name == COMMENTS.name else truth.rows_of(lab, name))


def all_comments(lab: Lab) -> Rows:
    """The comments of all posts, as reading them all leaves them."""
    return truth.in_order(
        row
        for each in lab.world.accounts
        for post in lab.world.videos(each, lab.clock.now())
        for row in truth.comments_of(lab, each, post)
    )


def few_comments(lab: Lab) -> None:
    """Posts with three comments each in the place of those that are there, of which one has hundreds."""
    for account in lab.world.accounts:
        for post in lab.world.videos(account, lab.clock.now()):
            lab.world.changes.delete_video(post["item_id"])
        for _ in range(2):
            lab.world.changes.add_comment(lab.world.changes.add_video(account.index), 3)


def change_the_world(lab: Lab) -> None:
    """A minute later, each unit that a step reads is another than before."""
    lab.clock.moment += timedelta(minutes=1)
    now, text = lab.clock.now(), f"change {next(numbers)}"
    for account in lab.world.accounts:
        lab.world.changes.set_profile(account.index, bio_description=text)
        lab.world.changes.patch_metrics(account.index, lab.clock.today - timedelta(days=9), likes=next(numbers))
        for post in lab.world.videos(account, now):
            lab.world.changes.patch_video(post["item_id"], caption=text)
            for comment in lab.world.comments(account, post["item_id"], now)[:1]:
                lab.world.changes.edit_comment(comment["comment_id"], text=text)
