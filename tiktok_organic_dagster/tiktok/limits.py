"""Keeps TikTok's quotas: a log of sent calls in the state database, shared by all threads and processes of an app."""

import hashlib
import math
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from tiktok_organic_dagster.state import calls, pauses, utc_now, writing
from tiktok_organic_dagster.tiktok.errors import APP_THROTTLES, Fault, Remedy, throttled
from tiktok_organic_dagster.tiktok.lease import LEASE_S, heartbeat
from tiktok_organic_dagster.tiktok.throttling import (
    Go,
    Pause,
    Verdict,
    Wait,
    after_throttle,
    verdict,
)
from tiktok_organic_dagster.tiktok.waiting import OnWait, Waiting, WaitReason, unheard

HEADROOM = 0.95  # TikTok counts on arrival, we on sending
MINUTE_S = 60.0
NETWORK_JITTER_S = 0.1  # a call that overtakes another on its way must not make a full minute overfull
SECOND_S = 1.08  # the same for a full second, which leaves 9.26 of 10 requests a second
LATE_S = 0.01  # a call that left so long after its grant counts from when it left
KEPT_S = 2 * MINUTE_S
PURGE_EVERY_S = 30.0
SLICE_S = 1.0  # longest sleep before the state is looked at again
SLICES = {WaitReason.PROBE: 0.1, WaitReason.QUOTA: 5.0}  # a probe ends at any moment, a full window never earlier
PROBE_AGAIN_S = 5.0  # after a probe that told nothing, such as one that TikTok answered with HTTP 500


@dataclass(frozen=True)
class Grant:
    """The right to send one call, already written into the log.

    Attributes:
        call: Its place in the log.
        probe: Set when this call is the one that tries out whether a throttle is over.
        waited_s: How long the caller waited for it.
    """

    app: str
    account: str
    endpoint: str
    sent_at: float
    call: int
    probe: str | None
    waited_s: float


