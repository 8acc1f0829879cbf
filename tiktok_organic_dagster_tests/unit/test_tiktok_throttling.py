"""Whether a call may go, waits or is given up, and what a throttle does to its scope."""

from datetime import UTC, datetime

from tiktok_organic_dagster.tiktok.throttling import (
    MAX_PAUSES,
    GivenUp,
    Go,
    Pause,
    Wait,
    after_throttle,
    verdict,
)
from tiktok_organic_dagster.tiktok.waiting import WaitReason

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
WAIT_S = 300.0


def struck(known, *, sent_at=NOW, now=NOW, message="Too many requests."):
    return after_throttle(known, sent_at=sent_at, now=now, wait_s=WAIT_S, message=message)


def test_without_pauses_and_with_room_a_call_goes():
    assert verdict([], NOW, NOW) == Go(probe=False)


def test_without_room_a_call_waits_until_there_is():
    assert verdict([], NOW + 7, NOW) == Wait(NOW + 7, WaitReason.QUOTA)


def test_during_a_pause_calls_wait_for_its_end():
    assert verdict([Pause("a", "e", NOW - 10, NOW + 290, 1)], NOW, NOW) == Wait(NOW + 290, WaitReason.PAUSE)


def test_of_two_pauses_the_longer_one_counts():
    pauses = [Pause("a", "e", NOW, NOW + 10, 1), Pause("", "", NOW, NOW + 20, 1)]
    assert verdict(pauses, NOW, NOW) == Wait(NOW + 20, WaitReason.APP_PAUSE)


def test_after_a_pause_the_first_call_is_a_probe():
    assert verdict([Pause("a", "e", NOW - 300, NOW, 1)], NOW, NOW) == Go(probe=True)


def test_while_one_probes_the_others_wait_for_it():
    assert verdict([Pause("a", "e", NOW - 300, NOW - 1, 1, lease_owner="x", lease_until=NOW + 50)], NOW, NOW) == Wait(
        NOW + 50, WaitReason.PROBE
    )


def test_a_probe_that_never_reported_back_is_replaced():
    assert verdict([Pause("a", "e", NOW - 300, NOW - 1, 1, lease_owner="x", lease_until=NOW)], NOW, NOW) == Go(
        probe=True
    )


def test_a_scope_given_up_refuses_until_its_time_to_resume_and_is_probed_then():
    pause = Pause("a", "e", NOW - 1, NOW + 300, MAX_PAUSES + 1, given_up=True)
    assert verdict([pause], NOW, NOW) == GivenUp(NOW + 300)
    assert verdict([pause], NOW, NOW + 300) == Go(probe=True)


def test_a_throttle_pauses_its_scope_and_adds_a_strike():
    assert struck(Pause("a", "e")) == Pause("a", "e", NOW, NOW + WAIT_S, 1)


def test_a_message_that_speaks_of_qps_pauses_for_a_second():
    assert struck(Pause("a", "e"), message="App reaches the QPS limit.").paused_until == NOW + 1


def test_calls_under_way_when_the_pause_began_add_no_strike():
    pause = struck(Pause("a", "e"), sent_at=NOW - 1)
    assert struck(pause, sent_at=NOW - 0.5, now=NOW + 0.2).strikes == 1


def test_a_call_under_way_may_lengthen_the_pause():
    short = struck(Pause("a", "e"), sent_at=NOW - 1, message="QPS")
    assert struck(short, sent_at=NOW - 0.5).paused_until == NOW + WAIT_S


def test_five_pauses_in_a_row_then_the_scope_is_given_up():
    pause = Pause("a", "e")
    at = NOW
    for strikes in range(1, MAX_PAUSES + 1):
        pause = struck(pause, sent_at=at, now=at)
        assert (pause.strikes, pause.given_up) == (strikes, False)
        at = pause.paused_until
    pause = struck(pause, sent_at=at, now=at)
    assert (pause.given_up, pause.paused_until) == (True, at + WAIT_S)


def test_the_answer_of_a_call_that_outlived_the_time_to_resume_gives_another_time_that_is_to_come():
    known = Pause("a", "e", NOW - 400, NOW - 100, MAX_PAUSES + 1, given_up=True)
    assert struck(known, sent_at=NOW - 500) == Pause("a", "e", NOW - 400, NOW + WAIT_S, MAX_PAUSES + 1, given_up=True)
    soon = Pause("a", "e", NOW - 10, NOW + 290, MAX_PAUSES + 1, given_up=True)
    assert struck(soon, sent_at=NOW - 20) == soon


def test_a_spent_quota_of_the_day_resumes_at_midnight_utc():
    known = Pause("a", "e", NOW - 300, NOW - 1, MAX_PAUSES)
    resumes = datetime(2026, 11, 24, tzinfo=UTC).timestamp()
    assert struck(known, message="App reaches the QPD limit.").paused_until == resumes
    assert struck(known, message="You used up the requests of this day").paused_until == resumes
