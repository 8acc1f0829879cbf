"""When an empty list of posts is doubted: by what the newest profile counts, and by what earlier readings held."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from tiktok_organic_dagster.accounts.account import Account
from tiktok_organic_dagster.tables import ACCOUNT, VIDEO_TABLES
from tiktok_organic_dagster.tables.own import READINGS
from tiktok_organic_dagster.tables.shared import STATS
from tiktok_organic_dagster.warehouse import Session
from tiktok_organic_dagster.warehouse.base import a_row_each, places


@dataclass(frozen=True)
class Profile:
    """An account's newest profile, and how many public posts it counts: None if it does not say."""

    day: date
    read_at: datetime
    posts: float | None


@dataclass(frozen=True)
class Held:
    """A reading of the step that held rows, in any of its tables."""

    day: date
    written_at: datetime


@dataclass(frozen=True)
class KnownPosts:
    """What is stored about whether an account has posts.

    Attributes:
        can_be_counted: Whether a profile that is read now counts its posts: its owner granted the scope for that.
        profile: Its newest profile, if there is one.
        held: The newest reading of the step, if it held rows. An empty one of today does not count, so that a reading
            that is repeated on a day says the same.
    """

    can_be_counted: bool
    profile: Profile | None
    held: Held | None


@dataclass(frozen=True)
class Doubt:
    """Why an empty list is doubted.

    Attributes:
        why: The reason, in words that follow "although".
        is_refused: Whether nothing is stored. If not, rows of earlier days stay and nothing is lost, so that an account
            whose posts nobody can count is not red for ever once they are gone.
    """

    why: str
    is_refused: bool


def doubt(known: KnownPosts, today: date) -> Doubt | None:
    """Why an empty list of posts is doubted today; None if it is believed."""
    profile, held = known.profile, known.held
    would_replace = held is not None and held.day == today
    if profile is not None and profile.posts is not None and profile.posts > 0:
        day = "today" if profile.day == today else profile.day
        why = f"its profile of {day} counts {profile.posts:.0f} public"
        return Doubt(why, would_replace or known.can_be_counted or profile.day == today)
    if held is None or (profile is not None and profile.posts == 0 and profile.read_at >= held.written_at):
        return None
    if would_replace:
        return Doubt("an earlier reading of today holds some", is_refused=True)
    return Doubt(f"the reading of {held.day} holds some", is_refused=False)


def known_posts(session: Session, accounts: Sequence[Account], today: date) -> dict[str, KnownPosts]:
    """Look up what is stored about the posts of accounts, up to today, by `_business_id`."""
    business_ids = [account.business_id for account in accounts]
    of_accounts = f"{a_row_each(business_ids)} AS a (id)"
    stored, readings = session.name_of(ACCOUNT), session.name_of(READINGS)
    profiles = {
        business_id: Profile(*profile)
        for business_id, *profile in session.query(
            f"SELECT t._business_id, t.metric_date, t._loaded_at, t.videos_count FROM {of_accounts} "  # noqa: S608
            f"JOIN {stored} AS t ON t._business_id = a.id AND t.metric_date = "
            f"(SELECT max(n.metric_date) FROM {stored} AS n WHERE n._business_id = a.id AND n.metric_date <= ?)",
            *business_ids,
            today,
        )
    }
    tables = [table.name for table in VIDEO_TABLES]
    of_step = places(tables)
    held = {
        business_id: Held(day, written_at)
        for business_id, day, written_at in session.query(
            "SELECT r._business_id, r.read_date, max(CASE WHEN r.rows > 0 THEN r.read_at END) "  # noqa: S608
            f"FROM {of_accounts} JOIN {readings} AS r ON r._business_id = a.id AND r.read_date = "
            f"(SELECT max(n.read_date) FROM {readings} AS n WHERE n._business_id = a.id AND n.table_name IN ({of_step})"
            " AND n.read_date <= ? AND (n.read_date < ? OR n.rows > 0)) "
            f"WHERE r.table_name IN ({of_step}) GROUP BY r._business_id, r.read_date",
            *business_ids,
            *tables,
            today,
            today,
            *tables,
        )
        if written_at is not None
    }
    return {
        account.business_id: KnownPosts(
            can_be_counted=STATS in account.scopes,
            profile=profiles.get(account.business_id),
            held=held.get(account.business_id),
        )
        for account in accounts
    }
