"""The definitions, written down by hand: assets, steps, lineage, policies, checks, jobs, resources, executor."""

from datetime import UTC, date, datetime

import pytest
from cryptography.fernet import Fernet
from dagster import (
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    BackfillPolicy,
    Config,
    DailyPartitionsDefinition,
    DefaultScheduleStatus,
    DefaultSensorStatus,
    Definitions,
    MarkdownMetadataValue,
    TableColumnLineage,
    TableSchema,
)
from dagster._core.definitions.freshness import TimeWindowFreshnessPolicy

from tiktok_organic_dagster.definitions import definitions
from tiktok_organic_dagster.errors import ConfigurationError
from tiktok_organic_dagster.executors import executor
from tiktok_organic_dagster.settings import Settings

ACCOUNT = "tiktok_organic_account"
VIDEOS = "tiktok_organic_videos"
READ_BEFORE_VIDEOS = {ACCOUNT}

# The op that fills each table, and the tables that are materialized before it.
STEPS_AND_LINEAGE: dict[str, tuple[str, set[str]]] = {
    "tiktok_organic_account": ("account", set()),
    "tiktok_organic_account_metrics": ("account_metrics", set()),
    "tiktok_organic_account_metrics_audience_activity": ("account_metrics", set()),
    "tiktok_organic_videos": ("videos", {"tiktok_organic_account"}),
    "tiktok_organic_videos_impression_sources": ("videos", {"tiktok_organic_account"}),
    "tiktok_organic_videos_engagement_likes": ("videos", {"tiktok_organic_account"}),
    "tiktok_organic_videos_audience_types": ("videos", {"tiktok_organic_account"}),
    "tiktok_organic_videos_audience_countries": ("videos", {"tiktok_organic_account"}),
    "tiktok_organic_videos_audience_cities": ("videos", {"tiktok_organic_account"}),
    "tiktok_organic_videos_video_view_retention": ("videos", {"tiktok_organic_account"}),
    "tiktok_organic_videos_audience_genders": ("videos", {"tiktok_organic_account"}),
    "tiktok_organic_videos_comments": ("comments", {"tiktok_organic_videos"}),
}

BACKFILL_POLICIES = {
    "account": BackfillPolicy.single_run(),
    "account_metrics": BackfillPolicy.single_run(),
    "videos": BackfillPolicy.multi_run(100_000),
    "comments": BackfillPolicy.multi_run(100_001),
}

MORE_CHECKS = {
    "tiktok_organic_account": {"gap_ledger", "counters_do_not_fall"},
    "tiktok_organic_account_metrics": {"no_missing_days", "follower_changes_add_up"},
    "tiktok_organic_account_metrics_audience_activity": {"no_missing_days"},
    "tiktok_organic_videos": {"videos_match_profile_count", "no_sudden_loss_of_videos", "counters_do_not_fall"},
    "tiktok_organic_videos_impression_sources": {"shares_sum_to_one"},
    "tiktok_organic_videos_audience_types": {"shares_sum_to_one"},
    "tiktok_organic_videos_audience_genders": {"shares_sum_to_one"},
    "tiktok_organic_videos_comments": {"comments_match_counters"},
}

