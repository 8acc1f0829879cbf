"""What Dagster recorded since the last look: finished runs of some jobs, and evaluations of the tables' checks."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dagster import (
    AssetCheckEvaluation,
    AssetCheckKey,
    AssetCheckSeverity,
    AssetKey,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    EventLogEntry,
    RunsFilter,
)
from dagster._core.storage.asset_check_execution_record import (
    COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES,
    AssetCheckExecutionRecord,
)
from dagster_shared.error import SerializableErrorInfo

from tiktok_organic_dagster.alerts.troubles import NO_ACCOUNT, Trouble, Verdict
from tiktok_organic_dagster.assets.specs import ACCOUNTS_OF_THIS_RUN, FAILING_ACCOUNTS
from tiktok_organic_dagster.automation.looking import accounts_named

OVERLAP = 500  # ids below the newest that are looked at again: PostgreSQL may show a lower id after a higher one
PAGE = 1_000  # events of a kind that one look takes; the next look takes the rest
LOOK_BACK = 50  # runs of a job, and evaluations of a check, that a first look goes back at most
KINDS = (DagsterEventType.RUN_FAILURE, DagsterEventType.RUN_SUCCESS, DagsterEventType.ASSET_CHECK_EVALUATION)


@dataclass(frozen=True)
class Place:
    """How far the event log was read.

    Attributes:
        after: The newest id that was there.
        seen: Ids in the overlap below it whose events were read.
    """

    after: int
    seen: frozenset[int] = frozenset()

    def text(self) -> str:
        """As a sensor's cursor."""
        return json.dumps({"after": self.after, "seen": sorted(self.after - each for each in self.seen)})

    @classmethod
    def of(cls, cursor: str | None) -> "Place | None":
        """The place of a cursor; None if it holds none that can be read."""
        try:
            read = json.loads(cursor or "")
            after, seen = read["after"], read["seen"]
            if not all(type(number) is int and number >= 0 for number in [after, *seen]):
                return None
            return cls(after, frozenset(after - each for each in seen))
        except (ValueError, TypeError, KeyError):
            return None


@dataclass(frozen=True)
class Watched:
    """What is looked at.

    Attributes:
        jobs: Jobs whose runs are.
        tables: Tables whose checks are.
        checks: The checks.
        accounts: Id of each connected account by its id, and by its name in lower case.
        tidy: Makes a text from a run or a check fit to be told: on one line, without secrets.
        location: The code location whose runs are looked at, as another one may have jobs of the same names.
    """

    jobs: frozenset[str]
    tables: Sequence[str]
    checks: Sequence[str]
    accounts: Mapping[str, str]
    tidy: Callable[[str], str]
    location: str | None

    def is_of(self, run: DagsterRun) -> bool:
        """Is a run one of those that are looked at?"""
        origin = run.remote_job_origin
        elsewhere = self.location is not None and origin is not None and origin.location_name != self.location
        return run.job_name in self.jobs and not elsewhere

    def account(self, name: str) -> str:
        """An account as troubles know it: its id, or its name where no such account is connected."""
        bare = name.strip().removeprefix("@")
        return self.accounts.get(bare) or self.accounts.get(bare.casefold()) or f"@{bare}"


def look(instance: DagsterInstance, watched: Watched, before: Place | None) -> tuple[list[Verdict], Place]:
    """The verdicts since the last look, oldest first, and how far that is.

    Without a last look, or after the event log was emptied: what says how things stand now, and no more.
    """
    newest = instance.event_log_storage.get_maximum_record_id() or 0
    if before is None or before.after > newest:
        seen = frozenset(number for number in _events(instance, newest - OVERLAP)[0] if number <= newest)
        verdicts = [*_standing_of_runs(instance, watched), *_standing_of_checks(instance, watched)]
        return verdicts, Place(newest, seen)
    events, end = _events(instance, before.after - OVERLAP)
    new = {number: entry for number, entry in events.items() if number not in before.seen}
    verdicts = [verdict for number in sorted(new) for verdict in _verdicts(instance, watched, new[number])]
    after = max(before.after, max(events, default=0)) if end is None else end
    seen = {number for number in {*events, *before.seen} if number > after - OVERLAP}
    return verdicts, Place(after, frozenset(seen))


def _events(instance: DagsterInstance, after: int) -> tuple[dict[int, EventLogEntry], int | None]:
    """The events of interest beyond an id, and the id up to which they are complete; None if they all are there."""
    storage = instance.event_log_storage
    pages = [
        storage.get_logs_for_all_runs_by_log_id(after_cursor=max(-1, after), dagster_event_type=kind, limit=PAGE)
        for kind in KINDS
    ]
    end = min((max(page) for page in pages if len(page) == PAGE), default=None)
    return {number: entry for page in pages for number, entry in page.items() if end is None or number <= end}, end


def _verdicts(instance: DagsterInstance, watched: Watched, entry: EventLogEntry) -> Iterator[Verdict]:
    event = entry.dagster_event
    if event is None:
        return
    if isinstance(event.event_specific_data, AssetCheckEvaluation):
        yield from _of_check(watched, event.event_specific_data, entry.timestamp)
    elif entry.job_name in watched.jobs:
        run = instance.get_run_by_id(entry.run_id)
        if run is not None and watched.is_of(run):
            failed = event.event_type is DagsterEventType.RUN_FAILURE
            yield _of_run(instance, watched, run, entry.timestamp, failed=failed)


