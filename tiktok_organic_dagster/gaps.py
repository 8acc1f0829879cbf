"""The gap ledger of the connected accounts: as it is at this moment, and brought up to date in the warehouse."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date

from tiktok_organic_dagster.accounts.account import Account, StepStatus
from tiktok_organic_dagster.accounts.store import AccountStore
from tiktok_organic_dagster.ledger import ROWS_GONE, Circumstances, Span, State, from_day_on, laid_over, settled
from tiktok_organic_dagster.tables import ACCOUNT_METRICS, CATALOGUE, COMMENTS, STEPS, Table, Writing
from tiktok_organic_dagster.tables.own import LEDGER
from tiktok_organic_dagster.tables.shared import COMMENT_LIST, INSIGHTS
from tiktok_organic_dagster.warehouse import Session, step_lock
from tiktok_organic_dagster.warehouse.ledger import Place, metric_days, replace_spans, stored_spans
from tiktok_organic_dagster.windows import BACKFILL_DAYS, ONE_DAY

NEEDED_SCOPE = {ACCOUNT_METRICS.name: INSIGHTS, COMMENTS.name: COMMENT_LIST} | {
    table.name: table.entries.scope for table in CATALOGUE if table.entries is not None and table.entries.scope
}
"""Tables that there is nothing to ask for without a permission that an owner may leave out, or take away."""
WRITTEN_AT_ONCE = 100
"""Steps of accounts that are brought to date in one transaction. PostgreSQL has room for some thousand locks."""


@dataclass(frozen=True)
class Gaps:
    """What is known of every day of the connected accounts from the first partition on.

    The ledger itself keeps more: days before a first partition that was moved, and accounts that were disconnected, as
    they were last known.

    Attributes:
        accounts: The accounts.
        today: The UTC date for which this holds.
        spans: The spans of each account's `_business_id` and table name, in order of days.
    """

    accounts: Sequence[Account]
    today: date
    spans: Mapping[Place, Sequence[Span]]

    def of(self, account: Account, table: Table) -> Sequence[Span]:
        """The spans of an account's table."""
        return self.spans.get((account.business_id, table.name), ())

    def on(self, account: Account, table: Table, day: date) -> Span | None:
        """What is known of one day; None if it is not looked at."""
        return next((span for span in self.of(account, table) if span.first <= day <= span.last), None)

    def in_state(self, *states: State) -> Iterator[tuple[Account, Table, Span]]:
        """The spans of some states, by account and table."""
        for account in self.accounts:
            for tables in STEPS.values():
                for table in tables:
                    for span in self.of(account, table):
                        if span.state in states:
                            yield account, table, span


@dataclass(frozen=True)
class _Known:
    """What is known of an account and a step beside its days, and which permission each table lacks."""

    about: Circumstances
    lacking: Mapping[Table, str | None]

    def of(self, table: Table) -> Circumstances:
        """What is known of one of the step's tables."""
        return replace(self.about, scope=self.lacking[table])


@dataclass(frozen=True)
class Gap:
    """Days of one state of an account, for the tables of a step of which the same is known.

    Attributes:
        account: The account.
        step: The step that fills the tables.
        tables: The tables.
        span: What is known.
    """

    account: Account
    step: str
    tables: tuple[str, ...]
    span: Span

    @property
    def title(self) -> str:
        """The tables in few words: the step's name where it is all of them."""
        return self.step if len(self.tables) == len(STEPS[self.step]) else ", ".join(self.tables)


def listed(gaps: Gaps) -> Iterator[Gap]:
    """All that is known, by account, step and day; tables that are alike stand together."""
    for account in gaps.accounts:
        for step, tables in STEPS.items():
            alike: dict[Span, list[str]] = {}
            for table in tables:
                for span in gaps.of(account, table):
                    alike.setdefault(span, []).append(table.name)
            for span in sorted(alike, key=lambda each: each.first):
                yield Gap(account, step, tuple(alike[span]), span)


def gaps_now(
    session: Session,
    store: AccountStore,
    accounts: Sequence[Account],
    *,
    since: date,
    today: date,
    steps: Sequence[str] = tuple(STEPS),
) -> Gaps:
    """The ledger as it is at this moment; nothing is written.

    Args:
        session: An open warehouse, which may hold no table yet.
        store: What became of the accounts' readings.
        accounts: The accounts to look at.
        since: The first partition: no day before it is expected.
        today: The UTC date.
        steps: The steps whose tables are looked at.
    """
    changes = _now(session, _all_circumstances(store, accounts, steps, since), today)
    return Gaps(accounts, today, {place: from_day_on(new, since) for place, (_, new) in changes.items()})


