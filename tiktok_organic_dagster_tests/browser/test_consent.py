"""An owner's consent in the browser, from the address that `connect` prints to the one that is pasted back."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.tables import COMMENTS
from tiktok_organic_dagster.tables.shared import COMMENT_LIST
from tiktok_organic_dagster_tests.browser.conftest import SavePicture
from tiktok_organic_dagster_tests.orchestration.processes import command, started

pytestmark = pytest.mark.browser

REDIRECT_URI = "https://me.example/connected/"


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Those of an app whose TikTok is `tiktok-organic simulator`."""
    with started("tiktok-organic", "simulator", "--accounts", "3") as simulator:
        base = printed_address(simulator)
        yield {
            **dict.fromkeys(Settings.variables(), ""),
            "TIKTOK_CLIENT_ID": "7000000000000000001",
            "TIKTOK_CLIENT_SECRET": "secret-of-the-app",
            "TIKTOK_REDIRECT_URI": REDIRECT_URI,
            "TIKTOK_API_URL": f"{base}/open_api/v1.3",
            "TIKTOK_AUTHORIZE_URL": f"{base}/v2/auth/authorize/",
            "TIKTOK_ORGANIC_HOME": str(tmp_path / "home"),
        }


@pytest.fixture
def page(page: Page) -> Page:
    """A page that finds something at the redirect URI."""
    page.route(
        f"{REDIRECT_URI}**", lambda route: route.fulfill(body="Copy this page's address.", content_type="text/plain")
    )
    return page


def printed_address(process: "subprocess.Popen[str]") -> str:
    """The first address that a process prints."""
    for line in process.stdout or ():
        if "http" in line:
            return line[line.index("http") :].strip()
    raise AssertionError(f"It ended without an address: {process.communicate()[1]}")


def answer_as_owner(page: Page, button: str) -> str:
    """Press a button of the consent page; gives the address that the browser is sent to."""
    page.get_by_role("button", name=button).click()
    page.wait_for_url(f"{REDIRECT_URI}**")
    return page.url


def connected(settings: dict[str, str]) -> list[dict[str, object]]:
    listed = command("tiktok-organic", "accounts", "--json", **settings)
    assert listed.returncode == 0, listed.stderr
    return json.loads(listed.stdout)


def test_an_owner_chooses_an_account_unticks_a_scope_and_allows(
    page: Page, settings: dict[str, str], save_picture: SavePicture
) -> None:
    with started("tiktok-organic", "connect", "--expect", "@northlight_studio", **settings) as connect:
        page.goto(printed_address(connect))
        page.get_by_role("radio", name="@northlight_studio").check()
        save_picture(page, "consent", {"x": 300, "y": 0, "width": 800, "height": 880})
        page.get_by_role("checkbox", name=COMMENT_LIST).uncheck()

        printed, errors = connect.communicate(answer_as_owner(page, "Allow") + "\n", timeout=60)

    assert (connect.returncode, errors) == (0, "")
    assert "Connected @northlight_studio" in printed
    (warning,) = [line for line in printed.splitlines() if COMMENT_LIST in line and "was not granted" in line]
    assert COMMENTS.name in warning
    (account,) = connected(settings)
    assert account["username"] == "northlight_studio"
    assert COMMENT_LIST not in str(account["scopes"])
    assert "video.list" in str(account["scopes"])


def test_an_owner_who_denies_is_not_connected(page: Page, settings: dict[str, str]) -> None:
    with started("tiktok-organic", "connect", **settings) as connect:
        page.goto(printed_address(connect))

        _, errors = connect.communicate(answer_as_owner(page, "Deny") + "\n", timeout=60)

    assert connect.returncode == 1
    assert errors.startswith("The authorization was not granted: The user denied the request.")
    assert connected(settings) == []
