"""Which fields the simulated API knows and which scope unlocks each; written from TikTok's documents, not from ours."""

from tiktok_organic_dagster.simulator.metrics import BUSINESS_METRICS, VERIFIED_METRICS
from tiktok_organic_dagster.simulator.videos import VERIFIED_CLICKS

SCOPES = (
    "user.info.basic",
    "user.info.username",
    "user.info.profile",
    "user.info.stats",
    "user.account.type",
    "user.insights",
    "video.list",
    "video.insights",
    "comment.list",
    "comment.list.manage",
)
"""What the simulated app is approved for."""

FURTHER_SCOPES = (
    "video.publish",
    "video.upload",
    "biz.spark.auth",
    "biz.brand.insights",
    "biz.ads.recommend",
    "biz.creator.info",
    "biz.creator.insights",
    "tcm.order.update",
    "message.list.read",
    "message.list.send",
    "message.list.manage",
    "discovery.search.words",
)
"""Also accepted on the consent page; they unlock nothing here."""

PROFILE = {
    "is_business_account": "user.account.type",
    "profile_image": "user.info.basic",
    "username": "user.info.username",
    "profile_deep_link": "user.info.profile",
    "display_name": "user.info.basic",
    "bio_description": "user.info.profile",
    "is_verified": "user.info.profile",
    "following_count": "user.info.stats",
    "followers_count": "user.info.stats",
    "total_likes": "user.info.stats",
    "videos_count": "user.info.stats",
}
AUDIENCE = dict.fromkeys(
    ("audience_ages", "audience_genders", "audience_countries", "audience_cities"), "user.insights"
)
METRICS = dict.fromkeys(
    ("video_views", "profile_views", "likes", "comments", "shares", *BUSINESS_METRICS, *VERIFIED_METRICS),
    "user.insights",
)
ACCOUNT = {**METRICS, **AUDIENCE, **PROFILE}
ACCOUNT_DEFAULT = ("display_name", "profile_image")

VIDEO = {
    **dict.fromkeys(
        (
            "item_id",
            "media_type",
            "is_ad",
            "create_time",
            "thumbnail_url",
            "share_url",
            "embed_url",
            "caption",
            "video_duration",
            "video_views",
            "likes",
            "comments",
            "shares",
            "favorites",
            "reach",
        ),
        "video.list",
    ),
    **dict.fromkeys(
        (
            "total_time_watched",
            "average_time_watched",
            "full_video_watched_rate",
            "new_followers",
            "profile_views",
            *VERIFIED_CLICKS,
            "video_view_retention",
            "engagement_likes",
            "impression_sources",
            "audience_genders",
            "audience_countries",
            "audience_cities",
            "audience_types",
        ),
        "video.insights",
    ),
}
VIDEO_DEFAULT = ("item_id",)
VIDEO_BREAKDOWNS = frozenset(
    {
        "video_view_retention",
        "engagement_likes",
        "impression_sources",
        "audience_genders",
        "audience_countries",
        "audience_cities",
        "audience_types",
    }
)

BUSINESS_ONLY_ACCOUNT = frozenset({*BUSINESS_METRICS, *VERIFIED_METRICS})
BUSINESS_ONLY_VIDEO = frozenset({"profile_views", *VERIFIED_CLICKS})
