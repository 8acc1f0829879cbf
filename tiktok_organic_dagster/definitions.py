"""Assembly: what is deployed. Executor and warehouse are chosen by settings; nothing is connected or written here."""

from dagster import Definitions

from tiktok_organic_dagster.assets.account import account_assets
from tiktok_organic_dagster.assets.account_metrics import account_metrics_assets
from tiktok_organic_dagster.assets.comments import comments_assets
from tiktok_organic_dagster.assets.quality import quality_checks
from tiktok_organic_dagster.assets.specs import Common, daily
from tiktok_organic_dagster.assets.videos import videos_assets
from tiktok_organic_dagster.assets.warehouse_checks import warehouse_checks
from tiktok_organic_dagster.automation.alerts import alerts
from tiktok_organic_dagster.automation.authorization_expiry import authorization_expiry
from tiktok_organic_dagster.automation.jobs import account_metrics_refresh, daily_readings, warehouse_checks_job
from tiktok_organic_dagster.automation.missed_readings import missed_readings
from tiktok_organic_dagster.automation.new_account import new_account
from tiktok_organic_dagster.automation.purge import purge_job, purge_schedule
from tiktok_organic_dagster.automation.schedules import schedules
from tiktok_organic_dagster.executors import executor
from tiktok_organic_dagster.resources import TikTokResource, WarehouseResource
from tiktok_organic_dagster.settings import Settings


def definitions(settings: Settings) -> Definitions:
    """The code location that the settings describe."""
    partitions = daily(settings.start_date)
    common = Common(
        partitions,
        kind="duckdb" if settings.warehouse_url.startswith("duckdb:") else "postgres",
        owners=settings.owner_names,
    )
    checks = [warehouse_checks(), quality_checks()]
    loading = [daily_readings(partitions, checks), account_metrics_refresh(partitions, checks)]
    return Definitions(
        assets=[
            account_assets(common),
            account_metrics_assets(common),
            videos_assets(common),
            comments_assets(common),
        ],
        asset_checks=checks,
        jobs=[*loading, warehouse_checks_job(checks), purge_job()],
        schedules=[*schedules(), purge_schedule()],
        sensors=[new_account(loading), missed_readings(), authorization_expiry(), alerts()],
        resources={"tiktok": TikTokResource(), "warehouse": WarehouseResource()},
        executor=executor(settings),
    )


defs = definitions(Settings.load())
