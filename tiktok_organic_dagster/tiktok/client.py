"""Reads TikTok's Accounts API: calls within the quotas, retried, with a fresh token, page by page."""

import json
import random as random_module
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol, TypeVar, cast

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from tiktok_organic_dagster.state import utc_now
from tiktok_organic_dagster.tiktok.answers import Answer, malformed, read_answer, unreachable
from tiktok_organic_dagster.tiktok.errors import Fault, ReauthorizationError, Remedy, TransientError, error_of
from tiktok_organic_dagster.tiktok.errors import throttled as throttled_error
from tiktok_organic_dagster.tiktok.limits import Grant, RequestBudget, app_key
from tiktok_organic_dagster.tiktok.paging import NewRows, RawPage, created_at, parse_page, read_pages
from tiktok_organic_dagster.tiktok.stats import CallStats
from tiktok_organic_dagster.tiktok.transport import NoAnswerError, Request, Transport
from tiktok_organic_dagster.tiktok.waiting import OnWait, Waiting, WaitReason, unheard

BUSINESS_GET = "business/get/"
VIDEO_LIST = "business/video/list/"
COMMENT_LIST = "business/comment/list/"

MAX_ATTEMPTS = 8
MAX_BACKOFF_S = 60.0
JITTER = 0.25  # of the delay, added to it
VIDEOS_PER_PAGE = 20  # TikTok's maximum
COMMENTS_PER_PAGE = 30  # TikTok's maximum
KEY_FIELDS = ("item_id", "create_time")  # paging needs them, whatever else is asked

T = TypeVar("T")


class TokenSource(Protocol):
    """Where an account's access token comes from."""

    def access_token(self) -> str:
        """A token that is valid for some minutes to come."""
        ...

    def refused(self, access_token: str) -> str:
        """Say that TikTok refused a token; gives a newer one, refreshed at most once."""
        ...


@dataclass(frozen=True)
class VideoPage:
    """Posts of one page.

    Attributes:
        videos: As TikTok sent them, without those older than what was asked for and those of earlier pages.
        repeated: How many were left out because an earlier page held them.
        number: The page's number, from 1.
        older: How many were left out because they are older than what was asked for.
    """

    videos: list[dict[str, Any]]
    repeated: int
    number: int
    older: int = 0


@dataclass(frozen=True)
class CommentPage:
    """Comments of one page; `repeated` were left out because an earlier page held them."""

    comments: list[dict[str, Any]]
    repeated: int
    number: int


class TikTokClient:
    """Talks to one TikTok API; shared by all threads of a process.

    Args:
        api_url: The base URL, such as `https://business-api.tiktok.com/open_api/v1.3`.
        budget: Grants each call.
        timeout_s: Of one answer; connecting has a tenth of it.
        backoff_s: The first delay before a retry; it doubles, with jitter, up to 60 s.
        sleep: Waits for a number of seconds.
        random: A number from 0 to 1, for the jitter.
        clock: The time of day.
        on_wait: Told of every wait, again and again while it lasts.
    """

    def __init__(
        self,
        *,
        api_url: str,
        budget: RequestBudget,
        timeout_s: float = 60,
        backoff_s: float = 1,
        sleep: Callable[[float], None] = time.sleep,
        random: Callable[[], float] = random_module.random,
        clock: Callable[[], datetime] = utc_now,
        on_wait: OnWait = unheard,
    ) -> None:
        self.api_url = api_url.rstrip("/")
        self.clock = clock
        self._budget = budget
        self._transport = Transport(self.api_url, timeout_s)
        self._backoff_s = backoff_s
        self._sleep = sleep
        self._random = random
        self._on_wait = on_wait

    def reader(self, business_id: str, client_id: str, tokens: TokenSource) -> "AccountReader":
        """Read one account; a reader belongs to one thread.

        Args:
            business_id: TikTok's id of the account, of this developer app.
            client_id: The developer app, whose quota the calls count on.
            tokens: Gives the account's access token.
        """
        return AccountReader(self, business_id, client_id, tokens)

    def call(
        self,
        request: Request,
        read: Callable[[dict[str, Any]], T],
        *,
        client_id: str,
        account: str = "",
        tokens: TokenSource | None = None,
        stats: CallStats | None = None,
    ) -> T:
        """Send a request until it succeeds or further tries are pointless.

        Args:
            request: What to send.
            read: Takes what is needed out of the data; a `ValueError` of it marks the answer as malformed.
            client_id: The developer app.
            account: The business_id, empty for a call that belongs to none.
            tokens: Gives the access token; None for calls that take none.
            stats: Counts what happens.

        Raises:
            TikTokError: Of the class that says what to do about it.
        """
        counted = stats or CallStats()

        def tell(waiting: Waiting) -> None:
            counted.waiting = waiting
            self._on_wait(waiting)

        grants = _Grants(self._budget, app_key(client_id, self.api_url), account, request.endpoint, counted, tell)
        call = _Call(request, self._transport, grants, tokens, counted)

        def wait(state: RetryCallState) -> float:
            delay = min(
                MAX_BACKOFF_S, self._backoff_s * 2 ** (state.attempt_number - 1) * (1 + JITTER * self._random())
            )
            counted.retries += 1
            counted.waited_s += delay
            failure = state.outcome.exception() if state.outcome else None
            because = failure.message if isinstance(failure, TransientError) else ""
            tell(Waiting(WaitReason.RETRY, self.clock() + timedelta(seconds=delay), because))
            return delay

        def sleep(seconds: float) -> None:
            try:
                self._sleep(seconds)
            finally:
                counted.waiting = None

        retrying = Retrying(
            stop=stop_after_attempt(MAX_ATTEMPTS),
            wait=wait,
            retry=retry_if_exception_type(TransientError),
            sleep=sleep,
            reraise=True,
        )
        return retrying(lambda: call.attempt(read))