# The columns in their order; T text, N number, D date, B yes or no, M moment.
OWN = "_business_id:T _loaded_at:M"
_BREAKDOWN = "item_id:T video_creator_username:T metric_date:D"
COLUMNS: dict[str, str] = {
    "tiktok_organic_account": "video_creator_username:T metric_date:D bio_description:T display_name:T "
    "followers_count:N following_count:N is_business_account:B is_verified:B profile_deep_link:T profile_image:T "
    f"total_likes:N videos_count:N {OWN}",
    "tiktok_organic_account_metrics": "video_creator_username:T metric_date:D profile_image:T address_clicks:N "
    "app_download_clicks:N bio_link_clicks:N comments:N daily_lost_followers:N daily_new_followers:N "
    "daily_total_followers:N email_clicks:N engaged_audience:N followers_count:N lead_submissions:N likes:N "
    f"phone_number_clicks:N profile_views:N shares:N unique_video_views:N video_views:N {OWN}",
    "tiktok_organic_account_metrics_audience_activity": "video_creator_username:T metric_date:D "
    f"audience_activity_count:N audience_activity_hour:N {OWN}",
    "tiktok_organic_videos": f"{_BREAKDOWN} app_download_clicks:N average_time_watched:N caption:T comments:N "
    "create_time:M embed_url:T favorites:N full_video_watched_rate:N lead_submissions:N likes:N new_followers:N "
    "phone_number_clicks:N profile_views:N reach:N share_url:T shares:N thumbnail_url:T total_time_watched:N "
    f"video_duration:N video_views:N website_clicks:N {OWN}",
    "tiktok_organic_videos_impression_sources": f"{_BREAKDOWN} impression_sources_impression_source:T "
    f"impression_sources_percentage:N {OWN}",
    "tiktok_organic_videos_engagement_likes": f"{_BREAKDOWN} engagement_likes_percentage:N engagement_likes_second:N "
    f"{OWN}",
    "tiktok_organic_videos_audience_types": f"{_BREAKDOWN} audience_types_percentage:N audience_types_type:T {OWN}",
    "tiktok_organic_videos_audience_countries": f"{_BREAKDOWN} audience_countries_country:T "
    f"audience_countries_percentage:N {OWN}",
    "tiktok_organic_videos_audience_cities": f"{_BREAKDOWN} audience_cities_city_name:T "
    f"audience_cities_percentage:N {OWN}",
    "tiktok_organic_videos_video_view_retention": f"{_BREAKDOWN} video_view_retention_percentage:N "
    f"video_view_retention_second:N {OWN}",
    "tiktok_organic_videos_audience_genders": f"{_BREAKDOWN} audience_genders_gender:T audience_genders_percentage:N "
    f"{OWN}",
    "tiktok_organic_videos_comments": "video_id:T comment_id:T video_creator_username:T thumbnail_url:T create_time:M "
    "display_name:T liked:B likes:N owner:B pinned:B profile_image:T replies:N status:T text:T unique_identifier:T "
    f"user_id:T comment_author_username:T {OWN} _read_date:D _not_returned_since:D",
}
TYPES = {"T": "VARCHAR", "N": "DOUBLE", "D": "DATE", "B": "BOOLEAN", "M": "TIMESTAMP WITH TIME ZONE"}

USERNAME = {"video_creator_username": "tiktok_organic_account.video_creator_username"}
REFERENCES: dict[str, dict[str, str]] = {
    **dict.fromkeys(COLUMNS, USERNAME),
    "tiktok_organic_account": {},
    "tiktok_organic_account_metrics": {**USERNAME, "profile_image": "tiktok_organic_account.profile_image"},
    "tiktok_organic_videos_comments": {**USERNAME, "video_id": "tiktok_organic_videos.item_id"},
}


@pytest.fixture
def location(monkeypatch: pytest.MonkeyPatch, tmp_path: str) -> Definitions:
    """The code location without any setting."""
    monkeypatch.chdir(tmp_path)
    return definitions(Settings.load())


def specs(location: Definitions) -> dict[str, AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in location.resolve_all_asset_specs()}


def steps(location: Definitions) -> list[AssetsDefinition]:
    """What loads tables, without what only checks them."""
    return [assets for assets in location.resolve_asset_graph().assets_defs if assets.keys]


def test_there_is_one_asset_for_each_of_the_12_tables_filled_by_four_steps(location: Definitions) -> None:
    found = {
        key.to_user_string(): assets.op.name for assets in location.resolve_asset_graph().assets_defs
        for key in assets.keys
    }  # fmt: skip

    assert found == {table: step for table, (step, _) in STEPS_AND_LINEAGE.items()}


