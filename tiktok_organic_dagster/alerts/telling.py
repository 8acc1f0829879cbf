"""Tells each channel what it does not know yet, and says in words what came of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tiktok_organic_dagster.alerts.channels import HOW_TO_SET, Channel
from tiktok_organic_dagster.alerts.memory import Memory
from tiktok_organic_dagster.alerts.notice import Notice
from tiktok_organic_dagster.alerts.troubles import Problem, Verdict, judged, problems_of, without_gone
from tiktok_organic_dagster.errors import AlertError

NAMED_IN_TICK = 5  # problems that a tick names; the others are counted


@dataclass(frozen=True)
class Report:
    """What came of telling one channel.

    Attributes:
        opened: How many problems it was told of for the first time.
        ended: How many it was told to be over.
        failure: Why it could not be told; it is then told at the next look.
        remark: What went wrong besides.
    """

    channel: str
    opened: int = 0
    ended: int = 0
    failure: str = ""
    remark: str = ""


def judge_and_tell(
    memory: Memory,
    channels: Sequence[Channel],
    verdicts: Iterable[Verdict],
    connected: Iterable[str],
    now: datetime,
    see: str,
) -> str:
    """What a tick does: keep what is wrong by now, tell each channel, and say what came of it.

    Args:
        memory: What was wrong, and what was told.
        channels: Whom to tell.
        verdicts: What was found, in order.
        connected: The `_business_id`s of the connected accounts: the problems of others are over.
        now: The time of day.
        see: Where all problems can be seen, for messages that name only some.
    """
    before = memory.troubles()
    troubles = without_gone(judged(before, verdicts), connected)
    memory.keep(before, troubles)
    problems = problems_of(troubles.values())
    return what_was_told(tell(memory, channels, problems, now, see), problems, channels=len(channels))


def tell(
    memory: Memory, channels: Iterable[Channel], problems: Sequence[Problem], now: datetime, see: str
) -> list[Report]:
    """Tell each channel of the problems that it was not told of, and of those that are over.

    A channel that fails stays behind by itself: what it was told is noted for each one apart.

    Args:
        memory: What was told.
        channels: Whom to tell.
        problems: All that is wrong now.
        now: The time of day.
        see: Where all problems can be seen, for messages that name only some.
    """
    current = {problem.key: problem for problem in problems}
    reports: list[Report] = []
    for channel in channels:
        told = memory.told(channel.name)
        opened = [p for p in problems if p.key not in told or told[p.key].stage != p.stage]
        ended = [told[key] for key in sorted(told) if key not in current]
        if not opened and not ended:
            continue
        try:
            remark = channel.send(Notice(opened, ended, see))
        except AlertError as error:
            reports.append(Report(channel.name, failure=str(error)))
            continue
        except Exception as error:  # noqa: BLE001 -- one channel must not silence the others; its text may hold a secret
            reports.append(Report(channel.name, failure=f"Unexpected {type(error).__name__}. Please report this."))
            continue
        memory.note(channel.name, opened, ended, now)
        reports.append(Report(channel.name, len(opened), len(ended), remark=remark))
    return reports


def what_was_told(reports: Sequence[Report], problems: Sequence[Problem], *, channels: int) -> str:
    """What a tick says of it."""
    is_wrong = _what_is_wrong(problems)
    if not channels:
        return f"Nobody is told of trouble, as no channel is set. {is_wrong} {HOW_TO_SET}."
    failures = " ".join(f"By {report.channel}: {report.failure}" for report in reports if report.failure)
    told = "; ".join(
        f"by {report.channel}: {report.opened:,} opened, {report.ended:,} recovered. {report.remark}".rstrip(". ")
        for report in reports
        if not report.failure
    )
    if failures:
        so_far = f" Told {told}." if told else ""
        return f"Not everybody could be told, which is tried again at the next tick. {failures}{so_far} {is_wrong}"
    if told:
        return f"Told {told}. {is_wrong}"
    return f"Nothing changed. {is_wrong}"


def _what_is_wrong(problems: Sequence[Problem]) -> str:
    if not problems:
        return "No problem is open."
    titles = "; ".join(problem.title for problem in problems[:NAMED_IN_TICK])
    more = f"; and {len(problems) - NAMED_IN_TICK:,} more" if len(problems) > NAMED_IN_TICK else ""
    word = "problem is" if len(problems) == 1 else "problems are"
    return f"{len(problems):,} {word} open: {titles}{more}."
