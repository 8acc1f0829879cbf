"""What TikTok's answers of failure mean: one table from code to remedy, and the exceptions, one class per remedy."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from urllib.parse import quote

from tiktok_organic_dagster.errors import TikTokOrganicError

MAX_MESSAGE = 500  # of TikTok's text that is shown; a page of HTML helps nobody


class Remedy(Enum):
    """What to do about an answer that is not a success."""

    RETRY = "retry"
    THROTTLED = "throttled"
    REFRESH = "refresh"
    REAUTHORIZE = "reauthorize"
    FAIL = "fail"


@dataclass(frozen=True)
class Meaning:
    """What a return code asks for, and what the person who reads the error should do."""

    remedy: Remedy
    advice: str = ""


CONNECT = "connect the account again: tiktok-organic connect"
_WAIT = "TikTok has trouble of its own; try again later."
_QUOTA = "The request quota is used up for now."
_RENEW = f"The authorization is no longer valid; {CONNECT}."
_REFUSED = "TikTok's message says what it does not take; if it is nothing of yours, please report this."
_UNKNOWN = (
    "This project knows no remedy for this code: look it up in TikTok's portal under Return Codes, or ask TikTok's "
    "support with the request id."
)
_APP = "Check TIKTOK_CLIENT_ID, TIKTOK_CLIENT_SECRET and TIKTOK_REDIRECT_URI against the app in TikTok's portal."

SCOPE_NOT_GRANTED = 40130

# TikTok's portal, page "Return Codes", and the code table of its official SDK (40130, 40131, 51xxx, 52xxx, 61000).
# What is not in here fails: an unknown code must never be taken for the end of the data.
CODES: dict[int, Meaning] = {
    40001: Meaning(
        Remedy.FAIL,
        "The account has not turned on its analytics (TikTok app > Creator tools > Analytics > Turn on), "
        "or a permission is missing.",
    ),
    40002: Meaning(Remedy.FAIL, _REFUSED),
    40006: Meaning(Remedy.FAIL, "Check TIKTOK_API_URL."),
    40007: Meaning(Remedy.FAIL, "TikTok knows no such thing of this account; it may be deleted or private."),
    40016: Meaning(Remedy.THROTTLED, _QUOTA),
    40100: Meaning(Remedy.THROTTLED, _QUOTA),
    40101: Meaning(Remedy.FAIL, _APP),
    40102: Meaning(Remedy.REFRESH, _RENEW),
    40103: Meaning(Remedy.REAUTHORIZE, _RENEW),
    40105: Meaning(Remedy.REFRESH, _RENEW),
    40107: Meaning(Remedy.REAUTHORIZE, _RENEW),
    40110: Meaning(Remedy.FAIL, "An authorization code serves once and for 10 minutes: run tiktok-organic connect."),
    40113: Meaning(Remedy.FAIL, _APP),
    40115: Meaning(Remedy.FAIL, "Run tiktok-organic connect again and open the address that it prints."),
    SCOPE_NOT_GRANTED: Meaning(Remedy.FAIL, f"The owner did not grant the scope of a field; {CONNECT}."),
    40131: Meaning(Remedy.REFRESH, _RENEW),
    40132: Meaning(Remedy.THROTTLED, _QUOTA),
    40133: Meaning(Remedy.THROTTLED, _QUOTA),
    40201: Meaning(Remedy.RETRY, _WAIT),
    40202: Meaning(Remedy.RETRY, _WAIT),
    50000: Meaning(Remedy.RETRY, _WAIT),
    50002: Meaning(Remedy.RETRY, _WAIT),
    60001: Meaning(Remedy.RETRY, "TikTok's API is under maintenance; try again later."),
    61000: Meaning(Remedy.THROTTLED, _QUOTA),
}
INTERNAL_ERRORS = range(51000, 53000)
APP_THROTTLES = frozenset({40016})
UNKNOWN = Meaning(Remedy.FAIL, _UNKNOWN)


def meaning(code: int) -> Meaning:
    """What a return code asks for; one that is not listed here fails."""
    if code in INTERNAL_ERRORS:
        return Meaning(Remedy.RETRY, _WAIT)
    return CODES.get(code, UNKNOWN)


@dataclass(frozen=True)
class Fault:
    """One answer, or missing answer, that is not a success.

    Attributes:
        code: TikTok's return code; None when the failure lies below TikTok's API (network, HTTP, malformed).
        text: TikTok's message, or ours when there is none; without secrets.
    """

    endpoint: str
    remedy: Remedy
    text: str
    code: int | None = None
    request_id: str | None = None
    advice: str = ""


class TikTokError(TikTokOrganicError):
    """A call to TikTok that did not succeed.

    Attributes:
        code: TikTok's return code, None if it gave none.
        message: TikTok's message.
        request_id: TikTok's id of the call, for its support.
        endpoint: The path called.
    """

    def __init__(self, fault: Fault) -> None:
        super().__init__(_sentence(fault))
        self.code = fault.code
        self.message = fault.text
        self.request_id = fault.request_id
        self.endpoint = fault.endpoint


class TransientError(TikTokError):
    """Trouble that may pass: network, HTTP 5xx, a malformed answer, TikTok's own errors. Raised after the last try."""


