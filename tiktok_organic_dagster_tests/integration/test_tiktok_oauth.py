"""OAuth calls on the wire, against a fake server, and what is made of their answers."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from tiktok_organic_dagster.errors import ConfigurationError
from tiktok_organic_dagster.tiktok import OAuthClient, RefusedError, TransientError
from tiktok_organic_dagster.tiktok.oauth import REFRESH_TOKEN, REVOKE, TOKEN, TOKEN_INFO
from tiktok_organic_dagster_tests.integration.test_tiktok_fake_api import (
    START,
    Clock,
    FakeApi,
    client_of,
    ok,
    open_state,
    refused,
)

PAIR = {
    "access_token": "act.1",
    "refresh_token": "rft.1",
    "expires_in": 86400,
    "refresh_token_expires_in": "31536000",
    "scope": "video.list, user.insights",
    "open_id": "-000abc",
}


@pytest.fixture
def api():
    with FakeApi() as started:
        yield started


@pytest.fixture
def engine(tmp_path):
    opened = open_state(tmp_path)
    yield opened
    opened.dispose()


def oauth_of(api, engine, **changes):
    options = {"client_id": "cid", "client_secret": "hidden", "authorize_url": "https://t/authorize/?lang=en"} | changes
    return OAuthClient(client_of(api.url, engine, Clock()), **options)


def test_the_authorize_url_carries_all_that_tiktok_wants(api, engine):
    url = oauth_of(api, engine).authorize_url("https://me.example/back/", "st&te", ["a.b", "c.d"])
    assert parse_qs(urlsplit(url).query) == {
        "lang": ["en"],
        "client_key": ["cid"],
        "scope": ["a.b,c.d"],
        "response_type": ["code"],
        "redirect_uri": ["https://me.example/back/"],
        "state": ["st&te"],
    }
    assert url.startswith("https://t/authorize/?")


def test_a_code_is_exchanged_for_tokens(api, engine):
    api.on(TOKEN, ok(**PAIR))
    grant = oauth_of(api, engine).exchange_code("co*de!1", "https://me.example/back/")
    assert api.seen[0].method == "POST"
    assert api.seen[0].body == {
        "client_id": "cid",
        "client_secret": "hidden",
        "grant_type": "authorization_code",
        "auth_code": "co*de!1",
        "redirect_uri": "https://me.example/back/",
    }
    assert (grant.business_id, grant.scopes) == ("-000abc", ("video.list", "user.insights"))
    assert grant.expires_at == START + timedelta(days=1)
    assert grant.refresh_expires_at == START + timedelta(days=365)
    assert "act.1" not in repr(grant)
    assert "rft.1" not in repr(grant)


@pytest.mark.parametrize("missing", ["access_token", "refresh_token", "open_id"])
def test_a_grant_that_lacks_what_it_takes_is_no_grant(api, engine, missing):
    api.on(TOKEN, ok(**PAIR | {missing: ""}))
    with pytest.raises(TransientError, match="without"):
        oauth_of(api, engine).exchange_code("code", "https://me.example/back/")


def test_a_refresh_sends_no_redirect_uri(api, engine):
    api.on(REFRESH_TOKEN, ok(**PAIR))
    oauth_of(api, engine).refresh("rft.0", "-000abc")
    assert set(api.seen[0].body) == {"client_id", "client_secret", "grant_type", "refresh_token"}


def test_token_info_needs_no_secret(api, engine):
    api.on(TOKEN_INFO, ok(app_id="cid", creator_id="-000abc", scope="video.list,user.insights"))
    found = oauth_of(api, engine, client_secret=None).token_info("act.1")
    assert found == ("-000abc", ("video.list", "user.insights"))
    assert api.seen[0].body == {"app_id": "cid", "access_token": "act.1"}


def test_revoking_sends_the_token(api, engine):
    api.on(REVOKE, ok())
    oauth_of(api, engine).revoke("act.1")
    assert api.seen[0].body == {"client_id": "cid", "client_secret": "hidden", "access_token": "act.1"}


@pytest.mark.parametrize(
    ("changes", "variable"),
    [({"client_id": None}, "TIKTOK_CLIENT_ID"), ({"client_secret": ""}, "TIKTOK_CLIENT_SECRET")],
)
def test_what_is_not_configured_is_named(api, engine, changes, variable):
    with pytest.raises(ConfigurationError, match=variable):
        oauth_of(api, engine, **changes).refresh("rft.0")
    assert api.seen == []


def test_secrets_echoed_by_tiktok_do_not_show(api, engine):
    api.on(TOKEN, refused(40101, "client_secret hidden is wrong for code SplxlOBe"))
    with pytest.raises(RefusedError, match="TIKTOK_CLIENT_SECRET") as caught:
        oauth_of(api, engine).exchange_code("SplxlOBe", "https://me.example/back/")
    assert "hidden is" not in str(caught.value)
    assert "SplxlOBe" not in str(caught.value)
    assert "hidden" not in repr(oauth_of(api, engine))


def test_a_client_id_that_is_not_configured_is_named_before_the_granted_scopes_are_read(api, engine):
    with pytest.raises(ConfigurationError, match="TIKTOK_CLIENT_ID is not set"):
        oauth_of(api, engine, client_id=None).token_info("act.1")
    assert api.seen == []


@pytest.mark.parametrize("seconds", [None, True, "soon", [], 10**400])
def test_a_life_that_cannot_be_read_is_unknown(api, engine, seconds):
    api.on(TOKEN, ok(**PAIR | {"expires_in": seconds, "refresh_token_expires_in": seconds}))
    grant = oauth_of(api, engine).exchange_code("code", "https://me.example/back/")
    assert (grant.expires_at, grant.refresh_expires_at) == (None, None)
