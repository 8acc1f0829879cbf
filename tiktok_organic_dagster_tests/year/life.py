"""Plays a story: one clock for Dagster, TikTok and the tokens, moved by the hour; nothing waits."""

import time
from dataclasses import dataclass, field

import time_machine

from tiktok_organic_dagster_tests.orchestration.dagster_in_process import Daemon, Dagster
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.year.story import Connected, Story


@dataclass
class Figures:
    """What it took."""

    ticks: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)


def live(story: Story, deployment: Deployment, dagster: Dagster, clock: time_machine.Traveller) -> Figures:
    """Let time pass from the story's start to its end.

    Returns:
        How many ticks there were and how long they took, with what went wrong in schedules and sensors.
    """
    figures = Figures()
    began = time.perf_counter()
    for late in story.late:
        deployment.world.changes.publish_late(late.account, late.first, late.last, late.by)
    events = list(story.events)
    daemon: Daemon | None = None
    for hour in story.hours():
        while events and events[0].at <= hour:
            event = events.pop(0)
            clock.move_to(event.at)
            if isinstance(event, Connected):
                deployment.simulator.oauth.refresh_token_life = event.life.total_seconds()
                deployment.connect(event.account)
            else:
                deployment.simulator.oauth.revoke_account(event.account)
        clock.move_to(hour)
        if story.is_down(hour):
            daemon = None
            continue
        daemon = daemon or dagster.start_daemon()
        figures.problems += [f"{hour:%Y-%m-%d %H:%M}: {problem}" for problem in daemon.tick()]
        figures.ticks += 1
    figures.seconds = time.perf_counter() - began
    return figures
