"""The words of the catalogue: what a column and a table are, and all that follows from them."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

import pyarrow as pa


class ColumnType(Enum):
    """A column's type, with its name in both warehouses and in Arrow."""

    TEXT = ("VARCHAR", "text", pa.string())
    FLOAT = ("DOUBLE", "double precision", pa.float64())
    DATE = ("DATE", "date", pa.date32())
    BOOLEAN = ("BOOLEAN", "boolean", pa.bool_())
    TIMESTAMP = ("TIMESTAMP WITH TIME ZONE", "timestamp with time zone", pa.timestamp("us", "UTC"))

    def __init__(self, duckdb: str, postgres: str, arrow: pa.DataType) -> None:
        self.duckdb = duckdb
        self.postgres = postgres
        self.arrow = arrow


class Availability(Enum):
    """Which accounts TikTok has a field for."""

    ALL = "every account"
    BUSINESS = "Business accounts"
    ACTIVE_BUSINESS = "Business accounts with 100 followers or more"
    VERIFIED_BUSINESS = "Verified (registered) Business accounts"


@dataclass(frozen=True)
class Field:
    """A field of the API object that a row is made from.

    Attributes:
        name: Its name on the wire, which is also the name it is asked for by.
        scope: The permission it needs; None for what stands in every answer without being asked for.
        availability: The accounts that TikTok has it for.
        also_scope: A second permission that TikTok may want for it; it is tried without, and given up if refused.
        once: It stands once in the answer, beside the list whose objects become rows.
    """

    name: str
    scope: str | None
    availability: Availability = Availability.ALL
    also_scope: str | None = None
    once: bool = False


@dataclass(frozen=True)
class Entry:
    """A field of an entry of the list that a table breaks down, such as `country` in `audience_countries`."""

    name: str


@dataclass(frozen=True)
class Label:
    """What the reading knows of itself: the account, the date, the moment of loading.

    Attributes:
        name: Its name among the labels of a reading.
        origin: Where the reading has it from, in a few words.
    """

    name: str
    origin: str = ""


@dataclass(frozen=True)
class Column:
    """One column: its name and type, its meaning, where it comes from, and what to expect of its values.

    Attributes:
        name: The column's name in the warehouse.
        type: Its type.
        meaning: What it is, in a sentence or two.
        source: Where the value comes from.
        beware: What an analyst may get wrong with it, and how sure that is; empty if nothing.
        unit: What it is measured in; empty for texts and plain facts.
        minimum: The smallest value that makes sense; a smaller one is stored and warned about.
        maximum: The largest value that makes sense; a larger one is stored and warned about.
        values: The values TikTok documents; another one is stored and warned about. Empty: anything goes.
        references: The `table.column` this one can be joined with, if any.
        identifier: An id: it may not be an empty text.
        is_username: A username: stored without the @ in front.
        personal: It tells something of a person who is not the account's owner; left out of previews.
        names_person: It says who that person is; the setting may want a keyed hash in its place.
        never_null: It has a value in every row though it is in no key.
    """

    name: str
    type: ColumnType
    meaning: str
    source: Field | Entry | Label
    beware: str = ""
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] = ()
    references: str | None = None
    identifier: bool = False
    is_username: bool = False
    personal: bool = False
    names_person: bool = False
    never_null: bool = False


class Writing(Enum):
    """How a reading enters its table."""

    REPLACE_DAY = (
        "the last reading of a day replaces the earlier one of that day as it was read, NULL included; "
        "other days are never touched"
    )
    FILL_DAYS = (
        "days that TikTok returned are written, the others stay as they are; a stored value is never replaced by NULL"
    )
    LATEST_STATE = "one row an item, its latest state; nothing is ever deleted"


