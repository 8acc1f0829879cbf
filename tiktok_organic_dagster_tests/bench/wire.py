"""A server that answers with pages made beforehand, so that what a loader takes is the loader's own.

Run it as `python -m tiktok_organic_dagster_tests.bench.wire --videos 10000`: it prints its address once it listens, and
serves until its standard input is closed.
"""

import argparse
import asyncio
import json
import random
import sys
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs

import uvicorn

from tiktok_organic_dagster.simulator.transport import listen

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]

PREFIX = "/open_api/v1.3/"
VIDEOS_A_PAGE = 20
COMMENTS_A_PAGE = 30
NEWEST = 1_790_000_000
HOUR_S = 3600
ROWS_A_VIDEO = {
    "impression_sources": 7,
    "engagement_likes": 22,
    "video_view_retention": 22,
    "audience_types": 4,
    "audience_countries": 11,
    "audience_cities": 10,
    "audience_genders": 3,
}
"""Rows of each breakdown of a post: 79 in all."""

_NAMES = {
    "impression_sources": ("impression_source", ["For You", "Follow", "Personal Profile", "Search", "Sound", "Others",
                                                 "Hashtag"]),
    "engagement_likes": ("second", [str(second) for second in range(22)]),
    "video_view_retention": ("second", [str(second) for second in range(22)]),
    "audience_types": ("type", ["NEW_VIEWER", "RETURN_VIEWER", "FOLLOWER_PERCENT", "NON_FOLLOWER_PERCENT"]),
    "audience_countries": ("country", ["US", "GB", "DE", "FR", "JP", "BR", "MX", "IN", "ID", "VN", "Others"]),
    "audience_cities": ("city_name", ["New York", "London", "Berlin", "Paris", "Tokyo", "São Paulo", "México", "Delhi",
                                      "Jakarta", "Hà Nội"]),
    "audience_genders": ("gender", ["Female", "Male", "Other"]),
}  # fmt: skip
_COUNTERS = ("video_views", "likes", "comments", "shares", "favorites", "reach", "new_followers", "profile_views")
_CLICKS = ("website_clicks", "phone_number_clicks", "lead_submissions", "app_download_clicks")


def post(number: int) -> dict[str, Any]:
    """The post of that number, 0 the newest, with every field that the tables ask for."""
    draw = random.Random(number)  # noqa: S311 -- nothing secret
    item_id = str(7_300_000_000_000_000_000 - number)
    shown: dict[str, Any] = {
        "item_id": item_id,
        "create_time": str(NEWEST - number * HOUR_S),
        "thumbnail_url": f"https://p16.tiktokcdn.invalid/tos-maliva-p-0068/{item_id}~tplv-noop.image?x-expires=1",
        "share_url": f"https://www.tiktok.com/@bench/video/{item_id}?utm_campaign=tt4d_open_api",
        "embed_url": f"https://www.tiktok.com/player/v1/{item_id}?music_info=1&description=1",
        "caption": f"A caption of post {number} that is about as long as captions are #bench #number{number % 97}",
        "video_duration": 21.4,
        "total_time_watched": draw.random() * 1e5,
        "average_time_watched": draw.random() * 20,
        "full_video_watched_rate": draw.random(),
    }
    shown |= {name: draw.randrange(100_000) for name in (*_COUNTERS, *_CLICKS)}
    for name, (key, values) in _NAMES.items():
        shown[name] = [{key: value, "percentage": round(draw.random(), 4)} for value in values]
    return shown


def comment(number: int, video_id: str) -> dict[str, Any]:
    """The comment of that number, 0 the newest."""
    comment_id = str(7_400_000_000_000_000_000 - number)
    return {
        "comment_id": comment_id,
        "video_id": video_id,
        "user_id": str(6_800_000_000_000_000_000 + number),
        "unique_identifier": f"identifier-of-{number}",
        "username": f"viewer{number}",
        "display_name": f"Viewer {number}",
        "profile_image": f"https://p16.tiktokcdn.invalid/avatar/{number}.jpeg",
        "text": f"What comment {number} says, in some words, as people do",
        "create_time": str(NEWEST - number),
        "likes": number % 50,
        "replies": 0,
        "owner": False,
        "liked": False,
        "pinned": False,
        "status": "PUBLIC",
        "parent_comment_id": None,
    }


