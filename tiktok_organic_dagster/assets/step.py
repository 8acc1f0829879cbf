"""What the four steps have in common: which days and accounts, the reading, and what Dagster is told of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from dagster import (
    AssetCheckKey,
    AssetCheckResult,
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    BackfillPolicy,
    Config,
    Failure,
    MaterializeResult,
)
from pydantic import Field

from tiktok_organic_dagster.assets.plots import plots_of
from tiktok_organic_dagster.assets.results import accounts_result, preview, rows_by_day, schema_result, table_metadata
from tiktok_organic_dagster.assets.specs import ACCOUNTS_CHECK, SCHEMA_CHECK, Common, asset_spec, check_specs
from tiktok_organic_dagster.errors import ConfigurationError, TikTokOrganicError, UnknownAccountError
from tiktok_organic_dagster.readings.base import Moment, Reading
from tiktok_organic_dagster.readings.progress import warehouse_waits_told
from tiktok_organic_dagster.readings.run import Outcome, Stop, take
from tiktok_organic_dagster.resources import TikTokResource, WarehouseResource
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.tables import Table
from tiktok_organic_dagster.windows import Request

NAMED_FAILURES = 10  # accounts named when all fail; the check and the log name each one

Result = MaterializeResult[Any] | AssetCheckResult


class StepConfig(Config):
    """What a run can be told."""

    accounts: list[str] = Field(
        default=[],
        description='The accounts to read, by username or business id: ["@name"]. Empty: all connected accounts. A '
        "name that is not connected fails the run before any call; see `tiktok-organic accounts`.",
    )


@dataclass(frozen=True)
class Step:
    """One of the four steps.

    Attributes:
        name: Its name, which is the op's.
        description: What it does, for the op in the UI.
        tables: The tables that it fills.
        depends_on: The tables that are materialized before it.
        backfill_policy: Puts a range of days into one run. Dagster joins the steps of one policy in one run, where the
            first one that refuses days takes down all below it; so steps of a line have policies that differ.
        request: Sorts the days a run asks for into those that can be loaded and those that cannot.
        reading: Makes the reading of some tables at a moment for some days.
    """

    name: str
    description: str
    tables: Sequence[Table]
    depends_on: Sequence[Table]
    backfill_policy: BackfillPolicy
    request: Callable[[Iterable[date], date], Request]
    reading: Callable[[Sequence[Table], Moment, Sequence[date]], Reading]

    def arguments(self, common: Common) -> dict[str, Any]:
        """What `multi_asset` is told of the step.

        Args:
            common: What all assets have in common.
        """
        return {
            "name": self.name,
            "description": self.description,
            "specs": [asset_spec(table, self.name, common, self.depends_on) for table in self.tables],
            "check_specs": check_specs(self.tables),
            "can_subset": True,
            "backfill_policy": self.backfill_policy,
        }


def materialize(
    context: AssetExecutionContext,
    step: Step,
    tiktok: TikTokResource,
    warehouse: WarehouseResource,
    accounts: Sequence[str],
) -> Iterator[Result]:
    """Read the accounts for the days of the run, write the rows, and tell Dagster what came of it.

    Raises:
        Failure: All days lie outside the window; some do (after the others were loaded and marked); no account could be
            read; a setting or the warehouse cannot be used. The text says what to do.
    """
    if not context.selected_asset_keys:
        raise Failure(
            "A check of this step is made while its table is loaded: materialize the table.", allow_retries=False
        )
    moment = Moment(run_date(context), now=lambda: datetime.now(UTC))
    request = step.request(_days(context), moment.today)
    if not request.allowed:
        raise Failure(request.refusal, allow_retries=False)
    tables = [table for table in step.tables if AssetKey(table.name) in context.selected_asset_keys]
    try:
        reading = step.reading(tables, moment, request.allowed)
        outcomes, elsewhere = _outcomes(context, reading, tiktok, warehouse, accounts)
    except TikTokOrganicError as error:
        may_pass = not isinstance(error, ConfigurationError | UnknownAccountError)
        raise Failure(str(error), allow_retries=may_pass) from None  # the sentence says it all
    checks = _checks(context, tables, outcomes, elsewhere, of_some=bool(accounts))
    if all(outcome.error is not None for outcome in outcomes):
        yield from checks
        reasons = [f"@{outcome.account.username}: {outcome.error}" for outcome in outcomes]
        more = [f"and {len(reasons) - NAMED_FAILURES} more"] if len(reasons) > NAMED_FAILURES else []
        raise Failure(f"No account could be read. {' | '.join([*reasons[:NAMED_FAILURES], *more])}")
    loaded = warehouse.open()
    loaded.refresh_statistics({table.name: rows_by_day(table, outcomes).total() for table in tables})
    plots = plots_of(tables, outcomes, max(request.allowed), loaded, context.log.warning)
    if request.refused:
        for table in tables:
            of_all = table_metadata(table, outcomes)
            for day, of_day in _by_day(table, request.allowed, outcomes, plots):
                # What marks one day as loaded, as Dagster itself would make it.
                context.log_event(AssetMaterialization(table.name, partition=day, metadata={**of_all, **of_day}))
        yield from checks
        raise Failure(request.refusal, allow_retries=False)
    for table in tables:
        for day, of_day in _by_day(table, request.allowed, outcomes, plots):
            context.add_asset_metadata(of_day, table.name, day)
        yield MaterializeResult(
            asset_key=table.name,
            metadata=table_metadata(table, outcomes),
            check_results=[check for check in checks if check.asset_key == AssetKey(table.name)],
        )


def _days(context: AssetExecutionContext) -> list[date]:
    """The days that the run is for."""
    if not (context.has_partition_key or context.has_partition_key_range):
        raise Failure(
            "This run is for no day. Give it one: in the box Partition of the Launchpad, with the tag "
            "dagster/partition, or by materializing the table from its page.",
            allow_retries=False,
        )
    return [date.fromisoformat(key) for key in context.partition_keys]


def run_date(context: AssetExecutionContext) -> date:
    """The UTC date on which the run began: the same for all its steps and their retries."""
    record = context.instance.get_run_record_by_id(context.run_id)
    if record is None:
        raise Failure(f"The run {context.run_id} is not recorded in Dagster's storage.", allow_retries=False)
    began = record.create_timestamp if record.start_time is None else datetime.fromtimestamp(record.start_time, UTC)
    return began.astimezone(UTC).date()


def _outcomes(
    context: AssetExecutionContext,
    reading: Reading,
    tiktok: TikTokResource,
    warehouse: WarehouseResource,
    accounts: Sequence[str],
) -> tuple[list[Outcome], dict[str, str]]:
    """What came of the accounts, and why the last reading of others failed, by name."""
    stop = Stop()
    connected = tiktok.connect(reading.moment.now, stop.sleep)
    outcomes = take(
        reading,
        connected.named(accounts),
        open_reader=connected.open_reader,
        warehouse=warehouse.open(warehouse_waits_told(stop.sleep, context.log.info)),
        store=connected.store,
        log=context.log.info,
        stop=stop,
        since=Settings.load().start_date,
    )
    read = {outcome.account.business_id for outcome in outcomes}
    statuses = connected.store.statuses()
    elsewhere = {
        account.username: status.last_error or ""
        for account in connected.store.accounts()
        if account.business_id not in read
        and (status := statuses.get((account.business_id, reading.step))) is not None
        and status.failing
    }
    return outcomes, elsewhere


def _checks(
    context: AssetExecutionContext,
    tables: Sequence[Table],
    outcomes: Sequence[Outcome],
    elsewhere: Mapping[str, str],
    *,
    of_some: bool,
) -> list[AssetCheckResult]:
    """The results of the checks that were selected."""
    selected: list[AssetCheckResult] = []
    for table in tables:
        for name, result in (
            (SCHEMA_CHECK, schema_result(table, outcomes, of_some=of_some)),
            (ACCOUNTS_CHECK, accounts_result(table, outcomes, elsewhere)),
        ):
            if not result.passed:
                context.log.warning("%s of %s: %s", name, table.name, result.description)
            if AssetCheckKey(AssetKey(table.name), name) in context.selected_asset_check_keys:
                selected.append(result)
    return selected


def _by_day(
    table: Table, days: Sequence[date], outcomes: Sequence[Outcome], plots: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each partition with what is shown of it. The plot stands with the newest: it would weigh in each one's event."""
    rows = rows_by_day(table, outcomes)
    for day in days:
        yield (
            day.isoformat(),
            {
                "dagster/partition_row_count": rows[day],
                **(plots.get(table.name, {}) if day == max(days) else {}),
                **preview(table, day, outcomes),  # last, as it is wide and long
            },
        )
