"""The demo in Dagster's UI, as a person sees it after `make demo` and `make ui`, and makes more of it."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from tiktok_organic_dagster.demo import SEED
from tiktok_organic_dagster.simulator import World
from tiktok_organic_dagster.tables import CATALOGUE, VIDEOS
from tiktok_organic_dagster_tests.browser import pages
from tiktok_organic_dagster_tests.browser.conftest import SavePicture
from tiktok_organic_dagster_tests.orchestration.processes import DagsterDev
from tiktok_organic_dagster_tests.orchestration.runs import ACCOUNT, ALL_TABLES, COMMENTS, METRICS, VIDEO_TABLES
from tiktok_organic_dagster_tests.orchestration.runs import VIDEOS as VIDEOS_TABLE

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

MARGIN = 40  # around the boxes of the lineage


def test_the_lineage_shows_12_tables_from_account_to_videos_to_comments(
    page: Page, demo: DagsterDev, save_picture: SavePicture
) -> None:
    page.set_viewport_size({"width": 1900, "height": 1000})
    pages.open_lineage(page, demo)
    pages.choose_facets(page, ["Asset checks", "Latest event"])
    page.reload()  # which fits the smaller boxes into the window

    nodes = pages.nodes(page)
    expect(nodes).to_have_count(len(CATALOGUE))
    assert pages.tables_of(nodes) == set(ALL_TABLES)
    for node in nodes.all():
        expect(node).to_have_text(re.compile(r"[1-9] / \d Passed"))
    boxes = [box for node in page.locator("foreignObject").all() if (box := node.bounding_box())]
    left, top = min(box["x"] for box in boxes) - MARGIN, min(box["y"] for box in boxes) - MARGIN
    right = max(box["x"] + box["width"] for box in boxes) + MARGIN
    bottom = max(box["y"] + box["height"] for box in boxes) + MARGIN
    save_picture(page, "lineage", {"x": left, "y": top, "width": right - left, "height": bottom - top})

    pages.open_table(page, demo, COMMENTS, "Lineage")
    page.get_by_role("button", name="Upstream").click()
    page.get_by_role("button", name="All", exact=True).click()
    pages.expect_from_left_to_right(page, [ACCOUNT, VIDEOS_TABLE, COMMENTS])

    pages.open_table(page, demo, ACCOUNT, "Lineage")
    page.get_by_role("button", name="Downstream").click()
    page.get_by_role("button", name="All", exact=True).click()
    expect(nodes).to_have_count(10)
    assert pages.tables_of(nodes) == {ACCOUNT, *VIDEO_TABLES, COMMENTS}


def test_a_partition_is_materialized_by_clicking(page: Page, demo: DagsterDev) -> None:
    pages.open_table(page, demo, ACCOUNT, "Overview")
    page.get_by_role("button", name="Materialize…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Latest").click()
    expect(dialog).to_contain_text("1 partition")

    run = pages.launch(page, "Launch 1 run", re.compile(r"Launched run (\w+)"))
    expect(page.get_by_text("Success", exact=True).first).to_be_visible(timeout=pages.RUN_MS)

    pages.open_table(page, demo, ACCOUNT, "Partitions")
    pages.choose_newest_day(page)
    expect(page.get_by_role("link", name=run)).to_be_visible()
    expect(page.get_by_text("Materialized", exact=True)).to_be_visible()


def test_the_checks_of_a_table_have_passed(page: Page, demo: DagsterDev, save_picture: SavePicture) -> None:
    pages.open_table(page, demo, METRICS, "Checks")
    for check in ("schema", "accounts_loaded"):
        pages.expect_to_read(page, rf"{check}\s+Succeeded")
    page.get_by_text("schema", exact=True).locator("visible=true").first.click()
    expect(page.get_by_text("Passed", exact=True)).to_be_visible()
    save_picture(page, "checks", {"x": 0, "y": 0, "width": 1400, "height": 560})


def test_a_materialization_shows_a_preview_of_its_rows(page: Page, demo: DagsterDev) -> None:
    pages.open_table(page, demo, VIDEOS_TABLE, "Events")

    preview = pages.metadata(page, "preview").get_by_role("table")
    columns = [column.name for column in VIDEOS.columns if not column.personal]
    expect(preview.get_by_role("columnheader")).to_have_text(columns)
    world, now = World(SEED), datetime.now(UTC)
    theirs = {
        world.username(account, now): {post.item_id for post in world.posts(account, now)} for account in world.accounts
    }
    rows = [row.get_by_role("cell").all_inner_texts() for row in preview.get_by_role("row").all()[1:]]
    assert rows
    for row in rows:
        shown = dict(zip(columns, row, strict=True))
        assert shown["item_id"] in theirs[shown["video_creator_username"]]


def test_the_newest_of_59_green_partitions_has_a_plot_that_the_browser_draws(
    page: Page, demo: DagsterDev, save_picture: SavePicture
) -> None:
    pages.open_table(page, demo, METRICS, "Partitions")
    pages.expect_partitions(page, failed=0, materialized=59)
    pages.choose_newest_day(page)

    pages.metadata(page, "plot").get_by_text("Show Markdown").click()
    plot = page.get_by_role("dialog").get_by_role("img", name="Video views a day")
    expect(plot).to_be_visible()
    assert plot.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    save_picture(page, "materialization")
