"""The tokens of an account beside a plain account of them: two processes, step by step, in any order of events."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from greenlet import GreenletExit
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tiktok_organic_dagster import state
from tiktok_organic_dagster.accounts.store import AccountStore
from tiktok_organic_dagster.accounts.tokens import HEARTBEAT_S, LEASE_S, is_due
from tiktok_organic_dagster.accounts.vault import vault_of_setting
from tiktok_organic_dagster.errors import UnknownAccountError
from tiktok_organic_dagster.tiktok import ReauthorizationError, TokenGrant, TransientError
from tiktok_organic_dagster.tiktok.answers import unreachable
from tiktok_organic_dagster.tiktok.errors import Fault, Remedy
from tiktok_organic_dagster_tests.properties.steps import Caller, wait

API = "https://api"
REFRESH = "tt_user/oauth2/refresh_token/"
LIFE = timedelta(days=1)
YEAR = timedelta(days=365)
MOMENTS = st.sampled_from([1.0, HEARTBEAT_S + 1, LEASE_S + 1, 400.0, 82_000.0, 86_400.0])
KEYS = [Fernet.generate_key().decode() for _ in range(60)]
WORKS = st.sampled_from(["newest", "newest", "first", "rotate"])
TURNS = st.lists(st.integers(0, 1), min_size=4, max_size=14)
PICK = st.integers(0, 9)


@dataclass
class TikTok:
    """The side of TikTok: a refresh ends the pair that it is done with, a consent all earlier ones."""

    clock: object
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
    """One process: its store, its tokens, and what it does at the moment."""

    machine: "Tokens"
    alive: bool = True
    owner: str | None = None  # of the lease that it holds
    refused_token: str | None = None  # the access token that it was told to be refused
    caller: Caller | None = None
    flight: Flight | None = None
    errors: list[Exception] = field(default_factory=list)

    def __post_init__(self):
        self.store = SteppedStore(self)
        self.begin()

    def begin(self):
        self.api_url, self.client_id = API, self.machine.client_id
        self.tokens = self.store.tokens(self.machine.business_id, self)

    @property
    def is_idle(self):
        return self.caller is None or self.caller.is_over

    def refresh(self, refresh_token, business_id):
        """What the client of OAuth does: sends the refresh token, and gets a pair or an error."""
        machine, stored = self.machine, self.machine.stored() if self.machine.is_connected else None
        assert business_id.startswith("b")
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
            raise TransientError(unreachable(REFRESH, "lost"))
        if flight.grant is None:
            raise ReauthorizationError(Fault(REFRESH, Remedy.REAUTHORIZE, "Refresh token is incorrect.", 40103))
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

    def stop_here(self):
        if self.process.alive:
            wait()
        if not self.process.alive:
            raise GreenletExit

    def pair(self, business_id):
        self.stop_here()
        return super().pair(business_id)

    def take_lease(self, business_id, owner, now, until):
        taken = super().take_lease(business_id, owner, now, until)
        if taken:
            self.process.owner = owner
        return taken

    def end_lease(self, business_id, owner):
        super().end_lease(business_id, owner)
        self.process.owner = None

    def replace_pair(self, business_id, version, grant):
        stored = super().replace_pair(business_id, version, grant)
        self.process.machine.to_be_stored = None
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


class Tokens(RuleBasedStateMachine):
    """Two processes that read one account, its owner, the operator, and TikTok."""

    def __init__(self, engine):
        super().__init__()
        self.engine = engine
        with state.writing(engine) as connection:
            connection.execute(state.accounts.delete())
        self.now = datetime(2026, 11, 23, 12, tzinfo=UTC)
        self.keys = Keys()
        self.client_id = "cid"
        self.business_id = "b0"
        self.names = 0
        self.operator = AccountStore(engine, self.keys, self.clock)

    def clock(self):
        return self.now

    @initialize(rotates=st.booleans())
    def start(self, rotates):
        self.tiktok = TikTok(self.clock, rotates)
        self.newest = ""
        self.consented(self.tiktok.consents(self.business_id))
        self.processes = [Process(self), Process(self)]

    def consented(self, grant):
        self.newest = grant.access_token
        self.refused = self.excused = False
        self.to_be_stored = None
        self.operator.save(grant, "anna", self.client_id, API)

    def received(self, grant):
        """A pair is there, and is stored by the step that follows."""
        if int(grant.access_token[4:]) > int(self.newest[4:]):
            self.newest = grant.access_token
            self.to_be_stored = grant
            self.refused = False

    def lost(self, flight):
        """An answer never came: if TikTok ended the pair that it replaced, nobody holds the new one."""
        if flight.grant is not None and flight.grant.refresh_token == self.tiktok.honoured and self.tiktok.rotates:
            self.excused = True

    @property
    def in_flight(self):
        return [each for each in self.processes if each.flight is not None]

    @property
    def at_work(self):
        return [each for each in self.processes if not each.is_idle]

    @property
    def is_connected(self):
        return bool(self.operator.accounts())

    def begins(self, process, run, refused_token=None):
        if process.is_idle and self.is_connected:
            process.refused_token = refused_token
            process.caller = Caller(run)
            self.goes_on(process)

    def goes_on(self, process):
        process.caller.go_on()
        error = process.caller.error
        if process.caller.is_over and error is not None:
            process.errors.append(error)
            assert isinstance(error, ReauthorizationError | TransientError | UnknownAccountError), error
            if isinstance(error, ReauthorizationError):
                assert "tiktok-organic connect" in str(error)

    @rule(number=st.integers(0, 1))
    def asks_for_a_token(self, number):
        process = self.processes[number]
        self.begins(process, process.tokens.access_token)

    @rule(number=st.integers(0, 1), first=st.booleans())
    def has_its_token_refused(self, number, first):
        process = self.processes[number]
        token = "act.1" if first else self.newest
        self.begins(process, lambda: process.tokens.refused(token), token)

    @rule(number=st.integers(0, 1))
    def rotates_the_key(self, number):
        process = self.processes[number]
        if process.is_idle and self.keys.number < len(KEYS):
            self.keys.number += 1
            self.begins(process, process.store.rotate_key)

    @rule(
        works=st.tuples(WORKS, WORKS),
        turns=TURNS,
        happens=st.sampled_from(["nothing", "owner_connects_again", "answers_are_lost", "a minute"]),
        more_turns=TURNS,
    )
    def both_work_at_once(self, works, turns, happens, more_turns):
        for number, work in enumerate(works):
            if work == "rotate":
                self.rotates_the_key(number)
            else:
                self.has_its_token_refused(number, first=work == "first")
        for number in turns:
            self.goes_on_if_at_work(number)
        if happens == "owner_connects_again":
            self.owner_connects_again()
        elif happens == "answers_are_lost":
            for process in self.in_flight:
                process.flight.fails = True
        elif happens == "a minute":
            self.time_passes(LEASE_S + 1)
        for number in more_turns:
            self.goes_on_if_at_work(number)

    def goes_on_if_at_work(self, number):
        if not self.processes[number].is_idle:
            self.goes_on(self.processes[number])

    @precondition(lambda self: self.at_work)
    @rule(pick=PICK, steps=st.integers(1, 12))
    def goes_on_for_some_steps(self, pick, steps):
        process = self.at_work[pick % len(self.at_work)]
        for _ in range(steps):
            if not process.is_idle:
                self.goes_on(process)

    @rule(seconds=MOMENTS)
    def time_passes(self, seconds):
        while seconds > 0:
            step = min(seconds, HEARTBEAT_S)
            self.now += timedelta(seconds=step)
            seconds -= step
            for process in self.processes:
                if process.owner is not None:  # as its thread does all the while
                    until = self.now.timestamp() + LEASE_S
                    self.operator.renew_lease(self.business_id, process.owner, until)

    @precondition(lambda self: self.in_flight)
    @rule(pick=PICK)
    def its_answer_is_lost(self, pick):
        self.in_flight[pick % len(self.in_flight)].flight.fails = True

    @rule(number=st.integers(0, 1), arrives=st.booleans())
    def dies(self, number, arrives):
        process = self.processes[number]
        if process.flight is not None:
            if process.flight.grant is None and arrives:
                process.arrives()
            self.lost(process.flight)
        if self.to_be_stored is not None and process.owner is not None:
            self.newest, self.to_be_stored = self.stored().access_token, None
            self.excused = self.excused or self.tiktok.rotates
        process.alive = False
        if process.caller is not None:
            process.caller.end()
        self.processes[number] = Process(self) if self.is_connected else self.processes[number]
        process.flight = process.owner = None

    @rule(event=st.sampled_from(["connects", "withdraws", "is_disconnected", "moves"]))
    def owner_or_operator_does_something(self, event):
        if event == "connects":
            self.owner_connects_again()
        elif event == "withdraws":
            self.owner_withdraws_the_consent()
        elif self.is_connected and event == "is_disconnected":
            self.is_disconnected()
        elif self.is_connected:
            self.moves_to_another_developer_app()

    def owner_connects_again(self):
        connected = self.is_connected
        self.consented(self.tiktok.consents(self.business_id))
        if not connected:
            self.all_start_again()

    def owner_withdraws_the_consent(self):
        self.tiktok.honoured = None
        self.excused = True

    def is_disconnected(self):
        self.operator.forget(self.business_id)
        self.tiktok.honoured = None

    def moves_to_another_developer_app(self):
        self.names += 1
        old, self.business_id, self.client_id = self.business_id, f"b{self.names}", f"cid{self.names}"
        grant = self.tiktok.consents(self.business_id)
        self.operator.rename(old, grant, "anna", self.client_id, API)
        self.consented(grant)
        self.all_start_again()

    def all_start_again(self):
        for number in range(len(self.processes)):
            self.dies(number, arrives=False)

    def stored(self):
        return self.operator.pair(self.business_id)

    @invariant()
    def the_newest_pair_that_came_is_stored(self):
        if self.is_connected and self.to_be_stored is None:
            assert self.stored().access_token == self.newest

    @invariant()
    def the_stored_pair_is_the_one_that_tiktok_honours(self):
        on_its_way = self.to_be_stored is not None or any(each.flight.grant is not None for each in self.in_flight)
        if self.is_connected and not on_its_way and not self.excused:
            assert self.stored().refresh_token == self.tiktok.honoured

    @invariant()
    def only_a_refusal_asks_for_a_new_consent(self):
        if self.is_connected and self.stored().needs_authorization is not None:
            assert self.refused

    @invariant()
    def no_lease_lasts_longer_than_a_minute(self):
        with state.reading(self.engine) as connection:
            for row in connection.execute(sa.select(state.accounts)):
                assert row.lease_until <= self.now.timestamp() + LEASE_S

    def teardown(self):
        """Nobody waits for ever, and whoever asks in the end gets the newest token or is told to connect again."""
        try:
            if self.is_connected:
                for number in (0, 1):
                    self.has_its_token_refused(number, first=False)
            for _ in range(40):
                for process in self.at_work:
                    self.goes_on(process)
                self.time_passes(2.0)
            assert not self.at_work, "somebody waits for ever"
            if self.is_connected:
                self.the_newest_pair_that_came_is_stored()
        finally:
            for process in self.processes:
                process.alive = False
                if process.caller is not None:
                    process.caller.end()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.soak)])
def engine(request, tmp_path):
    if request.param == "sqlite":
        opened = state.engine(f"sqlite:///{tmp_path}/state.db")
    else:
        opened = state.engine(request.getfixturevalue("new_postgres_database")())
    yield opened
    opened.dispose()


def test_tokens_are_kept_in_any_order_of_events(engine):
    run_state_machine_as_test(lambda: Tokens(engine))
