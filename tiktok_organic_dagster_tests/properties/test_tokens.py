"""The tokens of an account beside a plain account of them: two processes, step by step, in any order of events."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
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
from tiktok_organic_dagster.errors import UnknownAccountError
from tiktok_organic_dagster.tiktok import ReauthorizationError, TransientError
from tiktok_organic_dagster.tiktok.lease import HEARTBEAT_S, LEASE_S
from tiktok_organic_dagster_tests.properties.processes import API, KEYS, Keys, Process, TikTok
from tiktok_organic_dagster_tests.properties.steps import Caller

MOMENTS = st.sampled_from([1.0, HEARTBEAT_S + 1, LEASE_S + 1, 400.0, 82_000.0, 86_400.0])
WORKS = st.sampled_from(["newest", "newest", "first", "rotate"])
TURNS = st.lists(st.integers(0, 1), min_size=4, max_size=14)
PICK = st.integers(0, 9)


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
        self.now += timedelta(seconds=seconds)
        for process in self.processes:
            if process.owner is not None:  # its heartbeat went on all the while
                self.operator.renew_lease(self.business_id, process.owner, self.now.timestamp() + LEASE_S)

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


def test_tokens_are_kept_in_any_order_of_events(engine):
    run_state_machine_as_test(lambda: Tokens(engine))
