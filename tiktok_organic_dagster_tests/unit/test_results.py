"""What a step tells Dagster: previews without personal data, and two checks that say what happened to whom."""

from collections import Counter
from datetime import UTC, date, datetime

import pytest
from dagster import AssetCheckSeverity, AssetKey, MetadataValue

from tiktok_organic_dagster.accounts.account import Account
from tiktok_organic_dagster.assets.results import accounts_result, preview, rows_by_day, schema_result, table_metadata
from tiktok_organic_dagster.findings import Findings, Kind
from tiktok_organic_dagster.readings.base import Notes
from tiktok_organic_dagster.readings.run import Outcome
from tiktok_organic_dagster.tables import CATALOGUE, COMMENTS, VIDEOS
from tiktok_organic_dagster.tiktok.stats import CallStats

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ONE, TWO = date(2026, 11, 22), date(2026, 11, 23)


def _account(name):
    return Account(
        business_id=f"id-{name}",
        username=name,
        client_id="7",
        api_url="https://x.test",
        scopes=frozenset(),
        connected_at=NOON,
        authorized_at=NOON,
        refresh_expires_at=None,
        needs_authorization=None,
    )


def _outcome(name, *findings, error=None, skipped=None, warnings=(), **more):
    found = Findings()
    for table, column, kind, count, sample in findings:
        found.add(table.name, column, kind, count, sample)
    notes = Notes(findings=found, warnings=list(warnings), skipped=skipped, repeated=more.pop("repeated", 0))
    return Outcome(_account(name), error=error, notes=notes, **more)


def _table(result, key):
    value = result.metadata[key]
    return [dict(record.data) for record in value.records]


def test_rows_are_added_up_by_day_over_accounts():
    outcomes = [
        _outcome("a", rows={VIDEOS.name: Counter({ONE: 2, TWO: 1}), COMMENTS.name: Counter({TWO: 9})}),
        _outcome("b", rows={VIDEOS.name: Counter({TWO: 4})}),
        _outcome("c", error="no"),
    ]
    assert rows_by_day(VIDEOS, outcomes) == {ONE: 2, TWO: 5}
    assert rows_by_day(COMMENTS, outcomes) == {TWO: 9}
    assert rows_by_day(VIDEOS, []) == {}


def test_the_facts_of_a_materialization_cover_all_accounts():
    outcomes = [
        _outcome("a", repeated=2, stats=CallStats(calls=Counter({"x": 3, "y": 1}), waited_s=1.26)),
        _outcome("b", repeated=1, stats=CallStats(calls=Counter({"x": 1}), waited_s=0.5)),
        _outcome("c", error="no", stats=CallStats(calls=Counter({"x": 8}))),
        _outcome("d", skipped="no scope"),
    ]
    metadata = table_metadata(VIDEOS, outcomes)
    assert metadata["accounts read"] == 2
    assert metadata["calls of the step"] == 13
    assert metadata["rows sent twice by TikTok"] == 3
    assert metadata["seconds waited for quota"] == pytest.approx(1.8)


def test_a_preview_holds_the_first_five_rows_of_all_accounts_cut_to_a_readable_length():
    row = {**dict.fromkeys(VIDEOS.column_names), "caption": "x" * 500, "likes": 1.0, "metric_date": ONE}
    outcomes = [
        _outcome(name, previews={VIDEOS.name: {ONE: [{**row, "item_id": f"{name}{n}"} for n in range(3)]}})
        for name in "ab"
    ]
    assert preview(VIDEOS, TWO, outcomes) == {}
    records = preview(VIDEOS, ONE, outcomes)["preview"].records
    assert [record.data["item_id"] for record in records] == ["a0", "a1", "a2", "b0", "b1"]
    assert len(records[0].data["caption"]) == 80
    assert records[0].data["likes"] == 1.0
    assert records[0].data["metric_date"] == "2026-11-22"
    assert records[0].data["shares"] == "NULL"


def test_a_preview_of_comments_tells_nothing_of_their_authors():
    row = dict.fromkeys(COMMENTS.column_names, None) | {
        name: "secret person" for name in COMMENTS.column_names if COMMENTS.column(name).personal
    }
    value = preview(COMMENTS, ONE, [_outcome("a", previews={COMMENTS.name: {ONE: [row]}})])["preview"]
    assert isinstance(value, type(MetadataValue.table(value.records, value.schema)))
    assert "secret person" not in str(value)
    assert "comment_id" in value.records[0].data


@pytest.mark.parametrize("table", CATALOGUE, ids=lambda table: table.name)
def test_without_findings_the_schema_check_passes(table):
    rows = {table.name: Counter({ONE: 1_200, TWO: 34})}
    result = schema_result(table, [_outcome("a", rows=rows), _outcome("b", error="no")], of_some=False)
    assert result.passed
    assert result.asset_key == AssetKey(table.name)
    assert result.check_name == "schema"
    assert result.description == f"1,234 rows checked against {len(table.columns)} columns: nothing unusual."


def test_a_check_without_rows_says_that_there_were_none():
    result = schema_result(VIDEOS, [_outcome("a", rows={COMMENTS.name: Counter({ONE: 5})})], of_some=False)
    assert result.passed
    assert result.description.startswith("No rows to check")


