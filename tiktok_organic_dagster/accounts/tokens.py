"""Keeps one account's access token fresh: refreshed in time, by one process at a time, stored before it is used."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.engine import Row

from tiktok_organic_dagster.errors import StateError
from tiktok_organic_dagster.tiktok.errors import (
    CONNECT,
    Fault,
    ReauthorizationError,
    Remedy,
    ThrottledError,
    TransientError,
)
from tiktok_organic_dagster.tiktok.lease import LEASE_S, heartbeat
from tiktok_organic_dagster.tiktok.oauth import REFRESH_TOKEN, OAuthClient, TokenGrant

REFRESH_BEFORE_S = 300.0
REFRESH_SHARE = 0.1  # of a token's life; refreshed when this much, or five minutes, is left
MOST_OF_LIFE = 0.5  # but never with more than this left: a token of a minute's life is not refreshed at every call
POLL_S = 0.2
ENOUGH_S = 60.0  # a token with more than this left is used on when TikTok has trouble refreshing it
RETRY_REFRESH_S = 300.0
STORE_TRIES = 30  # a pair just granted may be the only good one there is: a database that restarts is waited for
STORE_AGAIN_S = 2.0


@dataclass(frozen=True)
class Pair:
    """The tokens of an account as the store holds them; `version` rises with every new pair."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: float | None
    life_s: float | None
    refresh_expires_at: float | None
    version: int
    needs_authorization: str | None


class PairStore(Protocol):
    """What `StoredTokens` asks of the account store."""

    def pair(self, business_id: str) -> Pair:
        """The stored tokens."""
        ...

    def username(self, business_id: str) -> str:
        """The account's name, for messages."""
        ...

    def take_lease(self, business_id: str, owner: str, now: float, until: float) -> bool:
        """Take the right to refresh, unless somebody holds it."""
        ...

    def renew_lease(self, business_id: str, owner: str, until: float) -> None:
        """Hold the right to refresh for longer."""
        ...

    def end_lease(self, business_id: str, owner: str) -> None:
        """Give the right to refresh back."""
        ...

    def replace_pair(self, business_id: str, version: int, grant: TokenGrant) -> bool:
        """Store a refreshed pair, unless a newer one than `version` is stored already."""
        ...

    def mark_needs_authorization(self, business_id: str, reason: str, version: int | None = None) -> bool:
        """Note that the owner has to connect again, unless a newer pair than `version` is stored already."""
        ...


def is_due(pair: Pair, now: float) -> bool:
    """Should the access token be refreshed? One of unknown lifetime is used until TikTok refuses it."""
    if pair.expires_at is None:
        return False
    life = pair.life_s or 0.0
    margin = min(max(REFRESH_BEFORE_S, REFRESH_SHARE * life), MOST_OF_LIFE * life if life else REFRESH_BEFORE_S)
    return pair.expires_at - now < margin


