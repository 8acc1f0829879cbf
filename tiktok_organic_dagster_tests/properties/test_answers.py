"""Whatever comes back over HTTP is an answer or a fault that can be told, and tells no secret."""

import json

from hypothesis import given
from hypothesis import strategies as st

from tiktok_organic_dagster.tiktok.answers import Answer, read_answer
from tiktok_organic_dagster.tiktok.errors import MAX_MESSAGE, Fault, Remedy, error_of, printable
from tiktok_organic_dagster_tests.properties.json_values import JSON, TEXTS

SECRETS = ("s3cret", "s3cret+app/id=", "act.!tokenofanaccount")
PARTS = (SECRETS[1][6:10], SECRETS[2][:8])  # half of one is a secret, too
WORDS = st.text("yzü\0\x1b\ud83d\u2028\u202e<{", max_size=9)  # none of the letters of a secret
SAID = st.lists(st.sampled_from([*SECRETS, "y" * 190, "z" * 490]) | WORDS, max_size=4).map("".join)
STATUSES = st.sampled_from([200, 204, 302, 400, 401, 404, 405, 408, 425, 429, 500, 503]) | st.integers(100, 599)
CODES = st.sampled_from([0, "0", 0.0, 40001, 40016, 40100, "40105", 40103, 51000, 60001, -1, True, None, ""]) | JSON
ENVELOPES = st.fixed_dictionaries(
    {},
    optional={
        "code": CODES,
        "message": SAID | st.lists(SAID, max_size=2) | st.dictionaries(WORDS, SAID, max_size=2) | st.integers(),
        "request_id": SAID | st.lists(SAID, max_size=2) | st.integers(),
        "data": st.dictionaries(TEXTS, JSON, max_size=2) | JSON,
    },
)
REFUSALS = st.fixed_dictionaries({"code": st.integers(40000, 61000), "message": SAID, "request_id": SAID})
BODIES = (
    (REFUSALS | ENVELOPES).map(lambda said: json.dumps(said).encode())
    | st.lists(st.integers(128, 255), max_size=40).map(bytes)
    | st.tuples(st.sampled_from(["", "<html>", "{", " \n", "[1"]), SAID).map(
        lambda said: "".join(said).encode(errors="replace")
    )
    | st.sampled_from([b"[" * 100_000, b'{"code":' * 100_000, b'{"code": 1e999}', b'{"code": NaN}', b"9" * 5_000])
)


def told(fault):
    """All of a fault that somebody may read."""
    shown = [fault.text, fault.request_id or ""]
    return [*shown, str(error_of(fault))] if fault.remedy is not Remedy.THROTTLED else shown


@given(STATUSES, BODIES)
def test_any_status_and_body_give_an_answer_or_a_fault_that_can_be_told_without_secrets(status, body):
    result = read_answer("business/get/", status, body, SECRETS)

    if isinstance(result, Answer):
        assert 200 <= status < 300
        assert isinstance(result.data, dict)
        assert not any(secret in (result.request_id or "") for secret in PARTS)
        return
    assert isinstance(result, Fault)
    for text in told(result):
        assert not any(secret in text for secret in PARTS)
        assert text.strip() == printable(text)
        assert text.encode() is not None
    assert len(result.text) <= MAX_MESSAGE + len("...") + len("HTTP 599, ")


@given(ENVELOPES, STATUSES)
def test_an_answer_is_taken_for_a_success_only_if_its_code_and_status_say_so(envelope, status):
    result = read_answer("business/get/", status, json.dumps(envelope).encode())

    if isinstance(result, Answer):
        assert envelope["code"] is not False
        assert float(envelope["code"]) == 0
        assert 200 <= status < 300
        assert repr(result.data) == repr(envelope.get("data") or {})
