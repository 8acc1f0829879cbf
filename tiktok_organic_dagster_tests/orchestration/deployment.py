"""A deployment to run Dagster on: a simulated TikTok, the settings that lead to it in the environment, a warehouse."""

import secrets
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tiktok_organic_dagster.accounts import open_accounts
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.simulator import Simulator
from tiktok_organic_dagster_tests.lab import CLIENT_ID, NO_LIMIT, REDIRECT_URI, Clock, Lab

ROOT = Path(__file__).resolve().parents[2]
"""The root of the clone."""


class WallClock(Clock):
    """The clock of this process: the real one, or the one that `time_machine` shows."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def now(self) -> datetime:
        return datetime.now(UTC)

    @property
    def today(self) -> date:
        return self.now().date()


class Deployment(Lab):
    """A laboratory whose settings are read from the environment, as Dagster's own processes read them."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, *, accounts: int, videos: int, settings: dict[str, str]
    ) -> None:
        self.clock = WallClock()
        self.spent = Counter()
        self.simulator = Simulator(accounts=accounts, videos=videos, clock=self.clock.now).start()
        self.world = self.simulator.world
        # Every setting is given or emptied, so that no .env above the working directory has a say.
        self._variables = {
            **dict.fromkeys(Settings.variables(), ""),
            "TIKTOK_CLIENT_ID": CLIENT_ID,
            "TIKTOK_CLIENT_SECRET": f"client-secret-{secrets.token_hex(8)}",
            "TIKTOK_REDIRECT_URI": REDIRECT_URI,
            "TIKTOK_API_URL": self.simulator.api_url,
            "TIKTOK_AUTHORIZE_URL": self.simulator.authorize_url,
            "TIKTOK_ORGANIC_HOME": str(folder),
            "TIKTOK_ORGANIC_WAREHOUSE": f"duckdb:///{folder / 'warehouse.duckdb'}",
            "TIKTOK_ORGANIC_QPM_PER_ENDPOINT": str(NO_LIMIT),
            "TIKTOK_ORGANIC_QPM_APP": str(NO_LIMIT),
            "TIKTOK_ORGANIC_QPS_APP": str(NO_LIMIT),
            "TIKTOK_ORGANIC_BACKOFF_S": "0.01",
            "TIKTOK_ORGANIC_EXECUTOR": "in_process",
            **settings,
        }
        for name, value in self._variables.items():
            monkeypatch.setenv(name, value)
        self.settings = Settings.load()
        self.store = open_accounts(self.settings)

    @property
    def variables(self) -> dict[str, str]:
        """The settings as they stood in the environment at the start."""
        return self._variables

    @property
    def today(self) -> date:
        return self.clock.today

    def days_ago(self, days: int) -> date:
        return self.today - timedelta(days=days)

    def connect_all(self) -> None:
        """Connect every simulated account, and forget the calls that it took."""
        for account in self.world.accounts:
            self.connect(account.index)
        self.simulator.calls.clear()

    def username(self, index: int) -> str:
        return self.world.username(index, self.clock.now())
