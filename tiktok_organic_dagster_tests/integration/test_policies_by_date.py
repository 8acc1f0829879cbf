"""The examples of docs/policies.md that need a TikTok: each is played through by the dates that the page names."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tiktok_organic_dagster.findings import Kind
from tiktok_organic_dagster.simulator import Fault, World, faults
from tiktok_organic_dagster.tables import ACCOUNT, ACCOUNT_METRICS, CATALOGUE, COMMENTS, VIDEOS
from tiktok_organic_dagster_tests.lab import Clock, Lab
from tiktok_organic_dagster_tests.pages import TableRows, examples, page, table
from tiktok_organic_dagster_tests.policy_examples import PAGE, TODAY, days_of, moment_of, values_of

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")

EXAMPLES = examples(page(PAGE))
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
TABLES = {each.name: each for each in CATALOGUE}


@pytest.fixture
def clock() -> Clock:
    """A clock that stands at noon of the page's today."""
    return Clock(NOON)


@pytest.fixture
def lab(new_lab: Callable[..., Lab]) -> Lab:
    """One connected account."""
    return new_lab(accounts=1, videos=10)


def _go_to(lab: Lab, moment: datetime) -> None:
    assert moment >= lab.clock.moment
    lab.clock.moment = moment


def test_the_days_of_metrics_that_tiktok_is_asked_for(lab: Lab) -> None:
    for row in table(EXAMPLES["metrics-window"]):
        _go_to(lab, datetime.fromisoformat(f"{row['today']}T12:00+00:00"))
        lab.simulator.calls.clear()

        lab.read_metrics()

        (call,) = lab.simulator.calls.to("business/get/")
        assert (call.params["start_date"], call.params["end_date"]) == (row["first day"], row["last day asked for"])
        assert {day for (day,) in lab.rows(ACCOUNT_METRICS, ["metric_date"])} & {lab.clock.today} == set()


def test_when_a_day_is_published() -> None:
    worlds = [World(seed) for seed in range(5)]
    midnight, next_midnight = (datetime.combine(TODAY + timedelta(days=n), datetime.min.time(), UTC) for n in (0, 1))

    def shown(day: date, moment: datetime) -> set[bool]:
        return {bool(world.metrics(account, day, day, moment)) for world in worlds for account in world.accounts}

    for row in table(EXAMPLES["publication"]):
        day = date.fromisoformat(row["day"])
        published = [world.published_at(account, day) for world in worlds for account in world.accounts]
        assert moment_of(row["published from"]) <= min(published)
        assert max(published) <= moment_of(row["at the latest"])
        assert (
            row["on 2026-11-24"]
            == {
                frozenset({True}): "there",
                frozenset({True, False}): "perhaps",
                frozenset({False}): "not yet",
            }[frozenset(shown(day, midnight) | shown(day, next_midnight - timedelta(seconds=1)))]
        )


def test_a_reading_taken_again(lab: Lab) -> None:
    _from(lab, 4)
    for row in table(EXAMPLES["readings-again"]):
        _go_to(lab, moment_of(row["reading taken"]))
        says = values_of(row["TikTok says"])
        lab.world.changes.set_profile(0, **says)

        lab.read_account()

        for day in ("2026-11-24", "2026-11-25"):
            expected = [] if row[f"row of {day}"] == "none" else [tuple(values_of(row[f"row of {day}"]).values())]
            assert lab.rows(ACCOUNT, list(says), where=f"metric_date = DATE '{day}'") == expected


def _from(lab: Lab, hour: int) -> None:
    """Let the first day of the example begin earlier than at noon."""
    lab.clock.moment = NOON.replace(hour=hour)


def test_metrics_loaded_again(lab: Lab) -> None:
    rows = table(EXAMPLES["metrics-again"])
    for row in rows:
        lab.world.changes.patch_metrics(0, date.fromisoformat(row["day"]), **values_of(row["stored on 2026-11-24"]))
    lab.read_metrics()
    assert _metrics(lab, rows) == {row["day"]: values_of(row["stored on 2026-11-24"]) for row in rows}
    lab.clock.next_day()
    for row in rows:
        day, says = date.fromisoformat(row["day"]), row["TikTok says on 2026-11-25"]
        if says == "nothing of this day":
            lab.world.changes.withdraw_metrics_day(0, day)
        else:
            new = {"likes": 999.0} if says == "not asked any more" else values_of(says)
            lab.world.changes.patch_metrics(0, day, **new)

    lab.read_metrics()

    assert _metrics(lab, rows) == {row["day"]: values_of(row["stored then"]) for row in rows}


def _metrics(lab: Lab, rows: TableRows) -> dict[str, dict[str, object]]:
    stored = lab.rows(ACCOUNT_METRICS, ["metric_date", "likes", "comments"])
    by_day = {str(day): {"likes": likes, "comments": comments} for day, likes, comments in stored}
    return {row["day"]: by_day[row["day"]] for row in rows}


