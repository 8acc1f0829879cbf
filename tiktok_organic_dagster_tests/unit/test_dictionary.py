"""docs/tables.md is what the catalogue says today, says of each column all there is to say, and holds together."""

import re

import pytest

from tiktok_organic_dagster.tables import (
    ACCOUNT,
    ACCOUNT_METRICS,
    AUDIENCE_ACTIVITY,
    CATALOGUE,
    COMMENTS,
    VIDEO_TABLES,
    VIDEOS,
    Label,
    Table,
)
from tiktok_organic_dagster.tables.dictionary import PAGE, diagram, document, section
from tiktok_organic_dagster.tables.own import OWN_TABLES

BY_NAME = {table.name: table for table in (*CATALOGUE, *OWN_TABLES)}
PAGE_TEXT = PAGE.read_text(encoding="utf-8")


def _cells(table: Table, column: str) -> list[str]:
    """The cells of a column's row in its table's section."""
    (line,) = [line for line in section(table).splitlines() if line.startswith(f"| `{column}` |")]
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def test_the_committed_page_is_current():
    assert document(CATALOGUE, OWN_TABLES) == PAGE_TEXT, "the catalogue changed: run `make docs` and commit the page"


@pytest.mark.parametrize("table", BY_NAME.values(), ids=lambda table: table.name)
def test_a_section_names_the_key_and_every_column_once_in_order(table):
    text = section(table)
    assert f"- **Key:** {', '.join(f'`{name}`' for name in table.key)}\n" in text
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == list(table.column_names)
    assert section(table) in PAGE_TEXT or section(table, level=3) in PAGE_TEXT


def test_a_column_of_an_answer_shows_type_unit_null_meaning_place_scope_and_kinds_of_account():
    assert _cells(VIDEOS, "video_views") == [
        "`video_views`",
        "float, count",
        "yes",
        "Views over its life. **Beware:** views from paid promotion are included and cannot be told apart.",
        "`video_views`, scope `video.list`",
    ]
    assert _cells(VIDEOS, "website_clicks")[-1] == (
        "`website_clicks`, scope `video.insights`; only Verified (registered) Business accounts"
    )


@pytest.mark.parametrize(
    ("table", "column", "source"),
    [
        (ACCOUNT, "followers_count", "`followers_count`, scope `user.info.stats`"),
        (ACCOUNT_METRICS, "metric_date", "`date`, in every answer"),
        (ACCOUNT_METRICS, "profile_image", "`profile_image`, scope `user.info.basic`, once an answer"),
        (
            ACCOUNT_METRICS,
            "followers_count",
            "`followers_count`, scope `user.insights`, perhaps also `user.info.stats`",
        ),
        (
            AUDIENCE_ACTIVITY,
            "audience_activity_hour",
            "`hour`, scope `user.insights`; only Business accounts with 100 followers or more",
        ),
        (VIDEOS, "metric_date", "the loader: the day of the run"),
        (VIDEO_TABLES[1], "item_id", "`videos[].item_id`, scope `video.list`"),
        (COMMENTS, "comment_author_username", "`username`, scope `comment.list`"),
        (COMMENTS, "thumbnail_url", "the loader: the reading of the video"),
        (
            COMMENTS,
            "video_creator_username",
            "the loader: the newest account reading, else the name known from connecting",
        ),
    ],
)
def test_the_source_is_the_path_in_the_answer_or_the_loader(table, column, source):
    assert _cells(table, column)[-1] == source


@pytest.mark.parametrize(
    ("table", "objects"),
    [
        (ACCOUNT, "`business/get/`"),
        (ACCOUNT_METRICS, "each `metrics[]` of `business/get/`"),
        (AUDIENCE_ACTIVITY, "each `metrics[].audience_activity[]` of `business/get/`"),
        (VIDEOS, "each `videos[]` of `business/video/list/`"),
        (VIDEO_TABLES[1], "each `videos[].impression_sources[]` of `business/video/list/`"),
        (COMMENTS, "each `comments[]` of `business/comment/list/`"),
    ],
)
def test_a_section_says_which_objects_of_the_answer_become_rows(table, objects):
    assert f"- **Source:** {objects}\n" in section(table)


def test_references_are_shown():
    assert (
        "- **References:** `video_id` to `tiktok_organic_videos.item_id`; "
        "`video_creator_username` to `tiktok_organic_account.video_creator_username`\n"
    ) in section(COMMENTS)


def test_keys_and_what_every_row_has_are_never_null_and_the_rest_may_be():
    never = {column.name for column in COMMENTS.columns if _cells(COMMENTS, column.name)[2] == "never"}
    assert never == {
        "video_id", "comment_id", "_business_id", "video_creator_username", "_loaded_at", "_read_date",
    }  # fmt: skip
    assert {column.name for column in VIDEOS.columns if not VIDEOS.may_be_null(column)} == {
        "item_id", "metric_date", "_business_id", "video_creator_username", "_loaded_at",
    }  # fmt: skip


def test_personal_data_is_marked_where_it_is_and_nowhere_else():
    marked = {
        (table.name, column.name)
        for table in CATALOGUE
        for column in table.columns
        if "**Personal data.**" in _cells(table, column.name)[3]
    }
    assert marked == {
        (COMMENTS.name, name)
        for name in (
            "display_name", "profile_image", "text", "unique_identifier", "user_id", "comment_author_username",
        )
    }  # fmt: skip


