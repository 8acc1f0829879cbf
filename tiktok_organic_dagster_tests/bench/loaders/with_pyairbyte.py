"""What a user of PyAirbyte sets up: a low-code connector as a manifest, read into PyAirbyte's DuckDB cache.

- The connector is declared, with no code of its own. It runs in this process: neither Docker nor a download is needed.
- PyAirbyte does not make tables of lists. It stores a row for each post, with its seven breakdowns as JSON: an
  eightieth of the rows that other loaders write. Who wants them as tables takes one more step, in SQL or dbt, which is
  not counted here.
- Posts are merged by `item_id`, as PyAirbyte chooses by itself for a stream with a primary key, so another run replaces
  them. There is no history by day.
- `AIRBYTE_OFFLINE_MODE` keeps PyAirbyte from looking the connector up in Airbyte's registry, which it does even if the
  manifest is given, and from reporting its use; `DO_NOT_TRACK` forbids the latter once more.
- A token, quotas and TikTok's errors, which it reports with the status 200, are not looked at.

Needs the environment `.venv-peers-airbyte`. What PyAirbyte keeps between runs stands beside the DuckDB file.
"""

import os
import sys
import time
from contextlib import redirect_stdout
from typing import Any

os.environ["DO_NOT_TRACK"] = "1"
os.environ["AIRBYTE_OFFLINE_MODE"] = "1"
os.environ["AIRBYTE_LOGGING_ROOT"] = f"{sys.argv[-1]}.airbyte/logs"

import airbyte  # pyright: ignore[reportMissingImports]
import duckdb
import orjson
from airbyte.caches import DuckDBCache  # pyright: ignore[reportMissingImports]
from hand_written import BREAKDOWNS, NUMBERS, TEXTS

SCHEMA = "tiktok"
ROWS_OF_BREAKDOWNS = 79
FRACTIONS = {"video_duration", "total_time_watched", "average_time_watched", "full_video_watched_rate"}


def or_null(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": ["null", kind], **more}


def columns() -> dict[str, Any]:
    """What a post looks like, as JSON Schema."""
    shown = {name: or_null("string") for name in [*TEXTS, "create_time"]}
    shown |= {name: or_null("number" if name in FRACTIONS else "integer") for name in NUMBERS}
    for name, key in BREAKDOWNS.items():
        entry = or_null("object", properties={key: or_null("string"), "percentage": or_null("number")})
        shown[name] = or_null("array", items=entry)
    return shown


def manifest() -> dict[str, Any]:
    """The connector."""
    fields = orjson.dumps([*TEXTS, "create_time", *NUMBERS, *BREAKDOWNS]).decode()
    return {
        "version": "7.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["videos"]},
        "spec": {
            "type": "Spec",
            "connection_specification": {
                "type": "object",
                "required": ["url"],
                "properties": {"url": {"type": "string"}},
            },
        },
        "streams": [{
            "type": "DeclarativeStream",
            "name": "videos",
            "primary_key": ["item_id"],
            "schema_loader": {"type": "InlineSchemaLoader", "schema": {"type": "object", "properties": columns()}},
            "retriever": {
                "type": "SimpleRetriever",
                "requester": {
                    "type": "HttpRequester",
                    "url_base": "{{ config['url'] }}",
                    "path": "business/video/list/",
                    # In quotes once more: a text that looks like a list would be sent as many parameters.
                    "request_parameters": {"business_id": "bench", "fields": repr(fields), "max_count": "20"},
                },
                "record_selector": {
                    "type": "RecordSelector",
                    "extractor": {"type": "DpathExtractor", "field_path": ["data", "videos"]},
                },
                "paginator": {
                    "type": "DefaultPaginator",
                    "page_token_option": {
                        "type": "RequestOption",
                        "inject_into": "request_parameter",
                        "field_name": "cursor",
                    },
                    "pagination_strategy": {
                        "type": "CursorPagination",
                        "cursor_value": "{{ response.data.cursor }}",
                        "stop_condition": "{{ not response.data.has_more }}",
                    },
                },
            },
        }],
    }  # fmt: skip


def load(url: str, file: str) -> None:
    """Read all posts and write them."""
    source = airbyte.get_source("source-tiktok-organic", {"url": url}, source_manifest=manifest(), streams="*")
    with DuckDBCache(db_path=file, schema_name=SCHEMA, cache_dir=f"{file}.airbyte") as cache:
        source.read(cache)


def count(file: str) -> int:
    """The rows of the one table; ends the program if entries of breakdowns are missing."""
    entries = " + ".join(f"json_array_length({name})" for name in BREAKDOWNS)
    with duckdb.connect(file, read_only=True) as warehouse:
        ((rows, broken),) = warehouse.execute(f"SELECT count(*), sum({entries}) FROM {SCHEMA}.videos").fetchall()
    if broken != ROWS_OF_BREAKDOWNS * rows:
        raise SystemExit(f"not {ROWS_OF_BREAKDOWNS} entries of breakdowns a video: {rows} videos, {broken} entries")
    return rows


if __name__ == "__main__":
    began = time.perf_counter()
    with redirect_stdout(sys.stderr):  # PyAirbyte says there how far it is
        load(sys.argv[1], sys.argv[2])
    print({"seconds": time.perf_counter() - began, "rows": count(sys.argv[2])})
