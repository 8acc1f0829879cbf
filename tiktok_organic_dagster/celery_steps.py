"""Steps in the hands of Celery's workers: the settings of both sides, and a run that waits for no step in vain."""

from collections.abc import Callable, Generator
from time import time
from typing import Any
from urllib.parse import urlsplit

from celery.result import AsyncResult, denied_join_result
from dagster import ExecutorDefinition, executor, multiple_process_executor_requirements
from dagster._core.execution.retries import RetryMode
from dagster_celery.core_execution_loop import core_celery_execution_loop
from dagster_celery.defaults import task_default_queue
from dagster_celery.executor import (
    CeleryExecutor,
    _submit_task,  # pyright: ignore[reportPrivateUsage] -- dagster-celery has no other way to give a step
)
from kombu.transport.redis import Channel

from tiktok_organic_dagster.errors import ConfigurationError, TikTokOrganicError
from tiktok_organic_dagster.settings import Settings

LOST_AFTER_S = 60
"""How long a worker may be silent before the steps it works on are given to another one."""
LOOK_FOR_LOST_S = 5
LOOK_S = 15
"""How often a run looks where its steps are."""
NOBODY_AFTER_S = 900
"""How long a run waits while no worker is at any step."""
BROKER_BACK_AFTER_S = 120
"""How long somebody who has something to tell Redis waits for it."""
CONNECT_S, ANSWER_S = 10, 30

BROKERS = ("redis://", "rediss://")
CELERY: dict[str, Any] = {
    # A step is done when it is done, and not when a worker took it: what a dead worker leaves is given to another one.
    # A worker renews its claim while it lives (see celery_worker.py), so that a step may last for hours.
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "worker_prefetch_multiplier": 1,
    "worker_deduplicate_successful_tasks": True,  # one that was done when its worker was taken for dead
    # Without Redis no claim can be renewed: another worker will take the step, so this one leaves it.
    "worker_cancel_long_running_tasks_on_connection_loss": True,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,  # for ever
    "broker_transport_options": {
        "visibility_timeout": LOST_AFTER_S,
        "unacked_restore_interval": LOOK_FOR_LOST_S,
        "unacked_restore_throttle": 1,
        "unacked_mutex_expire": LOST_AFTER_S,  # of the worker that looks, which may die too
        # A connection may end without a word; without limits a worker would wait for it for ever.
        "socket_connect_timeout": CONNECT_S,
        "socket_timeout": ANSWER_S,
        "socket_keepalive": True,
    },
    "redis_socket_connect_timeout": CONNECT_S,
    "redis_socket_timeout": ANSWER_S,
    "redis_socket_keepalive": True,
    "result_backend_transport_options": {
        "retry_policy": {"max_retries": BROKER_BACK_AFTER_S, "interval_step": 1, "interval_max": 1}
    },
    "task_publish_retry_policy": {"max_retries": BROKER_BACK_AFTER_S, "interval_step": 1, "interval_max": 1},
}
_TLS = {name: {"ssl_cert_reqs": "required"} for name in ("broker_use_ssl", "redis_backend_use_ssl")}


class LostStepError(TikTokOrganicError):
    """A step of which nothing more will come."""


def celery_executor() -> ExecutorDefinition:
    """Gives each step to the workers; the settings are read when a run starts."""

    # Nothing is configured as a value: it would show in Dagster's UI, and the broker is a secret.
    @executor(name="celery", config_schema={}, requirements=multiple_process_executor_requirements())
    def celery(_: object) -> CeleryExecutor:
        url = broker_url(Settings.load())
        return _Executor(RetryMode.ENABLED, broker=url, backend=url, config_source=celery_settings(url))

    return celery


def celery_settings(url: str) -> dict[str, Any]:
    """Celery's settings, the same for those who give out steps and those who take them.

    Args:
        url: Of the broker.
    """
    return {**CELERY, **(_TLS if url.startswith("rediss://") and "ssl_cert_reqs" not in url else {})}


