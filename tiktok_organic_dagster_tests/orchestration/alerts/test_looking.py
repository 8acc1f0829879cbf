"""How the sensor `alerts` looks: a tick that fails loses nothing, and none of Dagster's storages hides anything."""

import pytest
import sqlalchemy as sa
from dagster import Failure
from dagster._core.test_utils import instance_for_test

from tiktok_organic_dagster.automation import evidence
from tiktok_organic_dagster.automation.alerts import alerts
from tiktok_organic_dagster_tests.databases_that_refuse import PASSWORD as DATABASE_PASSWORD
from tiktok_organic_dagster_tests.databases_that_refuse import postgres_that_refuses_the_password
from tiktok_organic_dagster_tests.orchestration.sensors import VIDEOS, Loader, Watch, connect, failure, tick

NO_TOKEN = {"@ada": "the authorization has ended"}


def test_a_malformed_channel_fails_the_tick_in_one_sentence(instance, monkeypatch):
    monkeypatch.setenv("TIKTOK_ORGANIC_ALERT_WEBHOOK", "hidden-address")
    with pytest.raises(Failure, match="TIKTOK_ORGANIC_ALERT_WEBHOOK is no web address") as caught:
        tick(alerts(), instance)
    assert "hidden-address" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_state_database_that_does_not_answer_fails_the_tick_in_one_sentence(instance, monkeypatch):
    with postgres_that_refuses_the_password() as url:
        monkeypatch.setenv("TIKTOK_ORGANIC_STATE", url)
        with pytest.raises(Failure, match=r"^The state database .* failed: .* Check TIKTOK_ORGANIC_STATE") as caught:
            tick(alerts(), instance)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert DATABASE_PASSWORD not in str(caught.value)


@pytest.mark.usefixtures("web")
def test_a_tick_that_failed_loses_nothing(loader, watch, monkeypatch):
    watch.tick()
    loader.run(failure=failure("TikTok is down."))
    with monkeypatch.context() as patched:
        patched.setenv("TIKTOK_ORGANIC_STATE", "sqlite:////proc/nowhere/state.db")
        with pytest.raises(Failure, match="nowhere"):
            watch.tick()
    assert watch.tick().startswith("Told by webhook: 1 opened")


@pytest.mark.usefixtures("web")
def test_a_lost_key_does_not_keep_people_from_being_told(loader, watch, home):
    connect(home, ada="1")
    (home / "key").write_text("this is no key")
    loader.run(failure=failure("The key is not the one."))
    assert watch.tick().startswith("Told by webhook: 1 opened")


@pytest.mark.parametrize("storage", ["sqlite", "postgres"])
@pytest.mark.usefixtures("web")
def test_it_reads_every_storage_of_dagster(storage, tmp_path, request):
    if storage == "postgres":
        url = sa.engine.make_url(request.getfixturevalue("new_postgres_database")())
        given = {"storage": {"postgres": {"postgres_url": url.render_as_string(hide_password=False)}}}
    else:
        given = {}
    with instance_for_test(given, temp_dir=str(tmp_path)) as instance:
        loader, watch = Loader(instance), Watch(instance)
        watch.tick()
        loader.fails(VIDEOS, "accounts_loaded", NO_TOKEN)
        loader.run("warehouse_checks")
        loader.run("warehouse_checks", failure=failure("The warehouse is away."))
        assert watch.tick().startswith("Told by webhook: 2 opened")
        assert Watch(instance).tick().startswith("Nothing changed. 2 problems are open")


def test_more_than_one_page_of_evaluations_takes_several_ticks_and_loses_none(loader, watch, web, monkeypatch):
    monkeypatch.setattr(evidence, "PAGE", 10)
    monkeypatch.setattr(evidence, "OVERLAP", 3)
    watch.tick()
    for number in range(6):
        loader.fails(VIDEOS, "accounts_loaded", {f"@a{number}": "why"}, of=[f"@a{number}"])
        loader.run()
    for _ in range(10):
        said = watch.tick()
    assert said.startswith("Nothing changed. 6 problems are open")
    assert sum(text.count("*The check") for text in web.texts) == 6


@pytest.mark.usefixtures("web")
def test_an_evaluation_that_shows_late_is_not_missed(loader, watch, instance, monkeypatch):
    """PostgreSQL gives out ids before the rows can be seen: a lower one may show after a higher one was read."""
    watch.tick()
    loader.fails(VIDEOS, "accounts_loaded", NO_TOKEN, of=["@ada"])
    loader.run()
    storage = instance.event_log_storage
    whole = storage.get_logs_for_all_runs_by_log_id
    (late,) = [
        number
        for number, entry in whole(dagster_event_type=evidence.KINDS[2]).items()
        if "@ada" in str(entry.dagster_event)
    ]
    loader.passes(VIDEOS, "accounts_loaded", of=["@bob"])
    loader.run()
    with monkeypatch.context() as patched:
        patched.setattr(
            storage,
            "get_logs_for_all_runs_by_log_id",
            lambda **given: {number: entry for number, entry in whole(**given).items() if number != late},
        )
        assert watch.tick() == "Nothing changed. No problem is open."
    assert watch.tick().startswith("Told by webhook: 1 opened")
