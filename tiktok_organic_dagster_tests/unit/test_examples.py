"""The published example answers become the rows that a person would write down from them (see data/examples)."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tiktok_organic_dagster.findings import Findings, Kind
from tiktok_organic_dagster.tables import ACCOUNT, ACCOUNT_METRICS, AUDIENCE_ACTIVITY, CATALOGUE, COMMENTS, VIDEOS
from tiktok_organic_dagster.tables.rows import objects_of, rows_of
from tiktok_organic_dagster.validation import validated

EXAMPLES = Path(__file__).parents[1] / "data/examples"
BY_NAME = {table.name: table for table in CATALOGUE}
DAY = date(2026, 11, 23)
LOADED_AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
LABELS = {"business_id": "-000b", "username": "la_flama_blanca", "read_date": DAY, "loaded_at": LOADED_AT}

BUSINESS_GET = "official_doc_examples/business_get"
VIDEO_LIST = "official_doc_examples/business_video_list"
PROFILE_IMAGE = (
    "https://p16-sign-va.tiktokcdn.com/tos-maliva-avt-0068/188d468fc1de3f328250ea0c96e98f8b~c5_100x100.webp"
    "?x-expires=1628060400&x-signature=BnPoX8rWsYZZ%2BtyzCoWanxYdRyg%3D"
)


def _data(name):
    answer = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    assert answer["code"] == 0
    return answer["data"]


def _rows(table, objects, **labels):
    findings = Findings()
    batch = validated(table, rows_of(table, objects, {**LABELS, **labels}, findings), findings)
    return batch.to_pylist(), [(finding.column, finding.kind, finding.count) for finding in findings]


def test_the_profile_of_the_documentation():
    rows, findings = _rows(ACCOUNT, [_data(BUSINESS_GET)])
    assert rows == [
        {
            "video_creator_username": "la_flama_blanca",
            "metric_date": DAY,
            "bio_description": None,
            "display_name": "Display Name",
            "followers_count": 1124.0,
            "following_count": None,
            "is_business_account": None,
            "is_verified": None,
            "profile_deep_link": None,
            "profile_image": PROFILE_IMAGE,
            "total_likes": None,
            "videos_count": None,
            "_business_id": "-000b",
            "_loaded_at": LOADED_AT,
        }
    ]
    assert findings == []


def test_the_daily_metrics_of_the_documentation():
    data = _data(BUSINESS_GET)
    rows, findings = _rows(
        ACCOUNT_METRICS, [{**day, "profile_image": data["profile_image"]} for day in data["metrics"]]
    )
    filled = [{name: value for name, value in row.items() if value is not None} for row in rows]
    of_every_day = {
        "video_creator_username": "la_flama_blanca",
        "profile_image": PROFILE_IMAGE,
        "_business_id": "-000b",
        "_loaded_at": LOADED_AT,
    }
    expected = [
        # day, followers, views, comments, shares, likes
        (date(2021, 7, 30), 4.0, 1126.0, 4.0, 0.0, 26.0),
        (date(2021, 7, 31), 6.0, 312.0, 0.0, 0.0, 15.0),
        (date(2021, 8, 1), 8.0, 283.0, 0.0, 0.0, 19.0),
    ]
    names = ("metric_date", "followers_count", "video_views", "comments", "shares", "likes")
    assert filled == [{**of_every_day, **dict(zip(names, values, strict=True))} for values in expected]
    assert all(set(row) == set(ACCOUNT_METRICS.column_names) for row in rows)
    assert findings == []


def test_the_documentation_shows_no_audience_by_hour():
    assert _rows(AUDIENCE_ACTIVITY, _data(BUSINESS_GET)["metrics"]) == ([], [])


@pytest.mark.parametrize("name", ["pytiktok_docs_business_get_default_fields"])
def test_a_recorded_profile_with_the_default_fields(name):
    rows, findings = _rows(ACCOUNT, [_data(f"recorded/{name}")])
    assert [(row["display_name"], row["video_creator_username"], row["followers_count"]) for row in rows] == [
        ("kiki", None, None)
    ]
    assert rows[0]["profile_image"].endswith("x-signature=MmXPWeImP%2BRGBwAOqN3wjPpDiZE%3D")
    assert findings == []


def test_the_video_of_the_documentation():
    rows, findings = _rows(VIDEOS, _data(VIDEO_LIST)["videos"])
    assert rows == [
        {
            "item_id": "6990565363377392901",
            "video_creator_username": "la_flama_blanca",
            "metric_date": DAY,
            "app_download_clicks": None,
            "average_time_watched": 4.118,
            "caption": "little coco",
            "comments": 2.0,
            "create_time": datetime(2021, 7, 30, 4, 3, 55, tzinfo=UTC),
            "embed_url": "https://www.tiktok.com/player/v1/1234567891234567891?music_info=1&description=1&autoplay=1"
            "&loop=1&utm_campaign=tt4d_open_api&utm_source=1234567891234567891E",
            "favorites": None,
            "full_video_watched_rate": 0.0237,
            "lead_submissions": None,
            "likes": 10.0,
            "new_followers": None,
            "phone_number_clicks": None,
            "profile_views": None,
            "reach": 154.0,
            "share_url": "https://www.tiktok.com/@feather_in_the_w1nd/video/6990565363377392901"
            "?utm_campaign=tt4d_open_api&utm_source=6979330045630218242",
            "shares": 0.0,
            "thumbnail_url": "http://p16-sign-va.tiktokcdn.com/tos-maliva-p-0068/c85b70edfca14b7b89cc2e1e884ee268"
            "~tplv-noop.image?x-expires=1627998825&x-signature=1pMnzQjXnN%2BMWQHK0Vl2zfT%2BRoY%3D",
            "total_time_watched": 695.942,
            "video_duration": 20.0,
            "video_views": 1231.0,
            "website_clicks": None,
            "_business_id": "-000b",
            "_loaded_at": LOADED_AT,
        }
    ]
    assert findings == []


@pytest.mark.parametrize(
    ("entries", "item", "expected"),
    [
        (
            "impression_sources",
            "impression_source",
            [
                ("Follow", 0.0113),
                ("For You", 0.8983),
                ("Hashtag", 0.0),
                ("Personal Profile", 0.0904),
                ("Sound", 0.0),
            ],
        ),
        (
            "audience_countries",
            "country",
            [("CA", 0.0237), ("GB", 0.1775), ("NL", 0.0118), ("PR", 0.0059), ("US", 0.7574), ("VE", 0.0059)],
        ),
        ("audience_cities", "city_name", []),
        ("audience_genders", "gender", []),
        ("audience_types", "type", []),
        ("engagement_likes", "second", []),
        ("video_view_retention", "second", []),
    ],
)
def test_the_breakdowns_of_the_video_of_the_documentation(entries, item, expected):
    rows, findings = _rows(BY_NAME[f"{VIDEOS.name}_{entries}"], _data(VIDEO_LIST)["videos"])
    assert rows == [
        {
            "item_id": "6990565363377392901",
            "video_creator_username": "la_flama_blanca",
            "metric_date": DAY,
            f"{entries}_{item}": value,
            f"{entries}_percentage": share,
            "_business_id": "-000b",
            "_loaded_at": LOADED_AT,
        }
        for value, share in expected
    ]
    assert findings == []


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        (
            "pytiktok_docs_video_list_default_fields",
            ["7109065174526479622", "7109064881462152453", "7108684822863760646", "7108678102229781766"],
        ),
        ("pytiktok_docs_video_list_filter_video_ids", ["7108684822863760646", "7109064881462152453"]),
    ],
)
def test_recorded_videos_with_nothing_but_an_id(name, ids):
    rows, findings = _rows(VIDEOS, _data(f"recorded/{name}")["videos"])
    assert [{key: value for key, value in row.items() if value is not None} for row in rows] == [
        {
            "item_id": id_,
            "video_creator_username": "la_flama_blanca",
            "metric_date": DAY,
            "_business_id": "-000b",
            "_loaded_at": LOADED_AT,
        }
        for id_ in ids
    ]
    assert findings == []


def _comment(**values):
    return {
        **dict.fromkeys(COMMENTS.column_names),
        "video_creator_username": "la_flama_blanca",
        "_business_id": "-000b",
        "_loaded_at": LOADED_AT,
        "_read_date": DAY,
        **values,
    }


def test_the_recorded_comments():
    comments = _data("recorded/pytiktok_docs_comment_list")["comments"]
    rows, findings = _rows(
        COMMENTS, comments, video_id=[comment["video_id"] for comment in comments], thumbnail_url=["https://t", None]
    )
    assert rows == [
        _comment(
            video_id="7109065174526479622",
            comment_id="7110150495453840130",
            thumbnail_url="https://t",
            create_time=datetime(2022, 6, 17, 10, 18, 18, tzinfo=UTC),
            liked=False,
            likes=0.0,
            owner=False,
            pinned=False,
            profile_image="https://p16-sign-sg.tiktokcdn.com/tiktok-obj/1666477470268417~c5_168x168.jpeg"
            "?x-expires=1656831600&x-signature=W%2FAanEtkfRORbU141d2UeZQnxzc%3D",
            replies=11.0,
            status="PUBLIC",
            text="nice",
            user_id="367b786990e8dcebcf493e035b820f5be4834422511c851b3bd0010f9690adbc",
            comment_author_username="phoenix202312121",
        ),
        _comment(
            video_id="7109065174526479622",
            comment_id="7111907185164763905",
            create_time=datetime(2022, 6, 22, 3, 53, 25, tzinfo=UTC),
            liked=False,
            likes=0.0,
            owner=False,
            pinned=False,
            profile_image="https://p16-sign-sg.tiktokcdn.com/tiktok-obj/7046311066329939970~c5_168x168.jpeg"
            "?x-expires=1656831600&x-signature=9GsDTVTn9%2Bvb%2FFBkxZGaOlIkTM4%3D",
            replies=0.0,
            status="PUBLIC",
            text="xxxxxxxx",
            user_id="6faa870ee45c1f68a2d98d50e09f222a04069380c1032f1919f3ffe25be1f085",
            comment_author_username="klein_kunkun",
        ),
    ]
    assert findings == []


PLACEHOLDERS = {
    "display_name": "{{display_name}}",
    "profile_image": "{{profile_image}}",
    "text": "{{text}}",
    "unique_identifier": "{{unique_identifier}}",
    "user_id": "{{user_id}}",
    "comment_author_username": "{{username}}",
    "owner": True,
    "pinned": False,
}
HIDDEN = {
    "create_time": datetime(2023, 4, 18, 4, 6, 54, tzinfo=UTC),
    "liked": False,
    "likes": 0.0,
    "replies": 0.0,
    "status": "HIDDEN",
}
PUBLIC = {"create_time": None, "liked": True, "likes": 1.0, "replies": 1.0, "status": "PUBLIC"}


def test_the_comments_of_the_documentation_whose_placeholders_are_texts():
    """Their ids are told apart here by a number; the page prints the same placeholder three times."""
    comments = _data("official_doc_examples/business_comment_list")["comments"]
    numbered = [{**comment, "comment_id": f"{comment['comment_id']}{n}"} for n, comment in enumerate(comments)]
    rows, findings = _rows(COMMENTS, numbered, video_id=[comment["video_id"] for comment in comments])
    assert rows == [
        _comment(video_id="{{video_id}}", comment_id=f"{{{{comment_id}}}}{n}", **PLACEHOLDERS, **state)
        for n, state in enumerate((HIDDEN, HIDDEN, PUBLIC))
    ]
    assert findings == [("create_time", Kind.UNREADABLE, 1)]  # a placeholder is no time


def test_the_comments_of_the_documentation_as_printed_are_one_id():
    comments = _data("official_doc_examples/business_comment_list")["comments"]
    findings = Findings()
    assert objects_of(COMMENTS, comments, "comment_id", findings) == comments[:1]
    assert [(found.kind, found.count) for found in findings] == [(Kind.DUPLICATE, 2)]
    rows, told = _rows(COMMENTS, comments, video_id="{{video_id}}")
    assert rows == [_comment(video_id="{{video_id}}", comment_id="{{comment_id}}", **PLACEHOLDERS, **HIDDEN)]
    assert told == [("create_time", Kind.UNREADABLE, 1), ("video_id, comment_id", Kind.DUPLICATE, 2)]


@pytest.mark.parametrize(
    "name", ["recorded/pytiktok_docs_comment_reply_list", "official_doc_examples/business_comment_reply_list"]
)
def test_replies_lack_two_fields_which_are_null(name):
    rows, _ = _rows(COMMENTS, _data(name)["comments"][:1], video_id="v")
    assert (rows[0]["replies"], rows[0]["pinned"]) == (None, None)
    assert rows[0]["likes"] == 0.0


def test_every_example_has_its_source_written_down():
    sources = (EXAMPLES / "SOURCES.md").read_text()
    for file in EXAMPLES.rglob("*.json"):
        assert f"{file.parent.name}/{file.name}" in sources
        json.loads(file.read_text(encoding="utf-8"))
