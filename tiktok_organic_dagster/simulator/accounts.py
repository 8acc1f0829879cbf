"""The simulated accounts: who they are, how their followers grow, and how often they post."""

import base64
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from threading import Lock

from tiktok_organic_dagster.simulator.chance import chance, digest

EPOCH = date(2025, 1, 1)
"""First day of the default world."""

REFERENCE_DAY = date(2026, 11, 23)
"""At 00:00 UTC of this day every account holds its target number of posts; later days add more at the same pace."""

WEEKLY_RHYTHM = (1.0, 0.93, 0.95, 1.0, 1.12, 1.27, 1.2)
FOLLOWERS_FOR_AUDIENCE = 100
"""TikTok describes the audience of an account from this number of followers on."""


class AccountKind(StrEnum):
    """What TikTok knows an account as; it decides which fields the API returns."""

    BUSINESS = "business"
    VERIFIED_BUSINESS = "verified business"
    PERSONAL = "personal"
    SMALL = "personal under 100 followers"


@dataclass(frozen=True, slots=True)
class SimulatedAccount:
    """One account of the world, as it was on the day it was opened."""

    index: int
    kind: AccountKind
    username: str
    display_name: str
    bio: str
    created: date
    country: str
    posts_by_reference_day: int

    @property
    def is_business(self) -> bool:
        """Whether it is a Business account, verified or not."""
        return self.kind in {AccountKind.BUSINESS, AccountKind.VERIFIED_BUSINESS}

    @property
    def is_verified(self) -> bool:
        """Whether it is a Verified (formerly Registered) Business account."""
        return self.kind is AccountKind.VERIFIED_BUSINESS


@dataclass(frozen=True, slots=True)
class FollowerDay:
    """Followers gained and lost on one day, and their number at its end."""

    gained: int
    lost: int
    total: int


_PERSONAS = (
    ("brasa.coffee", "Brasa Coffee ☕", "Roasting since 2014\n📍 Porto & online\nsay “olá” 👋", "PT"),
    ("northlight_studio", "Northlight Studio ✔", "Lamps that like you back. Orders: link below", "US"),
    ("la_flama_blanca", "La Flama Blanca", "", "MX"),
    ("tiny.greenhouse", "tiny greenhouse 🌱", "اهلا وسهلا | plants, slowly", "AE"),
    ("klein_und_kaffee", "Klein & Kaffee", "Zwei Leute; eine Mühle.", "DE"),
    ("mokuyobi.kitchen", "木曜日キッチン", "毎週木曜日 🍜", "JP"),
    ("paula_repairs", "Paula repairs things", 'I fix it or I say "sorry"', "BR"),
    ("quiet.kilometres", "quiet kilometres", "running, mostly 🏃🏽‍♀️", "GB"),
)
_KINDS = tuple(AccountKind)


def open_account(seed: int, index: int, epoch: date, videos: int | None) -> SimulatedAccount:
    """The account with this index; `videos` replaces its own number of posts by `REFERENCE_DAY`."""
    random = chance(seed, "account", index)
    username, display_name, bio, country = _PERSONAS[index % len(_PERSONAS)]
    if index >= len(_PERSONAS):
        username, display_name = f"{username}{index}", f"{display_name} {index}"
    kind = _KINDS[index % len(_KINDS)]
    posts = random.randint(60, 75) if kind is AccountKind.SMALL else random.randint(80, 150)
    return SimulatedAccount(
        index=index,
        kind=kind,
        username=username,
        display_name=display_name,
        bio=bio,
        created=epoch + timedelta(days=random.randrange(21)),
        country=country,
        posts_by_reference_day=posts if videos is None else videos,
    )


def business_id(seed: int, index: int, client_id: str) -> str:
    """The account's opaque id as one developer app sees it; that of the first account begins with a hyphen."""
    name = base64.urlsafe_b64encode(digest(seed, "business", index, client_id)).decode().rstrip("=")
    return ("-000", "000i", "_000", "000-")[index % 4] + name[:32]


@lru_cache(maxsize=20_000)
def _luck(seed: int, account: int, day: int) -> tuple[float, float, float, float, float]:
    """What is drawn for the followers of an account on a day, counted from its first one."""
    random = chance(seed, "follower day", account, day)
    return random.expovariate(1), random.random(), random.random(), random.uniform(0.1, 0.45), random.random()


class FollowerHistory:
    """Followers of one account, day by day; grows on demand and holds nothing that the seed does not say."""

    def __init__(self, seed: int, account: SimulatedAccount) -> None:
        random = chance(seed, "followers", account.index)
        self._seed = seed
        self._account = account
        self._pace = {
            AccountKind.BUSINESS: random.uniform(8, 14),
            AccountKind.VERIFIED_BUSINESS: random.uniform(60, 110),
            AccountKind.PERSONAL: random.uniform(3, 6),
            AccountKind.SMALL: 0.3,
        }[account.kind]
        self._first = {AccountKind.SMALL: random.randint(15, 40)}.get(account.kind, random.randint(180, 400))
        self._days: list[FollowerDay] = []
        self._lock = Lock()

    def day(self, day: date) -> FollowerDay:
        """What happened on the day; nothing before the account was opened."""
        number = (day - self._account.created).days
        if number < 0:
            return FollowerDay(0, 0, 0)
        with self._lock:
            while len(self._days) <= number:
                self._days.append(self._next_day(len(self._days)))
            return self._days[number]

    def _next_day(self, number: int) -> FollowerDay:
        growth, hit, more, losing, less = _luck(self._seed, self._account.index, number)
        before = self._days[-1].total if self._days else self._first
        weekday = (self._account.created + timedelta(days=number)).weekday()
        wave = self._pace * WEEKLY_RHYTHM[weekday] * growth * (1 + number / 900)
        if hit < 0.02:
            wave *= 6  # a hit brings followers
        gained, lost = int(wave + more), int(wave * losing + less * 0.9)
        if self._account.kind is AccountKind.SMALL and before + gained - lost > FOLLOWERS_FOR_AUDIENCE - 6:
            gained, lost = 0, 1
        return FollowerDay(gained, lost, before + gained - lost)
