"""Objects of an answer become rows: labels, lists broken down, ids told apart."""

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from tiktok_organic_dagster.findings import Findings, Kind
from tiktok_organic_dagster.tables import ACCOUNT, ACCOUNT_METRICS, AUDIENCE_ACTIVITY, CATALOGUE, COMMENTS, VIDEOS
from tiktok_organic_dagster.tables.rows import objects_of, rows_of

LOADED_AT = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
LABELS = {
    "business_id": "-000abc",
    "username": "someone",
    "read_date": date(2026, 11, 23),
    "loaded_at": LOADED_AT,
}
BY_NAME = {table.name: table for table in CATALOGUE}
COUNTRIES = BY_NAME["tiktok_organic_videos_audience_countries"]
RETENTION = BY_NAME["tiktok_organic_videos_video_view_retention"]


def _rows(table, objects, **labels):
    findings = Findings()
    return rows_of(table, objects, {**LABELS, **labels}, findings).to_pylist(), list(findings)


def _told(findings):
    return [(finding.table, finding.column, finding.kind, finding.count, finding.sample) for finding in findings]


@pytest.mark.parametrize("table", CATALOGUE, ids=lambda table: table.name)
def test_no_objects_give_a_batch_without_rows_in_the_catalogues_columns(table):
    batch = rows_of(table, [], LABELS, Findings())
    assert batch.num_rows == 0
    assert batch.schema.equals(table.arrow_schema)


@pytest.mark.parametrize("table", CATALOGUE, ids=lambda table: table.name)
def test_an_object_without_any_field_is_null_everywhere_but_in_the_labels(table):
    findings = Findings()
    batch = rows_of(table, [{}], LABELS, findings)
    assert batch.schema.equals(table.arrow_schema)
    assert list(findings) == []
    for row in batch.to_pylist():
        filled = {name: value for name, value in row.items() if value is not None}
        assert set(filled.values()) <= set(LABELS.values())


def test_a_profile_becomes_one_row():
    rows, findings = _rows(
        ACCOUNT,
        [{"username": "@la_flama", "bio_description": "", "followers_count": 0, "is_verified": False}],
    )
    assert rows == [
        {
            "video_creator_username": "la_flama",
            "metric_date": date(2026, 11, 23),
            "bio_description": "",
            "display_name": None,
            "followers_count": 0.0,
            "following_count": None,
            "is_business_account": None,
            "is_verified": False,
            "profile_deep_link": None,
            "profile_image": None,
            "total_likes": None,
            "videos_count": None,
            "_business_id": "-000abc",
            "_loaded_at": LOADED_AT,
        }
    ]
    assert findings == []


def test_fields_that_nobody_asked_for_are_not_stored_and_told_with_their_kind_but_not_their_value():
    objects = [
        {"item_id": "1", "metric_date": "1999-01-01", "_loaded_at": 5, "is_ad": True},
        {"item_id": "2", "metric_date": "1999-01-01", "song of the day": {"secret": "x"}},
    ]
    rows, findings = _rows(VIDEOS, objects)
    assert {row["metric_date"] for row in rows} == {date(2026, 11, 23)}
    assert {row["_loaded_at"] for row in rows} == {LOADED_AT}
    assert _told(findings) == [
        (VIDEOS.name, "_loaded_at", Kind.NEW_FIELD, 1, "a number"),
        (VIDEOS.name, "metric_date", Kind.NEW_FIELD, 2, "a text"),
        (VIDEOS.name, "'song of the day'", Kind.NEW_FIELD, 1, "an object"),
    ]


@pytest.mark.parametrize("table", CATALOGUE, ids=lambda table: table.name)
def test_of_keys_made_up_of_data_a_few_are_told(table):
    findings = Findings()
    odd = {f"key_{number}": None for number in range(100)}
    field = table.entries.name if table.entries else None
    rows_of(table, [{field: [odd]} if field else odd], LABELS, findings)
    new = [finding for finding in findings if finding.kind is Kind.NEW_FIELD]
    assert len(new) == 20
    assert {finding.sample for finding in new} == {"null"}


