"""The tables read from `business/video/list`: the videos and seven breakdowns of each."""

from tiktok_organic_dagster.tables.model import Availability, Column, ColumnType, Entry, Field, Table, Writing
from tiktok_organic_dagster.tables.shared import (
    BUSINESS,
    BUSINESS_ID,
    LOADED_AT,
    VERIFIED,
    VIDEO_INSIGHTS,
    VIDEO_LIST,
    count,
    reading_date,
    text,
    username,
)

_HISTORY = (
    "TikTok serves lifetime values only, so the history is that of the readings, one a day: compare two `metric_date`s "
    "to see what happened between them. The first reading of an account holds all of its posts, later ones those "
    "younger than 365 days, after which TikTok no longer updates them. Values are 24 to 48 hours old."
)

_ITEM_ID = Column(
    "item_id",
    ColumnType.TEXT,
    "TikTok's id of the post: 19 digits, too long for a number.",
    Field("item_id", VIDEO_LIST),
    identifier=True,
)
_READ_ON = reading_date("The day of the reading.")


def _listed(name: str, meaning: str, unit: str = "count") -> Column:
    return count(name, meaning, Field(name, VIDEO_LIST), unit)


def _insight(name: str, meaning: str, unit: str = "count", availability: Availability = Availability.ALL) -> Column:
    return count(name, meaning, Field(name, VIDEO_INSIGHTS, availability), unit)


VIDEOS = Table(
    name="tiktok_organic_videos",
    title="a post and its lifetime numbers, one row a reading",
    meaning=(
        "Every public post of each account with its lifetime numbers as of the day of the reading. "
        + _HISTORY
        + " NULL means that TikTok did not return the value: reach and watch times are withheld for posts without "
        "activity for 7 days, and clicks exist for Verified Business accounts only. A post that vanishes from later "
        "readings was deleted, made private or filtered by TikTok; its rows stay."
    ),
    columns=(
        _ITEM_ID,
        username(),
        _READ_ON,
        _insight("app_download_clicks", "Clicks on the app link, from this post.", availability=VERIFIED),
        _insight("average_time_watched", "How long a view lasted on average.", "seconds"),
        text("caption", "The caption, with its hashtags and mentions.", Field("caption", VIDEO_LIST)),
        _listed("comments", "Comments on the post."),
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
            unit="share, 0 to 1",
            minimum=0,
            maximum=1,
        ),
        _insight("lead_submissions", "Lead forms sent, from this post.", availability=VERIFIED),
        _listed("likes", "Likes of the post."),
        _insight("new_followers", "Followers won by this post."),
        _insight("phone_number_clicks", "Clicks on the phone number, from this post.", availability=VERIFIED),
        _insight("profile_views", "Visits to the profile, from this post.", availability=BUSINESS),
        _listed("reach", "People who watched it at least once.", "people"),
        text("share_url", "The public address of the post.", Field("share_url", VIDEO_LIST)),
        _listed("shares", "How often it was shared, also by message."),
        text(
            "thumbnail_url",
            "Address of the cover image. It is signed and expires: its `x-expires` says when.",
            Field("thumbnail_url", VIDEO_LIST),
        ),
        _insight("total_time_watched", "Time that all viewers together watched it.", "seconds"),
        _listed("video_duration", "Length of the video; 0 or NULL for photos and texts.", "seconds"),
        _listed("video_views", "Views over its life, those from paid promotion included."),
        _insight("website_clicks", "Clicks on the website link, from this post.", availability=VERIFIED),
        BUSINESS_ID,
        LOADED_AT,
    ),
    key=("_business_id", "item_id", "metric_date"),
    writing=Writing.REPLACE_DAY,
)


def _breakdown(entries: str, *, title: str, meaning: str, item: Column, share: str, maximum: float = 1) -> Table:
    """A breakdown of the videos: one row for each entry of a list of the post, columns in alphabetical order."""
    percentage = Column(
        f"{entries}_percentage",
        ColumnType.FLOAT,
        share,
        Entry("percentage"),
        unit="share",
        minimum=0,
        maximum=maximum,
    )
    own = sorted((item, percentage), key=lambda column: column.name)
    return Table(
        name=f"{VIDEOS.name}_{entries}",
        title=title,
        meaning=f"{meaning} {_HISTORY}",
        columns=(_ITEM_ID, username(), _READ_ON, *own, BUSINESS_ID, LOADED_AT),
        key=("_business_id", "item_id", "metric_date", item.name),
        writing=Writing.REPLACE_DAY,
        entries=Field(entries, VIDEO_INSIGHTS),
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


def _kind(entries: str, entry: str, meaning: str, values: tuple[str, ...] = ()) -> Column:
    return Column(f"{entries}_{entry}", ColumnType.TEXT, meaning, Entry(entry), values=values)


IMPRESSION_SOURCES = _breakdown(
    "impression_sources",
    title="where a post's views came from, one row a source",
    meaning="Through which part of TikTok a post was seen: the For You feed, followers, search and others.",
    item=_kind(
        "impression_sources",
        "impression_source",
        "The part of TikTok. TikTok adds new ones from time to time.",
        ("For You", "Follow", "Sound", "Personal Profile", "Search", "Others", "Direct Message", "Hashtag"),
    ),
    share="Share of the post's views that came from there. Withheld for posts without activity for 7 days.",
)
ENGAGEMENT_LIKES = _breakdown(
    "engagement_likes",
    title="when a post was liked, one row a second of the video",
    meaning="At which second of a video people pressed like: it shows the moment that worked.",
    item=_second("engagement_likes"),
    share="Share of the likes given at that second.",
)
VIDEO_VIEW_RETENTION = _breakdown(
    "video_view_retention",
    title="how many kept watching, one row a second of the video",
    meaning="The share of viewers who were still watching at each second: it shows where people leave.",
    item=_second("video_view_retention"),
    share="Share of the views that reached that second. TikTok does not document whether it is 0 to 1 or 0 to 100: "
    "stored as sent.",
    maximum=100,
)
AUDIENCE_TYPES = _breakdown(
    "audience_types",
    title="new and returning viewers, followers and others, one row a type",
    meaning="Who watched a post: new against returning viewers, and followers against others. Each pair sums to 1.",
    item=_kind(
        "audience_types",
        "type",
        "The type of viewer.",
        ("NEW_VIEWER", "RETURN_VIEWER", "FOLLOWER_PERCENT", "NON_FOLLOWER_PERCENT"),
    ),
    share="Share of the viewers of that type.",
)
AUDIENCE_COUNTRIES = _breakdown(
    "audience_countries",
    title="where a post's viewers are, one row a country",
    meaning="The countries of a post's viewers, ten at most, so the shares need not sum to 1.",
    item=_kind("audience_countries", "country", "The country, two letters (ISO 3166)."),
    share="Share of the viewers from there. Withheld for posts without activity for 7 days.",
)
AUDIENCE_CITIES = _breakdown(
    "audience_cities",
    title="where a post's viewers are, one row a city",
    meaning="The cities of a post's viewers, ten at most, so the shares need not sum to 1.",
    item=_kind("audience_cities", "city_name", "Country and city, such as `US Cincinnati` or `US Other`."),
    share="Share of the viewers from there. TikTok's own example mixes 0 to 1 with 0 to 100: stored as sent.",
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
    ),
    share="Share of the viewers of that gender.",
)
