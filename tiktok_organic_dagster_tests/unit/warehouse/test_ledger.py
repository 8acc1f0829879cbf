"""The ledger's rows: few for many days, changed with what they speak of, and as quick for a thousand as for one."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest

from tiktok_organic_dagster.accounts.account import Account, StepStatus
from tiktok_organic_dagster.gaps import bring_to_date, gaps_now, listed
from tiktok_organic_dagster.ledger import NO_RUN, NOTHING_RETURNED, Span, State, laid_over, read_today
from tiktok_organic_dagster.tables import ACCOUNT, ACCOUNT_METRICS, CATALOGUE, COMMENTS, VIDEO_TABLES, VIDEOS
from tiktok_organic_dagster.tables.own import LEDGER
from tiktok_organic_dagster.warehouse import prepare_warehouse
from tiktok_organic_dagster.warehouse.ledger import change_spans, metric_days, replace_spans, stored_spans
from tiktok_organic_dagster_tests.unit.warehouse.rows import ONE, THREE, TWO, a_metric, write_metrics

DAY = timedelta(days=1)
START = date(2026, 1, 1)
BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _account(business_id, scopes=("user.insights", "comment.list", "video.insights")):
    return Account(
        business_id=business_id,
        username=f"name-{business_id}",
        client_id="7",
        api_url="https://x.test",
        scopes=frozenset(scopes),
        connected_at=BEGAN,
        authorized_at=BEGAN,
        refresh_expires_at=None,
        needs_authorization=None,
    )


@dataclass
class Store:
    """What became of the accounts' readings."""

    failures: dict[tuple[str, str], StepStatus] = field(default_factory=dict)

    def statuses(self):
        return self.failures

    def may_be_written(self, business_ids):
        return {*business_ids}


def _rows(session):
    ((count,),) = session.query(f"SELECT count(*) FROM {session.name_of(LEDGER)}")
    return count


@pytest.fixture
def ready(warehouse):
    """A warehouse of each kind, ready for readings."""
    with warehouse.session() as session:
        prepare_warehouse(session)
        yield session


def test_spans_are_read_as_they_were_written(ready):
    spans = [
        Span(ONE, ONE, State.LOST, 'it\'s "gone" for 100 %?'),
        Span(TWO, TWO, State.MISSING, NOTHING_RETURNED, THREE),
        Span(THREE, THREE, State.PROVISIONAL),
    ]
    replace_spans(ready, {("b", VIDEOS.name): ([], spans), ("c", VIDEOS.name): ([], spans[:1])})
    assert stored_spans(ready) == {("b", VIDEOS.name): spans, ("c", VIDEOS.name): spans[:1]}
    assert stored_spans(ready, ["c"]) == {("c", VIDEOS.name): spans[:1]}
    assert stored_spans(ready, ["b"], [ACCOUNT]) == {}
    assert stored_spans(ready, []) == {}


def test_only_what_differs_is_changed_and_no_other_account_is_touched(ready):
    kept, old, new = Span(ONE, ONE, State.LOST), Span(TWO, TWO, State.MISSING), Span(TWO, THREE, State.LOADED)
    replace_spans(ready, {(b, t.name): ([], [kept, old]) for b in "bc" for t in (ACCOUNT, VIDEOS)})
    with ready.transaction("x"):
        change_spans(ready, "b", [VIDEOS], lambda _table, spans: [spans[0], new])
    assert stored_spans(ready) == {
        ("b", ACCOUNT.name): [kept, old],
        ("b", VIDEOS.name): [kept, new],
        ("c", ACCOUNT.name): [kept, old],
        ("c", VIDEOS.name): [kept, old],
    }


def test_more_rows_than_a_statement_takes_are_written_and_taken_away(ready):
    spans = [Span(START + 2 * n * DAY, START + 2 * n * DAY, State.LOADED) for n in range(1200)]
    replace_spans(ready, {("b", VIDEOS.name): ([], spans), ("c", VIDEOS.name): ([], spans[:3])})
    assert stored_spans(ready)["b", VIDEOS.name] == spans
    replace_spans(ready, {("b", VIDEOS.name): (spans, spans[:1])})
    assert stored_spans(ready) == {("b", VIDEOS.name): spans[:1], ("c", VIDEOS.name): spans[:3]}


