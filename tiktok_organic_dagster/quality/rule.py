"""What a rule is: numbers out of the warehouse, and a verdict about them that names accounts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tiktok_organic_dagster.tables import Table
from tiktok_organic_dagster.warehouse import Session

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Tolerance:
    """How far two numbers may lie apart: by a count, or by a part of the whole, whichever is more.

    Attributes:
        count: What may be missing of a small whole.
        part: What may be missing of a large one.
    """

    count: float
    part: float

    def exceeded(self, difference: float, whole: float) -> bool:
        """Whether a difference is more than may be."""
        return difference > self.count and difference > self.part * whole

    def in_sql(self, difference: str, whole: str) -> str:
        """The same as a condition on two expressions."""
        return f"({difference} > {self.count} AND {difference} > {self.part} * {whole})"


@dataclass(frozen=True)
class Unusual:
    """An account whose numbers are unusual.

    Attributes:
        username: The account.
        why: What is unusual about it, with its numbers.
        how_far: How far off it is; the largest is shown first.
        numbers: The numbers, by what they are, for the table beside the text.
    """

    username: str
    why: str
    how_far: float
    numbers: Mapping[str, float | str]


@dataclass(frozen=True)
class Verdict:
    """What a rule found.

    Attributes:
        accounts: How many accounts were compared.
        compared: How many things of them were, in the rule's unit.
        unusual: The accounts that a person should look at.
        notes: What is worth knowing although it is fine.
    """

    accounts: int
    compared: int
    unusual: tuple[Unusual, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """A rule on the stored rows of all accounts.

    Attributes:
        name: Its name, which is the check's.
        table: The table that it is about.
        meaning: What is compared with what, and how far the two may lie apart.
        remedy: What to do about an account that is unusual.
        unit: What is compared, one and many of it.
        needs: The tables that it reads.
        look: Asks the warehouse, on a day.
        judge: Makes a verdict of the rows.
    """

    name: str
    table: Table
    meaning: str
    remedy: str
    unit: tuple[str, str]
    needs: Sequence[Table] = field(repr=False)
    look: Callable[[Session, date], list[Row]] = field(repr=False)
    judge: Callable[[Sequence[Row]], Verdict] = field(repr=False)


def verdict_of(rule: Rule, session: Session, today: date) -> Verdict:
    """Apply a rule to what is stored. Tables and columns that are not there yet are not made: nothing to compare."""
    if not all(set(table.column_names) <= set(session.columns_there(table)) for table in rule.needs):
        return Verdict(0, 0)
    return rule.judge(rule.look(session, today))
