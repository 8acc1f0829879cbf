"""The pure rules: what a verdict opens and ends, and what people are told as one problem."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

NO_ACCOUNT = ""
"""Stands for the account of a trouble that is not known to be of some accounts alone."""
NAMED_PLACES = 12  # tables of one problem; there are no more
NAMED_REASONS = 3  # of one problem; the others are seen where it failed
REASON_LENGTH = 700  # of a reason: it ends with what to do

_REMEDIES = {
    "run": "Follow the reason; the run's page in Dagster shows where it stopped. The next run that succeeds ends this.",
    "tick": "What it starts does not run meanwhile. Follow the reason; Automation in Dagster shows its ticks. The next "
    "one that goes well ends this.",
    "schema": "The check on the table's page in Dagster names the column and shows a sample. Update this package if "
    "TikTok changed a field, then load the day again.",
    "accounts_loaded": "Earlier rows stay. Follow the reason; tiktok-organic check tells what TikTok will give. The "
    "next complete load ends this.",
    "freshness": "See in Dagster whether the daily runs go through; tiktok-organic gaps names the missing days.",
    "no_missing_days": "tiktok-organic gaps names the days, and which of them can still be loaded.",
}
_SEE_DAGSTER = "See it in Dagster."


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong now.

    Attributes:
        subject: What was judged: `run:<job>`, `tick:<schedule or sensor>`, `check:<check>:<table>`,
            `expiry:<business id>`.
        account: Of whom: an id of a connected account, or `@name` of one that is not known, or `NO_ACCOUNT`.
        key: The problem that people are told; troubles of one key are told as one.
        title: What it is, without what changes from day to day.
        text: What happened.
        since: When it began.
        stage: People are told again when it changes.
    """

    subject: str
    account: str
    key: str
    title: str
    text: str
    since: datetime
    stage: str = ""

    @property
    def place(self) -> str:
        """The part of the problem that this is, such as a table; empty if it is all of it."""
        return "" if self.subject == self.key else self.subject.rpartition(":")[2]


Identity = tuple[str, str]
Troubles = Mapping[Identity, Trouble]
"""What is wrong, by subject and account."""


@dataclass(frozen=True)
class Verdict:
    """What a finished run or an evaluation of a check says.

    Attributes:
        of: Whom it speaks of; None: of everybody. What it does not speak of stays as it is.
        failing: What is wrong, of those it speaks of; all others of them are well.
    """

    subject: str
    of: frozenset[str] | None
    failing: tuple[Trouble, ...] = ()


def judged(before: Troubles, verdicts: Iterable[Verdict]) -> dict[Identity, Trouble]:
    """What is wrong after some verdicts, each of which counts more than those before it."""
    now = dict(before)
    for verdict in verdicts:
        covered = {
            identity
            for identity, trouble in now.items()
            if trouble.subject == verdict.subject and (verdict.of is None or trouble.account in verdict.of)
        }
        old = {identity: now.pop(identity) for identity in covered}
        for trouble in verdict.failing:
            identity = (trouble.subject, trouble.account)
            known = old.get(identity) or now.get(identity)
            now[identity] = trouble if known is None else _went_on(known, trouble)
    return now


def _went_on(known: Trouble, newer: Trouble) -> Trouble:
    return Trouble(newer.subject, newer.account, newer.key, newer.title, newer.text, known.since, newer.stage)


def without_gone(troubles: Troubles, connected: Iterable[str]) -> dict[Identity, Trouble]:
    """What is left when the troubles of accounts end that are not connected any more."""
    there = {NO_ACCOUNT, *connected}
    return {
        identity: trouble
        for identity, trouble in troubles.items()
        if trouble.account in there or trouble.account.startswith("@")
    }


@dataclass(frozen=True)
class Problem:
    """What people are told of.

    Attributes:
        key: Tells it apart from others; a problem is told once while it lasts.
        title: What it is, short.
        text: What happened, to whom, what to do.
        since: When it began.
        stage: It is told again when this changes.
    """

    key: str
    title: str
    text: str
    since: datetime
    stage: str = field(default="")


def problems_of(troubles: Iterable[Trouble]) -> list[Problem]:
    """What people are told of the troubles: what did not run first, then by key."""
    by_key: dict[str, list[Trouble]] = defaultdict(list)
    for trouble in troubles:
        by_key[trouble.key].append(trouble)
    return [
        _problem(by_key[key]) for key in sorted(by_key, key=lambda key: (not key.startswith(("run:", "tick:")), key))
    ]


def _problem(parts: list[Trouble]) -> Problem:
    parts = sorted(parts, key=lambda part: (part.subject, part.account))
    first = parts[0]
    places: dict[str, list[str]] = defaultdict(list)
    for part in parts:
        places[part.text].append(part.place)
    reasons = [_reason(text, sorted({*where} - {""})) for text, where in places.items()]
    more = [f"and {len(reasons) - NAMED_REASONS} more reasons"] if len(reasons) > NAMED_REASONS else []
    text = " | ".join([*reasons[:NAMED_REASONS], *more])
    return Problem(
        first.key, first.title, f"{text} {_remedy(first.key)}".strip(), min(p.since for p in parts), first.stage
    )


def _reason(text: str, places: list[str]) -> str:
    shown = text if len(text) <= REASON_LENGTH else f"{text[:REASON_LENGTH]}..."
    return f"{shown} ({', '.join(places[:NAMED_PLACES])})" if places else shown


def _remedy(key: str) -> str:
    """What to do; what has no table of remedies says it in its own text."""
    kind, _, rest = key.partition(":")
    if kind == "check":
        return _REMEDIES.get(rest.partition(":")[0], _SEE_DAGSTER)
    return _REMEDIES.get(kind, "")