def test_an_absent_value_and_a_null_are_the_same():
    absent, _ = _rows(VIDEOS, [{"item_id": "1"}])
    null, _ = _rows(VIDEOS, [{"item_id": "1", "likes": None, "caption": None, "create_time": None}])
    assert absent == null


def test_a_breakdown_has_a_row_for_each_entry_with_the_id_of_its_video():
    rows, findings = _rows(
        COUNTRIES,
        [
            {"item_id": "1", "audience_countries": [{"country": "BR", "percentage": 0.6}, {"country": "US"}]},
            {"item_id": "2", "audience_countries": []},
            {"item_id": "3", "audience_countries": None},
            {"item_id": "4"},
            {"item_id": "5", "audience_countries": [{"percentage": "0.25", "country": "PT"}]},
        ],
    )
    assert [
        (row["item_id"], row["audience_countries_country"], row["audience_countries_percentage"]) for row in rows
    ] == [("1", "BR", 0.6), ("1", "US", None), ("5", "PT", 0.25)]
    assert {(row["_business_id"], row["video_creator_username"], row["metric_date"]) for row in rows} == {
        ("-000abc", "someone", date(2026, 11, 23))
    }
    assert findings == []


def test_seconds_that_come_as_texts_are_numbers():
    rows, _ = _rows(
        RETENTION, [{"item_id": "1", "video_view_retention": [{"second": str(n), "percentage": 1} for n in range(12)]}]
    )
    assert [row["video_view_retention_second"] for row in rows] == [float(n) for n in range(12)]


def test_the_hours_of_a_day_carry_its_date():
    rows, findings = _rows(
        AUDIENCE_ACTIVITY,
        [
            {"date": "2026-11-01", "audience_activity": [{"hour": "0", "count": 5}, {"hour": "23", "count": 0}]},
            {"date": "2026-11-02"},
            {"date": "2026-11-03", "audience_activity": [{"hour": "1", "count": "7"}]},
        ],
    )
    assert [(row["metric_date"], row["audience_activity_hour"], row["audience_activity_count"]) for row in rows] == [
        (date(2026, 11, 1), 0.0, 5.0),
        (date(2026, 11, 1), 23.0, 0.0),
        (date(2026, 11, 3), 1.0, 7.0),
    ]
    assert findings == []


@pytest.mark.parametrize("listed", [{"country": "BR"}, "BR", 5, True, "", 0])
def test_something_else_in_place_of_a_list_is_unreadable(listed):
    rows, findings = _rows(
        COUNTRIES,
        [{"item_id": "1", "audience_countries": listed}, {"item_id": "2", "audience_countries": [{"country": "US"}]}],
    )
    assert [row["item_id"] for row in rows] == ["2"]
    assert _told(findings) == [(COUNTRIES.name, "audience_countries", Kind.UNREADABLE, 1, repr(listed))]


def test_something_else_in_place_of_an_entry_is_unreadable_and_the_others_stay():
    rows, findings = _rows(
        COUNTRIES, [{"item_id": "1", "audience_countries": [None, "BR", {"country": "US"}, ["x"], {"country": "PT"}]}]
    )
    assert [row["audience_countries_country"] for row in rows] == ["US", "PT"]
    assert _told(findings) == [(COUNTRIES.name, "audience_countries", Kind.UNREADABLE, 3, "None")]


def test_values_that_cannot_be_read_are_counted_by_column_with_the_first_as_sample():
    rows, findings = _rows(VIDEOS, [{"item_id": str(n), "likes": value} for n, value in enumerate(["many", 3, "few"])])
    assert [row["likes"] for row in rows] == [None, 3.0, None]
    assert _told(findings) == [(VIDEOS.name, "likes", Kind.UNREADABLE, 2, "'many'")]


def test_mended_texts_are_counted_with_a_sample_that_can_be_shown():
    rows, findings = _rows(COMMENTS, [{"comment_id": "1", "text": "half \ud83d"}, {"comment_id": "2", "text": "a\0"}])
    assert [row["text"] for row in rows] == ["half \ufffd", "a"]
    assert _told(findings) == [(COMMENTS.name, "text", Kind.MENDED_TEXT, 2, "'not shown: personal data'")]


