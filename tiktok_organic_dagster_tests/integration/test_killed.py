"""A process killed in the middle of a write leaves no torn reading, and the next run makes it whole."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from tiktok_organic_dagster.tables import COMMENTS, VIDEO_TABLES
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.lab import Lab

KILLED_WRITING = """
import os, signal, sys
from tiktok_organic_dagster.warehouse.base import Session
from tiktok_organic_dagster.warehouse.{module} import {cls}

writes = 0
def counted(name):
    original = getattr({cls}, name)
    def write(self, *args, **kwargs):
        global writes
        result = original(self, *args, **kwargs)
        writes += 1
        if writes == {at}:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    setattr({cls}, name, write)
for name in ("execute", "load"):
    counted(name)

import json
from datetime import datetime, timedelta
from tiktok_organic_dagster.accounts import open_accounts, open_client, open_oauth
from tiktok_organic_dagster.accounts.access import open_reader
from tiktok_organic_dagster.readings.base import Moment
from tiktok_organic_dagster.readings.comments import CommentsReading
from tiktok_organic_dagster.readings.run import Stop, take
from tiktok_organic_dagster.readings.videos import VideosReading
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.tables import COMMENT_TABLES, VIDEO_TABLES
from tiktok_organic_dagster.warehouse import open_warehouse

settings = Settings.load()
now = datetime.fromisoformat({now!r})
clock = lambda: now
store = open_accounts(settings, clock)
client = open_client(settings, store, clock=clock)
oauth = open_oauth(settings, client)
moment = Moment(now.date(), clock)
reading = {{
    "videos": VideosReading(VIDEO_TABLES, moment),
    "comments": CommentsReading(COMMENT_TABLES, moment, timedelta(minutes=30)),
}}[{step!r}]
take(reading, store.accounts(), open_reader=lambda a: open_reader(a, store, client, oauth),
     warehouse=open_warehouse(settings), store=store, log=print, stop=Stop(), since=settings.start_date)
"""


@pytest.mark.parametrize(("step", "at"), [("videos", 3), ("videos", 16), ("comments", 5), ("comments", 12)])
def test_a_killed_process_leaves_no_torn_reading(
    new_lab: Callable[..., Lab], warehouse_url: str, step: str, at: int
) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=20)
    lab.read_videos()
    if step == "comments":
        lab.read_comments()
        for post in lab.world.videos(0, lab.clock.now()):
            if post.get("comments"):
                lab.world.changes.patch_video(post["item_id"], comments=post["comments"] - 1)
        lab.clock.next_day()
        lab.read_videos()
    before = lab.everything()

    killed = _run_until_killed(lab, warehouse_url, step, at)

    assert killed == -signal.SIGKILL
    assert lab.everything() == before
    (outcome,) = lab.read_videos() if step == "videos" else lab.read_comments()
    assert outcome.error is None
    if step == "videos":
        for table in VIDEO_TABLES:
            assert lab.rows(table) == before[table.name]
    else:
        world = {row[1] for row in truth.comments(lab)}
        assert {row[1] for row in lab.rows(COMMENTS)} >= world


def _run_until_killed(lab: Lab, warehouse_url: str, step: str, at: int) -> int:
    is_duckdb = warehouse_url.startswith("duckdb")
    script = KILLED_WRITING.format(
        module="duckdb" if is_duckdb else "postgres",
        cls="DuckDBSession" if is_duckdb else "PostgresSession",
        at=at,
        step=step,
        now=lab.clock.now().isoformat(),
    )
    settings = lab.settings
    environment = {
        **os.environ,
        "TIKTOK_ORGANIC_HOME": str(settings.home),
        "TIKTOK_ORGANIC_WAREHOUSE": warehouse_url,
        "TIKTOK_API_URL": settings.api_url,
        "TIKTOK_CLIENT_ID": str(settings.client_id),
        "TIKTOK_CLIENT_SECRET": "lab-app-secret",
        "TIKTOK_ORGANIC_QPM_PER_ENDPOINT": "1000000",
        "TIKTOK_ORGANIC_QPM_APP": "1000000",
        "TIKTOK_ORGANIC_QPS_APP": "1000000",
    }
    finished = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        cwd=settings.home,
        check=False,
        capture_output=True,
        timeout=120,
    )
    return finished.returncode
