"""What a dead process held keeps nobody waiting for longer than a minute."""

from collections.abc import Callable
from datetime import timedelta

from tiktok_organic_dagster.simulator import Fault
from tiktok_organic_dagster.simulator.faults import throttle
from tiktok_organic_dagster.tables import STEPS
from tiktok_organic_dagster_tests.faults import killing, kills, works
from tiktok_organic_dagster_tests.lab import Lab

PAUSE = timedelta(seconds=301)
A_MINUTE_S = 60


def test_a_process_that_is_killed_while_it_probes_a_throttle_holds_the_others_back_for_a_minute(
    new_lab: Callable[..., Lab],
) -> None:
    lab = new_lab(accounts=1, videos=1)
    lab.settings = lab.settings.model_copy(update={"timeout_s": 60})
    moment = lab.clock.moment
    lab.simulator.clock = lambda: moment
    lab.simulator.faults.add(Fault(throttle(), path="business/get/", times=1))
    folder = lab.settings.home
    throttled = (lab.settings, lab.clock.now(), "account")
    assert killing.run(works.read, *throttled, folder=folder, at=4, of="state"), "after the pause was stored"
    probing = (lab.settings, lab.clock.now() + PAUSE, "account")
    assert killing.run(works.read, *probing, folder=folder, at=2, of="state"), "after it took the right to probe"
    assert lab.simulator.calls.count("business/get/") == 1
    lab.clock.moment += PAUSE

    (outcome,) = lab.read_account()

    assert outcome.error is None
    assert 0 < sum(lab.clock.waits) <= A_MINUTE_S + 5
    lab.clock.moment = moment
    kills.assert_exact(lab, STEPS["account"])
