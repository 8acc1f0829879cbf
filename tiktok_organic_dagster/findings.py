"""What was noticed about the values of a reading: counted, with a sample, for the check `schema` and the log."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

SAMPLE_LENGTH = 80


class Kind(Enum):
    """What can be wrong with a value or a row, whether it makes the check an error or a warning, and what to do."""

    UNREADABLE = (
        "could not be read and became NULL",
        True,
        "TikTok may have changed the field: see the sample, update this package, and load the day again",
    )
    REJECTED = (
        "rows without a readable key were left out",
        True,
        "see the sample; load the day again, and report it if it stays",
    )
    DUPLICATE = ("rows repeat a key of the same answer; the first was kept", False, "nothing: no row was lost")
    OUT_OF_BOUNDS = (
        "are outside the bounds that make sense; stored as sent",
        False,
        "compare the sample with TikTok's app before you use these values",
    )
    UNKNOWN_VALUE = (
        "are none of the documented values; stored as sent",
        False,
        "see whether your queries that list the values should know the new one",
    )
    MENDED_TEXT = (
        "held NUL or half of a character, which cannot be stored; mended",
        False,
        "nothing: the rest is as sent",
    )
    NEW_FIELD = (
        "had this field, which this package does not know; it was not stored",
        False,
        "nothing: it is told once. If you want it, see TikTok's documentation, and CONTRIBUTING.md for a new column",
    )

    def __init__(self, words: str, is_error: bool, remedy: str) -> None:  # noqa: FBT001 -- an enum's members are positional
        self.words = words
        self.is_error = is_error
        self.remedy = remedy


@dataclass(frozen=True)
class Finding:
    """Something noticed about one column of one table: how often, and the first value it was seen in."""

    table: str
    column: str
    kind: Kind
    count: int
    sample: str

    def __str__(self) -> str:
        return f"{self.column}: {self.count} {self.kind.words} (first: {self.sample})"


def sample_of(value: Any) -> str:  # noqa: ANN401 -- anything that an answer may hold
    """A value as text that is safe to show: escaped, and cut to a readable length."""
    shown = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return shown if len(shown) <= SAMPLE_LENGTH else f"{shown[: SAMPLE_LENGTH - 3]}..."


class Findings:
    """Findings of many chunks added up by table, column and kind."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, Kind], Finding] = {}

    def add(self, table: str, column: str, kind: Kind, count: int, sample: Any) -> None:  # noqa: ANN401
        """Count what was noticed; the first sample stays."""
        if count:
            self.merge([Finding(table, column, kind, count, sample_of(sample))])

    def merge(self, findings: Iterable[Finding]) -> None:
        """Add findings made elsewhere."""
        for new in findings:
            place = (new.table, new.column, new.kind)
            old = self._found.get(place)
            self._found[place] = (
                new if old is None else Finding(new.table, new.column, new.kind, old.count + new.count, old.sample)
            )

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._found.values())

    def keep(self, wanted: Callable[[Finding], bool]) -> None:
        """Forget the findings that are not wanted."""
        self._found = {place: finding for place, finding in self._found.items() if wanted(finding)}

    def of(self, table: str) -> list[Finding]:
        """The findings about one table."""
        return [finding for finding in self if finding.table == table]
