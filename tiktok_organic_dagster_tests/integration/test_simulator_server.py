"""The simulator answers as TikTok's documents and the recordings of its API say, and breaks where it is told to."""

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tiktok_organic_dagster.errors import ConfigurationError
from tiktok_organic_dagster.simulator import Fault, Limits, Simulator, World, faults
from tiktok_organic_dagster.simulator.api_fields import ACCOUNT, SCOPES, VIDEO

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TODAY = NOW.date()
REDIRECT = "https://example.com/tiktok/"


class Client:
    """One account connected to a simulator."""

    def __init__(self, sim: Simulator, account: int = 0, without: str = "", client_id: str = "app") -> None:
        self.sim, self.client_id = sim, client_id
        code = consent(sim, account, without, client_id)["code"]
        answer = self.post(
            "tt_user/oauth2/token/", grant_type="authorization_code", auth_code=code, redirect_uri=REDIRECT
        ).json()
        assert answer["code"] == 0, answer
        self.pair = answer["data"]
        self.business_id = self.pair["open_id"]

    def post(self, path: str, **body) -> requests.Response:
        body = {"client_id": self.client_id, "client_secret": "s"} | body
        return requests.post(f"{self.sim.api_url}/{path}", json=body, timeout=10)

    def get(self, path: str, *, token: str | None = None, **params) -> requests.Response:
        params = {"business_id": self.business_id} | params
        params = {
            name: json.dumps(value) if isinstance(value, list | dict) else value for name, value in params.items()
        }
        headers = {"Access-Token": self.pair["access_token"] if token is None else token}
        return requests.get(f"{self.sim.api_url}/{path}", params=params, headers=headers, timeout=10)

    def data(self, path: str, **params) -> dict:
        answer = self.get(path, **params).json()
        assert answer["code"] == 0, answer
        return answer["data"]

    def code(self, path: str, **params) -> int:
        return self.get(path, **params).json()["code"]

    def refresh(self, token: str | None = None, **body) -> dict:
        token = token or self.pair["refresh_token"]
        return self.post(
            "tt_user/oauth2/refresh_token/", **{"grant_type": "refresh_token", "refresh_token": token} | body
        ).json()

    def pages(self, path: str, **params) -> list[dict]:
        found: list[dict] = []
        while True:
            found.append(self.data(path, **params))
            if not found[-1]["has_more"]:
                return found
            assert found[-1]["cursor"] != params.get("cursor")
            params["cursor"] = found[-1]["cursor"]


def consent(sim: Simulator, account: int = 0, without: str = "", client_id: str = "app", **params) -> dict[str, str]:
    response = requests.get(
        sim.authorize_url,
        params={
            "client_key": client_id,
            "redirect_uri": REDIRECT,
            "response_type": "code",
            "scope": ",".join(SCOPES),
            "state": '{"a": 1}',
            "as": account,
            "without": without,
        }
        | params,
        allow_redirects=False,
        timeout=10,
    )
    assert response.status_code == 302, response.text
    address = response.headers["location"]
    assert address.startswith(REDIRECT + "?")
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


@pytest.fixture
def sim():
    with Simulator(clock=lambda: NOW) as simulator:
        yield simulator


@pytest.fixture
def client(sim) -> Client:
    return Client(sim)


def monster_of(sim: Simulator, account: int = 0) -> str:
    return max(sim.world.posts(account, NOW), key=lambda post: post.comments).item_id


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


# Consent and tokens.


def test_the_redirect_carries_code_scopes_and_state(sim):
    answer = consent(sim, 2, without="comment.list")
    assert answer["state"] == '{"a": 1}'
    assert answer["scopes"].split(",") == [scope for scope in SCOPES if scope != "comment.list"]
    assert "!" in answer["code"]


def test_the_consent_page_offers_accounts_and_scopes(sim):
    wanted = {
        "client_key": "a",
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": "user.info.basic,video.list",
    }
    page = requests.get(sim.authorize_url, params=wanted | {"state": '"><b>'}, timeout=10)
    assert page.status_code == 200
    for account in sim.world.accounts:
        assert f"@{account.username}" in page.text
    assert '<b>"' not in page.text
    assert "&quot;&gt;&lt;b&gt;" in page.text
    chosen = requests.get(
        sim.authorize_url,
        params=wanted | {"account": "3", "granted": ["video.list"], "decision": "allow"},
        allow_redirects=False,
        timeout=10,
    )
    assert parse_qs(urlsplit(chosen.headers["location"]).query)["scopes"] == ["video.list"]


