"""What Dagster shows after a run: plots of the simulated world, on the newest partition alone, nothing personal."""

import base64
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import timedelta

import pytest
from dagster import AssetKey, DagsterEventType, DagsterInstance, EventRecordsFilter

from tiktok_organic_dagster.assets.charts import Loaded, chart_of
from tiktok_organic_dagster.tables import (
    ACCOUNT,
    ACCOUNT_METRICS,
    AUDIENCE_ACTIVITY,
    CATALOGUE,
    COMMENTS,
    IMPRESSION_SOURCES,
    VIDEO_VIEW_RETENTION,
    VIDEOS,
)
from tiktok_organic_dagster.warehouse import open_warehouse
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.lab import Clock, Lab
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.orchestration.runs import ALL_TABLES, METRICS, Run

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")

SVG = "{http://www.w3.org/2000/svg}"
UNPLOTTED = {f"{VIDEOS.name}_audience_cities"}


def _plots(instance: DagsterInstance, table: str) -> dict[str, str]:
    """The plot of each partition that has one."""
    records = instance.get_event_records(
        EventRecordsFilter(DagsterEventType.ASSET_MATERIALIZATION, asset_key=AssetKey(table))
    )
    found = [record.asset_materialization for record in records]
    return {str(each.partition): str(each.metadata["plot"].value) for each in found if each and "plot" in each.metadata}


def _texts(markdown: str) -> list[str]:
    image = markdown.partition("base64,")[2].partition(")")[0]
    drawn = ET.fromstring(base64.b64decode(image))  # noqa: S314 -- drawn by ourselves
    return [element.text or "" for element in drawn.iter(f"{SVG}text")]


def _chart(lab: Lab, table: object) -> object:
    names = {lab.business_id(each.index): lab.world.username(each, lab.clock.now()) for each in lab.world.accounts}
    with open_warehouse(lab.settings).session() as session:
        return chart_of(table, Loaded(session, names, lab.clock.today))


def test_every_table_but_the_cities_has_a_plot_on_todays_partition(
    deployment: Deployment, instance: DagsterInstance
) -> None:
    first = deployment.days_ago(3)
    assert Run(instance, METRICS.split(), first, deployment.days_ago(1)).succeeded
    assert list(_plots(instance, METRICS)) == [deployment.days_ago(1).isoformat()]

    run = Run(instance, [name for name in ALL_TABLES if not name.startswith(METRICS)], deployment.today)

    assert run.succeeded
    today = deployment.today.isoformat()
    with_plot = {table.name for table in CATALOGUE if today in _plots(instance, table.name)}
    expected = {name for name in ALL_TABLES if not name.startswith(METRICS)} - UNPLOTTED
    assert with_plot == {name for name in expected if deployment.rows(_table(name))}
    assert VIDEOS.name in with_plot
    assert VIDEO_VIEW_RETENTION.name in with_plot
    names = {f"@{deployment.username(index)}" for index in (0, 1)}
    assert names <= set(_texts(_plots(instance, ACCOUNT.name)[today]))


def _table(name: str) -> object:
    return next(table for table in CATALOGUE if table.name == name)


def test_no_plot_and_no_preview_tells_anything_of_a_commenter(
    deployment: Deployment, instance: DagsterInstance
) -> None:
    assert Run(instance, [ACCOUNT.name, VIDEOS.name, COMMENTS.name], deployment.today).succeeded

    columns = [column.name for column in COMMENTS.columns if column.personal]
    personal = {str(value) for row in deployment.rows(COMMENTS, columns, "NOT owner") for value in row if value}
    assert len(personal) > 10
    records = instance.get_event_records(
        EventRecordsFilter(DagsterEventType.ASSET_MATERIALIZATION, asset_key=AssetKey(COMMENTS.name))
    )
    plot = _plots(instance, COMMENTS.name)[deployment.today.isoformat()]
    shown = "\n".join([str(records), *_texts(plot)])
    assert not [value for value in personal if len(value) > 4 and value in shown]  # not `ok`, `NULL`


