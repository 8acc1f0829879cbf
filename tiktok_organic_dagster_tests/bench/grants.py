"""What an account's owner has granted, for accounts that no consent page was asked for."""

from datetime import timedelta

from tiktok_organic_dagster.state import utc_now
from tiktok_organic_dagster.tables import ALL_SCOPES
from tiktok_organic_dagster.tiktok import TokenGrant

LIFE = timedelta(days=1000)


def grant_of(business_id: str) -> TokenGrant:
    """All scopes, and tokens that no benchmark outlives."""
    return TokenGrant(
        access_token="bench-access",
        refresh_token="bench-refresh",
        business_id=business_id,
        scopes=tuple(ALL_SCOPES),
        expires_at=utc_now() + LIFE,
        refresh_expires_at=utc_now() + LIFE,
    )