def test_the_lineage_is_that_of_the_readings(location: Definitions) -> None:
    found = {table: {dep.asset_key.to_user_string() for dep in spec.deps} for table, spec in specs(location).items()}

    assert found == {table: above for table, (_, above) in STEPS_AND_LINEAGE.items()}


def test_all_tables_share_one_daily_partitioning_with_a_fixed_start_that_includes_today(location: Definitions) -> None:
    expected = DailyPartitionsDefinition(start_date="2026-01-01", timezone="UTC", end_offset=1)

    assert {table for table, spec in specs(location).items() if spec.partitions_def == expected} == set(COLUMNS)
    days = expected.get_partition_keys(current_time=datetime(2026, 11, 23, 0, 0, 1, tzinfo=UTC))
    assert (days[0], days[-1]) == ("2026-01-01", "2026-11-23")


def test_the_first_partition_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOK_ORGANIC_START_DATE", "2025-06-01")

    found = {spec.partitions_def for spec in specs(definitions(Settings.load())).values()}

    assert found == {DailyPartitionsDefinition(start_date="2025-06-01", timezone="UTC", end_offset=1)}


def test_each_step_has_the_backfill_policy_that_keeps_its_runs_apart(location: Definitions) -> None:
    found = {assets.op.name: assets.backfill_policy for assets in steps(location)}

    assert found == BACKFILL_POLICIES


@pytest.mark.parametrize(("warehouse", "kind"), [("", "duckdb"), ("postgresql://user@host/database", "postgres")])
def test_every_table_is_in_one_group_and_shows_tiktok_and_its_warehouse(
    monkeypatch: pytest.MonkeyPatch, warehouse: str, kind: str
) -> None:
    monkeypatch.setenv("TIKTOK_ORGANIC_WAREHOUSE", warehouse)

    found = specs(definitions(Settings.load()))

    assert {spec.group_name for spec in found.values()} == {"tiktok_organic"}
    assert {frozenset(spec.kinds) for spec in found.values()} == {frozenset({"tiktok", kind})}


def test_every_table_belongs_to_the_owners_of_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {tuple(spec.owners) for spec in specs(definitions(Settings.load())).values()} == {("team:data",)}
    monkeypatch.setenv("TIKTOK_ORGANIC_OWNERS", "team:marketing, ada@example.com")

    found = specs(definitions(Settings.load()))

    assert {tuple(spec.owners) for spec in found.values()} == {("team:marketing", "ada@example.com")}


def test_tables_can_be_filtered_by_step_by_the_days_that_can_be_loaded_and_by_personal_data(
    location: Definitions,
) -> None:
    found = specs(location)

    assert {table: spec.tags["tiktok/step"] for table, spec in found.items()} == {
        table: step for table, (step, _) in STEPS_AND_LINEAGE.items()
    }
    assert {table for table, spec in found.items() if spec.tags["tiktok/days"] == "last_58"} == {
        "tiktok_organic_account_metrics",
        "tiktok_organic_account_metrics_audience_activity",
    }
    assert {spec.tags["tiktok/days"] for spec in found.values()} == {"last_58", "today_only"}
    assert {table for table, spec in found.items() if "tiktok/personal_data" in spec.tags} == {
        "tiktok_organic_videos_comments"
    }


def test_personal_data_is_marked_in_its_columns(location: Definitions) -> None:
    found = {
        f"{table}.{column.name}"
        for table, spec in specs(location).items()
        for column in spec.metadata["dagster/column_schema"].columns
        if "personal_data" in column.tags
    }

    of_the_author = ("display_name", "profile_image", "text", "unique_identifier", "user_id", "comment_author_username")
    assert found == {f"tiktok_organic_videos_comments.{name}" for name in of_the_author}


def test_every_table_carries_its_section_of_the_dictionary_and_leads_to_tiktoks_page(location: Definitions) -> None:
    pages: dict[str, set[str]] = {}
    for table, spec in specs(location).items():
        dictionary = spec.metadata["dictionary"]
        assert isinstance(dictionary, MarkdownMetadataValue)
        for column in COLUMNS[table].split():
            assert f"`{column.split(':')[0]}`" in dictionary.value
        pages.setdefault(spec.metadata["TikTok's documentation"].value, set()).add(table)

    assert all(page.startswith("https://business-api.tiktok.com/portal/docs?id=") for page in pages)
    assert sorted(map(len, pages.values())) == [1, 3, 8]