@pytest.mark.parametrize("kind", Kind)
def test_every_finding_fails_the_schema_check_with_its_level(kind):
    result = schema_result(VIDEOS, [_outcome("a"), _outcome("b", (VIDEOS, "likes", kind, 3, "many"))], of_some=False)
    assert not result.passed
    lost = kind in {Kind.UNREADABLE, Kind.REJECTED}
    assert result.severity is (AssetCheckSeverity.ERROR if lost else AssetCheckSeverity.WARN)
    for part in ("@b", "likes", "3", "'many'", kind.remedy, "docs/troubleshooting.md"):
        assert part in result.description
    assert "@a" not in result.description
    assert _table(result, "findings") == [
        {
            "account": "@b",
            "column": "likes",
            "level": "error" if lost else "warning",
            "count": 3,
            "what": kind.words,
            "sample": "'many'",
            "what to do": kind.remedy,
        }
    ]


def test_one_error_among_warnings_makes_an_error():
    outcomes = [
        _outcome("a", (VIDEOS, "likes", Kind.OUT_OF_BOUNDS, 1, -1), (VIDEOS, "shares", Kind.UNREADABLE, 1, "x")),
        _outcome("b", (VIDEOS, "caption", Kind.MENDED_TEXT, 1, "x")),
    ]
    result = schema_result(VIDEOS, outcomes, of_some=False)
    assert result.severity is AssetCheckSeverity.ERROR
    assert [row["account"] for row in _table(result, "findings")] == ["@a", "@a", "@b"]


def test_what_to_do_is_said_once_for_each_kind_of_finding():
    outcomes = [_outcome(name, (VIDEOS, "likes", Kind.UNREADABLE, 1, "x")) for name in "abc"]
    result = schema_result(
        VIDEOS, [*outcomes, _outcome("d", (VIDEOS, "likes", Kind.OUT_OF_BOUNDS, 1, -1))], of_some=False
    )
    assert result.description.count(Kind.UNREADABLE.remedy) == 1
    assert result.description.count(Kind.OUT_OF_BOUNDS.remedy) == 1


def test_findings_about_another_table_are_not_told():
    assert schema_result(VIDEOS, [_outcome("a", (COMMENTS, "text", Kind.UNREADABLE, 1, 5))], of_some=False).passed


def test_with_all_accounts_loaded_the_check_passes():
    result = accounts_result(VIDEOS, [_outcome("a"), _outcome("b")])
    assert result.passed
    assert result.check_name == "accounts_loaded"
    assert result.description == "2 accounts read."
    assert accounts_result(VIDEOS, [_outcome("a")]).description == "1 account read."


def test_an_account_that_failed_fails_the_check_with_its_name_and_reason():
    result = accounts_result(VIDEOS, [_outcome("a"), _outcome("b", error="40105: revoked")])
    assert not result.passed
    assert result.severity is AssetCheckSeverity.ERROR
    assert "@b" in result.description
    assert "40105: revoked" in result.description
    assert "@a" not in result.description
    (told,) = _table(result, "details")
    assert (told["account"], told["what"], told["why"]) == ("@b", "failed", "40105: revoked")
    assert "materialize the same partition again" in told["what to do"]
    assert told["what to do"] in result.description
    assert "docs/troubleshooting.md" in result.description
    assert result.metadata["accounts read"].value == 1
    assert result.description.startswith("1 of 2 accounts read. @b failed: ")


def test_a_reason_is_told_to_its_end_where_the_advice_stands():
    reason = f"TikTok's business/get/ (code 40105): {'x' * 300}. Connect the account again."
    result = accounts_result(VIDEOS, [_outcome("b", error=reason)])
    assert _table(result, "details")[0]["why"] == reason


def test_an_account_that_was_skipped_is_a_warning_with_its_reason():
    result = accounts_result(COMMENTS, [_outcome("a", skipped="the scope comment.list was not granted")])
    assert not result.passed
    assert result.severity is AssetCheckSeverity.WARN
    assert "comment.list" in result.description
    assert "tiktok-organic connect" in result.description


def test_a_failure_beside_a_skipped_account_is_an_error():
    result = accounts_result(VIDEOS, [_outcome("a", skipped="why"), _outcome("b", error="no")])
    assert result.severity is AssetCheckSeverity.ERROR
    assert result.description.index("@b") < result.description.index("@a")


def test_warnings_alone_pass_and_are_told():
    result = accounts_result(VIDEOS, [_outcome("a", warnings=["video 5 cannot be read"])])
    assert result.passed
    assert "video 5 cannot be read" in result.description


def test_a_thousand_failures_are_told_in_fifty_lines():
    outcomes = [_outcome(f"n{n}", (VIDEOS, "likes", Kind.UNREADABLE, 1, n), error=f"failed {n}") for n in range(1000)]
    for result, key in (
        (accounts_result(VIDEOS, outcomes), "details"),
        (schema_result(VIDEOS, outcomes, of_some=False), "findings"),
    ):
        assert len(_table(result, key)) == 50
        assert result.description.count("@") == 50
        assert "and 950 more" in result.description


def test_texts_that_cannot_be_encoded_never_reach_dagster():
    result = schema_result(VIDEOS, [_outcome("a", (VIDEOS, "caption", Kind.MENDED_TEXT, 1, "\ud83d\0"))], of_some=False)
    result.description.encode("utf-8")
    assert r"\ud83d\x00" in result.description