class ThrottledError(TikTokError):
    """TikTok still refuses after several pauses.

    Attributes:
        resume_at: When calls of this scope may be tried again.
    """

    def __init__(self, fault: Fault, resume_at: datetime) -> None:
        super().__init__(fault)
        self.resume_at = resume_at


class ReauthorizationError(TikTokError):
    """The authorization has ended: the account's owner has to connect it again."""


class RefusedError(TikTokError):
    """TikTok refuses the call, and repeating it would not help; `code` says why."""


class PagingError(TikTokError):
    """A list does not come to its end: its cursor stands still or goes round, or nothing new comes."""


_CLASSES: dict[Remedy, type[TikTokError]] = {
    Remedy.RETRY: TransientError,
    Remedy.REFRESH: ReauthorizationError,
    Remedy.REAUTHORIZE: ReauthorizationError,
    Remedy.FAIL: RefusedError,
}


def error_of(fault: Fault) -> TikTokError:
    """The exception of a fault that is not a throttle."""
    return _CLASSES[fault.remedy](fault)


def throttled(fault: Fault, resume_at: datetime) -> ThrottledError:
    """The exception of a scope that stays throttled until a moment."""
    advice = f"{_QUOTA} Calls resume at {resume_at:%Y-%m-%d %H:%M:%S} UTC."
    return ThrottledError(
        Fault(fault.endpoint, fault.remedy, fault.text, fault.code, fault.request_id, advice), resume_at
    )


def _sentence(fault: Fault) -> str:
    code = "" if fault.code is None else f" (code {fault.code})"
    request = f" [request {fault.request_id}]" if fault.request_id else ""
    text = f"TikTok's {fault.endpoint}{code}: {fault.text.rstrip('.')}.{request}"
    return f"{text} {fault.advice}".rstrip()


_TOKEN = re.compile(r"\b(?:act|rft)\.[\w!%.*~+/=-]+")
# Control characters, halves of a character (which nothing can store), separators of lines, characters that turn the
# direction of what follows, and characters that nobody sees. A joiner is kept where it joins, as in an emoji made of
# several or in Persian; beside a letter of a TikTok name it only makes a second name that looks like the first.
_UNSEEN = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ud800-\udfff\ufeff\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e007f"
    "]+"
    "|(?<![^\x00-\x7f])[\u200c\u200d]+|[\u200c\u200d]+(?![^\x00-\x7f])"
)


def without_secrets(text: str, secrets: tuple[str, ...] = ()) -> str:
    """A text in which neither the secrets sent nor anything that looks like a token shows."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):  # one may be part of another
        for form in (secret, quote(secret, safe="")):
            text = text.replace(form, "[hidden]")
    return _TOKEN.sub("[hidden]", text)


def printable(text: str) -> str:
    """A text on one line that can be stored and shown anywhere: nothing in it steers a terminal or hides."""
    return _UNSEEN.sub(" ", text).strip()


def clean(text: str, secrets: tuple[str, ...] = ()) -> str:
    """Text from outside, fit for a log: without the secrets sent, without control characters, of bounded length."""
    shown = printable(without_secrets(text, secrets))
    return shown if len(shown) <= MAX_MESSAGE else shown[:MAX_MESSAGE] + "..."
