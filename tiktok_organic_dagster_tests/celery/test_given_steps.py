"""A run that waits for a step knows when it waits in vain; and which address a broker has."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tiktok_organic_dagster.errors import ConfigurationError
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster_tests.celery.broker import Broker, broker

pytest.importorskip("celery", reason="The extra celery is not installed: pip install --editable '.[dev]'")

from celery import Celery
from celery.result import denied_join_result
from dagster_celery.config import TASK_EXECUTE_PLAN_NAME
from dagster_celery.make_app import make_app

from tiktok_organic_dagster.celery_steps import (
    LOOK_S,
    NOBODY_AFTER_S,
    GivenStep,
    LostStepError,
    broker_url,
    celery_settings,
)

pytestmark = pytest.mark.celery


class Wait:
    """A step that was given, and the clock of the run that waits for it."""

    def __init__(self, app: Celery) -> None:
        self.clock = clock = [1_000_000_000.0]
        with denied_join_result():
            self.given = app.send_task(TASK_EXECUTE_PLAN_NAME, queue="dagster")
        self.step = GivenStep(self.given, lambda: clock[0])

    def looks(self, times: int = 1) -> bool:
        """Whether there is something to get after some looks at where the step is."""
        for _ in range(times):
            self.clock[0] += LOOK_S
            found = self.step.ready()
        return found


@pytest.fixture
def app(redis_server: Broker) -> Iterator[Celery]:
    made = make_app({"broker": redis_server.url, "backend": redis_server.url, "config_source": None})
    made.conf.update(celery_settings(redis_server.url))
    yield made
    made.close()


@pytest.fixture
def take(app: Celery) -> Iterator[Callable[[], Any]]:
    """Takes a step into the hands of a worker that never does anything."""
    with app.connection_for_read() as connection:
        yield lambda: connection.default_channel.basic_get("dagster")


def test_a_step_is_waited_for_while_a_worker_is_at_any_step(
    app: Celery, take: Callable[[], Any], redis_server: Broker
) -> None:
    other, wait = Wait(app), Wait(app)
    assert take().headers["id"] == other.given.id
    for _ in range(2 * NOBODY_AFTER_S // LOOK_S):
        with redis_server.client() as redis:
            (tag,) = redis.zrange("unacked_index", 0, -1)
            redis.zadd("unacked_index", {tag: wait.clock[0]})
        assert not wait.looks()
    assert wait.looks(NOBODY_AFTER_S // LOOK_S + 10)
    with pytest.raises(LostStepError, match="No Celery worker was there for 15 minutes"):
        wait.step.get()


def test_a_step_in_a_workers_hands_is_waited_for_and_done_when_it_is_done(app: Celery, take: Callable[[], Any]) -> None:
    wait = Wait(app)
    assert take().headers["id"] == wait.given.id
    assert not wait.looks(3)
    app.backend.store_result(wait.given.id, ["event"], "SUCCESS")
    assert wait.step.ready()
    assert wait.step.get() == ["event"]


def test_a_step_that_redis_has_forgotten_fails(app: Celery, redis_server: Broker) -> None:
    wait = Wait(app)
    assert not wait.looks()
    with redis_server.client() as redis:
        redis.flushall()
    assert not wait.looks()  # it may be on its way into a worker's hands
    assert wait.looks()
    with pytest.raises(LostStepError, match="Redis has forgotten this step"):
        wait.step.get()


def test_an_outage_of_redis_is_waited_out_however_long_it_is(app: Celery, redis_server: Broker) -> None:
    wait = Wait(app)
    redis_server.stop()
    assert not wait.step.ready()
    wait.clock[0] += 2 * NOBODY_AFTER_S
    assert not wait.step.ready()
    redis_server.start()
    assert not wait.looks(2)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hid@den@host:6379/0",
        "redis://:hid/den@host:6379/0",
        "redis://:hid?den@host/0",
        "redis://:hid#den@host/0",
        "redis://host:port/0",
        "redis://",
    ],
)
def test_an_address_that_would_be_read_wrongly_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigurationError, match="TIKTOK_ORGANIC_CELERY_BROKER cannot be read") as refusal:
        broker_url(Settings(celery_broker=url))
    assert "den@" not in str(refusal.value)


@pytest.mark.parametrize("url", ["redis://host", "redis://:p%40ss@host:6379/0", "rediss://user:pass@[::1]:6380/1"])
def test_an_address_is_taken_as_it_is(url: str) -> None:
    assert broker_url(Settings(celery_broker=url)) == url


def test_certificates_are_checked_unless_the_address_says_otherwise() -> None:
    assert celery_settings("rediss://host:6379/0")["broker_use_ssl"] == {"ssl_cert_reqs": "required"}
    assert celery_settings("rediss://host:6379/0")["redis_backend_use_ssl"] == {"ssl_cert_reqs": "required"}
    assert "broker_use_ssl" not in celery_settings("rediss://host:6379/0?ssl_cert_reqs=none")
    assert "broker_use_ssl" not in celery_settings("redis://host:6379/0")


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_without_redis_the_tests_fail_in_ci_and_are_skipped_elsewhere(
    ci: str, outcome: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(outcome, match="apt-get install redis-server"), broker(tmp_path):
        pass
