"""How a step goes over its accounts: a second attempt, a warehouse that is held, a run that is stopped."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tiktok_organic_dagster.accounts import open_client, open_oauth
from tiktok_organic_dagster.accounts.access import open_reader
from tiktok_organic_dagster.readings.base import Moment
from tiktok_organic_dagster.readings.run import Outcome, Stop, take
from tiktok_organic_dagster.readings.videos import VideosReading
from tiktok_organic_dagster.simulator import Fault
from tiktok_organic_dagster.simulator.faults import http_status
from tiktok_organic_dagster.tables import ACCOUNT, VIDEO_TABLES, VIDEOS
from tiktok_organic_dagster.warehouse import WarehouseBusyError, open_warehouse
from tiktok_organic_dagster.warehouse.duckdb import DuckDBSession, DuckDBWarehouse
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.lab import Lab

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")


def test_an_account_that_failed_is_tried_once_more_at_the_end(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=2, videos=10)
    lab.simulator.faults.add(Fault(http_status(502), account=0, times=8))

    outcomes = lab.read_account()

    assert [outcome.error for outcome in outcomes] == [None, None]
    assert lab.rows(ACCOUNT) == truth.in_order(truth.account(lab))


def test_a_warehouse_lost_before_the_second_attempt_leaves_the_first_as_it_is(
    new_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = new_lab(accounts=2, videos=10)
    lab.simulator.faults.add(Fault(http_status(502), account=0))
    opened = DuckDBWarehouse.session
    openings = iter([True, True])  # to prepare, and to write the account that works

    def then_held(self: DuckDBWarehouse) -> AbstractContextManager[DuckDBSession]:
        if next(openings, False):
            return opened(self)
        raise WarehouseBusyError("held by another program")

    with monkeypatch.context() as patch:
        patch.setattr(DuckDBWarehouse, "session", then_held)
        outcomes = {outcome.account.business_id: outcome for outcome in lab.read_account()}

    assert "502" in (outcomes[lab.business_id(0)].error or "")
    assert outcomes[lab.business_id(1)].error is None
    assert [row[-1] for row in lab.rows(ACCOUNT)] == [lab.business_id(1)]


def test_a_held_warehouse_is_waited_for_once_and_not_by_every_account(
    new_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = new_lab(accounts=5, videos=10)
    opened = DuckDBWarehouse.session
    openings: list[bool] = []

    def held_after_the_first(self: DuckDBWarehouse) -> AbstractContextManager[DuckDBSession]:
        openings.append(not openings)
        if openings[-1]:
            return opened(self)
        raise WarehouseBusyError("held by another program")

    with monkeypatch.context() as patch:
        patch.setattr(DuckDBWarehouse, "session", held_after_the_first)
        outcomes = lab.read_account()

    assert ["held by" in (outcome.error or "") for outcome in outcomes] == [True] * 5
    assert len(openings) == 3, "to prepare, for the first account, and for the second attempt"


def test_threads_of_a_stopped_run_ask_and_write_no_more(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=90)
    stop = Stop()
    client = open_client(lab.settings, lab.store, clock=lab.clock.now, sleep=stop.sleep)
    oauth = open_oauth(lab.settings, client)

    def stop_at_the_second_page(data: dict[str, object]) -> bool:
        if "cursor" in data:
            with stop.on_leaving():
                pass
        return False

    lab.simulator.faults.add(Fault(http_status(500), path="business/video/list/", when=stop_at_the_second_page))

    outcomes: list[Outcome] = take(
        VideosReading(VIDEO_TABLES, Moment(lab.clock.today, lab.clock.now)),
        lab.store.accounts(),
        open_reader=lambda account: open_reader(account, lab.store, client, oauth),
        warehouse=open_warehouse(lab.settings),
        store=lab.store,
        log=lambda _line: None,
        stop=stop,
        since=lab.settings.start_date,
    )

    assert "stopped" in (outcomes[0].error or "")
    assert lab.simulator.calls.count("business/video/list/") == 2
    assert lab.rows(VIDEOS) == []


def test_the_line_of_an_account_in_the_log_says_what_came_and_what_it_cost(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=50)
    lab.simulator.habits.short_pages_of.clear()

    (profile,) = lab.read_account()
    (videos,) = lab.read_videos([VIDEOS])

    name = lab.world.accounts[0].username
    assert str(profile) == f"@{name}: complete (1 row, 1 call)"
    posts = len(truth.videos(lab))
    assert str(videos) == f"@{name}: complete ({posts} rows, {-(-posts // 20)} pages, {-(-posts // 20)} calls)"
