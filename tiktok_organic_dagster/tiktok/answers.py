"""Reads one answer of TikTok's API: either its data or the fault it stands for. Pure functions, no network."""

import json
import re
from dataclasses import dataclass, field
from typing import Any, cast

import orjson

from tiktok_organic_dagster.tiktok.errors import Fault, Remedy, clean, meaning

SHOWN = 200  # characters of a body that is no answer
_DIGITS = re.compile(r"\s*-?\d{1,19}\s*", re.ASCII)
_TRANSIENT_STATUS = frozenset({408, 425})
_ADDRESS = "Check TIKTOK_API_URL."
_BETWEEN = "That did not come from TikTok's API: check TIKTOK_API_URL, and a proxy or firewall between here and TikTok."
_LATER = "It was tried several times; try again later."
_NETWORK = "It was tried several times: check the network and TIKTOK_API_URL, or try again later."


@dataclass(frozen=True)
class Answer:
    """The data of a successful call, which may hold tokens; `{}` when there is none."""

    data: dict[str, Any] = field(repr=False)
    request_id: str | None


def read_answer(endpoint: str, status: int, body: bytes, secrets: tuple[str, ...] = ()) -> Answer | Fault:
    """Judge an answer: a return code in the JSON body outranks the HTTP status.

    Args:
        endpoint: The path called, for messages.
        status: The HTTP status.
        body: The whole body.
        secrets: What was sent and must not show in a message.
    """
    envelope = _envelope(body)
    code = None if envelope is None else whole_number(envelope.get("code"))
    if envelope is None or code is None:
        return _by_status(endpoint, status, body, secrets)
    request_id = clean(str(envelope["request_id"]), secrets) if envelope.get("request_id") else None
    if code:
        found = meaning(code)
        text = clean(str(envelope.get("message") or "no message"), secrets)
        return Fault(endpoint, found.remedy, text, code, request_id, found.advice)
    if not 200 <= status < 300:
        return _by_status(endpoint, status, body, secrets)
    data = envelope.get("data")
    if data in (None, [], ""):
        data = {}
    if not isinstance(data, dict):
        return malformed(endpoint, "its data is not an object", request_id)
    return Answer(cast("dict[str, Any]", data), request_id)


def malformed(endpoint: str, why: str, request_id: str | None = None) -> Fault:
    """The fault of a successful answer that lacks what was asked for: TikTok is known to do that now and then."""
    return Fault(endpoint, Remedy.RETRY, f"malformed answer, {why}", None, request_id, _LATER)


def unreachable(endpoint: str, why: str) -> Fault:
    """The fault of a call that got no answer."""
    return Fault(endpoint, Remedy.RETRY, f"no answer ({why})", None, None, _NETWORK)


def _envelope(body: bytes) -> dict[str, Any] | None:
    try:
        parsed: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            parsed = json.loads(body)  # also NaN and half a character: they cost one value, and not the answer
        except (ValueError, RecursionError):
            return None
    return cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else None


def whole_number(value: object) -> int | None:
    """An integer, or one written as a text or as a float; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else None


def _by_status(endpoint: str, status: int, body: bytes, secrets: tuple[str, ...]) -> Fault:
    """What the HTTP status says where the body says nothing."""
    if status == 429:
        return Fault(endpoint, Remedy.THROTTLED, "HTTP 429, too many requests")
    if status >= 500 or status in _TRANSIENT_STATUS:
        return Fault(endpoint, Remedy.RETRY, f"HTTP {status}", advice=_LATER)
    if body.lstrip().startswith(b"<") and not 300 <= status < 400:
        return malformed(endpoint, f"HTTP {status} with a page of HTML instead of JSON")
    if 200 <= status < 300:
        return malformed(endpoint, "not a JSON object with a code")
    shown = clean(body.decode("utf-8", "replace"), secrets)[:SHOWN]  # cut last: half of a secret is one, too
    text = f"HTTP {status}{', ' + shown if shown else ''}"
    advice = _ADDRESS if 300 <= status < 400 or status in {404, 405} else _BETWEEN
    return Fault(endpoint, Remedy.FAIL, text, advice=advice)
