"""The tables read from `business/get`: the account's profile, its daily metrics, its audience by hour."""

from tiktok_organic_dagster.tables.model import Availability, Column, ColumnType, Entry, Field, Table, Writing
from tiktok_organic_dagster.tables.shared import (
    ACCOUNT_TYPE,
    BASIC,
    BUSINESS,
    BUSINESS_ID,
    INSIGHTS,
    LOADED_AT,
    PROFILE,
    STATS,
    USERNAME,
    VERIFIED,
    count,
    flag,
    reading_date,
    text,
    username,
)

ACCOUNT = Table(
    name="tiktok_organic_account",
    title="an account's profile, one reading a day",
    meaning=(
        "The profile of each connected account as TikTok showed it on the day of the reading: name, bio, followers, "
        "likes, number of videos. TikTok keeps no history of these values, so a day on which nobody read them is gone; "
        "the first row of an account is from the day it was connected. NULL means that TikTok did not return the "
        "value, mostly because the permission for it was not granted."
    ),
    columns=(
        Column(
            "video_creator_username",
            ColumnType.TEXT,
            "The account's username without @, as it was at the reading. Names change; join on `_business_id`.",
            Field("username", USERNAME),
            is_username=True,
        ),
        reading_date("The day of the reading."),
        text(
            "bio_description",
            "The text of the bio. An empty text means that the account has none.",
            Field("bio_description", PROFILE),
        ),
        text("display_name", "The name shown on the profile.", Field("display_name", BASIC)),
        count("followers_count", "Followers at the moment of the reading.", Field("followers_count", STATS)),
        count("following_count", "Accounts that this account follows.", Field("following_count", STATS)),
        flag(
            "is_business_account",
            "True for a Business account, false for a Personal one. Some metrics exist for Business accounts only.",
            Field("is_business_account", ACCOUNT_TYPE),
        ),
        flag("is_verified", "Whether the account has TikTok's verification badge.", Field("is_verified", PROFILE)),
        text("profile_deep_link", "A short link that opens the profile.", Field("profile_deep_link", PROFILE)),
        text(
            "profile_image",
            "Address of the profile image. It is signed and expires: its `x-expires` says when.",
            Field("profile_image", BASIC),
        ),
        count("total_likes", "Likes of all videos over the account's life.", Field("total_likes", STATS)),
        count("videos_count", "Public posts at the moment of the reading.", Field("videos_count", STATS)),
        BUSINESS_ID,
        LOADED_AT,
    ),
    key=("_business_id", "metric_date"),
    writing=Writing.REPLACE_DAY,
)

_METRIC_DAY = Column(
    "metric_date",
    ColumnType.DATE,
    "The day that the numbers are about. TikTok publishes a day 24 to 48 hours after it ended.",
    Field("date", None),
    unit="UTC date",
)


def _metric(name: str, meaning: str, availability: Availability = Availability.ALL) -> Column:
    return count(name, meaning, Field(name, INSIGHTS, availability))


ACCOUNT_METRICS = Table(
    name="tiktok_organic_account_metrics",
    title="an account's numbers, one row a day",
    meaning=(
        "What happened on an account on each day: views, likes, followers won and lost, clicks. TikTok serves the last "
        "60 days, of which 58 are loaded, and publishes a day 24 to 48 hours after it ended; the newest days are "
        "therefore empty or provisional, and a later load fills them. NULL means that TikTok has no such number for "
        "this account: followers won and lost exist for Business accounts, clicks for Verified Business accounts."
    ),
    columns=(
        username(),
        _METRIC_DAY,
        Column(
            "profile_image",
            ColumnType.TEXT,
            "Address of the profile image at the time of loading, not of the day. It is signed and expires.",
            Field("profile_image", BASIC),
            references="tiktok_organic_account.profile_image",
        ),
        _metric("address_clicks", "Clicks on the address in the profile.", VERIFIED),
        _metric("app_download_clicks", "Clicks on the app link in the profile.", VERIFIED),
        _metric("bio_link_clicks", "Clicks on the website link in the bio.", VERIFIED),
        _metric("comments", "Comments that the account's videos got on the day."),
        _metric("daily_lost_followers", "Followers lost on the day.", BUSINESS),
        _metric("daily_new_followers", "Followers won on the day.", BUSINESS),
        Column(
            "daily_total_followers",
            ColumnType.FLOAT,
            "Documented by TikTok as the day's net change of followers, despite its name, so it can be negative. "
            "Use `followers_count` for the total.",
            Field("daily_total_followers", INSIGHTS, BUSINESS),
            unit="count",
        ),
        _metric("email_clicks", "Clicks on the e-mail button in the profile.", VERIFIED),
        _metric("engaged_audience", "People who liked, commented or shared on the day.", BUSINESS),
        count(
            "followers_count",
            "Followers of the account at the end of the day.",
            Field("followers_count", INSIGHTS, also_scope=STATS),
        ),
        _metric("lead_submissions", "Lead forms sent from the profile.", VERIFIED),
        _metric("likes", "Likes that the account's videos got on the day. Gross: likes taken back are not subtracted."),
        _metric("phone_number_clicks", "Clicks on the phone number in the profile.", VERIFIED),
        _metric("profile_views", "How often the profile was viewed on the day."),
        _metric("shares", "How often the account's videos were shared on the day."),
        _metric("unique_video_views", "People who watched a video of the account on the day.", BUSINESS),
        _metric("video_views", "Views of all videos on the day, those from paid promotion included."),
        BUSINESS_ID,
        LOADED_AT,
    ),
    key=("_business_id", "metric_date"),
    writing=Writing.FILL_DAYS,
)

AUDIENCE_ACTIVITY = Table(
    name="tiktok_organic_account_metrics_audience_activity",
    title="how many followers were active, one row an hour of a day",
    meaning=(
        "When an account's followers were on TikTok: a count for each hour (UTC) of each day. It answers when to post. "
        "TikTok has it for Business accounts with at least 100 followers, for the same 58 days and with the same delay "
        "as the account metrics. An account without rows here is one that TikTok has no such numbers for."
    ),
    columns=(
        username(),
        _METRIC_DAY,
        Column(
            "audience_activity_count",
            ColumnType.FLOAT,
            "Followers active in that hour.",
            Entry("count"),
            unit="count",
            minimum=0,
        ),
        Column(
            "audience_activity_hour",
            ColumnType.FLOAT,
            "The hour of the day, 0 to 23.",
            Entry("hour"),
            unit="hour, UTC",
            minimum=0,
            maximum=23,
        ),
        BUSINESS_ID,
        LOADED_AT,
    ),
    key=("_business_id", "metric_date", "audience_activity_hour"),
    writing=Writing.FILL_DAYS,
    entries=Field("audience_activity", INSIGHTS, Availability.ACTIVE_BUSINESS),
)
