"""One account at a simulated TikTok, as a program without the project would read it."""

import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import requests

from tiktok_organic_dagster.simulator import Simulator
from tiktok_organic_dagster.simulator.api_fields import SCOPES

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


def monster_of(sim: Simulator, account: int = 0) -> str:
    return max(sim.world.posts(account, NOW), key=lambda post: post.comments).item_id