def test_a_change_is_undone_with_the_transaction_of_the_rows(ready):
    with pytest.raises(ZeroDivisionError), ready.transaction("x"):
        change_spans(ready, "b", [VIDEOS], lambda _table, spans: laid_over(spans, [read_today(ONE, complete=True)]))
        raise ZeroDivisionError
    assert stored_spans(ready) == {}


def test_the_days_of_metrics_are_those_with_a_row(ready):
    write_metrics(ready, ACCOUNT_METRICS, [a_metric(ONE), a_metric(THREE)])
    write_metrics(ready, ACCOUNT_METRICS, [a_metric(TWO, "c")], "c")
    assert metric_days(ready, ONE, ["b", "c"]) == {"b": {ONE, THREE}, "c": {TWO}}
    assert metric_days(ready, TWO, ["b"]) == {"b": {THREE}}
    assert metric_days(ready, ONE, []) == {}


def test_a_warehouse_without_tables_lacks_every_day(warehouse):
    with warehouse.session() as session:
        gaps = gaps_now(session, Store(), [_account("b")], since=START, today=date(2026, 3, 1))
    spans = {table.name: gaps.of(gaps.accounts[0], table) for table in CATALOGUE}
    assert spans[ACCOUNT.name][0].state is State.MISSING
    assert [(s.first, s.last, s.state) for s in spans[ACCOUNT_METRICS.name]] == [
        (date(2026, 1, 2), date(2026, 2, 26), State.MISSING),
        (date(2026, 2, 27), date(2026, 2, 28), State.PROVISIONAL),
    ]


def test_accounts_are_brought_to_date_together_and_then_nothing_is_left_to_write(ready, monkeypatch):
    accounts = [_account(f"b{n:03}") for n in range(130)]
    today = date(2026, 3, 5)
    written = bring_to_date(ready, Store(), accounts, since=START, today=today)
    # Of each account: 10 tables with days lost and today; 2 of metrics with days lost, missing and provisional.
    assert _rows(ready) == 130 * (10 * 2 + 2 * 3)
    assert stored_spans(ready) == {place: list(spans) for place, spans in written.spans.items()}
    assert gaps_now(ready, Store(), accounts, since=START, today=today).spans == written.spans
    monkeypatch.setattr(type(ready), "transaction", None)  # a second time begins no transaction
    bring_to_date(ready, Store(), accounts, since=START, today=today)


def test_accounts_that_were_disconnected_and_days_before_a_start_date_that_was_moved_are_history(ready):
    today, moved = date(2026, 3, 5), date(2026, 3, 3)
    bring_to_date(ready, Store(), [_account("b"), _account("c")], since=START, today=today)
    before = stored_spans(ready)
    gaps = bring_to_date(ready, Store(), [_account("b")], since=moved, today=today)
    assert {span.first for _, _, span in gaps.in_state(State.MISSING)} == {today}
    assert {(span.first, span.last) for _, _, span in gaps.in_state(State.LOST)} == {(moved, date(2026, 3, 4))}
    assert {account.business_id for account, _, _ in gaps.in_state(*State)} == {"b"}
    assert gaps_now(ready, Store(), [_account("b")], since=moved, today=today) == gaps
    assert stored_spans(ready) == before


def test_a_step_is_brought_to_date_alone(ready):
    bring_to_date(ready, Store(), [_account("b")], since=START, today=date(2026, 3, 5), steps=["videos"])
    assert {name for _, name in stored_spans(ready)} == {table.name for table in VIDEO_TABLES}