@dataclass(frozen=True)
class _Quota:
    """So many calls of ours in so many seconds."""

    calls: int
    seconds: float

    def offset(self, ahead: int) -> int:
        """Which call, counted back from the latest, has to leave the window before one that others are ahead of."""
        return self.calls - 1 - ahead % self.calls

    def free_at(self, sent_at: float | None, ahead: int) -> float:
        """When there is room, by the moment of that call; None if there were fewer."""
        return 0.0 if sent_at is None else sent_at + self.seconds * (1 + ahead // self.calls)


class _Line:
    """Who of this process waits for the quota of an app, in order: each wakes up for its own turn, not all for one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[str] = []

    def ahead_of(self, caller: str) -> int:
        """How many stand before a caller, or would if it joined."""
        with self._lock:
            return self._waiting.index(caller) if caller in self._waiting else len(self._waiting)

    def join(self, caller: str) -> None:
        """Stand in the line, at its end unless the caller stands there already."""
        with self._lock:
            if caller not in self._waiting:
                self._waiting.append(caller)

    def leave(self, caller: str) -> None:
        """Make room for those behind."""
        with self._lock:
            if caller in self._waiting:
                self._waiting.remove(caller)


def per_minute(quota: int) -> int:
    """Our calls in any 60 s for a quota of TikTok's: 95 % of it, rounded down, at least 1."""
    return max(1, math.floor(HEADROOM * quota))


class RequestBudget:
    """Grants calls within the quotas, and makes everyone pause when TikTok throttles.

    Quotas, for one app: `qpm_per_endpoint` for each account and endpoint, `qpm_app` and `qps_app` for all its calls. A
    pause after a throttle holds for its scope (account and endpoint, or the app) in every thread and process. When it
    ends, a single caller probes while the rest wait for what comes of it: one call for each pause, whoever else wants
    to. A probe that tells nothing begins another, short pause. A prober that is killed is replaced after a minute.

    Args:
        engine: The state database.
        qpm_per_endpoint: TikTok's requests a minute for one account and endpoint.
        qpm_app: The same for the whole app.
        qps_app: Requests a second for the whole app.
        throttle_wait_s: The pause after a throttle.
        clock: The time of day.
        sleep: Waits for a number of seconds.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        qpm_per_endpoint: int,
        qpm_app: int,
        qps_app: int,
        throttle_wait_s: float,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._engine = engine
        self._of_endpoint = _Quota(per_minute(qpm_per_endpoint), MINUTE_S + NETWORK_JITTER_S)
        self._of_app = _Quota(per_minute(qpm_app), MINUTE_S + NETWORK_JITTER_S), _Quota(qps_app, SECOND_S)
        self._throttle_wait_s = throttle_wait_s
        self._clock = clock
        self._sleep = sleep
        self._lines: dict[str, _Line] = {}
        self._late = deque[dict[str, float]]()
        self._purge_lock = threading.Lock()
        self._purged: dict[str, float] = {}

    def acquire(self, app: str, account: str, endpoint: str, on_wait: OnWait = unheard) -> Grant:
        """Wait until a call may be sent, and write it into the log.

        Args:
            app: Names the developer app, see `app_key`.
            account: The business_id; empty for calls that belong to none.
            endpoint: The path called.
            on_wait: Told of the wait, again and again while it lasts.

        Raises:
            ThrottledError: TikTok has kept throttling this scope; the error says when calls resume.
        """
        owner = uuid.uuid4().hex
        line = self._lines.setdefault(app, _Line())
        waited = 0.0
        try:
            while True:
                self._sleep(0)  # lets a caller that is to stop do so, also while there is room
                found, now, call = self._ask(app, account, endpoint, owner, line)
                if isinstance(found, Go):
                    return Grant(app, account, endpoint, now, call, owner if found.probe else None, waited)
                if not isinstance(found, Wait):
                    fault = Fault(endpoint, Remedy.THROTTLED, "TikTok keeps throttling these calls")
                    raise throttled(fault, _moment(found.at))
                on_wait(Waiting(found.reason, _moment(found.until)))
                seconds = min(found.until - now, SLICES.get(found.reason, SLICE_S))
                self._sleep(seconds)
                waited += seconds
        finally:
            line.leave(owner)

    def left(self, grant: Grant) -> None:
        """Note that a call leaves at this moment: if that is late, on a busy machine, the quotas count it from now.

        It is written down when the next call is asked for.
        """
        now = self._now()
        if now - grant.sent_at > LATE_S:
            self._late.append({"p_call": grant.call, "sent_at": now})

    def throttled(self, grant: Grant, fault: Fault) -> datetime | None:
        """Note that TikTok throttled a call; everyone in its scope pauses.

        Returns:
            None if the call may be tried again after the pause, else the moment at which calls of its scope resume.
        """
        app_wide = fault.code in APP_THROTTLES
        account, endpoint = ("", "") if app_wide else (grant.account, grant.endpoint)
        with self._locked(grant.app) as connection:
            now = self._now()
            self._purge(connection, grant.app, now)  # a pause that is about to be forgotten must not take this one in
            known = _pauses(connection, grant.app, account, endpoint).get((account, endpoint))
            pause = after_throttle(
                known or Pause(account, endpoint),
                sent_at=grant.sent_at,
                now=now,
                wait_s=self._throttle_wait_s,
                message=fault.text,
            )
            if grant.probe is not None:
                _release(connection, grant, now)
            _store(connection, grant.app, pause)
        return _moment(pause.paused_until) if pause.given_up else None

    def succeeded(self, grant: Grant) -> None:
        """Note that a call succeeded; if it was a probe, its scope is open again for everyone."""
        if grant.probe is not None:
            with self._locked(grant.app) as connection:
                connection.execute(pauses.delete().where(*_held(grant)))

    def released(self, grant: Grant) -> None:
        """Note that a call ended without telling whether the throttle is over; someone probes again in a moment."""
        if grant.probe is not None:
            with self._locked(grant.app) as connection:
                _release(connection, grant, self._now())

    @contextmanager
    def under_way(self, grant: Grant) -> Generator[None]:
        """While the block lasts, a probe stays the only one, however long TikTok takes to answer."""
        if grant.probe is None:
            yield
        else:
            with heartbeat(lambda: self._renew(grant)):
                yield

    def _ask(self, app: str, account: str, endpoint: str, owner: str, line: "_Line") -> tuple[Verdict, float, int]:
        """Decide on one call and write the decision down, in one short transaction.

        Returns:
            The decision, the moment, and the place in the log of a call that may go.
        """
        call = 0
        with self._locked(app) as connection:
            now = self._now()
            self._purge(connection, app, now)
            self._note_late(connection)
            found = _pauses(connection, app, account, endpoint)
            of_endpoint, of_app = self._free_at(connection, app, account, endpoint, line.ahead_of(owner))
            result = verdict(list(found.values()), max(of_endpoint, of_app), now)
            if isinstance(result, Go):
                values = {"app": app, "account": account, "endpoint": endpoint, "sent_at": now}
                (call,) = connection.execute(_INSERT, values).inserted_primary_key or (call,)
                if result.probe:
                    for pause in found.values():
                        leased = replace(pause, lease_owner=owner, lease_until=now + LEASE_S)
                        _store(connection, app, leased)
        if isinstance(result, Wait) and result.reason is WaitReason.QUOTA and of_endpoint <= now:
            line.join(owner)
        else:
            line.leave(owner)
        return result, now, call

    def _note_late(self, connection: Connection) -> None:
        """Write down when calls left that were late."""
        with suppress(IndexError):  # there is none, or the last one was taken by a thread that asks for another app
            while True:
                late = self._late.popleft()
                connection.execute(_LEFT, late)

    def _free_at(
        self, connection: Connection, app: str, account: str, endpoint: str, ahead: int
    ) -> tuple[float, float]:
        """The earliest moments at which the quotas of the endpoint, and those of the app, have room for one more call.

        Calls of the app that go before it, as many as are `ahead`, count as if they were sent.
        """
        minute, second = self._of_app
        values = {"p_app": app, "p_account": account, "p_endpoint": endpoint}
        offsets = {
            "endpoint_minute": self._of_endpoint.offset(0),
            "app_minute": minute.offset(ahead),
            "app_second": second.offset(ahead),
        }
        of_endpoint, of_minute, of_second = connection.execute(_NTH_LATEST, values | offsets).one()
        return self._of_endpoint.free_at(of_endpoint, 0), max(
            minute.free_at(of_minute, ahead), second.free_at(of_second, ahead)
        )

    def _purge(self, connection: Connection, app: str, now: float) -> None:
        """Forget calls that no longer count, and what a clock that was set back left in the future."""
        with self._purge_lock:
            if abs(now - self._purged.get(app, 0.0)) < PURGE_EVERY_S:
                return
            self._purged[app] = now
        soon = now + MINUTE_S
        old = sa.or_(calls.c.sent_at < now - KEPT_S, calls.c.sent_at > soon)
        connection.execute(calls.delete().where(calls.c.app == app, old))
        connection.execute(pauses.delete().where(pauses.c.app == app, pauses.c.paused_at > soon))
        too_long = pauses.c.lease_until > soon + LEASE_S
        connection.execute(
            pauses.update().where(pauses.c.app == app, too_long).values(lease_owner=None, lease_until=0.0)
        )

    def _renew(self, grant: Grant) -> None:
        with self._locked(grant.app) as connection:
            connection.execute(pauses.update().where(*_held(grant)).values(lease_until=self._now() + LEASE_S))

    @contextmanager
    def _locked(self, app: str) -> Generator[Connection]:
        """A write transaction that no other one of the same app can overlap."""
        with writing(self._engine) as connection:
            if connection.dialect.name == "postgresql":  # SQLite holds its only write lock already
                connection.execute(_ADVISORY_LOCK, {"key": _lock_number(app)})
            yield connection

    def _now(self) -> float:
        return self._clock().timestamp()


def app_key(client_id: str, api_url: str) -> str:
    """Names a developer app in the log of calls: quotas belong to the app, and to the API it calls."""
    return f"{client_id} {api_url}"


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(math.ceil(seconds), UTC) if seconds < 1e11 else datetime.max.replace(tzinfo=UTC)


def _lock_number(app: str) -> int:
    return int.from_bytes(hashlib.sha256(app.encode()).digest()[:8], "big", signed=True)


def _nth_latest(offset: str, *where: sa.ColumnElement[bool]) -> sa.ScalarSelect[float]:
    """The n-th latest call of a scope: as long as it is inside the window, the window is full."""
    query = sa.select(calls.c.sent_at).where(*where).order_by(calls.c.sent_at.desc())
    return query.limit(1).offset(sa.bindparam(offset, type_=sa.Integer)).scalar_subquery()


_OF_APP = calls.c.app == sa.bindparam("p_app")
_OF_ENDPOINT = (calls.c.account == sa.bindparam("p_account"), calls.c.endpoint == sa.bindparam("p_endpoint"))
_NTH_LATEST = sa.select(
    _nth_latest("endpoint_minute", _OF_APP, *_OF_ENDPOINT),
    _nth_latest("app_minute", _OF_APP),
    _nth_latest("app_second", _OF_APP),
)
_INSERT = calls.insert()
_LEFT = calls.update().where(calls.c.id == sa.bindparam("p_call"))
_ADVISORY_LOCK = sa.text("SELECT set_config('synchronous_commit', 'off', true), pg_advisory_xact_lock(:key)")
_PAUSES = sa.select(*(column for column in pauses.c if column.name != "app")).where(
    pauses.c.app == sa.bindparam("p_app"),
    sa.or_(
        sa.and_(pauses.c.account == "", pauses.c.endpoint == ""),
        sa.and_(pauses.c.account == sa.bindparam("p_account"), pauses.c.endpoint == sa.bindparam("p_endpoint")),
    ),
)


def _pauses(connection: Connection, app: str, account: str, endpoint: str) -> dict[tuple[str, str], Pause]:
    """The pauses that hold for a call: of its account and endpoint, of the app."""
    values = {"p_app": app, "p_account": account, "p_endpoint": endpoint}
    found = [Pause(**row) for row in connection.execute(_PAUSES, values).mappings()]
    return {(pause.account, pause.endpoint): pause for pause in found}


def _store(connection: Connection, app: str, pause: Pause) -> None:
    scope = (pauses.c.app == app, pauses.c.account == pause.account, pauses.c.endpoint == pause.endpoint)
    connection.execute(pauses.delete().where(*scope))
    connection.execute(pauses.insert().values(app=app, **vars(pause)))


def _held(grant: Grant) -> tuple[sa.ColumnElement[bool], ...]:
    return (pauses.c.app == grant.app, pauses.c.lease_owner == grant.probe)


def _release(connection: Connection, grant: Grant, now: float) -> None:
    """Let go of a probe's scopes. They stay closed for a moment, so that those who wait do not probe in a row."""
    until = now + PROBE_AGAIN_S
    later = sa.case((pauses.c.paused_until > until, pauses.c.paused_until), else_=until)
    free = {"lease_owner": None, "lease_until": 0.0, "paused_until": later, "given_up": False}
    connection.execute(pauses.update().where(*_held(grant)).values(**free))
