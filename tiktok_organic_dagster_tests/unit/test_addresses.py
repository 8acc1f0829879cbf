"""Addresses of servers in the settings: no token goes over a network in clear, no password is stored or shown."""

import pytest

from tiktok_organic_dagster.errors import ConfigurationError
from tiktok_organic_dagster.settings import Settings

ADDRESSES = ["TIKTOK_API_URL", "TIKTOK_AUTHORIZE_URL"]
ELSEWHERE = ["h.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.7", "[::2]"]


@pytest.mark.parametrize("variable", ADDRESSES)
@pytest.mark.parametrize("host", ELSEWHERE)
def test_plain_http_is_for_this_machine_alone(monkeypatch, variable, host):
    monkeypatch.setenv(variable, f"http://{host}/x")
    with pytest.raises(ConfigurationError, match=f"{variable} is .*begin with https://, or tokens would cross"):
        Settings.load()


@pytest.mark.parametrize("variable", ADDRESSES)
@pytest.mark.parametrize("host", ["127.0.0.1:8040", "localhost", "[::1]:8040", "127.8.8.8"])
def test_the_simulator_of_this_machine_may_be_plain_http(monkeypatch, variable, host):
    monkeypatch.setenv(variable, f"http://{host}/x")
    assert Settings.load().api_url


@pytest.mark.parametrize("variable", ADDRESSES)
@pytest.mark.parametrize("login", ["user:hidden", "hidden", ":hidden", "user:", "a@b:hidden"])
def test_an_address_that_is_stored_and_shown_holds_no_password(monkeypatch, variable, login):
    monkeypatch.setenv(variable, f"https://{login}@h.example/x")
    with pytest.raises(ConfigurationError, match=f"{variable}: .*neither user name nor password") as caught:
        Settings.load()
    assert "hidden" not in str(caught.value)
