"""What becomes of an account's table in the gap ledger, run after run."""

from dataclasses import dataclass, field
from datetime import date, timedelta

from tiktok_organic_dagster.ledger import (
    Circumstances,
    Span,
    State,
    answered,
    laid_over,
    read_today,
    settled,
)

DAY = timedelta(days=1)
CONNECTED = date(2026, 3, 1)
OLDEST = date(2026, 1, 2)  # 58 days before: 28 of February and 30 of January lie between
LOADED, MISSING, LOST, PROVISIONAL, NOT_OFFERED = (
    State.LOADED, State.MISSING, State.LOST, State.PROVISIONAL, State.NOT_OFFERED,
)  # fmt: skip


def days_between(first, last):
    return [first + n * DAY for n in range((last - first).days + 1)]


def as_rows(spans):
    """The spans as they are written down in the examples."""
    return [(f"{span.first:%m-%d}", f"{span.last:%m-%d}", span.state, span.why) for span in spans]


@dataclass
class Life:
    """An account's table, and what becomes of it."""

    fills_days: bool = True
    about: Circumstances = field(default_factory=lambda: Circumstances(CONNECTED, OLDEST))
    spans: list[Span] = field(default_factory=list)

    def settle(self, today):
        self.spans = settled(self.spans, self.about, today, fills_days=self.fills_days)

    def ask(self, today, first=None, published=lambda day, today: day <= today - 3 * DAY):
        """A run asks TikTok, by default for the days of which the ledger knows that they are missing."""
        self.settle(today)
        missing = [span.first for span in self.spans if span.state is MISSING]
        asked = days_between(first or min([*missing, today - 7 * DAY]), today - DAY)
        self.spans = answered(self.spans, asked, [day for day in asked if published(day, today)], today)

    def read(self, today, *, complete=True):
        """A run takes today's reading."""
        self.settle(today)
        self.spans = laid_over(self.spans, [read_today(today, complete=complete)])

    def live(self, first, last):
        """A run every day."""
        for today in days_between(first, last):
            if self.fills_days:
                self.ask(today)
            else:
                self.read(today)


def new_metrics(**about):
    return Life(about=Circumstances(CONNECTED, OLDEST, **about))


def new_readings(**about):
    return Life(fills_days=False, about=Circumstances(CONNECTED, CONNECTED, **about))
