"""Reads the pages of the documentation: their marked examples, and their tables, so that tests can hold them."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The root of the clone."""

_MARK = re.compile(r"<!-- example: (?P<name>[^>]+?) -->\n+(?P<body>.+?)(?:\n\n|\Z)", re.DOTALL)

TableRows = list[dict[str, str]]


def page(path: str) -> str:
    """The text of a page, by its path from the root of the clone."""
    return (ROOT / path).read_text()


def examples(text: str) -> dict[str, str]:
    """The tables and blocks that a page marks as examples, by name."""
    return {found["name"]: found["body"] for found in _MARK.finditer(text)}


def table(text: str) -> TableRows:
    """The first table of a text: a dictionary for each row, by the names of the columns; code marks are left out."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    head, _, *rows = [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(head, row, strict=True)) for row in rows]
