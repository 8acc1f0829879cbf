"""The tables read from `business/video/list`: the videos and seven breakdowns of each."""

from tiktok_organic_dagster.tables.model import Availability, Column, ColumnType, Entry, Field, Table, Writing
from tiktok_organic_dagster.tables.shared import (
    BUSINESS,
    BUSINESS_ID,
    IMAGE_EXPIRES,
    LOADED_AT,
    VERIFIED,
    VIDEO_INSIGHTS,
    VIDEO_LIST,
    count,
    reading_date,
    text,
    username,
)

_ENDPOINT = "business/video/list/"
_HISTORY = (
    "that of the readings, one a day from the day the account was connected. TikTok serves lifetime values only: the "
    "difference between two `metric_date`s is what happened between them, and what happened before the first is not "
    "known by day. The first reading of an account holds all of its posts; later ones those created since 00:00 UTC "
    "365 days before, as TikTok stops counting a post after 365 days."
)
_DELETION = (
    "the post is missing in later readings, its earlier rows stay. Missing does not prove that it was deleted: a post "
    "older than 365 days is not read any more, and a younger one may be private now, for friends only, or filtered by "
    "TikTok, and may come back."
)
_LATENCY = (
    "the numbers are 24 to 48 hours old when they are read; caption, addresses, image and time of creation are "
    "current. A post of the last two days may have no numbers yet."
)
_COST = "1 call for each 20 posts, for this table and the other seven of `business/video/list/` together."
_WITHHELD = "once the post had no activity for more than 7 days, and there again 24 to 48 hours after new activity"
_PERISHABLE = f"withheld (NULL) {_WITHHELD}: take the post's newest reading that has it."
_OF_VIDEOS = f"{_PERISHABLE} 0 or NULL for photos and texts: leave them out of averages by `video_duration > 0`."

_ITEM_ID = Column(
    "item_id",
    ColumnType.TEXT,
    "TikTok's id of the post.",
    Field("item_id", VIDEO_LIST),
    "19 digits, too long for a number: spreadsheets round it.",
    identifier=True,
)
_READ_ON = reading_date("The day of the reading.")


def _listed(name: str, meaning: str, *, unit: str = "count", beware: str = "") -> Column:
    return count(name, meaning, Field(name, VIDEO_LIST), unit=unit, beware=beware)


def _insight(
    name: str,
    meaning: str,
    availability: Availability = Availability.ALL,
    *,
    unit: str = "count",
    beware: str = "",
) -> Column:
    return count(name, meaning, Field(name, VIDEO_INSIGHTS, availability), unit=unit, beware=beware)


