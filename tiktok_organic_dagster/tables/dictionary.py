"""The data dictionary: the catalogue as Markdown, one section a table. `make docs` writes it to docs/tables.md."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from tiktok_organic_dagster.tables import CATALOGUE
from tiktok_organic_dagster.tables.introduction import HOW_TO_READ, OWN_TABLES_INTRODUCTION
from tiktok_organic_dagster.tables.model import Availability, Column, ColumnType, Entry, Field, Label, Table
from tiktok_organic_dagster.tables.own import OWN_TABLES

PAGE = Path(__file__).parents[2] / "docs/tables.md"

_TYPE_NAMES = {
    ColumnType.TEXT: "text",
    ColumnType.FLOAT: "float",
    ColumnType.DATE: "date",
    ColumnType.BOOLEAN: "boolean",
    ColumnType.TIMESTAMP: "timestamp",
}


def document(tables: Sequence[Table], own_tables: Sequence[Table]) -> str:
    """The whole page.

    Args:
        tables: The documented tables.
        own_tables: Those that the loader keeps for itself.
    """
    parts = [
        HOW_TO_READ,
        _table(["type", "in DuckDB", "in PostgreSQL"], _types()),
        "## The tables and how they hang together",
        _table(["table", "what is in it"], ((f"[`{table.name}`](#{table.name})", table.title) for table in tables)),
        diagram(tables),
        *(section(table) for table in tables),
        OWN_TABLES_INTRODUCTION,
        *(section(table, level=3) for table in own_tables),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def section(table: Table, level: int = 2) -> str:
    """One table: what its rows are, the rules they follow, and its columns.

    Args:
        table: The table.
        level: Of the heading, 1 being the page's.
    """
    rules = [("Rows", f"{table.title}."), ("Key", _code(table.key)), ("Source", _source_of_table(table))]
    if table.part_of:
        rules.append(("History, reading again, gone at TikTok, latency, cost", f"those of `{table.part_of}`."))
    else:
        rules += [
            ("History", table.history),
            ("Reading again", f"{table.writing.value}."),
            ("Gone at TikTok", table.deletion),
            ("Latency", table.latency),
            ("Cost of a reading", table.cost),
        ]
    rules += [("References", _references(table)), ("Joins", table.joins)]
    return "\n\n".join(
        (
            f"{'#' * level} `{table.name}`",
            table.meaning,
            "\n".join(f"- **{name}:** {text}" for name, text in rules if text),
            _columns(table),
        )
    )


def diagram(tables: Sequence[Table]) -> str:
    """The tables with their keys, and which row belongs to which, for Mermaid."""
    links = [f"    {link}" for table in tables for link in _links(table)]
    boxes = [
        line
        for table in tables
        for line in (
            f"    {table.name} {{",
            *(f"        {_TYPE_NAMES[table.column(name).type]} {name} PK" for name in table.key),
            "    }",
        )
    ]
    return "\n".join(["```mermaid", "erDiagram", "    direction LR", *links, *boxes, "```"])


def _links(table: Table) -> list[str]:
    """What a table's rows belong to. An account or a post has many rows, one a reading, so references are many to many.

    The username, by which the tables are said to refer to the account, is no way to join: it changes.
    """
    if table.part_of:
        shared = [name for name in table.key if not isinstance(table.column(name).source, Entry)]
        return [f'{table.part_of} ||--o{{ {table.name} : "{", ".join(shared)}"']
    joined: dict[str, list[str]] = {}
    for column in table.columns:
        if column.references:
            parent, name = column.references.split(".")
            joined.setdefault(parent, [])
            if column.identifier:
                joined[parent].append(f", {column.name} = {name}")
    return [f'{parent} }}o--o{{ {table.name} : "_business_id{"".join(more)}"' for parent, more in joined.items()]


def _columns(table: Table) -> str:
    has_sources = bool(table.endpoint)
    header = ["column", "type", "NULL", "meaning", "source"][: 5 if has_sources else 4]
    return _table(
        header,
        (
            [
                f"`{column.name}`",
                _type_and_unit(column),
                "yes" if table.may_be_null(column) else "never",
                _meaning(column),
                _source(table, column),
            ][: len(header)]
            for column in table.columns
        ),
    )


def _type_and_unit(column: Column) -> str:
    name = _TYPE_NAMES[column.type]
    return f"{name}, {column.unit}" if column.unit else name


def _meaning(column: Column) -> str:
    parts = [column.meaning]
    if column.values:
        parts.append(f"Values: {_code(column.values)}.")
    if column.personal:
        parts.append("**Personal data.**")
    if column.beware:
        parts.append(f"**Beware:** {column.beware}")
    return " ".join(parts)


def _references(table: Table) -> str:
    referring = [column for column in table.columns if column.references]
    return "; ".join(f"`{column.name}` to `{column.references}`" for column in referring)


def _source_of_table(table: Table) -> str:
    if not table.endpoint:
        return ""
    place = _place_of_rows(table)
    return f"each `{place}` of `{table.endpoint}`" if place else f"`{table.endpoint}`"


def _source(table: Table, column: Column) -> str:
    """Where a value comes from; paths begin at the object that the row is made from, others at the answer."""
    match column.source:
        case Label(_, origin):
            return f"the loader: {origin}"
        case Entry(name):
            if table.entries is None:
                raise ValueError(f"{table.name}.{column.name} is of an entry, and the table has none.")
            return _described(name, table.entries)
        case Field() as field:
            if field.once:
                return f"{_described(field.name, field)}, once an answer"
            return _described(f"{table.objects}.{field.name}" if table.entries else field.name, field)


def _place_of_rows(table: Table) -> str:
    """The objects of the answer that become rows."""
    return f"{table.objects}.{table.entries.name}[]" if table.entries else table.objects


def _described(path: str, field: Field) -> str:
    scope = f"scope `{field.scope}`" if field.scope else "in every answer"
    if field.also_scope:
        scope += f", perhaps also `{field.also_scope}`"
    only = "" if field.availability is Availability.ALL else f"; only {field.availability.value}"
    return f"`{path}`, {scope}{only}"


def _types() -> Iterable[list[str]]:
    return ([_TYPE_NAMES[type_], f"`{type_.duckdb}`", f"`{type_.postgres}`"] for type_ in ColumnType)


def _code(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    PAGE.write_text(document(CATALOGUE, OWN_TABLES), encoding="utf-8")
    print(f"Written: {PAGE}")
