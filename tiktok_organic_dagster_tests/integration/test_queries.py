"""The example queries of docs/queries.md give the right numbers, the same in both warehouses; its commands work."""

import csv
import re
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest

from tiktok_organic_dagster.simulator import ABSENT
from tiktok_organic_dagster_tests.conftest import NOON
from tiktok_organic_dagster_tests.integration.query_answers import (
    EXPECTED,
    YEAR,
    Row,
    Told,
    changes,
    engagement,
    waiting,
    waits,
)
from tiktok_organic_dagster_tests.lab import Clock, Lab

EMPTY = 3
"""The account without posts."""
LAST = NOON + timedelta(days=3)
"""The last reading."""
ELSEWHERE = "SET TimeZone = 'Asia/Tokyo'"
PAGE = (Path(__file__).parents[2] / "docs/queries.md").read_text()
QUERIES = {
    section.split("\n", 1)[0].removeprefix("## "): section
    for section in re.split(r"\n(?=## )", PAGE)
    if "```sql" in section
}
COMMANDS = [command for command in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) if "bin/python -c" in command]


@dataclass
class Warehouse:
    """A loaded warehouse, and what is in it."""

    url: str
    told: Told

    def ask(self, sql: str) -> tuple[list[str], list[Row]]:
        """Names of the columns and rows of an answer, as a client of the database gets them far from Greenwich."""
        if self.url.startswith("duckdb:///"):
            with duckdb.connect(self.url.removeprefix("duckdb:///"), read_only=True) as connection:
                answer = connection.execute(ELSEWHERE).execute(sql)
                return [name for name, *_ in answer.description or ()], answer.fetchall()
        connection = psycopg2.connect(self.url)
        try:
            with connection.cursor() as cursor:
                cursor.execute(ELSEWHERE)
                cursor.execute(sql)
                return [column.name for column in cursor.description or ()], cursor.fetchall()
        finally:
            connection.close()


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def warehouse(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse of each kind, loaded once."""
    folder = tmp_path_factory.mktemp("queries")
    duck = f"duckdb:///{folder / 'warehouse.duckdb'}"
    url = duck if request.param == "duckdb" else request.getfixturevalue("new_postgres_database")()
    with closing(Lab(folder / "lab", url, Clock(NOON), accounts=4, videos=40)) as lab:
        return Warehouse(url, _loaded(lab))


def _loaded(lab: Lab) -> Told:
    """Readings of 23, 24 and 26 November: one account without posts, one renamed, a day of metrics that never came."""
    told = Told()
    for post in lab.world.posts(EMPTY, NOON):
        lab.world.changes.delete_video(post.item_id)
    lab.world.changes.withdraw_metrics_day(1, date(2026, 11, 3), at=NOON - timedelta(days=1))
    vanishing = lab.world.changes.add_video(1, at=NOON - timedelta(days=20))
    for days in (29, 30, 89, 90):
        best = lab.world.changes.add_video(0, at=LAST - timedelta(days))
        lab.world.changes.patch_video(best, video_views=10_000_000, full_video_watched_rate=0.9, video_duration=12.0)
        lab.world.changes.patch_video(best, full_video_watched_rate=ABSENT, at=LAST)
    for days in (0, 1, 2):
        lab.clock.next_day(days)
        if days == 2:
            lab.world.changes.rename(0, "brasa.renamed")
            lab.world.changes.delete_video(vanishing)
            lab.world.changes.add_video(2, at=NOON + timedelta(days=1, hours=1))
        told.hear(lab)
        assert [outcome.error for outcome in lab.read_everything()] == [None] * 16
    told.hear_comments(lab)
    oldest = sorted(filter(waits, told.comments), key=lambda comment: int(comment["create_time"]))[:2]
    for comment in oldest:  # the first day stored them
        lab.world.changes.delete_comment(comment["comment_id"])
    told.hear_comments(lab)
    lab.read_all_comments()
    return told


def _sql(question: str) -> str:
    (sql,) = re.findall(r"```sql\n(.*?)```", QUERIES[question], re.DOTALL)
    return sql


def _comparable(rows: list[Row]) -> list[Row]:
    """Numbers to nine digits, as sums depend on the order of their parts."""

    def plain(value: Any) -> Any:
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            return float(f"{value:.9g}") if abs(value) > 1e-9 else 0.0
        return value

    return [tuple(plain(value) for value in row) for row in rows]


def test_every_question_of_the_page_is_tested() -> None:
    assert list(QUERIES) == list(EXPECTED)


@pytest.mark.parametrize("question", EXPECTED)
def test_a_query_gives_the_numbers_that_tiktok_told(warehouse: Warehouse, question: str) -> None:
    expected = EXPECTED[question](warehouse.told)

    _, rows = warehouse.ask(_sql(question))

    assert expected
    assert _comparable(rows) == _comparable(expected)


@pytest.mark.parametrize("question", EXPECTED)
def test_numbers_of_an_answer_have_four_digits_after_the_point_at_most(warehouse: Warehouse, question: str) -> None:
    _, rows = warehouse.ask(_sql(question))

    numbers = [float(value) for row in rows for value in row if isinstance(value, float | Decimal)]

    assert [number for number in numbers if number != round(number, 4)] == []


@pytest.mark.parametrize("question", EXPECTED)
def test_the_answer_shown_has_the_columns_of_the_query(warehouse: Warehouse, question: str) -> None:
    shown = next(line for line in QUERIES[question].splitlines() if line.startswith("| "))

    columns, _ = warehouse.ask(_sql(question))

    assert columns == [name.strip() for name in shown.strip("|").split("|")]


def test_the_world_has_what_the_queries_have_to_cope_with(warehouse: Warehouse) -> None:
    told = warehouse.told
    changed = changes(told)
    assert {row[3] for row in changed} == {2}, "no day without a reading"
    assert any(row[4] is None for row in changed), "no post without a number"
    assert any(row[4] for row in changed), "no post that gained views"
    assert {row[1] for row in changed} - {post["item_id"] for post in told.posts[min(told.posts)]}, "no new post"
    assert len(told.posts[min(told.posts)]) > len(told.newest), "no post that is gone or too old"
    assert len({said["user"] for (account, _), said in told.metrics.items() if account == 0}) == 2, "no other name"
    assert (
        len(warehouse.ask("SELECT * FROM tiktok_organic_videos_comments WHERE _not_returned_since IS NOT NULL")[1]) == 2
    )
    first, last = min(told.posts), max(told.posts)
    for breakdown in ("impression_sources", "audience_countries", "video_view_retention"):
        told_once = [post for post in told.posts[first] if post.get(breakdown) and post["created"].date() < last - YEAR]
        assert {post["account"] for post in told_once} >= {0, 1}, "no post that is too old for a later reading"
    assert {post["account"] for post in told.newest} == {0, 1, 2}, "no account without posts"
    assert len(waiting(told)) < len([comment for comment in told.comments if not comment["owner"]])


def test_a_first_reading_shows_no_change(warehouse: Warehouse) -> None:
    first = f"(SELECT * FROM tiktok_organic_videos WHERE metric_date = DATE '{min(warehouse.told.posts)}')"
    sql = _sql("What changed since the last reading?").replace("tiktok_organic_videos", first)

    assert warehouse.ask(sql)[1] == []


@pytest.mark.parametrize("warehouse", ["duckdb"], indirect=True)
@pytest.mark.parametrize("command", COMMANDS, ids=["show", "csv"])
def test_the_commands_of_the_page_work_in_a_clone_where_the_demo_ran(
    warehouse: Warehouse, command: str, tmp_path: Path
) -> None:
    home = tmp_path / ".tiktok_organic/demo"
    home.mkdir(parents=True)
    (home / "warehouse.duckdb").symlink_to(warehouse.url.removeprefix("duckdb:///"))
    (tmp_path / ".venv").symlink_to(sys.prefix)
    question = "What is the engagement rate?"
    (tmp_path / "question.sql").write_text(_sql(question))

    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    names = {row[0] for row in engagement(warehouse.told)}
    if (tmp_path / "answer.csv").exists():
        with (tmp_path / "answer.csv").open(newline="") as answer:
            assert {row["username"] for row in csv.DictReader(answer)} == names
    else:
        assert all(name in done.stdout for name in names)