VIDEOS = Table(
    name="tiktok_organic_videos",
    title="a post and its lifetime numbers, one row a reading",
    meaning=(
        "Every public post of each account, whether video, photo or text, with its numbers over its whole life as of "
        "the day of the reading; posts that are shown in ads only are included, posts for friends only and private "
        "ones are not. Never add up a number over `metric_date`s: take one reading, or the difference of two. NULL "
        "means that TikTok did not return the value; 0 means that it counted none."
    ),
    columns=(
        _ITEM_ID,
        username(),
        _READ_ON,
        _insight("app_download_clicks", "Clicks on the app link, from this post.", VERIFIED),
        _insight("average_time_watched", "How long a view lasted on average.", unit="seconds", beware=_OF_VIDEOS),
        text("caption", "The caption, with its hashtags and mentions.", Field("caption", VIDEO_LIST)),
        _listed(
            "comments",
            "Comments on the post.",
            beware="how it counts replies and hidden comments is not documented, and it comes 24 to 48 hours late: it "
            "need not be the number of rows in `tiktok_organic_videos_comments`.",
        ),
        Column(
            "create_time", ColumnType.TIMESTAMP, "When it was published.", Field("create_time", VIDEO_LIST), unit="UTC"
        ),
        text("embed_url", "Address of the player to embed elsewhere.", Field("embed_url", VIDEO_LIST)),
        _listed("favorites", "How often it was saved as a favorite."),
        Column(
            "full_video_watched_rate",
            ColumnType.FLOAT,
            "Share of the views that lasted to the end.",
            Field("full_video_watched_rate", VIDEO_INSIGHTS),
            _OF_VIDEOS,
            unit="share, 0 to 1",
            minimum=0,
            maximum=1,
        ),
        _insight("lead_submissions", "Lead forms sent, from this post.", VERIFIED),
        _listed("likes", "Likes of the post.", beware="whether likes taken back are subtracted is not documented."),
        _insight("new_followers", "Followers won by this post."),
        _insight("phone_number_clicks", "Clicks on the phone number, from this post.", VERIFIED),
        _insight("profile_views", "Visits to the profile, from this post.", BUSINESS),
        _listed(
            "reach",
            "People who watched it at least once.",
            unit="people",
            beware=f"{_PERISHABLE} Cannot be added up over posts: the same people watch several.",
        ),
        text(
            "share_url",
            "The public address of the post.",
            Field("share_url", VIDEO_LIST),
            beware="it holds the username of the reading and `utm_*` parameters: tell posts apart by `item_id`. No "
            "column says what kind a post is; `/photo/` in place of `/video/` most likely marks a photo, as it does on "
            "TikTok's site, which is not documented for the API.",
        ),
        _listed("shares", "How often it was shared, also by message within TikTok."),
        text("thumbnail_url", "Address of the cover image.", Field("thumbnail_url", VIDEO_LIST), beware=IMAGE_EXPIRES),
        _insight("total_time_watched", "Time that all viewers together watched it.", unit="seconds", beware=_OF_VIDEOS),
        _listed(
            "video_duration",
            "Length of the video.",
            unit="seconds",
            beware="0 or NULL for photos and texts; which of them TikTok does not document.",
        ),
        _listed(
            "video_views",
            "Views over its life.",
            beware="views from paid promotion are included and cannot be told apart.",
        ),
        _insight("website_clicks", "Clicks on the website link, from this post.", VERIFIED),
        BUSINESS_ID,
        LOADED_AT,
    ),
    key=("_business_id", "item_id", "metric_date"),
    writing=Writing.REPLACE_DAY,
    endpoint=_ENDPOINT,
    objects="videos[]",
    history=_HISTORY,
    deletion=_DELETION,
    latency=_LATENCY,
    cost=_COST,
    joins=(
        "its seven breakdowns on `_business_id`, `item_id` and `metric_date`. `tiktok_organic_account` on "
        "`_business_id`, and on `metric_date` for the profile of the same day. `tiktok_organic_videos_comments` on "
        "`_business_id` and `item_id = video_id`, from one reading only."
    ),
)


def _breakdown(
    entries: str,
    *,
    title: str,
    meaning: str,
    item: Column,
    share: str,
    unit: str = "share, 0 to 1",
    maximum: float = 1,
    beware: str = "",
) -> Table:
    """A breakdown of the videos: one row for each entry of a list of the post, columns in alphabetical order."""
    percentage = Column(
        f"{entries}_percentage",
        ColumnType.FLOAT,
        share,
        Entry("percentage"),
        beware,
        unit=unit,
        minimum=0,
        maximum=maximum,
    )
    own = sorted((item, percentage), key=lambda column: column.name)
    return Table(
        name=f"{VIDEOS.name}_{entries}",
        title=title,
        meaning=meaning,
        columns=(_ITEM_ID, username(), _READ_ON, *own, BUSINESS_ID, LOADED_AT),
        key=("_business_id", "item_id", "metric_date", item.name),
        writing=Writing.REPLACE_DAY,
        entries=Field(entries, VIDEO_INSIGHTS),
        endpoint=_ENDPOINT,
        objects=VIDEOS.objects,
        part_of=VIDEOS.name,
        history=_HISTORY,
        deletion=_DELETION,
        latency=_LATENCY,
        cost=_COST,
        joins="`tiktok_organic_videos` on `_business_id`, `item_id` and `metric_date`, many rows to one.",
    )


def _second(entries: str) -> Column:
    return Column(
        f"{entries}_second",
        ColumnType.FLOAT,
        "The second of the video, counted from its start.",
        Entry("second"),
        unit="seconds",
        minimum=0,
    )


