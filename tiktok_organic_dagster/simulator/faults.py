"""What can go wrong on the way to TikTok, switchable call by call.

An `Effect` says what happens, a `Fault` when. The functions that make effects are the list of what is possible::

    simulator.faults.add(Fault(refuse(50000, "System error"), path="business/video/list/", times=2))
    simulator.faults.add(Fault(reset(), every=3))
    simulator.faults.add(Fault(without_keys("has_more"), account=1, nth=2))
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Protocol, TypeVar

from tiktok_organic_dagster.simulator import api_fields
from tiktok_organic_dagster.simulator.answers import ApiRefusal, Data
from tiktok_organic_dagster.simulator.calls import Call
from tiktok_organic_dagster.simulator.oauth import OAuth


@dataclass(frozen=True, slots=True)
class Sent:
    """What is sent instead of the envelope.

    Attributes:
        status: HTTP status.
        body: Whole body; None for the envelope as it would have been sent.
        content_type: Of the body.
        headers: Further headers.
        cut: Send only the first half of the body and close the connection.
        reset: Send nothing and reset the connection.
    """

    status: int = 200
    body: str | None = None
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    cut: bool = False
    reset: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """What an effect may look at when it changes the data of a good answer.

    Attributes:
        params: Of the call.
        previous: Data of the previous good answer to the same endpoint, account and video, or None.
    """

    params: Mapping[str, Any]
    previous: Data | None


@dataclass(frozen=True, slots=True)
class Effect:
    """What happens to a call; everything unset goes on as usual.

    Attributes:
        delay: Seconds before anything else.
        ends: What becomes of the account's authorization before the call is answered.
        check: Raises `ApiRefusal` to refuse the call.
        never_answered: The call has no effect at TikTok either; `sent` is all there is.
        change: New data from the data of a good answer.
        sent: What is sent instead of the envelope.
    """

    delay: float = 0
    ends: Callable[[OAuth, int], None] | None = None
    check: Callable[[Call, bool], None] | None = None
    never_answered: bool = False
    change: Callable[[Data, Page], Data] | None = None
    sent: Sent | None = None


# Refusals in the envelope.


def refuse(code: int, message: str) -> Effect:
    """HTTP 200 with this code and message."""

    def check(_call: Call, _is_business: bool) -> None:  # noqa: FBT001 -- the shape of every check
        raise ApiRefusal(code, message)

    return Effect(check=check)


def throttle(message: str = "Too many requests. Please retry in some time.") -> Effect:
    """HTTP 200 with code 40100."""
    return refuse(40100, message)


def refuse_business_fields() -> Effect:
    """Personal accounts that ask for fields of Business accounts are refused as a whole."""

    def check(call: Call, is_business: bool) -> None:  # noqa: FBT001 -- the shape of every check
        fields = str(call.params.get("fields", ""))
        known = {
            "business/get": api_fields.BUSINESS_ONLY_ACCOUNT,
            "business/video/list": api_fields.BUSINESS_ONLY_VIDEO,
        }
        asked = sorted(name for name in known.get(call.endpoint, ()) if f'"{name}"' in fields)
        if asked and not is_business:
            raise ApiRefusal(40001, f"Only Business accounts have access to the field(s): {', '.join(asked)}")

    return Effect(check=check)


def revoke_token() -> Effect:
    """The account's access tokens are void from this call on; a refresh helps."""
    return Effect(ends=OAuth.void_access_tokens)


def expire_token() -> Effect:
    """The account's access tokens have expired from this call on; a refresh helps."""
    return Effect(ends=OAuth.expire_access_tokens)


def withdraw_consent() -> Effect:
    """The account's owner has withdrawn all consent from this call on; only a new consent helps."""
    return Effect(ends=OAuth.revoke_account)


def take_scope(scope: str) -> Effect:
    """The account's owner has taken away one permission from this call on; a refresh tells of it."""
    return Effect(ends=lambda oauth, account: oauth.take_scope(account, scope))


# Answers that are no envelope, or not a whole one.


def http_status(status: int, body: str = "", headers: Mapping[str, str] | None = None) -> Effect:
    """Another HTTP status with a text body; the call never reached the API."""
    return Effect(never_answered=True, sent=Sent(status, body, "text/plain; charset=utf-8", headers or {}))


def html() -> Effect:
    """HTTP 200 with a page for people."""
    page = "<!DOCTYPE html><html><body><h1>We are on it</h1></body></html>"
    return Effect(never_answered=True, sent=Sent(200, page, "text/html; charset=utf-8"))


def invalid_json() -> Effect:
    """HTTP 200 that says it is JSON and is not."""
    return Effect(never_answered=True, sent=Sent(200, '{"code": 0, "message": "OK", "data": {"videos": [}'))


def answer(body: str) -> Effect:
    """HTTP 200 with exactly this text as JSON."""
    return Effect(never_answered=True, sent=Sent(200, body))


def truncated() -> Effect:
    """Half of the right answer, then the connection closes."""
    return Effect(sent=Sent(cut=True))


def reset() -> Effect:
    """The connection is reset; the call had no effect."""
    return Effect(never_answered=True, sent=Sent(reset=True))


def lose_answer() -> Effect:
    """The call takes effect, a refresh rotates the token, but the connection is reset before the answer."""
    return Effect(sent=Sent(reset=True))


