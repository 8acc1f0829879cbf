"""What the Pandera schemas let through, reject and warn about; and that they do reject."""

from datetime import UTC, date, datetime

import pandera.pandas as pandera
import pyarrow as pa
import pytest
from pandera.errors import SchemaErrors

from tiktok_organic_dagster.findings import Findings, Kind
from tiktok_organic_dagster.tables import (
    ACCOUNT,
    ACCOUNT_METRICS,
    AUDIENCE_ACTIVITY,
    CATALOGUE,
    COMMENTS,
    VIDEO_TABLES,
    VIDEOS,
    ColumnType,
)
from tiktok_organic_dagster.tables.rows import rows_of
from tiktok_organic_dagster.validation import schema_of, validated

DAY = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LABELS = {"business_id": "b", "username": "someone", "read_date": DAY, "loaded_at": NOON, "video_id": "v"}
BY_NAME = {table.name: table for table in CATALOGUE}
USUAL = {
    ColumnType.TEXT: "PUBLIC",
    ColumnType.FLOAT: 1.0,
    ColumnType.DATE: DAY,
    ColumnType.BOOLEAN: True,
    ColumnType.TIMESTAMP: NOON,
}
ANOTHER = {
    ColumnType.TEXT: "HIDDEN",
    ColumnType.FLOAT: 0.0,
    ColumnType.DATE: date(2026, 11, 22),
    ColumnType.BOOLEAN: False,
    ColumnType.TIMESTAMP: datetime(2026, 11, 22, tzinfo=UTC),
}
OTHER_TYPES = {
    ColumnType.TEXT: pa.int64(),
    ColumnType.FLOAT: pa.int64(),
    ColumnType.DATE: pa.string(),
    ColumnType.BOOLEAN: pa.string(),
    ColumnType.TIMESTAMP: pa.timestamp("us"),
}
each_table = pytest.mark.parametrize("table", CATALOGUE, ids=lambda table: table.name)


def _video(number):
    return {
        "item_id": str(7109065174526479000 + number),
        "create_time": str(1627617835 + number),
        "caption": f"video {number} 👋",
        "likes": number,
        "comments": number % 7,
        "shares": 0,
        "favorites": 1,
        "video_views": number * 10,
        "reach": None if number % 3 else number,
        "video_duration": 20.0,
        "full_video_watched_rate": 0.0237,
        "average_time_watched": 4.118,
        "total_time_watched": 695.942,
        "impression_sources": [
            {"impression_source": name, "percentage": share} for name, share in (("For You", 0.9), ("Hashtag", 0.1))
        ],
        "audience_countries": [{"country": "BR", "percentage": 1.0}, {"country": "US", "percentage": 0.0}],
        "audience_cities": [{"city_name": "US Cincinnati", "percentage": 17.4921}],
        "audience_types": [
            {"type": name, "percentage": 0.5}
            for name in ("NEW_VIEWER", "RETURN_VIEWER", "FOLLOWER_PERCENT", "NON_FOLLOWER_PERCENT")
        ],
        "audience_genders": [{"gender": name, "percentage": 0.3} for name in ("Female", "Male", "Other")],
        "video_view_retention": [{"second": str(n), "percentage": 100 - n} for n in range(5)],
        "engagement_likes": [{"second": str(n), "percentage": 0.05} for n in range(5)],
    }


def _check(table, objects, **labels):
    findings = Findings()
    batch = validated(table, rows_of(table, objects, {**LABELS, **labels}, findings), findings)
    assert batch.schema.equals(table.arrow_schema)
    return batch.to_pylist(), [(f.column, f.kind, f.count, f.sample) for f in findings]


def _row(table, **changes):
    values = {column.name: USUAL[column.type] for column in table.columns}
    values |= {column.name: column.values[0] for column in table.columns if column.values}
    return {**values, **changes}


def _batch(table, rows):
    return pa.RecordBatch.from_pylist(rows, schema=table.arrow_schema)


def _validated(table, *rows):
    findings = Findings()
    return validated(table, _batch(table, rows), findings).to_pylist(), [(f.column, f.kind, f.count) for f in findings]


