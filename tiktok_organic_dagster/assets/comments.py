"""The step `comments`: the comments on the videos, read from `business/comment/list`."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta

from dagster import AssetExecutionContext, AssetsDefinition, BackfillPolicy, multi_asset
from pydantic import Field

from tiktok_organic_dagster.assets.specs import Common
from tiktok_organic_dagster.assets.step import Result, Step, StepConfig, materialize
from tiktok_organic_dagster.readings.base import Moment
from tiktok_organic_dagster.readings.comments import AllCommentsReading, CommentsReading
from tiktok_organic_dagster.resources import TikTokResource, WarehouseResource
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.tables import COMMENT_TABLES, VIDEOS, Table
from tiktok_organic_dagster.windows import reading_request


def _of_changed(tables: Sequence[Table], moment: Moment, _days: Sequence[date]) -> CommentsReading:
    settings = Settings.load()
    limit = timedelta(minutes=settings.comment_minutes)
    return CommentsReading(tables, moment, limit, hashed=settings.commenters == "hashed")


def _of_all(tables: Sequence[Table], moment: Moment, _days: Sequence[date]) -> CommentsReading:
    return AllCommentsReading(tables, moment, hashed=Settings.load().commenters == "hashed")


CHANGED = Step(
    name="comments",
    description="Reads the comments of the videos whose counter of comments moved: one call to business/comment/list "
    "for each 30. Today's partition only, after the videos of today. An account gets "
    "TIKTOK_ORGANIC_COMMENT_MINUTES; later runs go on where it stopped.",
    depends_on=(VIDEOS,),
    backfill_policy=BackfillPolicy.multi_run(100_001),
    tables=COMMENT_TABLES,
    request=reading_request,
    reading=_of_changed,
)
ALL = replace(CHANGED, reading=_of_all)


class CommentsConfig(StepConfig):
    """What a run of the comments can be told."""

    all_comments: bool = Field(
        default=False,
        description="true: read the comments of every known video to the end, without a time limit, one call for each "
        "30 comments. false: only where the video's counter moved, which is what a daily run needs.",
    )


def comments_assets(common: Common) -> AssetsDefinition:
    """The comments table as an asset."""

    @multi_asset(**CHANGED.arguments(common))
    def comments(
        context: AssetExecutionContext, config: CommentsConfig, tiktok: TikTokResource, warehouse: WarehouseResource
    ) -> Iterator[Result]:
        step = ALL if config.all_comments else CHANGED
        yield from materialize(context, step, tiktok, warehouse, config.accounts)

    return comments
