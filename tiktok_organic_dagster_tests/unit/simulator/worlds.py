"""What the tests of the simulated world ask of it."""

import json
from datetime import UTC, datetime, timedelta

from tiktok_organic_dagster.simulator import AccountKind, World

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TODAY = NOW.date()


def every_video(world: World, moment: datetime = NOW) -> list[dict]:
    return [video for account in world.accounts for video in world.videos(account, moment)]


def account_of(world: World, kind: AccountKind) -> int:
    return next(account.index for account in world.accounts if account.kind is kind)


def snapshot(world: World, moment: datetime) -> str:
    return json.dumps(
        [
            [
                world.profile(account, moment),
                world.audience(account, moment),
                world.metrics(account, moment.date() - timedelta(days=58), moment.date(), moment),
                videos := world.videos(account, moment),
                [world.comments(account, video["item_id"], moment) for video in videos[:40]],
            ]
            for account in world.accounts[:3]
        ]
    )
