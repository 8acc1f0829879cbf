"""Reads the address to which TikTok sent an account's owner back. Pure functions."""

import hmac
from urllib.parse import SplitResult, unquote, unquote_plus, urlsplit

from tiktok_organic_dagster.errors import TikTokOrganicError
from tiktok_organic_dagster.tiktok.errors import clean

DEFAULT_PORTS = {"https": 443, "http": 80}
_AGAIN = "Nothing was stored; run tiktok-organic connect again."


class RedirectError(TikTokOrganicError):
    """The pasted address is not the one that connects the account; the text says why."""


def code_of(pasted: str, redirect_uri: str, state: str) -> str:
    """The authorization code in a pasted address.

    Args:
        pasted: What the owner's browser shows after consenting.
        redirect_uri: Where TikTok was asked to send the owner.
        state: What TikTok was asked to send along.

    Raises:
        RedirectError: It is another address, its `state` is not ours, the owner denied, or there is no code.
    """
    address = pasted.strip().strip("<>\"'")
    if not address:
        raise RedirectError(f"No address was given. {_AGAIN}")
    try:
        found, expected = urlsplit(address), urlsplit(redirect_uri)
        same = _page(found) == _page(expected)
    except ValueError:
        same, found = False, urlsplit("")
    if not same:
        raise RedirectError(
            f"That is not the address TikTok redirects to: it must begin with {clean(redirect_uri)} "
            f"(TIKTOK_REDIRECT_URI). {_AGAIN}"
        )
    query = _query(found.query)
    wrong = _wrong_with(query, state)
    if wrong:
        raise RedirectError(f"The address {wrong}, so it may be forged or outdated. {_AGAIN}")
    if "error" in query:
        reason = "".join(query.get("error_description", [])) or "".join(query["error"])
        raise RedirectError(f"The authorization was not granted: {clean(unquote_plus(reason)).rstrip('.')}. {_AGAIN}")
    code = "".join([*query.get("code", []), *query.get("auth_code", [])])
    if not code:
        raise RedirectError(f"The address holds no code. {_AGAIN}")
    return code


def _page(address: SplitResult) -> tuple[str, str, str, int | None, str]:
    """What tells one page from another: to the letter but for scheme and host, which have no case."""
    scheme = address.scheme.lower()
    login, at, _ = address.netloc.rpartition("@")
    port = DEFAULT_PORTS.get(scheme) if address.port is None else address.port
    return scheme, login + at, (address.hostname or "").lower(), port, address.path or "/"


def _wrong_with(query: dict[str, list[str]], state: str) -> str:
    """Why an address is not the answer to this question; empty if it is."""
    given, code = query.get("state", []), [*query.get("code", []), *query.get("auth_code", [])]
    for name, values in (("state", given), ("code", code)):
        if len(values) > 1:
            return f"holds more than one {name}"
    if hmac.compare_digest("".join(given).encode(errors="replace"), state.encode()):
        return ""
    return "carries another state than the one of this run" if any(given) else "carries no state"


def _query(text: str) -> dict[str, list[str]]:
    """The parameters, all of each name; a plus sign stays one, as it may be part of a code."""
    pairs = (part.partition("=") for part in text.split("&") if part)
    found: dict[str, list[str]] = {}
    for name, _, value in pairs:
        found.setdefault(unquote(name), []).append(unquote(value))
    return found
