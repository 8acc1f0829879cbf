"""The request budget: quotas in any window, pauses and probes shared by threads and processes."""

import multiprocessing
import threading
import time
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from tiktok_organic_dagster import state
from tiktok_organic_dagster.tiktok import lease
from tiktok_organic_dagster.tiktok.errors import Fault, Remedy, ThrottledError
from tiktok_organic_dagster.tiktok.limits import RequestBudget, per_minute

APP = "app https://api"
START = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()


class Clock:
    """Time that passes only by sleeping; shared by threads."""

    def __init__(self):
        self.now = START
        self.slept = []
        self._lock = threading.Lock()

    def __call__(self):
        return datetime.fromtimestamp(self.now, UTC)

    def sleep(self, seconds):
        with self._lock:
            self.now += seconds
            self.slept += [seconds] if seconds else []


@pytest.fixture
def engine(tmp_path):
    opened = state.engine(f"sqlite:///{tmp_path}/state.db")
    yield opened
    opened.dispose()


@pytest.fixture
def clock():
    return Clock()


def budget_of(engine, clock, **changes):
    quotas = {"qpm_per_endpoint": 40, "qpm_app": 600, "qps_app": 10, "throttle_wait_s": 300.0} | changes
    return RequestBudget(engine, clock=clock, sleep=clock.sleep, **quotas)


def throttle(code=40100, text="Too many requests."):
    return Fault("e/", Remedy.THROTTLED, text, code)


def most_in_any(times, seconds):
    return max(sum(start <= each <= start + seconds for each in times) for start in times)


@pytest.mark.parametrize(("quota", "ours"), [(40, 38), (600, 570), (1, 1), (2, 1), (21, 19)])
def test_ours_is_95_percent_rounded_down_and_at_least_one(quota, ours):
    assert per_minute(quota) == ours


def test_any_minute_holds_at_most_95_percent_of_the_quota_of_an_endpoint(engine, clock):
    budget = budget_of(engine, clock, qps_app=1000)
    times = [budget.acquire(APP, "a", "e/").sent_at for _ in range(120)]
    assert most_in_any(times, 60) == 38


def test_a_burst_within_the_quota_is_not_slowed_down(engine, clock):
    budget = budget_of(engine, clock, qps_app=1000)
    for _ in range(38):
        budget.acquire(APP, "a", "e/")
    assert not clock.slept


def test_any_second_holds_at_most_the_quota_of_the_app(engine, clock):
    budget = budget_of(engine, clock)
    times = [budget.acquire(APP, f"a{number}", "e/").sent_at for number in range(60)]
    assert most_in_any(times, 1.05) == 10


def test_any_minute_holds_at_most_95_percent_of_the_quota_of_the_app(engine, clock):
    budget = budget_of(engine, clock, qpm_app=60, qps_app=1000)
    times = [budget.acquire(APP, f"a{number}", f"e{number % 7}/").sent_at for number in range(150)]
    assert most_in_any(times, 60) == 57


def test_a_call_that_leaves_late_counts_from_when_it_leaves(engine, clock):
    budget = budget_of(engine, clock, qpm_per_endpoint=1, qps_app=1000)
    late = budget.acquire(APP, "a", "e/")
    clock.now += 2
    budget.left(late)
    assert budget.acquire(APP, "a", "e/").waited_s == pytest.approx(60.1)
    budget.left(budget.acquire(APP, "b", "e/"))
    assert budget.acquire(APP, "b", "e/").waited_s == pytest.approx(60.1)


def test_other_accounts_endpoints_and_apps_have_quotas_of_their_own(engine, clock):
    budget = budget_of(engine, clock, qpm_per_endpoint=2, qps_app=1000)
    for app, account, endpoint in ((APP, "a", "e/"), (APP, "b", "e/"), (APP, "a", "f/"), ("other", "a", "e/")):
        budget.acquire(app, account, endpoint)
    assert not clock.slept


def test_the_wait_is_told(engine, clock):
    budget = budget_of(engine, clock, qpm_per_endpoint=1, qps_app=1000)
    budget.acquire(APP, "a", "e/")
    assert budget.acquire(APP, "a", "e/").waited_s == pytest.approx(60.1)


def test_calls_are_forgotten_once_they_do_not_count_any_more(engine, clock):
    budget = budget_of(engine, clock, qps_app=1000)
    for _ in range(100):
        clock.now += 60
        budget.acquire(APP, "a", "e/")
    with state.reading(engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(state.calls)).scalar_one() < 5


def test_a_clock_that_was_set_back_does_not_block(engine, clock):
    budget_of(engine, clock, qpm_per_endpoint=1).acquire(APP, "a", "e/")
    clock.now -= 7200
    assert budget_of(engine, clock, qpm_per_endpoint=1).acquire(APP, "a", "e/").waited_s == 0


