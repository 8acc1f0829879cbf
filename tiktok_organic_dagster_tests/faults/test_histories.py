"""What changes at TikTok between two readings: history is kept, nothing is doubled, nothing is deleted."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tiktok_organic_dagster.tables import ACCOUNT, ACCOUNT_METRICS, COMMENTS, VIDEOS
from tiktok_organic_dagster.warehouse import open_warehouse
from tiktok_organic_dagster.warehouse.another_id import rename_business_id
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.faults.cells import (
    add_post,
    of_account,
)
from tiktok_organic_dagster_tests.lab import Lab

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")

DAYS = 5


@pytest.fixture
def lab(new_lab: Callable[..., Lab]) -> Lab:
    """An account with two posts, and comments under one of them; loaded."""
    lab = new_lab(accounts=1, videos=0)
    lab.simulator.habits.short_pages_of.clear()
    add_post(lab, 3)
    add_post(lab, days_old=40)
    read(lab)
    return lab


def read(lab: Lab) -> list[str | None]:
    """All steps, with metrics of a few days; what went wrong with whom."""
    steps = [lab.read_account, lambda: lab.read_metrics(DAYS), lambda: lab.read_videos([VIDEOS]), lab.read_comments]
    return [outcome.error for step in steps for outcome in step()]


def today(lab: Lab) -> str:
    return f"metric_date = DATE '{lab.clock.today}'"


def commented_post(lab: Lab) -> str:
    return next(post["item_id"] for post in lab.world.videos(0, lab.clock.now()) if post["comments"])


def test_a_new_username_doubles_nothing_and_leaves_the_names_of_the_past(lab: Lab) -> None:
    yesterday = lab.everything()
    old = lab.world.username(0, lab.clock.now())
    lab.world.changes.rename(0, "brand.new")
    lab.clock.next_day()

    assert read(lab) == [None] * 4

    for table in (ACCOUNT, VIDEOS):
        assert {row[0 if table is ACCOUNT else 1] for row in yesterday[table.name]} == {old}
        assert [row for row in lab.rows(table) if row in yesterday[table.name]] == yesterday[table.name]
        assert lab.rows(table, where=today(lab)) == truth.rows_of(lab, table.name)
    reloaded = f"metric_date >= DATE '{lab.clock.today - timedelta(days=DAYS)}'"
    assert lab.rows(ACCOUNT_METRICS, where=reloaded) == truth.in_order(truth.metrics(lab, DAYS))
    assert len(lab.rows(COMMENTS)) == len(yesterday[COMMENTS.name])
    assert [account.username for account in lab.store.accounts()] == ["brand.new"]


def test_an_account_made_private_keeps_its_rows_and_goes_on_when_it_is_public_again(lab: Lab) -> None:
    before = lab.everything()
    posts = [post["item_id"] for post in lab.world.videos(0, lab.clock.now())]
    lab.clock.next_day()
    for post in posts:  # TikTok does not tell a private post from one that was deleted
        lab.world.changes.delete_video(post)

    assert read(lab) == [None] * 4

    assert lab.rows(ACCOUNT, ["videos_count"], today(lab)) == [(0.0,)]
    assert lab.rows(VIDEOS) == before[VIDEOS.name]
    assert lab.rows(COMMENTS) == before[COMMENTS.name], "none is marked: nobody could ask for them"
    lab.world.changes.clear()
    kept = [add_post(lab, days_old=50 + number, item_id=post) for number, post in enumerate(posts)]
    assert read(lab) == [None] * 4
    assert lab.rows(VIDEOS, ["item_id"], today(lab)) == [(post,) for post in sorted(kept)]
    assert lab.rows(VIDEOS, where="metric_date = DATE '2026-11-23'") == before[VIDEOS.name]


def test_a_deleted_video_keeps_its_rows_and_its_comments(lab: Lab) -> None:
    before = lab.everything()
    deleted = commented_post(lab)
    lab.clock.next_day()
    lab.world.changes.delete_video(deleted)

    assert read(lab) == [None] * 4
    (outcome,) = lab.read_all_comments()

    assert outcome.error is None
    assert [text for text in outcome.notes.warnings if deleted in text and "its rows stay" in text and "40007" in text]
    assert lab.rows(VIDEOS, where=today(lab)) == truth.rows_of(lab, VIDEOS.name)
    assert deleted not in {row[0] for row in lab.rows(VIDEOS, where=today(lab))}
    assert lab.rows(VIDEOS, where="metric_date = DATE '2026-11-23'") == before[VIDEOS.name]
    assert lab.rows(COMMENTS) == before[COMMENTS.name]


def test_an_account_connected_again_is_the_same_and_its_rows_are_not_doubled(lab: Lab) -> None:
    before = lab.everything()
    connected_at = lab.store.accounts()[0].connected_at
    lab.simulator.oauth.revoke_account(0)
    assert all("tiktok-organic connect" in (outcome.error or "") for outcome in lab.read_account())

    lab.connect(0)

    assert read(lab) == [None] * 4
    assert lab.everything() == before
    (account,) = lab.store.accounts()
    assert (account.connected_at, account.needs_authorization) == (connected_at, None)


def test_an_account_reconnected_through_another_app_takes_its_rows_along(lab: Lab) -> None:
    """As `connect --replace` does it: the rows first, and then the account."""
    before = lab.everything()
    old, other_app = lab.business_id(0), "7999999999"
    new = lab.world.business_id(lab.world.accounts[0], other_app)
    lab.settings = lab.settings.model_copy(update={"client_id": other_app})
    grant, name = lab.consent(0)
    assert grant.business_id == new

    rename_business_id(open_warehouse(lab.settings), old, new, before_moving=lambda: lab.store.begin_move(old))
    lab.store.rename(old, grant, name, other_app, lab.settings.api_url)

    renamed = {
        table: [tuple(new if value == old else value for value in row) for row in rows]
        for table, rows in before.items()
    }
    assert lab.everything() == renamed
    assert read(lab) == [None] * 4
    assert lab.everything() == renamed
    assert [account.business_id for account in lab.store.accounts()] == [new]


def test_an_account_that_was_removed_keeps_its_rows_and_others_go_on(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=2, videos=0)
    for account in (0, 1):
        add_post(lab, 2, account=account)
    read(lab)
    before = of_account(lab, 0, lab.everything())
    lab.store.forget(lab.business_id(0))
    lab.clock.next_day()
    lab.simulator.calls.clear()

    assert read(lab) == [None] * 4

    assert {call.account for call in lab.simulator.calls} == {1}
    assert of_account(lab, 0, lab.everything()) == before
    assert lab.rows(VIDEOS, where=today(lab)) == of_account(lab, 1, {"": truth.rows_of(lab, VIDEOS.name)})[""]
    lab.connect(0)
    assert read(lab) == [None] * 8
    assert len({row[:3] for row in lab.rows(VIDEOS)}) == len(lab.rows(VIDEOS)) == 4
