"""What a run looks up before its first call: for many accounts at once, in few statements, and none takes another's."""

from datetime import timedelta

import pytest

from tiktok_organic_dagster.readings import comments
from tiktok_organic_dagster.readings.base import Moment
from tiktok_organic_dagster.readings.comment_refresh import Refresh
from tiktok_organic_dagster.readings.comments import CommentsReading
from tiktok_organic_dagster.tables import COMMENT_TABLES, VIDEOS
from tiktok_organic_dagster.warehouse import prepare_warehouse
from tiktok_organic_dagster.warehouse.bookkeeping import record_readings
from tiktok_organic_dagster.warehouse.known_comments import write_comment_reads
from tiktok_organic_dagster_tests.unit.warehouse.rows import (
    LONG_AGO,
    NOON,
    THREE,
    TWO,
    a_comment,
    a_video,
    an_account,
    write_comments,
    write_day,
)

YESTERDAY = NOON - timedelta(days=1)


@pytest.fixture
def accounts(session):
    """Twelve accounts, of which each has three posts: one moved, one stands still, one of yesterday was never read."""
    prepare_warehouse(session)
    made = [an_account(number) for number in range(12)]
    for number, account in enumerate(made):
        id_ = account.business_id
        if number == 11:
            continue  # its videos were not read
        old = a_video(f"old{number}", TWO, id_, comments=1.0, create_time=LONG_AGO)
        still = a_video(f"still{number}", THREE, id_, comments=2.0, create_time=LONG_AGO)
        moved = a_video("moved", THREE, id_, comments=9.0, create_time=LONG_AGO)  # the same id everywhere
        if number:
            write_day(session, VIDEOS, [old], day=TWO, business_id=id_)
        write_day(session, VIDEOS, [still, moved], business_id=id_)
        read = (YESTERDAY, 2.0, YESTERDAY, None, 0.0)
        with session.transaction("x"):
            write_comment_reads(session, id_, {still["item_id"]: read, "moved": read}, now=NOON)
            record_readings(session, id_, [(VIDEOS, 2)], read_date=THREE, read_at=NOON)
        write_comments(session, [a_comment("moved", f"c{number}", id_)], business_id=id_)
    return made


def test_twelve_accounts_take_no_more_statements_than_two(session, accounts, store, statements, reading):
    sent = statements(session)

    def number(some):
        sent.clear()
        reading.prepare(session, some, store)
        return len(sent)

    assert number(accounts[:2]) == number(accounts) < 20


@pytest.mark.parametrize("at_once", [20_000, 5])
def test_each_account_is_planned_by_what_is_known_of_itself(session, accounts, store, statements, monkeypatch, at_once):
    monkeypatch.setattr(comments, "PLANNED_AT_ONCE", at_once)
    reading = CommentsReading(COMMENT_TABLES, Moment(THREE, lambda: NOON), timedelta(minutes=30))
    sent = statements(session)

    reading.prepare(session, accounts, store)

    plans = reading._plans  # noqa: SLF001 -- what is planned shows nowhere else before TikTok is asked
    assert sorted(plans) == sorted(account.business_id for account in accounts[:11])
    for number, account in enumerate(accounts[:11]):
        plan = plans[account.business_id]
        old = [(f"old{number}", Refresh.FULL)] if number else []
        assert [(video.video_id, how) for video, how in plan.tasks] == [*old, ("moved", Refresh.HEAD)]
        assert set(plan.known) == {"moved"}
        assert plan.stored == {"moved": {f"c{number}"}}
    parts = sum("HAVING max(metric_date)" in sql for sql, _ in sent)
    assert parts == (1 if at_once == 20_000 else 6)
