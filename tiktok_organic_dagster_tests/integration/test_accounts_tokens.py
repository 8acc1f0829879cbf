"""Access tokens kept fresh: refreshed in time, once for all threads and stores, stored before use."""

import threading
import time
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet

from tiktok_organic_dagster.accounts.store import AccountStore
from tiktok_organic_dagster.accounts.tokens import FixedToken, Pair, is_due
from tiktok_organic_dagster.accounts.vault import vault_of_setting
from tiktok_organic_dagster.errors import ConfigurationError, UnknownAccountError
from tiktok_organic_dagster.tiktok import OAuthClient, ReauthorizationError, TokenGrant, TransientError, lease
from tiktok_organic_dagster.tiktok.client import BUSINESS_GET
from tiktok_organic_dagster.tiktok.errors import Fault, Remedy
from tiktok_organic_dagster.tiktok.oauth import REFRESH_TOKEN
from tiktok_organic_dagster_tests.integration.test_tiktok_fake_api import (
    Clock,
    FakeApi,
    client_of,
    ok,
    open_state,
    refused,
)

BUSINESS_ID = "-000abc"


def pair_of(number, **changes):
    return ok(
        **{
            "access_token": f"act.{number}",
            "refresh_token": f"rft.{number}",
            "expires_in": 86400,
            "refresh_token_expires_in": 31_000_000,
            "scope": "video.list,user.info.basic",
            "open_id": BUSINESS_ID,
        }
        | changes
    )


@pytest.fixture
def api():
    with FakeApi() as started:
        yield started


class House:
    """A store, a client and an account that was connected just now."""

    def __init__(self, api, tmp_path):
        self.clock = Clock()
        self.engine = open_state(tmp_path)
        self.client = client_of(api.url, self.engine, self.clock)
        self.key = Fernet.generate_key().decode()
        self.store = self.another_store()
        grant = TokenGrant(
            "act.0",
            "rft.0",
            BUSINESS_ID,
            ("video.list",),
            self.clock() + timedelta(days=1),
            self.clock() + timedelta(days=365),
        )
        self.store.save(grant, "anna", "cid", api.url)

    def another_store(self):
        return AccountStore(self.engine, vault_of_setting(self.key), self.clock, self.clock.sleep)

    def oauth(self, secret="hidden"):  # noqa: S107 -- a stand-in
        return OAuthClient(self.client, client_id="cid", client_secret=secret, authorize_url="https://t/")

    def tokens(self, store=None):
        return (store or self.store).tokens(BUSINESS_ID, self.oauth())

    def pass_time(self, **span):
        self.clock.now += timedelta(**span).total_seconds()


@pytest.fixture
def house(api, tmp_path):
    built = House(api, tmp_path)
    yield built
    built.engine.dispose()


def test_a_fresh_token_costs_no_call(api, house):
    tokens = house.tokens()
    assert [tokens.access_token() for _ in range(3)] == ["act.0"] * 3
    assert api.seen == []


@pytest.mark.parametrize(
    ("life", "left", "due"),
    [
        (86400, 8641, False),
        (86400, 8639, True),
        (2000, 301, False),
        (2000, 299, True),
        (60, 31, False),
        (60, 29, True),
        (None, 301, False),
        (None, 299, True),
    ],
)
def test_a_token_is_due_with_a_tenth_of_its_life_or_five_minutes_left(life, left, due):
    assert is_due(Pair("a", "r", 1000.0 + left, life, None, 1, None), 1000.0) is due


def test_a_token_of_unknown_life_is_used_until_it_is_refused():
    assert not is_due(Pair("a", "r", None, None, None, 1, None), 1000.0)


def test_a_due_token_is_refreshed_and_the_new_pair_stored(api, house):
    api.on(REFRESH_TOKEN, pair_of(1))
    tokens = house.tokens()
    house.pass_time(hours=23)
    assert tokens.access_token() == "act.1"
    assert tokens.access_token() == "act.1"
    assert api.seen[0].body == {
        "client_id": "cid",
        "client_secret": "hidden",
        "grant_type": "refresh_token",
        "refresh_token": "rft.0",
    }
    assert "Access-Token" not in api.seen[0].headers
    assert len(api.seen) == 1
    assert house.store.pair(BUSINESS_ID).refresh_token == "rft.1"
    assert house.store.find("anna").scopes == {"video.list", "user.info.basic"}


