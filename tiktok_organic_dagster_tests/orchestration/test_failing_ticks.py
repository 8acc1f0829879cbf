"""Schedules and sensors that fail start no run, so `alerts` looks at their ticks: told once, and when it is over."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from cryptography.fernet import Fernet

from tiktok_organic_dagster_tests.orchestration.dagster_in_process import Daemon, quick_dagster_in_process
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.receivers import WebReceiver, web_receiver

AN_HOUR = timedelta(hours=1)
SCHEDULES = ("account_metrics_refresh", "daily_readings", "warehouse_checks")
SENSORS = ("authorization_expiry", "missed_readings", "new_account")


@pytest.fixture
def web(
    deployment: Deployment,  # noqa: ARG001 -- which empties what is not its own setting
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[WebReceiver]:
    """A webhook that is set."""
    with web_receiver() as receiver:
        monkeypatch.setenv("TIKTOK_ORGANIC_ALERT_WEBHOOK", receiver.url)
        yield receiver


@pytest.fixture
def daemon(deployment: Deployment, tmp_path: Path) -> Iterator[Daemon]:
    """Dagster's daemon over a deployment that has been read today."""
    deployment.read_everything()
    with quick_dagster_in_process(tmp_path / "dagster") as dagster:
        yield dagster.start_daemon()


def test_a_key_that_is_wrong_is_told_of_until_it_is_right(
    web: WebReceiver, daemon: Daemon, noon: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert daemon.tick() == []
    with monkeypatch.context() as wrong:
        wrong.setenv("TIKTOK_ORGANIC_KEY", Fernet.generate_key().decode())
        noon.move_to(datetime(2026, 11, 24, 5, tzinfo=UTC))
        assert daemon.tick() != []
        noon.shift(timedelta(minutes=1))
        daemon.tick()
        assert opened(web) == {f"The schedule {name} fails" for name in SCHEDULES}
        for _ in range(3):
            noon.shift(AN_HOUR)
            daemon.tick()
        noon.shift(timedelta(minutes=1))
        daemon.tick()
        told = len(web.got)
        assert opened(web) == {f"The schedule {name} fails" for name in SCHEDULES} | {
            f"The sensor {name} fails" for name in SENSORS
        }
        assert "is not the one that the stored tokens were encrypted with" in str(web.got)
        noon.shift(timedelta(minutes=1))
        daemon.tick()
        assert len(web.got) == told

    noon.move_to(datetime(2026, 11, 25, 5, tzinfo=UTC))
    assert daemon.tick() == []
    noon.shift(timedelta(minutes=1))
    assert daemon.tick() == []

    assert recovered(web) == opened(web)


def opened(web: WebReceiver) -> set[str]:
    """The titles of all that people were told is wrong."""
    return {title for told in web.told for title in told.opened}


def recovered(web: WebReceiver) -> set[str]:
    """The titles of all that people were told is over."""
    return {title for told in web.told for title in told.recovered}
