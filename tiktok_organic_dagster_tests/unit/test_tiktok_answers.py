"""What an answer of TikTok's API is taken for: its data, or a fault with a remedy."""

import json

import pytest

from tiktok_organic_dagster.tiktok.answers import Answer, read_answer
from tiktok_organic_dagster.tiktok.errors import (
    Fault,
    ReauthorizationError,
    RefusedError,
    Remedy,
    TransientError,
    clean,
    error_of,
    meaning,
)

PATH = "business/get/"


def judged(body, status=200, secrets=()):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_answer(PATH, status, raw, secrets)


@pytest.mark.parametrize("code", [40016, 40100, 40132, 40133, 61000])
def test_throttle_codes_ask_for_a_pause(code):
    assert judged({"code": code, "message": "Too many requests"}).remedy is Remedy.THROTTLED


@pytest.mark.parametrize("code", [40201, 40202, 50000, 50002, 51000, 51010, 51305, 52999, 60001])
def test_trouble_on_tiktoks_side_is_retried(code):
    assert judged({"code": code, "message": "x"}).remedy is Remedy.RETRY


@pytest.mark.parametrize("code", [40102, 40105, 40131])
def test_refused_access_tokens_ask_for_a_refresh(code):
    assert meaning(code).remedy is Remedy.REFRESH


@pytest.mark.parametrize("code", [40103, 40107])
def test_refused_refresh_tokens_ask_for_a_new_consent(code):
    assert meaning(code).remedy is Remedy.REAUTHORIZE


@pytest.mark.parametrize(
    "code", [1, -1, 20001, 40000, 40001, 40002, 40101, 40130, 40200, 49999, 50001, 53000, 99999999]
)
def test_everything_else_fails_also_what_nobody_knows(code):
    assert judged({"code": code, "message": "x"}).remedy is Remedy.FAIL


@pytest.mark.parametrize("status", [200, 400, 404, 429, 500])
def test_the_code_in_the_body_outranks_the_http_status(status):
    found = judged({"code": 40130, "message": "scope"}, status)
    assert (found.remedy, found.code) == (Remedy.FAIL, 40130)


def test_a_code_may_be_a_numeric_string():
    assert judged({"code": "40100", "message": "x"}).remedy is Remedy.THROTTLED
    assert judged({"code": "0", "data": {"a": 1}}) == Answer({"a": 1}, None)


@pytest.mark.parametrize("body", [{"code": 0}, {"code": 0, "data": {}}, {"code": 0, "data": None}])
def test_absent_and_empty_data_are_alike(body):
    assert judged(body) == Answer({}, None)


def test_a_number_that_is_no_json_does_not_cost_the_answer():
    data = judged(b'{"code": 0, "data": {"x": NaN, "y": -Infinity, "z": 1}}').data
    assert repr(data) == "{'x': nan, 'y': -inf, 'z': 1}"


def test_big_integers_arrive_exactly():
    assert judged(b'{"code":0,"data":{"id":7109065174526479623}}').data["id"] == 7109065174526479623


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 200),
        (b"<html>busy</html>", 200),
        (b"<html>blocked</html>", 403),
        (b'{"code": 0, "data": {', 200),
        (b'{"code": NaN, "data": {}}', 200),
        (b"[]", 200),
        (b'{"data": {}}', 200),
        (b'{"code": true}', 200),
        (b'{"code": 0, "data": [1]}', 200),
        (b'{"code": 0, "data": {}}', 502),
        (b"bad gateway", 503),
        (b"\xff\xfe\xfa", 200),
        (b"[" * 100_000, 200),
    ],
)
def test_answers_that_are_none_are_retried(body, status):
    assert judged(body, status).remedy is Remedy.RETRY


def test_http_429_without_a_body_is_a_throttle():
    assert judged(b"slow down", 429).remedy is Remedy.THROTTLED


@pytest.mark.parametrize("status", [301, 302, 404, 405])
def test_a_wrong_address_fails_and_says_which_setting_to_check(status):
    found = judged(b"404 page not found", status)
    assert found.remedy is Remedy.FAIL
    assert "TIKTOK_API_URL" in str(error_of(found))


@pytest.mark.parametrize(
    ("remedy", "expected"),
    [
        (Remedy.RETRY, TransientError),
        (Remedy.REFRESH, ReauthorizationError),
        (Remedy.REAUTHORIZE, ReauthorizationError),
        (Remedy.FAIL, RefusedError),
    ],
)
def test_there_is_one_exception_for_each_remedy(remedy, expected):
    assert type(error_of(Fault(PATH, remedy, "x"))) is expected


def test_an_error_tells_code_message_request_and_what_to_do():
    error = error_of(judged({"code": 40103, "message": "Refresh token has expired.", "request_id": "20261123ABC"}))
    assert (error.code, error.message, error.request_id) == (40103, "Refresh token has expired.", "20261123ABC")
    for part in ("40103", "Refresh token has expired", "20261123ABC", "tiktok-organic connect"):
        assert part in str(error)


@pytest.mark.parametrize("code", [40000, 40104, 41002, 99999])
def test_an_error_without_a_known_remedy_claims_nothing_about_tiktoks_documentation(code):
    text = str(error_of(judged({"code": code, "message": "No."})))
    assert "This project knows no remedy for this code" in text
    assert "Return Codes" in text
    assert "not documented" not in text


def test_secrets_and_control_characters_never_show():
    found = judged({"code": 40105, "message": "bad\x1b[31m token act.abc!12 and s3cret\n"}, secrets=("s3cret",))
    assert "act.abc" not in str(error_of(found))
    assert "s3cret" not in str(error_of(found))
    assert "\x1b" not in found.text


def test_no_secret_shows_in_the_id_of_a_request():
    for body in ({"code": 40105, "request_id": "R s3cret"}, {"code": 0, "data": {}, "request_id": "R s3cret"}):
        assert judged(body, secrets=("s3cret",)).request_id == "R [hidden]"


def test_of_a_secret_that_holds_another_nothing_shows():
    assert clean("id s3cret+app", ("s3cret", "s3cret+app")) == "id [hidden]"


def test_a_secret_where_a_text_is_cut_does_not_show_in_part():
    body = b"x" * 195 + b"s3cret"
    assert judged(body, 403, secrets=("s3cret",)).text == f"HTTP 403, {'x' * 195}[hidd"


def test_half_of_a_character_does_not_come_into_a_text_that_is_stored():
    assert (
        judged({"code": 40002, "message": "bad \ud83d value", "request_id": "\udc00"}).text.encode() == b"bad   value"
    )


def test_long_texts_are_cut():
    assert len(clean("x" * 10_000)) < 600
