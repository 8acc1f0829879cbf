"""What is wrong and who was told of it, in the state database: it outlives restarts and Dagster's own storage."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from tiktok_organic_dagster.alerts.troubles import Identity, Problem, Trouble, Troubles
from tiktok_organic_dagster.state import accounts, alerts, problems, reading, to_epoch, writing


@dataclass(frozen=True)
class Told:
    """A problem that a channel was told of, and not yet that it is over."""

    key: str
    title: str
    stage: str
    opened_at: datetime


class Memory:
    """What one sensor knows and told.

    Args:
        engine: The state database.
        watch: The sensor's name.
    """

    def __init__(self, engine: Engine, watch: str) -> None:
        self._engine = engine
        self._watch = watch

    def connected(self) -> dict[str, str]:
        """The connected accounts: name by id."""
        with reading(self._engine) as connection:
            rows = connection.execute(sa.select(accounts.c.business_id, accounts.c.username))
            return {row.business_id: row.username for row in rows}

    def troubles(self) -> dict[Identity, Trouble]:
        """What was wrong at the last look."""
        with reading(self._engine) as connection:
            rows = connection.execute(sa.select(problems).where(problems.c.watch == self._watch))
            found = [
                Trouble(row.subject, row.account, row.problem, row.title, row.text, _moment(row.since), row.stage)
                for row in rows
            ]
        return {(trouble.subject, trouble.account): trouble for trouble in found}

    def keep(self, before: Troubles, now: Troubles) -> None:
        """Remember what is wrong now in place of what was wrong before."""
        gone = [identity for identity, trouble in before.items() if now.get(identity) != trouble]
        new = [trouble for identity, trouble in now.items() if before.get(identity) != trouble]
        if not gone and not new:
            return
        with writing(self._engine) as connection:
            if gone:
                connection.execute(
                    problems.delete().where(
                        problems.c.watch == self._watch,
                        problems.c.subject == sa.bindparam("of_subject"),
                        problems.c.account == sa.bindparam("of_account"),
                    ),
                    [{"of_subject": subject, "of_account": account} for subject, account in gone],
                )
            if new:
                connection.execute(problems.insert(), [self._row(trouble) for trouble in new])

    def told(self, channel: str) -> dict[str, Told]:
        """What a channel was told of and not yet that it is over, by key."""
        query = sa.select(alerts).where(alerts.c.watch == self._watch, alerts.c.channel == channel)
        with reading(self._engine) as connection:
            rows = connection.execute(query)
            return {row.key: Told(row.key, row.title, row.stage, _moment(row.opened_at)) for row in rows}

    def note(self, channel: str, opened: Iterable[Problem], ended: Iterable[Told], now: datetime) -> None:
        """Note that a channel was told."""
        new = [*opened]
        gone = [*(problem.key for problem in new), *(told.key for told in ended)]
        with writing(self._engine) as connection:
            connection.execute(
                alerts.delete().where(
                    alerts.c.watch == self._watch,
                    alerts.c.channel == channel,
                    alerts.c.key == sa.bindparam("of_key"),
                ),
                [{"of_key": key} for key in gone],
            )
            if new:
                connection.execute(alerts.insert(), [self._told_row(channel, problem, now) for problem in new])

    def _row(self, trouble: Trouble) -> Mapping[str, object]:
        return {
            "watch": self._watch,
            "subject": trouble.subject,
            "account": trouble.account,
            "problem": trouble.key,
            "title": trouble.title,
            "text": trouble.text,
            "stage": trouble.stage,
            "since": to_epoch(trouble.since),
        }

    def _told_row(self, channel: str, problem: Problem, now: datetime) -> Mapping[str, object]:
        return {
            "watch": self._watch,
            "key": problem.key,
            "channel": channel,
            "title": problem.title,
            "stage": problem.stage,
            "opened_at": to_epoch(problem.since),
            "told_at": to_epoch(now),
        }


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
