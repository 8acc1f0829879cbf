"""Every setting: where it is read from, its default, and the one sentence that says what is wrong with it."""

import os
import re
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tiktok_organic_dagster.errors import ConfigurationError
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.warehouse import WarehouseError, open_warehouse


class Setting(NamedTuple):
    """A row of the documented table, with a text to set it to and what that text is read as."""

    variable: str
    attribute: str
    default: Any
    text: str
    value: Any


TABLE = [
    ("TIKTOK_CLIENT_ID", "client_id", None, "7123", "7123"),
    ("TIKTOK_CLIENT_SECRET", "client_secret", None, "s3cret", "s3cret"),
    ("TIKTOK_REDIRECT_URI", "redirect_uri", None, "https://x.test/back/", "https://x.test/back/"),
    ("TIKTOK_API_URL", "api_url", "https://business-api.tiktok.com/open_api/v1.3", "http://127.0.0.1:5/v", "http://127.0.0.1:5/v"),
    ("TIKTOK_AUTHORIZE_URL", "authorize_url", "https://www.tiktok.com/v2/auth/authorize/", "http://127.0.0.1:5/a/", "http://127.0.0.1:5/a/"),
    ("TIKTOK_ORGANIC_HOME", "home_folder", Path(".tiktok_organic"), "elsewhere", Path("elsewhere")),
    ("TIKTOK_ORGANIC_WAREHOUSE", "warehouse", None, "duckdb:////tmp/x.duckdb", "duckdb:////tmp/x.duckdb"),
    ("TIKTOK_ORGANIC_SCHEMA", "warehouse_schema", None, "TikTok_1", "TikTok_1"),
    ("TIKTOK_ORGANIC_STATE", "state", None, "postgresql://u:p@h/d", "postgresql://u:p@h/d"),
    ("TIKTOK_ORGANIC_KEY", "key", None, "one,two", "one,two"),
    ("TIKTOK_ORGANIC_START_DATE", "start_date", date(2026, 1, 1), "2025-06-30", date(2025, 6, 30)),
    ("TIKTOK_ORGANIC_QPM_PER_ENDPOINT", "qpm_per_endpoint", 40, "20", 20),
    ("TIKTOK_ORGANIC_QPM_APP", "qpm_app", 600, "1000", 1000),
    ("TIKTOK_ORGANIC_QPS_APP", "qps_app", 10, "20", 20),
    ("TIKTOK_ORGANIC_THROTTLE_WAIT_S", "throttle_wait_s", 300, "0.5", 0.5),
    ("TIKTOK_ORGANIC_TIMEOUT_S", "timeout_s", 60, "30", 30.0),
    ("TIKTOK_ORGANIC_BACKOFF_S", "backoff_s", 1, "0.01", 0.01),
    ("TIKTOK_ORGANIC_COMMENT_MINUTES", "comment_minutes", 30, "5", 5.0),
    ("TIKTOK_ORGANIC_COMMENTERS", "commenters", "plain", "hashed", "hashed"),
    ("TIKTOK_ORGANIC_OWNERS", "owners", "team:data", "ada@example.com", "ada@example.com"),
    ("TIKTOK_ORGANIC_EXECUTOR", "executor", "in_process", "multiprocess", "multiprocess"),
    ("TIKTOK_ORGANIC_CELERY_BROKER", "celery_broker", None, "redis://:p@h/0", "redis://:p@h/0"),
    ("TIKTOK_ORGANIC_ACCOUNTS_PER_RUN", "accounts_per_run", None, "50", 50),
    ("TIKTOK_ORGANIC_ALERT_WEBHOOK", "alert_webhook", None, "https://x.test/T0/B0", "https://x.test/T0/B0"),
    ("TIKTOK_ORGANIC_ALERT_EMAIL", "alert_email", None, "ada@x.test,bob@x.test", "ada@x.test,bob@x.test"),
    ("TIKTOK_ORGANIC_ALERT_FROM", "alert_from", None, "loader@example.com", "loader@example.com"),
    ("TIKTOK_ORGANIC_SMTP", "smtp", None, "smtp://u:p@h:587", "smtp://u:p@h:587"),
    ("TIKTOK_ORGANIC_KEEP_RUNS_DAYS", "keep_runs_days", 90, "30", 30),
]  # fmt: skip
SECRETS = (
    "TIKTOK_CLIENT_SECRET", "TIKTOK_ORGANIC_KEY", "TIKTOK_ORGANIC_WAREHOUSE", "TIKTOK_ORGANIC_STATE",
    "TIKTOK_ORGANIC_CELERY_BROKER", "TIKTOK_ORGANIC_ALERT_WEBHOOK", "TIKTOK_ORGANIC_SMTP",
)  # fmt: skip
each = pytest.mark.parametrize("setting", [Setting(*row) for row in TABLE], ids=lambda setting: setting.variable)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _plain(value):
    return value.get_secret_value() if hasattr(value, "get_secret_value") else value


