"""Plots: what is drawn, how it is escaped, how much it weighs, and that one that fails costs nothing else."""

import base64
import re
import xml.etree.ElementTree as ET
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest

from tiktok_organic_dagster.accounts.account import Account
from tiktok_organic_dagster.assets.charts import Chart, Loaded, Series, by_day, chart_of
from tiktok_organic_dagster.assets.plots import MOST_BYTES, NoPlotError, markdown, plots_of, svg
from tiktok_organic_dagster.readings.run import Outcome
from tiktok_organic_dagster.tables import ACCOUNT_METRICS, AUDIENCE_CITIES, VIDEOS
from tiktok_organic_dagster.warehouse.duckdb import DuckDBWarehouse

FIRST = date(2026, 11, 1)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"


def _days(*values):
    return [("a", FIRST + timedelta(days=number), value) for number, value in enumerate(values)]


def _parsed(drawn):
    return ET.fromstring(drawn)  # noqa: S314 -- drawn by ourselves


def _texts(drawn):
    return [element.text or "" for element in _parsed(drawn).iter(f"{SVG}text")]


def _outcome(name, error=None):
    account = Account(
        business_id=f"id-{name}", username=name, client_id="7", api_url="https://x.test", scopes=frozenset(),
        connected_at=NOON, authorized_at=NOON, refresh_expires_at=None, needs_authorization=None,
    )  # fmt: skip
    return Outcome(account, error=error)


# --- What is shown ---------------------------------------------------------------------------------------------------


def test_a_day_without_a_value_is_a_gap_and_never_zero():
    chart = by_day("Views", {"a": "ada"}, _days(5.0, None, 0.0, 7.0))
    assert chart.series == (Series("@ada", (5.0, None, 0.0, 7.0)),)
    assert chart.labels == ("Nov 1", "Nov 2", "Nov 3", "Nov 4")


def test_a_day_that_is_not_stored_is_a_gap_and_the_ends_are_the_first_and_last_value():
    rows = [row for row in _days(None, 5.0, 6.0, 7.0, None) if row[2] != 6.0]
    chart = by_day("Views", {"a": "ada"}, rows)
    assert chart.series[0].values == (5.0, None, 7.0)
    assert chart.labels == ("Nov 2", "Nov 3", "Nov 4")


@pytest.mark.parametrize("rows", [[], _days(None, None)])
def test_without_a_value_there_is_no_chart(rows):
    assert by_day("Views", {"a": "ada"}, rows) is None


def test_of_many_accounts_the_eight_with_most_are_named_and_the_others_counted():
    names = {f"id{n}": f"name{n:02}" for n in range(23)}
    chart = by_day("Views", names, [(account, FIRST, float(number)) for number, account in enumerate(names)])
    assert [series.name for series in chart.series] == [f"@name{n}" for n in range(22, 14, -1)]
    assert "8 of 23 accounts" in chart.title


def test_accounts_of_equal_weight_stand_in_the_order_of_their_names():
    chart = by_day("Views", {"1": "zoe", "2": "ada"}, [("1", FIRST, 1.0), ("2", FIRST, 1.0)])
    assert [series.name for series in chart.series] == ["@ada", "@zoe"]


def test_cities_have_no_plot_as_tiktok_mixes_their_units(tmp_path):
    with DuckDBWarehouse(tmp_path / "w.duckdb").session() as session:
        assert chart_of(AUDIENCE_CITIES, Loaded(session, {"a": "ada"}, FIRST)) is None


# --- How it is drawn -------------------------------------------------------------------------------------------------


def test_a_gap_interrupts_the_line():
    whole = Chart("t", tuple("abcde"), (Series("@a", (1.0, 2.0, 3.0, 4.0, 5.0)),))
    broken = Chart("t", tuple("abcde"), (Series("@a", (1.0, 2.0, None, 4.0, 5.0)),))
    assert _pieces(svg(broken)) == _pieces(svg(whole)) + 1


def _pieces(drawn):
    return sum(
        len(re.findall("M", path.get("d", "")))
        for path in _parsed(drawn).iter(f"{SVG}path")
        if "line" in path.get("class", "").split() and "reactive" in path.get("class", "").split()
    )


def test_a_value_between_two_gaps_is_a_dot():
    def dots(*values):
        drawn = svg(Chart("t", tuple("abc"), (Series("@a", values),)))
        return len(list(_parsed(drawn).iter(f"{SVG}circle")))

    assert dots(None, 5.0, None) == 1
    assert dots(4.0, 5.0, 6.0) == 0


