"""Who may be read: connected accounts, their tokens, and whether they meet TikTok's requirements. No Dagster."""

from tiktok_organic_dagster.accounts.access import open_accounts, open_client, open_oauth, open_reader
from tiktok_organic_dagster.accounts.account import Account, StepStatus
from tiktok_organic_dagster.accounts.store import AccountStore

__all__ = [
    "Account",
    "AccountStore",
    "StepStatus",
    "open_accounts",
    "open_client",
    "open_oauth",
    "open_reader",
]