@dataclass(frozen=True, eq=False)
class Table:
    """One table: its columns in order, its key, and the rules by which it is written. It is equal to itself only.

    Attributes:
        name: The table's name, which is also its asset's key.
        title: What a row is, in a few words.
        meaning: What the table is for, and what NULL means in it.
        columns: The documented columns first, then our own, which begin with `_`.
        key: The columns that identify a row.
        writing: How a reading enters it.
        day: The column that holds the partition's date.
        looked_up_by: Columns that rows are looked up by beside the key, if a database should have an index for that.
        entries: The list that the table breaks down, one row for each of its entries; None for a row per object.
        endpoint: The call that it is read with.
        objects: Where in the answer the objects stand that rows are made from; empty if it is the answer itself.
        part_of: The table whose rows this one breaks down; it has that table's key and more.
        history: How far back it goes.
        deletion: What becomes of rows whose original is gone at TikTok.
        latency: When its numbers are there and final.
        cost: The calls a reading of one account takes.
        joins: How to join it, and what with.
    """

    name: str
    title: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    writing: Writing
    day: str = "metric_date"
    looked_up_by: tuple[str, ...] = ()
    entries: Field | None = None
    endpoint: str = ""
    objects: str = ""
    part_of: str | None = None
    history: str = ""
    deletion: str = ""
    latency: str = ""
    cost: str = ""
    joins: str = ""

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def arrow_schema(self) -> pa.Schema:
        """The columns as Arrow sees them, in order."""
        return pa.schema([pa.field(column.name, column.type.arrow) for column in self.columns])

    @property
    def source_fields(self) -> tuple[Field, ...]:
        """The fields of the API object that this table needs."""
        own = [column.source for column in self.columns if isinstance(column.source, Field)]
        return tuple([*own, self.entries] if self.entries else own)

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: The table has none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name}.{name}")

    def may_be_null(self, column: Column) -> bool:
        """Whether one of its columns may hold NULL."""
        return column.name not in self.key and not column.never_null


def fields_to_ask(tables: Iterable[Table], scopes: Iterable[str]) -> list[str]:
    """The `fields` to ask TikTok for: what the tables need, as far as the account granted it.

    Args:
        tables: The tables to fill.
        scopes: The permissions the account granted. One field without its scope makes TikTok refuse the whole call.

    Returns:
        Names in the order of the catalogue, each once.
    """
    return field_choices(tables, scopes)[0]


def field_choices(tables: Iterable[Table], scopes: Iterable[str]) -> list[list[str]]:
    """The `fields` to ask TikTok for, and what to ask for in their place if it refuses the call because of them.

    Args:
        tables: The tables to fill.
        scopes: The permissions the account granted.

    Returns:
        All fields whose scope was granted; then without those that may want a second scope, which was not; then without
        those that only some kinds of account have. A choice that leaves out nothing more is not repeated.
    """
    granted = frozenset(scopes)
    asked = [
        field for table in tables for field in table.source_fields if field.scope is not None and field.scope in granted
    ]
    surely_granted = [field for field in asked if field.also_scope is None or field.also_scope in granted]
    for_all = [field for field in surely_granted if field.availability is Availability.ALL]
    choices = [list(dict.fromkeys(field.name for field in fields)) for fields in (asked, surely_granted, for_all)]
    return [names for number, names in enumerate(choices) if names not in choices[:number]]


def missing_scopes(tables: Iterable[Table], scopes: Iterable[str]) -> dict[str, list[str]]:
    """What an account's missing permissions cost.

    Returns:
        For each scope that was not granted, the `table.column`s that stay empty, or may do so, without it.
    """
    granted = frozenset(scopes)
    lost: dict[str, list[str]] = {}
    for table in tables:
        for column in table.columns:
            field = table.entries if isinstance(column.source, Entry) else column.source
            wanted = (field.scope, field.also_scope) if isinstance(field, Field) else ()
            for scope in wanted:
                if scope is not None and scope not in granted:
                    lost.setdefault(scope, []).append(f"{table.name}.{column.name}")
    return lost
