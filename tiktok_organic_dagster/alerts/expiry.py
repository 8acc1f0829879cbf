"""Which authorizations end soon: each account is told of at 30, 14, 7 and 1 days."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from tiktok_organic_dagster.accounts.account import Account, days_until
from tiktok_organic_dagster.alerts.troubles import Trouble, Verdict

THRESHOLDS = (1, 7, 14, 30)
"""Days that are left when people are told."""


def verdicts_on(accounts: Iterable[Account], now: datetime) -> Iterator[Verdict]:
    """What is to be said of each account whose end is known.

    Nothing more is said of one that cannot be read any more: people are told of that by its failing check.
    """
    for account in accounts:
        if account.refresh_expires_at is not None and account.needs_authorization is None:
            subject = f"expiry:{account.business_id}"
            yield Verdict(subject, None, _troubles(account, subject, account.refresh_expires_at, now))


def _troubles(account: Account, subject: str, ends: datetime, now: datetime) -> tuple[Trouble, ...]:
    left = days_until(ends, now)
    reached = [days for days in THRESHOLDS if left <= days]
    if not reached:
        return ()
    when = f"{ends:%Y-%m-%d %H:%M} UTC"
    what = f"It ends in {left} {'day' if left == 1 else 'days'}, on {when}." if left else f"It ended on {when}."
    text = (
        f"{what} After that nothing of the account can be read, and readings of the days meanwhile are lost. Its owner "
        f"renews it in a few minutes: tiktok-organic connect --expect @{account.username}"
    )
    title = f"The authorization of @{account.username} ends"
    return (Trouble(subject, account.business_id, subject, title, text, now, stage=str(reached[0])),)