@pytest.mark.parametrize(
    ("table", "column", "warning"),
    [
        (ACCOUNT, "video_creator_username", "names change"),
        (ACCOUNT, "profile_image", "`x-expires`"),
        (ACCOUNT, "followers_count", "`tiktok_organic_account_metrics` has a column of this name"),
        (ACCOUNT_METRICS, "video_views", "paid promotion are included"),
        (ACCOUNT_METRICS, "likes", "gross"),
        (ACCOUNT_METRICS, "daily_total_followers", "net change"),
        (ACCOUNT_METRICS, "unique_video_views", "cannot be added up over days"),
        (ACCOUNT_METRICS, "engaged_audience", "people, not actions"),
        (ACCOUNT_METRICS, "profile_views", "registered Business accounts"),
        (ACCOUNT, "is_verified", "no column says which account is one"),
        (VIDEOS, "share_url", "`/photo/` in place of `/video/` most likely marks a photo"),
        (VIDEOS, "reach", "no activity for more than 7 days"),
        (VIDEOS, "comments", "replies and hidden comments is not documented, and it comes 24 to 48 hours late"),
        (VIDEOS, "thumbnail_url", "`x-expires`"),
        (BY_NAME["tiktok_organic_videos_video_view_retention"], "video_view_retention_percentage", "not documented"),
        (BY_NAME["tiktok_organic_videos_audience_cities"], "audience_cities_percentage", "may be 0 to 100"),
        (BY_NAME["tiktok_organic_videos_audience_countries"], "audience_countries_percentage", "need not sum to 1"),
        (BY_NAME["tiktok_organic_videos_audience_types"], "audience_types_percentage", "all four sum to 2"),
        (COMMENTS, "replies", "not loaded"),
        (COMMENTS, "text", "runs it as a formula"),
        (COMMENTS, "user_id", "`unique_identifier`"),
    ],
)
def test_what_is_easily_got_wrong_is_said(table, column, warning):
    assert warning in _cells(table, column)[3].split("**Beware:** ")[1]


@pytest.mark.parametrize(
    "name",
    ["reach", "full_video_watched_rate", "total_time_watched", "average_time_watched"],
)
def test_columns_that_tiktok_withholds_say_so(name):
    assert "withheld (NULL)" in VIDEOS.column(name).beware


@pytest.mark.parametrize("name", ["full_video_watched_rate", "total_time_watched", "average_time_watched"])
def test_columns_in_which_photos_may_pull_averages_down_say_how_to_leave_them_out(name):
    assert "`video_duration > 0`" in VIDEOS.column(name).beware


def test_breakdowns_that_tiktok_withholds_say_so():
    withheld = {table.name for table in VIDEO_TABLES if "without rows" in table.meaning}
    assert withheld == {"tiktok_organic_videos_impression_sources", "tiktok_organic_videos_audience_countries"}


@pytest.mark.parametrize("table", CATALOGUE, ids=lambda table: table.name)
def test_a_breakdown_has_the_key_and_the_rules_of_what_it_breaks_down(table):
    assert (table.part_of is None) == (table.entries is None)
    if table.part_of:
        whole = BY_NAME[table.part_of]
        assert set(whole.key) == set(table.key[:-1])
        for rule in ("writing", "history", "deletion", "latency", "cost", "endpoint", "objects"):
            assert getattr(table, rule) == getattr(whole, rule)


def test_the_diagram_has_a_box_for_each_table_and_lines_between_tables_that_exist():
    lines = diagram(CATALOGUE).splitlines()
    assert lines[:2] == ["```mermaid", "erDiagram"]
    assert [line.split()[0] for line in lines if line.endswith("{")] == [table.name for table in CATALOGUE]
    assert sum(line.endswith(" PK") for line in lines) == sum(len(table.key) for table in CATALOGUE)
    links = [line.split()[:3] for line in lines if "--" in line]
    assert {name for parent, _, child in links for name in (parent, child)} == {table.name for table in CATALOGUE}
    assert [VIDEOS.name, "||--o{", VIDEO_TABLES[1].name] in links
    assert [VIDEOS.name, "}o--o{", COMMENTS.name] in links
    assert len(links) == 12


def test_every_row_of_a_table_on_the_page_has_as_many_cells_as_its_header():
    for block in re.findall(r"(?:^\|.*\|\n)+", PAGE_TEXT, re.MULTILINE):
        assert len({line.count(" | ") for line in block.splitlines()}) == 1, block.splitlines()[0]


def test_tables_and_columns_that_texts_speak_of_exist():
    for name in re.findall(r"`(tiktok_organic\w*(?:\.\w+)?)`", PAGE_TEXT):
        table, _, column = name.partition(".")
        assert table in BY_NAME
        if column:
            BY_NAME[table].column(column)


def test_links_lead_to_headings_that_exist():
    pages: dict[str, str] = {"": PAGE_TEXT}
    for target in re.findall(r"\]\(([^)]+)\)", PAGE_TEXT):
        page, _, anchor = target.partition("#")
        text = pages.setdefault(page, (PAGE.parent / page).read_text(encoding="utf-8") if page else "")
        headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert not anchor or anchor in anchors, target


def test_what_the_loader_adds_says_where_it_is_from():
    for table in CATALOGUE:
        for column in table.columns:
            assert not isinstance(column.source, Label) or column.source.origin
