"""What a reading is: one account's rows of a step, fetched page by page, validated, and written in one transaction."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any, TypeVar

import pyarrow as pa

from tiktok_organic_dagster.accounts.account import Account
from tiktok_organic_dagster.accounts.store import AccountStore
from tiktok_organic_dagster.findings import Findings
from tiktok_organic_dagster.gaps import lacking_scope
from tiktok_organic_dagster.ledger import laid_over, read_today
from tiktok_organic_dagster.tables import ACCOUNT, Table
from tiktok_organic_dagster.tables.rows import JsonObject, rows_of
from tiktok_organic_dagster.tiktok.client import AccountReader
from tiktok_organic_dagster.tiktok.errors import Fault, RefusedError, Remedy, TikTokError, error_of
from tiktok_organic_dagster.validation import validated
from tiktok_organic_dagster.warehouse import Session, Spool
from tiktok_organic_dagster.warehouse.base import a_row_each
from tiktok_organic_dagster.warehouse.bookkeeping import record_readings
from tiktok_organic_dagster.warehouse.ledger import change_spans
from tiktok_organic_dagster.warehouse.preparing import prepare_warehouse
from tiktok_organic_dagster.warehouse.writing import replace_day

T = TypeVar("T")

# What TikTok may answer when a field is asked for that it does not give to this kind of account.
FIELD_REFUSALS = frozenset({40001, 40002, 40117, 40118, 40124, 40125, 40130, 41002})


@dataclass(frozen=True)
class Portion:
    """Rows of one account that are ready to be written, all of them or none.

    Attributes:
        spool: The validated rows.
        write: What to do with them within a transaction.
    """

    spool: Spool
    write: Callable[[Session], None]


@dataclass
class Notes:
    """What a reading of one account noticed on its way.

    Attributes:
        findings: Values that could not be read, rows left out, and the like.
        warnings: Sentences for the person who looks at the run; nothing was lost that TikTok offers.
        repeated: Rows that TikTok sent again on a later page, as it does when something is published meanwhile.
        skipped: Why nothing was to be read for the account, if so.
        username: The account's name, where the answer showed it.
        left_over: How many videos a later run has to go on with.
        rows: Rows made so far, for whoever looks on.
    """

    findings: Findings = field(default_factory=Findings)
    warnings: list[str] = field(default_factory=list)
    repeated: int = 0
    skipped: str | None = None
    username: str | None = None
    left_over: int = 0
    rows: int = 0


@dataclass(frozen=True)
class Moment:
    """When a run takes its readings.

    Attributes:
        today: The UTC date of the run's start: the same for all its steps and retries, also past midnight.
        now: The clock, for what is written at this very moment.
    """

    today: date
    now: Callable[[], datetime]

    def now_or_midnight(self) -> datetime:
        """This moment, or the last one of today: what fails after midnight is a failure of the day that it was for."""
        return min(self.now(), datetime.combine(self.today, time.max, UTC))


class Reading(ABC):
    """One step's way to read an account. An object serves all accounts of a run, from several threads at once."""

    step: str
    """The name of the step, as Dagster's op has it."""

    writes_in_portions = False
    """Whether an account is written in several transactions, of which those before a failure stand."""

    def __init__(self, tables: Sequence[Table], moment: Moment) -> None:
        self.tables = tuple(tables)
        self.moment = moment
        self.accounts = 1
        self._usernames: dict[str, str] = {}

    def prepare(self, session: Session, accounts: Sequence[Account], store: AccountStore) -> None:  # noqa: ARG002 -- for those that need it
        """Make the tables, and look up what must be known before the first call. The warehouse is closed after it."""
        prepare_warehouse(session)
        self.accounts = len(accounts)
        self._usernames = newest_usernames(session, [account.business_id for account in accounts], self.moment.today)
        self.look_up(session, accounts)

    def days(self) -> str:
        """Which days are read, for the first line in the log."""
        return f"reading of {self.moment.today}"

    def look_up(self, session: Session, accounts: Sequence[Account]) -> None:  # noqa: B027 -- not every step needs to
        """Look up what this step needs to know of the accounts, in few statements however many they are."""

    @abstractmethod
    def portions(self, account: Account, reader: AccountReader, notes: Notes) -> Generator[Portion]:
        """Read an account from TikTok; each portion that comes is written before the next one is asked for."""

    def replace_today(self, account: Account, spool: Spool, session: Session) -> None:
        """Write an account's reading of today in the place of an earlier one of today, all tables together."""
        for table in self.tables:
            replace_day(session, table, spool, account.business_id, self.moment.today)
        self.record(session, account, {table: spool.rows(table) for table in self.tables})

    def record(self, session: Session, account: Account, rows: Mapping[Table, int], *, complete: bool = True) -> None:
        """Note, within the transaction that writes them, that the tables were read today, with so many rows each."""
        self.note_asked(session, account, rows, complete=complete)
        today = [read_today(self.moment.today, complete=complete)]
        granted = [table for table in rows if lacking_scope(account, table) is None]
        change_spans(session, account.business_id, granted, lambda _table, spans: laid_over(spans, today))

    def note_asked(
        self, session: Session, account: Account, rows: Mapping[Table, int], *, complete: bool = True
    ) -> None:
        """Note, within the transaction of their rows, that TikTok was asked for the tables today."""
        record_readings(
            session,
            account.business_id,
            rows.items(),
            read_date=self.moment.today,
            read_at=self.moment.now(),
            complete=complete,
        )

    def username(self, account: Account) -> str:
        """The account's name: today's account row, else the newest stored one, else as known from connecting."""
        return self._usernames.get(account.business_id, account.username).removeprefix("@")

    def labels(self, account: Account, **more: Any) -> dict[str, Any]:  # noqa: ANN401 -- values of any column
        """What the rows of a reading say of the reading itself."""
        return {
            "business_id": account.business_id,
            "username": self.username(account),
            "read_date": self.moment.today,
            "loaded_at": self.moment.now(),
            **more,
        }


