"""Fixtures of the tests in the browser: a page in the installed Chromium, the demo's UI, and where pictures go."""

import os
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, FloatRect, Page, expect, sync_playwright

from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster_tests.browser import chromium
from tiktok_organic_dagster_tests.orchestration.processes import DagsterDev, a_day_with_time_left, dagster_ui

PATIENCE_MS = 60_000
WIDTH, HEIGHT = 1400, 900
TIME_NEEDED = timedelta(minutes=5)  # for all tests of the demo, whose "today" is the day on which it was loaded

SavePicture = Callable[..., None]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The installed Chromium, without a window."""
    try:
        path = chromium.installed()
    except chromium.NoChromiumError as error:
        pytest.fail(str(error), pytrace=False)
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=list(chromium.FLAGS))
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a browser that has never been anywhere."""
    context = browser.new_context(
        viewport={"width": WIDTH, "height": HEIGHT}, locale="en-US", timezone_id="UTC", color_scheme="light"
    )
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that failed says where a picture of its page is."""
    report = yield
    page = getattr(item, "funcargs", {}).get("page")
    if report.when == "call" and report.failed and page is not None:
        picture = Path(tempfile.mkdtemp(prefix="test-browser-")) / f"{item.name}.png"
        with suppress(Error):
            page.screenshot(path=picture)
            report.sections.append(("The page as it was", f"{page.url}\n{picture}"))
    return report


@pytest.fixture(scope="session")
def save_picture(tmp_path_factory: pytest.TempPathFactory) -> SavePicture:
    """Saves what a page shows: for the README in the folder SCREENSHOTS (`make screenshots`), else to be forgotten."""
    given = os.environ.get("SCREENSHOTS")
    folder = Path(given) if given else tmp_path_factory.mktemp("screenshots")

    def save(page: Page, name: str, clip: FloatRect | None = None) -> None:
        page.mouse.move(0, 0)
        page.screenshot(path=folder / f"{name}.png", clip=clip, animations="disabled")

    return save


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterDev]:
    """`tiktok-organic ui` in an empty folder, as a person's first command: it loads the demo, then shows it."""
    a_day_with_time_left(TIME_NEEDED)
    folder = tmp_path_factory.mktemp("demo")
    with dagster_ui(
        "tiktok-organic",
        "ui",
        folder=folder,
        log=folder / "ui.log",
        **dict.fromkeys(Settings.variables(), "") | {"TIKTOK_ORGANIC_HOME": str(folder / "home")},
    ) as started:
        yield started
