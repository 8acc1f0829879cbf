"""Codes, tokens and consent of the simulated TikTok, kept in a file if a folder is given."""

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tiktok_organic_dagster.simulator.answers import ApiRefusal, Data, invalid, missing, no_token, wrong_token

TOKEN_FILE = "simulator_tokens.json"  # noqa: S105 -- the name of a file


@dataclass(slots=True)
class Code:
    """An authorization code on its way from the consent page to the token endpoint."""

    client_id: str
    redirect_uri: str
    account: int
    scopes: list[str]
    expires: float
    used: bool = False


@dataclass(slots=True)
class Grant:
    """One consent of an account's owner to one developer app, with the tokens that came of it."""

    client_id: str
    account: int
    scopes: list[str]
    refresh_token: str
    refresh_expires: float
    revoked: bool = False
    access: dict[str, float] = field(default_factory=dict[str, float])
    """Access tokens and the epoch second at which each expires."""


class OAuth:
    """The authorization server.

    Attributes:
        code_life, access_token_life, refresh_token_life: Seconds, for what is issued from now on.
        rotates_refresh_tokens: Whether a refresh replaces the refresh token; the old one is void then.
        refresh_voids_access_tokens: Whether a refresh ends the access tokens issued before.
        remembers_secrets: Whether the secret first seen for a client id is the only right one.
        expired_code: What an expired access token is answered with: 40102, or 40105; TikTok's choice is not known.
    """

    def __init__(
        self, clock: Callable[[], datetime], open_id: Callable[[int, str], str], folder: Path | None = None
    ) -> None:
        self.code_life = 600.0
        self.access_token_life = 86_400.0
        self.refresh_token_life = 31_536_000.0
        self.rotates_refresh_tokens = True
        self.refresh_voids_access_tokens = False
        self.remembers_secrets = True
        self.expired_code = 40102
        self._clock = clock
        self._open_id = open_id
        self._file = folder / TOKEN_FILE if folder else None
        self._secrets: dict[str, str] = {}
        self._codes: dict[str, Code] = {}
        self._grants: list[Grant] = []
        self._read()

    # What the consent page does.

    def issue_code(self, client_id: str, redirect_uri: str, account: int, scopes: list[str]) -> str:
        """The code that the redirect carries; it holds characters that must be URL-encoded, as real ones do."""
        code = f"{secrets.token_urlsafe(32)}*{secrets.randbelow(9)}!{secrets.randbelow(9000) + 1000}.va"
        self._codes[code] = Code(client_id, redirect_uri, account, scopes, self._now() + self.code_life)
        self._write()
        return code

    # What the four endpoints do.

    def exchange(self, body: Data) -> Data:
        """POST tt_user/oauth2/token/: a code for a pair of tokens."""
        client_id = self._client(body, "authorization_code", ("auth_code", "redirect_uri"))
        code = self._codes.get(str(body["auth_code"]))
        if code is None:
            raise ApiRefusal(40101, "auth_code is incorrect.")
        if code.client_id != client_id:
            raise ApiRefusal(40113, "auth_code was issued to another app.")
        if code.used or code.expires <= self._now():
            raise ApiRefusal(40110, "auth_code has been used, has expired or was cancelled.")
        if code.redirect_uri != body["redirect_uri"]:
            raise invalid("redirect_uri", "Not the one the authorization was requested with.")
        code.used = True
        now = self._now()
        grant = Grant(client_id, code.account, code.scopes, _new_token("rft"), now + self.refresh_token_life)
        self._grants.append(grant)
        return self._pair(grant, now)

    def refresh(self, body: Data) -> Data:
        """POST tt_user/oauth2/refresh_token/: a new access token; the refresh token's life is never extended."""
        client_id = self._client(body, "refresh_token", ("refresh_token",))
        grant = next((each for each in self._grants if each.refresh_token == body["refresh_token"]), None)
        if grant is None or grant.revoked:
            raise ApiRefusal(40107, "Refresh token is incorrect.")
        if grant.client_id != client_id:
            raise ApiRefusal(40113, "Refresh token was issued to another app.")
        if grant.refresh_expires <= self._now():
            raise ApiRefusal(40103, "Refresh token has expired.")
        if self.rotates_refresh_tokens:
            grant.refresh_token = _new_token("rft")
        if self.refresh_voids_access_tokens:
            grant.access.clear()
        return self._pair(grant, self._now())

    def revoke(self, body: Data) -> Data:
        """POST tt_user/oauth2/revoke/: ends the consent that the access token came from."""
        client_id = self._client(body, None, ("access_token",))
        grant = self._grant_of(str(body["access_token"]))
        if grant is None or grant.client_id != client_id:
            raise ApiRefusal(40131, "Access token is invalid")
        grant.revoked = True
        self._write()
        return {}

    def token_info(self, body: Data) -> Data:
        """POST tt_user/token_info/get/: whom a token speaks for and what it may."""
        for name in ("app_id", "access_token"):
            if not body.get(name):
                raise missing(name)
        grant = self.authenticate(str(body["access_token"]))
        if grant.client_id != body["app_id"]:
            raise ApiRefusal(40113, "app_id does not match the access token.")
        return {
            "app_id": grant.client_id,
            "creator_id": self._open_id(grant.account, grant.client_id),
            "scope": ",".join(grant.scopes),
        }

    # What other calls need.

    def authenticate(self, header: str | None) -> Grant:
        """The grant behind a bare access token; one with `Bearer ` in front is wrong."""
        if not header:
            raise no_token()
        grant = self._grant_of(header)
        if grant is None:
            raise wrong_token()
        if grant.access[header] <= self._now():
            if self.expired_code == 40105:
                raise wrong_token()
            raise ApiRefusal(self.expired_code, "Access token has expired.")
        return grant

    def find(self, secret: str) -> Grant | Code | None:
        """Whatever an access token, refresh token or code belongs to, valid or not; for logs and faults."""
        for grant in self._grants:
            if secret == grant.refresh_token or secret in grant.access:
                return grant
        return self._codes.get(secret)

    def revoke_account(self, account: int) -> None:
        """Let the owner withdraw all consent in the TikTok app."""
        for grant in self._grants:
            if grant.account == account:
                grant.revoked = True
        self._write()

    def void_access_tokens(self, account: int) -> None:
        """Make all access tokens of an account wrong; its refresh tokens stay good."""
        for grant in self._grants:
            if grant.account == account:
                grant.access.clear()
        self._write()

    def expire_access_tokens(self, account: int) -> None:
        """Let all access tokens of an account be over now; its refresh tokens stay good."""
        for grant in self._grants:
            if grant.account == account:
                grant.access = dict.fromkeys(grant.access, self._now())
        self._write()

    def take_scope(self, account: int, scope: str) -> None:
        """Let the owner take away one permission."""
        for grant in self._grants:
            if grant.account == account:
                grant.scopes = [each for each in grant.scopes if each != scope]
        self._write()

    # Inside.

    def _now(self) -> float:
        return self._clock().timestamp()

    def _grant_of(self, access_token: str) -> Grant | None:
        return next((each for each in self._grants if access_token in each.access and not each.revoked), None)

    def _client(self, body: Data, grant_type: str | None, names: tuple[str, ...]) -> str:
        required = ("client_id", "client_secret", *(("grant_type",) if grant_type else ()), *names)
        for name in required:
            value = body.get(name)
            if not value:
                raise missing(name)
            if not isinstance(value, str):
                raise invalid(name, "Not a valid string.")
        if grant_type and body["grant_type"] != grant_type:
            raise ApiRefusal(40108, f"grant_type is not supported: {body['grant_type']}")
        client_id = str(body["client_id"])
        known = self._secrets.setdefault(client_id, str(body["client_secret"]))
        if self.remembers_secrets and known != body["client_secret"]:
            raise ApiRefusal(40101, "Incorrect client_id or client_secret.")
        return client_id

    def _pair(self, grant: Grant, now: float) -> Data:
        token = _new_token("act")
        # What expired a day ago is wrong rather than expired: the file stays small.
        grant.access = {each: at for each, at in grant.access.items() if at > now - 86_400}
        grant.access[token] = now + self.access_token_life
        self._write()
        return {
            "access_token": token,
            "token_type": "Bearer",
            "scope": ",".join(grant.scopes),
            "expires_in": int(self.access_token_life),
            "refresh_token": grant.refresh_token,
            "refresh_token_expires_in": int(grant.refresh_expires - now),
            "open_id": self._open_id(grant.account, grant.client_id),
        }

    def _read(self) -> None:
        if self._file is None or not self._file.exists():
            return
        kept: dict[str, Any] = json.loads(self._file.read_text())
        self._secrets = kept["secrets"]
        self._codes = {code: Code(**each) for code, each in kept["codes"].items()}
        self._grants = [Grant(**each) for each in kept["grants"]]

    def _write(self) -> None:
        if self._file is None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = {
            "secrets": self._secrets,
            "codes": {code: asdict(each) for code, each in self._codes.items()},
            "grants": [asdict(each) for each in self._grants],
        }
        draft = self._file.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(kept, file)
        draft.replace(self._file)


def _new_token(prefix: str) -> str:
    return f"{prefix}.{secrets.token_hex(36)}"
