"""The fenced blocks of a Markdown page, each with the heading it stands under."""

import re
from dataclasses import dataclass
from pathlib import Path

_HEADING = re.compile(r"^#+ (.+)$")
_FENCE = re.compile(r"^ *```(\w*)$")


@dataclass(frozen=True)
class Block:
    """A fenced block: the heading above it, its language, its text."""

    heading: str
    language: str
    text: str


def blocks_of(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    found: list[Block] = []
    heading, language, lines = "", None, []
    for line in page.read_text(encoding="utf-8").splitlines():
        fence = _FENCE.match(line)
        if language is None and (title := _HEADING.match(line)):
            heading = title[1]
        elif language is None and fence:
            language, lines = fence[1], []
        elif language is not None and fence:
            found.append(Block(heading, language, "\n".join(lines) + "\n"))
            language = None
        elif language is not None:
            lines.append(line)
    assert language is None, f"{page}: the block {lines[:1]} is not closed"
    return found
