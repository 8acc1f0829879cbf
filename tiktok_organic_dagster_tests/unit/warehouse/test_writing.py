"""The three ways of writing do the same in both warehouses, all of it or nothing."""

from datetime import date, timedelta

import pytest

from tiktok_organic_dagster.tables import ACCOUNT, ACCOUNT_METRICS, AUDIENCE_ACTIVITY, COMMENTS, VIDEOS
from tiktok_organic_dagster.tables.own import READINGS
from tiktok_organic_dagster.warehouse import WarehouseError
from tiktok_organic_dagster.warehouse.bookkeeping import Taken, readings_on, record_readings
from tiktok_organic_dagster.warehouse.known_comments import (
    comment_reads,
    newest_comment_ids,
    older_videos,
    older_videos_of,
    todays_videos,
    write_comment_reads,
)
from tiktok_organic_dagster.warehouse.writing import fill_days, replace_day
from tiktok_organic_dagster_tests.unit.warehouse.rows import (
    NOON,
    ONE,
    THREE,
    TWO,
    a_comment,
    a_metric,
    a_row,
    a_video,
    spooled,
    stored_rows,
    write_comments,
    write_day,
    write_metrics,
)

# --- The three ways of writing ---------------------------------------------------------------------------------------


def test_a_reading_replaces_that_day_of_that_account_and_nothing_else(session):
    write_day(session, VIDEOS, [a_video("1", TWO, likes=1.0), a_video("2", TWO, likes=1.0)], day=TWO)
    write_day(session, VIDEOS, [a_video("1", THREE, "other", likes=2.0)], business_id="other")
    write_day(session, VIDEOS, [a_video("1", likes=3.0, caption="c"), a_video("2", likes=3.0)])
    write_day(session, VIDEOS, [a_video("1", likes=4.0)])
    assert stored_rows(session, VIDEOS, "_business_id", "metric_date", "item_id", "likes", "caption") == [
        ("b", TWO, "1", 1.0, None),
        ("b", TWO, "2", 1.0, None),
        ("b", THREE, "1", 4.0, None),  # as it was read, NULL included
        ("other", THREE, "1", 2.0, None),
    ]


def test_a_reading_without_rows_empties_its_day(session):
    write_day(session, VIDEOS, [a_video("1", TWO)], day=TWO)
    write_day(session, VIDEOS, [a_video("1")])
    write_day(session, VIDEOS, [])
    assert stored_rows(session, VIDEOS, "metric_date") == [(TWO,)]


@pytest.mark.parametrize("chunk", [1, 10])
def test_a_key_that_comes_twice_is_refused_and_nothing_changes(warehouse, chunk):
    with warehouse.session() as session:
        session.prepare([VIDEOS])
        write_day(session, VIDEOS, [a_video("1", likes=1.0)])
    with pytest.raises(WarehouseError, match="tiktok_organic_videos"), warehouse.session() as session:
        write_day(session, VIDEOS, [a_video("1", likes=2.0), a_video("2"), a_video("1", likes=3.0)], chunk=chunk)
    with warehouse.session() as session:
        assert stored_rows(session, VIDEOS, "item_id", "likes") == [("1", 1.0)]


def test_a_stored_value_is_never_replaced_by_null(session):
    write_metrics(
        session, ACCOUNT_METRICS, [a_metric(ONE, likes=1.0, shares=1.0, profile_image="old", _loaded_at=NOON)]
    )
    later = NOON + timedelta(days=1)
    write_metrics(
        session, ACCOUNT_METRICS, [a_metric(ONE, likes=2.0, comments=0.0, profile_image="", _loaded_at=later)]
    )
    columns = ("likes", "shares", "comments", "video_views", "profile_image", "_loaded_at")
    assert stored_rows(session, ACCOUNT_METRICS, *columns) == [(2.0, 1.0, 0.0, None, "", later)]


def test_days_that_are_not_returned_stay(session):
    write_metrics(session, ACCOUNT_METRICS, [a_metric(ONE, likes=1.0), a_metric(TWO, likes=1.0)])
    write_metrics(session, ACCOUNT_METRICS, [a_metric(TWO, likes=2.0), a_metric(THREE, likes=2.0)])
    write_metrics(session, ACCOUNT_METRICS, [])
    assert stored_rows(session, ACCOUNT_METRICS, "metric_date", "likes") == [(ONE, 1.0), (TWO, 2.0), (THREE, 2.0)]


