"""The sensor `authorization_expiry`: tells people in time whose owner has to consent again."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from dagster import DefaultSensorStatus, Failure, SensorDefinition, SkipReason, sensor

from tiktok_organic_dagster.accounts.account import Account, days_until
from tiktok_organic_dagster.alerts.channels import channels_of
from tiktok_organic_dagster.alerts.expiry import verdicts_on
from tiktok_organic_dagster.alerts.memory import Memory
from tiktok_organic_dagster.alerts.telling import judge_and_tell
from tiktok_organic_dagster.errors import TikTokOrganicError
from tiktok_organic_dagster.resources import TikTokResource
from tiktok_organic_dagster.settings import Settings

INTERVAL_S = 3600
NAMED = 10  # accounts whose end is not known that a tick names; the others are counted


def authorization_expiry() -> SensorDefinition:
    """The sensor; its tick says whose authorization ends next."""

    @sensor(
        name="authorization_expiry",
        minimum_interval_seconds=INTERVAL_S,
        default_status=DefaultSensorStatus.RUNNING,
        description="An authorization lasts 365 days and cannot be prolonged. Tells people 30, 14, 7 and 1 days before "
        "one ends, once each, by TIKTOK_ORGANIC_ALERT_WEBHOOK and TIKTOK_ORGANIC_ALERT_EMAIL. Each tick says which one "
        "is next.",
    )
    def told(tiktok: TikTokResource) -> SkipReason:
        try:
            return SkipReason(_look_and_tell(tiktok, datetime.now(UTC)))
        except TikTokOrganicError as error:
            raise Failure(str(error)) from None  # the sentence says it all

    return told


def _look_and_tell(tiktok: TikTokResource, now: datetime) -> str:
    channels = channels_of(Settings.load())
    store = tiktok.connect(lambda: now, time.sleep).store
    try:
        accounts = store.accounts()
        memory = Memory(store.engine, "authorization_expiry")
        connected = [each.business_id for each in accounts]
        see = "All of them: tiktok-organic accounts"
        told = judge_and_tell(memory, channels, verdicts_on(accounts, now), connected, now, see)
    finally:
        store.engine.dispose()
    if not accounts:
        return f"{told} No account is connected in {store.place}."
    return f"{told}{_next(accounts, now)}{_unknown(accounts)}"


def _next(accounts: Sequence[Account], now: datetime) -> str:
    """Which authorization ends next."""
    ends = [(each.refresh_expires_at, each.username) for each in accounts if each.refresh_expires_at is not None]
    if not ends:
        return ""
    moment, name = min(ends)
    return f" The next authorization to end is that of @{name}, in {days_until(moment, now)} days."


def _unknown(accounts: Sequence[Account]) -> str:
    """Whose authorization has no known end."""
    names = [f"@{each.username}" for each in accounts if each.refresh_expires_at is None]
    if not names:
        return ""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return f" TikTok did not say when the authorization of {', '.join(names[:NAMED])}{more} ends: nobody is told of it."