def bring_to_date(
    session: Session,
    store: AccountStore,
    accounts: Sequence[Account],
    *,
    since: date,
    today: date,
    steps: Sequence[str] = tuple(STEPS),
) -> Gaps:
    """Write down what is known at this moment, where it differs from what is stored.

    Each account's step is written under the lock of its readings, so that none is overtaken; many in one transaction,
    as each one costs a look at the disk.
    """
    about = _all_circumstances(store, accounts, steps, since)
    changes = _now(session, about, today)
    outdated = [
        (business_id, step)
        for business_id, step in about
        if any(list(old) != list(new) for old, new in (changes[business_id, t.name] for t in STEPS[step]))
    ]
    for begin in range(0, len(outdated), WRITTEN_AT_ONCE):
        part = outdated[begin : begin + WRITTEN_AT_ONCE]
        with session.transaction(*(step_lock(step, business_id) for business_id, step in part)):
            there = store.may_be_written(business_id for business_id, _ in part)
            replace_spans(session, _now(session, {each: about[each] for each in part if each[0] in there}, today))
    return Gaps(accounts, today, {place: from_day_on(new, since) for place, (_, new) in changes.items()})


def lacking_scope(account: Account, table: Table) -> str | None:
    """The permission without which there is nothing to ask for, if the account's owner did not grant it."""
    scope = NEEDED_SCOPE.get(table.name)
    return None if scope in account.scopes else scope


def _all_circumstances(
    store: AccountStore, accounts: Sequence[Account], steps: Sequence[str], since: date
) -> dict[tuple[str, str], _Known]:
    """What is known of each account beside its days, by `_business_id` and step."""
    statuses = store.statuses()
    return {
        (account.business_id, step): _Known(
            circumstances(account, step, statuses.get((account.business_id, step)), since),
            {table: lacking_scope(account, table) for table in STEPS[step]},
        )
        for account in accounts
        for step in steps
    }


def _now(
    session: Session, about: Mapping[tuple[str, str], _Known], today: date
) -> dict[Place, tuple[Sequence[Span], Sequence[Span]]]:
    """What is stored of each place, and what is to be said of it today."""
    business_ids = list(dict.fromkeys(business_id for business_id, _ in about))
    tables = [table for step in dict.fromkeys(step for _, step in about) for table in STEPS[step]]
    is_made = session.holds(LEDGER)
    stored = stored_spans(session, business_ids, tables) if is_made else {}
    oldest = today - BACKFILL_DAYS * ONE_DAY
    days = metric_days(session, oldest, business_ids) if is_made and ACCOUNT_METRICS in tables else {}
    return {
        (business_id, table.name): (old, _settled(table, old, known.of(table), days.get(business_id, set()), today))
        for (business_id, step), known in about.items()
        for table in STEPS[step]
        for old in [stored.get((business_id, table.name), [])]
    }


def circumstances(account: Account, step: str, status: StepStatus | None, since: date) -> Circumstances:
    """What is known of an account and a step beside its days."""
    connected = account.connected_at.astimezone(UTC).date()
    reach = connected - BACKFILL_DAYS * ONE_DAY if step == "account_metrics" else connected
    failing = status if status is not None and status.failing else None
    return Circumstances(
        connected=connected,
        begin=max(reach, since),
        ended=account.needs_authorization,
        failed_on=failing.last_error_at.astimezone(UTC).date() if failing and failing.last_error_at else None,
        failure=(failing.last_error or "") if failing else "",
    )


def _settled(
    table: Table, stored: Sequence[Span], about: Circumstances, days: set[date], today: date
) -> Sequence[Span]:
    known = _as_the_table_says(stored, days, today) if table is ACCOUNT_METRICS else stored
    return settled(known, about, today, fills_days=table.writing is Writing.FILL_DAYS)


def _as_the_table_says(stored: Sequence[Span], days: set[date], today: date) -> Sequence[Span]:
    """The spans of account metrics, where days that can still be loaded follow the rows that are there."""
    window = [today - back * ONE_DAY for back in range(1, BACKFILL_DAYS + 1)]
    loaded = {day for span in stored if span.state is State.LOADED for day in window if span.first <= day <= span.last}
    there = days & set(window)
    corrected = [Span(day, day, State.LOADED) for day in there - loaded]
    corrected += [Span(day, day, State.MISSING, ROWS_GONE) for day in loaded - there]
    return laid_over(stored, sorted(corrected, key=lambda span: span.first)) if corrected else stored