def test_hours_that_are_not_returned_stay(session):
    def hour(hour, count):
        return a_row(AUDIENCE_ACTIVITY, metric_date=ONE, audience_activity_hour=hour, audience_activity_count=count)

    write_metrics(session, AUDIENCE_ACTIVITY, [hour(0.0, 5.0), hour(1.0, 5.0), hour(2.0, None)])
    write_metrics(session, AUDIENCE_ACTIVITY, [hour(1.0, None), hour(2.0, 7.0), hour(3.0, 8.0)])
    assert stored_rows(session, AUDIENCE_ACTIVITY, "audience_activity_hour", "audience_activity_count") == [
        (0.0, 5.0), (1.0, 5.0), (2.0, 7.0), (3.0, 8.0),
    ]  # fmt: skip


def test_filling_days_leaves_other_accounts_alone(session):
    write_metrics(session, ACCOUNT_METRICS, [a_metric(ONE, "other", likes=1.0)], "other")
    write_metrics(session, ACCOUNT_METRICS, [a_metric(ONE, likes=2.0)])
    assert stored_rows(session, ACCOUNT_METRICS, "_business_id", "likes") == [("b", 2.0), ("other", 1.0)]


def test_filling_the_same_days_again_changes_nothing(session):
    rows = [a_metric(ONE, likes=1.0), a_metric(TWO, shares=0.1)]
    write_metrics(session, ACCOUNT_METRICS, rows)
    before = stored_rows(session, ACCOUNT_METRICS)
    write_metrics(session, ACCOUNT_METRICS, rows)
    assert stored_rows(session, ACCOUNT_METRICS) == before


def test_a_day_that_comes_twice_is_refused_and_nothing_changes(warehouse):
    with warehouse.session() as session:
        session.prepare([ACCOUNT_METRICS])
    with pytest.raises(WarehouseError), warehouse.session() as session:
        write_metrics(session, ACCOUNT_METRICS, [a_metric(ONE), a_metric(ONE)])
    with warehouse.session() as session:
        assert stored_rows(session, ACCOUNT_METRICS) == []


def test_a_comment_is_stored_in_its_latest_state(session):
    write_comments(
        session, [a_comment("1", "a", likes=1.0, text="first", _read_date=TWO), a_comment("1", "b", _read_date=TWO)]
    )
    write_comments(session, [a_comment("1", "a", likes=2.0), a_comment("2", "a", likes=9.0)])
    write_comments(session, [a_comment("1", "a", "other", likes=7.0)], business_id="other")
    columns = ("_business_id", "video_id", "comment_id", "likes", "text", "_read_date")
    assert stored_rows(session, COMMENTS, *columns) == [
        ("b", "1", "a", 2.0, None, THREE),
        ("b", "1", "b", None, None, TWO),
        ("b", "2", "a", 9.0, None, THREE),
        ("other", "1", "a", 7.0, None, THREE),
    ]


def test_a_comment_that_a_complete_reading_did_not_return_is_dated_once(session):
    write_comments(session, [a_comment("1", "a"), a_comment("1", "b"), a_comment("2", "a")])
    write_comments(session, [a_comment("1", "a", "other")], business_id="other")
    write_comments(session, [a_comment("1", "b")], complete=["1"], day=TWO)
    write_comments(session, [a_comment("1", "b")], complete=["1"], day=THREE)
    assert stored_rows(session, COMMENTS, "_business_id", "video_id", "comment_id", "_not_returned_since") == [
        ("b", "1", "a", TWO),
        ("b", "1", "b", None),
        ("b", "2", "a", None),
        ("other", "1", "a", None),
    ]


def test_a_comment_that_comes_back_loses_its_date(session):
    write_comments(session, [a_comment("1", "a")])
    write_comments(session, [], complete=["1"], day=TWO)
    assert stored_rows(session, COMMENTS, "_not_returned_since") == [(TWO,)]
    write_comments(session, [a_comment("1", "a")], complete=["1"])
    assert stored_rows(session, COMMENTS, "_not_returned_since") == [(None,)]


