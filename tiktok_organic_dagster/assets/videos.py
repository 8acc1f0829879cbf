"""The step `videos`: the posts and their seven breakdowns, read from `business/video/list`."""

from collections.abc import Iterator

from dagster import AssetExecutionContext, AssetsDefinition, BackfillPolicy, multi_asset

from tiktok_organic_dagster.assets.specs import Common
from tiktok_organic_dagster.assets.step import Result, Step, StepConfig, materialize
from tiktok_organic_dagster.readings.videos import VideosReading
from tiktok_organic_dagster.resources import TikTokResource, WarehouseResource
from tiktok_organic_dagster.tables import ACCOUNT_TABLES, VIDEO_TABLES
from tiktok_organic_dagster.windows import reading_request

STEP = Step(
    name="videos",
    description="Reads the posts and their breakdowns: one call to business/video/list for each 20 posts. Today's "
    "partition only. A subset of the tables asks TikTok for the fields of those only.",
    depends_on=ACCOUNT_TABLES,
    backfill_policy=BackfillPolicy.multi_run(100_000),
    tables=VIDEO_TABLES,
    request=reading_request,
    reading=lambda tables, moment, _days: VideosReading(tables, moment),
)


def videos_assets(common: Common) -> AssetsDefinition:
    """The videos and their breakdowns as assets."""

    @multi_asset(**STEP.arguments(common))
    def videos(
        context: AssetExecutionContext, config: StepConfig, tiktok: TikTokResource, warehouse: WarehouseResource
    ) -> Iterator[Result]:
        yield from materialize(context, STEP, tiktok, warehouse, config.accounts)

    return videos
