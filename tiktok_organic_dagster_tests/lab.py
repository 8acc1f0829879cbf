"""A laboratory for readings: simulator, account store and warehouse under one clock, without Dagster."""

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from pydantic import SecretStr

from tiktok_organic_dagster.accounts import open_accounts, open_client, open_oauth
from tiktok_organic_dagster.accounts.access import open_reader
from tiktok_organic_dagster.accounts.account import Account
from tiktok_organic_dagster.accounts.redirect import code_of
from tiktok_organic_dagster.accounts.tokens import FixedToken
from tiktok_organic_dagster.readings.account import AccountReading
from tiktok_organic_dagster.readings.base import Moment, Reading
from tiktok_organic_dagster.readings.comments import AllCommentsReading, CommentsReading
from tiktok_organic_dagster.readings.metrics import MetricsReading
from tiktok_organic_dagster.readings.run import Outcome, Stop, take
from tiktok_organic_dagster.readings.videos import VideosReading
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.simulator import Simulator
from tiktok_organic_dagster.tables import (
    ACCOUNT_TABLES,
    ALL_SCOPES,
    CATALOGUE,
    COMMENT_TABLES,
    METRIC_TABLES,
    VIDEO_TABLES,
    Table,
)
from tiktok_organic_dagster.tiktok import TokenGrant
from tiktok_organic_dagster.warehouse import Session, open_warehouse
from tiktok_organic_dagster_tests import figures

REDIRECT_URI = "https://lab.invalid/back/"
CLIENT_ID = "7123456789"
NO_LIMIT = 1_000_000


class Clock:
    """A clock that only moves when it is told to, or when somebody waits."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment
        self.waits: list[float] = []

    def now(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        if seconds:
            self.waits.append(seconds)
            self.moment += timedelta(seconds=seconds)

    def next_day(self, days: int = 1) -> None:
        self.moment += timedelta(days=days)

    @property
    def today(self) -> date:
        return self.moment.date()


class _SteppingStop(Stop):
    """Waits by moving the clock."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)


