"""A lease: a right that others respect until a moment, so that the death of its owner does not block them for long."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

from tiktok_organic_dagster.errors import TikTokOrganicError

LEASE_S = 60.0  # how long a dead owner's lease keeps others waiting
HEARTBEAT_S = 15.0  # a living owner renews it, however long TikTok takes


@contextmanager
def heartbeat(renew: Callable[[], None]) -> Generator[None]:
    """Renew a lease again and again while the block lasts; a database that does not answer is asked again."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(HEARTBEAT_S):
            with suppress(TikTokOrganicError):
                renew()

    thread = threading.Thread(target=beat, daemon=True, name="tiktok-lease")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
