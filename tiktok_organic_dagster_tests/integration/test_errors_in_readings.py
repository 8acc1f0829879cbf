"""Answers of success that cannot be right: a clear reason for that account, and what was stored stays as it was."""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from tiktok_organic_dagster.accounts.account import Account
from tiktok_organic_dagster.findings import Kind
from tiktok_organic_dagster.readings import comments, intake
from tiktok_organic_dagster.readings.account import AccountReading
from tiktok_organic_dagster.readings.run import Outcome
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.simulator import Fault
from tiktok_organic_dagster.simulator.faults import Effect, answer, change, empty_page, html, refuse
from tiktok_organic_dagster.tables import ACCOUNT, ACCOUNT_METRICS, COMMENTS, VIDEOS
from tiktok_organic_dagster.warehouse import WarehouseError, open_warehouse
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.lab import Lab

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")

NewLab = Callable[..., Lab]


# Answers of a wrong type


def in_place_of(name: str, value: object) -> Effect:
    return change(lambda data: data | {name: value})


def test_an_answer_that_is_no_object_is_tried_again_and_named(new_lab: NewLab) -> None:
    lab = new_lab(accounts=1, videos=3)
    lab.read_account()
    before = lab.rows(ACCOUNT)
    for effect, reason in (
        (html(), "a page of HTML instead of JSON"),
        (answer('{"code": 0, "data": ["a list"]}'), "its data is not an object"),
        (answer('{"code": 0, "data": "text"}'), "its data is not an object"),
        (answer('["a list"]'), "not a JSON object with a code"),
        (answer('{"code": 0, "message": "OK"}'), "without data"),
    ):
        fault = lab.simulator.faults.add(Fault(effect))

        (outcome,) = lab.read_account()

        assert f"malformed answer, {reason}" in (outcome.error or "").replace("HTTP 200 with ", "")
        assert "try again later" in (outcome.error or "")
        assert fault.struck == 16, "eight tries, and eight more at the end of the step"
        lab.simulator.faults.remove(fault)
    assert lab.rows(ACCOUNT) == before


def test_something_else_where_a_list_of_objects_belongs_fails_the_account(new_lab: NewLab) -> None:
    lab = new_lab(accounts=1, videos=1)
    lab.read_everything()
    before = lab.everything()
    readings: list[tuple[str, str, Callable[[], list[Outcome]]]] = [
        ("business/video/list/", "videos", lab.read_videos),
        ("business/comment/list/", "comments", lab.read_all_comments),
        ("business/get/", "metrics", lab.read_metrics),
    ]
    for path, name, read in readings:
        for value in ({"an": "object"}, ["text"]):
            fault = lab.simulator.faults.add(Fault(in_place_of(name, value), path=path))

            (outcome,) = read()

            assert f"`{name}`" in (outcome.error or "")
            lab.simulator.faults.remove(fault)
    assert lab.everything() == before


def test_a_text_where_a_number_belongs_is_null_and_a_finding_and_costs_nothing_else(new_lab: NewLab) -> None:
    lab = new_lab(accounts=1, videos=3)
    lab.simulator.faults.add(Fault(in_place_of("followers_count", "many"), path="business/get/"))

    (outcome,) = lab.read_account()

    assert outcome.error is None
    (finding,) = outcome.notes.findings.of(ACCOUNT.name)
    assert (finding.kind, finding.count, finding.sample) == (Kind.UNREADABLE, 1, "'many'")
    ((followers, videos),) = lab.rows(ACCOUNT, [finding.column, "videos_count"])
    assert (followers, videos) == (None, 3.0)


def test_control_characters_of_a_username_are_in_no_line_of_the_log_and_in_no_error(new_lab: NewLab) -> None:
    lab = new_lab(accounts=1, videos=3)
    lab.world.changes.set_profile(0, username="brasa\x1b[2J")
    lines: list[str] = []
    lab.read_account(log=lines.append)
    lab.connect(0)
    (comments,) = lab.read_comments(log=lines.append)  # before the videos, so that it fails and names the account
    lab.simulator.faults.add(Fault(empty_page(), path="business/video/list/"))
    (videos,) = lab.read_videos(log=lines.append)
    lab.simulator.faults.add(Fault(change(lambda _data: {"something": "else"}), path="business/get/"))
    (account,) = lab.read_account(log=lines.append)

    for outcome in (comments, videos, account):
        assert "@brasa [2J" in (outcome.error or "")
    assert lab.rows(ACCOUNT, ["video_creator_username"]) == [("brasa\x1b[2J",)], "stored as TikTok sent it"
    assert "\x1b" not in "".join(lines)
    assert sum("@brasa [2J" in line for line in lines) == 5