class StoredTokens:
    """The access token of one connected account; a `TokenSource` for any number of threads."""

    def __init__(
        self,
        store: PairStore,
        business_id: str,
        oauth: OAuthClient,
        *,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._business_id = business_id
        self._oauth = oauth
        self._clock = clock
        self._sleep = sleep
        self._known: Pair | None = None
        self._refresh_from = 0.0

    def access_token(self) -> str:
        """The current token, refreshed before its end.

        Raises:
            ReauthorizationError: The account's owner has to connect it again.
            ConfigurationError: A refresh is due, and the app's id or secret is not configured.
            TikTokError: The refresh did not succeed.
        """
        pair = self._known
        if pair is None or is_due(pair, self._now()):
            pair = self._usable()
            if is_due(pair, self._now()):
                pair = self._refresh_in_time(pair)
        self._known = pair
        return pair.access_token

    def refused(self, access_token: str) -> str:
        """A newer token than the one that TikTok refused: the stored one if there is one already, else a fresh one.

        Raises:
            ReauthorizationError: The account's owner has to connect it again.
            ConfigurationError: The app's id or secret is not configured.
            TikTokError: The refresh did not succeed.
        """
        pair = self._usable()
        if pair.access_token == access_token:
            pair = self._refresh(lambda found: found.access_token != access_token)
        self._known = pair
        return pair.access_token

    def _usable(self) -> Pair:
        pair = self._store.pair(self._business_id)
        if pair.needs_authorization is not None:
            raise self._ended(pair.needs_authorization)
        return pair

    def _refresh_in_time(self, pair: Pair) -> Pair:
        """Refresh a token that is due but still valid: trouble at TikTok may pass before its end."""
        left = (pair.expires_at or 0.0) - self._now()
        if left > ENOUGH_S and self._now() < self._refresh_from:
            return pair
        try:
            return self._refresh(lambda found: not is_due(found, self._now()))
        except (TransientError, ThrottledError):
            if (pair.expires_at or 0.0) - self._now() <= ENOUGH_S:
                raise
            self._refresh_from = self._now() + RETRY_REFRESH_S
            return pair

    def _refresh(self, is_fresh: Callable[[Pair], bool]) -> Pair:
        """Refresh, unless another thread or process has done so, which is waited for."""
        owner = uuid.uuid4().hex
        while True:
            pair = self._usable()
            if is_fresh(pair):
                return pair
            now = self._now()
            if self._store.take_lease(self._business_id, owner, now, now + LEASE_S):
                break
            self._sleep(POLL_S)
        try:
            with heartbeat(lambda: self._renew(owner)):
                pair = self._usable()  # another one may have refreshed just before we took the lease
                return pair if is_fresh(pair) else self._new_pair(pair)
        finally:
            self._store.end_lease(self._business_id, owner)

    def _new_pair(self, pair: Pair) -> Pair:
        if pair.refresh_expires_at is not None and pair.refresh_expires_at <= self._now():
            self._store.mark_needs_authorization(self._business_id, "its year is over", pair.version)
            raise self._ended("its year is over")
        try:
            grant = self._oauth.refresh(pair.refresh_token, self._business_id)
        except ReauthorizationError as error:
            reason = f"TikTok answered code {error.code}: {error.message}"
            if self._store.mark_needs_authorization(self._business_id, reason, pair.version):
                raise self._ended(reason, error) from error
            return self._usable()  # a newer pair was stored meanwhile: ours was refused because it is outdated
        self._keep(pair.version, grant)
        return self._usable()

    def _keep(self, version: int, grant: TokenGrant) -> None:
        """Store a refreshed pair, again and again while the database does not take it."""
        for tries in range(STORE_TRIES, 0, -1):
            try:
                self._store.replace_pair(self._business_id, version, grant)
            except StateError:
                if tries == 1:
                    raise
                self._sleep(STORE_AGAIN_S)
            else:
                return

    def _ended(self, reason: str, error: ReauthorizationError | None = None) -> ReauthorizationError:
        name = self._store.username(self._business_id)
        text = f"the authorization of @{name} has ended ({reason.rstrip('.')})"
        code, request_id = (error.code, error.request_id) if error else (None, None)
        advice = f"Its owner must {CONNECT}."
        return ReauthorizationError(Fault(REFRESH_TOKEN, Remedy.REAUTHORIZE, text, code, request_id, advice))

    def _renew(self, owner: str) -> None:
        self._store.renew_lease(self._business_id, owner, self._now() + LEASE_S)

    def _now(self) -> float:
        return self._clock().timestamp()


@dataclass(frozen=True)
class FixedToken:
    """A `TokenSource` for a token just granted, which is not stored yet and cannot be refreshed."""

    token: str = field(repr=False)

    def access_token(self) -> str:
        """The token."""
        return self.token

    def refused(self, access_token: str) -> str:
        """There is no other: connecting has to be tried again.

        Raises:
            ReauthorizationError: Always.
        """
        del access_token
        fault = Fault("business/get/", Remedy.REAUTHORIZE, "the new token was refused", advice=f"Please {CONNECT}.")
        raise ReauthorizationError(fault)


def life_seconds(grant: TokenGrant, now: datetime) -> float | None:
    """How long a granted access token lives."""
    return None if grant.expires_at is None else (grant.expires_at - now).total_seconds()


def pair_of_row(row: Row[Any], decrypt: Callable[[str], str]) -> Pair:
    """A pair out of a row of the accounts table."""
    return Pair(
        access_token=decrypt(row.access_token),
        refresh_token=decrypt(row.refresh_token),
        expires_at=row.access_expires_at,
        life_s=row.access_life_s,
        refresh_expires_at=row.refresh_expires_at,
        version=row.token_version,
        needs_authorization=row.needs_authorization,
    )
