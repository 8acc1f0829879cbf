"""Where the audience of the simulated world is: the countries an account reaches, and cities that lie in them."""

from collections.abc import Sequence
from functools import lru_cache
from random import Random
from typing import Any

from tiktok_organic_dagster.simulator.chance import chance, shares

Rows = list[dict[str, Any]]

MOST_PLACES = 10
"""TikTok lists at most this many countries and cities; a rest stays unlisted, so the shares need not sum to 1."""

MOST_CITIES_AT_HOME = 4
_FEWEST_MARKETS, _MOST_MARKETS = 8, 15
_CITIES = {
    "US": ("Cincinnati", "New York", "Los Angeles", "St. Louis"),
    "BR": ("São Paulo", "Rio de Janeiro", "Belo Horizonte", "Brasília"),
    "GB": ("Leeds", "London", "Stoke-on-Trent", "Glasgow"),
    "DE": ("Köln", "Berlin", "München", "Frankfurt (Oder)"),
    "MX": ("Ciudad de México", "Guadalajara", "Mérida", "Querétaro"),
    "PT": ("Porto", "Lisboa", "Évora", "Braga"),
    "JP": ("東京", "大阪", "札幌", "福岡"),
    "AE": ("دبي", "أبوظبي", "الشارقة", "العين"),
    "MY": ("Kuala Lumpur", "George Town", "Johor Bahru", "Ipoh"),
    "TW": ("台北", "高雄", "台中", "台南"),
    "VN": ("Nha Trang", "Hà Nội", "Đà Nẵng", "Huế"),
    "CA": ("Toronto", "Montréal", "Vancouver", "St. John's"),
    "NL": ("Amsterdam", "Utrecht", "'s-Hertogenbosch", "Groningen"),
    "PR": ("San Juan", "Bayamón", "Ponce", "Mayagüez"),
    "VE": ("Caracas", "Maracaibo", "Valencia", "Mérida"),
    "FR": ("Paris", "Lyon", "Saint-Étienne", "L'Haÿ-les-Roses"),
    "ES": ("Madrid", "Barcelona", "Valencia", "A Coruña"),
    "ID": ("Jakarta", "Bandung", "Surabaya", "Yogyakarta"),
}


@lru_cache
def markets(seed: int, account: int, home: str) -> tuple[str, ...]:
    """The countries that an account reaches at all, its own first."""
    random = chance(seed, "markets", account)
    abroad = [code for code in _CITIES if code != home]
    return home, *random.sample(abroad, random.randint(_FEWEST_MARKETS, _MOST_MARKETS) - 1)


def countries(codes: Sequence[str], weights: list[float]) -> Rows:
    """The countries that TikTok lists of those reached, each with its share of all."""
    listed = list(zip(codes, shares(weights), strict=True))[:MOST_PLACES]
    return [{"country": code, "percentage": part} for code, part in listed]


def cities(random: Random, listed: Rows) -> Rows:
    """The cities that TikTok lists: each has a part of its country's share, and home's `Other` comes last.

    Args:
        random: Draws the cities.
        listed: From `countries`, the account's own country first.
    """
    home, *abroad = listed
    at_home = random.sample(_CITIES[home["country"]], random.randint(2, MOST_CITIES_AT_HOME))
    *parts, other = shares([random.uniform(0.2, 1) for _ in range(len(at_home) + 1)])
    found = [_city(home, name, part) for name, part in zip(at_home, parts, strict=True)]
    found += [_city(each, random.choice(_CITIES[each["country"]]), random.uniform(0.1, 0.5)) for each in abroad]
    found.sort(key=lambda city: city["percentage"], reverse=True)
    return [*found[: random.randint(2, MOST_PLACES - 1)], _city(home, "Other", other)]


def _city(country: dict[str, Any], name: str, part: float) -> dict[str, Any]:
    return {"city_name": f"{country['country']} {name}", "percentage": round(country["percentage"] * part, 4)}
