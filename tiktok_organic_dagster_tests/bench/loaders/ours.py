"""This loader's step `videos`, as a run of Dagster carries it out, without Dagster's own part."""

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from tiktok_organic_dagster.accounts import open_accounts, open_client, open_oauth
from tiktok_organic_dagster.accounts.access import open_reader
from tiktok_organic_dagster.readings.base import Moment
from tiktok_organic_dagster.readings.comments import AllCommentsReading
from tiktok_organic_dagster.readings.run import Stop, take
from tiktok_organic_dagster.readings.videos import VideosReading
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.tables import ALL_SCOPES, COMMENT_TABLES, VIDEO_TABLES
from tiktok_organic_dagster.tiktok import TokenGrant
from tiktok_organic_dagster.warehouse import open_warehouse

NO_LIMIT = 1_000_000
CLIENT_ID = "7123456789"


def now() -> datetime:
    return datetime.now(UTC)


def connected(url: str, folder: Path, warehouse: str) -> Settings:
    settings = Settings(
        base=folder, home_folder=folder, warehouse=warehouse, client_id=CLIENT_ID,
        client_secret=SecretStr("bench-app-secret"), redirect_uri="https://bench.invalid/back/", api_url=url,
        qpm_per_endpoint=NO_LIMIT, qpm_app=NO_LIMIT, qps_app=NO_LIMIT,
    )  # fmt: skip
    store = open_accounts(settings, now, time.sleep)
    grant = TokenGrant(
        "bench-access", "bench-refresh", "bench", tuple(ALL_SCOPES),
        now() + timedelta(days=1), now() + timedelta(days=300),
    )  # fmt: skip
    store.save(grant, "bench", CLIENT_ID, url)
    return settings


def load(settings: Settings, step: str) -> int:
    """Carry out a step, as its Dagster op does; gives the number of rows."""
    store = open_accounts(settings, now, time.sleep)
    client = open_client(settings, store, clock=now, sleep=time.sleep)
    oauth = open_oauth(settings, client)
    moment = Moment(now().date(), now)
    reading = VideosReading(VIDEO_TABLES, moment) if step == "videos" else AllCommentsReading(COMMENT_TABLES, moment)
    (outcome,) = take(
        reading,
        store.accounts(),
        open_reader=lambda account: open_reader(account, store, client, oauth),
        warehouse=open_warehouse(settings),
        store=store,
        log=lambda _line: None,
        stop=Stop(),
        since=settings.start_date,
    )
    if outcome.error:
        raise SystemExit(outcome.error)
    return outcome.total


if __name__ == "__main__":
    url, folder, warehouse, step = sys.argv[1:]
    settings = connected(url, Path(folder), warehouse)
    if step == "comments":
        load(settings, "videos")
    began = time.perf_counter()
    written = load(settings, step)
    print({"seconds": time.perf_counter() - began, "rows": written})