@pytest.mark.parametrize("table", VIDEO_TABLES, ids=lambda table: table.name)
def test_500_ordinary_videos_give_no_finding(table):
    rows, findings = _check(table, [_video(number) for number in range(500)])
    assert findings == []
    per_video = {
        "tiktok_organic_videos": 1,
        "tiktok_organic_videos_impression_sources": 2,
        "tiktok_organic_videos_engagement_likes": 5,
        "tiktok_organic_videos_audience_types": 4,
        "tiktok_organic_videos_audience_countries": 2,
        "tiktok_organic_videos_audience_cities": 1,
        "tiktok_organic_videos_video_view_retention": 5,
        "tiktok_organic_videos_audience_genders": 3,
    }
    assert len(rows) == 500 * per_video[table.name]


@each_table
def test_a_good_row_passes_unchanged_in_every_table(table):
    row = _row(table)
    assert _validated(table, row) == ([row], [])


@each_table
def test_no_row_passes(table):
    assert _validated(table) == ([], [])


@each_table
def test_a_column_of_another_type_is_refused(table):
    fields = [pa.field(column.name, OTHER_TYPES[column.type]) for column in table.columns]
    batch = pa.RecordBatch.from_arrays([pa.nulls(1, field.type) for field in fields], schema=pa.schema(fields))
    with pytest.raises(SchemaErrors) as caught:
        validated(table, batch, Findings())
    failures = caught.value.failure_cases
    of_type = failures[failures["check"].str.startswith("dtype")]
    assert set(of_type["column"]) == set(table.column_names)


@pytest.mark.parametrize("type_", ColumnType)
def test_one_column_of_another_type_is_enough(type_):
    place = [column.type for column in COMMENTS.columns].index(type_) if type_ is not ColumnType.TEXT else 3
    batch = _batch(COMMENTS, [_row(COMMENTS)])
    name = COMMENTS.column_names[place]
    with pytest.raises(SchemaErrors, match=name):
        validated(COMMENTS, batch.set_column(place, name, pa.nulls(1, OTHER_TYPES[type_])), Findings())


@each_table
def test_a_wrong_type_is_refused_also_when_values_are_out_of_bounds(table):
    """An error of ours may not hide behind what is expected of TikTok's values."""
    rows = [_row(table), {**_row(table), table.key[-1]: None}]
    batch = _batch(table, rows)
    place = table.column_names.index("_loaded_at")
    wrong = batch.set_column(place, "_loaded_at", pa.array(["yesterday"] * 2))
    with pytest.raises(SchemaErrors):
        validated(table, wrong, Findings())


@each_table
def test_a_missing_a_new_and_a_displaced_column_are_refused(table):
    batch = _batch(table, [_row(table)])
    missing = batch.select(table.column_names[:-1])
    new = batch.append_column("extra", pa.array([1]))
    displaced = batch.select([*table.column_names[1:], table.column_names[0]])
    for wrong in (missing, new, displaced):
        with pytest.raises(SchemaErrors):
            validated(table, wrong, Findings())


@each_table
def test_pandera_itself_refuses_what_we_sort_out(table):
    """The schema that is shown to the world holds the rules, not only our own code around it."""
    schema = schema_of(table)
    assert isinstance(schema, pandera.DataFrameSchema)
    assert list(schema.columns) == list(table.column_names)
    assert {name for name, column in schema.columns.items() if not column.nullable} == set(table.key)
    assert set(schema.unique or ()) == set(table.key)
    assert schema.strict is True
    assert schema.ordered


@each_table
def test_a_row_without_a_part_of_its_key_is_left_out_and_counted(table):
    good = _row(table)
    without = [_row(table, **{name: None}) for name in table.key]
    rows, findings = _validated(table, *without, good, *without)
    assert rows == [good]
    assert [(kind, count) for _, kind, count in findings] == [(Kind.REJECTED, 2 * len(table.key))]


@each_table
def test_any_other_column_may_be_null(table):
    empty = {name: None for name in table.column_names if name not in table.key}
    row = _row(table, **empty)
    assert _validated(table, row) == ([row], [])