def test_denied_and_unusable_requests(sim):
    assert consent(sim, decision="deny")["error"] == "access_denied"
    assert consent(sim, scope="no.such.scope")["error"] == "invalid_scope"
    assert consent(sim, response_type="token")["error"] == "unsupported_response_type"
    for params in ({}, {"client_key": "a"}, {"client_key": "a", "redirect_uri": "/relative/"}):
        assert requests.get(sim.authorize_url, params=params, allow_redirects=False, timeout=10).status_code == 400
    params = {"client_key": "a", "redirect_uri": REDIRECT, "response_type": "code", "scope": "video.list", "as": 99}
    assert requests.get(sim.authorize_url, params=params, allow_redirects=False, timeout=10).status_code == 400


def test_a_pair_has_the_documented_shape(sim, client):
    pair = client.pair
    assert pair["access_token"].startswith("act.")
    assert pair["refresh_token"].startswith("rft.")
    assert (pair["token_type"], pair["expires_in"], pair["refresh_token_expires_in"]) == ("Bearer", 86400, 31536000)
    assert pair["open_id"] == sim.world.business_id(0, "app")
    assert set(pair["scope"].split(",")) == set(SCOPES)


def test_a_code_works_once_for_ten_minutes_and_for_its_app_and_redirect(sim, client):
    def exchange(code: str, **body) -> int:
        wanted = {"grant_type": "authorization_code", "auth_code": code, "redirect_uri": REDIRECT} | body
        return client.post("tt_user/oauth2/token/", **wanted).json()["code"]

    code = consent(sim)["code"]
    assert exchange(code, redirect_uri="https://example.com/other/") == 40002
    assert exchange(code, client_id="another app") == 40113
    assert exchange(code, grant_type="password") == 40108
    assert exchange(code) == 0
    assert exchange(code) == 40110
    late = consent(sim)["code"]
    sim.clock = lambda: NOW + timedelta(minutes=10)
    assert exchange(late) == 40110
    assert exchange("made up") == 40101


def test_the_secret_first_seen_is_the_right_one(sim, client):
    assert client.refresh(client_secret="wrong")["code"] == 40101
    sim.oauth.remembers_secrets = False
    assert client.refresh(client_secret="wrong")["code"] == 0


def test_a_missing_token_field_is_named(client):
    answer = client.post("tt_user/oauth2/token/", grant_type="authorization_code").json()
    assert (answer["code"], answer["message"]) == (40002, "auth_code: Missing data for required field.")


def test_a_refresh_rotates_and_does_not_extend(sim, client):
    sim.clock = lambda: NOW + timedelta(seconds=8686)
    renewed = client.refresh()["data"]
    assert renewed["refresh_token_expires_in"] == 31527314  # as in the recorded pair of answers
    assert renewed["refresh_token"] != client.pair["refresh_token"]
    assert renewed["expires_in"] == 86400
    assert client.refresh()["code"] == 40107
    assert client.code("business/get/", token=renewed["access_token"]) == 0
    assert client.code("business/get/") == 0


def test_tokens_expire_by_the_simulators_clock(sim, client):
    sim.clock = lambda: NOW + timedelta(days=1)
    assert client.code("business/get/") == 40102
    sim.oauth.expired_code = 40105
    assert client.code("business/get/") == 40105
    sim.clock = lambda: NOW + timedelta(days=365)
    assert client.refresh()["code"] == 40103


def test_revoking_ends_the_whole_consent(client):
    info = client.post("tt_user/token_info/get/", app_id="app", access_token=client.pair["access_token"]).json()
    assert info["data"]["creator_id"] == client.business_id
    assert client.post("tt_user/oauth2/revoke/", access_token=client.pair["access_token"]).json()["data"] == {}
    assert client.code("business/get/") == 40105
    assert client.refresh()["code"] == 40107
    assert client.post("tt_user/oauth2/revoke/", access_token=client.pair["access_token"]).json()["code"] == 40131


def test_an_owner_can_withdraw_consent_in_the_app(sim, client):
    sim.oauth.revoke_account(0)
    assert client.code("business/get/") == 40105
    assert client.refresh()["code"] == 40107


