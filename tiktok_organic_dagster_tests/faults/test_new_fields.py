"""A field that TikTok adds harms nothing, and is told once for each place, whichever account and run meets it first."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from tiktok_organic_dagster.accounts.store import AccountStore
from tiktok_organic_dagster.accounts.vault import vault_of_setting
from tiktok_organic_dagster.assets.results import schema_result
from tiktok_organic_dagster.findings import Finding, Findings, Kind
from tiktok_organic_dagster.readings.new_fields import tell_once
from tiktok_organic_dagster.readings.run import Outcome
from tiktok_organic_dagster.simulator import Fault
from tiktok_organic_dagster.simulator.faults import Effect, change
from tiktok_organic_dagster.state import engine
from tiktok_organic_dagster.tables import ACCOUNT, ACCOUNT_METRICS, COMMENTS, VIDEO_TABLES, VIDEOS
from tiktok_organic_dagster_tests.faults.cells import add_post, assert_all_is_there, stand_still
from tiktok_organic_dagster_tests.lab import Lab

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")

GENDERS = next(table for table in VIDEO_TABLES if table.name.endswith("genders"))


def with_gifts(name: str | None = None, inner: str | None = None) -> Effect:
    """Gifts in the answer, in the objects of its list, or in the entries of their lists."""

    def more(data: dict[str, Any]) -> dict[str, Any]:
        if name is None:
            return data | {"gifts": 3}
        if inner is None:
            return data | {name: [item | {"gifts": {"rose": 3}} for item in data.get(name, [])]}
        given = [item | {inner: [each | {"gifts": "3"} for each in item.get(inner) or []]} for item in data[name]]
        return data | {name: given}

    return change(more)


def told(outcomes: list[Outcome]) -> list[Finding]:
    return [finding for outcome in outcomes for finding in outcome.notes.findings if finding.kind is Kind.NEW_FIELD]


def test_a_new_field_is_told_once_with_its_place_and_kind_and_harms_no_row(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=2, videos=0)
    for account in lab.world.accounts:
        add_post(lab, 3, account=account.index)
    stand_still(lab)
    for path, effect in (
        ("business/get/", with_gifts()),
        ("business/get/", with_gifts("metrics")),
        ("business/video/list/", with_gifts("videos")),
        ("business/video/list/", with_gifts("videos", "audience_genders")),
        ("business/comment/list/", with_gifts("comments")),
    ):
        lab.simulator.faults.add(Fault(effect, path=path))

    first = [*lab.read_account(), *lab.read_metrics(3), *lab.read_videos([VIDEOS, GENDERS]), *lab.read_comments()]
    again = [*lab.read_account(), *lab.read_metrics(3), *lab.read_videos([VIDEOS, GENDERS]), *lab.read_all_comments()]

    assert [outcome.error for outcome in [*first, *again]] == [None] * 16
    found = {(finding.table, finding.column): finding.sample for finding in told(first)}
    assert found == {
        (ACCOUNT.name, "gifts"): "a number",
        (ACCOUNT_METRICS.name, "gifts"): "an object",
        (VIDEOS.name, "gifts"): "an object",
        (GENDERS.name, "gifts"): "a text",
        (COMMENTS.name, "gifts"): "an object",
    }
    assert len(told(first)) == len(found), "one account tells it, not both"
    assert told(again) == []
    assert_all_is_there(lab, days=3)
    result = schema_result(VIDEOS, first[4:6], of_some=False)
    assert result.severity.value == "WARN"
    assert "gifts: 1 had this field, which this package does not know; it was not stored (first: an object)" in (
        result.description or ""
    )
    assert schema_result(VIDEOS, again[4:6], of_some=False).passed


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_what_was_told_is_remembered_in_both_state_databases(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/state.db" if kind == "sqlite" else request.getfixturevalue("new_postgres_database")()

    def telling(*names: str) -> list[str]:
        store = AccountStore(engine(url), vault_of_setting(Fernet.generate_key().decode()))
        findings = Findings()
        for name in names:
            findings.merge([Finding(COMMENTS.name, name, Kind.NEW_FIELD, 1, "a text")])
        findings.add(COMMENTS.name, "likes", Kind.UNREADABLE, 1, "many")
        tell_once([findings], store)
        store.engine.dispose()
        return [finding.column for finding in findings]

    assert telling("gifts") == ["gifts", "likes"]
    assert telling("gifts", "mood") == ["mood", "likes"]
    assert telling("mood", "gifts") == ["likes"]
