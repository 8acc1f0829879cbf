"""TikTok's request limits as the simulator enforces them: sliding windows in which refused calls count too."""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Hashable

from tiktok_organic_dagster.simulator.answers import ApiRefusal

TRUE_PER_ENDPOINT = 40
TRUE_PER_APP = 600
TRUE_PER_SECOND = 10


class Limits:
    """How many requests TikTok takes; None switches a limit off.

    Attributes:
        per_endpoint: In 60 seconds, for one account and endpoint.
        per_app: In 60 seconds, for the whole app; calls for tokens count here too.
        per_second: In one second, for the whole app.
        timer: Where the seconds come from; not the simulator's clock, which tests set at will.
        refused: Calls refused so far.
    """

    def __init__(
        self, *, per_endpoint: int | None = None, per_app: int | None = None, per_second: int | None = None
    ) -> None:
        self.per_endpoint = per_endpoint
        self.per_app = per_app
        self.per_second = per_second
        self.timer: Callable[[], float] = time.monotonic
        self.refused = 0
        self._sent: dict[Hashable, deque[float]] = defaultdict(deque)

    def check(self, client_id: str, business_id: str | None, endpoint: str) -> None:
        """Count a call.

        Raises:
            ApiRefusal: 40100, as the call does not fit into one of the windows.
        """
        full = [
            message
            for key, limit, seconds, message in (
                (("second", client_id), self.per_second, 1.0, "App reaches the QPS limit."),
                (
                    ("app", client_id),
                    self.per_app,
                    60.0,
                    "Too many requests by this developer. Please retry in some time.",
                ),
                (
                    ("endpoint", client_id, business_id, endpoint),
                    self.per_endpoint if business_id else None,
                    60.0,
                    "Too many requests. Please retry in some time.",
                ),
            )
            if limit is not None and self._is_full(key, limit, seconds)
        ]
        if full:
            self.refused += 1
            raise ApiRefusal(40100, full[0])

    def clear(self) -> None:
        """Forget all calls."""
        self._sent.clear()
        self.refused = 0

    def _is_full(self, key: Hashable, limit: int, seconds: float) -> bool:
        now = self.timer()
        sent = self._sent[key]
        while sent and sent[0] <= now - seconds:
            sent.popleft()
        sent.append(now)
        return len(sent) > limit
