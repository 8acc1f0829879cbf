"""Reads the query string of a call as TikTok does: JSON in lists and objects, texts for what does not fit."""

import json
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, cast

from tiktok_organic_dagster.simulator.answers import invalid, scope_not_granted

Query = Mapping[str, Any]


def read_list(query: Query, name: str) -> list[str] | None:
    """A list of strings, written as JSON; None if absent."""
    found = _read_json(query, name, "list")
    if found is None:
        return None
    if not isinstance(found, list) or not all(isinstance(each, str) for each in cast("list[object]", found)):
        raise invalid(name, "Not a valid list.")
    return cast("list[str]", found)


def read_object(query: Query, name: str) -> dict[str, Any]:
    """An object, written as JSON; empty if absent."""
    found = _read_json(query, name, "mapping type")
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise invalid(name, "Not a valid mapping type.")
    return cast("dict[str, Any]", found)


def read_int(query: Query, name: str, default: int, low: int, high: int) -> int:
    """A number within bounds."""
    text = query.get(name)
    if text is None:
        return default
    try:
        number = int(text)
    except ValueError:
        raise invalid(name, "Not a valid integer.") from None
    if not low <= number <= high:
        raise invalid(name, f"Must be greater than or equal to {low} and less than or equal to {high}.")
    return number


def read_bool(query: Query, name: str) -> bool:
    """A switch, off by default; `True` is taken as well as `true`."""
    text = str(query.get(name, "false")).lower()
    if text not in {"true", "false", "1", "0"}:
        raise invalid(name, "Not a valid boolean.")
    return text in {"true", "1"}


def read_choice(query: Query, name: str, choices: Collection[str], default: str) -> str:
    """One of a few words."""
    text = str(query.get(name, default))
    if text != default and text not in choices:
        raise invalid(name, f"Must be one of: {', '.join(choices)}.")
    return text


def read_date(query: Query, name: str, default: date) -> date:
    """A day as YYYY-MM-DD."""
    text = query.get(name)
    if text is None:
        return default
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise invalid(name, "Not a valid date.") from None
    if day.isoformat() != text:
        raise invalid(name, "Not a valid date.")
    return day


def read_fields(query: Query, known: Mapping[str, str], default: tuple[str, ...], scopes: list[str]) -> list[str]:
    """The fields asked for; each must be known, and its scope granted."""
    fields = read_list(query, "fields")
    if not fields:
        fields = list(default)
    unknown = [field for field in fields if field not in known]
    if unknown:
        raise invalid("fields", f"Unsupported field(s): {', '.join(unknown)}.")
    refused = [field for field in fields if known[field] not in scopes]
    if refused:
        raise scope_not_granted(refused)
    return fields


def _read_json(query: Query, name: str, kind: str) -> object:
    text = query.get(name)
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        raise invalid(name, f"Not a valid {kind}.") from None