def valid_rows(table: Table, objects: Sequence[JsonObject], labels: dict[str, Any], notes: Notes) -> pa.RecordBatch:
    """Turn objects into rows of a table, and validate them."""
    return validated(table, rows_of(table, objects, labels, notes.findings), notes.findings)


def newest_usernames(session: Session, business_ids: Sequence[str], today: date) -> dict[str, str]:
    """The name of each account in its newest row up to today; one look into the index for each."""
    profiles = session.name_of(ACCOUNT)
    return dict(
        session.query(
            f"SELECT t._business_id, t.video_creator_username FROM {a_row_each(business_ids)} AS a (id) "  # noqa: S608
            f"JOIN {profiles} AS t ON t._business_id = a.id AND t.metric_date = "
            f"(SELECT max(n.metric_date) FROM {profiles} AS n WHERE n._business_id = a.id AND n.metric_date <= ? "
            "AND n.video_creator_username IS NOT NULL AND n.video_creator_username <> '')",
            *business_ids,
            today,
        )
    )


def nothing_came(endpoint: str, text: str, advice: str) -> TikTokError:
    """The error of an answer of success with nothing in it, which may pass: rows are not replaced by nothing."""
    return error_of(Fault(endpoint, Remedy.RETRY, text, advice=advice))


def with_fewer_fields(ask: Callable[[list[str]], T], choices: Sequence[list[str]], notes: Notes) -> T:
    """Ask for fields; if TikTok refuses them, again without those that not every account is given.

    Args:
        ask: The call.
        choices: What to ask for, in order, see `field_choices`.
        notes: Where a warning goes.

    Raises:
        RefusedError: TikTok refuses for another reason, or whatever is asked for.
    """
    wanted, *fewer = choices
    try:
        return ask(wanted)
    except RefusedError as error:
        if error.code not in FIELD_REFUSALS or not fewer:
            raise
        answer = with_fewer_fields(ask, fewer, notes)
        left_out = [name for name in wanted if name not in fewer[0]]
        notes.warnings.append(
            f"TikTok refused fields that not every account has ({error.code}: {error.message}). Read without them: "
            f"{', '.join(left_out)} are NULL."
        )
        return answer