def test_a_restarted_simulator_honours_its_tokens(tmp_path):
    with Simulator(clock=lambda: NOW, data_dir=tmp_path) as sim:
        client = Client(sim)
        port = urlsplit(sim.base_url).port
    (kept,) = tmp_path.iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    with Simulator(clock=lambda: NOW, data_dir=tmp_path, port=port):
        assert client.code("business/get/") == 0
        assert client.refresh(client_secret="wrong")["code"] == 40101
        assert client.refresh()["code"] == 0


# Limits.


class Timer:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def limited(sim: Simulator, **limits: int) -> Timer:
    sim.limits = Limits(**limits)
    sim.limits.timer = timer = Timer()
    return timer


def test_40_requests_a_minute_per_account_and_endpoint(sim, client):
    timer = limited(sim, per_endpoint=40)
    other = Client(sim, 1)
    assert {client.code("business/get/") for _ in range(40)} == {0}
    response = client.get("business/get/")
    assert (response.status_code, response.json()["code"]) == (200, 40100)
    assert response.json()["message"] == "Too many requests. Please retry in some time."
    assert client.code("business/video/list/") == 0
    assert other.code("business/get/") == 0
    assert sim.limits.refused == 1
    timer.now += 60
    assert client.code("business/get/") == 0


def test_refused_requests_count_too(sim, client):
    timer = limited(sim, per_endpoint=2)
    assert [client.code("business/get/") for _ in range(3)] == [0, 0, 40100]
    timer.now += 59
    assert [client.code("business/get/") for _ in range(2)] == [40100, 40100]
    timer.now += 2  # the first three are gone, the two refused ones are not
    assert client.code("business/get/") == 40100


def test_the_app_has_limits_of_its_own(sim):
    first, second = Client(sim, 0), Client(sim, 1)
    timer = limited(sim, per_app=3, per_second=2)
    assert [first.code("business/get/"), second.code("business/get/")] == [0, 0]
    assert second.get("business/get/").json()["message"] == "App reaches the QPS limit."
    timer.now += 1
    answer = first.refresh()
    assert answer["code"] == 40100
    assert answer["message"] == "Too many requests by this developer. Please retry in some time."


# Calls and faults.


def test_calls_are_recorded(sim, client):
    sim.calls.clear()
    client.get("business/get/", token="wrong")
    client.get("business/video/list/", max_count=3)
    assert [(call.path, call.code) for call in sim.calls] == [("business/get/", 40105), ("business/video/list/", 0)]
    assert sim.calls.count("video/list") == sim.calls.count("business/video/list/") == 1
    call = sim.calls.to("video/list")[0]
    assert (call.params["max_count"], call.business_id, call.account) == ("3", client.business_id, 0)


def test_a_fault_befalls_the_calls_it_names(sim, client):
    other = Client(sim, 1)
    fault = sim.faults.add(
        Fault(faults.refuse(50000, "System error"), path="business/get/", account=0, after=1, every=2, times=2)
    )
    assert [client.code("business/get/") for _ in range(8)] == [0, 0, 50000, 0, 50000, 0, 0, 0]
    assert fault.struck == 2
    sim.faults.clear()
    sim.faults.add(Fault(faults.refuse(51010, "timeout"), when=lambda params: params.get("max_count") == "3", nth=2))
    assert [other.code("business/video/list/", max_count=3) for _ in range(3)] == [0, 51010, 0]
    assert other.code("business/video/list/", max_count=4) == 0


def test_answers_that_are_no_envelope(sim, client):
    for effect, status, kind in (
        (faults.http_status(503, "no backend", {"Retry-After": "7"}), 503, "text/plain"),
        (faults.html(), 200, "text/html"),
        (faults.invalid_json(), 200, "application/json"),
    ):
        sim.faults.add(Fault(effect, times=1))
        response = client.get("business/get/")
        assert response.status_code == status
        assert response.headers["content-type"].startswith(kind)
        with pytest.raises(ValueError, match="Expecting"):
            response.json()


def test_broken_connections(sim, client):
    sim.faults.add(Fault(faults.reset(), nth=1))
    sim.faults.add(Fault(faults.truncated(), nth=2))
    with pytest.raises(requests.ConnectionError, match="reset"):
        client.get("business/get/")
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError), match="IncompleteRead"):
        client.get("business/get/")
    assert client.code("business/get/") == 0


