"""TIKTOK_ORGANIC_COMMENTERS=hashed: no name of a commenter is stored, whenever it was set, and the rest stays."""

from collections.abc import Callable

import pyarrow as pa
import pytest

from tiktok_organic_dagster.simulator import ABSENT
from tiktok_organic_dagster.tables import COMMENTS, VIDEOS, Table
from tiktok_organic_dagster.tables.pseudonyms import Pseudonyms
from tiktok_organic_dagster.warehouse import commenters, open_warehouse
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.integration.commenters import (
    COLUMNS,
    NAMES,
    hashed,
    identifiers,
    key_of,
    only_video,
    pseudonym,
    read_comments,
)
from tiktok_organic_dagster_tests.lab import Lab

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")

SETTING = "TIKTOK_ORGANIC_COMMENTERS"
FAN = "QmFzZTY0LWxpa2U="


@pytest.fixture
def lab(new_lab: Callable[..., Lab], warehouse_url: str) -> Lab:
    """Two accounts, both commented on by one person, and comments without a name, an empty one, and of the owner."""
    lab = new_lab(warehouse_url, accounts=2, videos=0)
    for index in (0, 1):
        video = only_video(lab, index, comments=12)
        lab.world.changes.add_comment(video, 2, unique_identifier=FAN, text="@ada.reads come and see")
        (nameless,) = lab.world.changes.add_comment(video, display_name="")
        lab.world.changes.edit_comment(nameless, user_id=ABSENT)
        lab.world.changes.add_comment(video, owner=True, username="mine")
    lab.read_videos([VIDEOS])
    return lab


def expected(lab: Lab) -> list[tuple[object, ...]]:
    return truth.in_order(hashed(lab, truth.comments(lab)))


def test_a_reading_stores_hashes_in_the_place_of_names(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTING, "hashed")
    read_comments(lab)

    stored = lab.rows(COMMENTS)
    assert stored == expected(lab)
    plain = [dict(zip(COLUMNS, row, strict=True)) for row in truth.comments(lab)]
    shown = repr(stored)
    assert len(plain) == 2 * (12 + 4)
    assert not [row[name] for row in plain for name in NAMES if row[name] and repr(row[name]) in shown]
    assert "@ada.reads come and see" in shown, "what a comment says is left as it is"
    of_the_fan = [row for row in stored if pseudonym(lab, FAN) in row]
    assert {row[COLUMNS.index("_business_id")] for row in of_the_fan} == {lab.business_id(0), lab.business_id(1)}
    assert len(of_the_fan) == 4, "one commenter is the same in all accounts"
    lab.clock.next_day()
    lab.read_videos([VIDEOS])
    read_comments(lab, everything=True)
    assert lab.rows(COMMENTS) == expected(lab), "and on every day"


def test_turned_on_later_the_next_step_hashes_what_is_stored_and_calls_nobody(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_comments(lab)
    assert lab.rows(COMMENTS) == truth.in_order(truth.comments(lab))
    lab.store.forget(lab.business_id(1))  # disconnected: its rows stay, and nobody reads it any more
    plain, loaded = lab.rows(COMMENTS), lab.rows(COMMENTS, ["comment_id", "_loaded_at"])
    lab.simulator.calls.clear()
    monkeypatch.setenv(SETTING, "hashed")
    monkeypatch.setattr(commenters, "PORTION_ROWS", 7)

    read_comments(lab)

    assert lab.rows(COMMENTS) == truth.in_order(hashed(lab, plain))
    assert lab.rows(COMMENTS, ["comment_id", "_loaded_at"]) == loaded
    assert lab.simulator.calls.count("business/comment/list/") == 0
    before = lab.rows(COMMENTS)
    read_comments(lab)
    assert lab.rows(COMMENTS) == before, "a hash is not hashed again"


def test_hashing_that_is_broken_off_goes_on_with_the_next_step(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    read_comments(lab)
    plain = lab.rows(COMMENTS)
    monkeypatch.setenv(SETTING, "hashed")
    monkeypatch.setattr(commenters, "PORTION_ROWS", 5)
    rows, portions = Pseudonyms.rows, []

    def broken_off(self: Pseudonyms, table: Table, batch: pa.RecordBatch) -> pa.RecordBatch:
        portions.append(batch.num_rows)
        if len(portions) == 3:
            raise ZeroDivisionError
        return rows(self, table, batch)

    with monkeypatch.context() as patched, pytest.raises(ZeroDivisionError):
        patched.setattr(Pseudonyms, "rows", broken_off)
        read_comments(lab)
    assert portions == [5, 5, 5]
    halfway = lab.rows(COMMENTS)
    assert len(set(halfway) & set(hashed(lab, plain))) == 10
    assert len(set(halfway) & set(plain)) == len(plain) - 10

    read_comments(lab)

    assert lab.rows(COMMENTS) == truth.in_order(hashed(lab, plain))


def test_turned_off_comments_that_are_read_are_plain_again_and_others_keep_their_hash(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SETTING, "hashed")
    read_comments(lab)
    monkeypatch.setenv(SETTING, "plain")

    read_comments(lab)
    assert lab.rows(COMMENTS) == expected(lab), "nothing was read anew"
    read_comments(lab, everything=True)
    assert lab.rows(COMMENTS) == truth.in_order(truth.comments(lab))


def test_the_key_stays_the_same_and_is_in_no_table(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTING, "hashed")
    read_comments(lab)
    key = key_of(lab)
    assert FAN not in identifiers(lab.rows(COMMENTS))

    lab.store.rotate_key()

    assert key_of(lab) == key
    with open_warehouse(lab.settings).session() as session:
        tables = session.query(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = ?", session.schema
        )
        for (name,) in tables:
            assert key.hex() not in repr(session.query(f'SELECT * FROM {session.schema_name()}."{name}"'))
