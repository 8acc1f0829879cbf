"""How a person goes about Dagster's pages: open a table, choose days, launch, follow."""

import re
from collections.abc import Collection, Sequence

from playwright.sync_api import Locator, Page, expect

from tiktok_organic_dagster_tests.orchestration.processes import DagsterDev

RUN_MS = 150_000
NODES = 'foreignObject a[href$="?view=checks"]'
WHOLE_RANGE = re.compile(r"^\[2026-01-01\.\.\.(\d{4}-\d{2}-\d{2})]$")


def open_table(page: Page, dagster: DagsterDev, table: str, tab: str) -> None:
    """A table's page in the catalog, at one of its tabs."""
    page.goto(f"{dagster.url}/assets/{table}")
    page.get_by_role("tab", name=tab, exact=True).click()


def open_lineage(page: Page, dagster: DagsterDev) -> None:
    """The lineage of all tables."""
    page.goto(dagster.url)
    page.get_by_role("link", name="Lineage").click()


def nodes(page: Page) -> Locator:
    """The link to its checks that each table in a lineage has, which names the table."""
    return page.locator(NODES)


def tables_of(links: Locator) -> set[str]:
    """The tables that links lead to."""
    return set(links.evaluate_all("links => links.map(link => link.pathname.split('/').pop())"))


def expect_from_left_to_right(page: Page, tables: Sequence[str]) -> None:
    """These tables and no others come to stand in the lineage, in this order."""
    page.wait_for_function(
        """([nodes, tables]) => {
            const links = [...document.querySelectorAll(nodes)]
            links.sort((one, other) => one.getBoundingClientRect().x - other.getBoundingClientRect().x)
            return links.map(link => link.pathname.split('/').pop()).join() === tables.join()
        }""",
        arg=[NODES, list(tables)],
    )


def choose_facets(page: Page, wanted: Collection[str]) -> None:
    """Choose in the lineage's dialog what is told of each table."""
    page.get_by_role("button", name="config", exact=True).click()
    dialog = page.get_by_role("dialog")
    boxes = dialog.get_by_role("checkbox")
    expect(boxes.first).to_be_attached()
    for box in boxes.all():
        name = box.evaluate("box => box.labels[0].innerText")
        if box.is_checked() != (name in wanted):
            dialog.get_by_text(name, exact=True).first.click()
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()


def launch(page: Page, button: str, told: re.Pattern[str]) -> str:
    """Press a dialog's button, and follow the note that says what was started; gives its id."""
    page.get_by_role("dialog").get_by_role("button", name=button, exact=True).click()
    note = page.get_by_role("region", name="Notifications")
    expect(note).to_contain_text(told)
    (started,) = told.findall(note.inner_text())
    note.get_by_text("View", exact=True).click()
    page.mouse.move(0, 0)  # a note stays while the mouse is on it
    page.wait_for_url(re.compile(started))
    return started


def metadata(page: Page, name: str) -> Locator:
    """The row of a materialization's metadata with this name."""
    return page.get_by_role("row").filter(has=page.get_by_role("cell", name=name, exact=True)).last


def expect_partitions(page: Page, **counts: int) -> None:
    """A table's tab of partitions counts so many of each kind."""
    for kind, count in counts.items():
        expect(page.get_by_role("checkbox", name=f"{kind.capitalize()} ({count})", exact=True)).to_be_attached()


def choose_newest_day(page: Page) -> None:
    """Click the first day in the list of a table's tab of partitions."""
    selection = page.get_by_role("textbox").first
    expect(selection).to_have_value(WHOLE_RANGE)
    (newest,) = WHOLE_RANGE.findall(selection.input_value())
    page.get_by_text(newest, exact=True).locator("visible=true").last.click()


def expect_to_read(page: Page, pattern: str, timeout_ms: float | None = None) -> None:
    """Somewhere on the page these words follow each other, before the time is over."""
    expect(page.locator("body")).to_contain_text(re.compile(pattern), use_inner_text=True, timeout=timeout_ms)
