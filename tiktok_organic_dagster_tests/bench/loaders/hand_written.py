"""What an engineer writes in an afternoon: requests, orjson, Arrow, one DuckDB transaction, the same eight tables.

No token, quota, retry, check, re-run or history: it is the least work that fills the tables.
"""

import sys
import time
from datetime import UTC, datetime
from typing import Any

import duckdb
import orjson
import pyarrow as pa
import requests

TEXTS = ["item_id", "caption", "embed_url", "share_url", "thumbnail_url"]
NUMBERS = [
    "video_duration", "video_views", "likes", "comments", "shares", "favorites", "reach", "new_followers",
    "profile_views", "website_clicks", "phone_number_clicks", "lead_submissions", "app_download_clicks",
    "total_time_watched", "average_time_watched", "full_video_watched_rate",
]  # fmt: skip
BREAKDOWNS = {
    "impression_sources": "impression_source",
    "engagement_likes": "second",
    "video_view_retention": "second",
    "audience_types": "type",
    "audience_countries": "country",
    "audience_cities": "city_name",
    "audience_genders": "gender",
}


def load(url: str, file: str) -> int:
    """Read all posts and write them; gives the number of rows."""
    session = requests.Session()
    session.trust_env = False
    fields = orjson.dumps([*TEXTS, "create_time", *NUMBERS, *BREAKDOWNS]).decode()
    params: dict[str, Any] = {"business_id": "bench", "fields": fields, "max_count": 20}
    videos: dict[str, list[Any]] = {name: [] for name in [*TEXTS, "create_time", *NUMBERS]}
    broken: dict[str, tuple[list[str], list[str], list[float]]] = {name: ([], [], []) for name in BREAKDOWNS}
    while True:
        answer = session.get(f"{url}/business/video/list/", params=params, timeout=60)
        data = orjson.loads(answer.content)["data"]
        for video in data["videos"]:
            for name, column in videos.items():
                column.append(video.get(name))
            for name, key in BREAKDOWNS.items():
                ids, values, parts = broken[name]
                entries = video.get(name) or []
                ids += [video["item_id"]] * len(entries)
                values += [entry[key] for entry in entries]
                parts += [entry["percentage"] for entry in entries]
        if not data["has_more"]:
            break
        params["cursor"] = data["cursor"]
    videos["create_time"] = [int(value) for value in videos["create_time"]]
    tables = {"videos": pa.table(videos)}
    for name, (ids, values, parts) in broken.items():
        tables[f"videos_{name}"] = pa.table({"item_id": ids, BREAKDOWNS[name]: values, "percentage": parts})
    today = datetime.now(UTC).date()
    extra = f"'bench' AS _business_id, 'bench' AS username, DATE '{today}' AS metric_date, now() AS _loaded_at"
    with duckdb.connect(file) as warehouse:
        warehouse.begin()
        for name, rows in tables.items():
            warehouse.register("rows", rows)
            warehouse.execute(f"CREATE TABLE IF NOT EXISTS {name} AS SELECT {extra}, * FROM rows LIMIT 0")
            warehouse.execute(f"DELETE FROM {name} WHERE metric_date = ?", [today])
            warehouse.execute(f"INSERT INTO {name} BY NAME SELECT {extra}, * FROM rows")
            warehouse.unregister("rows")
        warehouse.commit()
    return sum(rows.num_rows for rows in tables.values())


if __name__ == "__main__":
    began = time.perf_counter()
    written = load(sys.argv[1], sys.argv[2])
    print({"seconds": time.perf_counter() - began, "rows": written})