def test_comments_merged(lab: Lab) -> None:
    rows = table(EXAMPLES["comments-again"])
    month_ago = NOON - timedelta(days=30)
    before = [row for row in rows if row["on 2026-11-24"] != "not written yet"]
    video = lab.world.changes.add_video(0, at=month_ago)
    ids = {
        row["comment"]: lab.world.changes.add_comment(video, text=row["on 2026-11-24"], at=month_ago)[0]
        for row in before
    }
    lab.world.changes.patch_video(video, comments=len(before))
    lab.read_videos([VIDEOS])
    lab.read_comments()
    lab.clock.next_day()
    lab.world.changes.patch_video(video, comments=len(before) - 1)
    for row in rows:
        text = row["on 2026-11-25"]
        if row not in before:
            ids[row["comment"]] = lab.world.changes.add_comment(video, text=text, at=lab.clock.now())[0]
        elif text == "deleted":
            lab.world.changes.delete_comment(ids[row["comment"]])
        else:
            lab.world.changes.edit_comment(ids[row["comment"]], text=text)

    lab.read_videos([VIDEOS])
    lab.read_comments()

    columns = ["comment_id", "text", "_read_date", "_not_returned_since"]
    stored = {row[0]: row[1:] for row in lab.rows(COMMENTS, columns, where=f"video_id = '{video}'")}
    assert stored == {
        ids[row["comment"]]: (row["text stored"], date.fromisoformat(row["_read_date"]), _day(row)) for row in rows
    }


def _day(row: dict[str, str]) -> date | None:
    since = row["_not_returned_since"]
    return None if since == "NULL" else date.fromisoformat(since)


def test_a_key_that_comes_twice_in_an_answer(lab: Lab) -> None:
    post = lab.world.videos(0, NOON)[0]["item_id"]
    for row in table(EXAMPLES["doubled-keys"]):
        _go_to(lab, datetime.fromisoformat(f"{row['day']}T12:00+00:00"))
        versions = [values_of(version) for version in row["one post in the answer"].split(", then ")]

        def doubled(data: dict[str, Any], versions: list[dict[str, object]] = versions) -> dict[str, Any]:
            videos = [
                {**video, **version}
                for video in data["videos"]
                for version in (versions if video["item_id"] == post else [{}])
            ]
            return {**data, "videos": videos}

        fault = lab.simulator.faults.add(Fault(faults.change(doubled), path="business/video/list/"))
        (outcome,) = lab.read_videos([VIDEOS])
        lab.simulator.faults.remove(fault)

        stored = lab.rows(VIDEOS, ["likes"], where=f"item_id = '{post}' AND metric_date = DATE '{row['day']}'")
        assert stored == [(float(row["likes stored"]),)]
        counted = [found.count for found in outcome.notes.findings.of(VIDEOS.name) if found.kind is Kind.DUPLICATE]
        assert sum(counted) == int(row["counted as doubled"])
        assert not any(found.kind.is_error for found in outcome.notes.findings)


def test_the_first_reading_and_those_after_it(lab: Lab) -> None:
    rows = table(EXAMPLES["first-reading"])
    posts = {row["post published"]: lab.world.changes.add_video(0, at=moment_of(row["post published"])) for row in rows}
    moments = [name for name in rows[0] if name != "post published"]
    for moment in moments:
        _go_to(lab, moment_of(moment))

        lab.read_videos([VIDEOS])

        stored = {item for (item,) in lab.rows(VIDEOS, ["item_id"], where=f"metric_date = DATE '{lab.clock.today}'")}
        expected = {posts[row["post published"]] for row in rows if row[moment] == "read"}
        assert stored & set(posts.values()) == expected, moment


def test_a_new_username(lab: Lab) -> None:
    lab.world.changes.rename(0, "tea.house")
    lab.world.changes.rename(0, "tea.and.cake", at=datetime(2026, 11, 25, 9, tzinfo=UTC))
    lab.read_everything()
    lab.clock.next_day()

    lab.read_everything()

    for row in table(EXAMPLES["rename"]):
        names = lab.rows(TABLES[row["table"]], ["video_creator_username"], f"metric_date = DATE '{row['day']}'")
        assert set(names) == {(row["video_creator_username"],)}, row


def test_an_account_that_fails_for_a_day(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=2, videos=10)
    days = days_of("2026-11-24 to 2026-11-26")
    for day in days:
        _go_to(lab, datetime.combine(day, NOON.time(), UTC))
        refusal = Fault(faults.refuse(40001, "No permission to operate tiktok creator id"), account=1)
        fault = lab.simulator.faults.add(refusal) if day == date(2026, 11, 25) else None
        for read in (lab.read_account, lab.read_metrics, lab.read_videos):
            first, second = read()
            assert first.error is None
            assert (second.error is not None) == (fault is not None)
        if fault:
            lab.simulator.faults.remove(fault)
    wanted = {ACCOUNT.name: [set(days)] * 2, VIDEOS.name: [set(days)] * 2}
    wanted[ACCOUNT_METRICS.name] = [
        {
            date.fromisoformat(day["date"])
            for day in lab.world.metrics(index, days_of("2026-09-27")[0], lab.clock.today, lab.clock.now())
        }
        for index in (0, 1)
    ]
    for row in table(EXAMPLES["failing-account"]):
        index = ("first", "second").index(row["account"])
        mine = f"_business_id = '{lab.business_id(index)}'"
        stored = {day for (day,) in lab.rows(TABLES[row["table"]], ["metric_date"], where=mine)}
        assert sorted(wanted[row["table"]][index] - stored) == days_of(row["days without rows afterwards"]), row
