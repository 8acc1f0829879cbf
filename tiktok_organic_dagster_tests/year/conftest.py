"""Fixtures of the simulated time: a host with daylight saving, a deployment, and somebody who gets the alerts."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import time_machine

from tiktok_organic_dagster_tests.orchestration.dagster_in_process import quick_dagster_in_process
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.receivers import web_receiver
from tiktok_organic_dagster_tests.year.life import live
from tiktok_organic_dagster_tests.year.outcome import Outcome
from tiktok_organic_dagster_tests.year.story import Story

VIDEOS = 10
"""Posts of an account by the reference day of the world: a few, so that a run takes no longer than it must."""


@pytest.fixture
def new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The host's clock shows the time of New York, an hour more from March to November."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "America/New_York")
        time.tzset()
        assert time.daylight, "this host knows no daylight saving"
        yield
    time.tzset()


@pytest.fixture
def play(
    new_york: None,  # noqa: ARG001 -- for its effect
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[[Story], Outcome]:
    """Plays a story, prints its figures, and gives what came of it."""
    monkeypatch.chdir(tmp_path)  # where no .env is found

    def played(story: Story) -> Outcome:
        with web_receiver() as webhook, time_machine.travel(story.start, tick=False) as clock:
            settings = {
                "TIKTOK_ORGANIC_START_DATE": story.first_partition.isoformat(),
                "TIKTOK_ORGANIC_ALERT_WEBHOOK": webhook.url,
            }
            deployment = Deployment(
                tmp_path / "home", monkeypatch, accounts=len(story.names), videos=VIDEOS, settings=settings
            )
            try:
                with quick_dagster_in_process(tmp_path / "dagster") as dagster:
                    figures = live(story, deployment, dagster, clock)
                    outcome = Outcome.of(story, deployment, dagster, figures, webhook.told)
            finally:
                deployment.close()
        with capsys.disabled():
            print(f"\n{outcome.figures}")
        return outcome

    return played