def broker_url(settings: Settings) -> str:
    """Where Celery's workers take their tasks from, and leave the results.

    Raises:
        ConfigurationError: It is not set, not a Redis, or cannot be read.
    """
    url = settings.celery_broker.get_secret_value() if settings.celery_broker else ""
    if not url.startswith(BROKERS):
        problem = "is not a Redis" if url else "is not set"
        raise ConfigurationError(
            f"Celery has no broker: TIKTOK_ORGANIC_CELERY_BROKER {problem}. Give it the address of your Redis: "
            "redis://:password@host:6379/0"
        )
    if not _is_whole(url):  # what is read wrongly would show a part of the password as the host
        raise ConfigurationError(
            "TIKTOK_ORGANIC_CELERY_BROKER cannot be read. Write redis://:password@host:6379/0, and in a user name or a "
            "password @ as %40, : as %3A, / as %2F, ? as %3F and # as %23."
        )
    return url


def _is_whole(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0 and url.count("@") == parts.netloc.count("@") <= 1
    except ValueError:
        return False


class _Executor(CeleryExecutor):
    def execute(self, plan_context: Any, execution_plan: Any) -> Generator[Any]:  # noqa: ANN401 -- Dagster's own
        return core_celery_execution_loop(plan_context, execution_plan, step_execution_fn=_give)


def _give(*step: Any) -> "GivenStep":  # noqa: ANN401 -- dagster-celery's own
    # The result is looked for and not listened for: that would be one more connection that Redis may leave in the air.
    with denied_join_result():
        return GivenStep(_submit_task(*step))


class GivenStep:
    """A step that was given to the workers, as the loop of dagster-celery looks at it again and again.

    An outage of Redis is waited out. What will never be done fails: a step that Redis has forgotten, and one that waits
    while there is no worker.

    Args:
        given: What Celery knows of it.
        clock: Seconds since the epoch.
    """

    def __init__(self, given: AsyncResult, clock: Callable[[], float] = time) -> None:
        self._given = given
        self._backend: Any = given.backend
        self._id = str(given.id).encode()
        self._clock = clock
        self._look_at = clock() + LOOK_S
        self._somebody_at = clock()
        self._was_missing = False
        self._problem: LostStepError | None = None

    def ready(self) -> bool:
        """Whether there is something to get."""
        try:
            if self._given.ready():
                return True
            if self._clock() >= self._look_at:
                self._look_at = self._clock() + LOOK_S
                self._look()
        except self._backend.connection_errors:
            self._somebody_at = self._clock()
        return self._problem is not None

    def get(self) -> Any:  # noqa: ANN401 -- dagster-celery's own
        """What came of it.

        Raises:
            LostStepError: Nothing, and nothing will.
        """
        if self._problem is not None:
            raise self._problem
        return self._given.get()

    def revoke(self) -> None:
        """Let nobody begin it, and who is at it stop."""
        self._given.revoke(terminate=True)

    def _look(self) -> None:
        redis, now = self._backend.client, self._clock()
        if redis.zcount(Channel.unacked_index_key, now - 2 * LOST_AFTER_S, "+inf"):
            self._somebody_at = now
        queues = (task_default_queue, *(f"{task_default_queue}{Channel.sep}{each}" for each in Channel.priority_steps))
        messages = [
            *redis.hvals(Channel.unacked_key),
            *(each for queue in queues for each in redis.lrange(queue, 0, -1)),
        ]
        missing = not any(self._id in message for message in messages)
        if missing and self._was_missing:  # seen once, it may have been on its way into a worker's hands
            self._problem = LostStepError(
                "Redis has forgotten this step: it was started again without what it held, or somebody emptied it. Let "
                "it keep its data (appendonly yes), then run the step again."
            )
        elif now - self._somebody_at > NOBODY_AFTER_S:
            self._problem = LostStepError(
                f"No Celery worker was there for {NOBODY_AFTER_S // 60} minutes. Start one: celery -A "
                "tiktok_organic_dagster.celery_worker worker"
            )
        self._was_missing = missing
