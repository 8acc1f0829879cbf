"""The demo's TikTok: the simulator in a folder of its own, and its accounts connected like real ones."""

import json
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import requests

from tiktok_organic_dagster.accounts import open_accounts, open_client, open_oauth
from tiktok_organic_dagster.accounts.account import Account
from tiktok_organic_dagster.accounts.redirect import code_of
from tiktok_organic_dagster.accounts.tokens import FixedToken
from tiktok_organic_dagster.accounts.vault import vault_of_home
from tiktok_organic_dagster.local_ui import dagster_home
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.simulator import Simulator
from tiktok_organic_dagster.state import private_folder
from tiktok_organic_dagster.tables import ALL_SCOPES

SEED = 1
REDIRECT_URI = "https://demo.invalid/connected/"
CLIENT_ID = "7000000000000000001"
CLIENT_SECRET = "demo-app-of-the-simulator"  # noqa: S105 -- the simulator takes any
RAISED_LIMIT = 1_000_000


def demo_home(settings: Settings) -> Path:
    """The folder of the demo, apart from real data."""
    return settings.home / "demo"


@contextmanager
def simulated_tiktok(settings: Settings) -> Generator[Settings]:
    """The demo's simulator, running, and this process's settings set to it. It comes back on the port it had before."""
    home = demo_home(settings)
    private_folder(settings.home)
    private_folder(home)
    remembered = home / "simulator.json"
    port = _port(remembered)
    if port and _answers(port):  # `make ui` has it open
        yield _use(home, port)
        return
    with Simulator(seed=SEED, port=port, data_dir=home / "simulator") as simulator:
        port = int(simulator.base_url.rpartition(":")[2])
        _replace(remembered, json.dumps({"port": port, "seed": SEED}))
        yield _use(home, port)


def connect_all(settings: Settings) -> list[Account]:
    """Connect the simulator's accounts that are not connected yet, through the same OAuth calls as real ones."""
    store = open_accounts(settings)
    client = open_client(settings, store)
    oauth = open_oauth(settings, client)
    number = len(store.accounts())
    while True:
        state = secrets.token_urlsafe()
        consent = oauth.authorize_url(REDIRECT_URI, state, ALL_SCOPES) + f"&as={number}"
        answer = requests.get(consent, allow_redirects=False, timeout=settings.timeout_s)
        if answer.is_redirect:
            grant = oauth.exchange_code(code_of(answer.headers["Location"], REDIRECT_URI, state), REDIRECT_URI)
            reader = client.reader(grant.business_id, CLIENT_ID, FixedToken(grant.access_token))
            store.save(grant, reader.profile(["username"])["username"], CLIENT_ID, settings.api_url)
        else:
            return store.accounts()
        number += 1


def _answers(port: int) -> bool:
    """Whether a simulator answers on a port of this machine."""
    try:
        answer = requests.get(f"http://127.0.0.1:{port}/open_api/v1.3/business/get/", timeout=5)
        return answer.json()["code"] == 40002
    except (requests.RequestException, ValueError, KeyError):
        return False


def _port(remembered: Path) -> int:
    """The port that the demo's simulator had before; 0 if there was none."""
    try:
        return int(json.loads(remembered.read_text())["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _replace(file: Path, text: str) -> None:
    """Write a file so that it is never seen half written."""
    beside = file.with_suffix(".new")
    beside.write_text(text)
    beside.replace(file)


def _use(home: Path, port: int) -> Settings:
    """Set this process, and those that it starts in the demo's folder, to the demo.

    Nothing of the user's own settings is left there: an empty `.env` keeps any file above it from being read.
    """
    base = f"http://127.0.0.1:{port}"
    defaults = {name: Settings.model_fields[field].default for name, field in Settings.variables().items()}
    vault_of_home(home, holds_tokens=False)
    (home / ".env").write_text("# The demo has its settings from the process that starts it.\n")
    for name, value in defaults.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = str(value)
    os.environ.update(
        {
            "TIKTOK_CLIENT_ID": CLIENT_ID,
            "TIKTOK_CLIENT_SECRET": CLIENT_SECRET,
            "TIKTOK_REDIRECT_URI": REDIRECT_URI,
            "TIKTOK_API_URL": f"{base}/open_api/v1.3",
            "TIKTOK_AUTHORIZE_URL": f"{base}/v2/auth/authorize/",
            "TIKTOK_ORGANIC_HOME": str(home),
            "TIKTOK_ORGANIC_WAREHOUSE": f"duckdb:///{home / 'warehouse.duckdb'}",
            "TIKTOK_ORGANIC_SCHEMA": "main",
            "TIKTOK_ORGANIC_STATE": f"sqlite:///{home / 'state.db'}",
            "TIKTOK_ORGANIC_KEY": (home / "key").read_text().strip(),
            "TIKTOK_ORGANIC_QPM_PER_ENDPOINT": str(RAISED_LIMIT),
            "TIKTOK_ORGANIC_QPM_APP": str(RAISED_LIMIT),
            "TIKTOK_ORGANIC_QPS_APP": str(RAISED_LIMIT),
            "DAGSTER_HOME": str(dagster_home(home)),
        }
    )
    return Settings.load()
