"""The breakdowns of a post: who watched, from where, how long, and when they liked it."""

import math
from collections.abc import Callable
from random import Random

from tiktok_organic_dagster.simulator.chance import chance, shares
from tiktok_organic_dagster.simulator.places import Rows, cities, countries, markets
from tiktok_organic_dagster.simulator.posts import DAY_S, Post

_SOURCES = ("For You", "Follow", "Personal Profile", "Search", "Sound", "Others")
_RARE_SOURCES = ("Direct Message", "Hashtag")
_GENDERS = ("Female", "Male", "Other")
_AGES = ("18-24", "25-34", "35-44", "45-54", "55+")
SECONDS = [str(second) for second in range(200)]
_STEPS_OF_A_SEARCH = 10


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
    places = countries(*_reached(seed, random, post, country))
    found: dict[str, Rows] = {
        "impression_sources": rows("impression_source", [name for _, name in by_size], [part for part, _ in by_size]),
        "audience_genders": rows("gender", list(_GENDERS), shares([random.uniform(0.2, 1) for _ in _GENDERS])),
        "audience_countries": places,
        "audience_cities": cities(random, places),
    }
    if not post.is_photo:
        seconds = SECONDS[: int(post.duration) + 1]
        draw = random.random
        found["video_view_retention"] = rows("second", seconds, _retention(draw, post, len(seconds)))
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
    codes = markets(seed, index, country)
    places = countries(codes, [0.5**number for number in range(len(codes))])
    return {
        "audience_ages": rows("age", list(_AGES), shares(ages)),
        "audience_genders": rows("gender", list(_GENDERS), shares(genders)),
        "audience_countries": places,
        "audience_cities": cities(random, places),
    }


def _reached(seed: int, random: Random, post: Post, home: str) -> tuple[list[str], list[float]]:
    """Countries with viewers of a post, home first, and how many there are in each: the more views, the more places."""
    _, *abroad = markets(seed, post.account, home)
    most = min(int(3 * math.log10(post.final_views + 1)), len(abroad))
    codes = [home, *random.sample(abroad, random.randint(0, most))]
    steepness = random.expovariate(1) + 1
    return codes, [(1 + place) ** -steepness * (1 + (post.created + place) % 7 / 20) for place in range(len(codes))]


def _retention(draw: Callable[[], float], post: Post, seconds: int) -> list[float]:
    """The share of viewers who still watch at each second: from all of them down to those who watch to the end.

    The area under the curve is the time that an average viewer watches, which falls by a tenth within a year.
    """
    leaving = [draw() + 0.05 for _ in range(seconds - 1)]
    whole = left = sum(leaving)
    staying = [1.0]
    for lost in leaving[:-1]:
        left -= lost
        staying.append(left / whole)
    end = post.finished
    # Bending the curve up or down gives those who leave the area that is theirs; at the end none of them is left.
    area = (0.95 * post.watched - end) * post.duration / (1 - end)
    low, high = -4.0, 4.0
    for _ in range(_STEPS_OF_A_SEARCH):
        middle = (low + high) / 2
        bend = math.exp(middle)
        if sum([share**bend for share in staying]) - 0.5 > area:
            low = middle
        else:
            high = middle
    bend = math.exp((low + high) / 2)
    return [*(round(end + (1 - end) * share**bend, 4) for share in staying), end]
