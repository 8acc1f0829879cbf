"""The reading of an account's profile: one call, one row a day."""

from collections.abc import Generator
from functools import partial

from tiktok_organic_dagster.accounts.account import Account
from tiktok_organic_dagster.readings.base import Notes, Portion, Reading, nothing_came
from tiktok_organic_dagster.readings.intake import Intake
from tiktok_organic_dagster.tables import ACCOUNT, ColumnType, fields_to_ask
from tiktok_organic_dagster.tables.conversion import convert
from tiktok_organic_dagster.tiktok.client import BUSINESS_GET, AccountReader
from tiktok_organic_dagster.warehouse import Spool


class AccountReading(Reading):
    """Reads `business/get` without dates."""

    step = "account"

    def portions(self, account: Account, reader: AccountReader, notes: Notes) -> Generator[Portion]:
        """One row: the profile as it is now."""
        # The profile is always there, so that an account with nothing for another table is no empty answer.
        fields = fields_to_ask((ACCOUNT, *self.tables), account.scopes)
        profile = reader.profile(fields)
        if not any(profile.get(name) is not None for name in fields):
            raise nothing_came(
                BUSINESS_GET,
                f"none of {', '.join(fields)} came for @{account.username}, so nothing was stored",
                "Try again later.",
            )
        (shown,) = convert(ColumnType.TEXT, [profile.get("username")]).array.to_pylist()
        notes.username = shown or None
        named = {**profile, "username": profile.get("username") or self.username(account)}
        with Spool() as spool:
            intake = Intake(spool, self.tables, self.labels(account), notes, accounts=self.accounts)
            intake.add([named])
            intake.finish()
            yield Portion(spool, partial(self.replace_today, account, spool))
