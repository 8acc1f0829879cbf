"""What is done in another process while it is killed: a step's reading, a command, the opening of a database."""

import io
import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import requests
import time_machine
from sqlalchemy.engine.default import DefaultDialect

from tiktok_organic_dagster.accounts import open_accounts
from tiktok_organic_dagster.cli import main
from tiktok_organic_dagster.errors import TikTokOrganicError
from tiktok_organic_dagster.readings import comments
from tiktok_organic_dagster.readings.run import Outcome
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.warehouse import Spool, open_warehouse, prepare_warehouse
from tiktok_organic_dagster.warehouse.duckdb import DuckDBWarehouse
from tiktok_organic_dagster_tests.lab import Clock, Lab


class Ticking(Clock):
    """A clock that goes on from a moment, as processes that wait for each other need it."""

    def __init__(self, moment: datetime) -> None:
        super().__init__(moment)
        self._began = time.monotonic()

    def now(self) -> datetime:
        return self.moment + timedelta(seconds=time.monotonic() - self._began)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Elsewhere(Lab):
    """The laboratory of another process, as far as it loads: the simulated TikTok stays there."""

    def __init__(self, settings: Settings, moment: datetime) -> None:
        self.settings = settings
        self.clock = Ticking(moment)
        self.spent = Counter()
        self.store = open_accounts(settings, self.clock.now, self.clock.sleep)


STEPS: dict[str, Callable[..., list[Outcome]]] = {
    "account": lambda lab, **more: lab.read_account(**more),
    "account_metrics": lambda lab, **more: lab.read_metrics(**more),
    "videos": lambda lab, **more: lab.read_videos(**more),
    "comments": lambda lab, **more: lab.read_all_comments(**more),
}


def read(settings: Settings, moment: datetime, step: str, *, backwards: bool = False) -> None:
    """Take a step's reading of all accounts, perhaps the last one first; one that fails is told, and is an error."""
    comments.PORTION_VIDEOS = 1  # a transaction for each video, as large ones have it
    lab = Elsewhere(settings, moment)
    accounts = lab.store.accounts()
    outcomes = STEPS[step](lab, accounts=accounts[::-1] if backwards else accounts)
    errors = [outcome.error for outcome in outcomes if outcome.error]
    assert not errors, errors


def read_backwards(settings: Settings, moment: datetime, step: str) -> None:
    """Take a step's reading of all accounts, the last one first."""
    read(settings, moment, step, backwards=True)


def open_both(settings: Settings) -> None:
    """Open the state and the warehouse, which brings either up to date."""
    open_accounts(settings).accounts()
    with open_warehouse(settings).session() as session:
        prepare_warehouse(session)


def command(moment: datetime, *arguments: str) -> None:
    """Run `tiktok-organic` at a moment, with the settings of the environment."""
    with time_machine.travel(moment):
        main(list(arguments))


class _Owner(io.StringIO):
    """Standard input and output at once: what is printed is read by the owner, who consents and pastes the address."""

    def __init__(self, account: int) -> None:
        super().__init__()
        self._account = account

    def readline(self, *_: object) -> str:
        (url,) = [line for line in self.getvalue().splitlines() if line.startswith("http")]
        answer = requests.get(f"{url}&{urlencode({'as': self._account})}", allow_redirects=False, timeout=20)
        return answer.headers["Location"] + "\n"


def connect(moment: datetime, account: int, *options: str) -> None:
    """Run `tiktok-organic connect` at a moment, and consent as an account."""
    printed, sys.stdout = sys.stdout, _Owner(account)
    sys.stdin = sys.stdout
    try:
        command(moment, "connect", *options)
    finally:
        printed.write(sys.stdout.getvalue())
        sys.stdout = printed


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """Within the block no file of this process can be written beyond a size, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))  # Python ignores the signal, so that writing is an error
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def read_on_a_full_disk(settings: Settings, moment: datetime, step: str, what: str, size: int, told: Path) -> None:
    """Take a step's reading while the disk of one thing is full; what came of it is written into a file."""
    owner, name = FULL[what]
    original = getattr(owner, name)

    def limited(*arguments: Any) -> Any:
        with no_file_beyond(size):
            return original(*arguments)

    @contextmanager
    def limited_session(*arguments: Any) -> Iterator[Any]:
        with no_file_beyond(size), original(*arguments) as session:
            yield session

    setattr(owner, name, limited_session if what == "warehouse" else limited)
    try:
        said = [outcome.error for outcome in STEPS[step](Elsewhere(settings, moment))]
    except TikTokOrganicError as error:
        said = [str(error)]
    told.write_text(json.dumps(said))


FULL = {
    "warehouse": (DuckDBWarehouse, "session"),
    "spool": (Spool, "add"),
    "state": (DefaultDialect, "do_commit"),
}
"""What writes to the disk that is full."""
