"""Runs the benchmark, and writes its figures into docs/performance.md.

    python -m tiktok_organic_dagster_tests.bench [SECTION ...]

Sections that are not named keep the figures of an earlier run in docs/performance.json.
"""

import json
import os
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from tiktok_organic_dagster_tests.bench import framework, growth, keys, loads, quota
from tiktok_organic_dagster_tests.bench.pages import RESULTS, write_pages
from tiktok_organic_dagster_tests.bench.targets import tables

SECTIONS: dict[str, Callable[[], Any]] = {
    "loads": loads.measure,
    "memory": loads.memory,
    "framework": framework.measure,
    "growth": growth.measure,
    "keys": keys.measure,
    "quota": quota.measure,
}
PACKAGES = ("dagster", "duckdb", "pyarrow", "pandas", "pandera", "requests", "orjson", "sqlalchemy", "psycopg2-binary")


def machine() -> dict[str, Any]:
    """Where the figures are from."""
    return {
        "at": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES} | loads.peer_versions(),
    }


def main(asked: list[str]) -> None:
    console = Console()
    unknown = set(asked) - set(SECTIONS)
    if unknown:
        sys.exit(f"There is no section {', '.join(sorted(unknown))}. There are: {', '.join(SECTIONS)}.")
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results["machine"] = machine()
    for name in asked or SECTIONS:
        console.print(f"Measuring {name} ...")
        results[name] = SECTIONS[name]()
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    for title, (heads, rows) in tables(results).items():
        shown = Table(*heads, title=title)
        for row in rows:
            shown.add_row(*row)
        console.print(shown)
    write_pages(results)


if __name__ == "__main__":
    main(sys.argv[1:])
