"""How far Dagster's event log was read, as a sensor's cursor."""

import pytest

from tiktok_organic_dagster.automation.evidence import OVERLAP, Place


def test_a_place_is_read_as_it_was_written():
    place = Place(70_000_123, frozenset({70_000_123, 70_000_001}))
    assert Place.of(place.text()) == place


@pytest.mark.parametrize(
    "cursor",
    [
        None, "", "nonsense", "null", "[]", "{}", "5", '"text"', '{"after": "1", "seen": []}', '{"after": 1}',
        '{"after": -1, "seen": []}', '{"after": true, "seen": []}', '{"after": 1, "seen": 5}',
        '{"after": 1, "seen": ["1"]}', '{"after": 1, "seen": [-1]}', '{"after": 1.5, "seen": []}',
    ],
)  # fmt: skip
def test_what_is_no_place_is_none(cursor):
    assert Place.of(cursor) is None


def test_it_stays_small_when_every_event_is_one_of_ours():
    newest = 9_000_000_000
    assert len(Place(newest, frozenset(range(newest - OVERLAP + 1, newest + 1))).text()) < 3_000