HOSTILE = "</text><script>alert(1)</script>&\"'\x08\x00\u202e☕ 日本 ]( "


def test_names_and_captions_are_text_whatever_they_hold():
    drawn = svg(Chart("t", ("x", "y"), (Series(f"@{HOSTILE}", (1.0, 2.0)),)))
    assert not list(_parsed(drawn).iter(f"{SVG}script"))
    assert any("<script>" in text and "日本" in text for text in _texts(drawn))
    bars = svg(Chart("t", (HOSTILE,), (Series("", (1.0,)),), bars=True))
    assert not list(_parsed(bars).iter(f"{SVG}script"))


def test_the_image_asks_for_nothing_from_elsewhere():
    drawn = svg(Chart("t", ("x", "y"), (Series("@a", (1.0, 2.0)),))).decode()
    addresses = set(re.findall(r"https?://[^\"'\s<>]+", re.sub(r"<!--.*?-->", "", drawn)))
    assert all(address.startswith("http://www.w3.org/") for address in addresses)
    assert "@import" not in drawn


def test_the_markdown_is_one_image_that_dagster_shows_and_links_to_tiktok_alone():
    links = (
        ("@a: [x](javascript:1) *b*", "https://www.tiktok.com/@a/video/7?x=1"),
        ("@b", "javascript:alert(1)"),
        ("@c", "https://www.tiktok.com.evil.test/"),
        ("@d", "https://www.tiktok.com/) [x](https://evil.test"),
    )
    text = markdown(Chart("Views", ("x",), (Series("", (1.0,)),), bars=True, links=links))
    (image,) = re.findall(r"^!\[Views\]\(data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)$", text, re.MULTILINE)
    assert base64.b64decode(image).startswith(b"<?xml")
    assert text.splitlines()[2:] == [r"- [@a\: \[x\]\(javascript\:1\) \*b\*](https://www.tiktok.com/@a/video/7?x=1)"]


def test_the_largest_plot_is_well_below_what_the_event_log_should_hold():
    names = {f"id{n}": f"a_rather_long_name_{n:05}" for n in range(100)}
    rows = [(account, FIRST + timedelta(days=day), 123_456.0 + day) for account in names for day in range(90)]
    assert len(markdown(by_day("Views", names, rows))) < MOST_BYTES / 2


def test_a_plot_that_is_too_large_is_refused():
    labels = tuple("x" * 2000 for _ in range(100))
    with pytest.raises(NoPlotError, match="bytes"):
        markdown(Chart("t", labels, (Series("", (1.0,) * 100),), bars=True))


# --- What fails ------------------------------------------------------------------------------------------------------


class _Place:
    """A warehouse that cannot be opened, or not be asked."""

    def __init__(self, at_once):
        self.at_once = at_once

    @contextmanager
    def glance(self):
        if self.at_once:
            raise RuntimeError("no such place")
        yield None


@pytest.mark.parametrize("at_once", [True, False])
def test_a_plot_that_fails_is_logged_and_nothing_else(at_once):
    told = []
    assert plots_of([VIDEOS, ACCOUNT_METRICS], [_outcome("a")], FIRST, _Place(at_once), told.append) == {}
    assert len(told) == (1 if at_once else 2)
    assert all(line.startswith("No plot") for line in told)


def test_one_table_whose_plot_fails_costs_the_other_none(tmp_path):
    warehouse = DuckDBWarehouse(tmp_path / "w.duckdb")
    with warehouse.session() as session:
        session.prepare([ACCOUNT_METRICS])
        session.execute(
            f"INSERT INTO {session.name_of(ACCOUNT_METRICS)} (_business_id, metric_date, video_views) VALUES (?, ?, 7)",
            "id-a",
            FIRST,
        )
    told = []
    plots = plots_of([VIDEOS, ACCOUNT_METRICS], [_outcome("a")], FIRST, warehouse, told.append)
    assert list(plots) == [ACCOUNT_METRICS.name]
    assert len(told) == 1
    assert VIDEOS.name in told[0]


def test_no_account_that_was_read_means_no_plot(tmp_path):
    told = []
    warehouse = DuckDBWarehouse(tmp_path / "w.duckdb")
    assert plots_of([VIDEOS], [_outcome("a", error="no")], FIRST, warehouse, told.append) == {}
    assert told == []
