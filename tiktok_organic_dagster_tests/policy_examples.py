"""How the cells of the examples in docs/policies.md are written: days, ranges of days, moments, values by column."""

from datetime import UTC, date, datetime, timedelta

from tiktok_organic_dagster.simulator import ABSENT

PAGE = "docs/policies.md"
TODAY = date(2026, 11, 24)
"""The day of the page's examples."""

WORDS = {"absent": ABSENT, "NULL": None}


def days_of(cell: str) -> list[date]:
    """The days of `nothing`, `2026-11-24`, or `2026-11-22 to 2026-11-24`."""
    if cell in {"nothing", "none"}:
        return []
    first, _, last = cell.partition(" to ")
    begin, end = date.fromisoformat(first), date.fromisoformat(last or first)
    return [begin + timedelta(days=n) for n in range((end - begin).days + 1)]


def moment_of(cell: str) -> datetime:
    """The moment of `2026-11-24 05:00`, which is UTC, or `2026-11-24 20:30 -05:00`."""
    moment = datetime.fromisoformat(cell.replace(" -", "-").replace(" +", "+"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def values_of(cell: str) -> dict[str, object]:
    """The values of `likes 100, comments absent`, by column: numbers, texts, `ABSENT` or None."""
    pairs = (part.split(" ", 1) for part in cell.split(", "))
    return {name: float(value) if value.isdecimal() else WORDS.get(value, value) for name, value in pairs}
