"""The simulator's reading calls answer as TikTok's documents and the recordings of its API say."""

from collections import Counter
from datetime import timedelta

import pytest
import requests

from tiktok_organic_dagster.simulator.api_fields import ACCOUNT, VIDEO
from tiktok_organic_dagster_tests.integration.simulator.client import NOW, TODAY, Client, monster_of

# The envelope and what is decided before it.


def test_a_good_answer_has_the_documented_envelope(client):
    response = client.get("business/get/")
    answer = response.json()
    assert response.status_code == 200
    assert answer.keys() == {"code", "message", "request_id", "data"}
    assert (answer["code"], answer["message"]) == (0, "OK")
    assert answer["request_id"].startswith(NOW.strftime("%Y%m%d%H%M%S"))
    assert response.headers["X-Tt-Logid"] == answer["request_id"]
    assert answer["data"].keys() == {"display_name", "profile_image"}  # the default fields of the recording


def test_the_trailing_slash_matters(client):
    response = client.post("tt_user/oauth2/refresh_token")
    assert (response.status_code, response.text) == (404, "404 page not found")
    assert client.get("business/get").status_code == 404


def test_wrong_paths_and_verbs(client):
    assert (client.get("nothing/here/").status_code, client.get("nothing/here/").text) == (404, "Not Found")
    assert client.code("business/nothing/") == 40006
    response = client.get("tt_user/token_info/get/")
    assert (response.status_code, response.text) == (405, "Method Not Allowed")
    assert client.post("business/get/").status_code == 405


def test_required_parameters_come_before_the_token(sim):
    bare = requests.get(f"{sim.api_url}/business/get/", timeout=10).json()
    assert bare["code"] == 40002
    assert bare["message"] == "Missing required field(s): creator_id or business_id."
    answer = requests.get(f"{sim.api_url}/business/comment/list/", params={"business_id": "x"}, timeout=10).json()
    assert (answer["code"], answer["message"]) == (40002, "video_id: Missing data for required field.")


def test_the_token_is_a_bare_header(client):
    absent = client.get("business/get/", token="").json()
    assert absent["code"] == 40104
    assert absent["message"] == "Access token is null, you should set it in http header with key Access-Token."
    assert client.code("business/get/", token="Bearer " + client.pair["access_token"]) == 40105
    assert client.code("business/get/", token="act.unknown") == 40105


def test_a_token_opens_its_own_account_only(sim, client):
    other = sim.world.business_id(1, "app")
    answer = client.get("business/get/", business_id=other).json()
    assert answer["code"] == 40001
    assert answer["message"] == f"No permission to operate tiktok creator id: {other}"
    assert "data" not in answer


@pytest.mark.parametrize("fields", ["not json", '"likes"', "[1]", '["no_such_field"]'])
def test_unusable_fields_are_refused(client, fields):
    assert client.code("business/get/", fields=fields) == 40002
    assert client.code("business/video/list/", fields=fields) == 40002


def test_one_field_without_its_scope_fails_the_whole_call(sim):
    client = Client(sim, without="video.insights,user.info.stats")
    assert client.code("business/video/list/", fields=["item_id", "likes"]) == 0
    assert client.code("business/video/list/", fields=["item_id", "likes", "new_followers"]) == 40130
    assert client.code("business/get/", fields=["username", "total_likes"]) == 40130
    without_comments = Client(sim, without="comment.list")
    assert without_comments.code("business/comment/list/", video_id=monster_of(sim)) == 40130


# business/get/


@pytest.mark.parametrize("account", range(4))
def test_business_get_returns_the_worlds_truth(sim, account):
    client = Client(sim, account)
    start, end = TODAY - timedelta(days=58), TODAY - timedelta(days=1)
    data = client.data("business/get/", fields=list(ACCOUNT), start_date=start, end_date=end)
    assert data.pop("metrics") == sim.world.metrics(account, start, end, NOW)
    assert data == sim.world.profile(account, NOW) | sim.world.audience(account, NOW)