def test_every_description_says_what_can_be_loaded_with_what_delay_and_how_far_back(location: Definitions) -> None:
    for table, spec in specs(location).items():
        text = spec.description or ""
        for fact in ("**Partition:**", "**Loaded:**", "**Delay:**", "**History:**", "**Loaded again:**"):
            assert fact in text, table
        assert ("58 days back" in text) == ("account_metrics" in table)
        assert ("`account_metrics_refresh`" in text) == ("account_metrics" in table)


def test_jobs_steps_checks_and_what_a_run_can_be_told_are_described(location: Definitions) -> None:
    graph = location.resolve_asset_graph()

    for job in ("daily_readings", "account_metrics_refresh"):
        assert "partition" in (location.resolve_job_def(job).description or "") or job != "daily_readings"
        assert "(UTC)" in (location.resolve_job_def(job).description or "")
    for assets in steps(location):
        assert "call" in (assets.op.description or "")
        fields = assets.op.config_schema.as_field().config_type.fields
        assert all(len(field.description or "") > 50 for field in fields.values())
        assert fields["accounts"].default_value == []
    for key in graph.asset_check_keys:
        assert graph.get_check_spec(key).description, key


def test_every_table_and_column_is_described(location: Definitions) -> None:
    for table, spec in specs(location).items():
        schema = spec.metadata["dagster/column_schema"]
        assert isinstance(schema, TableSchema)
        assert len(spec.description or "") > 80, table
        for column in schema.columns:
            assert len(column.description or "") > 10, f"{table}.{column.name}"


def test_the_columns_are_the_documented_ones_in_their_order_then_our_own(location: Definitions) -> None:
    for table, spec in specs(location).items():
        found = [(column.name, column.type) for column in spec.metadata["dagster/column_schema"].columns]
        assert found == [(name, TYPES[kind]) for name, kind in (each.split(":") for each in COLUMNS[table].split())]


def test_the_column_lineage_shows_the_references(location: Definitions) -> None:
    for table, spec in specs(location).items():
        lineage = spec.metadata["dagster/column_lineage"]
        assert isinstance(lineage, TableColumnLineage)
        found = {
            column: [f"{dep.asset_key.to_user_string()}.{dep.column_name}" for dep in deps]
            for column, deps in lineage.deps_by_column.items()
        }
        assert found == {column: [target] for column, target in REFERENCES[table].items()}, table


def test_every_table_has_the_checks_of_its_values_accounts_and_freshness_and_none_blocks(location: Definitions) -> None:
    graph = location.resolve_asset_graph()
    found: dict[str, set[str]] = {table: set() for table in COLUMNS}
    for key in graph.asset_check_keys:
        found[key.asset_key.to_user_string()].add(key.name)

    of_all = {"schema", "accounts_loaded", "freshness"}
    assert {table: checks - of_all for table, checks in found.items() if of_all <= checks} == {
        table: MORE_CHECKS.get(table, set()) for table in COLUMNS
    }
    assert not any(graph.get_check_spec(key).blocking for key in graph.asset_check_keys)


def test_every_table_has_a_freshness_policy(location: Definitions) -> None:
    for table, spec in specs(location).items():
        assert isinstance(spec.freshness_policy, TimeWindowFreshnessPolicy), table
        assert spec.freshness_policy.warn_window is not None


