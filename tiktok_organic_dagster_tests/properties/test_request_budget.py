"""The request budget beside a plain account of it: any order of calls, throttles, deaths and turns of the clock."""

from collections import Counter
from datetime import UTC, datetime

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
from tiktok_organic_dagster.tiktok.errors import Fault, Remedy, ThrottledError
from tiktok_organic_dagster.tiktok.lease import LEASE_S
from tiktok_organic_dagster.tiktok.limits import MINUTE_S, NETWORK_JITTER_S, PROBE_AGAIN_S, SECOND_S, RequestBudget
from tiktok_organic_dagster.tiktok.throttling import MAX_PAUSES
from tiktok_organic_dagster_tests.properties.steps import Caller, wait

APP = "app https://api"
WHOLE_APP = ("", "")
OF_ENDPOINT, OF_APP, OF_SECOND = 3, 7, 3  # calls of ours at 95 % of the quotas below
PAUSE_S = 300.0
DAY_S = 86_400.0
ROUNDING_S = 0.001

SCOPES = st.sampled_from([("a", "e/"), ("a", "f/"), ("b", "e/")])
MOMENTS = st.sampled_from([0.01, 0.5, 1.0, SECOND_S, 5.0, 59.0, 60.2, LEASE_S, PAUSE_S, PAUSE_S + 100])
BACK = st.sampled_from([0.5, 30.0, 59.0, 61.0, 400.0, 7200.0, 2 * DAY_S])
PICK = st.integers(0, 9)


class Call:
    """One call: it asks the budget, and may be answered once it was granted."""

    def __init__(self, budget, scope):
        self.budget = budget
        self.scope = scope
        self.caller = Caller(lambda: budget.acquire(APP, *scope))
        self.reported = False

    @property
    def grant(self):
        return self.caller.result


