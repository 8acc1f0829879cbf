"""Rules on the stored data: what does not fit together is pointed out with its numbers, and never an error."""

from tiktok_organic_dagster.quality.account import FOLLOWERS, LIKES
from tiktok_organic_dagster.quality.comments import COMMENT_ROWS
from tiktok_organic_dagster.quality.rule import Rule, Unusual, Verdict, verdict_of
from tiktok_organic_dagster.quality.shares import SHARES
from tiktok_organic_dagster.quality.videos import COUNTERS_OF_VIDEOS, KEPT, RECEIVED

RULES = (LIKES, FOLLOWERS, RECEIVED, KEPT, COUNTERS_OF_VIDEOS, *SHARES, COMMENT_ROWS)

__all__ = ["RULES", "Rule", "Unusual", "Verdict", "verdict_of"]
