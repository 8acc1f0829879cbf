"""Reads every page and does nothing with it: what the API's side of a load takes."""

import sys
import time
from typing import Any

import requests


def pages(url: str) -> int:
    """Read all pages of posts; gives their number."""
    session = requests.Session()
    session.trust_env = False
    params: dict[str, Any] = {"business_id": "bench", "max_count": 20}
    number = 0
    while True:
        data = session.get(f"{url}/business/video/list/", params=params, timeout=60).json()["data"]
        number += 1
        if not data["has_more"]:
            return number
        params["cursor"] = data["cursor"]


if __name__ == "__main__":
    began = time.perf_counter()
    read = pages(sys.argv[1])
    print({"seconds": time.perf_counter() - began, "rows": read})