def test_a_delay_delays_its_call_only(sim, client):
    sim.faults.add(Fault(faults.delay(30), times=1))
    with pytest.raises(requests.Timeout):
        requests.get(f"{sim.api_url}/business/get/", params={"business_id": "x"}, timeout=0.2)
    assert client.code("business/get/") == 0


def test_pages_that_go_wrong(sim, client):
    def second_page(effect: faults.Effect) -> tuple[dict, dict]:
        sim.faults.clear()
        sim.faults.add(Fault(effect, path="video/list", nth=2))
        first = client.data("business/video/list/", max_count=2)
        return first, client.data("business/video/list/", max_count=2, cursor=first["cursor"])

    first, second = second_page(faults.repeat_page())
    assert second == first
    first, second = second_page(faults.cursor_stands_still())
    assert (second["cursor"], second["has_more"]) == (first["cursor"], True)
    assert second["videos"] != first["videos"]
    assert second_page(faults.has_more_without_list())[1].keys() == {"cursor", "has_more"}
    assert second_page(faults.list_without_has_more())[1].keys() == {"cursor", "videos"}
    assert second_page(faults.empty_page())[1]["videos"] == []
    assert second_page(faults.change(lambda data: data | {"cursor": 5}))[1]["cursor"] == 5


def test_metrics_can_be_missing_as_a_whole(sim, client):
    sim.faults.add(Fault(faults.without_metrics()))
    assert client.data("business/get/", fields=["username", "likes"]).keys() == {"username"}


def test_business_fields_can_be_refused_to_personal_accounts(sim):
    sim.faults.add(Fault(faults.refuse_business_fields()))
    business, personal = Client(sim, 0), Client(sim, 2)
    for path, fields in (
        ("business/get/", ["likes", "engaged_audience"]),
        ("business/video/list/", ["item_id", "profile_views"]),
    ):
        assert business.code(path, fields=fields) == 0
        assert personal.code(path, fields=fields) == 40001
        assert personal.code(path, fields=fields[:1]) == 0


def test_a_revoked_token_can_be_refreshed(sim, client):
    sim.faults.add(Fault(faults.revoke_token(), times=1))
    assert client.code("business/get/") == 40105
    renewed = client.refresh()["data"]["access_token"]
    assert client.code("business/get/", token=renewed) == 0


def test_a_lost_answer_has_rotated_the_refresh_token(sim, client):
    sim.faults.add(Fault(faults.lose_answer(), path="oauth2/refresh_token/", times=1))
    with pytest.raises(requests.ConnectionError):
        client.refresh()
    assert client.refresh()["code"] == 40107


def test_texts_with_lone_surrogates_and_nul_arrive_as_they_are(sim, client):
    sim.world.changes.patch_video(sim.world.posts(0, NOW)[0].item_id, caption="a\ud800b\x00c")
    video = client.data("business/video/list/", fields=["item_id", "caption"])["videos"][0]
    assert video["caption"] == "a\ud800b\x00c"


# The server itself.


def test_many_threads_are_answered_alike(sim):
    client = Client(sim, 1)
    truth = client.data("business/video/list/", fields=list(VIDEO), max_count=20)
    seen: list[bool] = []
    threads = [
        threading.Thread(
            target=lambda: seen.append(client.data("business/video/list/", fields=list(VIDEO), max_count=20) == truth)
        )
        for _ in range(15)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 15


def test_two_simulators_run_side_by_side_and_a_taken_port_is_named():
    with Simulator(World(1)) as one, Simulator(World(2)) as two:
        assert one.base_url != two.base_url
        port = urlsplit(one.base_url).port
        with pytest.raises(ConfigurationError, match=str(port)):
            Simulator(port=port or 0).start()


def test_the_command_prints_its_address_first_and_ends_on_sigterm(tmp_path):
    program = (
        "from pathlib import Path\n"
        "from tiktok_organic_dagster.simulator import run\n"
        f"run(accounts=2, data_dir=Path({str(tmp_path)!r}))\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TIKTOK_")}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            address = line.split()[-1]
            assert line.startswith("TikTok simulator on http://127.0.0.1:")
            assert requests.get(f"{address}/open_api/v1.3/business/get/", timeout=10).json()["code"] == 40002
        finally:
            process.terminate()
        assert process.wait(10) == 0
