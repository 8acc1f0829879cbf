"""Texts that try to be more than text, wherever TikTok sends one: stored to the letter, shown as harmless lines."""

import json
import os
from collections.abc import Callable

import pytest
import requests
from click.testing import CliRunner

from tiktok_organic_dagster.accounts.preflight import Requirement
from tiktok_organic_dagster.cli import main
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.simulator import Fault
from tiktok_organic_dagster.simulator.faults import answer
from tiktok_organic_dagster.tables import ACCOUNT, AUDIENCE_CITIES, CATALOGUE, VIDEOS
from tiktok_organic_dagster.terminal import print_requirements
from tiktok_organic_dagster.tiktok.errors import printable
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.lab import Lab

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")

NewLab = Callable[..., Lab]
INJECTIONS = [
    "'; DROP TABLE tiktok_organic_account; --",
    '"; DELETE FROM tiktok_organic_videos; --',
    "' OR '1'='1",
    "\\'; SELECT pg_sleep(9); --",
    "$$; DROP SCHEMA public CASCADE; $$",
    "%s %(x)s ? :name {accounts} {0}",
    "'||(SELECT 1)||'",
    '\\.\n\\N\t,"',
    "=cmd|' /C calc'!A0",
    "E'\\x00' /* */ --\n",
]
STEERING = (
    "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp\u200b.exe "
    "[red]x[/red] [link=http://e.example]y[/link] :smile:\r\nERROR forged"
)


def _is_harmless(text: str) -> bool:
    """Whether a text shows nothing but lines."""
    return all(line == printable(line) for line in (each.strip() for each in text.split("\n")) if line)


def _hostile_world(lab: Lab) -> None:
    """Everything that is a text in any of the 12 tables says something that it should not."""
    (account,) = lab.world.accounts
    now = lab.clock.now()
    lab.world.changes.set_profile(
        0,
        username="x'; DROP TABLE tiktok_organic_account; --",
        **dict(
            zip(("display_name", "bio_description", "profile_image", "profile_deep_link"), INJECTIONS, strict=False)
        ),
    )
    for number, post in enumerate(lab.world.videos(account, now)):
        texts = INJECTIONS[number:] + INJECTIONS[:number]
        shares = {"percentage": 0.1}
        lab.world.changes.patch_video(
            post["item_id"],
            **dict(zip(("caption", "share_url", "embed_url", "thumbnail_url"), texts, strict=False)),
            impression_sources=[{"impression_source": text, **shares} for text in texts],
            audience_cities=[{"city_name": text, **shares} for text in texts],
            audience_countries=[{"country": text, **shares} for text in texts],
            audience_genders=[{"gender": text, **shares} for text in texts],
            audience_types=[{"type": text, **shares} for text in texts],
        )
        for comment, text in zip(lab.world.comments(account, post["item_id"], now), texts, strict=False):
            lab.world.changes.edit_comment(
                comment["comment_id"], text=text, username=text, display_name=text, user_id=text, status=text
            )


def test_statements_in_texts_are_stored_as_texts(new_lab: NewLab, warehouse_url: str) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=4)
    _hostile_world(lab)
    lines: list[str] = []

    outcomes = [*lab.read_account(log=lines.append), *lab.read_metrics(), *lab.read_videos(log=lines.append)]
    outcomes += lab.read_comments(log=lines.append)

    assert [outcome.error for outcome in outcomes] == [None] * 4
    loaded = lab.everything()
    assert set(loaded) == {table.name for table in CATALOGUE}
    for table, rows in truth.everything(lab).items():
        assert loaded[table] == rows, table
    assert {caption for (caption,) in lab.rows(VIDEOS, ["caption"])} == set(INJECTIONS[:4])
    assert {city for (city,) in lab.rows(AUDIENCE_CITIES, ["audience_cities_city_name"])} == set(INJECTIONS)
    assert all(map(_is_harmless, lines))


