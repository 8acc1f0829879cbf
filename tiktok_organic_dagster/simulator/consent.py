"""The consent page of the simulated TikTok: who authorizes, for what, and the redirect back."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode, urlsplit

from tiktok_organic_dagster.simulator.accounts import SimulatedAccount
from tiktok_organic_dagster.simulator.api_fields import FURTHER_SCOPES, SCOPES


@dataclass(frozen=True, slots=True)
class ConsentRequest:
    """A well-formed request to the consent page."""

    client_key: str
    redirect_uri: str
    scopes: list[str]
    state: str | None

    def redirect(self, **params: str) -> str:
        """The address that the browser is sent back to."""
        echoed = {} if self.state is None else {"state": self.state}
        return f"{self.redirect_uri}?{urlencode(params | echoed)}"


class UnusableRequest(Exception):  # noqa: N818 -- it is shown on a page
    """The request cannot be answered by a redirect; the owner sees the reason."""


class RefusedRequest(Exception):  # noqa: N818 -- it is an answer
    """The request is answered by a redirect with an error."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address


def read_request(params: Mapping[str, str], *, strict_redirect_uri: bool) -> ConsentRequest:
    """Check what the consent page was called with.

    Raises:
        UnusableRequest: `client_key` or `redirect_uri` is missing or unusable.
        RefusedRequest: The redirect URI is good, the rest is not.
    """
    client_key = params.get("client_key", "")
    if not client_key:
        raise UnusableRequest("client_key is missing.")
    redirect_uri = params.get("redirect_uri", "")
    wrong = _wrong_with(redirect_uri, strict=strict_redirect_uri)
    if wrong:
        raise UnusableRequest(f"redirect_uri {wrong}.")
    scopes = [scope for scope in params.get("scope", "").replace(" ", "").split(",") if scope]
    request = ConsentRequest(client_key, redirect_uri, scopes, params.get("state"))
    if params.get("response_type") != "code":
        raise RefusedRequest(
            request.redirect(error="unsupported_response_type", error_description="response_type must be code")
        )
    if not scopes or not {*SCOPES, *FURTHER_SCOPES}.issuperset(scopes):
        raise RefusedRequest(
            request.redirect(error="invalid_scope", error_type="scope", error_description="scope is not approved")
        )
    return request


def _wrong_with(uri: str, *, strict: bool) -> str | None:
    """What is wrong with a redirect URI; `strict` applies all of TikTok's rules for registered ones."""
    parts = urlsplit(uri)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "must be an absolute URL"
    if parts.query or parts.fragment:
        return "must have neither a query nor a fragment"
    if not 10 <= len(uri) <= 512:
        return "must have 10 to 512 characters"
    if strict and (parts.scheme != "https" or parts.port or not uri.endswith("/")):
        return "must begin with https://, end in / and name no port"
    return None


def consent_page(request: ConsentRequest, accounts: Mapping[SimulatedAccount, str], given: Mapping[str, str]) -> str:
    """The page on which an owner chooses an account (with its current @) and what the app may read."""
    choices = "".join(
        f'<label class="row"><input type="radio" name="account" value="{account.index}"'
        f"{' checked' if account.index == 0 else ''}> <b>@{escape(username)}</b> "
        f"<small>{escape(account.display_name)} · {escape(account.kind)}</small></label>"
        for account, username in accounts.items()
    )
    boxes = "".join(
        f'<label class="row"><input type="checkbox" name="granted" value="{escape(scope)}" checked> '
        f"{escape(scope)}</label>"
        for scope in request.scopes
    )
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in given.items()
        if name not in {"account", "granted", "decision"}
    )
    return _page(
        "Authorize an app",
        f"<p>The app <b>{escape(request.client_key)}</b> asks to read a TikTok account."
        f"</p><form method='get'>{hidden}<h2>Account</h2>{choices}<h2>It may read</h2>{boxes}"
        "<p class='buttons'><button name='decision' value='allow' class='allow'>Allow</button> "
        "<button name='decision' value='deny'>Deny</button></p></form>"
        f"<p><small>You will be sent to {escape(request.redirect_uri)}</small></p>",
    )


def error_page(reason: str) -> str:
    """What the owner sees when the request is unusable."""
    return _page("Something went wrong", f"<p>{escape(reason)}</p>")


def _page(title: str, body: str) -> str:
    return (
        f"<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><title>{title} · TikTok simulator</title>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'><style>"
        "body{font:16px/1.5 system-ui,sans-serif;background:#f4f4f6;color:#161823;margin:0}"
        "main{max-width:30rem;margin:3rem auto;background:#fff;padding:1.5rem 2rem;border-radius:12px;"
        "box-shadow:0 2px 12px #0002}h1{font-size:1.4rem}h2{font-size:1rem;margin:1.2rem 0 .3rem}"
        ".row{display:block;padding:.25rem 0}small{color:#666}.buttons{margin-top:1.5rem}"
        "button{font:inherit;padding:.5rem 1.5rem;border-radius:6px;border:1px solid #ccc;background:#fff}"
        ".allow{background:#c4133c;border-color:#c4133c;color:#fff}"
        f"</style></head><body><main><small>TikTok simulator: nothing here is real</small><h1>{title}</h1>{body}"
        "</main></body></html>"
    )
