"""The checks of data quality in Dagster: a job of their own, warnings with numbers, a warehouse that is not there."""

import re
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetCheckSeverity,
    AssetSelection,
    DagsterInstance,
    Definitions,
    ExecuteInProcessResult,
    define_asset_job,
)

from tiktok_organic_dagster.assets.quality import QUALITY_CHECKS, quality_checks
from tiktok_organic_dagster.resources import WarehouseResource
from tiktok_organic_dagster.warehouse import open_warehouse
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.orchestration.runs import ACCOUNT, COMMENTS, METRICS, VIDEOS

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")

CHECKS = {
    (ACCOUNT, "counters_do_not_fall"),
    (METRICS, "follower_changes_add_up"),
    (VIDEOS, "videos_match_profile_count"),
    (VIDEOS, "no_sudden_loss_of_videos"),
    (VIDEOS, "counters_do_not_fall"),
    (f"{VIDEOS}_impression_sources", "shares_sum_to_one"),
    (f"{VIDEOS}_audience_types", "shares_sum_to_one"),
    (f"{VIDEOS}_audience_genders", "shares_sum_to_one"),
    (COMMENTS, "comments_match_counters"),
}


def run(instance: DagsterInstance, *keys: Any) -> ExecuteInProcessResult:
    """A run of the checks alone, or of some of them."""
    job = define_asset_job("of_this_test", AssetSelection.checks(*(keys or QUALITY_CHECKS)))
    location = Definitions(asset_checks=[quality_checks()], jobs=[job], resources={"warehouse": WarehouseResource()})
    return location.resolve_job_def("of_this_test").execute_in_process(
        instance=instance,
        raise_on_error=False,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )


def results(run: ExecuteInProcessResult) -> dict[tuple[str, str], AssetCheckEvaluation]:
    return {
        (result.asset_key.to_user_string(), result.check_name): result for result in run.get_asset_check_evaluations()
    }


def test_there_is_a_described_check_on_each_table_and_none_blocks() -> None:
    specs = quality_checks().check_specs

    assert {(spec.asset_key.to_user_string(), spec.name) for spec in specs} == CHECKS
    assert {(key.asset_key.to_user_string(), key.name) for key in QUALITY_CHECKS} == CHECKS
    for spec in specs:
        assert not spec.blocking
        assert "docs/troubleshooting.md" in (spec.description or "")


def test_before_the_first_load_each_check_or_all_find_nothing_to_compare_and_make_no_table(
    deployment: Deployment, instance: DagsterInstance
) -> None:
    finished = run(instance)

    assert finished.success
    found = results(finished)
    assert set(found) == CHECKS
    for result in found.values():
        assert result.passed
        assert (result.description or "").startswith("Nothing to compare")
    with open_warehouse(deployment.settings).session() as session:
        assert session.query("SELECT table_name FROM information_schema.tables WHERE table_schema = 'main'") == []
    (key,) = [key for key in QUALITY_CHECKS if key.name == "no_sudden_loss_of_videos"]
    assert set(results(run(instance, key))) == {(VIDEOS, "no_sudden_loss_of_videos")}


def test_a_job_of_checks_alone_passes_with_numbers_and_warns_with_account_and_remedy(
    deployment: Deployment, instance: DagsterInstance
) -> None:
    deployment.read_everything()

    fine = results(run(instance))

    assert set(fine) == CHECKS
    assert all(result.passed for result in fine.values())
    posts = sum(len(deployment.world.posts(each, deployment.clock.now())) for each in deployment.world.accounts)
    received = fine[VIDEOS, "videos_match_profile_count"]
    assert received.description == f"2 accounts, {posts} videos compared: nothing unusual."
    assert _numbers(received) == {"accounts compared": 2, "videos compared": posts, "accounts that are unusual": 0}

    name = deployment.username(1)
    counted = len(deployment.world.posts(1, deployment.clock.now()))
    deployment.world.changes.set_profile(1, videos_count=counted + 50)
    deployment.read_account()
    finished = run(instance)

    assert finished.success
    odd = {key for key, result in results(finished).items() if not result.passed}
    assert odd == {(VIDEOS, "videos_match_profile_count")}
    result = results(finished)[VIDEOS, "videos_match_profile_count"]
    older = "0 known that are older than 365 days"
    why = f"the profile counts {counted + 50} posts; {counted} received and {older} leave 50 missing"
    assert result.severity is AssetCheckSeverity.WARN
    assert (result.description or "").startswith(f"@{name}: {why}\n\nWhat to do. Compare with the profile")
    assert result.metadata["failing accounts"].value == {f"@{name}": why}
    assert [dict(record.data) for record in result.metadata["details"].records] == [
        {"account": f"@{name}", "profile counts": counted + 50, "received": counted, "older": 0, "missing": 50}
    ]
    assert _numbers(result) == {"accounts compared": 2, "videos compared": posts, "accounts that are unusual": 1}


def test_a_warehouse_that_cannot_be_opened_fails_the_run_with_its_sentence(
    instance: DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "notes.duckdb"
    monkeypatch.chdir(tmp_path)
    file.write_text("not a database " * 1_000)
    monkeypatch.setenv("TIKTOK_ORGANIC_WAREHOUSE", f"duckdb:///{file}")

    finished = run(instance)

    assert not finished.success
    (failure,) = finished.get_step_failure_events()
    text = str(failure.step_failure_data.user_failure_data.description)
    assert re.fullmatch(r"The warehouse .*notes\.duckdb cannot be opened: .* \(TIKTOK_ORGANIC_WAREHOUSE\)\.", text)


def _numbers(result: AssetCheckEvaluation) -> dict[str, Any]:
    return {name: value.value for name, value in result.metadata.items() if name.startswith(("accounts ", "videos "))}