def test_what_runs_by_itself_does_so_from_the_start(location: Definitions) -> None:
    repository = location.get_repository_def()
    schedules = {each.name: each for each in repository.schedule_defs}
    sensors = {each.name: each for each in repository.sensor_defs}

    assert {name: (each.cron_schedule, each.execution_timezone) for name, each in schedules.items()} == {
        "daily_readings": ("0 5 * * *", "UTC"),
        "account_metrics_refresh": ("0 5 * * *", "UTC"),
        "warehouse_checks": ("0 9-21/3 * * *", "UTC"),
        "purge_old_runs": ("0 3 * * 0", "UTC"),
    }
    assert {each.default_status for each in schedules.values()} == {DefaultScheduleStatus.RUNNING}
    assert {name: each.minimum_interval_seconds for name, each in sensors.items()} == {
        "new_account": 60,
        "missed_readings": 300,
        "authorization_expiry": 3600,
        "alerts": 60,
    }
    assert {each.default_status for each in sensors.values()} == {DefaultSensorStatus.RUNNING}
    assert all(len(each.description or "") > 30 for each in (*schedules.values(), *sensors.values()))


@pytest.mark.parametrize(
    ("job", "tables"),
    [
        ("daily_readings", {table for table in COLUMNS if "account_metrics" not in table}),
        ("account_metrics_refresh", {table for table in COLUMNS if "account_metrics" in table}),
    ],
)
def test_the_jobs_hold_their_tables_and_run_by_day(location: Definitions, job: str, tables: set[str]) -> None:
    found = location.resolve_job_def(job)

    assert found.asset_layer.executable_asset_keys == {AssetKey(table) for table in tables}
    assert found.partitions_def == DailyPartitionsDefinition(start_date="2026-01-01", timezone="UTC", end_offset=1)


def test_the_resources_have_no_field_that_could_show_a_secret(location: Definitions) -> None:
    resources = location.resources or {}

    assert {"tiktok", "warehouse"} <= set(resources)
    for name in ("tiktok", "warehouse"):
        assert set(type(resources[name]).model_fields) <= set(Config.model_fields), name


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("account", {"accounts"}),
        ("account_metrics", {"accounts"}),
        ("videos", {"accounts"}),
        ("comments", {"accounts", "all_comments"}),
    ],
)
def test_a_step_can_be_told_its_accounts_and_the_comments_to_read_all(
    location: Definitions, step: str, told: set[str]
) -> None:
    (op,) = [assets.op for assets in location.resolve_asset_graph().assets_defs if assets.op.name == step]

    fields = op.config_schema.as_field().config_type.fields
    assert set(fields) == told
    assert not any(field.is_required for field in fields.values())


@pytest.mark.parametrize("name", ["in_process", "multiprocess"])
def test_the_executor_is_a_setting(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("TIKTOK_ORGANIC_EXECUTOR", name)

    assert executor(Settings.load()).name == name
    assert definitions(Settings.load()).executor.name == name  # pyright: ignore


def test_celery_without_its_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOK_ORGANIC_EXECUTOR", "celery")
    monkeypatch.setitem(__import__("sys").modules, "dagster_celery", None)

    with pytest.raises(ConfigurationError, match=r"pip install 'tiktok-organic-dagster\[celery\]'"):
        definitions(Settings.load())


def test_an_unknown_executor_is_refused_with_the_ones_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOK_ORGANIC_EXECUTOR", "threads")

    with pytest.raises(ConfigurationError, match=r"TIKTOK_ORGANIC_EXECUTOR.*in_process.*multiprocess.*celery"):
        Settings.load()


def test_settings_that_lead_nowhere_are_no_obstacle_to_the_definitions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOK_ORGANIC_WAREHOUSE", "postgresql://nobody:nothing@127.0.0.1:1/nowhere")
    monkeypatch.setenv("TIKTOK_ORGANIC_STATE", "postgresql://nobody:nothing@127.0.0.1:1/nowhere")
    monkeypatch.setenv("TIKTOK_ORGANIC_KEY", Fernet.generate_key().decode())

    assert set(specs(definitions(Settings.load()))) == set(COLUMNS)
    assert definitions(Settings.load()).resolve_all_asset_specs()[0].partitions_def is not None
    assert date.fromisoformat("2026-01-01") == Settings.load().start_date