@pytest.mark.parametrize("warehouse", ["duckdb", "postgres"])
def test_the_charts_show_the_world(
    new_lab: Callable[..., Lab], clock: Clock, warehouse: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("new_postgres_database")() if warehouse == "postgres" else None
    lab = new_lab(url, videos=12)
    lab.read_everything()
    world, now = lab.world, clock.now()

    views = _chart(lab, ACCOUNT_METRICS)
    expected = {
        f"@{world.username(each, now)}": {
            day["date"]: day.get("video_views")
            for day in world.metrics(each, clock.today - timedelta(days=57), clock.today - timedelta(days=1), now)
        }
        for each in world.accounts
    }
    assert {series.name for series in views.series} == set(expected)
    for series in views.series:
        of_account = [value for value in expected[series.name].values() if value is not None]
        assert [value for value in series.values if value is not None] == of_account

    followers = _chart(lab, ACCOUNT)
    counts = {
        f"@{world.username(each, now)}": world.profile(each, now).get("followers_count") for each in world.accounts
    }
    assert dict(zip(followers.labels, followers.series[0].values, strict=True)) == {
        name: count for name, count in counts.items() if count is not None
    }

    posts = [(each, post) for each in world.accounts for post in world.videos(each, now)]
    assert len(posts) > 10
    top = sorted((post["video_views"] for _, post in posts if post.get("video_views") is not None), reverse=True)
    assert list(_chart(lab, VIDEOS).series[0].values) == top[:10]

    watched = [post for _, post in posts if post.get("video_view_retention") and post.get("video_views") is not None]
    best = max(watched, key=lambda post: post["video_views"])
    curve = {int(entry["second"]): entry["percentage"] for entry in best["video_view_retention"]}
    shown = _chart(lab, VIDEO_VIEW_RETENTION).series[0].values
    assert {second: value for second, value in enumerate(shown) if value is not None} == curve

    weights: dict[str, float] = {}
    weighed = [post for _, post in posts if post.get("impression_sources") and post.get("video_views")]
    for post in weighed:
        for entry in post["impression_sources"]:
            source = entry["impression_source"]
            weights[source] = weights.get(source, 0) + entry["percentage"] * post["video_views"]
    total = sum(post["video_views"] for post in weighed)
    sources = _chart(lab, IMPRESSION_SOURCES)
    assert dict(zip(sources.labels, sources.series[0].values, strict=True)) == pytest.approx(
        {name: weight / total for name, weight in sorted(weights.items(), key=lambda item: -item[1])[:10]}
    )

    hours: dict[int, list[float]] = {}
    for _, day, count, hour, account in truth.activity(lab):
        if account == lab.business_id(0) and day > clock.today - timedelta(days=28):
            hours.setdefault(int(hour), []).append(count)
    (of_first,) = [s for s in _chart(lab, AUDIENCE_ACTIVITY).series if s.name == f"@{world.username(0, now)}"]
    assert dict(enumerate(of_first.values)) == pytest.approx({h: sum(c) / len(c) for h, c in hours.items()})

    written: dict[str, int] = {}
    for row in truth.comments(lab):
        if row[4].date() > clock.today - timedelta(days=58):
            written[f"@{row[2]}"] = written.get(f"@{row[2]}", 0) + 1
    assert {series.name: sum(series.values) for series in _chart(lab, COMMENTS).series} == written


def test_followers_become_lines_once_there_are_two_readings(new_lab: Callable[..., Lab], clock: Clock) -> None:
    lab = new_lab(videos=3)
    lab.read_account()
    before = {
        f"@{lab.world.username(e, clock.now())}": lab.world.profile(e, clock.now()).get("followers_count")
        for e in lab.world.accounts
    }
    clock.next_day(2)
    lab.read_account()
    after = {
        f"@{lab.world.username(e, clock.now())}": lab.world.profile(e, clock.now()).get("followers_count")
        for e in lab.world.accounts
    }

    chart = _chart(lab, ACCOUNT)

    assert not chart.bars
    assert {s.name: s.values for s in chart.series} == {
        name: (before[name], None, after[name]) for name in after if name in before and after[name] is not None
    }