@pytest.mark.parametrize("blank", ["", "\0", "\0\0"])
def test_an_id_may_not_be_an_empty_text(blank):
    rows, findings = _rows(VIDEOS, [{"item_id": blank}, {"item_id": "2"}])
    assert [row["item_id"] for row in rows] == [None, "2"]
    assert (VIDEOS.name, "item_id", Kind.UNREADABLE, 1) in [found[:4] for found in _told(findings)]


def test_an_id_that_comes_as_a_number_keeps_all_its_digits():
    rows, _ = _rows(VIDEOS, [{"item_id": 7109065174526479622}])
    assert rows[0]["item_id"] == "7109065174526479622"


@pytest.mark.parametrize(
    ("sent", "stored"), [("@x", "x"), ("x", "x"), ("", ""), ("@", ""), ("a@b", "a@b"), (None, None)]
)
def test_usernames_are_stored_without_the_at(sent, stored):
    assert _rows(COMMENTS, [{"comment_id": "1", "username": sent}])[0][0]["comment_author_username"] == stored
    assert _rows(ACCOUNT, [{"username": sent}])[0][0]["video_creator_username"] == stored


def test_a_label_that_is_a_list_is_one_value_for_each_object():
    rows, _ = _rows(
        COMMENTS,
        [{"comment_id": "a"}, {"comment_id": "b"}, {"comment_id": "c"}],
        video_id=["1", "2", "1"],
        thumbnail_url=["u1", None, ""],
    )
    assert [(row["video_id"], row["comment_id"], row["thumbnail_url"]) for row in rows] == [
        ("1", "a", "u1"),
        ("2", "b", None),
        ("1", "c", ""),
    ]
    assert {row["_read_date"] for row in rows} == {date(2026, 11, 23)}
    assert {row["_not_returned_since"] for row in rows} == {None}


def test_a_label_that_is_a_text_is_made_storable():
    rows, _ = _rows(VIDEOS, [{"item_id": "1"}], username="a\0\ud800")
    assert rows[0]["video_creator_username"] == "a\ufffd"


def test_minus_zero_and_zero_are_one_second():
    """Databases hold them for equal, so they may not be two keys."""
    rows, _ = _rows(RETENTION, [{"item_id": "1", "video_view_retention": [{"second": "-0"}, {"second": -0.0}]}])
    assert [str(row["video_view_retention_second"]) for row in rows] == ["0.0", "0.0"]


def test_minus_zero_that_is_no_key_stays_as_sent():
    rows, _ = _rows(ACCOUNT_METRICS, [{"date": "2026-11-01", "daily_total_followers": -0.0}])
    assert str(rows[0]["daily_total_followers"]) == "-0.0"


def test_a_repeated_id_is_kept_once_the_first_and_counted():
    findings = Findings()
    answer = [{"item_id": "1", "n": 1}, {"item_id": "2", "n": 2}, {"item_id": "1", "n": 3}, {"item_id": "1", "n": 4}]
    assert objects_of(VIDEOS, answer, "item_id", findings) == answer[:2]
    assert _told(findings) == [(VIDEOS.name, "item_id", Kind.DUPLICATE, 2, "'1'")]


@pytest.mark.parametrize("unusable", [None, "", [], {}, 1.5])
def test_objects_without_a_usable_id_are_all_kept_for_validation_to_reject(unusable):
    findings = Findings()
    answer = [{"item_id": unusable}, {"item_id": unusable}, {}]
    assert objects_of(VIDEOS, answer, "item_id", findings) == answer
    assert list(findings) == []


def test_an_id_of_true_is_not_the_id_1():
    findings = Findings()
    answer = [{"item_id": True}, {"item_id": 1}]
    assert objects_of(VIDEOS, answer, "item_id", findings) == answer


def test_batches_are_arrow_batches_without_nan():
    batch = rows_of(VIDEOS, [{"item_id": "1", "likes": float("nan")}], LABELS, Findings())
    assert isinstance(batch, pa.RecordBatch)
    assert batch.column("likes").null_count == 1
