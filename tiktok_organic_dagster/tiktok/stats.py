"""What the calls of a reader came to, counted while they go."""

from collections import Counter
from dataclasses import dataclass, field

from tiktok_organic_dagster.tiktok.waiting import Waiting


@dataclass
class CallStats:
    """What the calls of one reader came to.

    Attributes:
        calls: Calls sent, by endpoint.
        pages: List pages read.
        retries: Calls sent again after transient trouble.
        pauses: Throttle answers.
        waited_s: Seconds spent waiting: for the quota, in pauses, before retries.
        waiting: What is waited for at this moment; None while calls go. Any thread may look.
    """

    calls: Counter[str] = field(default_factory=Counter[str])
    pages: int = 0
    retries: int = 0
    pauses: int = 0
    waited_s: float = 0.0
    waiting: Waiting | None = None
