"""Where the steps of a run are carried out: in its process, in processes beside it, or by Celery's workers."""

from typing import Any

from dagster import ExecutorDefinition, in_process_executor, multiprocess_executor

from tiktok_organic_dagster.errors import ConfigurationError
from tiktok_organic_dagster.settings import Settings

LOST_AFTER_S = 60
"""How long a worker may be silent before the steps it works on are given to another one."""

LOOK_FOR_LOST_S = 5
BROKERS = ("redis://", "rediss://")


def executor(settings: Settings) -> ExecutorDefinition:
    """The executor of the setting TIKTOK_ORGANIC_EXECUTOR.

    Raises:
        ConfigurationError: It is `celery`, and that is not installed, or has no broker.
    """
    if settings.executor == "celery":
        return _celery(settings)
    return {"in_process": in_process_executor, "multiprocess": multiprocess_executor}[settings.executor]


def _celery(settings: Settings) -> ExecutorDefinition:
    try:
        from dagster_celery import celery_executor  # noqa: PLC0415 -- an extra, which few install
    except ImportError:
        raise ConfigurationError(
            "TIKTOK_ORGANIC_EXECUTOR is celery, which is not installed: pip install 'tiktok-organic-dagster[celery]'"
        ) from None
    broker_url(settings)

    # A function and not its result: what is configured as a value shows in Dagster's UI, and the broker is a secret.
    def of_this_run(_: object) -> dict[str, Any]:
        url = broker_url(Settings.load())
        return {"broker": url, "backend": url, "config_source": CELERY}

    return celery_executor.configured(of_this_run, name="celery", config_schema={})


def broker_url(settings: Settings) -> str:
    """Where Celery's workers take their tasks from, and leave the results.

    Raises:
        ConfigurationError: It is not set, or not a Redis.
    """
    url = settings.celery_broker.get_secret_value() if settings.celery_broker else ""
    if not url.startswith(BROKERS):
        problem = "is not a Redis" if url else "is not set"
        raise ConfigurationError(
            f"Celery has no broker: TIKTOK_ORGANIC_CELERY_BROKER {problem}. Give it the address of your Redis: "
            "redis://:password@host:6379/0"
        )
    return url


CELERY: dict[str, Any] = {
    # A step is done when it is done, and not when a worker took it: what a dead worker leaves is given to another one.
    # A worker renews its claim while it lives (see celery_worker.py), so that a step may last for hours.
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "worker_prefetch_multiplier": 1,
    # Without the broker no claim can be renewed: another worker will take the step, so this one leaves it.
    "worker_cancel_long_running_tasks_on_connection_loss": True,
    "broker_connection_retry_on_startup": True,
    "broker_transport_options": {
        "visibility_timeout": LOST_AFTER_S,
        "unacked_restore_interval": LOOK_FOR_LOST_S,
        "unacked_restore_throttle": 1,
        "unacked_mutex_expire": LOST_AFTER_S,  # of the worker that looks, which may die too
    },
}
"""Celery's settings, the same for those who give out steps and those who take them."""
