"""The simulator as a server: many threads, its port, its end."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
import requests

from tiktok_organic_dagster.errors import ConfigurationError
from tiktok_organic_dagster.simulator import Simulator, World
from tiktok_organic_dagster.simulator.api_fields import VIDEO
from tiktok_organic_dagster_tests.integration.simulator.client import Client


def test_many_threads_are_answered_alike(sim):
    client = Client(sim, 1)
    truth = client.data("business/video/list/", fields=list(VIDEO), max_count=20)
    seen: list[bool] = []
    threads = [
        threading.Thread(
            target=lambda: seen.append(client.data("business/video/list/", fields=list(VIDEO), max_count=20) == truth)
        )
        for _ in range(15)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 15


def test_two_simulators_run_side_by_side_and_a_taken_port_is_named():
    with Simulator(World(1)) as one, Simulator(World(2)) as two:
        assert one.base_url != two.base_url
        port = urlsplit(one.base_url).port
        with pytest.raises(ConfigurationError, match=str(port)):
            Simulator(port=port or 0).start()


def test_the_command_prints_its_address_first_and_ends_on_sigterm(tmp_path):
    program = (
        "from pathlib import Path\n"
        "from tiktok_organic_dagster.simulator import run\n"
        f"run(accounts=2, data_dir=Path({str(tmp_path)!r}))\n"
    )
    with _running("-c", program) as (process, first_line):
        assert first_line.startswith("TikTok simulator on http://127.0.0.1:")
        assert _code(first_line) == 40002
        process.terminate()
        assert process.wait(10) == 0


def test_the_command_lets_a_share_of_the_calls_go_wrong():
    with _running("-m", "tiktok_organic_dagster.cli", "simulator", "--accounts", "1", "--faults", "90") as (
        _,
        first_line,
    ):
        assert [_code(first_line) for _ in range(20)].count(40002) < 15


@contextmanager
def _running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command, and the first line that it prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TIKTOK_")}
    with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout
            yield process, process.stdout.readline()
        finally:
            process.terminate()


def _code(first_line: str) -> int | None:
    """The code of an answer to a call without a token; None if none came."""
    try:
        return requests.get(f"{first_line.rsplit(maxsplit=1)[-1]}/open_api/v1.3/business/get/", timeout=10).json()[
            "code"
        ]
    except (requests.RequestException, ValueError):
        return None