def video_page(start: int, count: int, counter: int | None = None) -> bytes:
    """The page that begins with a post; `counter` is what each post says of its comments."""
    end = min(start + VIDEOS_A_PAGE, count)
    posts = [post(number) for number in range(start, end)]
    if counter is not None:
        posts = [{**each, "comments": counter} for each in posts]
    return _answer({"videos": posts, "cursor": (NEWEST - (end - 1) * HOUR_S) * 1000, "has_more": end < count})


def comment_page(start: int, count: int, video_id: str) -> bytes:
    """The page that begins with a comment."""
    end = min(start + COMMENTS_A_PAGE, count)
    comments = [comment(number, video_id) for number in range(start, end)]
    return _answer({"comments": comments, "cursor": end, "has_more": end < count})


def profile(business_id: str) -> bytes:
    """The account as it is now, called by its id."""
    counts = dict.fromkeys(("followers_count", "following_count", "total_likes", "videos_count"), 1000)
    return _answer({"username": business_id, "display_name": "Bench", "is_business_account": True, **counts})


def metrics(first: date, last: date) -> bytes:
    """The days of an account, each with its 24 hours."""
    names = ("video_views", "likes", "comments", "shares", "profile_views", "followers_count", "unique_video_views")
    hours = [{"hour": str(hour), "count": 10 + hour} for hour in range(24)]
    days = [
        {"date": str(first + timedelta(days=number)), "audience_activity": hours, **dict.fromkeys(names, 100 + number)}
        for number in range((last - first).days + 1)
    ]
    return _answer({"profile_image": "https://p16.tiktokcdn.invalid/bench.jpeg", "metrics": days})


def _answer(data: dict[str, Any]) -> bytes:
    return json.dumps({"code": 0, "message": "OK", "request_id": "bench", "data": data}, separators=(",", ":")).encode()


class Pages:
    """An ASGI application that gives the same pages to every account.

    Args:
        videos: How many posts it has.
        comments: How many comments each of them has.
    """

    def __init__(self, videos: int, comments: int) -> None:
        self._comments = comments
        cursors = [0, *((NEWEST - (end - 1) * HOUR_S) * 1000 for end in range(VIDEOS_A_PAGE, videos, VIDEOS_A_PAGE))]
        self._videos = {
            str(cursor): video_page(number * VIDEOS_A_PAGE, videos, comments) for number, cursor in enumerate(cursors)
        }

    async def __call__(self, scope: Message, _receive: Receive, send: Send) -> None:
        body = self._body(scope)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _body(self, scope: Message) -> bytes:
        query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
        cursor = query.get("cursor", "0")
        match scope["path"].removeprefix(PREFIX).strip("/"):
            case "business/video/list":
                return self._videos[cursor]
            case "business/comment/list":
                return comment_page(int(cursor), self._comments, query["video_id"])
            case "business/get":
                return _of_account(query)
            case path:
                raise ValueError(f"no page for {path}")


def _of_account(query: Mapping[str, str]) -> bytes:
    if "start_date" in query:
        return metrics(date.fromisoformat(query["start_date"]), date.fromisoformat(query["end_date"]))
    return profile(query["business_id"])


def main() -> None:
    """Serve until standard input is closed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--videos", type=int, required=True)
    parser.add_argument("--comments", type=int, default=0)
    arguments = parser.parse_args()
    pages = Pages(arguments.videos, arguments.comments)
    config = uvicorn.Config(pages, log_level="warning", lifespan="off", interface="asgi3", access_log=False)  # pyright: ignore[reportArgumentType]
    server = uvicorn.Server(config)
    listening = listen(0)

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        loop.run_in_executor(None, _until_input_ends, server)
        print(f"http://127.0.0.1:{listening.getsockname()[1]}{PREFIX.rstrip('/')}", flush=True)
        await server.serve(sockets=[listening])

    asyncio.run(serve())


def _until_input_ends(server: uvicorn.Server) -> None:
    sys.stdin.read()
    server.should_exit = True


if __name__ == "__main__":
    main()