def _dotenv(folder, **variables):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in variables.items()), encoding="utf-8")


def test_the_variables_are_the_documented_ones():
    assert set(Settings.variables()) == {row[0] for row in TABLE}


@each
def test_each_variable_has_its_default(setting):
    assert getattr(Settings.load(), setting.attribute) == setting.default


@each
def test_each_variable_is_read_from_the_environment(monkeypatch, setting):
    monkeypatch.setenv(setting.variable, setting.text)
    assert _plain(getattr(Settings.load(), setting.attribute)) == setting.value


@each
def test_each_variable_is_read_from_the_file(folder, setting):
    _dotenv(folder, **{setting.variable: setting.text})
    assert _plain(getattr(Settings.load(), setting.attribute)) == setting.value


@each
def test_an_empty_variable_counts_as_unset(monkeypatch, folder, setting):
    monkeypatch.setenv(setting.variable, "")
    assert getattr(Settings.load(), setting.attribute) == setting.default
    _dotenv(folder, **{setting.variable: setting.text})
    assert _plain(getattr(Settings.load(), setting.attribute)) == setting.value


@each
def test_an_empty_line_of_the_file_counts_as_unset(folder, setting):
    _dotenv(folder, **{setting.variable: ""})
    assert getattr(Settings.load(), setting.attribute) == setting.default


@each
def test_a_variable_that_happens_to_have_an_attributes_name_is_not_ours(monkeypatch, folder, setting):
    """KEY, STATE or WAREHOUSE of another program in the same environment must not become ours."""
    monkeypatch.setenv(setting.attribute.upper(), setting.text)
    monkeypatch.setenv(setting.attribute, setting.text)
    _dotenv(folder, **{setting.attribute.upper(): setting.text})
    assert getattr(Settings.load(), setting.attribute) == setting.default


@pytest.mark.parametrize("variable", ["BASE", "HOME", "SCHEMA", "TIKTOK_SOMETHING", "TIKTOKORGANIC_X"])
def test_variables_of_others_are_not_our_concern(monkeypatch, folder, variable):
    monkeypatch.setenv(variable, "/somewhere")
    assert Settings.load().home == folder / ".tiktok_organic"


def test_the_environment_wins_over_the_file(monkeypatch, folder):
    _dotenv(folder, TIKTOK_ORGANIC_QPM_APP="7", TIKTOK_ORGANIC_QPS_APP="3")
    monkeypatch.setenv("TIKTOK_ORGANIC_QPM_APP", "8")
    settings = Settings.load()
    assert (settings.qpm_app, settings.qps_app) == (8, 3)


def test_the_nearest_file_above_is_read_and_no_other(monkeypatch, folder):
    _dotenv(folder, TIKTOK_ORGANIC_QPM_APP="7", TIKTOK_ORGANIC_QPS_APP="3")
    _dotenv(folder / "a", TIKTOK_ORGANIC_QPM_APP="8")
    (folder / "a/b/c").mkdir(parents=True)
    monkeypatch.chdir(folder / "a/b/c")
    settings = Settings.load()
    assert (settings.qpm_app, settings.qps_app) == (8, 10)
    assert settings.home == folder / "a/.tiktok_organic"


