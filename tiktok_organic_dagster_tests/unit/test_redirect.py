"""The address that an owner is sent back to is taken to the letter: nothing that only looks like it is accepted."""

import pytest

from tiktok_organic_dagster.accounts.redirect import RedirectError, code_of

URI = "https://me.example/back/"
STATE = "st-AB_12"
ANSWER = f"?code=c0de&scopes=a,b&state={STATE}"


@pytest.mark.parametrize(
    "pasted",
    [
        f"{URI}{ANSWER}",
        f"HTTPS://ME.example/back/{ANSWER}",  # scheme and host have no case
        f"https://me.example:443/back/{ANSWER}",
        f"{URI}{ANSWER}#_=_",  # what a page of the owner's adds is no part of the answer
        f"{URI}?state={STATE}&c%6Fde=c0de",
        f'  "<{URI}{ANSWER}>"  ',
    ],
)
def test_the_address_is_recognized(pasted: str) -> None:
    assert code_of(pasted, URI, STATE) == "c0de"


@pytest.mark.parametrize(
    "page",
    [
        "http://me.example/back/",
        "https://me.example:8443/back/",
        "https://me.example:0/back/",
        "https://me.example:99999/back/",
        "https://evil.example/back/",
        "https://me.example.evil.example/back/",
        "https://me.example./back/",
        "https://me.example@evil.example/back/",
        "https://evil.example@me.example/back/",
        "https://user:password@me.example/back/",
        "https://@me.example/back/",
        "https://me.example%2eevil.example/back/",
        "https://evil.example\\@me.example/back/",
        "https://me.example\\.evil.example/back/",
        "https://[::1]/back/",
        "https://evil.example/?u=https://me.example/back/",
        "https://me.example/back",
        "https://me.example/back//",
        "https://me.example//back/",
        "https://me.example/Back/",
        "https://me.example/back/more",
        "https://me.example/back/../evil/",
        "https://me.example/x/../back/",
        "https://me.example/b%61ck/",
        "https://me.example/back%2f",
        "https://me.example/back/;x",
        "https://me.example/",
        "//me.example/back/",
        "me.example/back/",
        "javascript:https://me.example/back/",
        "https:/me.example/back/",
    ],
)
def test_another_page_is_refused_and_the_right_one_named(page: str) -> None:
    with pytest.raises(RedirectError, match=r"must begin with https://me\.example/back/ \(TIKTOK_REDIRECT_URI\)"):
        code_of(f"{page}{ANSWER}", URI, STATE)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("?code=c0de", "carries no state"),
        ("?code=c0de&state=", "carries no state"),
        (f"#code=c0de&state={STATE}", "carries no state"),
        (f"?code=c0de&State={STATE}", "carries no state"),
        (f"?code=c0de;state={STATE}", "carries no state"),
        ("?code=c0de&state=another", "carries another state"),
        (f"?code=c0de&state={STATE}x", "carries another state"),
        (f"?code=c0de&state={STATE.lower()}", "carries another state"),
        (f"?code=c0de&state=%20{STATE}", "carries another state"),
        ("?code=c0de&state=\udcff", "carries another state"),
        (f"?code=c0de&state={STATE}&state=another", "holds more than one state"),
        (f"?code=c0de&state=another&st%61te={STATE}", "holds more than one state"),
        (f"?code=c0de&code=another&state={STATE}", "holds more than one code"),
        (f"?code=c0de&auth_code=another&state={STATE}", "holds more than one code"),
    ],
)
def test_an_answer_that_is_not_to_this_question_is_refused_whatever_its_code(query: str, why: str) -> None:
    with pytest.raises(RedirectError, match=f"The address {why}.*may be forged or outdated"):
        code_of(f"{URI}{query}", URI, STATE)


def test_a_denial_is_told_on_one_line_and_its_words_steer_nothing() -> None:
    told = "no%1b%5B31m%0AFORGED+%E2%80%AElines"
    with pytest.raises(RedirectError) as caught:
        code_of(f"{URI}?error=access_denied&error_description={told}&state={STATE}", URI, STATE)
    assert str(caught.value).startswith("The authorization was not granted: no [31m FORGED  lines. Nothing was stored")


def test_a_denial_with_a_forged_state_tells_nothing_of_its_words() -> None:
    with pytest.raises(RedirectError, match="carries another state") as caught:
        code_of(f"{URI}?error=x&error_description=call+us&state=forged", URI, STATE)
    assert "call" not in str(caught.value)
