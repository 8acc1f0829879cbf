"""How the simulated API answers: the envelope, request ids, and refusals as TikTok words them."""

import secrets
from datetime import UTC, datetime
from typing import Any

Data = dict[str, Any]

WITHOUT_DATA = frozenset({40001, 40002})
"""Recorded errors with these codes carry no `data` key; others carry an empty object."""


class ApiRefusal(Exception):  # noqa: N818 -- TikTok's word for it would be an error, but the HTTP status is 200
    """The API refuses a call: HTTP 200, a code other than 0 and a message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message


def request_id(moment: datetime) -> str:
    """A request id: the UTC time to the second, then hexadecimal digits."""
    return moment.astimezone(UTC).strftime("%Y%m%d%H%M%S") + secrets.token_hex(10).upper()


def success(data: Data, identifier: str) -> Data:
    """The envelope of a good answer."""
    return {"code": 0, "message": "OK", "request_id": identifier, "data": data}


def refusal(code: int, message: str, identifier: str) -> Data:
    """The envelope of a refusal."""
    envelope: Data = {"code": code, "message": message, "request_id": identifier}
    return envelope if code in WITHOUT_DATA else envelope | {"data": {}}


# Texts seen live or documented; where none is known, the wording is ours.


def missing_business_id() -> ApiRefusal:
    """The answer to a call that names no account; decided before the token is looked at."""
    return ApiRefusal(40002, "Missing required field(s): creator_id or business_id.")


def missing(name: str) -> ApiRefusal:
    """A required parameter is not there."""
    return ApiRefusal(40002, f"{name}: Missing data for required field.")


def invalid(name: str, why: str) -> ApiRefusal:
    """A parameter cannot be used."""
    return ApiRefusal(40002, f"{name}: {why}")


def no_permission(business_id: str) -> ApiRefusal:
    """The token belongs to another account."""
    return ApiRefusal(40001, f"No permission to operate tiktok creator id: {business_id}")


def scope_not_granted(names: list[str]) -> ApiRefusal:
    """One field without its scope fails the whole call."""
    return ApiRefusal(40130, f"Scope not authorized for: {', '.join(names)}.")


def no_token() -> ApiRefusal:
    """The Access-Token header is absent or empty."""
    return ApiRefusal(40104, "Access token is null, you should set it in http header with key Access-Token.")


def wrong_token() -> ApiRefusal:
    """The access token was never issued, or not any more."""
    return ApiRefusal(40105, "Access token is incorrect or has been revoked.")
