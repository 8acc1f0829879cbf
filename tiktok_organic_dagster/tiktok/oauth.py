"""TikTok's OAuth for account holders: the authorize URL, and the four calls that deal with tokens."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from tiktok_organic_dagster.errors import ConfigurationError
from tiktok_organic_dagster.tiktok.client import TikTokClient
from tiktok_organic_dagster.tiktok.transport import Request

TOKEN = "tt_user/oauth2/token/"  # noqa: S105 -- a path
REFRESH_TOKEN = "tt_user/oauth2/refresh_token/"  # noqa: S105 -- a path
REVOKE = "tt_user/oauth2/revoke/"
TOKEN_INFO = "tt_user/token_info/get/"  # noqa: S105 -- a path

ALREADY_REVOKED = frozenset({40105, 40131})  # what revoking answers about a token that is no longer valid


_Check = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class TokenGrant:
    """What TikTok grants for a code or a refresh token.

    Attributes:
        access_token: For the calls; about a day.
        refresh_token: For the next pair; empty if the answer brought none, the old one then stays in use.
        business_id: The account (`open_id`); empty if the answer did not name it.
        scopes: What the owner granted; empty if the answer did not say.
        expires_at: When the access token ends; None if the answer did not say.
        refresh_expires_at: When the refresh token ends, which no refresh puts off: a year after the owner's consent.
            None if the answer did not say.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    business_id: str
    scopes: tuple[str, ...]
    expires_at: datetime | None
    refresh_expires_at: datetime | None