class Budget(RuleBasedStateMachine):
    """Two processes that share a state database, and what is known of their calls without it."""

    def __init__(self, engine):
        super().__init__()
        with state.writing(engine) as connection:
            for table in (state.calls, state.pauses):
                connection.execute(table.delete())
        self.engine = engine
        self.now = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
        self.passed = 0.0  # time itself, which no clock can set back
        self.calls: list[Call] = []
        self.sent: list[tuple[float, float, tuple[str, str]]] = []  # passed, by the clock, scope
        self.closed: dict[tuple[str, str], float] = {}  # until when by the clock
        self.throttles: Counter[tuple[str, str]] = Counter()  # since the last success of a probe
        self.pauses: Counter[tuple[str, str]] = Counter()  # of these, those that began a pause
        self.paused_at: dict[tuple[str, str], float] = {}
        self.probing: dict[tuple[str, str], Call] = {}
        self.set_back = False

    @initialize()
    def start(self):
        self.budgets = [self.process(), self.process()]

    def process(self):
        return RequestBudget(
            self.engine,
            qpm_per_endpoint=4,
            qpm_app=8,
            qps_app=3,
            throttle_wait_s=PAUSE_S,
            clock=lambda: datetime.fromtimestamp(self.now, UTC),
            sleep=lambda seconds: wait() if seconds else None,
        )

    def go_on(self, call):
        call.caller.go_on()
        if call.grant is not None:
            self.granted(call)
        elif call.caller.is_over:
            assert isinstance(call.caller.error, ThrottledError)
            resumes = call.caller.error.resume_at.timestamp()
            assert resumes > self.now
            assert any(self.throttles[scope] > MAX_PAUSES for scope in (call.scope, WHOLE_APP))

    def granted(self, call):
        for scope in (call.scope, WHOLE_APP):
            assert self.closed.get(scope, 0.0) <= self.now, "granted during a pause"
        if call.grant.probe is not None:
            for scope in (call.scope, WHOLE_APP):
                other = self.probing.get(scope)
                if other is not None and not other.reported and not self.set_back:
                    assert self.now - other.grant.sent_at >= LEASE_S - ROUNDING_S, "two probes at once"
                if self.throttles[scope] and not self.set_back:  # else what is known of it may be forgotten
                    self.probing[scope] = call
        self.sent.append((self.passed, self.now, call.scope))

    @property
    def waiting_for_an_answer(self):
        return [call for call in self.calls if call.grant is not None and not call.reported]

    @property
    def waiting_for_a_grant(self):
        return [call for call in self.calls if not call.caller.is_over]

    def is_free(self, scope):
        """Whether nothing stands against a call: no pause, nobody who probes, and room in all quotas."""
        of_call = (scope, WHOLE_APP)
        if self.set_back or any(each in self.probing or self.closed.get(each, 0.0) > self.now for each in of_call):
            return False
        recent = [(at, of) for at, _, of in self.sent if self.passed - at < MINUTE_S + NETWORK_JITTER_S + ROUNDING_S]
        last_second = [at for at, _ in recent if self.passed - at < SECOND_S + ROUNDING_S]
        in_minute = [of for _, of in recent]
        return in_minute.count(scope) < OF_ENDPOINT and len(recent) < OF_APP and len(last_second) < OF_SECOND

    @rule(process=st.integers(0, 1), scope=SCOPES, times=st.integers(1, 4))
    def asks(self, process, scope, times):
        for _ in range(times):
            self.ask(process, scope)

    def ask(self, process, scope):
        call = Call(self.budgets[process], scope)
        self.calls.append(call)
        free = self.is_free(scope)
        self.go_on(call)
        assert call.grant is not None or not free
        return call

    @rule(seconds=MOMENTS)
    def time_passes(self, seconds):
        self.now += seconds
        self.passed += seconds
        for call in self.waiting_for_a_grant:
            self.go_on(call)

    @rule(seconds=BACK)
    def clock_is_set_back(self, seconds):
        self.now -= seconds
        self.set_back = True
        self.sent = [each for each in self.sent if each[1] <= self.now + MINUTE_S]
        self.closed, self.probing = {}, {}

    @precondition(lambda self: self.waiting_for_an_answer)
    @rule(pick=PICK, how=st.sampled_from(["succeeded", "released"]))
    def is_answered(self, pick, how):
        self.ends(self.answered(pick), how)

    def ends(self, call, how):
        """A call succeeded, or ended without a word of throttles. Only the newest probe's success opens a scope."""
        getattr(call.budget, how)(call.grant)
        for scope in self.probed_by(call):
            if how == "released":
                self.is_let_go(scope)
                continue
            for known in (self.probing, self.closed, self.throttles, self.pauses):
                known.pop(scope, None)
        if self.set_back:
            self.closed = {}

    def probed_by(self, call):
        return [scope for scope in (call.scope, WHOLE_APP) if self.probing.get(scope) is call]

    def is_let_go(self, scope):
        """A probe that told nothing of its scope closes it for a moment."""
        del self.probing[scope]
        self.closed[scope] = max(self.closed.get(scope, 0.0), self.now + PROBE_AGAIN_S)

    @precondition(lambda self: self.waiting_for_an_answer)
    @rule(pick=PICK, code=st.sampled_from([40100, 40100, 40016]), text=st.sampled_from(["", "", "QPS", "QPD"]))
    def is_throttled(self, pick, code, text):
        self.throttled(self.answered(pick), code, text)

    def throttled(self, call, code, text):
        scope = WHOLE_APP if code == 40016 else call.scope
        resumes = call.budget.throttled(call.grant, Fault("e/", Remedy.THROTTLED, text, code))
        self.throttles[scope] += 1
        for other in self.probed_by(call):
            if other != scope:
                self.is_let_go(other)
        if not self.pauses[scope] or call.grant.sent_at > self.paused_at[scope]:  # else it was on its way already
            self.pauses[scope] += 1
            self.paused_at[scope] = self.now
            self.probing.pop(scope, None)
        if resumes is None:
            pause = 1.0 if text == "QPS" else PAUSE_S
            self.closed[scope] = max(self.closed.get(scope, 0.0), self.now + pause)
        else:
            assert self.throttles[scope] > MAX_PAUSES
            assert self.now - 1 <= resumes.timestamp() <= self.now + DAY_S + 1 or self.set_back
            self.closed[scope] = resumes.timestamp() - 1  # a begun second is told as a whole one
        if not self.set_back:
            assert (resumes is not None) is (self.pauses[scope] > MAX_PAUSES)

    @rule(
        process=st.integers(0, 1),
        scope=SCOPES,
        times=st.integers(1, 8),
        code=st.sampled_from([40100, 40016]),
        afterwards=st.sampled_from(["nothing", "released", "succeeded"]),
    )
    def is_throttled_after_each_pause(self, process, scope, times, code, afterwards):
        for number in range(times + 1):
            call = self.ask(process, scope)
            if call.grant is None and not call.caller.is_over:
                self.time_passes(PAUSE_S + LEASE_S)
            if call.grant is None or call.reported:
                continue
            if number < times:
                call.reported = True
                self.throttled(call, code, "")
            elif afterwards != "nothing":
                call.reported = True
                self.ends(call, afterwards)
                self.time_passes(PROBE_AGAIN_S)
                self.ask(1 - process, scope)

    @precondition(lambda self: self.waiting_for_an_answer)
    @rule(pick=PICK)
    def dies_before_the_answer(self, pick):
        self.answered(pick)

    @precondition(lambda self: self.waiting_for_a_grant)
    @rule(pick=PICK)
    def dies_while_it_waits(self, pick):
        waiting = self.waiting_for_a_grant
        call = waiting[pick % len(waiting)]
        call.caller.end()
        self.calls.remove(call)

    @rule(process=st.integers(0, 1))
    def starts_again(self, process):
        self.budgets[process] = self.process()

    def answered(self, pick):
        waiting = self.waiting_for_an_answer
        call = waiting[pick % len(waiting)]
        call.reported = True
        return call

    @invariant()
    def no_window_holds_more_than_its_quota(self):
        for begin, _, scope in self.sent:
            minute = [of for at, _, of in self.sent if begin <= at <= begin + MINUTE_S]
            second = [at for at, _, _ in self.sent if begin <= at <= begin + 1.0]
            assert minute.count(scope) <= OF_ENDPOINT
            assert len(minute) <= OF_APP
            assert len(second) <= OF_SECOND

    def teardown(self):
        """Nobody waits for ever: whoever died or was throttled, all get through once TikTok answers again."""
        try:
            for scope in [("a", "e/"), ("a", "f/"), ("b", "e/")]:
                self.ask(0, scope)
            for _ in range(8 + len(self.waiting_for_a_grant)):
                for call in list(self.waiting_for_an_answer):
                    call.reported = True
                    self.ends(call, "succeeded")
                self.time_passes(PAUSE_S + LEASE_S)
            assert not self.waiting_for_a_grant, "somebody waits for ever"
        finally:
            for call in self.waiting_for_a_grant:
                call.caller.end()


def test_the_budget_is_kept_in_any_order_of_events(engine):
    run_state_machine_as_test(lambda: Budget(engine))