def test_daily_metrics_hold_only_what_was_asked(sim, client):
    data = client.data("business/get/", fields=["followers_count", "likes"])
    assert data.keys() == {"followers_count", "metrics"}
    assert all(day.keys() == {"date", "followers_count", "likes"} for day in data["metrics"])
    days = [day["date"] for day in data["metrics"]]
    assert days[0] == (TODAY - timedelta(days=7)).isoformat()
    assert "metrics" not in client.data("business/get/", fields=["username", "videos_count"])
    assert "metrics" not in Client(sim, without="user.insights").data("business/get/", fields=["followers_count"])


@pytest.mark.parametrize(
    ("start", "end", "code"),
    [(-60, -1, 0), (-61, -1, 40002), (-5, 0, 40002), (-5, 1, 40002), (-5, -6, 40002), (-1, -1, 0)],
)
def test_the_60_days_are_enforced(client, start, end, code):
    days = {
        name: (TODAY + timedelta(days=offset)).isoformat()
        for name, offset in (("start_date", start), ("end_date", end))
    }
    assert client.code("business/get/", fields=["likes"], **days) == code


# business/video/list/


@pytest.mark.parametrize("max_count", [1, 7, 20])
@pytest.mark.parametrize("account", [0, 1])
def test_paging_covers_every_post_exactly_once(sim, account, max_count):
    pages = Client(sim, account).pages("business/video/list/", max_count=max_count)
    ids = [video["item_id"] for page in pages for video in page["videos"]]
    assert ids == [post.item_id for post in sim.world.posts(account, NOW)]


def test_some_pages_are_short_or_empty_although_more_follow(sim):
    pages = Client(sim, 1).pages("business/video/list/", max_count=5)
    lengths = Counter(len(page["videos"]) for page in pages[:-1])
    assert lengths[0]
    assert any(0 < length < 4 for length in lengths)
    sim.habits.short_pages_of.clear()
    assert all(page["videos"] for page in Client(sim, 1).pages("business/video/list/", max_count=5))


def test_the_cursor_is_the_time_of_the_oldest_row_and_excludes_it(client):
    page = client.data("business/video/list/", fields=["item_id", "create_time"], max_count=20)
    assert page["cursor"] == int(page["videos"][-1]["create_time"]) * 1000
    again = client.data("business/video/list/", cursor=page["cursor"] + 1, max_count=1)
    assert again["videos"][0]["item_id"] == page["videos"][-1]["item_id"]


def test_posts_of_one_second_are_not_parted(sim, client):
    posts = sim.world.posts(0, NOW)
    for _ in range(3):
        sim.world.changes.add_video(0, create_time=str(posts[4].created))
    pages = client.pages("business/video/list/", max_count=5)
    ids = [video["item_id"] for page in pages for video in page["videos"]]
    assert sorted(ids) == sorted(post.item_id for post in sim.world.posts(0, NOW))


def test_all_fields_of_a_page_are_the_worlds_truth(sim):
    for account in range(4):
        pages = Client(sim, account).pages("business/video/list/", fields=list(VIDEO), max_count=20)
        assert [video for page in pages for video in page["videos"]] == sim.world.videos(account, NOW)


def test_a_pinned_post_is_listed_first_and_only_once(sim, client):
    oldest = sim.world.posts(0, NOW)[-1].item_id
    sim.world.changes.pin_video(oldest)
    for max_count in (1, 20):
        ids = [
            video["item_id"]
            for page in client.pages("business/video/list/", max_count=max_count)
            for video in page["videos"]
        ]
        assert ids[0] == oldest
        assert ids == [post.item_id for post in sim.world.posts(0, NOW)]


def test_chosen_videos_come_without_a_cursor(sim, client):
    ids = [post.item_id for post in sim.world.posts(0, NOW)[3:5]]
    data = client.data("business/video/list/", filters={"video_ids": [*ids, "1"]})
    assert data == {"videos": [{"item_id": each} for each in ids], "cursor": 0, "has_more": False}


