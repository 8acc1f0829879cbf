"""The breakdowns of a post: who watched, from where, how long, and when they liked it."""

from typing import Any

from tiktok_organic_dagster.simulator.chance import chance, shares
from tiktok_organic_dagster.simulator.posts import DAY_S, Post

Rows = list[dict[str, Any]]

_SOURCES = ("For You", "Follow", "Personal Profile", "Search", "Sound", "Others")
_RARE_SOURCES = ("Direct Message", "Hashtag")
_COUNTRIES = (
    "US",
    "BR",
    "GB",
    "DE",
    "MX",
    "PT",
    "JP",
    "AE",
    "MY",
    "TW",
    "VN",
    "CA",
    "NL",
    "PR",
    "VE",
    "FR",
    "ES",
    "ID",
)
_CITIES = ("Cincinnati", "New York", "São Paulo", "Kuala Lumpur", "Köln", "دبي", "東京", "Porto", "Leeds", "Nha Trang")
_GENDERS = ("Female", "Male", "Other")
_AGES = ("18-24", "25-34", "35-44", "45-54", "55+")
SECONDS = [str(second) for second in range(200)]
MOST_PLACES = 10
"""TikTok lists at most this many countries and cities."""


def rows(name: str, values: list[str], percentages: list[float]) -> Rows:
    """The API's shape of a breakdown: one object per value."""
    return [{name: value, "percentage": percentage} for value, percentage in zip(values, percentages, strict=True)]


def lasting_insights(seed: int, post: Post, country: str) -> dict[str, Rows]:
    """The breakdowns of a post that do not change while it lives; slow to draw, so callers keep them."""
    random = chance(seed, "insights", post.item_id)
    sources = [*_SOURCES, *(source for source in _RARE_SOURCES if random.random() < 0.4)]
    weights = [10.0, *(random.expovariate(1) for _ in sources[1:])]
    if random.random() < 0.3:
        weights[4] = 0.0
    by_size = sorted(zip(shares(weights), sources, strict=True), reverse=True)
    countries = [country, *(code for code in random.sample(_COUNTRIES, random.randint(1, 9)) if code != country)]
    cities = [f"{country} {city}" for city in random.sample(_CITIES, random.randint(2, 9))] + [f"{country} Other"]
    found: dict[str, Rows] = {
        "impression_sources": rows("impression_source", [name for _, name in by_size], [part for part, _ in by_size]),
        "audience_genders": rows("gender", list(_GENDERS), shares([random.uniform(0.2, 1) for _ in _GENDERS])),
        "audience_countries": _places("country", countries[:MOST_PLACES], random.expovariate(1) + 1, post),
        "audience_cities": _places("city_name", cities[:MOST_PLACES], random.expovariate(1) + 1, post),
    }
    if not post.is_photo:
        seconds = SECONDS[: int(post.duration) + 1]
        draw, leaving, left = random.random, (1 - post.watched) * 1200, 10_000.0
        retention: list[float] = []
        for _ in seconds:
            retention.append(int(left) / 10_000)
            left -= left * draw() * leaving / 10_000
        found["video_view_retention"] = rows("second", seconds, retention)
        likes = shares([draw() * draw() / (9 + number) for number in range(len(seconds))])
        found["engagement_likes"] = rows("second", seconds, likes)
    return found


def audience_types(post: Post, at: float) -> Rows:
    """New against returning viewers and followers against others; strangers come as a post ages."""
    age = max(at - post.created, 0) / DAY_S
    strangers = age / (age + 20)
    new = round(0.35 + 0.5 * strangers * post.watched, 4)
    followers = round(0.6 - 0.5 * strangers, 4)
    return rows(
        "type",
        ["NEW_VIEWER", "RETURN_VIEWER", "FOLLOWER_PERCENT", "NON_FOLLOWER_PERCENT"],
        [new, round(1 - new, 4), followers, round(1 - followers, 4)],
    )


def account_audience(seed: int, index: int, country: str, day: int) -> dict[str, Rows]:
    """The audience of an account as TikTok describes it on a day: a snapshot, without a date of its own."""
    random = chance(seed, "audience", index)
    drift = chance(seed, "audience", index, day)
    ages = [random.uniform(0.2, 1) * drift.uniform(0.95, 1.05) for _ in _AGES]
    genders = [random.uniform(0.2, 1) * drift.uniform(0.95, 1.05) for _ in _GENDERS]
    countries = [country, *(code for code in random.sample(_COUNTRIES, 6) if code != country)]
    cities = [f"{country} {city}" for city in random.sample(_CITIES, 6)]
    return {
        "audience_ages": rows("age", list(_AGES), shares(ages)),
        "audience_genders": rows("gender", list(_GENDERS), shares(genders)),
        "audience_countries": rows("country", countries, _falling(countries)),
        "audience_cities": rows("city_name", cities, _falling(cities)),
    }


def _falling(places: list[str]) -> list[float]:
    return shares([0.5**number for number in range(len(places))])


def _places(name: str, places: list[str], steepness: float, post: Post) -> Rows:
    weights = [(1 + number) ** -steepness * (1 + (post.created + number) % 7 / 20) for number in range(len(places))]
    return rows(name, places, shares(weights))