def test_half_a_character_in_tiktoks_words_costs_that_account_alone(new_lab: NewLab) -> None:
    lab = new_lab(accounts=2, videos=1)
    words = '{"code": 40113, "message": "half \\ud83d\\u001b[31m of\\nERROR forged", "request_id": "\\udfff1"}'
    lab.simulator.faults.add(Fault(answer(words), path="business/get/", account=0))
    lines: list[str] = []

    failed, read = sorted(lab.read_account(log=lines.append), key=lambda outcome: outcome.error is None)

    assert "TikTok's business/get/ (code 40113): half  [31m of ERROR forged. [request 1]" in (failed.error or "")
    assert read.error is None
    assert lab.store.status(failed.account.business_id)["account"].last_error == failed.error
    assert len(lab.rows(ACCOUNT)) == 1
    assert all(map(_is_harmless, lines))


@pytest.fixture
def as_set_up(new_lab: NewLab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A laboratory that the commands find, whose one account has a hostile name."""
    lab = new_lab(accounts=1, videos=1)
    lab.world.changes.set_profile(0, username=STEERING, display_name=STEERING)
    lab.connect(0)
    lab.read_account()
    lab.store.record_error(lab.business_id(0), "videos", STEERING, lab.clock.now())
    for name in [each for each in os.environ if each in Settings.variables()]:
        monkeypatch.delenv(name)
    values = {
        "TIKTOK_ORGANIC_HOME": str(lab.settings.home),
        "TIKTOK_ORGANIC_WAREHOUSE": lab.settings.warehouse_url,
        "TIKTOK_API_URL": lab.settings.api_url,
        "TIKTOK_CLIENT_ID": lab.settings.client_id or "",
        "TIKTOK_CLIENT_SECRET": lab.settings.client_secret.get_secret_value() if lab.settings.client_secret else "",
        "TIKTOK_ORGANIC_BACKOFF_S": "0.01",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return lab


def test_no_command_shows_more_than_lines(as_set_up: Lab) -> None:
    answers = as_set_up.simulator.faults
    for arguments in (
        ["accounts"], ["check"], ["gaps"], ["gaps", STEERING], ["check", STEERING], ["disconnect", STEERING * 2],
        ["accounts", STEERING], ["gaps", "--state", STEERING], ["copy-warehouse", "--to", STEERING],
        ["copy-warehouse", "--to", "duckdb:///x", "--to-schema", STEERING],
    ):  # fmt: skip
        shown = CliRunner().invoke(main, arguments, color=True)
        assert _is_harmless(shown.output), (arguments, shown.output)
        assert shown.output.strip()
        assert not isinstance(shown.exception, Exception), arguments
    assert "[red]x[/red]" in CliRunner().invoke(main, ["accounts"]).output, "shown as it is, and no colour"
    assert "forged" in CliRunner().invoke(main, ["check"]).output
    answers.add(Fault(answer(json.dumps({"code": 40113, "message": STEERING + "\ud83d"})), path="business/get/"))
    refused = CliRunner().invoke(main, ["check"])
    assert refused.exit_code == 1
    assert "40113" in refused.output
    assert _is_harmless(refused.output)


def test_what_a_requirement_found_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_requirements([Requirement("a", met=False, detail=STEERING)])
    shown = capsys.readouterr().out
    assert shown.count("\n") == 1
    assert _is_harmless(shown)


def test_the_consent_page_shows_names_and_parameters_as_text(new_lab: NewLab) -> None:
    lab = new_lab(accounts=1, videos=0)
    hostile = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"
    lab.world.changes.set_profile(0, username=hostile)
    asked = {
        "client_key": hostile,
        "redirect_uri": "https://me.example/back/",
        "response_type": "code",
        "scope": "video.list",
        "state": hostile,
        hostile: hostile,
    }
    page = requests.get(lab.settings.authorize_url, params=asked, timeout=10).text
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "<img" not in page
    wrong = requests.get(lab.settings.authorize_url, params=asked | {"redirect_uri": hostile}, timeout=10).text
    assert "<script" not in wrong
    led_to = requests.get(
        lab.settings.authorize_url,
        params=asked | {"redirect_uri": "https://me.example/\r\nSet-Cookie: x=1/", "as": "0"},
        allow_redirects=False,
        timeout=10,
    )
    assert "Set-Cookie" not in led_to.headers