@dataclass(frozen=True)
class _Grants:
    """Asks the budget on behalf of one call."""

    budget: RequestBudget
    app: str
    account: str
    endpoint: str
    stats: CallStats
    on_wait: OnWait

    def acquire(self) -> Grant:
        try:
            grant = self.budget.acquire(self.app, self.account, self.endpoint, self.on_wait)
        finally:
            self.stats.waiting = None
        self.stats.waited_s += grant.waited_s
        self.stats.calls[self.endpoint] += 1
        return grant


@dataclass
class _Call:
    """One call with all its tries; the token is renewed at most once in all of them."""

    request: Request
    transport: Transport
    grants: _Grants
    tokens: TokenSource | None
    stats: CallStats
    renewed: bool = False

    def attempt(self, read: Callable[[dict[str, Any]], T]) -> T:
        """Send until there is an answer that is neither a throttle nor a refused token; read it."""
        while True:
            token = None if self.tokens is None else self.tokens.access_token()
            grant = self.grants.acquire()
            result = self._send(grant, token)
            if isinstance(result, Answer):
                self.grants.budget.succeeded(grant)
                return self._read(result, read)
            if result.remedy is Remedy.THROTTLED:
                self.stats.pauses += 1
                resume_at = self.grants.budget.throttled(grant, result)
                if resume_at is not None:
                    raise throttled_error(result, resume_at)
                continue
            self.grants.budget.released(grant)
            if result.remedy is not Remedy.REFRESH or self.tokens is None or token is None:
                raise error_of(result)
            if self.renewed:
                raise ReauthorizationError(result)
            self.renewed = True
            self.tokens.refused(token)

    def _send(self, grant: Grant, token: str | None) -> Answer | Fault:
        secrets = self.request.secrets if token is None else (*self.request.secrets, token)
        try:
            with self.grants.budget.under_way(grant):
                raw = self.transport.send(self.request, token, lambda: self.grants.budget.left(grant))
        except NoAnswerError as error:
            return unreachable(self.request.endpoint, str(error))
        except BaseException:
            self.grants.budget.released(grant)
            raise
        return read_answer(self.request.endpoint, raw.status, raw.body, secrets)

    def _read(self, answer: Answer, read: Callable[[dict[str, Any]], T]) -> T:
        try:
            return read(answer.data)
        except ValueError as error:
            raise TransientError(malformed(self.request.endpoint, str(error), answer.request_id)) from None


