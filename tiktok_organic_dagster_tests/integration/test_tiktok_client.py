"""The client against a real HTTP server: what goes over the wire, retries, throttles, tokens, deadlines, paging."""

import gzip
import json
import threading
import time
from datetime import UTC, date, datetime

import pytest

from tiktok_organic_dagster.tiktok import (
    PagingError,
    ReauthorizationError,
    RefusedError,
    ThrottledError,
    TransientError,
)
from tiktok_organic_dagster.tiktok.client import BUSINESS_GET, COMMENT_LIST, MAX_ATTEMPTS, VIDEO_LIST
from tiktok_organic_dagster_tests.integration.test_tiktok_fake_api import (
    Clock,
    FakeApi,
    Route,
    Tokens,
    client_of,
    ok,
    open_state,
    refused,
)

BUSINESS_ID = "-000yp9tW9Mi/s+g=&x"
METRICS = {"metrics": [{"date": "2026-11-22", "likes": 1}]}


@pytest.fixture
def api():
    with FakeApi() as started:
        yield started


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def tokens():
    return Tokens()


@pytest.fixture
def engine(tmp_path):
    opened = open_state(tmp_path)
    yield opened
    opened.dispose()


@pytest.fixture
def reader(api, clock, tokens, engine):
    return client_of(api.url, engine, clock).reader(BUSINESS_ID, "cid", tokens)


def video(number, created):
    return {"item_id": str(number), "create_time": str(int(created.timestamp()))}


# On the wire.


def test_a_profile_is_one_get_with_the_bare_token_and_compact_json(api, reader):
    api.on(BUSINESS_GET, ok(username="x", followers_count=2**60 + 1))
    assert reader.profile(["username", "followers_count"]) == {"username": "x", "followers_count": 2**60 + 1}
    (seen,) = api.seen
    assert (seen.method, seen.path) == ("GET", "/open_api/v1.3/business/get/")
    assert seen.query == {"business_id": BUSINESS_ID, "fields": '["username","followers_count"]'}
    assert seen.headers["Access-Token"] == "act.token1"
    assert seen.headers["User-Agent"].startswith("tiktok-organic-dagster/")
    assert "Authorization" not in seen.headers
    assert "/" not in seen.raw_query.split("fields")[0]


def test_daily_metrics_name_both_days(api, reader):
    api.on(BUSINESS_GET, ok(**METRICS))
    assert reader.daily_metrics(["likes"], date(2026, 11, 1), date(2026, 11, 22)) == METRICS
    assert api.seen[0].query["start_date"] == "2026-11-01"
    assert api.seen[0].query["end_date"] == "2026-11-22"


def test_videos_are_asked_with_their_key_and_the_largest_page(api, reader):
    api.on(VIDEO_LIST, ok(videos=[], has_more=False, cursor=0))
    list(reader.video_pages(["likes", "item_id"], None))
    assert json.loads(api.seen[0].query["fields"]) == ["likes", "item_id", "create_time"]
    assert api.seen[0].query["max_count"] == "20"
    assert "cursor" not in api.seen[0].query


def test_comments_are_asked_for_in_full_newest_first_without_replies(api, reader):
    api.on(COMMENT_LIST, ok(comments=[], has_more=False, cursor=0))
    list(reader.comment_pages("7109065174526479622"))
    assert api.seen[0].query == {
        "business_id": BUSINESS_ID,
        "video_id": "7109065174526479622",
        "status": "ALL",
        "sort_field": "create_time",
        "sort_order": "desc",
        "max_count": "30",
        "include_replies": "false",
    }