def delay(seconds: float) -> Effect:
    """The answer takes its time."""
    return Effect(delay=seconds)


# Good envelopes with wrong data.


def change(function: Callable[[Data], Data]) -> Effect:
    """The data as the function makes it from a copy of the right data."""
    return Effect(change=lambda data, _page: function(data))


def without_keys(*names: str) -> Effect:
    """The data without some of its keys: `metrics`, `videos`, `has_more`."""
    return change(lambda data: {name: value for name, value in data.items() if name not in names})


def without_metrics() -> Effect:
    """The answer to business/get lacks `metrics` although fields and dates are right."""
    return without_keys("metrics")


def has_more_without_list() -> Effect:
    """A page that promises more and lacks its list."""
    return change(
        lambda data: (
            {name: value for name, value in data.items() if name not in {"videos", "comments"}} | {"has_more": True}
        )
    )


def list_without_has_more() -> Effect:
    """A page that does not say whether there is more."""
    return without_keys("has_more")


def empty_page() -> Effect:
    """A page without rows; its cursor and `has_more` are the right ones, so the rows are lost."""
    return change(lambda data: {name: [] if isinstance(value, list) else value for name, value in data.items()})


def repeat_page() -> Effect:
    """The page before once more, cursor and all."""
    return Effect(change=lambda data, page: copy.deepcopy(page.previous) if page.previous else data)


def cursor_stands_still() -> Effect:
    """A right page with more to come whose cursor is the one it was asked with."""

    def stand_still(data: Data, page: Page) -> Data:
        return data | {"cursor": int(page.params.get("cursor") or data["cursor"]), "has_more": True}

    return Effect(change=stand_still)


def cursor_goes_back() -> Effect:
    """A right page with more to come whose cursor is that of the very beginning."""
    return change(lambda data: data | {"cursor": 0, "has_more": True})


def short_page() -> Effect:
    """The first half of a page; its cursor leads to the other half, so no row is lost."""

    def halve(data: Data, page: Page) -> Data:
        name = "videos" if "videos" in data else "comments"
        kept = data[name][: max(1, len(data[name]) // 2)]
        if len(kept) == len(data[name]):
            return data
        if name == "videos":
            cursor = int(kept[-1]["create_time"]) * 1000
        else:
            cursor = int(page.params.get("cursor") or 0) + len(kept)
        return data | {name: kept, "cursor": cursor, "has_more": True}

    return Effect(change=halve)


@dataclass(slots=True)
class Fault:
    """An effect and the calls it befalls; every condition that is set must hold.

    Attributes:
        effect: What happens.
        path: End of the path, slashes aside, such as `business/get/`.
        account: Index of the account that the token belongs to.
        business_id: Of the call.
        when: Decides on the parameters of the call.
        nth: Only this one of the calls that fit the above, counted from 1.
        after: Only those after this many.
        every: Only each n-th of them.
        times: At most so often.
        seen: Calls that fitted the first four conditions so far.
        struck: Calls it befell so far.
    """

    effect: Effect
    path: str = ""
    account: int | None = None
    business_id: str | None = None
    when: Callable[[Mapping[str, Any]], bool] | None = None
    nth: int | None = None
    after: int = 0
    every: int = 1
    times: int | None = None
    seen: int = 0
    struck: int = 0

    def befalls(self, call: Call) -> Effect | None:
        """The effect, if it befalls this call; counts the call."""
        return self.effect if self._strikes(call) else None

    def _strikes(self, call: Call) -> bool:
        if not self._fits(call):
            return False
        self.seen += 1
        if (
            (self.nth is not None and self.seen != self.nth)
            or self.seen <= self.after
            or (self.seen - self.after) % self.every
            or (self.times is not None and self.struck >= self.times)
        ):
            return False
        self.struck += 1
        return True

    def _fits(self, call: Call) -> bool:
        return (
            call.endpoint.endswith(self.path.strip("/"))
            and self.account in {None, call.account}
            and self.business_id in {None, call.business_id}
            and (self.when is None or self.when(call.params))
        )


class Trouble(Protocol):
    """What decides, call by call, what happens to it: a `Fault`, or faults drawn at random."""

    def befalls(self, call: Call) -> Effect | None:
        """What happens to a call; None for nothing. One call at a time is asked about."""
        ...


AnyTrouble = TypeVar("AnyTrouble", bound=Trouble)


class Faults:
    """The faults that are switched on.

    Attributes:
        struck: Calls that any fault befell so far, each counted once for each of them.
    """

    def __init__(self) -> None:
        self.struck = 0
        self._faults: list[Trouble] = []
        self._lock = Lock()

    def add(self, fault: AnyTrouble) -> AnyTrouble:
        """Switch a fault on; its `struck` tells later how often it happened."""
        with self._lock:
            self._faults.append(fault)
        return fault

    def remove(self, fault: Trouble) -> None:
        """Switch a fault off."""
        with self._lock:
            self._faults = [each for each in self._faults if each is not fault]

    def clear(self) -> None:
        """Switch all faults off."""
        with self._lock:
            self._faults.clear()

    def befalling(self, call: Call) -> list[Effect]:
        """The effects of all faults that befall a call, in the order in which they were switched on."""
        with self._lock:
            effects = [effect for fault in self._faults if (effect := fault.befalls(call))]
            self.struck += len(effects)
            return effects