@each_table
def test_a_repeated_key_is_kept_once_the_first_and_counted(table):
    first, second, third = (_row(table, _loaded_at=datetime(2026, 11, n, tzinfo=UTC)) for n in (1, 2, 3))
    rows, findings = _validated(table, first, second, third)
    assert rows == [first]
    assert [(kind, count) for _, kind, count in findings] == [(Kind.DUPLICATE, 2)]


@each_table
def test_rows_that_differ_in_one_part_of_the_key_are_no_repetition(table):
    others = [
        _row(table, **{name: table.column(name).values[1] if table.column(name).values else ANOTHER[column_type]})
        for name in table.key
        for column_type in [table.column(name).type]
    ]
    rows, findings = _validated(table, _row(table), *others)
    assert rows == [_row(table), *others]
    assert findings == []


@each_table
def test_a_key_that_is_not_there_twice_is_no_repetition(table):
    name = table.key[-1]
    rows, findings = _validated(table, *[_row(table, **{name: None})] * 3)
    assert rows == []
    assert [(kind, count) for _, kind, count in findings] == [(Kind.REJECTED, 3)]


def test_what_is_left_out_is_named_with_a_sample():
    rows, findings = _check(VIDEOS, [{"item_id": "1"}, {"item_id": None}, {"item_id": "1"}, {"item_id": []}])
    assert [row["item_id"] for row in rows] == ["1"]
    assert [(kind, count) for _, kind, count, _ in findings] == [
        (Kind.UNREADABLE, 1),
        (Kind.REJECTED, 2),
        (Kind.DUPLICATE, 1),
    ]
    assert findings[2][3] == "{'item_id': '1', 'metric_date': '2026-11-23'}"


@pytest.mark.parametrize(
    ("table", "objects"),
    [
        (ACCOUNT, [{"followers_count": -1}]),
        (ACCOUNT_METRICS, [{"date": "2026-11-01", "likes": -1}]),
        (AUDIENCE_ACTIVITY, [{"date": "2026-11-01", "audience_activity": [{"hour": "24", "count": 1}]}]),
        (AUDIENCE_ACTIVITY, [{"date": "2026-11-01", "audience_activity": [{"hour": "-1", "count": 1}]}]),
        (VIDEOS, [{"item_id": "1", "full_video_watched_rate": 1.0001}]),
        (VIDEOS, [{"item_id": "1", "full_video_watched_rate": -0.0001}]),
        (VIDEOS, [{"item_id": "1", "video_views": -1}]),
    ],
)
def test_numbers_out_of_bounds_are_stored_and_counted(table, objects):
    rows, findings = _check(table, objects)
    assert len(rows) == 1
    assert [(kind, count) for _, kind, count, _ in findings] == [(Kind.OUT_OF_BOUNDS, 1)]


def test_an_out_of_bounds_number_is_stored_as_sent_and_shown():
    rows, findings = _check(VIDEOS, [{"item_id": "1", "likes": 3}, {"item_id": "2", "likes": -7}])
    assert [row["likes"] for row in rows] == [3.0, -7.0]
    assert findings == [("likes", Kind.OUT_OF_BOUNDS, 1, "-7.0")]


def test_a_net_change_of_followers_may_be_negative():
    rows, findings = _check(ACCOUNT_METRICS, [{"date": "2026-11-01", "daily_total_followers": -5}])
    assert rows[0]["daily_total_followers"] == -5.0
    assert findings == []


@pytest.mark.parametrize("share", [0, 1, 0.5, 17.4921, 100])
@pytest.mark.parametrize(("entries", "item"), [("audience_cities", "city_name"), ("video_view_retention", "second")])
def test_shares_of_undocumented_scale_may_go_to_100(entries, item, share):
    table = BY_NAME[f"tiktok_organic_videos_{entries}"]
    _, findings = _check(table, [{"item_id": "1", entries: [{item: "1", "percentage": share}]}])
    assert findings == []


