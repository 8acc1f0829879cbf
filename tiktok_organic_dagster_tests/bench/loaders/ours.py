"""This loader: a step carried out by Dagster in this process, as a run does it, with checks and plots.

Run it as `python -m tiktok_organic_dagster_tests.bench.loaders.ours URL FOLDER WAREHOUSE STEP`. It prints how long the
step's loading took (what the other loaders do: fetch, convert, validate, write) and how long the whole run of Dagster.
"""

import os
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import dagster

from tiktok_organic_dagster.accounts import open_accounts
from tiktok_organic_dagster.assets import step as steps
from tiktok_organic_dagster.definitions import definitions
from tiktok_organic_dagster.readings.run import Outcome
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.state import utc_now
from tiktok_organic_dagster.tables import COMMENT_TABLES, VIDEO_TABLES
from tiktok_organic_dagster_tests.bench.grants import grant_of

NO_LIMIT = "1000000"
CLIENT_ID = "7123456789"
TABLES = {"videos": VIDEO_TABLES, "comments": COMMENT_TABLES}


def environment(url: str, folder: Path, warehouse: str) -> dict[str, str]:
    """The settings of a place of its own, without limits of requests."""
    return {
        "TIKTOK_ORGANIC_HOME": str(folder),
        "DAGSTER_HOME": str(folder),
        "TIKTOK_ORGANIC_WAREHOUSE": warehouse,
        "TIKTOK_CLIENT_ID": CLIENT_ID,
        "TIKTOK_CLIENT_SECRET": "bench-app-secret",
        "TIKTOK_API_URL": url,
        "TIKTOK_ORGANIC_QPM_PER_ENDPOINT": NO_LIMIT,
        "TIKTOK_ORGANIC_QPM_APP": NO_LIMIT,
        "TIKTOK_ORGANIC_QPS_APP": NO_LIMIT,
    }


def connect(url: str) -> None:
    """Store the grant of the one account that `bench.wire` serves."""
    open_accounts(Settings.load(), utc_now, time.sleep).save(grant_of("bench"), "bench", CLIENT_ID, url)


class Timed:
    """Carries out the loading part of steps and keeps its time."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.outcomes: list[Outcome] = []
        self._take = steps.take
        steps.take = self

    def __call__(self, *args: Any, **options: Any) -> list[Outcome]:
        began = time.perf_counter()
        self.outcomes = self._take(*args, **options)
        self.seconds = time.perf_counter() - began
        return self.outcomes


def run(step: str, timed: Timed) -> Mapping[str, Any]:
    """Carry out a step for today; gives seconds and rows."""
    code = definitions(Settings.load())
    job = code.resolve_implicit_global_asset_job_def()
    keys = [dagster.AssetKey(table.name) for table in TABLES[step]]
    began = time.perf_counter()
    with dagster.DagsterInstance.get() as instance:
        result = job.execute_in_process(
            instance=instance,
            asset_selection=keys,
            partition_key=utc_now().date().isoformat(),
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    run_seconds = time.perf_counter() - began
    errors = [outcome.error for outcome in timed.outcomes if outcome.error]
    if errors or not result.success:
        sys.exit(f"The load failed: {errors}")
    rows = sum(outcome.total for outcome in timed.outcomes)
    return {"seconds": timed.seconds, "run_seconds": run_seconds, "rows": rows}


def main(url: str, folder: str, warehouse: str, step: str) -> None:
    Path(folder).mkdir(parents=True, exist_ok=True)
    os.environ.update(environment(url, Path(folder), warehouse))
    connect(url)
    timed = Timed()
    load = partial(run, timed=timed)
    if step == "comments":
        load("videos")
    print(dict(load(step)))


if __name__ == "__main__":
    main(*sys.argv[1:])
