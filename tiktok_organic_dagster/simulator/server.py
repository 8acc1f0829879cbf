"""The simulator: TikTok's Accounts API and its consent page on loopback, answered from the simulated world."""

import asyncio
import json
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any, Self, cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from tiktok_organic_dagster.simulator import limits as request_limits
from tiktok_organic_dagster.simulator.answers import (
    ApiRefusal,
    Data,
    missing_business_id,
    no_permission,
    refusal,
    request_id,
    success,
)
from tiktok_organic_dagster.simulator.calls import Call, Calls
from tiktok_organic_dagster.simulator.consent import (
    ConsentRequest,
    RefusedRequest,
    UnusableRequest,
    consent_page,
    error_page,
    read_request,
)
from tiktok_organic_dagster.simulator.endpoints import ENDPOINTS, Asked, Habits, check_required
from tiktok_organic_dagster.simulator.faults import Effect, Faults, Page
from tiktok_organic_dagster.simulator.limits import Limits
from tiktok_organic_dagster.simulator.oauth import OAuth
from tiktok_organic_dagster.simulator.random_faults import RandomFaults
from tiktok_organic_dagster.simulator.transport import BrokenResponse, Connections, json_body, listen, serve
from tiktok_organic_dagster.simulator.world import World

API_PREFIX = "/open_api/v1.3/"
AUTHORIZE_PATH = "/v2/auth/authorize/"


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class Simulator:
    """A stand-in for TikTok's Accounts API v1.3 that serves from a thread of this process, on 127.0.0.1 only.

    Example:
        >>> with Simulator(seed=3) as simulator:
        ...     simulator.api_url
        'http://127.0.0.1:40301/open_api/v1.3'

    Args:
        world: What there is to read; made from the next three arguments if not given.
        seed: Of the world.
        accounts: Of the world.
        videos: Of the world.
        port: To listen on; 0 takes a free one, known after `start`.
        clock: Tells the simulated moment, timezone-aware; may be replaced at run time.
        data_dir: Folder for a file with secrets and tokens, so that a restarted simulator honours them.

    Attributes:
        world: The truth, and through `world.changes` what a test changes about it.
        faults: What goes wrong.
        calls: What was asked.
        limits: Request limits; off unless set.
        habits: How the API behaves where TikTok's documents leave a choice; some accounts have short pages.
        oauth: Tokens and their lifetimes.
        strict_redirect_uri: Whether all of TikTok's rules for redirect URIs are enforced.
    """

    def __init__(
        self,
        world: World | None = None,
        *,
        seed: int = 1,
        accounts: int = 5,
        videos: int | None = None,
        port: int = 0,
        clock: Callable[[], datetime] = utc_now,
        data_dir: Path | None = None,
    ) -> None:
        self.world = world or World(seed, accounts, videos)
        self.clock = clock
        self.faults = Faults()
        self.calls = Calls()
        self.limits = Limits()
        self.habits = Habits(short_pages_of={account.index for account in self.world.accounts if account.index % 2})
        self.oauth = OAuth(self.now, self.world.business_id, data_dir)
        self.strict_redirect_uri = False
        self.world.changes.clock = self.now
        self._port = port
        self._connections = Connections()
        self._previous: dict[tuple[str, ...], Data] = {}
        self._stop: Callable[[], None] | None = None

    def now(self) -> datetime:
        """The simulated moment, by the clock as it is set now."""
        return self.clock()

    @property
    def base_url(self) -> str:
        """Such as http://127.0.0.1:40301."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def api_url(self) -> str:
        """The value for TIKTOK_API_URL."""
        return self.base_url + API_PREFIX.rstrip("/")

    @property
    def authorize_url(self) -> str:
        """The value for TIKTOK_AUTHORIZE_URL."""
        return self.base_url + AUTHORIZE_PATH

    def start(self) -> Self:
        """Serve until `stop`; a simulator that was stopped starts again on the same port.

        Raises:
            ConfigurationError: The port is taken.
        """
        listening = listen(self._port)
        self._port = listening.getsockname()[1]
        self._stop = serve(self._app(), listening, self._connections)
        return self

    def stop(self) -> None:
        """Close all connections and the port."""
        if self._stop:
            self._stop()
            self._stop = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # Routes.

    def _app(self) -> Starlette:
        def api(path: str, method: str) -> list[Route]:
            async def answer(request: Request) -> Response:
                return await self._answer(request, path)

            return [
                Route(API_PREFIX + path, answer, methods=[method]),
                Route(API_PREFIX + path.rstrip("/"), _without_slash, methods=["GET", "POST"]),
            ]

        routes = [
            *(route for path in ENDPOINTS for route in api(path, "GET")),
            *(route for path in self._oauth_endpoints() for route in api(path, "POST")),
            Route(API_PREFIX + "business/{rest:path}", self._no_schema),
            Route(AUTHORIZE_PATH, self._authorize),
            Route(AUTHORIZE_PATH.rstrip("/"), self._authorize),
        ]
        app = Starlette(routes=routes)
        app.router.redirect_slashes = False
        return app

    def _oauth_endpoints(self) -> dict[str, Callable[[Data], Data]]:
        return {
            "tt_user/oauth2/token/": self.oauth.exchange,
            "tt_user/oauth2/refresh_token/": self.oauth.refresh,
            "tt_user/oauth2/revoke/": self.oauth.revoke,
            "tt_user/token_info/get/": self.oauth.token_info,
        }

    async def _no_schema(self, request: Request) -> Response:
        if not request.url.path.endswith("/"):
            return await _without_slash(request)
        identifier = request_id(self.clock())
        return _envelope_response(refusal(40006, "no schema found", identifier), identifier)

    # Calls.

    async def _answer(self, request: Request, path: str) -> Response:
        params = await _read_params(request)
        call = self._record(request, path, params)
        token = request.headers.get("access-token")
        effects = self.faults.befalling(call)
        unreached = next((effect for effect in effects if effect.never_answered), None)
        too_many = None if unreached else self._too_many(call, token)
        for effect in effects:
            if effect.delay:
                await asyncio.sleep(effect.delay)
        if unreached:
            return self._sent_instead(unreached, b"", {})
        identifier = request_id(self.clock())
        try:
            if too_many:
                raise too_many
            data = self._ask(call, token, effects)
            envelope = success(data, identifier)
        except ApiRefusal as refused:
            envelope = refusal(refused.code, refused.message, identifier)
        call.code = envelope["code"]
        response = _envelope_response(envelope, identifier)
        for effect in effects:
            if effect.sent:
                return self._sent_instead(effect, bytes(response.body), response.headers)
        return response

    def _record(self, request: Request, path: str, params: Data) -> Call:
        named = params.get("business_id") or params.get("creator_id")
        tokens = [request.headers.get("access-token"), *(params.get(name) for name in _TOKENS_IN_BODY)]
        owner = next((found for token in tokens if token and (found := self.oauth.find(str(token)))), None)
        call = Call(
            at=time.monotonic(),
            moment=self.clock(),
            path=path,
            params=params,
            business_id=str(named) if named else None,
            account=owner.account if owner else None,
        )
        self.calls.add(call)
        return call

    def _too_many(self, call: Call, token: str | None) -> ApiRefusal | None:
        """Count a call at the moment of its arrival, however long its answer takes; a refusal if it is too many."""
        owner = self.oauth.find(token or "")
        client_id = owner.client_id if owner else str(call.params.get("client_id") or call.params.get("app_id") or "")
        try:
            self.limits.check(client_id, call.business_id, call.endpoint)
        except ApiRefusal as refused:
            return refused
        return None

    def _ask(self, call: Call, token: str | None, effects: list[Effect]) -> Data:
        """The data of a good answer.

        Raises:
            ApiRefusal: The call is refused.
        """
        for effect in effects:
            if effect.ends and call.account is not None:
                effect.ends(self.oauth, call.account)
            if effect.check:
                effect.check(call, call.account is not None and self.world.accounts[call.account].is_business)
        data = self._look_up(call, token)
        key = (call.endpoint, str(call.business_id), str(call.params.get("video_id")))
        page = Page(call.params, self._previous.get(key))
        for effect in effects:
            if effect.change:
                data = effect.change(data, page)
        self._previous[key] = data
        return data

    def _look_up(self, call: Call, token: str | None) -> Data:
        for_tokens = self._oauth_endpoints().get(call.path)
        if for_tokens:
            return for_tokens(call.params)
        if call.business_id is None:
            raise missing_business_id()
        check_required(call.path, call.params)
        grant = self.oauth.authenticate(token)
        if self.world.business_id(grant.account, grant.client_id) != call.business_id:
            raise no_permission(call.business_id)
        account = self.world.accounts[grant.account]
        asked = Asked(self.world, self.habits, account, grant.scopes, self.clock(), call.params)
        return ENDPOINTS[call.path](asked)

    def _sent_instead(self, effect: Effect, body: bytes, headers: Mapping[str, str]) -> Response:
        sent = effect.sent
        if sent is None or sent.reset:
            return BrokenResponse(self._connections)
        if sent.cut:
            return BrokenResponse(self._connections, body, headers)
        whole = body if sent.body is None else sent.body.encode()
        return Response(whole, sent.status, {**sent.headers, "content-type": sent.content_type})

    # Consent.

    async def _authorize(self, request: Request) -> Response:
        params = dict(request.query_params)
        try:
            wanted = read_request(params, strict_redirect_uri=self.strict_redirect_uri)
            if params.get("decision") == "deny":
                return _redirect(
                    wanted.redirect(error="access_denied", error_description="The user denied the request")
                )
            if "as" in params:
                without = params.get("without", "").split(",")
                granted = [scope for scope in wanted.scopes if scope not in without]
                return self._consented(wanted, params["as"], granted)
            if params.get("decision") == "allow":
                ticked = request.query_params.getlist("granted")
                granted = [scope for scope in wanted.scopes if scope in ticked]
                return self._consented(wanted, params.get("account", ""), granted)
        except RefusedRequest as refused:
            return _redirect(refused.address)
        except UnusableRequest as unusable:
            return HTMLResponse(error_page(str(unusable)), 400)
        now = self.clock()
        accounts = {account: self.world.username(account, now) for account in self.world.accounts}
        return HTMLResponse(consent_page(wanted, accounts, params))

    def _consented(self, wanted: ConsentRequest, account: str, scopes: list[str]) -> Response:
        if not account.isdecimal() or int(account) >= len(self.world.accounts):
            raise UnusableRequest(f"There is no account {account!r}; there are {len(self.world.accounts)}, from 0 on.")
        code = self.oauth.issue_code(wanted.client_key, wanted.redirect_uri, int(account), scopes)
        return _redirect(wanted.redirect(code=code, scopes=",".join(scopes)))


_TOKENS_IN_BODY = ("access_token", "refresh_token", "auth_code")


async def _without_slash(_request: Request) -> Response:
    return PlainTextResponse("404 page not found", 404)


async def _read_params(request: Request) -> Data:
    """The query string of a GET, the JSON body of a POST; what is no JSON object has no parameters."""
    if request.method != "POST":
        return dict(request.query_params)
    try:
        body: Any = json.loads(await request.body())
    except ValueError:
        return {}
    return cast("Data", body) if isinstance(body, dict) else {}


def _envelope_response(envelope: Data, identifier: str) -> Response:
    return Response(json_body(envelope), headers={"X-Tt-Logid": identifier}, media_type="application/json")


def _redirect(address: str) -> Response:
    # Not quoted again: the address is encoded already.
    return RedirectResponse(address, 302)


def run(
    port: int = 0,
    seed: int = 1,
    accounts: int = 5,
    videos: int | None = None,
    *,
    per_endpoint: int | None = request_limits.TRUE_PER_ENDPOINT,
    per_app: int | None = request_limits.TRUE_PER_APP,
    per_second: int | None = request_limits.TRUE_PER_SECOND,
    data_dir: Path | None = None,
    faults: float = 0,
) -> None:
    """Serve in the foreground until interrupted or terminated; the first line printed holds the base URL.

    Args:
        port: To listen on; 0 takes a free one.
        seed: Of the world.
        accounts: Of the world.
        videos: Of the world.
        per_endpoint: Requests a minute for one account and endpoint; None switches the limit off.
        per_app: Requests a minute for an app.
        per_second: Requests a second for an app.
        data_dir: Folder in which tokens survive a restart.
        faults: Share of the calls that go wrong, from 0 to 1; which, and how, depends on the seed.

    Raises:
        ConfigurationError: The port is taken.
    """
    simulator = Simulator(seed=seed, accounts=accounts, videos=videos, port=port, data_dir=data_dir)
    simulator.limits = Limits(per_endpoint=per_endpoint, per_app=per_app, per_second=per_second)
    if faults:
        simulator.faults.add(RandomFaults(seed, faults))
    ended = Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with simulator:
        names = ", ".join(f"{account.index} @{account.username}" for account in simulator.world.accounts)
        print(f"TikTok simulator on {simulator.base_url}", flush=True)
        print(
            f"Accounts: {names}\n"
            "Set these, with any client id, secret and redirect URI:\n"
            f"  TIKTOK_API_URL={simulator.api_url}\n"
            f"  TIKTOK_AUTHORIZE_URL={simulator.authorize_url}\n"
            "Ctrl-C stops it.",
            flush=True,
        )
        with suppress(KeyboardInterrupt):
            ended.wait()
