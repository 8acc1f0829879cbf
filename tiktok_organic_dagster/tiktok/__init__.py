"""TikTok's Accounts API as a library: quotas, retries, tokens and paging; no Dagster."""

from tiktok_organic_dagster.tiktok.client import (
    AccountReader,
    CallStats,
    CommentPage,
    TikTokClient,
    TokenSource,
    VideoPage,
)
from tiktok_organic_dagster.tiktok.errors import (
    PagingError,
    ReauthorizationError,
    RefusedError,
    ThrottledError,
    TikTokError,
    TransientError,
)
from tiktok_organic_dagster.tiktok.limits import RequestBudget
from tiktok_organic_dagster.tiktok.oauth import OAuthClient, TokenGrant
from tiktok_organic_dagster.tiktok.waiting import Waiting, WaitReason

__all__ = [
    "AccountReader",
    "CallStats",
    "CommentPage",
    "OAuthClient",
    "PagingError",
    "ReauthorizationError",
    "RefusedError",
    "RequestBudget",
    "ThrottledError",
    "TikTokClient",
    "TikTokError",
    "TokenGrant",
    "TokenSource",
    "TransientError",
    "VideoPage",
    "WaitReason",
    "Waiting",
]
