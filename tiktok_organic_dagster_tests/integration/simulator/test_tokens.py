"""The simulator's consent page and token calls answer as TikTok's documents say."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import requests

from tiktok_organic_dagster.simulator import Simulator
from tiktok_organic_dagster.simulator.api_fields import SCOPES
from tiktok_organic_dagster_tests.integration.simulator.client import NOW, REDIRECT, Client, consent


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
