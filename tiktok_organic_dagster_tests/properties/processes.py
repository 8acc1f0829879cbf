"""Processes that keep one account's tokens, step by step, and the TikTok that they get them from."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from cryptography.fernet import Fernet
from greenlet import GreenletExit

from tiktok_organic_dagster.accounts.store import AccountStore
from tiktok_organic_dagster.accounts.tokens import is_due
from tiktok_organic_dagster.accounts.vault import vault_of_setting
from tiktok_organic_dagster.tiktok import ReauthorizationError, TokenGrant, TransientError
from tiktok_organic_dagster.tiktok.answers import unreachable
from tiktok_organic_dagster.tiktok.errors import Fault, Remedy
from tiktok_organic_dagster.tiktok.oauth import REFRESH_TOKEN
from tiktok_organic_dagster_tests.properties.steps import Caller, wait

API = "https://api"
LIFE = timedelta(days=1)
YEAR = timedelta(days=365)
KEYS = [Fernet.generate_key().decode() for _ in range(60)]


@dataclass
class TikTok:
    """The side of TikTok: a refresh ends the pair that it is done with, a consent all earlier ones."""

    clock: Callable[[], datetime]
    rotates: bool = True
    given: int = 0
    honoured: str | None = None

    def pair(self, business_id):
        self.given += 1
        if self.rotates or self.honoured is None:
            self.honoured = f"rft.{self.given}"
        now = self.clock()
        return TokenGrant(f"act.{self.given}", self.honoured, business_id, ("video.list",), now + LIFE, now + YEAR)

    def consents(self, business_id):
        self.honoured = None
        return self.pair(business_id)


@dataclass
class Flight:
    """A refresh on its way to TikTok and back."""

    refresh_token: str
    grant: TokenGrant | None = None
    fails: bool = False


@dataclass
class Process:
    """One process: its store, its tokens, and what it does at the moment; also what stands for its client of OAuth."""

    machine: Any  # the one of `test_tokens`, which knows what must come of it
    alive: bool = True
    owner: str | None = None  # of the lease that it holds
    refused_token: str | None = None  # the access token that it was told to be refused
    caller: Caller | None = None
    flight: Flight | None = None

    def __post_init__(self):
        self.store = SteppedStore(self)
        self.api_url, self.client_id = API, self.machine.client_id
        self.tokens = self.store.tokens(self.machine.business_id, self)

    @property
    def is_idle(self):
        return self.caller is None or self.caller.is_over

    def refresh(self, refresh_token, business_id):
        """Sends the refresh token, and gets a pair or an error."""
        del business_id
        machine, stored = self.machine, self.machine.stored() if self.machine.is_connected else None
        assert all(each.flight.refresh_token != refresh_token for each in machine.in_flight), "two refreshes at once"
        if stored is not None and stored.refresh_token == refresh_token:
            assert self.refused_token == stored.access_token or is_due(stored, machine.now.timestamp()), "needless"
        self.flight = Flight(refresh_token)
        wait()
        self.arrives()
        wait()
        flight, self.flight = self.flight, None
        if flight.fails:
            machine.lost(flight)
            raise TransientError(unreachable(REFRESH_TOKEN, "lost"))
        if flight.grant is None:
            raise ReauthorizationError(Fault(REFRESH_TOKEN, Remedy.REAUTHORIZE, "Refresh token is incorrect.", 40103))
        machine.received(flight.grant)
        return flight.grant

    def arrives(self):
        """TikTok deals with the refresh that is on its way."""
        tiktok = self.machine.tiktok
        if self.flight.refresh_token == tiktok.honoured:
            self.flight.grant = tiktok.pair(self.machine.business_id)
        elif self.machine.is_connected and self.flight.refresh_token == self.machine.stored().refresh_token:
            self.machine.refused = True


class SteppedStore(AccountStore):
    """A store that lets others go on before each of its transactions, and does nothing for a process that is dead."""

    def __init__(self, process):
        machine = process.machine
        super().__init__(machine.engine, machine.keys, machine.clock, lambda _: wait())
        self.process = process
        self.stops = True

    def stop_here(self):
        if self.process.alive and self.stops:
            wait()
        if not self.process.alive:
            raise GreenletExit

    def pair(self, business_id):
        self.stop_here()
        return super().pair(business_id)

    def take_lease(self, business_id, owner, now, until):
        self.stop_here()
        late = (
            self.clock().timestamp() - now
        )  # others go on before it looks at the clock, and not between that and here
        self.stops = False
        taken = super().take_lease(business_id, owner, now + late, until + late)
        self.stops = True
        if taken:
            self.process.owner = owner
        return taken

    def end_lease(self, business_id, owner):
        super().end_lease(business_id, owner)
        self.process.owner = None

    def replace_pair(self, business_id, version, grant):
        stored = super().replace_pair(business_id, version, grant)
        machine = self.process.machine
        machine.to_be_stored = None
        machine.refused = machine.refused and not stored
        return stored

    def _update(self, where, values):
        self.stop_here()
        return super()._update(where, values)


class Keys:
    """The keys of all processes: one more each time that the operator wants another, the newest first."""

    def __init__(self):
        self.number = 1

    def __getattr__(self, name):
        return getattr(vault_of(self.number), name)


@cache
def vault_of(number):
    return vault_of_setting(",".join(reversed(KEYS[:number])))
