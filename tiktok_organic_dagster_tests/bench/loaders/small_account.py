"""A job of the code location, carried out by Dagster in this process, beside the time that the API's answers took.

Run it as `python -m tiktok_organic_dagster_tests.bench.loaders.small_account API_URL AUTHORIZE_URL FOLDER JOB DAYS
STORAGE`: all accounts of the simulator there are connected, then the job runs once for so many days, and once more; the
second run is the one that is told, as the first one also makes the tables. STORAGE says where Dagster keeps its events:
`sqlite`, or `memory`, in which it costs no disk.
"""

import os
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster

from tiktok_organic_dagster.definitions import definitions
from tiktok_organic_dagster.demo.simulated import CLIENT_ID, connect_all
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.state import utc_now
from tiktok_organic_dagster.tiktok.transport import RawAnswer, Transport
from tiktok_organic_dagster_tests.bench.loaders.ours import environment


class TimedTransport:
    """Adds up how long answers were waited for."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._send = Transport.send

    def install(self) -> None:
        """Time every request of this process."""

        def send(transport: Transport, *asked: Any) -> RawAnswer:
            began = time.perf_counter()
            try:
                return self._send(transport, *asked)
            finally:
                self.seconds += time.perf_counter() - began

        Transport.send = send


def run(job: str, days: int, instance: dagster.DagsterInstance) -> dict[str, float]:
    """Carry out a job; gives its seconds, those of the API among them, and how many events Dagster stored."""
    api = TimedTransport()
    api.install()
    today = utc_now().date()
    began = time.perf_counter()
    result = (
        definitions(Settings.load())
        .resolve_job_def(job)
        .execute_in_process(
            instance=instance,
            tags={
                "dagster/asset_partition_range_start": (today - timedelta(days=days - 1)).isoformat(),
                "dagster/asset_partition_range_end": today.isoformat(),
            },
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    )
    seconds = time.perf_counter() - began
    if not result.success:
        sys.exit(f"{job} failed: {[str(event.message) for event in result.get_step_failure_events()]}")
    events = len(instance.all_logs(result.run_id))
    return {"run_seconds": seconds, "api_seconds": api.seconds, "seconds": seconds - api.seconds, "events": events}


def main(api_url: str, authorize_url: str, folder: str, job: str, days: str, storage: str) -> None:
    os.environ.update(environment(api_url, Path(folder), f"duckdb:///{folder}/warehouse.duckdb"))
    os.environ["TIKTOK_CLIENT_ID"] = CLIENT_ID
    os.environ["TIKTOK_AUTHORIZE_URL"] = authorize_url
    os.environ["TIKTOK_REDIRECT_URI"] = "https://bench.invalid/connected/"
    connect_all(Settings.load())
    with dagster.DagsterInstance.ephemeral() if storage == "memory" else dagster.DagsterInstance.get() as instance:
        run(job, int(days), instance)
        print(run(job, int(days), instance))


if __name__ == "__main__":
    main(*sys.argv[1:])