def test_a_netrc_of_the_user_is_never_sent(api, reader, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hidden\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    api.on(BUSINESS_GET, ok(username="x"))
    reader.profile(["username"])
    assert "Authorization" not in api.seen[0].headers


def test_redirects_are_not_followed(api, reader):
    api.on(BUSINESS_GET, Route(status=302, body=b"", headers={"Location": f"{api.url}/elsewhere/"}))
    with pytest.raises(RefusedError, match="TIKTOK_API_URL"):
        reader.profile(["username"])
    assert not api.to("elsewhere/")


def test_compressed_answers_are_read(api, reader):
    packed = gzip.compress(json.dumps(ok(username="x")).encode())
    api.on(BUSINESS_GET, Route(body=packed, headers={"Content-Encoding": "gzip"}))
    assert reader.profile(["username"]) == {"username": "x"}


def test_a_server_that_drips_is_given_up_at_the_timeout(api, clock, tokens, engine):
    api.on(BUSINESS_GET, Route(ok(username="x"), drip_s=0.05), ok(username="x"))
    reader = client_of(api.url, engine, clock, timeout_s=0.4).reader("b", "cid", tokens)
    begun = time.monotonic()
    assert reader.profile(["username"]) == {"username": "x"}
    assert time.monotonic() - begun < 3
    assert reader.stats.retries == 1


# Retries.


@pytest.mark.parametrize(
    "trouble",
    [
        refused(50000),
        refused(51010),
        Route(status=502, body=b"bad gateway"),
        Route(body=b"<html>busy</html>"),
        Route(body=b'{"code":0,"data":'),
        Route(close=True),
        Route(body=b'{"code":0', headers={"Content-Length": "500", "Connection": "close"}),
        ok(),
    ],
)
def test_transient_trouble_is_retried(api, reader, trouble):
    api.on(BUSINESS_GET, trouble, trouble, ok(username="x"))
    assert reader.profile(["username"]) == {"username": "x"}
    assert reader.stats.retries == 2
    assert reader.stats.calls[BUSINESS_GET] == 3


def test_delays_double_from_the_first_up_to_a_minute_and_then_the_error_is_raised(api, clock, reader):
    api.on(BUSINESS_GET, refused(50000, "System error"))
    with pytest.raises(TransientError, match="System error") as caught:
        reader.profile(["username"])
    assert caught.value.code == 50000
    assert len(api.seen) == MAX_ATTEMPTS
    assert [seconds for seconds in clock.slept if seconds >= 1] == [1, 2, 4, 8, 16, 32, 60]


def test_jitter_only_lengthens_delays(api, clock, engine, tokens):
    api.on(BUSINESS_GET, refused(50000), refused(50000), ok(username="x"))
    client_of(api.url, engine, clock, random=lambda: 1.0).reader("b", "cid", tokens).profile(["username"])
    assert clock.slept == [1.25, 2.5]


def test_refusals_are_not_repeated(api, reader):
    api.on(BUSINESS_GET, refused(40130, "Scope not authorized"))
    with pytest.raises(RefusedError) as caught:
        reader.profile(["username"])
    assert caught.value.code == 40130
    assert len(api.seen) == 1


def test_metrics_without_their_list_are_asked_for_again_and_then_fail(api, reader):
    api.on(BUSINESS_GET, ok(username="x"), ok(**METRICS))
    assert reader.daily_metrics(["likes"], date(2026, 11, 22), date(2026, 11, 22)) == METRICS
    api.on(BUSINESS_GET, ok(username="x"))
    with pytest.raises(TransientError, match="metrics"):
        reader.daily_metrics(["likes"], date(2026, 11, 22), date(2026, 11, 22))


def test_an_empty_list_of_metrics_is_an_answer(api, reader):
    api.on(BUSINESS_GET, ok(metrics=[]))
    assert reader.daily_metrics(["likes"], date(2026, 11, 22), date(2026, 11, 22)) == {"metrics": []}


def test_an_unreachable_server_is_named_without_its_address(clock, tokens, engine):
    reader = client_of("http://127.0.0.1:9", engine, clock).reader("b", "cid", tokens)
    with pytest.raises(TransientError) as caught:
        reader.profile(["username"])
    assert "127.0.0.1" not in str(caught.value)


# Throttles.


@pytest.mark.parametrize("code", [40100, 40132, 40133, 61000, 40016])
def test_a_throttle_pauses_and_is_no_attempt(api, reader, code):
    api.on(BUSINESS_GET, *[refused(code, "Too many requests")] * 3, ok(username="x"))
    assert reader.profile(["username"]) == {"username": "x"}
    assert reader.stats.pauses == 3
    assert reader.stats.retries == 0
    assert reader.stats.waited_s == pytest.approx(900)


def test_http_429_is_a_throttle(api, reader):
    api.on(BUSINESS_GET, Route(status=429, body=b"slow down"), ok(username="x"))
    reader.profile(["username"])
    assert reader.stats.waited_s == pytest.approx(300)


def test_a_qps_throttle_waits_a_second(api, reader):
    api.on(BUSINESS_GET, refused(40100, "App reaches the QPS limit."), ok(username="x"))
    reader.profile(["username"])
    assert reader.stats.waited_s == pytest.approx(1)


def test_still_throttled_after_five_pauses_fails_with_the_time_to_resume(api, clock, reader):
    api.on(BUSINESS_GET, refused(40100, "Too many requests"))
    with pytest.raises(ThrottledError, match="resume") as caught:
        reader.profile(["username"])
    assert len(api.seen) == 6
    assert caught.value.resume_at.timestamp() == pytest.approx(clock.now + 300, abs=1)
    with pytest.raises(ThrottledError):
        reader.profile(["username"])
    assert len(api.seen) == 6


def test_a_throttle_in_the_middle_never_ends_a_list(api, reader):
    api.on(
        VIDEO_LIST,
        ok(videos=[{"item_id": "1"}], has_more=True, cursor=9),
        refused(40100, "Too many requests"),
        ok(videos=[{"item_id": "2"}], has_more=False, cursor=0),
    )
    assert [page.videos for page in reader.video_pages([], None)] == [[{"item_id": "1"}], [{"item_id": "2"}]]


def test_when_a_pause_ends_one_caller_probes_and_the_rest_wait_for_it(api, clock, engine, tokens):
    api.on(BUSINESS_GET, refused(40100, "Too many requests"), refused(40100, "Too many requests"), ok(username="x"))
    client = client_of(api.url, engine, clock)
    with pytest.raises(StoppedError):
        client.reader("b", "cid", OneToken()).profile(["username"])
    threads = [
        threading.Thread(target=client.reader("b", "cid", tokens).profile, args=(["username"],)) for _ in "12345"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(api.seen) == 1 + 1 + 5  # the first, one probe that failed, then everyone


class StoppedError(Exception):
    pass


class OneToken(Tokens):
    """Lets one call go and stops at the next, so that a test starts from a paused scope."""

    def access_token(self):
        if self.number > 1:
            raise StoppedError
        self.number += 1
        return "act.only"


# Tokens.


@pytest.mark.parametrize("code", [40102, 40105, 40131])
def test_a_refused_token_is_renewed_and_the_call_repeated_once(api, reader, tokens, code):
    api.on(BUSINESS_GET, refused(code), ok(username="x"))
    assert reader.profile(["username"]) == {"username": "x"}
    assert tokens.refusals == ["act.token1"]
    assert [each.headers["Access-Token"] for each in api.seen] == ["act.token1", "act.token2"]


def test_a_token_refused_again_asks_for_a_new_consent(api, reader, tokens):
    api.on(BUSINESS_GET, refused(40105, "Access token is incorrect or has been revoked."))
    with pytest.raises(ReauthorizationError, match="tiktok-organic connect"):
        reader.profile(["username"])
    assert len(api.seen) == 2
    assert len(tokens.refusals) == 1


def test_a_token_is_renewed_once_in_all_attempts_of_a_call(api, reader):
    api.on(BUSINESS_GET, refused(40105), refused(50000), refused(40105))
    with pytest.raises(ReauthorizationError):
        reader.profile(["username"])
    assert len(api.seen) == 3


def test_a_token_echoed_by_tiktok_does_not_show(api, reader):
    api.on(BUSINESS_GET, refused(40001, "the token act.token1 may not"))
    with pytest.raises(RefusedError) as caught:
        reader.profile(["username"])
    assert "token1" not in str(caught.value) + repr(caught.value)


# Lists.

WINDOW = datetime(2025, 11, 23, tzinfo=UTC)


def test_posts_older_than_asked_are_left_out_and_end_the_list(api, reader):
    new, old = datetime(2026, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)
    old_ms = int(old.timestamp() * 1000)
    api.on(
        VIDEO_LIST,
        ok(videos=[video(1, old), video(2, new)], has_more=True, cursor=int(new.timestamp() * 1000)),
        ok(videos=[video(3, old)], has_more=True, cursor=old_ms),
    )
    pages = list(reader.video_pages(["item_id"], WINDOW))
    assert [[each["item_id"] for each in page.videos] for page in pages] == [["2"], []]
    assert len(api.seen) == 2


def test_every_post_is_read_without_a_window(api, reader):
    old = datetime(2020, 1, 1, tzinfo=UTC)
    pages = [ok(videos=[video(number, old)], has_more=number < 3, cursor=100 - number) for number in range(4)]
    api.on(VIDEO_LIST, *pages)
    assert sum(len(page.videos) for page in reader.video_pages(["item_id"], None)) == 4
    assert [each.query.get("cursor") for each in api.seen] == [None, "100", "99", "98"]
    assert reader.stats.pages == 4


@pytest.mark.parametrize(
    "page", [ok(has_more=False), ok(videos=[]), ok(videos=[], has_more=None), ok(videos=[], has_more=True)]
)
def test_malformed_pages_are_asked_for_again(api, reader, page):
    api.on(VIDEO_LIST, page, ok(videos=[{"item_id": "1"}], has_more=False))
    assert len(next(reader.video_pages([], None)).videos) == 1
    assert reader.stats.retries == 1


def test_a_list_that_is_missing_every_time_fails_rather_than_ends(api, reader):
    api.on(VIDEO_LIST, ok(videos=[{"item_id": "1"}], has_more=True, cursor=5), ok(has_more=False))
    with pytest.raises(TransientError, match="videos"):
        list(reader.video_pages([], None))


def test_a_cursor_that_stands_still_is_an_error(api, reader):
    api.on(VIDEO_LIST, ok(videos=[{"item_id": "1"}], has_more=True, cursor=5))
    with pytest.raises(PagingError):
        list(reader.video_pages([], None))
    assert len(api.seen) == 2


def test_comment_pages_not_pulled_are_not_fetched(api, reader):
    api.on(
        COMMENT_LIST,
        ok(comments=[{"comment_id": "1"}], has_more=True, cursor=1),
        ok(comments=[{"comment_id": "1"}, {"comment_id": "2"}], has_more=True, cursor=3),
    )
    pages = reader.comment_pages("7")
    assert next(pages).comments == [{"comment_id": "1"}]
    second = next(pages)
    assert (second.comments, second.repeated, second.number) == ([{"comment_id": "2"}], 1, 2)
    assert len(api.seen) == 2
    assert api.seen[1].query["cursor"] == "1"
