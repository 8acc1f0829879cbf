"""A first load of 10,000 posts by each loader, in turns, and what memory loads of several sizes take.

    python -m tiktok_organic_dagster_tests.bench.loads

It prints JSON: for each loader its seconds and its peak of memory, round by round.
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from tiktok_organic_dagster_tests.bench.processes import Measured, measured, program, serving
from tiktok_organic_dagster_tests.databases import new_database, running_postgres

VIDEOS = 10_000
ROWS_A_VIDEO = 80
ROUNDS = 3
LOADERS = Path(__file__).parent / "loaders"
ROOT = Path(__file__).parents[2]
PEERS = {"dlt": (".venv-peers", "with_dlt.py"), "PyAirbyte": (".venv-peers-airbyte", "with_pyairbyte.py")}
QUIET = "telemetry: {enabled: false}\nnux: {enabled: false}\n"

Run = Callable[[str, Path], Measured]
"""Loads from an address into a folder."""


def ours(url: str, folder: Path, warehouse: str, step: str = "videos") -> Measured:
    """One load of this project, by Dagster."""
    (folder / "dagster.yaml").write_text(QUIET)
    return measured(program("loaders.ours", url, folder, warehouse, step))


def into_duckdb(url: str, folder: Path, step: str = "videos") -> Measured:
    """One load of this project into a new DuckDB file."""
    return ours(url, folder, f"duckdb:///{folder}/warehouse.duckdb", step)


def _script(python: str, name: str) -> Run:
    return lambda url, folder: measured([python, str(LOADERS / name), url, str(folder / "warehouse.duckdb")])


@contextmanager
def loaders() -> Generator[dict[str, Run]]:
    """All loaders by name. PostgreSQL is a server of its own, as it comes: what it commits is on the disk."""
    numbers = itertools.count()
    with running_postgres() as server:
        uri = server.get_uri()
        yield {
            "fetch only": _script(sys.executable, "fetch_only.py"),
            "hand-written": _script(sys.executable, "hand_written.py"),
            "this loader, DuckDB": into_duckdb,
            "this loader, PostgreSQL": lambda url, folder: ours(
                url, folder, new_database(uri, f"bench_{next(numbers)}")
            ),
            **{
                name: _script(str(python), script)
                for name, (environment, script) in PEERS.items()
                if (python := ROOT / environment / "bin" / "python").exists()
            },
        }


def measure(rounds: int = ROUNDS, videos: int = VIDEOS) -> dict[str, dict[str, list[float]]]:
    """Let each loader read all posts, one loader after the other, and that several times.

    Returns:
        By loader: `seconds` of its loading part, `run_seconds` of the whole run where Dagster carries it out, `rows`,
        and `peak_mib` of its process and children, a number a round.

    Raises:
        RuntimeError: A loader failed, or wrote other than all rows.
    """
    found: dict[str, dict[str, list[float]]] = {}
    with serving(videos) as url, loaders() as runs:
        for _ in range(rounds):
            for name, run in runs.items():
                os.sync()  # what the loader before has written is no work of this one
                with tempfile.TemporaryDirectory(prefix="bench-") as folder:
                    result = run(url, Path(folder))
                _require_complete(name, result, videos)
                of_loader = found.setdefault(name, {})
                for what, number in {**result.said, "peak_mib": result.peak_mib}.items():
                    of_loader.setdefault(what, []).append(number)
    return found


def peer_versions() -> dict[str, str]:
    """The versions of the peers whose environments are there."""
    found: dict[str, str] = {}
    for package, (environment, _) in {"dlt": PEERS["dlt"], "airbyte": PEERS["PyAirbyte"]}.items():
        python = ROOT / environment / "bin" / "python"
        if python.exists():
            asked = f"from importlib.metadata import version; print(version({package!r}))"
            found[package] = subprocess.run(
                [python, "-c", asked], capture_output=True, text=True, check=True
            ).stdout.strip()
    return found


def _require_complete(name: str, result: Measured, videos: int) -> None:
    expected = {"fetch only": videos // 20, "PyAirbyte": videos}.get(name, videos * ROWS_A_VIDEO)
    if result.said["rows"] != expected:
        raise RuntimeError(f"{name} wrote {result.said['rows']} rows, not {expected}")


def memory(videos: int = VIDEOS) -> dict[str, float]:
    """The peak of memory in MiB of loads of this project: posts, four times the posts, a post with comments."""
    loads = {
        f"{videos:,} videos": (videos, 0, "videos"),
        f"{4 * videos:,} videos": (4 * videos, 0, "videos"),
        f"{10 * videos:,} comments on a video": (1, 10 * videos, "comments"),
    }
    peaks: dict[str, float] = {}
    for name, (posts, comments, step) in loads.items():
        with serving(posts, comments) as url, tempfile.TemporaryDirectory(prefix="bench-") as folder:
            peaks[name] = into_duckdb(url, Path(folder), step).peak_mib
    return peaks


if __name__ == "__main__":
    print(json.dumps({"loads": measure(), "memory": memory()}, indent=2))