def _standing_of_runs(instance: DagsterInstance, watched: Watched) -> Iterator[Verdict]:
    for job in sorted(watched.jobs):
        ended = RunsFilter(job_name=job, statuses=[DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE])
        records = instance.get_run_records(ended, limit=LOOK_BACK)
        for record in sorted(records, key=lambda record: (record.end_time or 0.0, record.storage_id)):
            if not watched.is_of(record.dagster_run):
                continue
            failed = record.dagster_run.status is DagsterRunStatus.FAILURE
            at = record.end_time or record.update_timestamp.timestamp()
            yield _of_run(instance, watched, record.dagster_run, at, failed=failed)


def _standing_of_checks(instance: DagsterInstance, watched: Watched) -> Iterator[Verdict]:
    """Of each check, its evaluations back to the last one that speaks of all accounts."""
    storage = instance.event_log_storage
    keys = [AssetCheckKey(AssetKey(table), check) for table in watched.tables for check in watched.checks]
    for key, latest in sorted(storage.get_latest_asset_check_execution_by_key(keys).items()):
        records = [latest]
        if not _says_how_all_stand(latest):
            records = storage.get_asset_check_execution_history(
                key, limit=LOOK_BACK, status=COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES
            )
        for record in sorted(records, key=lambda record: record.event.timestamp if record.event else 0.0):
            if record.event is not None and record.evaluation is not None:
                yield from _of_check(watched, record.evaluation, record.event.timestamp)


def _says_how_all_stand(record: AssetCheckExecutionRecord) -> bool:
    evaluated = record.status in COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES
    return evaluated and record.evaluation is not None and _accounts(record.evaluation) is None


def _of_run(instance: DagsterInstance, watched: Watched, run: DagsterRun, at: float, *, failed: bool) -> Verdict:
    subject = f"run:{run.job_name}"
    named = {watched.account(name) for name in accounts_named(run)}
    if not failed:
        # Any success shows that a failure which was not of some accounts alone has passed.
        return Verdict(subject, frozenset({*named, NO_ACCOUNT}) if named else None)
    text = watched.tidy(f"{_reason(instance, run)} (run {run.run_id})")
    moment = datetime.fromtimestamp(at, UTC)
    troubles = [
        Trouble(subject, account, subject, f"The job {run.job_name} failed", text, moment)
        for account in sorted(named or {NO_ACCOUNT})
    ]
    return Verdict(subject, frozenset(named) if named else None, tuple(troubles))


def _reason(instance: DagsterInstance, run: DagsterRun) -> str:
    """Why a run failed: what its first failed step says, or Dagster itself if no step failed."""
    kinds = {DagsterEventType.STEP_FAILURE, DagsterEventType.RUN_FAILURE}
    for record in instance.get_records_for_run(run.run_id, of_type=kinds).records:
        event = record.event_log_entry.dagster_event
        if event is None:
            continue
        if event.event_type is DagsterEventType.RUN_FAILURE:
            return event.message or "Dagster gave no reason"
        data = event.step_failure_data
        if data.user_failure_data and data.user_failure_data.description:
            return f"Step {event.step_key}: {data.user_failure_data.description}"
        return f"Step {event.step_key}: {first_cause(data.error) or 'no reason was recorded'}"
    return "Dagster recorded no reason"


def first_cause(error: SerializableErrorInfo | None) -> str:
    """The words of the error from which another one came; empty if there is none."""
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip() if error else ""


def _of_check(watched: Watched, evaluation: AssetCheckEvaluation, at: float) -> Iterator[Verdict]:
    table, check = evaluation.asset_key.path[-1], evaluation.check_name
    if len(evaluation.asset_key.path) > 1 or table not in watched.tables or check not in watched.checks:
        return
    subject = f"check:{check}:{table}"
    named = _accounts(evaluation)
    of = None if named is None else frozenset(map(watched.account, named))
    if evaluation.passed or evaluation.severity is not AssetCheckSeverity.ERROR:
        yield Verdict(subject, of)
        return
    moment = datetime.fromtimestamp(at, UTC)
    failing = _metadata(evaluation, FAILING_ACCOUNTS)
    if isinstance(failing, Mapping) and failing:
        troubles = [
            Trouble(
                subject,
                watched.account(name),
                f"check:{check}:{watched.account(name)}",
                watched.tidy(f"The check {check} fails for @{name.removeprefix('@')}"),
                watched.tidy(str(why)),
                moment,
            )
            for name, why in failing.items()
        ]
    else:
        text = watched.tidy(evaluation.description or "The result says no more.")
        troubles = [
            Trouble(subject, account, subject, f"The check {check} of {table} fails", text, moment)
            for account in sorted({NO_ACCOUNT} if of is None else of)
        ]
    yield Verdict(subject, of, tuple(troubles))


def _accounts(evaluation: AssetCheckEvaluation) -> list[str] | None:
    """The accounts that an evaluation speaks of; None: all."""
    value = _metadata(evaluation, ACCOUNTS_OF_THIS_RUN)
    return _texts(value) if isinstance(value, Sequence) and not isinstance(value, str) else None


def _metadata(evaluation: AssetCheckEvaluation, name: str) -> Any:  # noqa: ANN401 -- as it is in the JSON
    return getattr(evaluation.metadata.get(name), "value", None)


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, Iterable) else []
