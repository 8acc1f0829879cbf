"""The posts of the simulated world: when each was published and how its audience grows."""

import math
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from threading import Lock

from tiktok_organic_dagster.simulator import texts
from tiktok_organic_dagster.simulator.accounts import EPOCH, REFERENCE_DAY, AccountKind, SimulatedAccount
from tiktok_organic_dagster.simulator.chance import chance

DAY_S = 86_400
FROZEN_AFTER_S = 365 * DAY_S
"""TikTok stops updating the values of a post this long after its publication."""

MONSTER_AFTER_DAYS = 330
"""Age of an account when it publishes the post that everybody comments on; small accounts never do."""

VIEWS_A_MONSTER_COMMENT = 200
"""Such a post has at least this many views for each of its comments."""

MOST_VIEWS = 3_000_000
_TYPICAL_VIEWS = {
    AccountKind.BUSINESS: 900,
    AccountKind.VERIFIED_BUSINESS: 5_000,
    AccountKind.PERSONAL: 350,
    AccountKind.SMALL: 40,
}


@dataclass(frozen=True, slots=True)
class Post:
    """One public post: what never changes about it, and the numbers that its growth is computed from."""

    account: int
    number: int
    item_id: str
    created: int
    is_photo: bool
    duration: float
    caption: str
    final_views: float
    pace_days: float
    fade: float
    revival_day: float
    revival_views: float
    like_rate: float
    watched: float
    """The part of its length that an average viewer watches."""
    promoted_from: int
    promoted_until: int
    comments: int
    variant: int
    """0, 1 or 2: which of the equally likely ways to leave a value out this post shows."""

    @property
    def finished(self) -> float:
        """The share of viewers who watch to the end."""
        return round(self.watched**2 * 0.6, 4)

    def views(self, at: float) -> int:
        """Lifetime views at an epoch second; never falls, and stands still a year after publication."""
        age = min(at - self.created, FROZEN_AFTER_S) / DAY_S
        if age <= 0:
            return 0
        views = self.final_views * (1 - (1 + age / self.pace_days) ** -self.fade)
        if age > self.revival_day:
            views += self.revival_views * (1 - math.exp((self.revival_day - age) / 3))
        return int(views)

    def likes(self, at: float) -> int:
        """Lifetime likes at an epoch second."""
        return int(self.views(at) * self.like_rate)


def start_of(day: date) -> int:
    """Epoch second at which a UTC day begins."""
    return int(datetime.combine(day, time(), UTC).timestamp())


class PostHistory:
    """The posts of one account, oldest first; grows on demand and holds nothing that the seed does not say.

    Time since the account was opened is cut into equal slots, one post in each, so that any post can be computed
    without its predecessors and later days only add posts.
    """

    def __init__(self, seed: int, account: SimulatedAccount) -> None:
        self._seed = seed
        self._account = account
        days = (REFERENCE_DAY - account.created).days
        if days < 30:  # a world that begins later keeps the pace of the default one
            days = (REFERENCE_DAY - EPOCH).days
        self._slot_s = days * DAY_S / max(account.posts_by_reference_day, 1)
        self._start = start_of(account.created)
        self._monster = int(MONSTER_AFTER_DAYS * DAY_S / self._slot_s)
        self._posts: list[Post] = []
        self._created: list[int] = []
        self._lock = Lock()

    def until(self, at: float) -> list[Post]:
        """All posts published at or before an epoch second, oldest first."""
        if not self._account.posts_by_reference_day:
            return []
        with self._lock:
            # One slot ahead: a post may go out with its predecessor, in the slot before its own.
            while self._start + (len(self._posts) - 1) * self._slot_s <= at:
                post = self._publish(len(self._posts))
                self._posts.append(post)
                self._created.append(post.created)
            return self._posts[: bisect_right(self._created, at)]

    def between(self, start: float, end: float) -> list[Post]:
        """The posts published after `start` and at or before `end`."""
        posts = self.until(end)
        return posts[bisect_right(self._created, start, hi=len(posts)) :]

    def _slot_moment(self, number: int) -> int:
        offset = chance(self._seed, "slot", self._account.index, number).uniform(0.02, 0.95)
        return int(self._start + (number + offset) * self._slot_s)

    def _publish(self, number: int) -> Post:
        random = chance(self._seed, "post", self._account.index, number)
        # One in twenty-five goes out in the same second as its predecessor.
        twin = number > 0 and random.random() < 0.04
        created = self._slot_moment(number - 1 if twin else number)
        monster = number == self._monster and self._account.kind is not AccountKind.SMALL
        return make_post(self._seed, self._account, number, created, monster=monster)


def make_post(
    seed: int, account: SimulatedAccount, number: int, created: int, *, monster: bool = False, silent: bool = False
) -> Post:
    """Draw the properties of a post; a `monster` has far more than 500 comments, a `silent` one none."""
    random = chance(seed, "post", account.index, number, created)
    is_photo = random.random() < 0.08 and not monster
    typical = _TYPICAL_VIEWS[account.kind]
    flop = random.random() < 0.35 and not monster
    if flop:
        views, pace, fade = typical * random.uniform(0.05, 0.3), 0.8, 2.5
    else:
        views = min(typical * random.paretovariate(1.15), MOST_VIEWS)
        pace, fade = random.uniform(1.5, 4), random.uniform(0.9, 1.6)
    revived = random.random() < 0.06
    promoted = random.random() < 0.05
    comments = 0 if silent else min(int(random.expovariate(1) * 0.3 * math.log10(views + 1) ** 2), 90)
    if monster:
        comments = random.randint(660, 740)
        views = max(views * 20, comments * VIEWS_A_MONSTER_COMMENT)
    return Post(
        account=account.index,
        number=number,
        # The high bits of a real id are its time, the low ones tell posts of the same second apart.
        item_id=str(created << 32 | random.getrandbits(32)),
        created=created,
        is_photo=is_photo,
        duration=0.0 if is_photo else round(min(5 + random.lognormvariate(2.8, 0.6), 180), 3),
        caption=texts.caption(random, number),
        final_views=views,
        pace_days=pace,
        fade=fade,
        revival_day=random.uniform(60, 300) if revived else math.inf,
        revival_views=views * 0.4 if revived else 0.0,
        like_rate=random.uniform(0.02, 0.14),
        watched=random.uniform(0.15, 0.85),
        promoted_from=created + random.randrange(5) * DAY_S if promoted else 0,
        promoted_until=created + random.randint(6, 30) * DAY_S if promoted else 0,
        comments=comments,
        variant=random.randrange(3),
    )
