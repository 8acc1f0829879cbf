"""A worker that is taken for dead sooner than a minute after its last word, for tests that need not wait so long."""

import os

from tiktok_organic_dagster import celery_steps

celery_steps.LOST_AFTER_S = int(os.environ["LOST_AFTER_S"])
celery_steps.CELERY["broker_transport_options"] |= {
    "visibility_timeout": celery_steps.LOST_AFTER_S,
    "unacked_restore_interval": 1,
}

from tiktok_organic_dagster.celery_worker import app  # noqa: E402, F401 -- made from the above
