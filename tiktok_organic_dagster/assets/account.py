"""The step `account`: each account's profile, read from `business/get`."""

from collections.abc import Iterator

from dagster import AssetExecutionContext, AssetsDefinition, BackfillPolicy, multi_asset

from tiktok_organic_dagster.assets.specs import Common
from tiktok_organic_dagster.assets.step import Result, Step, StepConfig, materialize
from tiktok_organic_dagster.readings.account import AccountReading
from tiktok_organic_dagster.resources import TikTokResource, WarehouseResource
from tiktok_organic_dagster.tables import ACCOUNT_TABLES
from tiktok_organic_dagster.windows import reading_request

STEP = Step(
    name="account",
    description="Reads each account's profile: one call to business/get an account. Today's partition only.",
    depends_on=(),
    backfill_policy=BackfillPolicy.single_run(),
    tables=ACCOUNT_TABLES,
    request=reading_request,
    reading=lambda tables, moment, _days: AccountReading(tables, moment),
)


def account_assets(common: Common) -> AssetsDefinition:
    """The account table as an asset."""

    @multi_asset(**STEP.arguments(common))
    def account(
        context: AssetExecutionContext, config: StepConfig, tiktok: TikTokResource, warehouse: WarehouseResource
    ) -> Iterator[Result]:
        yield from materialize(context, STEP, tiktok, warehouse, config.accounts)

    return account