def test_a_profile_without_any_of_the_fields_is_no_reading(new_lab: NewLab) -> None:
    lab = new_lab(accounts=1, videos=3)
    lab.read_account()
    before = lab.rows(ACCOUNT)
    fault = lab.simulator.faults.add(Fault(change(lambda _data: {"something": "else"}), path="business/get/"))

    (outcome,) = lab.read_account()

    assert f"came for @{outcome.account.username}, so nothing was stored" in (outcome.error or "")
    assert fault.struck == 2, "tried once more at the end of the step"
    assert lab.rows(ACCOUNT) == before


# Without analytics, without room


def test_an_account_without_analytics_is_told_how_to_turn_them_on(new_lab: NewLab) -> None:
    lab = new_lab(accounts=2, videos=3)
    lab.world.changes.analytics_off(0)

    without, other = sorted(lab.read_metrics(days=7), key=lambda outcome: not outcome.notes.warnings)

    assert without.account.business_id == lab.business_id(0)
    (warning,) = without.notes.warnings
    assert "analytics" in warning
    assert f"tiktok-organic check @{without.account.username}" in warning
    assert other.notes.warnings == []
    assert {row[0] for row in lab.rows(ACCOUNT_METRICS, ["_business_id"])} == {lab.business_id(1)}


def test_days_that_are_not_published_yet_are_no_reason_to_warn(new_lab: NewLab) -> None:
    lab = new_lab(accounts=1, videos=3)
    lab.simulator.faults.add(Fault(in_place_of("metrics", []), path="business/get/"))

    (outcome,) = lab.read_metrics(days=2)

    assert (outcome.error, outcome.notes.warnings) == (None, [])


def test_a_refusal_for_lack_of_analytics_says_where_to_turn_them_on(new_lab: NewLab) -> None:
    lab = new_lab(accounts=1, videos=3)
    lab.simulator.faults.add(Fault(refuse(40001, "No permission"), path="business/get/"))

    (outcome,) = lab.read_metrics(days=2)

    assert "Analytics > Turn on" in (outcome.error or "")


def test_a_temporary_folder_that_takes_no_files_is_named_with_the_way_out(
    new_lab: NewLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = new_lab(accounts=1, videos=3)
    lab.read_videos()
    before = lab.rows(VIDEOS)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not there"))

    (outcome,) = lab.read_videos()

    assert str(tmp_path / "not there") in (outcome.error or "")
    assert "TMPDIR" in (outcome.error or "")
    assert lab.rows(VIDEOS) == before


# A warehouse in which something else has a table's name


def test_a_view_under_a_tables_name_is_named_and_no_table_is_made_beside_it(warehouse_url: str) -> None:
    warehouse = open_warehouse(Settings(warehouse=SecretStr(warehouse_url)))
    with warehouse.session() as session:
        session.execute(f"CREATE VIEW {VIDEOS.name} AS SELECT 'b' AS _business_id")

        with pytest.raises(WarehouseError, match=rf"{VIDEOS.name} is a view, .* Rename that view"):
            session.prepare([ACCOUNT, VIDEOS])

        tables = session.query(
            "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = ?", session.schema
        )
    assert tables == [(VIDEOS.name, "VIEW")]


# Faults of ours


def test_a_fault_of_ours_costs_the_account_it_is_on_and_is_told_with_its_place(
    new_lab: NewLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = new_lab(accounts=2, videos=3)
    username = AccountReading.username

    def fails_on_one(reading: AccountReading, account: Account) -> str:
        if account.business_id == lab.business_id(0):
            raise KeyError("lost")
        return username(reading, account)

    monkeypatch.setattr(AccountReading, "username", fails_on_one)

    errors = {outcome.account.business_id: outcome.error for outcome in lab.read_account()}

    assert errors[lab.business_id(1)] is None
    assert re.fullmatch(
        r"Unexpected KeyError in fails_on_one \(test_errors_in_readings\.py, line \d+\): 'lost'\. Please report this\.",
        errors[lab.business_id(0)] or "",
    )
    assert {row[-1] for row in lab.rows(ACCOUNT)} == {lab.business_id(1)}


def test_many_posts_and_comments_are_made_into_rows_a_part_at_a_time_and_all_are_there(
    new_lab: NewLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "OBJECTS_TOGETHER", 20)
    monkeypatch.setattr(intake, "LEAST_OBJECTS", 20)
    monkeypatch.setattr(intake, "ROWS_TOGETHER", 30)
    monkeypatch.setattr(intake, "LEAST_ROWS", 30)
    monkeypatch.setattr(comments, "CHUNK_ROWS", 20)
    lab = new_lab(accounts=1, videos=50)

    lab.read_videos()
    (outcome,) = lab.read_all_comments()

    assert outcome.error is None
    assert lab.rows(VIDEOS) == truth.in_order(truth.videos(lab))
    assert lab.rows(COMMENTS) == truth.in_order(truth.comments(lab))