def test_a_file_of_the_usual_shapes_is_understood(folder):
    (folder / ".env").write_text(
        "# a comment\n\nexport TIKTOK_ORGANIC_QPM_APP=7\nTIKTOK_CLIENT_ID='a b'\n"
        'TIKTOK_REDIRECT_URI="https://x.test/back/"  # more\n  TIKTOK_ORGANIC_QPS_APP = 3\nUNRELATED=1\n'
    )
    settings = Settings.load()
    assert (settings.qpm_app, settings.qps_app) == (7, 3)
    assert (settings.client_id, settings.redirect_uri) == ("a b", "https://x.test/back/")


def test_a_file_that_is_no_text_is_one_clear_error(folder):
    (folder / ".env").write_bytes(b"TIKTOK_CLIENT_SECRET=hidden\xff\xfe\n")
    with pytest.raises(ConfigurationError, match=re.escape(str(folder / ".env"))) as caught:
        Settings.load()
    assert "hidden" not in str(caught.value)


# --- Places ----------------------------------------------------------------------------------------------------------


def test_without_a_file_places_are_in_the_working_directory(folder):
    settings = Settings.load()
    assert settings.home == folder / ".tiktok_organic"
    assert settings.warehouse_url == f"duckdb:///{folder}/.tiktok_organic/warehouse.duckdb"
    assert settings.state_url == f"sqlite:///{folder}/.tiktok_organic/state.db"


def test_relative_places_count_from_the_folder_of_the_file(monkeypatch, folder):
    _dotenv(
        folder,
        TIKTOK_ORGANIC_HOME="data/home",
        TIKTOK_ORGANIC_WAREHOUSE="duckdb:///data/w.duckdb",
        TIKTOK_ORGANIC_STATE="sqlite:///../s.db",
    )
    (folder / "below").mkdir()
    monkeypatch.chdir(folder / "below")
    settings = Settings.load()
    assert settings.home == folder / "data/home"
    assert settings.warehouse_url == f"duckdb:///{folder}/data/w.duckdb"
    assert settings.state_url == f"sqlite:///{folder.parent}/s.db"


def test_relative_places_of_the_environment_count_from_the_folder_of_the_file_too(monkeypatch, folder):
    _dotenv(folder, TIKTOK_CLIENT_ID="x")
    (folder / "below").mkdir()
    monkeypatch.chdir(folder / "below")
    monkeypatch.setenv("TIKTOK_ORGANIC_HOME", "there")
    assert Settings.load().home == folder / "there"


def test_a_home_of_its_own_moves_both_defaults(monkeypatch, folder):
    monkeypatch.setenv("TIKTOK_ORGANIC_HOME", str(folder / "x"))
    settings = Settings.load()
    assert settings.warehouse_url == f"duckdb:///{folder}/x/warehouse.duckdb"
    assert settings.state_url == f"sqlite:///{folder}/x/state.db"


def test_absolute_places_and_the_tilde_are_kept(monkeypatch, folder):
    monkeypatch.setenv("HOME", str(folder / "me"))
    monkeypatch.setenv("TIKTOK_ORGANIC_HOME", "~/home")
    monkeypatch.setenv("TIKTOK_ORGANIC_WAREHOUSE", "duckdb:////srv/w.duckdb")
    settings = Settings.load()
    assert settings.home == folder / "me/home"
    assert settings.warehouse_url == "duckdb:////srv/w.duckdb"


def test_urls_of_servers_are_kept_as_they_are(monkeypatch):
    url = "postgresql://me:p%40ss@db.example:5433/x?sslmode=require"
    monkeypatch.setenv("TIKTOK_ORGANIC_WAREHOUSE", url)
    monkeypatch.setenv("TIKTOK_ORGANIC_STATE", url)
    settings = Settings.load()
    assert settings.warehouse_url == settings.state_url == url


def test_owners_are_listed_once_each_without_blanks(monkeypatch):
    monkeypatch.setenv("TIKTOK_ORGANIC_OWNERS", " team:marketing , ada@example.com,,team:marketing")
    assert Settings.load().owner_names == ("team:marketing", "ada@example.com")


def test_an_owner_that_is_none_is_named_with_the_two_ways_to_write_one(monkeypatch):
    monkeypatch.setenv("TIKTOK_ORGANIC_OWNERS", "team:data, marketing")
    with pytest.raises(ConfigurationError, match=r"TIKTOK_ORGANIC_OWNERS.*'marketing'.*e-mail.*team:name"):
        Settings.load()


