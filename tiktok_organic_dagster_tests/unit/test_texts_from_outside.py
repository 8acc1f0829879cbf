"""One rule for each kind of place in which a text from outside is shown: a line, a table, Markdown, a message."""

import unicodedata

import pytest

from tiktok_organic_dagster.assets.results import accounts_result, schema_result, shown_table, without_markup
from tiktok_organic_dagster.findings import Kind
from tiktok_organic_dagster.tables import VIDEOS
from tiktok_organic_dagster.tiktok.answers import Answer
from tiktok_organic_dagster.tiktok.errors import clean, printable, without_secrets
from tiktok_organic_dagster.tiktok.transport import RawAnswer
from tiktok_organic_dagster_tests.unit.test_results import _outcome

JOINERS = "\u200c\u200d"
VISIBLE_FORMATS = (
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"  # number signs
)
EGYPTIAN = "".join(map(chr, range(0x13430, 0x13439))) + "".join(map(chr, range(0x1BCA0, 0x1BCA4)))  # join old scripts


def test_nothing_is_printed_that_steers_or_that_nobody_sees() -> None:
    kinds = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    kept = [
        character
        for character in map(chr, range(0x110000))
        if unicodedata.category(character) in kinds and printable(f"a{character}b") != "a b"
    ]
    assert set(kept) == set(VISIBLE_FORMATS + EGYPTIAN)


@pytest.mark.parametrize(
    "text", ["Zoë & 李 «ça va» 🎬", "👩‍👩‍👧‍👦", "می‌خواهم", "مرحبا שלום", "e\u0301", "[red]x[/red]", "a  b", "¹²³"]
)
def test_what_people_write_stays(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize("joiner", JOINERS)
def test_a_joiner_makes_no_second_name_that_looks_like_the_first(joiner: str) -> None:
    for name in (f"brand{joiner}.one", f"{joiner}brand.one", f"brand.one{joiner}"):
        assert printable(name) != f"{joiner}"
        assert joiner not in printable(name)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b]0;owned\x07b", "a ]0;owned b"),
        ("a\x1b[2J\x9b31mb", "a [2J 31mb"),
        ("ok\r\n2026-11-23 ERROR forged", "ok 2026-11-23 ERROR forged"),
        ("user\u202egnp.exe", "user gnp.exe"),
        ("half \ud83d of it", "half   of it"),
        ("\ufeff\u200b", ""),
    ],
)
def test_a_line_stays_a_line(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert clean(text) == shown
    printable(text).encode()


def test_a_secret_is_hidden_however_it_is_echoed() -> None:
    secret = "s3cret/with space+"
    assert without_secrets(f"{secret}, s3cret%2Fwith%20space%2B", (secret, "")) == "[hidden], [hidden]"


def test_an_answer_with_tokens_does_not_show_them() -> None:
    assert "act.x" not in repr(RawAnswer(200, b'{"access_token": "act.x"}')) + repr(
        Answer({"access_token": "act.x"}, None)
    )


HOSTILE = (
    "![pixel](http://tracker.example/p.gif) [click](javascript:alert(1)) <script>x</script> <img src=x onerror=y> "
    "</a> <http://evil.example> [x][1] [1]: http://evil.example `a` | b | \\<b> \n\n# forged \u202e"
)


def renders_nothing_but_text(markdown: str) -> bool:
    """No link, image, definition or HTML can begin: what has to stand together for each does not."""
    return not any(together in markdown for together in ("](", "][", "]:", "</", "<s", "<i", "<h", "<b", "<!"))


def test_a_description_of_a_check_holds_no_markup_from_outside() -> None:
    for result in (
        accounts_result(
            VIDEOS, [_outcome("a", error=HOSTILE), _outcome(HOSTILE, error="no"), _outcome("c", warnings=[HOSTILE])]
        ),
        accounts_result(VIDEOS, [_outcome("a", skipped=HOSTILE)], {HOSTILE: HOSTILE}),
        schema_result(VIDEOS, [_outcome(HOSTILE, (VIDEOS, "likes", Kind.UNREADABLE, 1, HOSTILE))], of_some=False),
    ):
        told, _, ours = (result.description or "").partition("\n\nWhat to do.")
        assert "\n" not in told
        assert "\u202e" not in told
        assert renders_nothing_but_text(told)
        assert "docs/troubleshooting.md" in ours
    assert without_markup(HOSTILE).startswith("! [pixel]".replace(" ", "") + " (http://tracker.example/p.gif)")


def test_what_is_no_markup_is_left_alone() -> None:
    for text in (
        "@brand_one.x: TikTok's business/get/ (code 40105): no [request 2026]. Connect",
        "a < b > c",
        "x [1] (2)",
    ):
        assert without_markup(text) == text


def test_a_cell_of_a_table_is_one_line_of_what_can_be_seen() -> None:
    table = shown_table(("a", "b"), [("x\n\u202ey\ud83d", None)])
    assert table.value.records[0].data == {"a": "x y", "b": "NULL"}
