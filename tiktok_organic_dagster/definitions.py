"""Assembly: what is deployed. Executor and warehouse are chosen by settings; nothing is connected or written here."""

from dagster import Definitions, ExecutorDefinition, in_process_executor, multiprocess_executor

from tiktok_organic_dagster.assets.account import account_assets
from tiktok_organic_dagster.assets.account_metrics import account_metrics_assets
from tiktok_organic_dagster.assets.comments import comments_assets
from tiktok_organic_dagster.assets.specs import Common
from tiktok_organic_dagster.assets.videos import videos_assets
from tiktok_organic_dagster.automation.jobs import account_metrics_refresh, daily_readings
from tiktok_organic_dagster.errors import ConfigurationError
from tiktok_organic_dagster.resources import TikTokResource, WarehouseResource
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.windows import daily


def definitions(settings: Settings) -> Definitions:
    """The code location that the settings describe."""
    partitions = daily(settings.start_date)
    common = Common(
        partitions,
        kind="duckdb" if settings.warehouse_url.startswith("duckdb:") else "postgres",
        owners=settings.owner_names,
    )
    return Definitions(
        assets=[
            account_assets(common),
            account_metrics_assets(common),
            videos_assets(common),
            comments_assets(common),
        ],
        jobs=[daily_readings(partitions), account_metrics_refresh(partitions)],
        resources={"tiktok": TikTokResource(), "warehouse": WarehouseResource()},
        executor=executor(settings),
    )


def executor(settings: Settings) -> ExecutorDefinition:
    """The executor of the setting TIKTOK_ORGANIC_EXECUTOR.

    Raises:
        ConfigurationError: It is `celery`, and that is not installed.
    """
    if settings.executor == "celery":
        try:
            from dagster_celery import celery_executor  # noqa: PLC0415 # pyright: ignore[reportMissingImports]
        except ImportError:
            raise ConfigurationError(
                "TIKTOK_ORGANIC_EXECUTOR is celery, which is not installed: "
                "pip install 'tiktok-organic-dagster[celery]'"
            ) from None
        return celery_executor
    return {"in_process": in_process_executor, "multiprocess": multiprocess_executor}[settings.executor]


defs = definitions(Settings.load())