class AccountReader:
    """Reads one account through the API.

    Attributes:
        business_id: TikTok's id of the account.
        stats: What the calls so far came to.
    """

    def __init__(self, client: TikTokClient, business_id: str, client_id: str, tokens: TokenSource) -> None:
        self.business_id = business_id
        self.stats = CallStats()
        self._client = client
        self._client_id = client_id
        self._tokens = tokens

    def renew(self) -> None:
        """Get a new token, with which TikTok says what the owner grants now.

        Raises:
            ConfigurationError: The app's id or secret is not configured.
            TikTokError: There is none to be had.
        """
        self._tokens.refused(self._tokens.access_token())

    def profile(self, fields: Sequence[str]) -> dict[str, Any]:
        """The account as it is now: `business/get/` without dates.

        Raises:
            TikTokError: The call did not succeed.
        """
        return self._get(BUSINESS_GET, {"fields": _json(fields)}, _not_empty)

    def daily_metrics(self, fields: Sequence[str], start: date, end: date) -> dict[str, Any]:
        """The account's metrics per day, `metrics` in the data: `business/get/` with dates, both included.

        An answer without the list `metrics`, which TikTok is known to give now and then, is asked for again.

        Args:
            fields: Fields of the account and of its metrics together.
            start: First day, UTC.
            end: Last day, UTC.

        Raises:
            TransientError: The list was missing in every answer, or other trouble that may pass.
            TikTokError: The call did not succeed.
        """
        return self._get(BUSINESS_GET, _period(fields, start, end), _with_metrics)

    def metrics_if_any(self, fields: Sequence[str], start: date, end: date) -> list[dict[str, Any]]:
        """Like `daily_metrics`, for an account that may have its analytics turned off: then there are none."""
        data = self._get(BUSINESS_GET, _period(fields, start, end), dict[str, Any])
        metrics = data.get("metrics")
        return [day for day in cast("list[Any]", metrics) if isinstance(day, dict)] if isinstance(metrics, list) else []

    def video_pages(self, fields: Sequence[str], oldest: datetime | None) -> Iterator[VideoPage]:
        """The public posts, newest first, with their lifetime values.

        Args:
            fields: Fields of a post; `item_id` and `create_time` are always asked for.
            oldest: Posts created before this are left out, and paging ends when nothing newer can come. None: all.

        Raises:
            PagingError: The list does not come to its end.
            TikTokError: A call did not succeed.
        """
        params = {
            "fields": _json([*fields, *(key for key in KEY_FIELDS if key not in fields)]),
            "max_count": str(VIDEOS_PER_PAGE),
        }
        for page in self._pages(VIDEO_LIST, params, "videos", "item_id", oldest):
            recent = [row for row in page.rows if oldest is None or not _created_before(row, oldest)]
            yield VideoPage(recent, page.repeated, page.number, len(page.rows) - len(recent))

    def comment_pages(self, video_id: str) -> Iterator[CommentPage]:
        """The comments of a post, newest first, hidden ones included, replies not.

        Pages are fetched as they are pulled: who has read enough stops pulling. Beyond 500 comments TikTok's order is
        by likes.

        Raises:
            PagingError: The list does not come to its end.
            TikTokError: A call did not succeed.
        """
        params = {
            "video_id": video_id,
            "status": "ALL",
            "sort_field": "create_time",
            "sort_order": "desc",
            "max_count": str(COMMENTS_PER_PAGE),
            "include_replies": "false",
        }
        for page in self._pages(COMMENT_LIST, params, "comments", "comment_id", None):
            yield CommentPage(page.rows, page.repeated, page.number)

    def _pages(
        self, endpoint: str, params: dict[str, str], rows_key: str, id_key: str, oldest: datetime | None
    ) -> Iterator[NewRows]:
        def fetch(cursor: int | None) -> RawPage:
            place = {} if cursor is None else {"cursor": str(cursor)}
            page = self._get(endpoint, {**params, **place}, lambda data: parse_page(data, rows_key))
            self.stats.pages += 1
            return page

        return read_pages(fetch, endpoint=endpoint, id_key=id_key, oldest=oldest)

    def _get(self, endpoint: str, params: dict[str, str], read: Callable[[dict[str, Any]], T]) -> T:
        request = Request("GET", endpoint, {"business_id": self.business_id, **params})
        return self._client.call(
            request, read, client_id=self._client_id, account=self.business_id, tokens=self._tokens, stats=self.stats
        )


def _json(values: Sequence[str]) -> str:
    """A list as TikTok's query parameters want it: JSON text without spaces."""
    return json.dumps(list(values), separators=(",", ":"))


def _period(fields: Sequence[str], start: date, end: date) -> dict[str, str]:
    return {"fields": _json(fields), "start_date": start.isoformat(), "end_date": end.isoformat()}


def _not_empty(data: dict[str, Any]) -> dict[str, Any]:
    if not data:
        raise ValueError("without data")
    return data


def _with_metrics(data: dict[str, Any]) -> dict[str, Any]:
    metrics = data.get("metrics")
    if not isinstance(metrics, list):
        raise ValueError("without its list `metrics`, as when analytics are turned off")  # noqa: TRY004 -- one kind of error for malformed answers
    if not all(isinstance(day, dict) for day in cast("list[Any]", metrics)):
        raise ValueError("`metrics` holds something that is not an object")
    return data


def _created_before(row: dict[str, Any], moment: datetime) -> bool:
    created = created_at(row)
    return created is not None and created < moment.timestamp()
