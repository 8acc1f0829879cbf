"""The simulated world is a pure function of seed and moment, and its accounts are as TikTok's."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from tiktok_organic_dagster.simulator import AccountKind, World
from tiktok_organic_dagster_tests.pages import ROOT
from tiktok_organic_dagster_tests.unit.simulator.worlds import NOW, account_of, snapshot

# A pure function of seed and moment.


def test_another_process_sees_the_same_world():
    program = (
        "import hashlib, datetime as d\n"
        "from tiktok_organic_dagster.simulator import World\n"
        "from tiktok_organic_dagster_tests.unit.simulator.worlds import NOW, snapshot\n"
        "print(hashlib.sha256(snapshot(World(7), NOW).encode()).hexdigest())\n"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": salt},
            cwd=ROOT,
        ).stdout
        for salt in ("1", "2")
    }
    assert len(seen) == 1


def test_what_was_asked_before_does_not_matter():
    asked, fresh = World(3), World(3)
    for days in (0, 900, 30, 1500):
        snapshot(asked, NOW + timedelta(days=days))
    earlier = NOW - timedelta(days=200, hours=5)
    assert snapshot(asked, earlier) == snapshot(fresh, earlier)


def test_other_seeds_give_other_worlds():
    assert snapshot(World(1), NOW) != snapshot(World(2), NOW)


@pytest.mark.parametrize("moment", [datetime(2025, 3, 1, tzinfo=UTC), NOW, datetime(2030, 12, 31, 23, tzinfo=UTC)])
def test_the_world_is_inhabited_on_any_day_from_2025_to_2030(world, moment):
    for account in world.accounts:
        assert world.posts(account, moment)
        assert world.profile(account, moment)["followers_count"] > 0
        assert world.metrics(account, moment.date() - timedelta(days=20), moment.date(), moment)


def test_a_world_may_begin_later_and_hold_many_accounts():
    world = World(1, accounts=30, epoch=date(2028, 1, 1))
    assert len({account.username for account in world.accounts}) == 30
    assert all(account.created >= date(2028, 1, 1) for account in world.accounts)
    assert all(len(world.posts(account, datetime(2029, 1, 1, tzinfo=UTC))) > 20 for account in world.accounts)
    assert world.posts(0, NOW) == []


def test_posts_only_accumulate(world):
    for account in world.accounts:
        days = [NOW - timedelta(days=300) + timedelta(days=30 * month) for month in range(20)]
        lists = [[post.item_id for post in world.posts(account, day)] for day in days]
        for earlier, later in pairwise(lists):
            assert later[len(later) - len(earlier) :] == earlier


# Accounts.


def test_the_first_four_accounts_show_the_four_kinds(world):
    assert [account.kind for account in world.accounts[:4]] == list(AccountKind)


def test_every_account_has_500_days_of_posts_by_now(world):
    for account in world.accounts:
        assert int(world.videos(account, NOW)[-1]["create_time"]) <= (NOW - timedelta(days=500)).timestamp()


def test_ids_are_opaque_and_belong_to_the_developer_app(world):
    ids = [world.business_id(account, "app") for account in world.accounts]
    assert len({*ids, *(world.business_id(account, "other app") for account in world.accounts)}) == 2 * len(ids)
    assert any(each.startswith("-") for each in ids)


def test_a_small_account_stays_below_100_followers_and_has_no_audience(world):
    small = account_of(world, AccountKind.SMALL)
    for year in range(2025, 2031):
        moment = datetime(year, 6, 1, tzinfo=UTC)
        assert world.profile(small, moment)["followers_count"] < 100
        assert world.audience(small, moment) == {}


def test_profiles_hold_an_empty_and_a_difficult_bio(world):
    bios = [world.profile(account, NOW)["bio_description"] for account in world.accounts]
    assert "" in bios
    assert any("\n" in bio and "☕" not in bio and not bio.isascii() for bio in bios)


def test_image_addresses_are_signed_and_change(world):
    today, later = (world.profile(0, moment)["profile_image"] for moment in (NOW, NOW + timedelta(days=2)))
    assert "x-expires=" in today
    assert today != later
    assert int(today.split("x-expires=")[1].split("&")[0]) > NOW.timestamp()
