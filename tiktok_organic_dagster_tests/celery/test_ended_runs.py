"""What becomes of steps when Redis is away for a while, when a run is terminated, and when its process is killed."""

import os
import re
import signal

import pytest

from tiktok_organic_dagster_tests.celery.broker import PASSWORD, Broker
from tiktok_organic_dagster_tests.celery.machines import Machines
from tiktok_organic_dagster_tests.celery.runs import messages, terminate
from tiktok_organic_dagster_tests.celery.workers import Worker
from tiktok_organic_dagster_tests.orchestration.canaries import files, leaked
from tiktok_organic_dagster_tests.orchestration.processes import poll

PROCESS = re.compile(r"Started process for run \(pid: (\d+)\)")


@pytest.mark.celery
@pytest.mark.timeout(300)
def test_an_outage_of_redis_ends_no_run_and_an_ended_run_leaves_no_step_behind(
    machines: Machines, redis_server: Broker
) -> None:
    worker = machines.worker("first")
    redis_is_away(machines, redis_server, worker)
    somebody_terminates_the_run(machines, worker)
    worker.kill()
    the_process_of_the_run_is_killed(machines, redis_server)


def redis_is_away(machines: Machines, redis_server: Broker, worker: Worker) -> None:
    run = machines.run(answer_after=20)
    machines.under_way()
    redis_server.stop()
    poll(lambda: worker.said("Cannot connect"), "the worker to notice")
    redis_server.start()
    assert machines.loaded_by(run) == ["first", "first"]
    assert PASSWORD not in messages(machines.dagster, run)
    assert leaked({PASSWORD}, files(machines.folder)) == set()


def somebody_terminates_the_run(machines: Machines, worker: Worker) -> None:
    run = machines.run(answer_after=20)
    machines.under_way()
    terminate(machines.dagster, run)
    assert machines.end_of(run) == "CANCELED"
    said = poll(lambda: worker.said("DagsterExecutionInterruptedError", after=" (15)"), "the step to end")
    assert "succeeded" not in said


def the_process_of_the_run_is_killed(machines: Machines, redis_server: Broker) -> None:
    """While its step waits for a worker; the worker that comes later does not begin it."""
    run = machines.run()
    with redis_server.client() as redis:
        poll(lambda: redis.keys("dagster*") or None, "the step to wait")
    os.kill(int(PROCESS.search(messages(machines.dagster, run))[1]), signal.SIGKILL)
    assert machines.end_of(run) == "FAILURE"
    second = machines.worker("second")
    poll(lambda: second.said(f"The run {run} has ended"), "the step to be dropped")
    assert len(machines.deployment.simulator.calls) == 0
