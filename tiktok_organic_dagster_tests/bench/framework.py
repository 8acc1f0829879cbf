"""What Dagster takes beside TikTok's answers: for a small account, and for 58 days.

python -m tiktok_organic_dagster_tests.bench.framework
"""

import json
import tempfile
from pathlib import Path

from tiktok_organic_dagster.simulator import Simulator
from tiktok_organic_dagster_tests.bench.loads import QUIET, ROUNDS
from tiktok_organic_dagster_tests.bench.processes import measured, program

JOBS = {"12 tables of a small account": ("daily_readings", 1), "58 days of metrics": ("account_metrics_refresh", 58)}
VIDEOS = 30


def measure(rounds: int = ROUNDS) -> dict[str, dict[str, list[float]]]:
    """Carry the jobs out, in turns.

    Returns:
        By job and by where Dagster keeps its events: seconds without those of the API, a number a round.
    """
    found: dict[str, dict[str, list[float]]] = {}
    with Simulator(seed=3, accounts=1, videos=VIDEOS) as simulator:
        for _ in range(rounds):
            for name, (job, days) in JOBS.items():
                for storage in ("sqlite", "memory"):
                    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
                        (Path(folder) / "dagster.yaml").write_text(QUIET)
                        command = program(
                            "loaders.small_account",
                            simulator.api_url,
                            simulator.authorize_url,
                            folder,
                            job,
                            days,
                            storage,
                        )
                        said = measured(command).said
                    found.setdefault(name, {}).setdefault(storage, []).append(said["seconds"])
    return found


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