@pytest.mark.parametrize("hour", [0, 23])
def test_the_first_and_the_last_hour_are_within_bounds(hour):
    _, findings = _check(
        AUDIENCE_ACTIVITY, [{"date": "2026-11-01", "audience_activity": [{"hour": str(hour), "count": 0}]}]
    )
    assert findings == []


@pytest.mark.parametrize(
    ("table", "objects", "column", "sample"),
    [
        (COMMENTS, [{"comment_id": "1", "status": "DELETED"}], "status", "'DELETED'"),
        (COMMENTS, [{"comment_id": "1", "status": ""}], "status", "''"),
        (
            BY_NAME["tiktok_organic_videos_impression_sources"],
            [{"item_id": "1", "impression_sources": [{"impression_source": "Shop"}, {"impression_source": "Search"}]}],
            "impression_sources_impression_source",
            "'Shop'",
        ),
        (
            BY_NAME["tiktok_organic_videos_audience_types"],
            [{"item_id": "1", "audience_types": [{"type": "new_viewer"}]}],
            "audience_types_type",
            "'new_viewer'",
        ),
        (
            BY_NAME["tiktok_organic_videos_audience_genders"],
            [{"item_id": "1", "audience_genders": [{"gender": "Unknown"}]}],
            "audience_genders_gender",
            "'Unknown'",
        ),
    ],
)
def test_values_that_tiktok_does_not_document_are_stored_and_counted(table, objects, column, sample):
    rows, findings = _check(table, objects)
    assert rows[0][column] == sample.strip("'")
    assert findings == [(column, Kind.UNKNOWN_VALUE, 1, sample)]


@pytest.mark.parametrize("gender", ["Female", "Male", "Other", "female_vv", "male_vv", "other_vv"])
def test_genders_may_be_named_both_ways(gender):
    table = BY_NAME["tiktok_organic_videos_audience_genders"]
    assert _check(table, [{"item_id": "1", "audience_genders": [{"gender": gender}]}])[1] == []


def test_all_kinds_of_findings_in_one_batch_are_told_apart():
    objects = [
        {"comment_id": "1", "status": "PUBLIC", "likes": 1},
        {"comment_id": "1", "status": "PUBLIC", "likes": 2},
        {"comment_id": None, "status": "PUBLIC", "likes": 3},
        {"comment_id": "2", "status": "ODD", "likes": 4},
        {"comment_id": "3", "status": "HIDDEN", "likes": -4},
        {"comment_id": "4", "status": "HIDDEN", "likes": "x", "text": "\0", "mood": "good"},
    ]
    rows, findings = _check(COMMENTS, objects)
    assert [row["comment_id"] for row in rows] == ["1", "2", "3", "4"]
    assert {(kind, count) for _, kind, count, _ in findings} == {(kind, 1) for kind in Kind}


def test_the_sample_of_a_bound_is_the_first_in_the_answer():
    _, findings = _check(
        BY_NAME["tiktok_organic_videos_audience_countries"],
        [{"item_id": "1", "audience_countries": [{"country": c, "percentage": p} for c, p in (("A", 5), ("B", -5))]}],
    )
    assert findings == [("audience_countries_percentage", Kind.OUT_OF_BOUNDS, 2, "5.0")]


def test_minus_zero_and_zero_are_one_key():
    table = BY_NAME["tiktok_organic_videos_engagement_likes"]
    rows, findings = _check(table, [{"item_id": "1", "engagement_likes": [{"second": "0"}, {"second": "-0"}]}])
    assert len(rows) == 1
    assert [kind for _, kind, _, _ in findings] == [Kind.DUPLICATE]


def test_a_batch_that_needs_no_change_is_returned_as_it_is():
    batch = _batch(VIDEOS, [_row(VIDEOS)])
    assert validated(VIDEOS, batch, Findings()) is batch


def test_findings_of_several_chunks_add_up():
    findings = Findings()
    for _ in range(3):
        validated(VIDEOS, rows_of(VIDEOS, [{"item_id": "1", "likes": -1}], LABELS, findings), findings)
    assert [(f.column, f.count) for f in findings] == [("likes", 3)]
