"""What a message says: the problems that opened and those that ended, as a subject, as plain text, as Slack's JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tiktok_organic_dagster.alerts.memory import Told
from tiktok_organic_dagster.alerts.troubles import Problem
from tiktok_organic_dagster.tiktok.errors import printable

NAMED = 20  # of each kind in a message; the others are counted. Slack takes 50 blocks
SUBJECT_LENGTH = 120
SECTION_LENGTH = 2_900  # Slack's limit is 3,000 characters
MESSAGE_LENGTH = 8_000  # of all sections: Slack refuses what is long as a whole, at an unknown length
PREFIX = "TikTok organic"


@dataclass(frozen=True)
class Notice:
    """One message.

    Attributes:
        opened: What is wrong, and was not told before.
        ended: What was told, and is over.
        see: Where all of it can be seen, if there is too much to name.
    """

    opened: Sequence[Problem]
    ended: Sequence[Told]
    see: str

    @property
    def subject(self) -> str:
        """It all in one line."""
        told = [problem.title for problem in self.opened] or [f"recovered: {told.title}" for told in self.ended]
        rest = len(self.opened) + len(self.ended) - 1
        more = f" and {rest:,} more" if rest else ""
        return f"{PREFIX}: {_cut(printable(told[0]), SUBJECT_LENGTH - len(PREFIX) - len(more) - 2)}{more}"

    def plain(self) -> str:
        """As a text."""
        opened = [f"{problem.title}\n{problem.text}" for problem in self.opened[:NAMED]]
        parts = [*opened, *self._counted(len(self.opened)), *([self._recovered()] if self.ended else [])]
        return "\n\n".join(parts) + "\n"

    def slack(self) -> dict[str, Any]:
        """As the JSON that Slack's incoming webhooks take. Names and reasons cannot mention or link anything in it."""
        opened = [f"*{escaped(problem.title)}*\n{escaped(problem.text)}" for problem in self.opened[:NAMED]]
        rest = [*self._counted(len(self.opened)), *([escaped(self._recovered())] if self.ended else [])]
        sections = [_section(part, SECTION_LENGTH) for part in rest]
        left = MESSAGE_LENGTH - sum(len(section["text"]["text"]) for section in sections)
        most = min(SECTION_LENGTH, left // max(1, len(opened)))
        return {"text": escaped(self.subject), "blocks": [*(_section(part, most) for part in opened), *sections]}

    def _recovered(self) -> str:
        lines = [f"- {told.title}, since {told.opened_at:%Y-%m-%d %H:%M} UTC" for told in self.ended[:NAMED]]
        return "\n".join(["Recovered:", *lines, *self._counted(len(self.ended))])

    def _counted(self, number: int) -> list[str]:
        return [f"and {number - NAMED:,} more. {self.see}"] if number > NAMED else []


def escaped(text: str) -> str:
    """A text that stays text in Slack."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _section(text: str, most: int) -> dict[str, Any]:
    # verbatim: Slack makes no links of addresses and of names of channels
    return {"type": "section", "text": {"type": "mrkdwn", "text": _cut(text, most), "verbatim": True}}


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."