# --- What is remembered beside the rows ------------------------------------------------------------------------------


def test_a_reading_is_remembered_by_account_table_and_day(session):
    with session.transaction("x"):
        record_readings(session, "b", [(VIDEOS, 5), (ACCOUNT, 0)], read_date=THREE, read_at=NOON)
    assert readings_on(session, VIDEOS, THREE) == {"b": Taken(NOON, 5)}
    assert readings_on(session, ACCOUNT, THREE) == {"b": Taken(NOON, 0)}
    assert readings_on(session, COMMENTS, THREE) == readings_on(session, VIDEOS, TWO) == {}


def test_the_last_reading_of_a_day_is_the_one_remembered(session):
    for count, complete in ((5, False), (7, True)):
        record_readings(session, "b", [(VIDEOS, count)], read_date=THREE, read_at=NOON, complete=complete)
    assert stored_rows(session, READINGS, "rows", "complete") == [(7.0, True)]


def test_what_was_read_of_comments_comes_back(session):
    reads = {"1": (NOON, 5.0, NOON, None, 0.0), "2": (None, None, None, NOON, 3.0)}
    write_comment_reads(session, "b", reads, now=NOON)
    write_comment_reads(session, "other", {"1": (NOON, 9.0, None, None, 1.0)}, now=NOON)
    write_comment_reads(session, "b", {"1": (NOON, 6.0, None, None, 2.0)}, now=NOON)
    of_b = {"1": (NOON, 6.0, None, None, 2.0), "2": (None, None, None, NOON, 3.0)}
    of_other = {"1": (NOON, 9.0, None, None, 1.0)}
    assert comment_reads(session, ["b", "other"]) == {"b": of_b, "other": of_other}
    assert comment_reads(session, ["b", "nobody"]) == {"b": of_b}
    assert comment_reads(session, []) == {}


def test_what_another_run_has_read_later_is_not_overwritten_but_what_a_wrong_clock_has_left_is(session):
    earlier, future = NOON - timedelta(minutes=5), NOON + timedelta(days=400)
    write_comments(session, [a_comment("1", "a", likes=2.0, _loaded_at=NOON)])
    write_comments(session, [a_comment("1", "b", likes=2.0, _loaded_at=future)])
    write_comment_reads(
        session, "b", {"1": (NOON, 2.0, NOON, None, 0.0), "2": (future, 2.0, future, None, 0.0)}, now=NOON
    )
    older = [a_comment("1", id_, likes=1.0, _loaded_at=earlier) for id_ in ("a", "b", "c")]
    write_comments(session, older)
    reads = dict.fromkeys(("1", "2", "3"), (earlier, 1.0, None, None, 0.0))
    write_comment_reads(session, "b", reads, now=NOON)
    assert stored_rows(session, COMMENTS, "comment_id", "likes") == [("a", 2.0), ("b", 1.0), ("c", 1.0)]
    assert {video: read[1] for video, read in comment_reads(session, ["b"])["b"].items()} == {
        "1": 2.0,
        "2": 1.0,
        "3": 1.0,
    }


def test_videos_of_today_and_older_ones_are_told_apart(session):
    write_day(session, VIDEOS, [a_video("1", ONE, comments=1.0), a_video("2", ONE, comments=1.0)], day=ONE)
    write_day(session, VIDEOS, [a_video("2", TWO, comments=2.0, thumbnail_url="u"), a_video("3", TWO)], day=TWO)
    write_day(session, VIDEOS, [a_video("3", comments=0.0, create_time=NOON)])
    write_day(session, VIDEOS, [a_video("4", ONE, "other")], day=ONE, business_id="other")
    write_day(session, VIDEOS, [a_video("9", date(2026, 11, 24))], day=date(2026, 11, 24))  # after midnight
    old = [("1", None, 1.0, None), ("2", None, 2.0, "u")]
    assert todays_videos(session, ["b", "other"], THREE) == {"b": [("3", NOON, 0.0, None)]}
    assert older_videos(session, {"b": ONE, "other": ONE}, THREE) == {"b": old, "other": [("4", None, None, None)]}
    assert older_videos(session, {"b": date.min}, THREE) == {"b": old}
    assert older_videos(session, {"b": TWO, "other": ONE}, THREE) == {"b": old[1:], "other": [("4", None, None, None)]}
    assert older_videos_of(session, [("b", "1"), ("b", "3"), ("other", "1")], THREE) == {"b": old[:1]}
    assert (
        todays_videos(session, [], THREE)
        == older_videos(session, {}, THREE)
        == older_videos_of(session, [], THREE)
        == {}
    )


