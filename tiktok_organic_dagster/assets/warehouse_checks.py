"""The checks that look into the warehouse, whatever the runs said: is it as new, and as whole, as it can be?"""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckKey,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    Failure,
    MetadataValue,
    multi_asset_check,
)

from tiktok_organic_dagster.assets.results import shown_table, with_remedies
from tiktok_organic_dagster.assets.specs import (
    FAILING_ACCOUNTS,
    FRESHNESS_CHECK,
    LEDGER_CHECK,
    NO_MISSING_DAYS_CHECK,
    TROUBLESHOOTING,
)
from tiktok_organic_dagster.errors import TikTokOrganicError
from tiktok_organic_dagster.freshness import Stale, expected_day, stale_accounts
from tiktok_organic_dagster.gaps import Gaps, bring_to_date, listed
from tiktok_organic_dagster.ledger import MEANING, Span, State
from tiktok_organic_dagster.readings.progress import counted, warehouse_waits_told
from tiktok_organic_dagster.resources import TikTokResource, WarehouseResource
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.tables import ACCOUNT, CATALOGUE, METRIC_TABLES, Table, Writing
from tiktok_organic_dagster.warehouse import prepare_warehouse
from tiktok_organic_dagster.windows import BACKFILL_DAYS, ONE_DAY

LOADED_BY = timedelta(hours=9)
"""The time of day (UTC) at which the load of 05:00 is done, and is looked at."""
NEWLY_LOST = timedelta(days=7)
"""How long a day that was lost is an error; later it is a warning, as nothing can be done any more."""

_STALE = (
    "See the check accounts_loaded and the last runs. If TikTok itself is late, it passes by itself: "
    "tiktok-organic check tells what TikTok gives."
)
_HOLES = (
    "Missing days are loaded by the next run of account_metrics_refresh. Lost ones cannot be had any more: "
    "tiktok-organic gaps tells why."
)


def warehouse_checks() -> AssetChecksDefinition:
    """The checks `freshness`, `no_missing_days` and `gap_ledger`, made by one op."""

    @multi_asset_check(
        name="warehouse_state",
        description="Looks for each connected account how new its rows are and which days are not there, and brings "
        "the gap ledger up to date. It calls nobody.",
        specs=_specs(),
        can_subset=True,
    )
    def warehouse_state(
        context: AssetCheckExecutionContext, tiktok: TikTokResource, warehouse: WarehouseResource
    ) -> Iterator[AssetCheckResult]:
        now = datetime.now(UTC)
        today = now.date()
        selected = context.selected_asset_check_keys
        try:
            store = tiktok.connect(lambda: datetime.now(UTC), time.sleep).store
            accounts = store.accounts()
            with warehouse.open(warehouse_waits_told(time.sleep, context.log.info)).session() as session:
                prepare_warehouse(session)
                gaps = bring_to_date(session, store, accounts, since=Settings.load().start_date, today=today)
                stale = {
                    table: stale_accounts(session, table, accounts, day_of_freshness(table, now))
                    for table in CATALOGUE
                    if _key(table, FRESHNESS_CHECK) in selected
                }
        except TikTokOrganicError as error:
            raise Failure(str(error)) from None  # the sentence says it all
        results = {
            _key(table, FRESHNESS_CHECK): freshness_result(table, found, len(accounts), day_of_freshness(table, now))
            for table, found in stale.items()
        }
        results |= {_key(table, NO_MISSING_DAYS_CHECK): no_missing_days_result(table, gaps) for table in METRIC_TABLES}
        results[_key(ACCOUNT, LEDGER_CHECK)] = ledger_result(gaps)
        for key, result in results.items():
            if key in selected:
                if not result.passed:
                    context.log.warning("%s of %s: %s", key.name, key.asset_key.to_user_string(), result.description)
                yield result

    return warehouse_state


def day_of_freshness(table: Table, now: datetime) -> date:
    """The day by which a table must be fresh: until the daily load, metrics can only be those of the day before."""
    return (now - LOADED_BY).date() if table.writing is Writing.FILL_DAYS else now.date()


def freshness_result(table: Table, stale: Sequence[Stale], connected: int, today: date) -> AssetCheckResult:
    """The check `freshness` of a table: whose rows are older than they can be."""
    expected = expected_day(table, today)
    reasons = {f"@{each.account.username}": str(each) for each in stale}
    fresh = f"{counted(connected - len(stale), 'account has', 'accounts have')} what there is up to {expected}."
    return _result(table, FRESHNESS_CHECK, reasons, fresh, _STALE, {"expected": str(expected)})


