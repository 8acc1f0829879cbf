"""The table read from `business/comment/list`: the comments on the videos."""

from tiktok_organic_dagster.tables.model import Column, ColumnType, Field, Label, Table, Writing
from tiktok_organic_dagster.tables.shared import BUSINESS_ID, COMMENT_LIST, LOADED_AT, count, flag, username


def _author(name: str, meaning: str) -> Column:
    """Something of the person who wrote the comment."""
    return Column(name, ColumnType.TEXT, meaning, Field(name, COMMENT_LIST), personal=True)


COMMENTS = Table(
    name="tiktok_organic_videos_comments",
    title="a comment on a video, its latest state",
    meaning=(
        "One row for each comment on the accounts' videos, in the state in which it was last seen; hidden ones "
        "included, replies not. Nothing is deleted: a comment that a complete re-read of its video no longer returned "
        "keeps its row and gets a date in `_not_returned_since`. Comments are re-read when their video's counter "
        "moves, which TikTok publishes 24 to 48 hours late. The rows hold personal data of the people who commented."
    ),
    columns=(
        Column(
            "video_id",
            ColumnType.TEXT,
            "The post that was commented on.",
            Label("video_id"),
            references="tiktok_organic_videos.item_id",
            identifier=True,
        ),
        Column(
            "comment_id",
            ColumnType.TEXT,
            "TikTok's id of the comment: 19 digits, too long for a number.",
            Field("comment_id", COMMENT_LIST),
            identifier=True,
        ),
        username(),
        Column(
            "thumbnail_url",
            ColumnType.TEXT,
            "Address of the video's cover image at the time of reading. It is signed and expires.",
            Label("thumbnail_url"),
        ),
        Column(
            "create_time", ColumnType.TIMESTAMP, "When it was written.", Field("create_time", COMMENT_LIST), unit="UTC"
        ),
        _author("display_name", "The name its author shows."),
        flag("liked", "Whether the video's owner liked it.", Field("liked", COMMENT_LIST)),
        count("likes", "Likes of the comment.", Field("likes", COMMENT_LIST)),
        flag("owner", "Whether the video's owner wrote it.", Field("owner", COMMENT_LIST)),
        flag("pinned", "Whether it is pinned on top.", Field("pinned", COMMENT_LIST)),
        _author("profile_image", "Address of its author's image. It is signed and expires."),
        count("replies", "Replies to it, by anyone.", Field("replies", COMMENT_LIST)),
        Column(
            "status",
            ColumnType.TEXT,
            "PUBLIC or HIDDEN. Hidden covers the owner's choice, moderation, privacy and TikTok's filters.",
            Field("status", COMMENT_LIST),
            values=("PUBLIC", "HIDDEN"),
        ),
        _author("text", "What it says."),
        _author("unique_identifier", "TikTok's id of the author, the same in its other APIs."),
        _author("user_id", "An older id of the author, which TikTok plans to drop."),
        Column(
            "comment_author_username",
            ColumnType.TEXT,
            "Its author's username without @.",
            Field("username", COMMENT_LIST),
            is_username=True,
            personal=True,
        ),
        BUSINESS_ID,
        LOADED_AT,
        Column(
            "_read_date",
            ColumnType.DATE,
            "The day on which it was last read; the partition it belongs to.",
            Label("read_date"),
            unit="UTC date",
        ),
        Column(
            "_not_returned_since",
            ColumnType.DATE,
            "The day since which TikTok no longer returns it (deleted, or its author is gone); NULL while it does.",
            Label("not_returned_since"),
            unit="UTC date",
        ),
    ),
    key=("_business_id", "video_id", "comment_id"),
    writing=Writing.LATEST_STATE,
    day="_read_date",
)
