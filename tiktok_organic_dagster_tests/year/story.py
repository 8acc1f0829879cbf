"""What happens in a simulated stretch of time, and what must come of it: written down by hand, day by day."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
YEAR_OF_AUTHORIZATION = timedelta(days=365)

READINGS = "readings"
METRICS = "metrics"


def at(text: str) -> datetime:
    """A moment in UTC: `at("2026-03-01 05:00")`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def day(text: str) -> date:
    """A day: `day("2026-03-01")`."""
    return date.fromisoformat(text)


def days(first: date, last: date) -> list[date]:
    """The days from the first to the last, both included."""
    return [first + number * DAY for number in range((last - first).days + 1)]


@dataclass(frozen=True)
class Outage:
    """Dagster is down: no tick from a moment on until another one."""

    first: datetime
    end: datetime


@dataclass(frozen=True)
class Connected:
    """An account's owner consents, for the first time or again."""

    at: datetime
    account: int
    life: timedelta = YEAR_OF_AUTHORIZATION


@dataclass(frozen=True)
class Revoked:
    """An account's owner withdraws the consent in TikTok's app."""

    at: datetime
    account: int


@dataclass(frozen=True)
class Late:
    """TikTok publishes the metrics of some days of an account later than it documents."""

    account: int
    first: date
    last: date
    by: timedelta


@dataclass(frozen=True)
class Lost:
    """Days of an account's readings or metrics that could not be loaded in time, and a word of the reason."""

    account: int
    what: str
    first: date
    last: date
    why: str


@dataclass(frozen=True)
class Told:
    """A message that people get.

    Attributes:
        at: The tick at which it is due; it is sent then, or at the next one.
        opened: The titles of what is wrong since the message before.
        recovered: The titles of what is over.
    """

    at: datetime
    opened: tuple[str, ...] = ()
    recovered: tuple[str, ...] = ()


@dataclass(frozen=True)
class Story:
    """A stretch of time.

    Attributes:
        start: The first moment; the accounts of that moment are connected before the first tick, an hour later.
        end: The moment of the last tick.
        first_partition: The setting TIKTOK_ORGANIC_START_DATE.
        names: The accounts.
        outages: When Dagster is down.
        events: What the owners do, in order.
        late: When TikTok is late.
        lost: Which days are lost, of all that the ledger looks at.
        told: Which alerts are sent, in order.
    """

    start: datetime
    end: datetime
    first_partition: date
    names: tuple[str, ...]
    outages: tuple[Outage, ...]
    events: tuple[Connected | Revoked, ...]
    late: tuple[Late, ...]
    lost: tuple[Lost, ...]
    told: tuple[Told, ...]

    kinds: ClassVar[tuple[str, ...]] = (READINGS, METRICS)

    @property
    def accounts(self) -> range:
        """The numbers of the accounts."""
        return range(len(self.names))

    @property
    def today(self) -> date:
        """The last day."""
        return self.end.date()

    def hours(self) -> Iterator[datetime]:
        """Every full hour after the start, to the end."""
        moment = self.start
        while moment < self.end:
            moment += HOUR
            yield moment

    def is_down(self, moment: datetime) -> bool:
        """Whether Dagster is down."""
        return any(outage.first <= moment < outage.end for outage in self.outages)

    def connected(self, account: int) -> datetime:
        """When an account is first connected."""
        return next(e.at for e in self.events if isinstance(e, Connected) and e.account == account)

    def is_authorized(self, account: int, moment: datetime) -> bool:
        """Whether TikTok answers for an account at a moment."""
        until: datetime | None = None
        for event in self.events:
            if event.account == account and event.at <= moment:
                until = event.at + event.life if isinstance(event, Connected) else event.at
        return until is not None and moment < until

    def lost_days(self, account: int, what: str) -> dict[date, str]:
        """The days of an account that are lost, each with a word of the reason."""
        return {
            each: lost.why
            for lost in self.lost
            if (lost.account, lost.what) == (account, what)
            for each in days(lost.first, lost.last)
        }
