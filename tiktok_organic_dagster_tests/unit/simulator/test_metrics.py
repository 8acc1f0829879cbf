"""The simulated days: when they are published, restated, and what they hold."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from tiktok_organic_dagster.simulator import AccountKind, World
from tiktok_organic_dagster_tests.unit.simulator.worlds import NOW, TODAY, account_of


def test_a_day_is_published_24_to_48_hours_after_its_end(world):
    for account in world.accounts:
        for back in range(30):
            day = TODAY - timedelta(days=back)
            end = datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC)
            published = world.published_at(account, day)
            assert timedelta(hours=24) <= published - end <= timedelta(hours=48)
            assert not world.metrics(account, day, day, published - timedelta(seconds=1))
            assert world.metrics(account, day, day, published)


def test_days_that_tiktok_publishes_late_come_so_much_later_and_in_their_order():
    world = World(1, 1)
    first, last, by = TODAY - timedelta(days=20), TODAY - timedelta(days=15), timedelta(days=2)
    documented = {day: world.published_at(0, day) for day in _days(TODAY - timedelta(days=25), TODAY)}
    world.changes.publish_late(0, first, last, by)
    published = {day: world.published_at(0, day) for day in documented}
    for day, moment in published.items():
        if first <= day <= last:
            assert moment == documented[day] + by
        else:
            assert moment == (documented[day] if day < first else max(documented[day], published[last]))
        assert not world.metrics(0, day, day, moment - timedelta(seconds=1))
        assert [each["date"] for each in world.metrics(0, day, day, moment)] == [day.isoformat()]
    assert list(published.values()) == sorted(published.values())
    assert published[last + timedelta(days=1)] == published[last]


def test_what_is_published_late_is_restated_a_day_after_it_came():
    world, documented = World(1, 1), World(1, 1)
    days = _days(TODAY - timedelta(days=40), TODAY - timedelta(days=20))
    world.changes.publish_late(0, days[0], days[-1], timedelta(days=2))
    restated = 0
    for day in days:
        since = world.published_at(0, day)
        first, last, final = (world.metrics(0, day, day, since + timedelta(hours=hours))[0] for hours in (0, 23.9, 24))
        assert first == last
        assert final == documented.metrics(0, day, day, NOW + timedelta(days=9))[0]
        restated += first != final
    assert restated


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def test_days_before_the_account_was_opened_are_absent(world):
    account = world.accounts[0]
    days = world.metrics(account, date(2024, 12, 1), account.created + timedelta(days=3), NOW)
    assert [day["date"] for day in days] == [(account.created + timedelta(days=n)).isoformat() for n in range(4)]


def test_each_kind_of_account_gets_its_metrics(world):
    shown = {
        kind: world.metrics(account_of(world, kind), TODAY - timedelta(days=9), TODAY, NOW)[0] for kind in AccountKind
    }
    assert "email_clicks" in shown[AccountKind.VERIFIED_BUSINESS]
    assert "email_clicks" not in shown[AccountKind.BUSINESS]
    assert len(shown[AccountKind.BUSINESS]["audience_activity"]) == 24
    assert "unique_video_views" not in shown[AccountKind.PERSONAL]
    assert shown[AccountKind.SMALL]["unique_video_views"] is None


def test_some_days_are_restated_once_and_then_stand(world):
    restated = 0
    for back in range(40, 80):
        day = TODAY - timedelta(days=back)
        since = world.published_at(0, day)
        first, final, later = (
            world.metrics(0, day, day, since + timedelta(hours=hours))[0] for hours in (0, 25, 24 * 30)
        )
        assert final == later
        assert first["video_views"] <= final["video_views"]
        restated += first != final
    assert 5 < restated < 35


def test_followers_add_up_from_day_to_day(world):
    days = world.metrics(1, TODAY - timedelta(days=50), TODAY, NOW)
    for before, after in pairwise(days):
        assert after["followers_count"] - before["followers_count"] == after["daily_total_followers"]
        assert after["daily_total_followers"] == after["daily_new_followers"] - after["daily_lost_followers"]