@pytest.mark.parametrize("params", [{"max_count": 21}, {"max_count": 0}, {"cursor": "x"}, {"fields": ["likes"]}])
def test_video_list_limits(client, params):
    assert client.code("business/video/list/", **params) == 40002


def test_an_account_without_posts_has_an_empty_last_page(sim, client):
    for post in sim.world.posts(0, NOW):
        sim.world.changes.delete_video(post.item_id)
    assert client.data("business/video/list/") == {"videos": [], "cursor": 0, "has_more": False}


# business/comment/list/


def test_comments_beyond_500_come_by_likes_with_some_twice(sim, client):
    sim.habits.pinned_comments_first = False
    video = monster_of(sim)
    pages = client.pages(
        "business/comment/list/", video_id=video, sort_field="create_time", sort_order="desc", max_count=30
    )
    rows = [comment for page in pages for comment in page["comments"]]
    truth = sim.world.comments(0, video, NOW)
    assert rows[:500] == truth[:500]
    likes = [comment["likes"] for comment in rows[500:]]
    assert likes == sorted(likes, reverse=True)
    assert len(rows) > len(truth)
    assert {comment["comment_id"] for comment in rows} == {comment["comment_id"] for comment in truth}


def test_the_comment_cursor_is_an_offset(sim, client):
    page = client.data("business/comment/list/", video_id=monster_of(sim), max_count=2)
    assert (page["cursor"], page["has_more"]) == (2, True)


def test_short_comment_pages_lose_nothing(sim):
    client, video = Client(sim, 1), monster_of(sim, 1)
    pages = client.pages("business/comment/list/", video_id=video, max_count=30, sort_field="likes", sort_order="asc")
    assert any(len(page["comments"]) < 30 for page in pages[:-1])
    ids = {comment["comment_id"] for page in pages for comment in page["comments"]}
    assert ids == {comment["comment_id"] for comment in sim.world.comments(1, video, NOW)}


def test_without_a_sort_field_the_order_is_no_order(sim, client):
    video = monster_of(sim)
    rows = client.data("business/comment/list/", video_id=video, max_count=30)["comments"]
    times = [int(comment["create_time"]) for comment in rows]
    assert times not in (sorted(times), sorted(times, reverse=True))


def test_hidden_comments_are_listed_unless_only_public_ones_are_asked_for(sim, client):
    video = monster_of(sim)
    statuses = [
        {
            row["status"]
            for page in client.pages("business/comment/list/", video_id=video, max_count=30, **params)
            for row in page["comments"]
        }
        for params in ({}, {"status": "PUBLIC"})
    ]
    assert statuses == [{"PUBLIC", "HIDDEN"}, {"PUBLIC"}]


def test_replies(sim, client):
    video = monster_of(sim)
    comment = max(sim.world.comments(0, video, NOW), key=lambda each: each["replies"])
    truth = sim.world.replies(0, video, comment["comment_id"], NOW)
    assert len(truth) > 3
    pages = client.pages(
        "business/comment/reply/list/",
        video_id=video,
        comment_id=comment["comment_id"],
        sort_field="create_time",
        sort_order="asc",
        max_count=2,
    )
    assert [row for page in pages for row in page["comments"]] == truth
    chosen = client.data(
        "business/comment/list/", video_id=video, comment_ids=[comment["comment_id"]], include_replies="True"
    )
    assert [len(row["reply_list"]) for row in chosen["comments"]] == [3]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"max_count": 31}, 40002),
        ({"status": "HIDDEN"}, 40002),
        ({"sort_field": "age"}, 40002),
        ({"video_id": "7000000000000000000"}, 40007),
    ],
)
def test_comment_list_limits(sim, client, params, code):
    assert client.code("business/comment/list/", **({"video_id": monster_of(sim)} | params)) == code