def test_a_pause_does_not_outlast_a_clock_that_was_set_back(engine, clock):
    budget = budget_of(engine, clock)
    budget.throttled(budget.acquire(APP, "a", "e/"), throttle())
    clock.now -= 30  # clocks of two machines may be that far apart
    assert budget_of(engine, clock).acquire(APP, "a", "e/").waited_s == pytest.approx(330)
    budget.throttled(budget.acquire(APP, "b", "e/"), throttle())
    clock.now -= 7200
    assert budget_of(engine, clock).acquire(APP, "b", "e/").waited_s == 0


def test_a_probe_that_dies_before_the_clock_is_set_back_holds_nobody_back(engine, clock):
    budget = budget_of(engine, clock)
    budget.throttled(budget.acquire(APP, "a", "e/"), throttle())
    clock.now += 4 * 3600
    assert budget.acquire(APP, "a", "e/").probe
    clock.now -= 2 * 3600
    grant = budget_of(engine, clock).acquire(APP, "a", "e/")
    assert (grant.probe is not None, grant.waited_s) == (True, 0)


def test_a_throttle_pauses_its_account_and_endpoint_for_everyone(engine, clock):
    budget = budget_of(engine, clock)
    assert budget.throttled(budget.acquire(APP, "a", "e/"), throttle()) is None
    other = budget_of(engine, clock)
    assert other.acquire(APP, "a", "f/").waited_s == 0
    assert other.acquire(APP, "b", "e/").waited_s == 0
    assert other.acquire(APP, "a", "e/").waited_s == pytest.approx(300)


def test_a_throttle_of_the_app_pauses_all_its_calls(engine, clock):
    budget = budget_of(engine, clock)
    budget.throttled(budget.acquire(APP, "a", "e/"), throttle(40016))
    assert budget.acquire("other app", "b", "f/").waited_s == 0
    assert budget.acquire(APP, "b", "f/").waited_s == pytest.approx(300)


def test_sleeps_are_cut_into_slices_so_that_changes_are_noticed(engine, clock):
    budget = budget_of(engine, clock)
    budget.throttled(budget.acquire(APP, "a", "e/"), throttle())
    budget.acquire(APP, "a", "e/")
    assert max(clock.slept) <= 1


def test_after_a_pause_one_call_probes_and_its_success_opens_the_scope(engine, clock):
    budget = budget_of(engine, clock)
    budget.throttled(budget.acquire(APP, "a", "e/"), throttle())
    probe = budget.acquire(APP, "a", "e/")
    assert probe.probe
    budget.succeeded(probe)
    grant = budget.acquire(APP, "a", "e/")
    assert (grant.probe, grant.waited_s) == (None, 0)


def test_while_one_probes_others_wait_and_go_once_it_reported_back(engine, clock):
    budget = budget_of(engine, clock)
    budget.throttled(budget.acquire(APP, "a", "e/"), throttle())
    probe = budget.acquire(APP, "a", "e/")
    before = clock.now

    class Reports(Clock):
        def sleep(self, seconds):
            clock.sleep(seconds)
            if clock.now > before + 5:
                budget.succeeded(probe)

        def __call__(self):
            return clock()

    waiting = budget_of(engine, Reports())
    assert 5 <= waiting.acquire(APP, "a", "e/").waited_s < 6


def test_a_probe_that_dies_is_replaced_after_a_minute(engine, clock):
    budget = budget_of(engine, clock)
    budget.throttled(budget.acquire(APP, "a", "e/"), throttle())
    budget.acquire(APP, "a", "e/")
    assert budget.acquire(APP, "a", "e/").waited_s == pytest.approx(60)


def test_a_probe_that_lives_stays_the_only_one_however_long_its_answer_takes(engine, clock, monkeypatch):
    monkeypatch.setattr(lease, "HEARTBEAT_S", 0.01)
    budget = budget_of(engine, clock)
    budget.throttled(budget.acquire(APP, "a", "e/"), throttle())
    probe = budget.acquire(APP, "a", "e/")
    clock.now += 59
    with budget.under_way(probe):
        while lease_until(engine) < clock.now + 60:
            time.sleep(0.005)
    assert budget.acquire(APP, "a", "e/").waited_s == pytest.approx(60)


def lease_until(engine):
    with state.reading(engine) as connection:
        return connection.execute(sa.select(state.pauses.c.lease_until)).scalar_one()


def test_a_probe_that_says_nothing_about_the_throttle_lets_the_next_one_probe_in_a_moment(engine, clock):
    budget = budget_of(engine, clock)
    budget.throttled(budget.acquire(APP, "a", "e/"), throttle())
    for _ in range(3):
        budget.released(budget.acquire(APP, "a", "e/"))
        grant = budget.acquire(APP, "a", "e/")
        assert grant.probe
        assert grant.waited_s == pytest.approx(5)
        budget.released(grant)


def test_a_probe_that_says_nothing_after_its_scope_was_given_up_fails_nobody(engine, clock):
    budget = budget_of(engine, clock)
    for _ in range(6):
        resume_at = budget.throttled(budget.acquire(APP, "a", "e/"), throttle())
    clock.now = resume_at.timestamp()
    budget.released(budget.acquire(APP, "a", "e/"))
    probe = budget.acquire(APP, "a", "e/")
    assert probe.waited_s == pytest.approx(5)
    assert budget.throttled(probe, throttle()) is not None, "its five pauses are spent still"


