"""The log of calls that a simulator answered, for tests to look at."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any


@dataclass(slots=True)
class Call:
    """One call as it arrived.

    Attributes:
        at: `time.monotonic()` of the arrival.
        moment: The simulator's clock at the arrival.
        path: Below `/open_api/v1.3/`, such as `business/video/list/`.
        params: The query string of a GET, the JSON body of a POST.
        business_id: The account the call names, or None.
        account: Index of the account that the token, code or refresh token belongs to, or None.
        code: Of the envelope that was sent; None while the call is under way, or when no envelope was sent.
    """

    at: float
    moment: datetime
    path: str
    params: dict[str, Any]
    business_id: str | None
    account: int | None
    code: int | None = None

    @property
    def endpoint(self) -> str:
        """The path without slashes at its ends."""
        return self.path.strip("/")


class Calls:
    """Thread-safe list of calls, in order of arrival."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._lock = Lock()

    def __iter__(self) -> Iterator[Call]:
        with self._lock:
            return iter(list(self._calls))

    def __len__(self) -> int:
        return len(self._calls)

    def __getitem__(self, index: int) -> Call:
        return self._calls[index]

    def add(self, call: Call) -> None:
        """Append a call."""
        with self._lock:
            self._calls.append(call)

    def to(self, path: str) -> list[Call]:
        """The calls whose path ends with this, slashes at the ends aside."""
        return [call for call in self if call.endpoint.endswith(path.strip("/"))]

    def count(self, path: str = "") -> int:
        """How many calls `to` would return."""
        return len(self.to(path))

    def clear(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._calls.clear()