class Lab:
    """A simulated TikTok whose accounts are connected, and a warehouse to load them into."""

    def __init__(
        self,
        folder: Path,
        warehouse_url: str,
        clock: Clock,
        *,
        state_url: str | None = None,
        key: str | None = None,
        **simulator: int,
    ) -> None:
        self.clock = clock
        self.spent: Counter[str] = Counter()
        self.simulator = Simulator(clock=clock.now, **simulator).start()
        self.world = self.simulator.world
        self.settings = Settings(
            base=folder,
            home_folder=folder,
            warehouse=warehouse_url,
            state=state_url,
            key=key,
            client_id=CLIENT_ID,
            client_secret="lab-app-secret",
            redirect_uri=REDIRECT_URI,
            api_url=self.simulator.api_url,
            authorize_url=self.simulator.authorize_url,
            qpm_per_endpoint=NO_LIMIT,
            qpm_app=NO_LIMIT,
            qps_app=NO_LIMIT,
            timeout_s=20,
            backoff_s=0.01,
        )
        self.store = open_accounts(self.settings, clock.now, clock.sleep)
        for account in self.world.accounts:
            self.connect(account.index)
        self.simulator.calls.clear()

    def close(self) -> None:
        self.simulator.stop()
        self.store.engine.dispose()

    @property
    def variables(self) -> dict[str, str]:
        """The settings as environment variables, for processes that load into the same places."""
        return {name: _as_text(getattr(self.settings, field)) for name, field in Settings.variables().items()}

    def connect(self, index: int, *, without: Sequence[str] = ()) -> Account:
        """Connect an account through the consent page, leaving some scopes unticked."""
        grant, username = self.consent(index, without=without)
        return self.store.save(grant, username, self.client_id, self.settings.api_url)

    def consent(self, index: int, *, without: Sequence[str] = ()) -> tuple[TokenGrant, str]:
        """What an account's owner grants to the app of the settings, and the account's name; stores nothing."""
        client = open_client(self.settings, self.store, clock=self.clock.now, sleep=self.clock.sleep)
        oauth = open_oauth(self.settings, client)
        state = secrets.token_urlsafe()
        address = oauth.authorize_url(REDIRECT_URI, state, ALL_SCOPES) + f"&as={index}&without={','.join(without)}"
        answer = requests.get(address, allow_redirects=False, timeout=20)
        grant = oauth.exchange_code(code_of(answer.headers["Location"], REDIRECT_URI, state), REDIRECT_URI)
        reader = client.reader(grant.business_id, self.client_id, FixedToken(grant.access_token))
        return grant, reader.profile(["username"])["username"]

    @property
    def client_id(self) -> str:
        return self.settings.client_id or CLIENT_ID

    def business_id(self, index: int) -> str:
        return self.world.business_id(self.world.accounts[index], self.client_id)

    def account(self, index: int) -> Account:
        """An account as the loader knows it."""
        return self.store.find(self.business_id(index))

    def read_account(self, **more: Any) -> list[Outcome]:
        return self.take(lambda moment: AccountReading(ACCOUNT_TABLES, moment), **more)

    def read_metrics(self, days: int = 58, tables: Sequence[Table] = METRIC_TABLES, **more: Any) -> list[Outcome]:
        wanted = [self.clock.today - timedelta(days=back) for back in range(days + 1)]
        return self.take(lambda moment: MetricsReading(tables, moment, wanted), **more)

    def read_videos(self, tables: Sequence[Table] = VIDEO_TABLES, **more: Any) -> list[Outcome]:
        return self.take(lambda moment: VideosReading(tables, moment), **more)

    def read_comments(self, limit: timedelta = timedelta(minutes=30), **more: Any) -> list[Outcome]:
        return self.take(lambda moment: CommentsReading(COMMENT_TABLES, moment, limit), **more)

    def read_all_comments(self, **more: Any) -> list[Outcome]:
        return self.take(lambda moment: AllCommentsReading(COMMENT_TABLES, moment), **more)

    def read_everything(self) -> list[Outcome]:
        """All four steps, in the order of their lineage."""
        return [*self.read_account(), *self.read_metrics(), *self.read_videos(), *self.read_comments()]

    def take(
        self,
        reading: Callable[[Moment], Reading],
        *,
        accounts: Sequence[Account] | None = None,
        log: Callable[[str], None] = lambda _line: None,
        sleep: Callable[[float], None] | None = None,
    ) -> list[Outcome]:
        client = open_client(self.settings, self.store, clock=self.clock.now, sleep=sleep or self.clock.sleep)
        oauth = open_oauth(self.settings, client)
        outcomes = take(
            reading(Moment(self.clock.today, self.clock.now)),
            self.store.accounts() if accounts is None else accounts,
            open_reader=lambda account: open_reader(account, self.store, client, oauth),
            warehouse=open_warehouse(self.settings),
            store=self.store,
            log=log,
            stop=_SteppingStop(self.clock),
            since=self.settings.start_date,
        )
        self.spent.update(figures.of_outcomes(outcomes))
        return outcomes

    def rows(self, table: Table, columns: Sequence[str] | None = None, where: str = "1 = 1") -> list[tuple[Any, ...]]:
        """A table's rows, all columns but `_loaded_at`, sorted."""
        with open_warehouse(self.settings).session() as session:
            return _rows(session, table, columns, where)

    def everything(self, tables: Iterable[Table] = CATALOGUE, where: str = "1 = 1") -> dict[str, list[tuple[Any, ...]]]:
        """The rows of all tables, or of some, by name."""
        with open_warehouse(self.settings).session() as session:
            return {table.name: _rows(session, table, where=where) for table in tables}


def _rows(
    session: Session, table: Table, columns: Sequence[str] | None = None, where: str = "1 = 1"
) -> list[tuple[Any, ...]]:
    names = columns or [name for name in table.column_names if name != "_loaded_at"]
    listed = ", ".join(f'"{name}"' for name in names)
    found = session.query(f"SELECT {listed} FROM {session.name_of(table)} WHERE {where}")
    return sorted((tuple(map(_plain, row)) for row in found), key=repr)


def _plain(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def _as_text(value: Any) -> str:
    """A setting as it stands in the environment; empty if it is not set."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return "" if value is None else str(value)
