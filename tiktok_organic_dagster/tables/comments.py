"""The table read from `business/comment/list`: the comments on the videos."""

from tiktok_organic_dagster.tables.model import Column, ColumnType, Field, Label, Table, Writing
from tiktok_organic_dagster.tables.shared import (
    BUSINESS_ID,
    COMMENT_LIST,
    IMAGE_EXPIRES,
    LOADED_AT,
    count,
    flag,
    username,
)

HASHED = "a keyed hash (`hashed:...`) stands here where `TIKTOK_ORGANIC_COMMENTERS` is `hashed`."


def _names_author(name: str, meaning: str, beware: str = "", *, field: str = "", is_username: bool = False) -> Column:
    """Something that says who wrote the comment."""
    return Column(
        name,
        ColumnType.TEXT,
        meaning,
        Field(field or name, COMMENT_LIST),
        f"{beware} {HASHED[:1].upper()}{HASHED[1:]}" if beware else HASHED,
        is_username=is_username,
        personal=True,
        names_person=True,
    )


COMMENTS = Table(
    name="tiktok_organic_videos_comments",
    title="a comment on a video, its latest state",
    meaning=(
        "The comments on the accounts' videos, each in the state in which it was last seen. Hidden ones are included; "
        "replies to comments are not, only their number. Beyond 500 comments of a video TikTok repeats some and gives "
        "up the order by time; each is stored once. The rows hold personal data of the people who commented."
    ),
    columns=(
        Column(
            "video_id",
            ColumnType.TEXT,
            "The post that was commented on.",
            Label("video_id", "the video it asked about"),
            references="tiktok_organic_videos.item_id",
            identifier=True,
        ),
        Column(
            "comment_id",
            ColumnType.TEXT,
            "TikTok's id of the comment.",
            Field("comment_id", COMMENT_LIST),
            "19 digits, too long for a number: spreadsheets round it.",
            identifier=True,
        ),
        username(),
        Column(
            "thumbnail_url",
            ColumnType.TEXT,
            "Address of the video's cover image at the time of reading.",
            Label("thumbnail_url", "the reading of the video"),
            IMAGE_EXPIRES,
        ),
        Column(
            "create_time", ColumnType.TIMESTAMP, "When it was written.", Field("create_time", COMMENT_LIST), unit="UTC"
        ),
        _names_author("display_name", "The name its author shows."),
        flag("liked", "Whether the video's owner liked it.", Field("liked", COMMENT_LIST)),
        count(
            "likes",
            "Likes of the comment.",
            Field("likes", COMMENT_LIST),
            beware="as of `_read_date`: new likes do not make a comment be read again.",
        ),
        flag("owner", "Whether the video's owner wrote it.", Field("owner", COMMENT_LIST)),
        flag("pinned", "Whether it is pinned on top.", Field("pinned", COMMENT_LIST)),
        _names_author("profile_image", "Address of its author's image.", IMAGE_EXPIRES),
        count(
            "replies",
            "Replies to it, by anyone, the owner included.",
            Field("replies", COMMENT_LIST),
            beware="as of `_read_date`; the replies themselves are not loaded.",
        ),
        Column(
            "status",
            ColumnType.TEXT,
            "Whether others can see it.",
            Field("status", COMMENT_LIST),
            "hidden covers the owner's choice, moderation, privacy and TikTok's filters; they are not told apart.",
            values=("PUBLIC", "HIDDEN"),
        ),
        Column(
            "text",
            ColumnType.TEXT,
            "What it says.",
            Field("text", COMMENT_LIST),
            "it may begin with `=` or `@`: a spreadsheet that reads a CSV runs it as a formula. It is never hashed, "
            "and may name people.",
            personal=True,
        ),
        _names_author("unique_identifier", "TikTok's id of the author, the same in its other APIs."),
        _names_author(
            "user_id",
            "An older id of the author.",
            "TikTok plans to drop it in its next version: use `unique_identifier`.",
        ),
        _names_author(
            "comment_author_username",
            "Its author's username without @.",
            "names change; `unique_identifier` stays.",
            field="username",
            is_username=True,
        ),
        BUSINESS_ID,
        LOADED_AT,
        Column(
            "_read_date",
            ColumnType.DATE,
            "The day on which it was last read; the partition it belongs to.",
            Label("read_date", "the day of the run"),
            unit="UTC",
            never_null=True,
        ),
        Column(
            "_not_returned_since",
            ColumnType.DATE,
            "The day since which TikTok no longer returns it; NULL while it does.",
            Label("not_returned_since", "set by a complete reading of the video without this comment"),
            "leave these rows out to see the comments that are there now.",
            unit="UTC",
        ),
    ),
    key=("_business_id", "video_id", "comment_id"),
    writing=Writing.LATEST_STATE,
    day="_read_date",
    looked_up_by=("_business_id", "_read_date"),
    endpoint="business/comment/list/",
    objects="comments[]",
    history=(
        "all comments that TikTok returns when a video is first read. Then one row a comment in its latest state: "
        "there is no history of likes, replies or edits. Videos older than 365 days are read once, to the end."
    ),
    deletion=(
        "the row stays in its last state and gets a date in `_not_returned_since`, once a complete reading of the "
        "video came without it: it was deleted, or its author is gone. If it comes back, the date is taken away. "
        "Only the rows of a person whom `tiktok-organic forget-commenter` was told are deleted."
    ),
    latency=(
        "a new comment is found once the video's counter of comments rose, which TikTok publishes 24 to 48 hours late; "
        "videos younger than 7 days are also read daily while their counter says 0. Edits, likes, replies and "
        "deletions are seen at the latest when the whole video is read again: its counter fell, it is younger than 7 "
        "days and its counter rose, or 30 days have passed."
    ),
    cost=(
        "1 call for each 30 comments of a video that is read, and none for a video whose counter stands still. One run "
        "spends at most `TIKTOK_ORGANIC_COMMENT_MINUTES` on an account; later runs go on."
    ),
    joins=(
        "`tiktok_organic_videos` on `_business_id` and `video_id = item_id`, to one reading only (such as the newest "
        "`metric_date` of the video): every reading of the video matches."
    ),
)