def test_the_refresh_token_is_kept_if_the_answer_brings_none(api, house):
    api.on(REFRESH_TOKEN, pair_of(1, refresh_token=None, refresh_token_expires_in=None))
    before = house.store.find("anna").refresh_expires_at
    house.pass_time(hours=23)
    house.tokens().access_token()
    assert house.store.pair(BUSINESS_ID).refresh_token == "rft.0"
    assert house.store.find("anna").refresh_expires_at == before


def test_the_year_is_not_extended_beyond_what_tiktok_says(api, house):
    api.on(REFRESH_TOKEN, pair_of(1, refresh_token_expires_in=1000))
    house.pass_time(hours=23)
    house.tokens().access_token()
    left = house.store.find("anna").refresh_expires_at - house.clock()
    assert left.total_seconds() == pytest.approx(1000, abs=1)


def test_a_refused_token_is_refreshed(api, house):
    api.on(REFRESH_TOKEN, pair_of(1))
    assert house.tokens().refused("act.0") == "act.1"


def test_if_the_store_holds_a_newer_token_that_is_used_first(api, house):
    api.on(REFRESH_TOKEN, pair_of(1))
    ours, others = house.tokens(), house.tokens(house.another_store())
    ours.access_token()
    others.refused("act.0")
    assert ours.refused("act.0") == "act.1"
    assert ours.access_token() == "act.1"
    assert len(api.seen) == 1