def test_the_api_address_ends_without_a_slash(monkeypatch):
    monkeypatch.setenv("TIKTOK_API_URL", "http://127.0.0.1:5/open_api/v1.3//")
    assert Settings.load().api_url == "http://127.0.0.1:5/open_api/v1.3"


# --- What is wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "close"),
    [
        ("TIKTOK_ORGANIC_WAREHUOSE", "TIKTOK_ORGANIC_WAREHOUSE"),
        ("TIKTOK_ORGANIC_QPM", "TIKTOK_ORGANIC_QPM_APP"),
        ("TIKTOK_ORGANIC_STARTDATE", "TIKTOK_ORGANIC_START_DATE"),
        ("TIKTOK_ORGANIC_TIMEOUT", "TIKTOK_ORGANIC_TIMEOUT_S"),
    ],
)
@pytest.mark.parametrize("place", ["environment", "file"])
def test_an_unknown_variable_is_named_with_the_one_that_was_meant(monkeypatch, folder, place, variable, close):
    if place == "file":
        _dotenv(folder, **{variable: "hidden"})
    else:
        monkeypatch.setenv(variable, "hidden")
    with pytest.raises(ConfigurationError) as caught:
        Settings.load()
    assert f"{variable}." in str(caught.value)
    assert f"{close}?" in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_an_unknown_variable_like_no_other_comes_with_the_known_ones(monkeypatch):
    monkeypatch.setenv("TIKTOK_ORGANIC_ZZZZZZZZZZZZZZZZZZZZZZZZZZ", "1")
    with pytest.raises(ConfigurationError) as caught:
        Settings.load()
    for variable in Settings.variables():
        assert variable in str(caught.value)


MALFORMED = [
    *[(f"TIKTOK_ORGANIC_{name}", text) for name in ("QPM_PER_ENDPOINT", "QPM_APP", "QPS_APP")
      for text in ("0", "-1", "1.5", "many", "inf", "nan")],
    *[(f"TIKTOK_ORGANIC_{name}", text) for name in ("THROTTLE_WAIT_S", "TIMEOUT_S", "BACKOFF_S", "COMMENT_MINUTES")
      for text in ("0", "-1", "soon", "inf", "nan", "1e999")],
    ("TIKTOK_ORGANIC_START_DATE", "2026-02-30"),
    ("TIKTOK_ORGANIC_START_DATE", "yesterday"),
    ("TIKTOK_ORGANIC_START_DATE", "01.02.2026"),
    ("TIKTOK_ORGANIC_EXECUTOR", "docker"),
    ("TIKTOK_ORGANIC_COMMENTERS", "hash"),
    ("TIKTOK_ORGANIC_COMMENTERS", "Hashed"),
    ("TIKTOK_ORGANIC_OWNERS", "data"),
    ("TIKTOK_ORGANIC_OWNERS", "team:"),
    ("TIKTOK_ORGANIC_OWNERS", "team:data,ada"),
    ("TIKTOK_ORGANIC_OWNERS", "ada@example"),
    ("TIKTOK_ORGANIC_OWNERS", "ada@example.international"),  # Dagster takes endings of 2 to 7 letters
    ("TIKTOK_ORGANIC_OWNERS", ","),
    ("TIKTOK_ORGANIC_SCHEMA", "a b"),
    ("TIKTOK_ORGANIC_SCHEMA", 'x"; DROP TABLE y; --'),
    ("TIKTOK_ORGANIC_SCHEMA", "1x"),
    ("TIKTOK_ORGANIC_SCHEMA", "x" * 64),
    ("TIKTOK_API_URL", "business-api.tiktok.com"),
    ("TIKTOK_API_URL", "ftp://example.test"),
    ("TIKTOK_AUTHORIZE_URL", "tiktok.com"),
]  # fmt: skip


@pytest.mark.parametrize(("variable", "text"), MALFORMED)
def test_a_malformed_variable_is_named_and_its_value_shown(monkeypatch, variable, text):
    monkeypatch.setenv(variable, text)
    with pytest.raises(ConfigurationError) as caught:
        Settings.load()
    assert variable in str(caught.value)
    assert repr(text) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("variable", ["TIKTOK_API_URL", "TIKTOK_AUTHORIZE_URL"])
