"""The gap ledger's rules: what is known of each day of an account's table, and what becomes of it as time passes.

Neighbouring days of one state are one span, so that three years of a healthy account are a few rows.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum

from tiktok_organic_dagster.windows import BACKFILL_DAYS, ONE_DAY, PUBLISHED_AFTER


class State(Enum):
    """What is known of a day."""

    LOADED = "loaded"
    PROVISIONAL = "provisional"
    MISSING = "missing"
    LOST = "lost"
    NOT_OFFERED = "not offered"


MEANING = {
    State.LOADED: "TikTok answered for the day, and what it gave is stored",
    State.PROVISIONAL: "TikTok may not have published it yet",
    State.MISSING: "not stored, and can still be loaded",
    State.LOST: "not stored, and TikTok cannot be asked for it any more",
    State.NOT_OFFERED: "TikTok has nothing for that day",
}

IN_PART = "in part: a later run goes on with the rest"
NOTHING_RETURNED = "TikTok was asked for it, and returned nothing of it"
BEFORE_THE_FIRST = "before the first day that TikTok has of this account"
NO_RUN = "no run asked TikTok for it while it could"
NOT_YET = "not asked for yet"
NOT_CONNECTED = "the account was not connected"
ROWS_GONE = "its rows are no longer in the table"
NOT_PUBLISHED = "TikTok publishes a day 24 to 48 hours after it ended"
_NOT_GRANTED = "the owner did not grant the scope "

_FINAL = frozenset({State.LOADED, State.LOST, State.NOT_OFFERED})


@dataclass(frozen=True)
class Span:
    """Neighbouring days of one state.

    Attributes:
        first: The first day.
        last: The last day.
        state: What is known of them.
        why: The reason, where there is something to say.
        asked: The last day on which TikTok was asked for them, published by then, and returned nothing; None once they
            are lost, so that such days are one span.
    """

    first: date
    last: date
    state: State
    why: str = ""
    asked: date | None = None

    @property
    def days(self) -> int:
        """How many days it covers."""
        return (self.last - self.first).days + 1

    @property
    def read_in_part(self) -> bool:
        """Whether something of it was left to a later run."""
        return self.state is State.LOADED and self.why == IN_PART

    def is_like(self, other: "Span") -> bool:
        """Whether it says the same of other days."""
        return (self.state, self.why, self.asked) == (other.state, other.why, other.asked)


@dataclass(frozen=True)
class Circumstances:
    """What is known of an account beside its days, to say why one is missing.

    Attributes:
        connected: The UTC date on which it was connected.
        begin: The first day that is looked at.
        ended: Why its authorization has ended; None while it has not.
        failed_on: The UTC date of the step's last failure, if nothing was read completely since.
        failure: The reason of that failure.
        scope: The permission that the table needs and the owner did not grant, if so.
    """

    connected: date
    begin: date
    ended: str | None = None
    failed_on: date | None = None
    failure: str = ""
    scope: str | None = None


def laid_over(spans: Iterable[Span], new: Sequence[Span]) -> list[Span]:
    """Spans in order, with new ones in the place of what was said of their days; like neighbours are joined."""
    kept = [piece for span in spans for piece in _without(span, sorted(new, key=lambda each: each.first))]
    return _joined(sorted([*kept, *new], key=lambda each: each.first))


def from_day_on(spans: Iterable[Span], first: date) -> list[Span]:
    """The spans without the days before one."""
    return [replace(span, first=max(span.first, first)) for span in spans if span.last >= first]


def read_today(today: date, *, complete: bool) -> Span:
    """What a reading of today leaves in the ledger."""
    return Span(today, today, State.LOADED, "" if complete else IN_PART)


def answered(spans: Sequence[Span], asked: Collection[date], returned: Collection[date], today: date) -> list[Span]:
    """The spans of daily numbers after TikTok was asked for some days and returned some of them.

    One short answer does not make an account begin late: a day before the first that ever came stays missing, so that
    the next run asks for it again, until an answer of a later day lacks it too.

    Args:
        spans: What was known.
        asked: The days asked for.
        returned: The days that came.
        today: The UTC date on which TikTok was asked.
    """
    loaded = [span.first for span in spans if span.state is State.LOADED]
    first = min([*loaded, *returned], default=None)
    if first is not None:
        never = [span for span in spans if span.first < first and _never_came(span)]
        spans = laid_over(
            spans,
            [Span(span.first, min(span.last, first - ONE_DAY), State.NOT_OFFERED, BEFORE_THE_FIRST) for span in never],
        )
    new = [Span(day, day, State.LOADED) for day in returned]
    for day in asked:
        known = _span_of(spans, day)
        if day in returned or (known and known.state is State.LOADED):  # a stored day that is withdrawn stays
            continue
        if first is not None and day < first and known and _lacks_for_good(known, today):
            new.append(Span(day, day, State.NOT_OFFERED, BEFORE_THE_FIRST))
        elif day <= today - PUBLISHED_AFTER:
            new.append(Span(day, day, State.MISSING, NOTHING_RETURNED, today))
    return laid_over(spans, _joined(sorted(new, key=lambda each: each.first)))


def settled(spans: Sequence[Span], about: Circumstances, today: date, *, fills_days: bool) -> list[Span]:
    """The spans as they are today: what was missing may be lost by now, and days came to an end.

    Args:
        spans: What was known when they were last looked at.
        about: What is known of the account.
        today: The UTC date.
        fills_days: Whether past days can be loaded, as those of daily numbers can for a while.
    """
    last = today - ONE_DAY if fills_days else today
    oldest = today - BACKFILL_DAYS * ONE_DAY if fills_days else today
    cuts = [oldest, _reach(about, fills_days=fills_days), today]
    if fills_days:
        cuts.append(today - PUBLISHED_AFTER + ONE_DAY)
    if about.failed_on is not None:
        cuts += [about.failed_on, about.failed_on + ONE_DAY]
    first_loaded = min((span.first for span in spans if span.state is State.LOADED), default=None)
    begin = min([about.begin, *(span.first for span in spans)])
    result: list[Span] = []
    for known in _with_gaps(spans, begin, last):
        for span in _cut(known, cuts):
            if known.state in _FINAL and not (span.first >= oldest and _is_granted_now(span, about)):
                result.append(span)
            else:
                result.append(_judged(span, about, today, oldest, first_loaded, fills_days=fills_days))
    return _joined(result)


def _judged(
    span: Span, about: Circumstances, today: date, oldest: date, first_loaded: date | None, *, fills_days: bool
) -> Span:
    """What is to be said today of days that are not stored; none of the cuts lies within them."""
    clean = Span(span.first, span.last, State.MISSING)
    if about.scope is not None:
        return replace(clean, state=State.NOT_OFFERED, why=f"{_NOT_GRANTED}{about.scope}")
    if fills_days and span.first > today - PUBLISHED_AFTER:
        return replace(clean, state=State.PROVISIONAL, why=NOT_PUBLISHED)
    if span.asked is not None:
        if span.first >= oldest:
            return replace(clean, why=NOTHING_RETURNED, asked=span.asked)
        if first_loaded is not None and span.first < first_loaded:
            return replace(clean, state=State.NOT_OFFERED, why=BEFORE_THE_FIRST)
        return replace(clean, state=State.LOST if first_loaded else State.NOT_OFFERED, why=NOTHING_RETURNED)
    state = State.MISSING if span.first >= oldest else State.LOST
    return replace(clean, state=state, why=_why(span, about, state, fills_days=fills_days))


def _why(span: Span, about: Circumstances, state: State, *, fills_days: bool) -> str:
    if span.why == ROWS_GONE:
        return ROWS_GONE
    if state is State.LOST and span.first < _reach(about, fills_days=fills_days):
        return NOT_CONNECTED
    if about.failed_on is not None and (span.first < about.failed_on if fills_days else span.first == about.failed_on):
        return about.failure
    if about.ended is not None:
        return f"the authorization has ended ({about.ended})"
    return NOT_YET if state is State.MISSING else NO_RUN


def _reach(about: Circumstances, *, fills_days: bool) -> date:
    """The oldest day that could be had when the account was connected."""
    return about.connected - BACKFILL_DAYS * ONE_DAY if fills_days else about.connected


def _never_came(span: Span) -> bool:
    return span.state is State.NOT_OFFERED and span.why == NOTHING_RETURNED


def _is_granted_now(span: Span, about: Circumstances) -> bool:
    return span.why.startswith(_NOT_GRANTED) and about.scope is None


def _lacks_for_good(span: Span, today: date) -> bool:
    """Whether a day before the first one is settled by an answer of today without it."""
    return span.state is State.NOT_OFFERED or (span.asked is not None and span.asked < today)


def _span_of(spans: Sequence[Span], day: date) -> Span | None:
    return next((span for span in spans if span.first <= day <= span.last), None)


def _with_gaps(spans: Sequence[Span], begin: date, last: date) -> Iterator[Span]:
    """The spans in order, and in between those of the days that nothing is known of, as missing."""
    expected = begin
    for span in sorted(spans, key=lambda each: each.first):
        if expected < span.first:
            yield Span(expected, span.first - ONE_DAY, State.MISSING)
        yield span
        expected = span.last + ONE_DAY
    if expected <= last:
        yield Span(expected, last, State.MISSING)


def _cut(span: Span, cuts: Sequence[date]) -> Iterator[Span]:
    """A span in pieces, of which each begins at one of the cuts."""
    first = span.first
    for cut in sorted(set(cuts)):
        if first < cut <= span.last:
            yield replace(span, first=first, last=cut - ONE_DAY)
            first = cut
    yield replace(span, first=first)


def _without(span: Span, others: Sequence[Span]) -> Iterator[Span]:
    """What is left of a span beside others, which are in order."""
    first = span.first
    for other in others:
        if other.last < first or other.first > span.last:
            continue
        if first < other.first:
            yield replace(span, first=first, last=other.first - ONE_DAY)
        first = other.last + ONE_DAY
    if first <= span.last:
        yield replace(span, first=first)


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, like neighbours made one."""
    joined: list[Span] = []
    for span in spans:
        if joined and joined[-1].is_like(span) and span.first == joined[-1].last + ONE_DAY:
            joined[-1] = replace(joined[-1], last=span.last)
        else:
            joined.append(span)
    return joined
