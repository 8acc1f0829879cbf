"""The jobs of every day: the readings of today, the metrics of the days that TikTok has published, and the checks."""

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

from dagster import AssetChecksDefinition, AssetSelection, DailyPartitionsDefinition, define_asset_job
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from tiktok_organic_dagster.tables import ACCOUNT_TABLES, COMMENT_TABLES, METRIC_TABLES, VIDEO_TABLES

DAILY_READINGS = "daily_readings"
METRICS_REFRESH = "account_metrics_refresh"
WAREHOUSE_CHECKS = "warehouse_checks"
READING_STEPS = ("account", "videos", "comments")
METRICS_STEP = "account_metrics"

# The steps' backfill policies differ on purpose (see assets/step.py); a job takes the smallest: a range in one run.
warnings.filterwarnings("ignore", message="Asset job .* materializes assets with varying BackfillPolicies")


def daily_readings(
    partitions: DailyPartitionsDefinition, checks: Iterable[AssetChecksDefinition]
) -> UnresolvedAssetJobDefinition:
    """What TikTok says today about the accounts, their videos and comments. Its partition is today's.

    Args:
        partitions: The days.
        checks: What `warehouse_checks` makes on a schedule of its own, and this job leaves out.
    """
    tables = (*ACCOUNT_TABLES, *VIDEO_TABLES, *COMMENT_TABLES)
    return define_asset_job(
        DAILY_READINGS,
        AssetSelection.assets(*(table.name for table in tables)) - _all_of(checks),
        description="Reads the accounts, their videos with seven breakdowns, and the comments, as they are now. Choose "
        "today's partition (UTC), the newest: TikTok serves no past values, so any other day is refused. Run it once a "
        "day; a day without it is missing for good. Run again, it replaces the day's reading.",
        partitions_def=partitions,
    )


def account_metrics_refresh(
    partitions: DailyPartitionsDefinition, checks: Iterable[AssetChecksDefinition]
) -> UnresolvedAssetJobDefinition:
    """The daily numbers of the accounts; a range of days is one run and one call per account.

    Args:
        partitions: The days.
        checks: What `warehouse_checks` makes on a schedule of its own, and this job leaves out.
    """
    return define_asset_job(
        METRICS_REFRESH,
        AssetSelection.assets(*(table.name for table in METRIC_TABLES)) - _all_of(checks),
        description="Loads what happened on the accounts on each day, and their audience by hour. Choose any range "
        "from 58 days ago to yesterday (UTC): it is one run, and one call for each account. TikTok publishes a day "
        "24 to 48 hours after it ended: run it daily for the last 7 days, and the newest are filled in. A value that "
        "is stored is never replaced by NULL.",
        partitions_def=partitions,
    )


def warehouse_checks_job(checks: Iterable[AssetChecksDefinition]) -> UnresolvedAssetJobDefinition:
    """The checks that look into the warehouse, whatever was loaded lately."""
    return define_asset_job(
        WAREHOUSE_CHECKS,
        _all_of(checks),
        description="Looks into the warehouse: whether each account's data is as new as TikTok's, which days are "
        "missing or lost, and whether the numbers agree with each other. Loads nothing, and calls TikTok for nothing.",
    )


def _all_of(checks: Iterable[AssetChecksDefinition]) -> AssetSelection:
    return AssetSelection.checks(*(key for definition in checks for key in definition.check_keys))


def for_accounts(steps: Sequence[str], business_ids: Sequence[str]) -> dict[str, Any]:
    """The run config that restricts steps to some accounts; without any, all connected accounts are read."""
    if not business_ids:
        return {}
    return {"ops": {step: {"config": {"accounts": list(business_ids)}} for step in steps}}
