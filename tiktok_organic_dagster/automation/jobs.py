"""The two jobs of every day: the readings of today, and the metrics of the days that TikTok has published."""

import warnings

from dagster import AssetSelection, DailyPartitionsDefinition, define_asset_job
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from tiktok_organic_dagster.tables import ACCOUNT_TABLES, COMMENT_TABLES, METRIC_TABLES, VIDEO_TABLES

# The steps' backfill policies differ on purpose (see assets/step.py); a job takes the smallest: a range in one run.
warnings.filterwarnings("ignore", message="Asset job .* materializes assets with varying BackfillPolicies")


def daily_readings(partitions: DailyPartitionsDefinition) -> UnresolvedAssetJobDefinition:
    """What TikTok says today about the accounts, their videos and comments. Its partition is today's."""
    tables = (*ACCOUNT_TABLES, *VIDEO_TABLES, *COMMENT_TABLES)
    return define_asset_job(
        "daily_readings",
        AssetSelection.assets(*(table.name for table in tables)),
        description="Reads the accounts, their videos with seven breakdowns, and the comments, as they are now. Choose "
        "today's partition (UTC), the newest: TikTok serves no past values, so any other day is refused. Run it once a "
        "day; a day without it is missing for good. Run again, it replaces the day's reading.",
        partitions_def=partitions,
    )


def account_metrics_refresh(partitions: DailyPartitionsDefinition) -> UnresolvedAssetJobDefinition:
    """The daily numbers of the accounts; a range of days is one run and one call per account."""
    return define_asset_job(
        "account_metrics_refresh",
        AssetSelection.assets(*(table.name for table in METRIC_TABLES)),
        description="Loads what happened on the accounts on each day, and their audience by hour. Choose any range "
        "from 58 days ago to yesterday (UTC): it is one run, and one call for each account. TikTok publishes a day "
        "24 to 48 hours after it ended: run it daily for the last 7 days, and the newest are filled in. A value that "
        "is stored is never replaced by NULL.",
        partitions_def=partitions,
    )
