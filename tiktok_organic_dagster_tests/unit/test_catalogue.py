"""The catalogue is the documented tables, to the letter; what to ask and what a scope costs follow from it."""

import itertools
import json
from pathlib import Path

import pytest

from tiktok_organic_dagster.tables import (
    ACCOUNT,
    ACCOUNT_METRICS,
    ALL_SCOPES,
    AUDIENCE_ACTIVITY,
    CATALOGUE,
    COMMENTS,
    METRIC_TABLES,
    REQUIRED_SCOPES,
    VIDEO_TABLES,
    VIDEOS,
    ColumnType,
    Entry,
    Field,
    Label,
    Table,
    Writing,
    field_choices,
    fields_to_ask,
    missing_scopes,
)

DOCUMENTED = json.loads((Path(__file__).parents[1] / "data/documented_tables.json").read_text())
TYPES = {
    "text": ColumnType.TEXT,
    "float": ColumnType.FLOAT,
    "date": ColumnType.DATE,
    "boolean": ColumnType.BOOLEAN,
    "timestamp": ColumnType.TIMESTAMP,
}
BY_NAME = {table.name: table for table in CATALOGUE}

# TikTok's fields by permission, from the permission table of its documentation.
PROFILE_FIELDS = {
    "user.info.basic": {"display_name", "profile_image"},
    "user.info.username": {"username"},
    "user.info.profile": {"profile_deep_link", "bio_description", "is_verified"},
    "user.info.stats": {"followers_count", "following_count", "total_likes", "videos_count"},
    "user.account.type": {"is_business_account"},
}
CLICKS = {
    "address_clicks", "app_download_clicks", "bio_link_clicks", "email_clicks", "lead_submissions",
    "phone_number_clicks",
}  # fmt: skip
BUSINESS_METRICS = {
    "unique_video_views", "daily_total_followers", "daily_new_followers", "daily_lost_followers", "engaged_audience",
    "audience_activity",
}  # fmt: skip
METRICS_OF_ALL = {"video_views", "profile_views", "likes", "comments", "shares", "followers_count"}
LISTED = {
    "item_id", "create_time", "thumbnail_url", "share_url", "embed_url", "caption", "video_duration", "video_views",
    "likes", "comments", "shares", "favorites", "reach",
}  # fmt: skip
BREAKDOWNS = {
    "impression_sources", "engagement_likes", "audience_types", "audience_countries", "audience_cities",
    "video_view_retention", "audience_genders",
}  # fmt: skip
VIDEO_CLICKS = {"website_clicks", "phone_number_clicks", "lead_submissions", "app_download_clicks"}
INSIGHTS = (
    {"total_time_watched", "average_time_watched", "full_video_watched_rate", "new_followers", "profile_views"}
    | VIDEO_CLICKS
    | BREAKDOWNS
)


def test_the_tables_are_the_documented_ones_in_their_order():
    assert [table.name for table in CATALOGUE] == list(DOCUMENTED)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_documented_columns_come_first_with_their_names_order_and_types(name):
    columns = BY_NAME[name].columns
    documented = [(column["name"], TYPES[column["type"]]) for column in DOCUMENTED[name]["columns"]]
    assert [(column.name, column.type) for column in columns[: len(documented)]] == documented


@pytest.mark.parametrize("name", DOCUMENTED)
def test_own_columns_come_last_and_begin_with_an_underscore(name):
    table = BY_NAME[name]
    own = table.column_names[len(DOCUMENTED[name]["columns"]) :]
    assert {"_business_id", "_loaded_at"} <= set(own)
    assert all(column.startswith("_") for column in own)
    assert len(set(table.column_names)) == len(table.column_names)


def test_comments_also_say_when_they_were_read_and_since_when_they_are_gone():
    assert COMMENTS.column_names[-4:] == ("_business_id", "_loaded_at", "_read_date", "_not_returned_since")
    assert COMMENTS.day == "_read_date"


@pytest.mark.parametrize("name", DOCUMENTED)
def test_keys_are_the_documented_ones_without_the_username(name):
    assert set(BY_NAME[name].key) == set(DOCUMENTED[name]["key"])
    assert len(BY_NAME[name].key) == len(DOCUMENTED[name]["key"])
    assert "video_creator_username" not in BY_NAME[name].key


@pytest.mark.parametrize("name", DOCUMENTED)
def test_references_are_the_documented_ones_and_lead_to_columns_that_exist(name):
    table = BY_NAME[name]
    expected = {column["name"]: column.get("references") for column in DOCUMENTED[name]["columns"]}
    assert {column: table.column(column).references for column in expected} == expected
    for reference in filter(None, expected.values()):
        other, column = reference.split(".")
        BY_NAME[other].column(column)


