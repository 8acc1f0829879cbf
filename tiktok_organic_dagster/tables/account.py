"""The tables read from `business/get`: the account's profile, its daily metrics, its audience by hour."""

from tiktok_organic_dagster.tables.model import Availability, Column, ColumnType, Entry, Field, Table, Writing
from tiktok_organic_dagster.tables.shared import (
    ACCOUNT_TYPE,
    BASIC,
    BUSINESS,
    BUSINESS_ID,
    IMAGE_EXPIRES,
    INSIGHTS,
    LOADED_AT,
    NAMES_CHANGE,
    NOT_SUMMED,
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

_ENDPOINT = "business/get/"

ACCOUNT = Table(
    name="tiktok_organic_account",
    title="an account's profile, one reading a day",
    meaning=(
        "The profile of each connected account as TikTok showed it on the day of the reading: name, bio, followers, "
        "likes, number of posts. NULL means that TikTok did not return the value, mostly because the permission for it "
        "was not granted."
    ),
    columns=(
        Column(
            "video_creator_username",
            ColumnType.TEXT,
            "The account's username without @, as it was at the reading.",
            Field("username", USERNAME),
            NAMES_CHANGE,
            is_username=True,
            never_null=True,
        ),
        reading_date("The day of the reading."),
        text(
            "bio_description",
            "The text of the bio. An empty text means that the account has none.",
            Field("bio_description", PROFILE),
        ),
        text("display_name", "The name shown on the profile.", Field("display_name", BASIC)),
        count(
            "followers_count",
            "Followers at the moment of the reading.",
            Field("followers_count", STATS),
            beware="`tiktok_organic_account_metrics` has a column of this name with the total of a past day; for the "
            "same date the two differ.",
        ),
        count("following_count", "Accounts that this account follows.", Field("following_count", STATS)),
        flag(
            "is_business_account",
            "True for a Business account, false for a Personal one. Some metrics exist for Business accounts only.",
            Field("is_business_account", ACCOUNT_TYPE),
        ),
        flag(
            "is_verified",
            "Whether the account has TikTok's blue tick.",
            Field("is_verified", PROFILE),
            beware="not the same as a Verified Business account, the kind that has clicks: that one is about the "
            "registration of a business, and no column says which account is one.",
        ),
        text("profile_deep_link", "A short link that opens the profile.", Field("profile_deep_link", PROFILE)),
        text("profile_image", "Address of the profile image.", Field("profile_image", BASIC), beware=IMAGE_EXPIRES),
        count(
            "total_likes",
            "Likes over the account's life.",
            Field("total_likes", STATS),
            beware="need not be the sum over `tiktok_organic_videos`, which is older and lacks posts that are gone.",
        ),
        count("videos_count", "Public posts at the moment of the reading.", Field("videos_count", STATS)),
        BUSINESS_ID,
        LOADED_AT,
    ),
    key=("_business_id", "metric_date"),
    writing=Writing.REPLACE_DAY,
    endpoint=_ENDPOINT,
    history=(
        "from the day the account was connected, one row for each day on which it was read. TikTok keeps no past "
        "values of a profile: a day that was missed cannot be fetched later."
    ),
    deletion="an account that is closed or disconnected gets no new rows; the stored ones stay.",
    latency=(
        "none. TikTok lists username, display name, image and followers among the values without delay; the others "
        "seem to be current too."
    ),
    cost="1 call.",
    joins=(
        "every other table on `_business_id`; the row with the newest `metric_date` is the account's present profile. "
        "The videos of the same day also on `metric_date`."
    ),
)

_METRIC_DAY = Column(
    "metric_date", ColumnType.DATE, "The day that the numbers are about.", Field("date", None), unit="UTC"
)
_HISTORY = (
    "58 days are asked for at the first load, of which the last one or two are not published yet; from then on every "
    "day that is loaded. TikTok serves the last 60 days; two are left out for safety at the change of day. Days before "
    "the account was opened, or before its owner switched analytics on, do not exist."
)
_DELETION = "a day that TikTok no longer serves stays stored."
_LATENCY = (
    "TikTok publishes a day 24 to 48 hours after it ended, so the last two days may be missing. Whether it corrects a "
    "published day is not documented: take the last 7 days as provisional. The schedule `account_metrics_refresh` "
    "loads them again every day."
)
_COST = "1 call for all days and both tables of `business/get/` with dates."
_UNDO = "whether deleted ones are taken off is not documented."


def _metric(name: str, meaning: str, availability: Availability = Availability.ALL, *, beware: str = "") -> Column:
    return count(name, meaning, Field(name, INSIGHTS, availability), beware=beware)


ACCOUNT_METRICS = Table(
    name="tiktok_organic_account_metrics",
    title="an account's numbers, one row a day",
    meaning=(
        "What happened on an account on each day: views, likes, followers won and lost, clicks. NULL means that TikTok "
        "has no such number for this account or day: followers won and lost exist for Business accounts, clicks for "
        "Verified Business accounts. A day without likes has 0."
    ),
    columns=(
        username(),
        _METRIC_DAY,
        Column(
            "profile_image",
            ColumnType.TEXT,
            "Address of the profile image at the time of loading, not of the day.",
            Field("profile_image", BASIC, once=True),
            IMAGE_EXPIRES,
            references="tiktok_organic_account.profile_image",
        ),
        _metric("address_clicks", "Clicks on the address in the profile.", VERIFIED),
        _metric("app_download_clicks", "Clicks on the app link in the profile.", VERIFIED),
        _metric(
            "bio_link_clicks",
            "Clicks on the website link in the bio.",
            VERIFIED,
            beware="a post's clicks on its website link are `website_clicks` in `tiktok_organic_videos`.",
        ),
        _metric("comments", "Comments that the account's videos got on the day.", beware=_UNDO),
        _metric("daily_lost_followers", "Followers lost on the day.", BUSINESS),
        _metric("daily_new_followers", "Followers won on the day.", BUSINESS),
        Column(
            "daily_total_followers",
            ColumnType.FLOAT,
            "Followers won less followers lost on the day, as TikTok documents it.",
            Field("daily_total_followers", INSIGHTS, BUSINESS),
            "its name says total, and some take it for one; TikTok documents a net change, which can be negative. "
            "Compare it with `followers_count` for your account before you use it; for the total use that column.",
            unit="count",
        ),
        _metric("email_clicks", "Clicks on the e-mail button in the profile.", VERIFIED),
        _metric(
            "engaged_audience",
            "People who liked, commented or shared on the day.",
            BUSINESS,
            beware=f"people, not actions, and as TikTok words it not followers alone; {NOT_SUMMED}",
        ),
        count(
            "followers_count",
            "Followers of the account at the end of the day.",
            Field("followers_count", INSIGHTS, also_scope=STATS),
            beware="it comes from another of TikTok's reports than followers won and lost: the day before plus won "
            "less lost need not give it. The present total is in `tiktok_organic_account`.",
        ),
        _metric("lead_submissions", "Lead forms sent from the profile.", VERIFIED),
        _metric(
            "likes",
            "Likes that the account's videos got on the day.",
            beware="gross: likes taken back are not subtracted, so it can be more than other TikTok screens show.",
        ),
        _metric("phone_number_clicks", "Clicks on the phone number in the profile.", VERIFIED),
        _metric(
            "profile_views",
            "How often the profile was viewed on the day.",
            beware="documented for every account; an older text gave it to registered Business accounts alone.",
        ),
        _metric("shares", "How often the account's videos were shared on the day.", beware=_UNDO),
        _metric(
            "unique_video_views", "People who watched a video of the account on the day.", BUSINESS, beware=NOT_SUMMED
        ),
        _metric(
            "video_views",
            "Views of all the account's videos on the day; a view counts as soon as playback begins.",
            beware="views from paid promotion are included and cannot be told apart.",
        ),
        BUSINESS_ID,
        LOADED_AT,
    ),
    key=("_business_id", "metric_date"),
    writing=Writing.FILL_DAYS,
    endpoint=_ENDPOINT,
    objects="metrics[]",
    history=_HISTORY,
    deletion=_DELETION,
    latency=_LATENCY,
    cost=_COST,
    joins=(
        "`tiktok_organic_account` on `_business_id`. There `metric_date` is the day of a reading, here the day the "
        "numbers are about: join on both only for the profile as it was on that day."
    ),
)

AUDIENCE_ACTIVITY = Table(
    name="tiktok_organic_account_metrics_audience_activity",
    title="how many followers were active, one row an hour of a day",
    meaning=(
        "When an account's followers were on TikTok: it answers when to post. An account without rows is one that "
        "TikTok has no such numbers for: Personal accounts, and Business accounts below 100 followers. In one place "
        "TikTok's documentation promises it to every account with 100 followers."
    ),
    columns=(
        username(),
        _METRIC_DAY,
        Column(
            "audience_activity_count",
            ColumnType.FLOAT,
            "Followers active in that hour.",
            Entry("count"),
            "a follower who is active in two hours most likely counts in both: compare hours, do not add them up.",
            unit="count",
            minimum=0,
        ),
        Column(
            "audience_activity_hour",
            ColumnType.FLOAT,
            "The hour of the day, 0 to 23.",
            Entry("hour"),
            "UTC, not the account's time zone: some of your hours belong to the day before or after.",
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
    endpoint=_ENDPOINT,
    objects="metrics[]",
    part_of="tiktok_organic_account_metrics",
    history=_HISTORY,
    deletion=_DELETION,
    latency=_LATENCY,
    cost=_COST,
    joins="`tiktok_organic_account_metrics` on `_business_id` and `metric_date`, 24 rows to one.",
)