def test_the_newest_stored_comments_are_found_by_video(session):
    rows = [a_comment("1", f"a{n}", create_time=NOON + timedelta(seconds=n)) for n in range(1_005)]
    write_comments(session, [*rows, a_comment("1", "undated"), a_comment("2", "b"), a_comment("3", "c")])
    write_comments(session, [a_comment("1", "x", "other", create_time=NOON)], business_id="other")
    of_one, of_two = {f"a{n}" for n in range(5, 1_005)}, {"b"}
    others = [f"{n}" for n in range(2_000, 3_200)]  # more videos than a statement takes
    assert newest_comment_ids(session, [("b", each) for each in ("1", *others, "2")]) == {
        ("b", "1"): of_one,
        ("b", "2"): of_two,
    }
    assert newest_comment_ids(session, [("b", "1"), ("other", "1")]) == {("b", "1"): of_one, ("other", "1"): {"x"}}
    assert newest_comment_ids(session, []) == {}


# --- All or nothing --------------------------------------------------------------------------------------------------


def test_a_transaction_that_fails_leaves_everything_as_it_was(session):
    write_day(session, VIDEOS, [a_video("1", likes=1.0)])
    write_metrics(session, ACCOUNT_METRICS, [a_metric(ONE, likes=1.0)])
    write_comments(session, [a_comment("1", "a")])
    before = [stored_rows(session, table) for table in (VIDEOS, ACCOUNT_METRICS, COMMENTS, READINGS)]
    with spooled(VIDEOS, [a_video("2")]) as videos, spooled(ACCOUNT_METRICS, [a_metric(ONE, likes=2.0)]) as metrics:
        for failure in (ZeroDivisionError, KeyboardInterrupt):
            with pytest.raises(failure), session.transaction("x"):
                replace_day(session, VIDEOS, videos, "b", THREE)
                fill_days(session, ACCOUNT_METRICS, metrics, "b")
                session.execute(f"DELETE FROM {session.name_of(COMMENTS)}")
                record_readings(session, "b", [(VIDEOS, 1)], read_date=THREE, read_at=NOON)
                raise failure
    assert [stored_rows(session, table) for table in (VIDEOS, ACCOUNT_METRICS, COMMENTS, READINGS)] == before


def test_a_session_can_be_used_after_a_transaction_that_failed(session):
    with pytest.raises(ZeroDivisionError), session.transaction("x"):
        _ = 1 / 0
    write_metrics(session, ACCOUNT_METRICS, [a_metric(ONE, likes=1.0)])
    write_metrics(session, ACCOUNT_METRICS, [a_metric(ONE, likes=2.0)])
    assert stored_rows(session, ACCOUNT_METRICS, "likes") == [(2.0,)]


def test_a_transaction_that_is_not_finished_is_not_seen_later(warehouse):
    with warehouse.session() as session:
        session.prepare([VIDEOS])
    with pytest.raises(ZeroDivisionError), warehouse.session() as session, session.transaction("x"):
        session.execute(f"INSERT INTO {session.name_of(VIDEOS)} (_business_id, item_id, metric_date) VALUES ('b', '1', '2026-11-23')")  # fmt: skip # noqa: E501
        _ = 1 / 0
    with warehouse.session() as session:
        assert stored_rows(session, VIDEOS) == []


def test_a_statement_that_is_refused_is_one_sentence_that_names_the_place(warehouse):
    with pytest.raises(WarehouseError) as caught, warehouse.session() as session:
        session.query("SELECT nothing\nFROM nowhere")
    assert warehouse.place in str(caught.value)
    assert "nowhere" in str(caught.value)
    assert "\n" not in str(caught.value)
