"""A process of its own that calls TikTok from many threads at once; the tests of probes start several of them."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from tiktok_organic_dagster.accounts.tokens import FixedToken
from tiktok_organic_dagster.errors import TikTokOrganicError
from tiktok_organic_dagster.state import engine
from tiktok_organic_dagster.tiktok.client import TikTokClient
from tiktok_organic_dagster.tiktok.limits import RequestBudget

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
CLIENT_ID = "7123456789"
NO_LIMIT = 1_000_000


def clock_since(started: float) -> Callable[[], datetime]:
    """A clock of real speed that stood at noon of 2026-11-23 at an epoch second."""
    return lambda: NOON + timedelta(seconds=time.time() - started)


def open_client(
    state_url: str,
    api_url: str,
    wait_s: float,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None] = time.sleep,
) -> TikTokClient:
    budget = RequestBudget(
        engine(state_url),
        qpm_per_endpoint=NO_LIMIT,
        qpm_app=NO_LIMIT,
        qps_app=NO_LIMIT,
        throttle_wait_s=wait_s,
        clock=clock,
        sleep=sleep,
    )
    return TikTokClient(api_url=api_url, budget=budget, clock=clock, sleep=sleep, timeout_s=30, backoff_s=0.01)


def called(client: TikTokClient, business_id: str, token: str) -> str:
    """What came of one call, in a word or in the words of its error."""
    try:
        client.reader(business_id, CLIENT_ID, FixedToken(token)).profile(["username"])
    except TikTokOrganicError as error:
        return str(error)
    return "read"


def all_at_once(client: TikTokClient, accounts: Sequence[tuple[str, str]], threads: int) -> dict[str, list[str]]:
    """Call each account, of which the id and token are given, from so many threads."""
    with ThreadPoolExecutor(threads * len(accounts)) as pool:
        found = {each: [pool.submit(called, client, *each) for _ in range(threads)] for each in accounts}
    return {business_id: [future.result() for future in futures] for (business_id, _), futures in found.items()}


def main() -> None:
    told: dict[str, Any] = json.loads(sys.stdin.readline())
    client = open_client(told["state"], told["api"], told["wait_s"], clock_since(told["started"]))
    print("ready", flush=True)
    sys.stdin.readline()
    accounts = [(each["business_id"], each["token"]) for each in told["accounts"]]
    print(json.dumps(all_at_once(client, accounts, told["threads"])), flush=True)


if __name__ == "__main__":
    main()