@pytest.mark.parametrize("table", CATALOGUE, ids=lambda table: table.name)
def test_every_table_and_column_is_explained(table):
    for text in ("title", "meaning", "endpoint", "history", "deletion", "latency", "cost", "joins"):
        assert getattr(table, text).strip(), text
    assert [column.name for column in table.columns if not column.meaning.strip()] == []


@pytest.mark.parametrize("table", CATALOGUE, ids=lambda table: table.name)
def test_numbers_have_a_unit_and_texts_have_none(table):
    for column in table.columns:
        assert bool(column.unit) == (column.type not in {ColumnType.TEXT, ColumnType.BOOLEAN}), column.name


def test_types_have_their_documented_names_in_both_warehouses():
    assert {type_.name: (type_.duckdb.lower(), type_.postgres.lower()) for type_ in ColumnType} == {
        "TEXT": ("varchar", "text"),
        "FLOAT": ("double", "double precision"),
        "DATE": ("date", "date"),
        "BOOLEAN": ("boolean", "boolean"),
        "TIMESTAMP": ("timestamp with time zone", "timestamp with time zone"),
    }


def test_tables_are_written_as_documented():
    fill = {"tiktok_organic_account_metrics", "tiktok_organic_account_metrics_audience_activity"}
    for table in CATALOGUE:
        if table.name in fill:
            assert table.writing is Writing.FILL_DAYS
        elif table is COMMENTS:
            assert table.writing is Writing.LATEST_STATE
        else:
            assert table.writing is Writing.REPLACE_DAY


def test_the_columns_of_people_who_commented_are_marked_as_personal():
    assert {column.name for column in COMMENTS.columns if column.personal} == {
        "display_name", "profile_image", "text", "unique_identifier", "user_id", "comment_author_username",
    }  # fmt: skip


def test_a_column_that_does_not_exist_is_named():
    with pytest.raises(KeyError, match=r"tiktok_organic_videos\.nothing"):
        VIDEOS.column("nothing")


def test_the_scopes_needed_to_connect_are_the_documented_ones():
    assert set(REQUIRED_SCOPES) == {"user.info.basic", "user.info.username", "user.insights", "video.list"}


def test_all_scopes_are_those_that_some_column_needs():
    needed = {field.scope for table in CATALOGUE for field in table.source_fields} - {None}
    assert set(ALL_SCOPES) == needed
    assert len(ALL_SCOPES) == len(set(ALL_SCOPES)) == 9


def _subsets(scopes):
    return [
        frozenset(chosen) for size in range(len(scopes) + 1) for chosen in itertools.combinations(sorted(scopes), size)
    ]


@pytest.mark.parametrize("scopes", _subsets(PROFILE_FIELDS), ids=lambda scopes: "+".join(sorted(scopes)) or "none")
def test_a_profile_is_asked_for_the_fields_of_the_granted_scopes(scopes):
    expected = set().union(*(PROFILE_FIELDS[scope] for scope in scopes))
    asked = fields_to_ask([ACCOUNT], scopes)
    assert set(asked) == expected
    assert len(asked) == len(expected)


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        ((), set()),
        (("user.info.basic",), {"profile_image"}),
        (("user.insights",), METRICS_OF_ALL | BUSINESS_METRICS | CLICKS),
        (ALL_SCOPES, {"profile_image"} | METRICS_OF_ALL | BUSINESS_METRICS | CLICKS),
    ],
)
def test_metrics_are_asked_for_the_fields_of_the_granted_scopes_and_never_for_the_date(scopes, expected):
    asked = fields_to_ask(METRIC_TABLES, scopes)
    assert set(asked) == expected
    assert len(asked) == len(expected)


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        ((), set()),
        (("video.list",), LISTED),
        (("video.insights",), INSIGHTS),
        (ALL_SCOPES, LISTED | INSIGHTS),
    ],
)
def test_videos_are_asked_for_the_fields_of_the_granted_scopes(scopes, expected):
    asked = fields_to_ask(VIDEO_TABLES, scopes)
    assert set(asked) == expected
    assert len(asked) == len(expected)


@pytest.mark.parametrize("entries", sorted(BREAKDOWNS))
def test_a_breakdown_alone_is_asked_for_with_the_id_and_nothing_else(entries):
    table = BY_NAME[f"tiktok_organic_videos_{entries}"]
    assert set(fields_to_ask([table], ALL_SCOPES)) == {"item_id", entries}
    assert fields_to_ask([table], ["video.list"]) == ["item_id"]


def test_a_subset_of_the_metric_tables_asks_only_for_what_it_needs():
    assert fields_to_ask([AUDIENCE_ACTIVITY], ALL_SCOPES) == ["audience_activity"]
    assert "audience_activity" not in fields_to_ask([ACCOUNT_METRICS], ALL_SCOPES)


