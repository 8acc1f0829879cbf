"""The backfill of all tables over 59 days, launched from the partition dialog and followed to its end."""

import re
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tiktok_organic_dagster_tests.browser import pages
from tiktok_organic_dagster_tests.browser.conftest import SavePicture
from tiktok_organic_dagster_tests.orchestration import ui
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.orchestration.processes import a_day_with_time_left, dagster_dev, dagster_home
from tiktok_organic_dagster_tests.orchestration.runs import ACCOUNT, ALL_TABLES, METRIC_TABLES, METRICS


@pytest.mark.browser
@pytest.mark.timeout(400)
def test_a_backfill_of_all_tables_over_59_days_marks_exactly_what_can_be_loaded(
    page: Page, save_picture: SavePicture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    a_day_with_time_left()
    with (
        closing(Deployment(tmp_path / "home", monkeypatch, accounts=5, videos=6, settings={})) as deployment,
        dagster_dev(dagster_home(tmp_path / "dagster")) as dagster,
    ):
        ui.stop_automation(dagster)  # while no account is connected, so that it has not started anything
        deployment.connect_all()
        days = [deployment.days_ago(back) for back in range(58, -1, -1)]
        pages.open_lineage(page, dagster)
        page.get_by_role("button", name="Materialize all…").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("12 assets")
        box = dialog.get_by_role("textbox")
        box.fill(f"[{days[0]}...{days[-1]}]")
        box.press("Enter")
        expect(dialog).to_contain_text("59 partitions")

        backfill = pages.launch(page, "Launch backfill", re.compile(r"Created backfill (\w+)"))

        pages.expect_to_read(page, r"Status\s+Failed", timeout_ms=pages.RUN_MS)
        assert ui.backfill_status(dagster, backfill) == "COMPLETED_FAILED", "it is complete, which the page leaves out"
        for table in ALL_TABLES:
            loaded, refused = (59, 0) if table in METRIC_TABLES else (1, 58)
            pages.expect_to_read(page, rf"{table}\s+100% completed\s+59\s+0\s+{loaded}\s+{refused}\b")
            assert ui.materialized(dagster, table) == days[-loaded:], table
        page.set_viewport_size({"width": 1400, "height": 1060})  # all tables
        expect(page.get_by_role("region", name="Notifications")).to_have_text("")
        save_picture(page, "backfill")
        pages.open_table(page, dagster, ACCOUNT, "Partitions")
        pages.expect_partitions(page, failed=58, materialized=1)
        pages.open_table(page, dagster, METRICS, "Partitions")
        pages.expect_partitions(page, failed=0, materialized=59)
        save_picture(page, "partitions", {"x": 0, "y": 0, "width": 1400, "height": 620})
