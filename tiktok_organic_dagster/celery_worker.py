"""A worker that carries out steps on this machine: `celery -A tiktok_organic_dagster.celery_worker worker`."""

from collections.abc import Mapping, Sequence
from time import time
from typing import Any

from celery import Celery, Task, bootsteps
from celery.worker.state import reserved_requests
from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_task
from kombu.asynchronous.timer import Entry
from kombu.transport.redis import Channel

from tiktok_organic_dagster.errors import TikTokOrganicError
from tiktok_organic_dagster.executors import CELERY, LOST_AFTER_S, broker_url
from tiktok_organic_dagster.settings import Settings

MOST_ATTEMPTS = 3
ATTEMPTS_KEPT_S = 7 * 86_400


class LostStepError(TikTokOrganicError):
    """A step whose worker died each time."""


class StepTask(Task):
    """A step as Celery carries it out; one that takes its worker down with it is not tried for ever."""

    def before_start(self, task_id: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Count the attempts at a step: only a lost worker makes a second one of the same task.

        Raises:
            LostStepError: There were enough.
        """
        key = f"tiktok-organic-attempts-{task_id}"
        attempt = self.backend.incr(key)
        self.backend.expire(key, ATTEMPTS_KEPT_S)
        if attempt > MOST_ATTEMPTS:
            raise LostStepError(
                f"The worker of this step died {MOST_ATTEMPTS} times. Look for the reason on the workers' machines, "
                "often too little memory, then run it again."
            )


class KeepClaims(bootsteps.StartStopStep):
    """Renews a living worker's claim to its steps.

    Redis gives a task that is not done after a while to another worker, whether the first one lives or not. So that
    a dead worker is noticed soon and a long step is left alone, a worker says again and again that it is at it.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    _timer: Entry | None = None

    def start(self, parent: Any) -> None:  # noqa: ANN401 -- half of Celery's consumer is made at run time
        """Begin, each time that the worker has connected to the broker."""
        self._timer = parent.timer.call_repeatedly(LOST_AFTER_S / 4, _renew, (parent.task_consumer.channel,))

    def stop(self, parent: Any) -> None:  # noqa: ANN401, ARG002 -- as Celery calls it
        """Leave the claims to time: the worker ends, or has lost the broker."""
        if self._timer is not None:
            self._timer.cancel()


def _renew(channel: Channel) -> None:
    claims = {request.message.delivery_tag: time() for request in reserved_requests}
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
    made.conf.update(CELERY)
    create_task(made, base=StepTask)
    blueprints: Any = made.steps  # which Celery's own types take for None
    blueprints["consumer"].add(KeepClaims)
    return made


app = worker_app(Settings.load())