class OAuthClient:
    """The developer app's side of OAuth.

    Args:
        client: Sends the calls; they count on the app's quota.
        client_id: The developer app's id; None if it is not configured, which matters only once a call needs it.
        client_secret: Its secret; likewise.
        authorize_url: The page on which an owner consents.
    """

    def __init__(
        self, client: TikTokClient, *, client_id: str | None, client_secret: str | None, authorize_url: str
    ) -> None:
        self.client_id = client_id
        self.api_url = client.api_url
        self._client = client
        self._client_secret = client_secret
        self._authorize_url = authorize_url

    def authorize_url(self, redirect_uri: str, state: str, scopes: Sequence[str]) -> str:
        """The address that an account's owner opens to consent.

        Args:
            redirect_uri: Where TikTok sends the owner afterwards; as registered in TikTok's portal.
            state: Comes back unchanged, and proves that the answer belongs to this question.
            scopes: What to ask for.

        Raises:
            ConfigurationError: No client id is configured.
        """
        client_id, _ = self._app()
        parts = urlsplit(self._authorize_url)
        query = {
            **dict(parse_qsl(parts.query, keep_blank_values=True)),
            "client_key": client_id,
            "scope": ",".join(scopes),
            "response_type": "code",
            "redirect_uri": redirect_uri,
            "state": state,
        }
        return urlunsplit(parts._replace(query=urlencode(query)))

    def exchange_code(self, code: str, redirect_uri: str) -> TokenGrant:
        """Exchange the code of a redirect, already URL-decoded, for tokens.

        Raises:
            ConfigurationError: The app's id or secret is not configured.
            TikTokError: TikTok refused.
        """
        client_id, secret = self._app()
        body = {
            "client_id": client_id,
            "client_secret": secret,
            "grant_type": "authorization_code",
            "auth_code": code,
            "redirect_uri": redirect_uri,
        }
        return self._grant(TOKEN, body, (secret, code), "", _complete)

    def refresh(self, refresh_token: str, business_id: str = "") -> TokenGrant:
        """Get a new pair of tokens.

        Args:
            refresh_token: The current one; TikTok may replace it.
            business_id: Whose it is, for the log of calls.

        Raises:
            ConfigurationError: The app's id or secret is not configured.
            ReauthorizationError: The refresh token is no longer valid.
            TikTokError: TikTok refused.
        """
        client_id, secret = self._app()
        body = {
            "client_id": client_id,
            "client_secret": secret,
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
        }
        return self._grant(REFRESH_TOKEN, body, (secret, refresh_token), business_id, _with_access_token)

    def revoke(self, access_token: str, business_id: str = "") -> None:
        """End an authorization at TikTok.

        Raises:
            ConfigurationError: The app's id or secret is not configured.
            ReauthorizationError: The token is no longer valid; `code` tells a revoked one from an expired one.
            TikTokError: TikTok refused.
        """
        client_id, secret = self._app()
        body = {"client_id": client_id, "client_secret": secret, "access_token": access_token}
        self._post(REVOKE, body, (secret, access_token), business_id)

    def token_info(self, access_token: str, business_id: str = "") -> tuple[str, tuple[str, ...]]:
        """Whose token it is, and which scopes the owner really granted: the consent page lets them untick some.

        Raises:
            ConfigurationError: The app's id is not configured.
            TikTokError: TikTok refused.
        """
        if not self.client_id:
            raise _missing("TIKTOK_CLIENT_ID")
        body = {"app_id": self.client_id, "access_token": access_token}
        data = self._post(TOKEN_INFO, body, (access_token,), business_id)
        return str(data.get("creator_id") or ""), _scopes(data.get("scope"))

    def _grant(
        self,
        endpoint: str,
        body: dict[str, str],
        secrets: tuple[str, ...],
        business_id: str,
        check: _Check,
    ) -> TokenGrant:
        data = self._post(endpoint, body, secrets, business_id, check)
        now = self._client.clock()
        return TokenGrant(
            access_token=data["access_token"],
            refresh_token=str(data.get("refresh_token") or ""),
            business_id=str(data.get("open_id") or ""),
            scopes=_scopes(data.get("scope")),
            expires_at=_after(now, data.get("expires_in")),
            refresh_expires_at=_after(now, data.get("refresh_token_expires_in")),
        )

    def _post(
        self,
        endpoint: str,
        body: dict[str, str],
        secrets: tuple[str, ...],
        business_id: str,
        check: _Check = dict[str, Any],
    ) -> dict[str, Any]:
        request = Request("POST", endpoint, body=body, secrets=secrets)
        return self._client.call(request, check, client_id=self.client_id or "", account=business_id)

    def _app(self) -> tuple[str, str]:
        if not self.client_id:
            raise _missing("TIKTOK_CLIENT_ID")
        if not self._client_secret:
            raise _missing("TIKTOK_CLIENT_SECRET")
        return self.client_id, self._client_secret


def _missing(variable: str) -> ConfigurationError:
    return ConfigurationError(
        f"{variable} is not set. Set it in the environment or in .env to that of your app in TikTok's portal."
    )


def _with_access_token(data: dict[str, Any]) -> dict[str, Any]:
    if not _is_readable(data.get("access_token")):
        raise ValueError("without a readable access token")
    if data.get("refresh_token") and not _is_readable(data["refresh_token"]):
        raise ValueError("without a readable refresh token")
    return data


def _complete(data: dict[str, Any]) -> dict[str, Any]:
    _with_access_token(data)
    for key in ("refresh_token", "open_id"):
        if not _is_readable(data.get(key)):
            raise ValueError(f"without a readable `{key}`")
    return data


def _is_readable(value: object) -> bool:
    """Whether a token or an id is one that a header, a database and a message can hold."""
    return isinstance(value, str) and value != "" and value.isascii() and value.isprintable()


def _scopes(value: object) -> tuple[str, ...]:
    return tuple(scope for part in str(value or "").split(",") if (scope := part.strip()))


def _after(now: datetime, seconds: object) -> datetime | None:
    """The moment so many seconds later; None where the answer does not say it in a readable way."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float | str):
        return None
    try:
        return now + timedelta(seconds=float(seconds))
    except (ValueError, OverflowError):
        return None
