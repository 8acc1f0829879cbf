"""The step `account_metrics`: what happened on each day, read from `business/get` with a range of dates."""

from collections.abc import Iterator

from dagster import AssetExecutionContext, AssetsDefinition, BackfillPolicy, multi_asset

from tiktok_organic_dagster.assets.specs import Common
from tiktok_organic_dagster.assets.step import Result, Step, StepConfig, materialize
from tiktok_organic_dagster.readings.metrics import MetricsReading
from tiktok_organic_dagster.resources import TikTokResource, WarehouseResource
from tiktok_organic_dagster.tables import METRIC_TABLES
from tiktok_organic_dagster.windows import metrics_request

STEP = Step(
    name="account_metrics",
    description="Reads what happened on each account on each day: one call to business/get an account, however many "
    "days. At most 58 days back, to yesterday; TikTok publishes a day 24 to 48 hours after it ended.",
    tables=METRIC_TABLES,
    depends_on=(),
    backfill_policy=BackfillPolicy.single_run(),
    request=metrics_request,
    reading=MetricsReading,
)


def account_metrics_assets(common: Common) -> AssetsDefinition:
    """The two metrics tables as assets.

    They refer to the account table, which the column lineage shows, but do not depend on it: metrics can be
    loaded for 58 days and an account can be read for today only, and a step that may refuse days must not take others
    down with it.
    """

    @multi_asset(**STEP.arguments(common))
    def account_metrics(
        context: AssetExecutionContext, config: StepConfig, tiktok: TikTokResource, warehouse: WarehouseResource
    ) -> Iterator[Result]:
        yield from materialize(context, STEP, tiktok, warehouse, config.accounts)

    return account_metrics