def test_of_an_app_and_an_account_that_are_both_closed_each_has_one_probe_a_pause(engine, clock):
    budget = budget_of(engine, clock)
    budget.throttled(budget.acquire(APP, "a", "e/"), throttle())
    budget.throttled(budget.acquire(APP, "b", "f/"), throttle(40016))
    both = budget.acquire(APP, "a", "e/")
    assert budget.throttled(both, throttle()) is None
    app = budget.acquire(APP, "b", "f/")
    assert app.probe, "that the account is throttled says nothing about the app"
    assert app.waited_s == pytest.approx(5), "the app was tried out a moment ago"
    budget.succeeded(app)
    assert budget.acquire(APP, "b", "f/").probe is None
    of_account = budget.acquire(APP, "a", "e/")
    assert of_account.waited_s == pytest.approx(295)
    assert budget.throttled(of_account, throttle(40016)) is None
    assert budget.acquire(APP, "b", "f/").waited_s == pytest.approx(300)


def test_after_five_pauses_in_a_row_everyone_in_the_scope_fails_with_the_time_to_resume(engine, clock):
    budget = budget_of(engine, clock)
    for _ in range(5):
        assert budget.throttled(budget.acquire(APP, "a", "e/"), throttle()) is None
    resume_at = budget.throttled(budget.acquire(APP, "a", "e/"), throttle())
    assert resume_at.timestamp() == pytest.approx(clock.now + 300, abs=1)
    with pytest.raises(ThrottledError) as caught:
        budget_of(engine, clock).acquire(APP, "a", "e/")
    assert caught.value.resume_at == resume_at
    assert budget.acquire(APP, "b", "e/").waited_s == 0
    clock.now = resume_at.timestamp()
    probe = budget.acquire(APP, "a", "e/")
    assert probe.probe
    assert budget.throttled(probe, throttle()) is not None


def test_a_throttle_of_one_scope_leaves_the_pauses_of_others_as_they_are(engine, clock):
    budget = budget_of(engine, clock)
    for _ in range(6):
        resume_at = budget.throttled(budget.acquire(APP, "a", "e/"), throttle())
    budget.throttled(budget.acquire(APP, "b", "e/"), throttle())
    with pytest.raises(ThrottledError) as caught:
        budget.acquire(APP, "a", "e/")
    assert caught.value.resume_at == resume_at
    clock.now = resume_at.timestamp()
    budget.throttled(budget.acquire(APP, "c", "e/"), throttle())
    assert budget.acquire(APP, "a", "e/").waited_s == 0


def test_a_success_between_clears_the_strikes(engine, clock):
    budget = budget_of(engine, clock)
    for _ in range(12):
        assert budget.throttled(budget.acquire(APP, "a", "e/"), throttle()) is None
        budget.succeeded(budget.acquire(APP, "a", "e/"))


def test_a_late_success_of_a_call_sent_before_the_throttle_opens_nothing(engine, clock):
    budget = budget_of(engine, clock)
    early, throttled = budget.acquire(APP, "a", "e/"), budget.acquire(APP, "a", "e/")
    budget.throttled(throttled, throttle())
    budget.succeeded(early)
    assert budget.acquire(APP, "a", "e/").waited_s == pytest.approx(300)


def test_fifteen_threads_stay_within_the_quota_together(engine, clock):
    budget = budget_of(engine, clock, qpm_per_endpoint=20, qps_app=1000)
    times = []

    def work():
        times.extend(budget.acquire(APP, "a", "e/").sent_at for _ in range(4))

    threads = [threading.Thread(target=work) for _ in range(15)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(times) == 60
    assert most_in_any(times, 60) <= 19


def spend(url, started, granted):
    """Ask for grants for a while of real time; the quota lets only some through."""
    engine = state.engine(url)
    stop = time.monotonic() + 1.5

    class OverError(Exception):
        pass

    def sleep(seconds):
        if time.monotonic() + seconds > stop:
            raise OverError
        time.sleep(seconds)

    budget = RequestBudget(
        engine, qpm_per_endpoint=1000, qpm_app=20, qps_app=5, throttle_wait_s=1, sleep=sleep, clock=state.utc_now
    )
    started.wait()
    try:
        while True:
            granted.put(budget.acquire(APP, "a", "e/").sent_at)
    except OverError:
        engine.dispose()


def test_several_processes_share_one_quota_and_open_the_state_at_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    started, granted = context.Barrier(4), context.Queue()
    url = f"sqlite:///{tmp_path}/home/state.db"
    workers = [context.Process(target=spend, args=(url, started, granted)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    times = [granted.get(timeout=5) for _ in range(5)]
    while not granted.empty():
        times.append(granted.get())
    assert most_in_any(times, 1.0) <= 5
    assert len(times) <= 19