def test_three_years_of_a_healthy_account_are_a_row_per_table_and_each_outage_adds_two(ready):
    account, last = _account("b"), date(2029, 2, 28)
    days = [BEGAN.date() + n * DAY for n in range((last - BEGAN.date()).days + 1)]
    for day in days:
        if date(2027, 5, 1) <= day <= date(2027, 5, 3):
            continue
        if day in {BEGAN.date(), date(2027, 5, 4), last}:  # between them the same is said of every day
            bring_to_date(ready, Store(), [account], since=START, today=day, steps=["account"])
    known = stored_spans(ready)["b", ACCOUNT.name]
    loaded = [read_today(day, complete=True) for day in days if not date(2027, 5, 1) <= day <= date(2027, 5, 3)]
    with ready.transaction("x"):
        replace_spans(ready, {("b", ACCOUNT.name): (known, laid_over(known, loaded))})
    bring_to_date(ready, Store(), [account], since=START, today=last, steps=["account"])
    assert stored_spans(ready) == {
        ("b", ACCOUNT.name): [
            Span(BEGAN.date(), date(2027, 4, 30), State.LOADED),
            Span(date(2027, 5, 1), date(2027, 5, 3), State.LOST, NO_RUN),
            Span(date(2027, 5, 4), last, State.LOADED),
        ]
    }


def test_only_an_account_that_still_fails_has_a_reason_of_failure(ready):
    today, noon = date(2026, 3, 1), BEGAN
    store = Store(
        {
            ("b", "account"): StepStatus(noon - timedelta(hours=1), "it broke", noon),
            ("c", "account"): StepStatus(noon, "it broke", noon - timedelta(hours=1)),
        }
    )
    gaps = gaps_now(ready, store, [_account("b"), _account("c")], since=START, today=today, steps=["account"])
    assert [gap.span.why for gap in listed(gaps)] == ["it broke", "not asked for yet"]


def test_tables_of_a_step_of_which_the_same_is_known_are_listed_together(ready):
    account = _account("b", scopes=["user.insights", "video.insights"])
    with ready.transaction("x"):
        change_spans(ready, "b", [VIDEOS], lambda _table, _spans: [read_today(BEGAN.date(), complete=True)])
    gaps = gaps_now(ready, Store(), [account], since=START, today=BEGAN.date(), steps=["account", "videos", "comments"])
    assert [(gap.step, gap.title, gap.span.state) for gap in listed(gaps)] == [
        ("account", "account", State.MISSING),
        ("videos", VIDEOS.name, State.LOADED),
        ("videos", ", ".join(t.name for t in VIDEO_TABLES if t is not VIDEOS), State.MISSING),
        ("comments", "comments", State.NOT_OFFERED),
    ]
    assert gaps.on(account, VIDEOS, BEGAN.date()).state is State.LOADED
    assert gaps.on(account, VIDEOS, BEGAN.date() + DAY) is None
    assert [table for _, table, _ in gaps.in_state(State.NOT_OFFERED)] == [COMMENTS]


@pytest.mark.parametrize("warehouse_url", ["postgres"], indirect=True)
def test_a_reading_that_is_written_meanwhile_is_not_overtaken(warehouse, ready):
    today, account = date(2026, 3, 5), _account("b")
    under_way = threading.Event()

    def look():
        with warehouse.session() as session:
            under_way.set()
            bring_to_date(session, Store(), [account], since=START, today=today, steps=["account"])

    with ThreadPoolExecutor(1) as pool:
        with ready.transaction("account:b"):
            change_spans(
                ready, "b", [ACCOUNT], lambda _table, spans: laid_over(spans, [read_today(today, complete=True)])
            )
            looking = pool.submit(look)
            assert under_way.wait(60)
            _wait_until_blocked(warehouse)
        looking.result(60)
    assert [(s.first, s.last, s.state) for s in stored_spans(ready)["b", ACCOUNT.name]] == [
        (date(2026, 3, 1), date(2026, 3, 4), State.LOST),
        (today, today, State.LOADED),
    ]


def _wait_until_blocked(warehouse):
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with warehouse.session() as session:
        for _ in range(10_000):
            if session.query(waiting) == [(1,)]:
                return
    raise AssertionError("nobody waits")
