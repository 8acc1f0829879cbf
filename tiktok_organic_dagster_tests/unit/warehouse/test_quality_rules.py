"""The rules of data quality on rows written by hand: what each compares, and the numbers it finds."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tiktok_organic_dagster.quality import RULES, verdict_of
from tiktok_organic_dagster.quality.rule import Verdict
from tiktok_organic_dagster.tables import ACCOUNT, ACCOUNT_METRICS, CATALOGUE, COMMENTS, VIDEOS
from tiktok_organic_dagster.tables.own import COMMENT_READS, OWN_TABLES
from tiktok_organic_dagster.tables.videos import AUDIENCE_GENDERS, AUDIENCE_TYPES, IMPRESSION_SOURCES
from tiktok_organic_dagster.warehouse.bookkeeping import record_readings
from tiktok_organic_dagster.warehouse.known_comments import write_comment_reads
from tiktok_organic_dagster_tests.unit.warehouse.rows import (
    NOON,
    a_comment,
    a_metric,
    a_row,
    a_video,
    table_names,
    write_comments,
    write_day,
    write_metrics,
)

TODAY = date(2026, 11, 23)
YESTERDAY = TODAY - timedelta(days=1)
YOUNG = datetime(2026, 11, 1, tzinfo=UTC)
EVERYTHING = (*CATALOGUE, *OWN_TABLES)


@pytest.fixture
def all_tables(session):
    session.prepare(EVERYTHING)
    return session


def _read(session, table, day, rows, business_id="b"):
    """A reading of a day: its rows, and its record."""
    of_account = {"_business_id": business_id, "video_creator_username": f"name-{business_id}"}
    write_day(session, table, [{**row, **of_account} for row in rows], day, business_id)
    record_readings(session, business_id, [(table, len(rows))], read_date=day, read_at=NOON)


def _profile(session, day, business_id="b", **values):
    _read(session, ACCOUNT, day, [a_row(ACCOUNT, metric_date=day, **values)], business_id)


def _verdict(session, table, name, today=TODAY):
    (rule,) = [rule for rule in RULES if (rule.table, rule.name) == (table, name)]
    return verdict_of(rule, session, today)


def _found(verdict):
    return [(each.username, *each.numbers.values()) for each in verdict.unusual]


# --- Nothing to look at ----------------------------------------------------------------------------------------------


def test_in_an_empty_warehouse_there_is_nothing_to_compare_and_no_table_is_made(warehouse):
    with warehouse.session() as session:
        assert {verdict_of(rule, session, TODAY).accounts for rule in RULES} == {0}
        assert table_names(session) == set()


def test_with_empty_tables_there_is_nothing_to_compare(all_tables):
    assert {verdict_of(rule, all_tables, TODAY).compared for rule in RULES} == {0}


def test_an_account_that_is_read_no_more_is_silent_after_two_days(all_tables):
    _read(all_tables, VIDEOS, YESTERDAY, [a_video("1", YESTERDAY, create_time=YOUNG, video_views=9.0)])
    _read(all_tables, VIDEOS, TODAY, [a_video("1", create_time=YOUNG, video_views=8.0)])
    for later, accounts in enumerate((1, 1, 0)):
        verdict = _verdict(all_tables, VIDEOS, "counters_do_not_fall", TODAY + timedelta(days=later))
        assert (verdict.accounts, len(verdict.unusual)) == (accounts, accounts)


# --- Videos against the profile --------------------------------------------------------------------------------------

FIRST_DAY = date(2023, 11, 24)
POSTS = [FIRST_DAY + timedelta(days=10 * number) for number in range(-20, 110)]  # the newest of 2026-11-14
LATER = [FIRST_DAY + timedelta(days=73 * number) for number in range(1, 16)]  # the newest of 2026-11-23


def _years_of_readings(session, days, business_id="b"):
    """Readings of an account that posts every tenth day: the first holds all posts, later ones those of 365 days."""
    for number, day in enumerate(days):
        posts = [post for post in POSTS if post <= day and (number == 0 or post >= day - timedelta(days=365))]
        rows = [
            a_video(str(post), day, create_time=datetime(post.year, post.month, post.day, 12, tzinfo=UTC))
            for post in posts
        ]
        _read(session, VIDEOS, day, rows, business_id)


def test_posts_of_three_years_are_known_though_each_reading_holds_those_of_one(all_tables):
    assert LATER[-1] == TODAY
    _years_of_readings(all_tables, [FIRST_DAY, *LATER])
    _profile(all_tables, TODAY, videos_count=130.0)
    assert _found(_verdict(all_tables, VIDEOS, "videos_match_profile_count")) == []
    _profile(all_tables, TODAY, videos_count=137.0)
    verdict = _verdict(all_tables, VIDEOS, "videos_match_profile_count")
    received = len([post for post in POSTS if post >= TODAY - timedelta(days=365)])
    assert _found(verdict) == [("name-b", 137, received, 130 - received, 7)]
    assert (verdict.accounts, verdict.compared) == (1, received)


def test_on_the_first_day_every_post_should_come(all_tables):
    for business_id, counted in (("equal", 100.0), ("few", 103.0), ("part", 105.0), ("more", 90.0), ("odd", 106.0)):
        _read(all_tables, VIDEOS, TODAY, [a_video(str(n)) for n in range(100)], business_id)
        _profile(all_tables, TODAY, business_id, videos_count=counted)
    verdict = _verdict(all_tables, VIDEOS, "videos_match_profile_count")
    assert _found(verdict) == [("name-odd", 106, 100, 0, 6)]
    assert (verdict.accounts, verdict.compared) == (5, 500)


def test_videos_are_not_compared_with_a_profile_that_counts_none_or_of_another_day(all_tables):
    _read(all_tables, VIDEOS, TODAY, [a_video("1")])
    _profile(all_tables, YESTERDAY, videos_count=1_000.0)
    _read(all_tables, VIDEOS, TODAY, [a_video("1")], "c")
    _profile(all_tables, TODAY, "c", videos_count=None)
    assert _verdict(all_tables, VIDEOS, "videos_match_profile_count").accounts == 0


def test_after_an_outage_of_more_than_a_year_too_little_is_known_to_compare(all_tables):
    _years_of_readings(all_tables, [FIRST_DAY, TODAY])
    _profile(all_tables, TODAY, videos_count=130.0)
    assert _verdict(all_tables, VIDEOS, "videos_match_profile_count").accounts == 0


# --- Far fewer videos than before ------------------------------------------------------------------------------------


def test_posts_that_vanish_are_missed_and_those_that_leave_the_window_are_not(all_tables):
    old = datetime(2025, 11, 22, 23, 59, 59, tzinfo=UTC)  # the reading of today holds posts since 2025-11-23
    edge = datetime(2025, 11, 23, tzinfo=UTC)
    before = [a_video(f"old{n}", YESTERDAY, create_time=old) for n in range(50)]
    before += [a_video(f"new{n}", YESTERDAY, create_time=edge) for n in range(40)]
    for business_id, left in (("all", 40), ("four", 36), ("five", 35), ("none", 0)):
        _read(all_tables, VIDEOS, YESTERDAY, before, business_id)
        _read(all_tables, VIDEOS, TODAY, [a_video(f"new{n}", create_time=edge) for n in range(left)], business_id)
    verdict = _verdict(all_tables, VIDEOS, "no_sudden_loss_of_videos")
    assert sorted(_found(verdict)) == [
        ("name-five", "2026-11-22", "2026-11-23", 40, 5),
        ("name-none", "2026-11-22", "2026-11-23", 40, 40),
    ]
    assert (verdict.accounts, verdict.compared) == (4, 160)


def test_the_reading_before_may_be_30_days_old(all_tables):
    for days in (30, 31):
        before = TODAY - timedelta(days=days)
        _read(all_tables, VIDEOS, before, [a_video(str(n), before, create_time=YOUNG) for n in range(9)], str(days))
        _read(all_tables, VIDEOS, TODAY, [], str(days))
    verdict = _verdict(all_tables, VIDEOS, "no_sudden_loss_of_videos")
    assert [each.username for each in verdict.unusual] == ["name-30"]
    assert verdict.accounts == 1


# --- Counters that fall ----------------------------------------------------------------------------------------------


def _counters(day, **of_videos):
    return [
        a_video(item, day, create_time=YOUNG, video_views=views, likes=likes)
        for item, (views, likes) in of_videos.items()
    ]


def test_views_never_fall_and_likes_only_a_little(all_tables):
    _read(all_tables, VIDEOS, YESTERDAY, _counters(YESTERDAY, a=(900, 100), b=(50, 10), c=(7, 5_000), d=(3, 200)))
    _read(all_tables, VIDEOS, TODAY, _counters(TODAY, a=(899, 90), b=(10, 0), c=(7, 4_500), d=(None, 100)))
    verdict = _verdict(all_tables, VIDEOS, "counters_do_not_fall")
    assert _found(verdict) == [("name-b", "likes", 1, "d", 200, 100), ("name-b", "video_views", 2, "b", 50, 10)]
    assert (verdict.accounts, verdict.compared) == (1, 4)


def test_likes_of_an_account_may_fall_by_those_of_the_posts_that_are_gone(all_tables):
    for business_id, likes, posts in (("gone", 500.0, 2), ("fell", 399.0, 2), ("rose", 1_100.0, 2), ("old", 9.0, 1)):
        videos = [a_video(str(n), YESTERDAY, create_time=YOUNG, likes=250.0) for n in range(4)]
        _read(all_tables, VIDEOS, YESTERDAY, videos, business_id)
        _read(all_tables, VIDEOS, TODAY, [a_video(str(n), likes=250.0) for n in range(2)], business_id)
        _profile(all_tables, YESTERDAY, business_id, total_likes=1_000.0, videos_count=40.0)
        _profile(all_tables, TODAY, business_id, total_likes=likes, videos_count=36.0 + posts)
    verdict = _verdict(all_tables, ACCOUNT, "counters_do_not_fall")
    assert _found(verdict) == [("name-fell", "2026-11-22", "2026-11-23", 1_000, 399, 500)]
    assert (verdict.accounts, verdict.compared) == (3, 3)


def test_likes_are_not_compared_where_nobody_knows_which_posts_are_gone(all_tables):
    _profile(all_tables, YESTERDAY, total_likes=1_000.0, videos_count=1.0)
    _profile(all_tables, TODAY, total_likes=1.0, videos_count=1.0)
    assert _verdict(all_tables, ACCOUNT, "counters_do_not_fall").accounts == 0
    _read(all_tables, VIDEOS, YESTERDAY, [a_video("1", YESTERDAY, create_time=YOUNG, likes=5.0)])
    assert _verdict(all_tables, ACCOUNT, "counters_do_not_fall").accounts == 0
    _read(all_tables, VIDEOS, TODAY, [a_video("1", likes=5.0)])
    assert _found(_verdict(all_tables, ACCOUNT, "counters_do_not_fall")) == [
        ("name-b", "2026-11-22", "2026-11-23", 1_000, 1, 0)
    ]


# --- Followers -------------------------------------------------------------------------------------------------------


def _metrics(session, business_id, *days):
    """Days up to three days ago, each with (followers, won, lost, daily_total_followers)."""
    last = TODAY - timedelta(days=3)
    rows = [
        a_metric(
            last - timedelta(days=len(days) - 1 - number),
            business_id,
            video_creator_username=f"name-{business_id}",
            **dict(
                zip(
                    ("followers_count", "daily_new_followers", "daily_lost_followers", "daily_total_followers"),
                    day,
                    strict=True,
                )
            ),
        )
        for number, day in enumerate(days)
        if day is not None
    ]
    write_metrics(session, ACCOUNT_METRICS, rows, business_id)


def test_followers_won_less_lost_are_compared_with_the_curve_of_neighbouring_days(all_tables):
    _metrics(all_tables, "fine", (1_000.0, 0.0, 0.0, 0.0), (1_030.0, 50.0, 10.0, 40.0), (1_040.0, 10.0, 0.0, None))
    _metrics(all_tables, "off", (1_000.0, 0.0, 0.0, 0.0), (1_031.0, 10.0, 4.0, 6.0), (1_100.0, 2.0, 0.0, 2.0))
    _metrics(all_tables, "gap", (1_000.0, 0.0, 0.0, 0.0), None, (5_000.0, 0.0, 0.0, 0.0))
    _metrics(all_tables, "personal", (10.0, None, None, None), (5_000.0, None, None, None))
    verdict = _verdict(all_tables, ACCOUNT_METRICS, "follower_changes_add_up")
    assert _found(verdict) == [("name-off", "followers_count", "2026-11-20", 2, 69)]
    assert "2 of 2 days" in verdict.unusual[0].why
    assert (verdict.accounts, verdict.compared, verdict.notes) == (2, 4, ())


def test_followers_of_an_account_that_is_read_no_more_are_not_compared_for_ever(all_tables):
    _metrics(all_tables, "off", (1_000.0, 0.0, 0.0, 0.0), (2_000.0, 0.0, 0.0, 0.0))
    assert len(_verdict(all_tables, ACCOUNT_METRICS, "follower_changes_add_up").unusual) == 1
    later = TODAY + timedelta(days=7)
    assert _verdict(all_tables, ACCOUNT_METRICS, "follower_changes_add_up", later).accounts == 0


def test_a_daily_total_that_is_the_total_is_noted_and_one_that_is_neither_is_unusual(all_tables):
    _metrics(all_tables, "total", (1_000.0, 0.0, 0.0, 1_000.0), (1_005.0, 5.0, 0.0, 1_005.0))
    _metrics(all_tables, "neither", (1_000.0, 0.0, 0.0, 0.0), (1_005.0, 5.0, 0.0, 300.0))
    verdict = _verdict(all_tables, ACCOUNT_METRICS, "follower_changes_add_up")
    assert verdict.notes == ("daily_total_followers holds the total, not the net change, for @name-total.",)
    assert _found(verdict) == [("name-neither", "daily_total_followers", "2026-11-20", 5, 300)]


# --- Shares ----------------------------------------------------------------------------------------------------------


SHARES = {
    IMPRESSION_SOURCES: {"For You": (0.62, 0.6), "Search": (0.34, 0.3)},
    AUDIENCE_GENDERS: {"Female": (0.52, 60.0), "Male": (0.52, 40.0)},
    AUDIENCE_TYPES: {
        "NEW_VIEWER": (0.5, 0.5),
        "RETURN_VIEWER": (0.5, 0.5),
        "FOLLOWER_PERCENT": (0.2, 0.2),
        "NON_FOLLOWER_PERCENT": (0.8, 0.2),
        "SOMETHING_NEW": (0.9, 0.9),
    },
}
"""For each entry its share of a video that is fine, and of one that is not."""
OTHERS = "followers and others"


def test_shares_of_a_whole_sum_to_one(all_tables):
    expected = {IMPRESSION_SOURCES: ("all", 0.9), AUDIENCE_GENDERS: ("all", 100), AUDIENCE_TYPES: (OTHERS, 0.4)}
    for table, entries in SHARES.items():
        fine = [_share(table, "fine", name, share) for name, (share, _) in entries.items()]
        odd = [_share(table, "odd", name, share) for name, (_, share) in entries.items()]
        zeros = [_share(table, "zeros", name, 0.0) for name in entries]
        unknown = [_share(table, "unknown", name, None) for name in entries]
        _read(all_tables, table, TODAY, [*fine, *odd, *zeros, *unknown], "off")
        _read(all_tables, table, TODAY, fine, "fine")
        verdict = _verdict(all_tables, table, "shares_sum_to_one")
        whole, total = expected[table]
        assert _found(verdict) == [("name-off", 1, "odd", whole, pytest.approx(total))]
        assert (verdict.accounts, verdict.compared) == (2, 3)


def _share(table, video, name, share):
    (column,) = [name for name in table.column_names if name.endswith("_percentage")]
    return a_row(table, item_id=video, metric_date=TODAY, **{table.key[-1]: name, column: share})


# --- Comments --------------------------------------------------------------------------------------------------------

WRITTEN = datetime(2026, 11, 10, tzinfo=UTC)
COMMENTED = {
    "a quarter is missing": {"counter": 100, "stored": 75},
    "more is missing": {"counter": 100, "stored": 74},
    "the replies make up for it": {"counter": 100, "stored": 74, "replies": 1.0},
    "forgotten commenters make up for it": {"counter": 100, "stored": 20, "left_out": 55.0},
    "forgotten commenters do not": {"counter": 100, "stored": 20, "left_out": 54.0, "replies": 0.0},
    "too many": {"counter": 30, "stored": 100},
    "too many but hidden": {"counter": 30, "stored": 100, "status": "HIDDEN"},
    "too many but new": {"counter": 30, "stored": 100, "create_time": datetime(2026, 11, 21, tzinfo=UTC)},
    "few": {"counter": 10, "stored": 0},
    "not returned any more": {"counter": 40, "stored": 50, "_not_returned_since": YESTERDAY},
    "never read to the end": {"counter": 100, "stored": 0, "complete": None},
    "the counter moved since": {"counter": 100, "stored": 0, "counted": 20.0},
    "older than a year": {"counter": 100, "stored": 0, "created": datetime(2025, 11, 22, tzinfo=UTC)},
}
NOT_COMPARED = 3
"""The last ones."""


def _commented(session, account, counter, stored, counted=None, complete=NOON, created=YOUNG, left_out=0.0, **values):
    """An account with a video with so many stored comments; its counter said `counted` when they were read."""
    defaults = {"status": "PUBLIC", "create_time": WRITTEN, "video_creator_username": account}
    write_comments(session, [a_comment("v", str(n), account, **{**defaults, **values}) for n in range(stored)])
    read = (NOON, counter if counted is None else counted, complete, None, left_out)
    write_comment_reads(session, account, {"v": read}, now=NOON)
    _read(session, VIDEOS, TODAY, [a_video("v", create_time=created, comments=float(counter))], account)


def test_stored_comments_are_about_as_many_as_the_counter_says(all_tables):
    for case, video in COMMENTED.items():
        _commented(all_tables, case, **video)
    verdict = _verdict(all_tables, COMMENTS, "comments_match_counters")
    assert sorted(_found(verdict)) == [
        ("name-forgotten commenters do not", 1, "v", 100, 20, 0),
        ("name-more is missing", 1, "v", 100, 74, 0),
        ("name-not returned any more", 1, "v", 40, 0, 0),
        ("name-too many", 1, "v", 30, 100, 0),
    ]
    assert verdict.accounts == verdict.compared == len(COMMENTED) - NOT_COMPARED


def test_a_warehouse_whose_columns_were_not_added_yet_is_not_compared(all_tables):
    _commented(all_tables, "off", counter=100, stored=0)
    all_tables.execute(f"ALTER TABLE {all_tables.name_of(COMMENT_READS)} DROP COLUMN left_out")
    assert _verdict(all_tables, COMMENTS, "comments_match_counters") == Verdict(0, 0)
