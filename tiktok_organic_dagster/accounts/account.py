"""What is known of a connected account, and of what was read of it last; no token."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Row

from tiktok_organic_dagster.state import from_epoch, utc_now

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Account:
    """A connected account; holds no token.

    Attributes:
        business_id: TikTok's id of the account for this developer app.
        username: Its name when last seen, without @ and without control characters.
        client_id: The developer app it was connected with.
        api_url: The API it was connected at.
        scopes: What its owner granted.
        connected_at: When it was first connected.
        authorized_at: When its owner last consented.
        refresh_expires_at: When its owner has to consent again; None if TikTok did not say.
        needs_authorization: Why its owner has to connect it again now; None while all is well.
    """

    business_id: str
    username: str
    client_id: str
    api_url: str
    scopes: frozenset[str]
    connected_at: datetime
    authorized_at: datetime
    refresh_expires_at: datetime | None
    needs_authorization: str | None


def days_until(moment: datetime, now: datetime) -> int:
    """Days that are left, a begun one counted; 0 once they are over."""
    return max(0, math.ceil((moment - now) / ONE_DAY))


@dataclass(frozen=True)
class StepStatus:
    """What was last read of one account by one step.

    Attributes:
        last_complete: When its last complete reading was taken.
        last_error: The text of its last failure; it stays after later successes.
        last_error_at: When that was.
    """

    last_complete: datetime | None
    last_error: str | None
    last_error_at: datetime | None

    @property
    def failing(self) -> bool:
        """Has nothing been read completely since the last failure?"""
        if self.last_error_at is None:
            return False
        return self.last_complete is None or self.last_complete < self.last_error_at


def status_of_row(row: Row[Any]) -> StepStatus:
    """A row of the table `steps`."""
    return StepStatus(from_epoch(row.last_complete), row.last_error, from_epoch(row.last_error_at))


def account_of_row(row: Row[Any]) -> Account:
    """A row of the table `accounts`, without its tokens."""
    return Account(
        business_id=row.business_id,
        username=row.username,
        client_id=row.client_id,
        api_url=row.api_url,
        scopes=frozenset(scope for scope in row.scopes.split(",") if scope),
        connected_at=from_epoch(row.connected_at) or utc_now(),
        authorized_at=from_epoch(row.authorized_at) or utc_now(),
        refresh_expires_at=from_epoch(row.refresh_expires_at),
        needs_authorization=row.needs_authorization,
    )
