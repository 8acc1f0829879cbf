"""Fields of an answer that this package does not know: noticed, so that somebody hears of what TikTok adds."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any

from tiktok_organic_dagster.findings import SAMPLE_LENGTH, Finding, Findings, Kind, sample_of
from tiktok_organic_dagster.tables import CATALOGUE
from tiktok_organic_dagster.tables.model import Entry, Table

# Documented by TikTok, and no column: lists that other tables are made from, and what nobody asks for.
_NO_COLUMN = {
    ("business/get/", ""): {"metrics", "audience_ages", "audience_genders", "audience_countries", "audience_cities"},
    ("business/video/list/", "videos[]"): {"media_type", "is_ad"},
    ("business/comment/list/", "comments[]"): {"video_id", "image_url", "parent_comment_id", "reply_list"},
}
_WORDS: dict[type, str] = {
    str: "a text", int: "a number", float: "a number", bool: "true or false", list: "a list", dict: "an object",
    type(None): "null",
}  # fmt: skip
MOST = 20
"""Unknown fields that one object's kind is believed to have; more of them are no fields, but names made up of data."""


@cache
def known_keys(table: Table) -> frozenset[str]:
    """The keys that are known of the objects, or of the entries of their lists, that a table's rows are made from."""
    if table.entries is not None:
        return frozenset(column.source.name for column in table.columns if isinstance(column.source, Entry))
    place = (table.endpoint, table.objects)
    alike = [other for other in CATALOGUE if (other.endpoint, other.objects) == place]
    fields = {field.name for other in alike for field in other.source_fields}
    return frozenset(fields | _NO_COLUMN.get(place, set()))


def note_new_fields(table: Table, objects: Sequence[Mapping[str, Any]], findings: Findings) -> None:
    """Count the objects that have an unknown field; its kind is told and not its value, which may be personal.

    Args:
        table: The table whose rows are made.
        objects: What each row is made from: objects of the answer, or entries of their lists.
        findings: Where it is counted.
    """
    known = known_keys(table)
    if known.issuperset(chain.from_iterable(objects)):
        return
    seen: Counter[str] = Counter()
    kinds: dict[str, str] = {}
    for item in objects:
        for name in item.keys() - known:
            seen[name] += 1
            kinds.setdefault(name, _WORDS.get(type(item[name]), "something"))
    for name in sorted(seen)[:MOST]:
        shown = name if name.isidentifier() and len(name) <= SAMPLE_LENGTH else sample_of(name)
        findings.merge([Finding(table.name, shown, Kind.NEW_FIELD, seen[name], kinds[name])])