def _kind(entries: str, entry: str, meaning: str, values: tuple[str, ...] = (), *, beware: str = "") -> Column:
    return Column(f"{entries}_{entry}", ColumnType.TEXT, meaning, Entry(entry), beware, values=values)


_NO_ROWS = f"Withheld, so without rows, {_WITHHELD}."

IMPRESSION_SOURCES = _breakdown(
    "impression_sources",
    title="where a post's views came from, one row a source",
    meaning=f"Through which part of TikTok a post was seen: the For You feed, followers, search and others. {_NO_ROWS}",
    item=_kind(
        "impression_sources",
        "impression_source",
        "The part of TikTok.",
        ("For You", "Follow", "Sound", "Personal Profile", "Search", "Others", "Direct Message", "Hashtag"),
        beware="TikTok adds new ones; the list shows those that were documented.",
    ),
    share="Share of the post's views that came from there.",
    beware="shares are rounded, and need not sum to exactly 1.",
)
ENGAGEMENT_LIKES = _breakdown(
    "engagement_likes",
    title="when a post was liked, one row a second of the video",
    meaning="At which second of a video people pressed like: the moment that worked. Photos and texts have none.",
    item=_second("engagement_likes"),
    share="Share of the likes given at that second.",
    beware="TikTok documents no more than its name; that the seconds of a post sum to 1 is an assumption.",
)
VIDEO_VIEW_RETENTION = _breakdown(
    "video_view_retention",
    title="how many kept watching, one row a second of the video",
    meaning=(
        "The share of views that were still going on at each second: it shows where people leave. "
        "Photos and texts have none."
    ),
    item=_second("video_view_retention"),
    share="Share of the views that reached that second.",
    unit="share, scale not documented",
    beware="whether it is 0 to 1 or 0 to 100 is not documented; stored as sent. Divide by the value of the first "
    "second, and the scale does not matter.",
    maximum=100,
)
AUDIENCE_TYPES = _breakdown(
    "audience_types",
    title="new and returning viewers, followers and others, one row a type",
    meaning="Who watched a post. The four types are two pairs: new against returning, and followers against others.",
    item=_kind(
        "audience_types",
        "type",
        "The type of viewer.",
        ("NEW_VIEWER", "RETURN_VIEWER", "FOLLOWER_PERCENT", "NON_FOLLOWER_PERCENT"),
    ),
    share="Share of the viewers of that type.",
    beware="in TikTok's example each pair sums to 1, so all four sum to 2: never add across the pairs.",
)
AUDIENCE_COUNTRIES = _breakdown(
    "audience_countries",
    title="where a post's viewers are, one row a country",
    meaning=f"The countries of a post's viewers, ten at most. {_NO_ROWS}",
    item=_kind("audience_countries", "country", "The country, two letters (ISO 3166-1 alpha-2)."),
    share="Share of the viewers from there.",
    beware="with ten countries at most, shares need not sum to 1.",
)
AUDIENCE_CITIES = _breakdown(
    "audience_cities",
    title="where a post's viewers are, one row a city",
    meaning="The cities of a post's viewers, ten at most.",
    item=_kind(
        "audience_cities",
        "city_name",
        "Country and city, such as `US Cincinnati` or `US Other`.",
    ),
    share="Share of the viewers from there.",
    unit="share, scale not documented",
    beware="TikTok's own example mixes values of 0 to 1 with larger ones, so it may be 0 to 100; stored as sent. With "
    "ten cities at most, shares need not sum to the whole.",
    maximum=100,
)
AUDIENCE_GENDERS = _breakdown(
    "audience_genders",
    title="the gender of a post's viewers, one row a gender",
    meaning="The gender of a post's viewers, as far as TikTok knows it.",
    item=_kind(
        "audience_genders",
        "gender",
        "The gender.",
        ("Female", "Male", "Other", "female_vv", "male_vv", "other_vv"),
        beware="two spellings are known, `Female` and `female_vv`; compare without case and suffix.",
    ),
    share="Share of the viewers of that gender.",
)
