"""Where the steps of a run are carried out: in its process, in processes beside it, or by Celery's workers."""

import sys
from importlib.util import find_spec

from dagster import ExecutorDefinition, in_process_executor, multiprocess_executor

from tiktok_organic_dagster.errors import ConfigurationError
from tiktok_organic_dagster.settings import Settings

# On Linux one process beside the run imports the code location, and each step is forked from it instead of importing it
# again. Elsewhere a step is a process of its own from the start: macOS ends forked processes that look for a proxy.
_START = {"forkserver": {}} if sys.platform == "linux" else {"spawn": {}}
_MULTIPROCESS = multiprocess_executor.configured(
    lambda config: {"start_method": _START, **config},
    name="multiprocess",
    config_schema=multiprocess_executor.config_schema.config_type,
)


def executor(settings: Settings) -> ExecutorDefinition:
    """The executor of the setting TIKTOK_ORGANIC_EXECUTOR.

    Raises:
        ConfigurationError: It is `celery`, and that is not installed, or has no broker.
    """
    if settings.executor == "celery":
        return _celery(settings)
    return {"in_process": in_process_executor, "multiprocess": _MULTIPROCESS}[settings.executor]


def _celery(settings: Settings) -> ExecutorDefinition:
    if find_spec("dagster_celery") is None:
        raise ConfigurationError(
            "TIKTOK_ORGANIC_EXECUTOR is celery, which is not installed: pip install 'tiktok-organic-dagster[celery]'"
        )
    from tiktok_organic_dagster.celery_steps import broker_url, celery_executor  # noqa: PLC0415 -- needs the extra

    broker_url(settings)
    return celery_executor()
