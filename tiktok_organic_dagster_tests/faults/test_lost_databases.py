"""Databases that go away in the middle: a commit whose answer is lost, a session that ends, a file that is moved."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest
from cryptography.fernet import Fernet

from tiktok_organic_dagster.accounts.store import AccountStore
from tiktok_organic_dagster.simulator import Fault
from tiktok_organic_dagster.simulator.faults import http_status
from tiktok_organic_dagster.tables import STEPS, VIDEOS
from tiktok_organic_dagster.tables.own import READINGS
from tiktok_organic_dagster.warehouse import writing
from tiktok_organic_dagster.warehouse.postgres import PostgresSession
from tiktok_organic_dagster_tests.faults import kills, works
from tiktok_organic_dagster_tests.faults.wires import Cut, Wire, wire_to
from tiktok_organic_dagster_tests.lab import Clock, Lab

LOST = "was lost while a transaction was being committed: all of it is there now, or none"


@pytest.fixture
def wire(new_postgres_database: Callable[[], str]) -> Iterator[Wire]:
    with wire_to(new_postgres_database()) as wire:
        yield wire


@pytest.mark.parametrize("cut", Cut, ids=lambda cut: cut.name)
def test_a_commit_whose_answer_never_came_is_made_whole_by_the_second_attempt(
    new_lab: Callable[..., Lab], wire: Wire, cut: Cut
) -> None:
    lab = new_lab(wire.url, accounts=1, videos=1)
    lab.read_everything()
    for step in STEPS:
        before = _changed(lab, step)
        wire.cuts = [cut]

        (outcome,) = works.STEPS[step](lab)

        assert wire.cuts == []
        assert outcome.error is None
        assert kills.units(lab, step) != before
        kills.assert_exact(lab, STEPS[step])


@pytest.mark.parametrize("cut", Cut, ids=lambda cut: cut.name)
def test_a_connection_that_breaks_at_every_commit_is_told_as_what_it_is(
    new_lab: Callable[..., Lab], wire: Wire, cut: Cut
) -> None:
    lab, before = _read_before(new_lab, wire.url)
    wire.cuts = [cut] * 2

    (outcome,) = lab.read_videos()

    assert LOST in (outcome.error or "")
    assert "The next run writes it again" in (outcome.error or "")
    assert (kills.units(lab, "videos") == before) is (cut is Cut.BEFORE_THE_COMMIT)
    _assert_next_is_whole(lab)


def test_a_session_that_the_server_ends_before_the_commit_leaves_what_was_there(
    new_lab: Callable[..., Lab], new_postgres_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_postgres_database()
    lab, before = _read_before(new_lab, url)
    record = PostgresSession.execute

    def then_ended(self: PostgresSession, sql: str, *values: object) -> None:
        record(self, sql, *values)
        if sql.startswith("INSERT") and READINGS.name in sql:
            ((own,),) = self.query("SELECT pg_backend_pid()")
            with psycopg2.connect(url) as other, other.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s)", (own,))
            other.close()

    with monkeypatch.context() as patch:
        patch.setattr(PostgresSession, "execute", then_ended)
        (outcome,) = lab.read_videos()

    assert " refused: " in (outcome.error or "")
    assert "What it held before is still there" in (outcome.error or "")
    assert kills.units(lab, "videos") == before
    _assert_next_is_whole(lab)


@pytest.mark.parametrize("cut", Cut, ids=lambda cut: cut.name)
def test_a_new_pair_of_tokens_outlives_the_loss_of_the_state_at_its_commit(
    tmp_path: Path,
    clock: Clock,
    wire: Wire,
    cut: Cut,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    key = Fernet.generate_key().decode()
    url = f"duckdb:///{tmp_path / 'w.duckdb'}"
    lab = Lab(tmp_path, url, clock, state_url=wire.url, key=key, accounts=1, videos=1)
    request.addfinalizer(lab.close)
    clock.moment = moment = clock.moment.replace(hour=11, day=24)
    lab.simulator.clock = lambda: moment
    keep = AccountStore.replace_pair

    def cut_at_the_commit(self: AccountStore, *arguments: object) -> bool:
        if not struck:
            struck.append(cut)
            wire.cuts = [cut]
        return keep(self, *arguments)  # type: ignore[arg-type]

    struck: list[Cut] = []
    monkeypatch.setattr(AccountStore, "replace_pair", cut_at_the_commit)

    (outcome,) = lab.read_account()

    assert (struck, wire.cuts) == ([cut], [])
    assert outcome.error is None
    assert lab.simulator.calls.count("tt_user/oauth2/refresh_token/") == 1
    clock.moment = moment
    kills.assert_exact(lab, STEPS["account"])


@pytest.mark.parametrize("what", ["removed", "replaced"])
@pytest.mark.parametrize("when", ["while pages are fetched", "within the transaction"])
def test_a_duckdb_file_that_is_taken_away_during_a_run_is_told_and_no_other_one_is_made(
    new_lab: Callable[..., Lab], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, when: str
) -> None:
    file, aside, other = (tmp_path / name for name in ("warehouse.duckdb", "aside.duckdb", "other.duckdb"))
    lab, before = _read_before(new_lab, f"duckdb:///{file}")
    shutil.copy(file, other)
    content = other.read_bytes()
    taken: list[str] = []

    def take_away(*_: object) -> bool:
        if not taken:
            taken.append(what)
            file.rename(aside)
            if what == "replaced":
                other.rename(file)
        return False

    if when == "while pages are fetched":
        lab.simulator.faults.add(Fault(http_status(500), path="business/video/list/", when=take_away))
        (outcome,) = lab.read_videos()
    else:
        replace_day = writing.replace_day
        with monkeypatch.context() as patch:
            patch.setattr(
                "tiktok_organic_dagster.readings.base.replace_day",
                lambda *arguments: (take_away(), replace_day(*arguments)),
            )
            (outcome,) = lab.read_videos()

    assert f"The warehouse {file} was removed or replaced while it was in use" in (outcome.error or "")
    assert "Put the right file there while no run is under way" in (outcome.error or "")
    if what == "removed":
        assert not file.exists()
        aside.rename(file)
    else:
        assert file.read_bytes() == content
    left = kills.units(lab, "videos")
    assert (left == before) or (what, when) == ("removed", "within the transaction")
    _assert_next_is_whole(lab)
    assert len(lab.rows(VIDEOS)) == 2


def _changed(lab: Lab, step: str) -> dict[kills.Unit, dict[str, kills.Rows]]:
    """The rows of a step, after all that it reads has changed."""
    kills.change_the_world(lab)
    return kills.units(lab, step)


def _read_before(
    new_lab: Callable[..., Lab], warehouse_url: str
) -> tuple[Lab, dict[kills.Unit, dict[str, kills.Rows]]]:
    """A laboratory whose videos were read before all of them changed, and the rows of that reading."""
    lab = new_lab(warehouse_url, accounts=1, videos=2)
    lab.read_videos()
    return lab, _changed(lab, "videos")


def _assert_next_is_whole(lab: Lab) -> None:
    assert lab.read_videos()[0].error is None
    kills.assert_exact(lab, STEPS["videos"])
