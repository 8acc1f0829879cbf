"""An installation whose sensor `alerts` is looked at, with channels that receive."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance

from tiktok_organic_dagster.alerts import webhook as webhook_module
from tiktok_organic_dagster_tests.orchestration.sensors import Loader, Watch
from tiktok_organic_dagster_tests.receivers import MailReceiver, WebReceiver, mail_receiver, web_receiver


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation without accounts and channels; a channel that fails is not waited for."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIKTOK_ORGANIC_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(webhook_module, "PAUSE_S", 0.0)
    return tmp_path / "home"


@pytest.fixture
def loader(instance: DagsterInstance) -> Loader:
    return Loader(instance)


@pytest.fixture
def watch(instance: DagsterInstance) -> Watch:
    return Watch(instance)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebReceiver]:
    """A webhook that is set."""
    with web_receiver() as receiver:
        monkeypatch.setenv("TIKTOK_ORGANIC_ALERT_WEBHOOK", receiver.url)
        yield receiver


@pytest.fixture
def mail(monkeypatch: pytest.MonkeyPatch) -> Iterator[MailReceiver]:
    """E-mail that is set."""
    with mail_receiver() as receiver:
        monkeypatch.setenv("TIKTOK_ORGANIC_SMTP", f"smtp://127.0.0.1:{receiver.port}")
        monkeypatch.setenv("TIKTOK_ORGANIC_ALERT_EMAIL", "ops@example.com")
        yield receiver
