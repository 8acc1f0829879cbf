"""What a user of dlt sets up, by dlt's documentation: its REST source, cursor paginator and DuckDB destination.

- Lists become tables of their own, as dlt does it: `videos__audience_cities`, with keys of dlt that lead to the post.
- Posts are merged by `item_id`, so another run replaces them. There is no history by day.
- What dlt's page on performance says is followed where it is a setting: loader files are Parquet (with dlt's default,
  INSERT statements, it takes many times as long), and two processes normalise, for which files have to rotate.
- A token, quotas and TikTok's errors, which it reports with the status 200, are not looked at.

Needs the environment `.venv-peers`. What dlt keeps between runs stands beside the DuckDB file.
"""

import os
import sys
import time
from typing import Any

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["NORMALIZE__WORKERS"] = "2"
os.environ["SOURCES__DATA_WRITER__FILE_MAX_ITEMS"] = "2500"

import dlt  # pyright: ignore[reportMissingImports]
import duckdb
import orjson
from dlt.sources.rest_api import rest_api_source  # pyright: ignore[reportMissingImports]
from hand_written import BREAKDOWNS, NUMBERS, TEXTS

SCHEMA = "tiktok"
ROWS_A_VIDEO = 80


def source(url: str) -> Any:
    """The source, as dlt wants it declared."""
    fields = orjson.dumps([*TEXTS, "create_time", *NUMBERS, *BREAKDOWNS]).decode()
    return rest_api_source({
        "client": {
            "base_url": url,
            "paginator": {
                "type": "cursor",
                "cursor_path": "data.cursor",
                "cursor_param": "cursor",
                "has_more_path": "data.has_more",
            },
        },
        "resources": [{
            "name": "videos",
            "primary_key": "item_id",
            "write_disposition": "merge",
            "columns": {"create_time": {"data_type": "bigint"}},
            "endpoint": {
                "path": "business/video/list/",
                "params": {"business_id": "bench", "fields": fields, "max_count": 20},
                "data_selector": "data.videos",
            },
        }],
    })  # fmt: skip


def load(url: str, file: str) -> None:
    """Read all posts and write them."""
    pipeline = dlt.pipeline(
        "bench", pipelines_dir=f"{file}.dlt", destination=dlt.destinations.duckdb(file), dataset_name=SCHEMA
    )
    pipeline.run(source(url), loader_file_format="parquet").raise_on_failed_jobs()


def count(file: str) -> int:
    """The rows of all eight tables; ends the program if some are missing."""
    tables = ["videos", *(f"videos__{name}" for name in BREAKDOWNS)]
    with duckdb.connect(file, read_only=True) as warehouse:
        sizes = [len(warehouse.table(f"{SCHEMA}.{name}")) for name in tables]
    if sum(sizes) != ROWS_A_VIDEO * sizes[0]:
        raise SystemExit(f"not {ROWS_A_VIDEO} rows a video: {dict(zip(tables, sizes, strict=True))}")
    return sum(sizes)


if __name__ == "__main__":
    began = time.perf_counter()
    load(sys.argv[1], sys.argv[2])
    print({"seconds": time.perf_counter() - began, "rows": count(sys.argv[2])})