def no_missing_days_result(table: Table, gaps: Gaps) -> AssetCheckResult:
    """The check `no_missing_days`: holes between an account's first day of metrics and its newest one."""
    reasons: dict[str, str] = {}
    of_long_ago: dict[str, str] = {}
    for account in gaps.accounts:
        holes = _holes(gaps.of(account, table))
        text = "; ".join(f"{_days(span)} {span.state.value}, {span.why}" for span in holes)
        if any(_can_be_mended(span, gaps.today) for span in holes):
            reasons[f"@{account.username}"] = text
        elif holes:
            of_long_ago[f"@{account.username}"] = text
    fine = f"No day is missing of {counted(len(gaps.accounts), 'account', 'accounts')}."
    if of_long_ago and not reasons:
        return _result(table, NO_MISSING_DAYS_CHECK, of_long_ago, fine, _HOLES, severity=AssetCheckSeverity.WARN)
    return _result(table, NO_MISSING_DAYS_CHECK, reasons, fine, _HOLES)


def ledger_result(gaps: Gaps) -> AssetCheckResult:
    """The check `gap_ledger`: all that is known of every day, to look at; a warning where days are missing or lost."""
    rows = list(listed(gaps))
    number = {state: sum(row.span.days for row in rows if row.span.state is state) for state in State}
    order = [State.MISSING, State.LOST, State.PROVISIONAL, State.NOT_OFFERED, State.LOADED]
    shown = sorted(rows, key=lambda row: order.index(row.span.state))
    summary = ", ".join(f"{number[state]:,} {state.value}" for state in order)
    return AssetCheckResult(
        passed=not any(
            row.span.state is State.LOST or row.span.first < gaps.today for row in rows if _is_gap(row.span)
        ),
        asset_key=ACCOUNT.name,
        check_name=LEDGER_CHECK,
        severity=AssetCheckSeverity.WARN,
        description=f"Days of {counted(len(gaps.accounts), 'account', 'accounts')} in four steps: {summary}. The whole "
        "list: tiktok-organic gaps, or the table _ledger.",
        metadata={
            "ledger": shown_table(
                ("account", "tables", "first day", "last day", "days", "state", "why"),
                [
                    (
                        f"@{row.account.username}",
                        row.title,
                        str(row.span.first),
                        str(row.span.last),
                        row.span.days,
                        row.span.state.value,
                        row.span.why or MEANING[row.span.state],
                    )
                    for row in shown
                ],
            ),
            **{f"days {state.value}": number[state] for state in order},
        },
    )


def _is_gap(span: Span) -> bool:
    return span.state in {State.MISSING, State.LOST}


def _holes(spans: Sequence[Span]) -> list[Span]:
    """What is missing or lost between the first loaded day and the newest."""
    loaded = [span for span in spans if span.state is State.LOADED]
    if not loaded:
        return []
    first, last = loaded[0].first, loaded[-1].last
    return [span for span in spans if _is_gap(span) and first < span.first < last]


def _can_be_mended(span: Span, today: date) -> bool:
    """Whether somebody should look: the day can still be loaded, or was lost lately."""
    lost_on = span.last + (BACKFILL_DAYS + 1) * ONE_DAY
    return span.state is State.MISSING or today - lost_on < NEWLY_LOST


def _days(span: Span) -> str:
    return str(span.first) if span.first == span.last else f"{span.first} to {span.last}"


def _result(
    table: Table,
    check: str,
    reasons: Mapping[str, str],
    fine: str,
    remedy: str,
    metadata: Mapping[str, str] | None = None,
    *,
    severity: AssetCheckSeverity = AssetCheckSeverity.ERROR,
) -> AssetCheckResult:
    told = [f"{name}: {why}" for name, why in reasons.items()]
    return AssetCheckResult(
        passed=not reasons,
        asset_key=table.name,
        check_name=check,
        severity=severity,
        description=with_remedies(told, [remedy]) if told else fine,
        metadata={
            **(metadata or {}),
            **(
                {
                    "details": shown_table(("account", "why"), list(reasons.items())),
                    FAILING_ACCOUNTS: MetadataValue.json(dict(reasons)),
                }
                if reasons
                else {}
            ),
        },
    )


def _key(table: Table, check: str) -> AssetCheckKey:
    return AssetCheckKey(AssetKey(table.name), check)


def _specs() -> list[AssetCheckSpec]:
    return [
        *(
            AssetCheckSpec(
                FRESHNESS_CHECK,
                asset=table.name,
                description="Each connected account has rows as new as what TikTok has published by now. An error "
                f"names the account and its newest day, also when every run was green. What to do: {TROUBLESHOOTING}.",
            )
            for table in CATALOGUE
        ),
        *(
            AssetCheckSpec(
                NO_MISSING_DAYS_CHECK,
                asset=table.name,
                description="No day is missing between the first day that TikTok returned of an account and its "
                f"newest. An error names account and days. What to do: {TROUBLESHOOTING}.",
            )
            for table in METRIC_TABLES
        ),
        AssetCheckSpec(
            LEDGER_CHECK,
            asset=ACCOUNT.name,
            description="The gap ledger of all tables: which days of which account are loaded, provisional, missing or "
            "lost, and why. A warning if days are missing or lost.",
        ),
    ]
