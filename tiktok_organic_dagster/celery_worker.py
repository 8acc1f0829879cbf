"""A worker that carries out steps on this machine: `celery -A tiktok_organic_dagster.celery_worker worker`."""

from collections.abc import Mapping, Sequence
from time import time
from typing import Any

from celery import Celery, Task, bootsteps
from celery.exceptions import Ignore
from celery.utils.log import get_task_logger
from celery.worker.state import reserved_requests
from dagster import DagsterInstance
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._grpc.types import ExecuteStepArgs
from dagster._serdes import unpack_value
from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_task
from kombu.asynchronous.timer import Entry
from kombu.transport.redis import Channel

from tiktok_organic_dagster.celery_steps import LOST_AFTER_S, LostStepError, broker_url, celery_settings
from tiktok_organic_dagster.settings import Settings

MOST_ATTEMPTS = 3
ATTEMPTS_KEPT_S = 7 * 86_400

_log = get_task_logger(__name__)


class StepTask(Task):
    """A step as Celery carries it out."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- Celery's own
        """Carry it out; when its process is told to end, it ends, and the step is left for another one.

        Raises:
            SystemExit: It was told to. Celery would take Dagster's own exception for the end of the step.
        """
        try:
            return self.run(*args, **kwargs)
        except DagsterExecutionInterruptedError:
            raise SystemExit from None

    def before_start(self, task_id: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Drop a step whose run has ended, and give up on one that takes its workers down with it.

        Raises:
            Ignore: The run has ended.
            LostStepError: The step was begun often enough: only one that was not brought to an end is begun again.
        """
        run = _ended_run(kwargs)
        if run is not None:
            _log.info("The run %s has ended: its step is not begun.", run)
            raise Ignore
        key = f"tiktok-organic-attempts-{task_id}"
        attempt = self.backend.ensure(self.backend.incr, (key,))
        self.backend.ensure(self.backend.expire, (key, ATTEMPTS_KEPT_S))
        if attempt > MOST_ATTEMPTS:
            raise LostStepError(
                f"The worker of this step died {MOST_ATTEMPTS} times, or lost Redis. Look for the reason on the "
                "workers' machines, often too little memory, then run it again."
            )


def _ended_run(task: Mapping[str, Any]) -> str | None:
    """The run that a task is of, if it has ended: its process died, or somebody ended it."""
    step = unpack_value(task["execute_step_args_packed"], as_type=ExecuteStepArgs)
    if step.instance_ref is None:
        return None
    with DagsterInstance.from_ref(step.instance_ref) as instance:
        run = instance.get_run_by_id(step.run_id)
        return step.run_id if run is None or run.is_finished else None


class KeepClaims(bootsteps.StartStopStep):
    """Renews a living worker's claim to its steps.

    Redis gives a task that is not done after a while to another worker, whether the first one lives or not. So that
    a dead worker is noticed soon and a long step is left alone, a worker says again and again that it is at it: also
    one that was told to end, until its steps are done. Celery itself ends the timer when Redis is lost.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    _timer: Entry | None = None

    def start(self, parent: Any) -> None:  # noqa: ANN401 -- half of Celery's consumer is made at run time
        """Begin, each time that the worker has connected to the broker."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = parent.timer.call_repeatedly(LOST_AFTER_S / 4, _renew, (parent.task_consumer.channel,))


def _renew(channel: Channel) -> None:
    claims = {request.message.delivery_tag: time() for request in tuple(reserved_requests)}
    if claims:
        with channel.conn_or_acquire() as redis:
            redis.zadd(channel.unacked_index_key, claims, xx=True)


def worker_app(settings: Settings) -> Celery:
    """What a worker is, by the settings.

    Raises:
        ConfigurationError: There is no broker.
    """
    url = broker_url(settings)
    made = make_app({"broker": url, "backend": url})
    made.conf.update(celery_settings(url))
    create_task(made, base=StepTask)
    blueprints: Any = made.steps  # which Celery's own types take for None
    blueprints["consumer"].add(KeepClaims)
    return made


app = worker_app(Settings.load())
