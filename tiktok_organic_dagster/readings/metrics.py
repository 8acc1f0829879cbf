"""The reading of an account's daily metrics: one call for a range of days."""

from collections.abc import Generator, Sequence
from datetime import date
from functools import partial

from tiktok_organic_dagster.accounts.account import Account
from tiktok_organic_dagster.ledger import answered
from tiktok_organic_dagster.readings.base import Moment, Notes, Portion, Reading, with_fewer_fields
from tiktok_organic_dagster.readings.intake import Intake
from tiktok_organic_dagster.tables import Table, field_choices, missing_scopes
from tiktok_organic_dagster.tables.conversion import convert
from tiktok_organic_dagster.tables.model import ColumnType
from tiktok_organic_dagster.tables.rows import JsonObject, objects_of
from tiktok_organic_dagster.tables.shared import INSIGHTS
from tiktok_organic_dagster.tiktok.client import AccountReader
from tiktok_organic_dagster.warehouse import Session, Spool
from tiktok_organic_dagster.warehouse.ledger import change_spans
from tiktok_organic_dagster.warehouse.writing import fill_days
from tiktok_organic_dagster.windows import PUBLISHED_AFTER


class MetricsReading(Reading):
    """Reads `business/get` with a range of dates.

    Args:
        tables: The tables to fill.
        moment: When the run takes its readings.
        days: The days to load, in one call. Today is not asked for, as TikTok has published nothing of it.
    """

    step = "account_metrics"

    def __init__(self, tables: Sequence[Table], moment: Moment, days: Sequence[date]) -> None:
        super().__init__(tables, moment)
        self._days = frozenset(day for day in days if day < moment.today)

    def days(self) -> str:
        """The range of days that is asked for."""
        if not self._days:
            return f"nothing to ask for on {self.moment.today}, of which TikTok has published nothing yet"
        first, last = min(self._days), max(self._days)
        return f"{last}" if first == last else f"{first} to {last}"

    def portions(self, account: Account, reader: AccountReader, notes: Notes) -> Generator[Portion]:
        """The rows of all days that TikTok has published."""
        if not self._days:
            return
        if INSIGHTS in missing_scopes(self.tables, account.scopes):
            notes.skipped = f"the scope {INSIGHTS} was not granted: connect the account again to grant it"
            return
        answer = with_fewer_fields(
            lambda fields: reader.daily_metrics(fields, min(self._days), max(self._days)),
            field_choices(self.tables, account.scopes),
            notes,
        )
        days = self._asked_for(objects_of(self.tables[0], answer["metrics"], "date", notes.findings))
        if not days and min(self._days) <= self.moment.today - PUBLISHED_AFTER:
            notes.warnings.append(
                f"TikTok has no metrics for any day from {min(self._days)} to {max(self._days)}. See whether the "
                f"account's analytics are turned on: tiktok-organic check @{self.username(account)}"
            )
        labelled = [{**day, "profile_image": answer.get("profile_image")} for day in days]
        with Spool() as spool:
            intake = Intake(spool, self.tables, self.labels(account), notes, accounts=self.accounts)
            intake.add(labelled)
            intake.finish()
            yield Portion(spool, partial(self._write, account, spool, frozenset(_dates_of(days))))

    def _asked_for(self, objects: Sequence[JsonObject]) -> list[JsonObject]:
        """The days that were asked for, and those whose date cannot be read, which validation leaves out and counts."""
        return [item for item, day in zip(objects, _dates_of(objects), strict=True) if day is None or day in self._days]

    def _write(self, account: Account, spool: Spool, returned: frozenset[date | None], session: Session) -> None:
        for table in self.tables:
            fill_days(session, table, spool, account.business_id)
        self.note_asked(session, account, {table: spool.rows(table) for table in self.tables})
        came = {day for day in returned if day is not None}
        change_spans(
            session,
            account.business_id,
            self.tables,
            lambda _table, spans: answered(spans, self._days, came, self.moment.today),
        )


def _dates_of(objects: Sequence[JsonObject]) -> list[date | None]:
    """The date of each day that came; None where it cannot be read."""
    return convert(ColumnType.DATE, [item.get("date") for item in objects]).array.to_pylist()