def test_a_malformed_address_that_may_hold_a_password_is_named_without_being_shown(monkeypatch, variable):
    monkeypatch.setenv(variable, "ftp://user:hidden@example.test/")
    with pytest.raises(ConfigurationError, match=f"{variable}: .*https://") as caught:
        Settings.load()
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("variable", ["TIKTOK_ORGANIC_QPM_APP", "TIKTOK_ORGANIC_START_DATE"])
def test_a_malformed_line_of_the_file_is_named_too(folder, variable):
    _dotenv(folder, **{variable: "nonsense"})
    with pytest.raises(ConfigurationError, match=variable):
        Settings.load()


@pytest.mark.parametrize("place", ["environment", "file"])
def test_no_secret_shows_in_any_text_of_the_settings(monkeypatch, folder, place):
    secrets = {name: f"postgresql://u:hidden-{number}@h/d" for number, name in enumerate(SECRETS)}
    if place == "file":
        _dotenv(folder, **secrets)
    else:
        for name, value in secrets.items():
            monkeypatch.setenv(name, value)
    settings = Settings.load()
    for text in (repr(settings), str(settings), f"{settings}", str(settings.model_dump()), settings.model_dump_json()):
        assert "hidden" not in text
    assert settings.state_url == "postgresql://u:hidden-3@h/d"  # but it can be used


def test_no_secret_shows_in_the_error_of_another_variable(monkeypatch):
    for name in SECRETS:
        monkeypatch.setenv(name, "postgresql://u:hidden@h/d")
    monkeypatch.setenv("TIKTOK_ORGANIC_QPM_APP", "many")
    with pytest.raises(ConfigurationError) as caught:
        Settings.load()
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("url", ["mysql://u:hidden@h/d", "hidden", "duckdb:/hidden", "sqlite:///hidden.db"])
def test_a_warehouse_of_no_known_kind_is_refused_without_being_shown(monkeypatch, url):
    monkeypatch.setenv("TIKTOK_ORGANIC_WAREHOUSE", url)
    with pytest.raises(WarehouseError, match="TIKTOK_ORGANIC_WAREHOUSE") as caught:
        open_warehouse(Settings.load())
    assert "hidden" not in str(caught.value)


def test_settings_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Settings.load().qpm_app = 1


def test_loading_writes_nothing(folder):
    before = dict(os.environ)
    settings = Settings.load()
    assert settings.warehouse_url
    assert list(folder.iterdir()) == []
    assert dict(os.environ) == before


def test_the_example_file_of_the_project_is_valid(folder):
    example = Path(__file__).parents[2] / ".env.example"
    (folder / ".env").write_text(example.read_text())
    Settings.load()
    uncommented = "\n".join(line.removeprefix("# ") for line in example.read_text().splitlines())
    named = set(re.findall(r"^#?\s*(TIKTOK_[A-Z_]+)=", uncommented, re.MULTILINE))
    assert named <= set(Settings.variables())


def test_a_first_partition_in_the_future_is_refused(monkeypatch):
    monkeypatch.setenv("TIKTOK_ORGANIC_START_DATE", "9999-01-01")
    with pytest.raises(ConfigurationError, match=r"TIKTOK_ORGANIC_START_DATE .* lies in the future"):
        Settings.load()


@pytest.mark.parametrize("variable", ["TIKTOK_ORGANIC_ALERT_EMAIL", "TIKTOK_ORGANIC_ALERT_FROM"])
def test_what_is_no_address_is_named(monkeypatch, variable):
    monkeypatch.setenv(variable, "ada@example.com, the team")
    with pytest.raises(ConfigurationError, match=f"{variable}.*'the team' is no e-mail address"):
        Settings.load()


def test_several_addresses_are_told_apart(monkeypatch):
    monkeypatch.setenv("TIKTOK_ORGANIC_ALERT_EMAIL", "ada@example.com, bob@example.com,")
    assert Settings.load().alert_addresses == ("ada@example.com", "bob@example.com")
