"""The numbers of the simulated world agree with each other, as an analyst would expect of TikTok's."""

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta

import pytest

from tiktok_organic_dagster.simulator import AccountKind, World
from tiktok_organic_dagster.simulator.videos import VERIFIED_CLICKS
from tiktok_organic_dagster_tests.unit.simulator.worlds import NOW, TODAY, account_of, every_video


def all_days(world: World, account: int) -> list[dict]:
    """The 56 or 57 days of the last 58 that are published."""
    return world.metrics(account, TODAY - timedelta(days=58), TODAY - timedelta(days=1), NOW)


def day_of(comment: dict) -> date:
    return datetime.fromtimestamp(int(comment["create_time"]), UTC).date()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_comments_of_the_days_are_those_written_on_them(seed):
    world = World(seed)
    counted, written = 0, 0
    for account in world.accounts:
        days = {date.fromisoformat(day["date"]): day["comments"] for day in all_days(world, account.index)}
        comments = [each for post in world.posts(account, NOW) for each in world.comments(account, post.item_id, NOW)]
        by_day = Counter(day for day in map(day_of, comments) if day in days)
        assert by_day.total() == pytest.approx(sum(days.values()), rel=0.2, abs=2)
        counted, written = counted + sum(days.values()), written + by_day.total()
    assert counted > 40
    assert written == pytest.approx(counted, rel=0.2)


def test_a_day_of_the_most_commented_post_counts_its_comments(world):
    monster = max(world.posts(0, NOW), key=lambda post: post.comments)
    first = datetime.fromtimestamp(monster.created, UTC).date()
    days = world.metrics(0, first, first + timedelta(days=2), NOW)
    written = Counter(day_of(comment) for comment in world.comments(0, monster.item_id, NOW))
    for day in days:
        seen = written[date.fromisoformat(day["date"])]
        assert day["comments"] >= seen > 20


def test_a_comment_counts_on_its_day_although_it_is_deleted_later(world):
    for post in world.posts(0, NOW):
        early, late = (
            {each["comment_id"]: each for each in world.comments(0, post.item_id, moment)}
            for moment in (datetime.fromtimestamp(post.created, UTC) + timedelta(days=20), NOW)
        )
        for gone in early.keys() - late.keys():
            day = day_of(early[gone])
            (metrics,) = world.metrics(0, day, day, NOW)
            assert metrics["comments"] > sum(day_of(comment) == day for comment in late.values())


def test_retention_ends_at_the_share_that_watched_in_full_and_its_area_is_the_time_watched(world):
    seen = 0
    for video in every_video(world):
        if not video.get("full_video_watched_rate") or not video.get("video_view_retention"):
            continue
        seen += 1
        curve = [row["percentage"] for row in video["video_view_retention"]]
        assert curve[-1] == video["full_video_watched_rate"]
        to_the_last_second = sum(curve) - (curve[0] + curve[-1]) / 2
        rest = (video["video_duration"] - (len(curve) - 1)) * curve[-1]
        assert to_the_last_second + rest == pytest.approx(video["average_time_watched"], rel=0.07)
    assert seen > 100


def test_at_most_40_percent_of_the_followers_are_active_in_one_hour(world):
    shares = [
        hour["count"] / day["followers_count"]
        for account in world.accounts
        for day in all_days(world, account.index)
        for hour in day.get("audience_activity") or []
    ]
    assert 0.25 < max(shares) <= 0.4


def test_the_most_commented_post_has_the_views_and_likes_for_it(world):
    found = [video for video in every_video(world) if (video.get("comments") or 0) > 500]
    assert len(found) == len(world.accounts) - 1
    for video in found:
        assert video["video_views"] > 100 * video["comments"]
        assert video["likes"] > 2 * video["comments"]
    small = world.videos(account_of(world, AccountKind.SMALL), NOW)
    assert max(video.get("comments", 0) for video in small) < 50


def test_no_more_people_click_on_a_post_than_look_at_its_profile(world):
    clicked = [video for video in every_video(world) if video.get("website_clicks") is not None]
    for video in clicked:
        assert sum(video[name] for name in VERIFIED_CLICKS) <= video["profile_views"] <= video["video_views"]
    assert all(any(video[name] for video in clicked) for name in VERIFIED_CLICKS)


WHERE = {"Köln": "DE", "São Paulo": "BR", "Cincinnati": "US", "Porto": "PT", "東京": "JP", "Leeds": "GB", "دبي": "AE"}


def test_cities_lie_in_their_country_and_have_a_part_of_its_viewers(world):
    found: set[str] = set()
    for account in world.accounts:
        for video in world.videos(account, NOW):
            cities = video.get("audience_cities") or []
            by_country: dict[str, float] = defaultdict(float)
            for city in cities:
                country, name = city["city_name"].split(" ", 1)
                by_country[country] += city["percentage"]
                found.add(name)
                assert WHERE.get(name, country) == country
            others = [city["city_name"] for city in cities if city["city_name"].endswith(" Other")]
            assert others == ([f"{account.country} Other"] if cities else [])
            if countries := video.get("audience_countries"):
                shares = {row["country"]: row["percentage"] for row in countries}
                assert all(part <= shares[country] + 0.001 for country, part in by_country.items())
    assert {"Cincinnati", "Köln", "Porto"} <= found


def test_at_most_ten_countries_are_listed_and_some_posts_have_viewers_in_more(world):
    sums: dict[int, set[bool]] = defaultdict(set)
    for account in world.accounts:
        lists = [video["audience_countries"] for video in world.videos(account, NOW) if video.get("audience_countries")]
        assert len({row["country"] for rows in lists for row in rows}) <= 15
        for rows in lists:
            whole = sum(row["percentage"] for row in rows)
            assert whole <= 1 + 1e-9
            sums[len(rows)].add(whole < 0.9999)
    assert max(sums) == 10
    assert True in sums[10]
    assert {left for count, whole in sums.items() if count < 10 for left in whole} == {False}