def test_threads_that_need_a_token_at_once_share_one_refresh(api, house):
    api.on(REFRESH_TOKEN, pair_of(1), refused(40107, "used before"))
    house.pass_time(hours=23)
    house.clock.sleep = lambda _seconds: time.sleep(0.001)  # eight waiting threads must not make the lease run out
    found = []
    sources = [house.tokens(house.another_store()) for _ in range(8)]
    threads = [threading.Thread(target=lambda each=each: found.append(each.access_token())) for each in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == ["act.1"] * 8
    assert len(api.to(REFRESH_TOKEN)) == 1


def test_the_lease_of_a_dead_owner_blocks_for_a_minute_at_most(api, house):
    api.on(REFRESH_TOKEN, pair_of(1))
    house.pass_time(hours=23)
    now = house.clock.now
    assert house.store.take_lease(BUSINESS_ID, "dead", now, now + lease.LEASE_S)
    assert house.tokens().access_token() == "act.1"
    assert house.clock.now - now == pytest.approx(60, abs=1)


def test_a_living_owner_keeps_its_lease_however_long_tiktok_takes(house, monkeypatch):
    monkeypatch.setattr(lease, "HEARTBEAT_S", 0.01)
    renewed = threading.Event()

    class Slow:
        api_url, client_id = house.oauth().api_url, "cid"

        def refresh(self, *_):
            house.pass_time(seconds=30)
            house.store.renew_lease = renew
            renewed.wait(10)
            now = house.clock.now
            house.taken = house.store.take_lease(BUSINESS_ID, "other", now + 50, now + 110)
            expires = house.clock() + timedelta(days=1)
            return TokenGrant("act.1", "rft.1", BUSINESS_ID, (), expires, None)

    keep = house.store.renew_lease

    def renew(*arguments):
        keep(*arguments)
        renewed.set()

    assert house.store.tokens(BUSINESS_ID, Slow()).refused("act.0") == "act.1"
    assert house.taken is False


@pytest.mark.parametrize("code", [40103, 40107])
def test_a_refused_refresh_asks_the_owner_to_connect_again(api, house, code):
    api.on(REFRESH_TOKEN, refused(code, "Refresh token is incorrect."))
    with pytest.raises(ReauthorizationError, match="tiktok-organic connect") as caught:
        house.tokens().refused("act.0")
    assert caught.value.code == code
    assert str(code) in house.store.find("anna").needs_authorization
    with pytest.raises(ReauthorizationError, match="@anna"):
        house.tokens().access_token()
    assert len(api.seen) == 1


def test_trouble_during_a_refresh_does_not_end_the_authorization(api, house):
    api.on(REFRESH_TOKEN, refused(50000))
    with pytest.raises(TransientError):
        house.tokens().refused("act.0")
    assert house.store.find("anna").needs_authorization is None
    api.on(REFRESH_TOKEN, pair_of(1))
    assert house.tokens().refused("act.0") == "act.1"


def test_trouble_with_a_refresh_in_time_leaves_the_token_in_use(api, house):
    api.on(REFRESH_TOKEN, refused(50000))
    house.pass_time(hours=23)
    tokens = house.tokens()
    assert tokens.access_token() == "act.0"
    calls = len(api.seen)
    assert tokens.access_token() == "act.0"
    assert len(api.seen) == calls
    api.on(REFRESH_TOKEN, pair_of(1))
    house.pass_time(minutes=6)
    assert tokens.access_token() == "act.1"


def test_trouble_with_a_refresh_at_the_end_is_an_error(api, house):
    api.on(REFRESH_TOKEN, refused(50000))
    house.pass_time(hours=24)
    with pytest.raises(TransientError):
        house.tokens().access_token()


def test_after_its_year_no_call_is_made(api, house):
    house.pass_time(days=366)
    with pytest.raises(ReauthorizationError, match="year"):
        house.tokens().access_token()
    assert api.seen == []
    assert house.store.find("anna").needs_authorization


def test_a_refresh_that_lost_to_a_new_consent_changes_nothing(house):
    class Overtaken:
        api_url, client_id = house.oauth().api_url, "cid"

        def refresh(self, *_):
            expires = house.clock() + timedelta(days=1)
            house.store.save(TokenGrant("act.new", "rft.new", BUSINESS_ID, (), expires, None), "anna", "cid", "x")
            return TokenGrant("act.late", "rft.late", BUSINESS_ID, (), expires, None)

    assert house.store.tokens(BUSINESS_ID, Overtaken()).refused("act.0") == "act.new"
    assert house.store.pair(BUSINESS_ID).refresh_token == "rft.new"


def test_a_refresh_that_is_refused_because_of_a_new_consent_asks_for_no_other_one(house):
    class Overtaken:
        api_url, client_id = house.oauth().api_url, "cid"

        def refresh(self, *_):
            expires = house.clock() + timedelta(days=1)
            house.store.save(TokenGrant("act.new", "rft.new", BUSINESS_ID, (), expires, None), "anna", "cid", "x")
            raise ReauthorizationError(Fault(REFRESH_TOKEN, Remedy.REAUTHORIZE, "Refresh token is incorrect.", 40103))

    assert house.store.tokens(BUSINESS_ID, Overtaken()).refused("act.0") == "act.new"
    assert house.store.find("anna").needs_authorization is None


def test_an_account_that_was_disconnected_meanwhile_is_said_to_be(house):
    tokens = house.tokens()
    house.store.forget(BUSINESS_ID)
    with pytest.raises(UnknownAccountError, match=f"^The account {BUSINESS_ID} is not connected in .* any more"):
        tokens.access_token()


def test_a_missing_secret_is_named_when_a_refresh_needs_it(house):
    tokens = house.store.tokens(BUSINESS_ID, house.oauth(secret=None))
    assert tokens.access_token() == "act.0"
    with pytest.raises(ConfigurationError, match="TIKTOK_CLIENT_SECRET"):
        tokens.refused("act.0")


def test_a_call_with_a_refused_token_goes_on_with_the_new_one(api, house):
    api.on(BUSINESS_GET, refused(40105), ok(username="anna"))
    api.on(REFRESH_TOKEN, pair_of(1))
    reader = house.client.reader(BUSINESS_ID, "cid", house.tokens())
    assert reader.profile(["username"]) == {"username": "anna"}
    assert [each.headers["Access-Token"] for each in api.to(BUSINESS_GET)] == ["act.0", "act.1"]


def test_a_token_just_granted_cannot_be_refreshed():
    token = FixedToken("act.new")
    assert token.access_token() == "act.new"
    assert "act.new" not in repr(token)
    with pytest.raises(ReauthorizationError):
        token.refused("act.new")
