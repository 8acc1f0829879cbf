"""Which schedules and sensors of this code location fail: without their ticks nothing runs, and no run tells of it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from dagster import DagsterInstance
from dagster._core.scheduler.instigation import InstigatorState, InstigatorTick, InstigatorType, TickStatus

from tiktok_organic_dagster.alerts.troubles import NO_ACCOUNT, Trouble, Verdict
from tiktok_organic_dagster.automation.evidence import first_cause

ENDED = [TickStatus.SUCCESS, TickStatus.SKIPPED, TickStatus.FAILURE]
FAILURES_IN_A_ROW = {InstigatorType.SCHEDULE: 1, InstigatorType.SENSOR: 3}
"""A tick of a schedule comes once a day; a sensor looks again in a minute, when a short trouble is over."""


def verdicts_on_ticks(instance: DagsterInstance, location: str | None, tidy: Callable[[str], str]) -> Iterator[Verdict]:
    """What the last ticks of each schedule and sensor say.

    Args:
        instance: Dagster's storage.
        location: The code location whose schedules and sensors are looked at; None if there is no telling.
        tidy: Makes a text fit to be told: on one line, without secrets.
    """
    if instance.schedule_storage is None:  # an instance that lives in memory alone
        return
    for state in instance.all_instigator_state():
        if state.instigator_type not in FAILURES_IN_A_ROW or not _is_of(state, location):
            continue
        wanted = FAILURES_IN_A_ROW[state.instigator_type]
        ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=wanted, statuses=ENDED)
        fails = len(ticks) == wanted and all(tick.status is TickStatus.FAILURE for tick in ticks)
        subject = f"tick:{state.instigator_name}"
        if fails and state.is_running:
            yield Verdict(subject, None, (_trouble(state, subject, ticks[0], ticks[-1], tidy),))
        else:
            yield Verdict(subject, None)


def _is_of(state: InstigatorState, location: str | None) -> bool:
    return location is None or state.origin.repository_origin.code_location_origin.location_name == location


def _trouble(
    state: InstigatorState, subject: str, newest: InstigatorTick, oldest: InstigatorTick, tidy: Callable[[str], str]
) -> Trouble:
    kind = "schedule" if state.instigator_type is InstigatorType.SCHEDULE else "sensor"
    return Trouble(
        subject,
        NO_ACCOUNT,
        subject,
        f"The {kind} {state.instigator_name} fails",
        tidy(first_cause(newest.error) or "No reason was recorded."),
        datetime.fromtimestamp(oldest.timestamp, UTC),
    )