def test_asking_does_not_use_up_an_iterator_of_scopes():
    assert set(field_choices(VIDEO_TABLES, iter(ALL_SCOPES))[-1]) == LISTED | INSIGHTS - VIDEO_CLICKS - {
        "profile_views"
    }


def test_the_last_choice_for_metrics_holds_what_every_account_has():
    all_fields, for_all = field_choices(METRIC_TABLES, ALL_SCOPES)
    assert set(for_all) == {"profile_image"} | METRICS_OF_ALL
    assert all_fields == fields_to_ask(METRIC_TABLES, ALL_SCOPES)


def test_the_daily_number_of_followers_is_given_up_first_without_the_scope_of_the_lifetime_one():
    granted = set(ALL_SCOPES) - {"user.info.stats"}
    first, second, third = field_choices([ACCOUNT_METRICS], granted)
    assert set(first) - set(second) == {"followers_count"}
    assert set(third) == {"profile_image"} | METRICS_OF_ALL - {"followers_count", "audience_activity"}


def test_the_last_choice_for_videos_holds_what_every_account_has():
    *_, for_all = field_choices(VIDEO_TABLES, ALL_SCOPES)
    assert set(for_all) == (LISTED | INSIGHTS) - VIDEO_CLICKS - {"profile_views"}


def test_there_is_one_choice_where_nothing_can_be_given_up():
    assert field_choices([ACCOUNT], ALL_SCOPES) == [fields_to_ask([ACCOUNT], ALL_SCOPES)]


def test_all_scopes_granted_cost_nothing():
    assert missing_scopes(CATALOGUE, ALL_SCOPES) == {}


def _lost(scope):
    return set(missing_scopes(CATALOGUE, set(ALL_SCOPES) - {scope})[scope])


def test_the_scope_of_the_counters_may_cost_the_daily_followers_too():
    of_the_account = {"followers_count", "following_count", "total_likes", "videos_count"}
    assert _lost("user.info.stats") == {f"tiktok_organic_account.{column}" for column in of_the_account} | {
        "tiktok_organic_account_metrics.followers_count"
    }


@pytest.mark.parametrize(
    ("scope", "columns"),
    [
        ("user.info.username", {"video_creator_username"}),
        ("user.info.profile", {"bio_description", "is_verified", "profile_deep_link"}),
        ("user.account.type", {"is_business_account"}),
    ],
)
def test_a_missing_scope_of_the_profile_costs_its_columns_of_the_account_alone(scope, columns):
    assert _lost(scope) == {f"tiktok_organic_account.{column}" for column in columns}
    assert list(missing_scopes(CATALOGUE, set(ALL_SCOPES) - {scope})) == [scope]


def test_the_basic_scope_costs_the_image_in_two_tables():
    assert _lost("user.info.basic") == {
        "tiktok_organic_account.display_name",
        "tiktok_organic_account.profile_image",
        "tiktok_organic_account_metrics.profile_image",
    }


def test_the_scope_of_video_insights_costs_the_breakdowns_and_nine_columns():
    videos = {f"tiktok_organic_videos.{name}" for name in INSIGHTS - BREAKDOWNS}
    parts = {
        "impression_sources": ("impression_source", "percentage"),
        "engagement_likes": ("second", "percentage"),
        "audience_types": ("type", "percentage"),
        "audience_countries": ("country", "percentage"),
        "audience_cities": ("city_name", "percentage"),
        "video_view_retention": ("second", "percentage"),
        "audience_genders": ("gender", "percentage"),
    }
    breakdowns = {
        f"tiktok_organic_videos_{entries}.{entries}_{part}" for entries, both in parts.items() for part in both
    }
    assert _lost("video.insights") == videos | breakdowns
    assert len(videos) == 9


def test_the_scope_of_comments_costs_all_they_hold():
    documented = {column["name"] for column in DOCUMENTED[COMMENTS.name]["columns"]}
    from_elsewhere = {"video_id", "video_creator_username", "thumbnail_url"}
    assert _lost("comment.list") == {f"{COMMENTS.name}.{name}" for name in documented - from_elsewhere}


def test_the_scope_of_insights_costs_the_metrics_and_the_activity():
    lost = _lost("user.insights")
    assert f"{AUDIENCE_ACTIVITY.name}.audience_activity_hour" in lost
    assert {name.split(".")[1] for name in lost if name.startswith(f"{ACCOUNT_METRICS.name}.")} == (
        METRICS_OF_ALL | BUSINESS_METRICS | CLICKS
    ) - {"audience_activity"}


@pytest.mark.parametrize("table", CATALOGUE, ids=lambda table: table.name)
def test_a_table_needs_entries_exactly_if_a_column_comes_from_them(table: Table):
    assert any(isinstance(column.source, Entry) for column in table.columns) == (table.entries is not None)
    for column in table.columns:
        assert isinstance(column.source, Entry | Field | Label)
