"""Values as TikTok sends them become what the documents say, alone or in a column; what cannot be read is reported."""

import json
import math
import random
import time
from datetime import UTC, date, datetime

import pytest

from tiktok_organic_dagster.tables import ColumnType
from tiktok_organic_dagster.tables.conversion import convert

TEXT, FLOAT, DATE, BOOLEAN, TIMESTAMP = (
    ColumnType.TEXT,
    ColumnType.FLOAT,
    ColumnType.DATE,
    ColumnType.BOOLEAN,
    ColumnType.TIMESTAMP,
)
LONG = "ä" * 10_000
LAST_SAFE_SECOND = 253402214399  # 9999-12-30T23:59:59Z
FIRST_SECOND_OF_10000 = 253402300800
MILLISECONDS = 1655461098000

READABLE = [
    # Numbers: from numbers or numeric texts; nothing for an empty text.
    (FLOAT, None, None),
    (FLOAT, "", None),
    (FLOAT, 0, 0.0),
    (FLOAT, "0", 0.0),
    (FLOAT, -3, -3.0),
    (FLOAT, 12, 12.0),
    (FLOAT, "12", 12.0),
    (FLOAT, " 12 ", 12.0),
    (FLOAT, "12.", 12.0),
    (FLOAT, ".5", 0.5),
    (FLOAT, "+7", 7.0),
    (FLOAT, "007", 7.0),
    (FLOAT, "-0.25", -0.25),
    (FLOAT, "1e3", 1000.0),
    (FLOAT, "1.5E-3", 0.0015),
    (FLOAT, 0.1, 0.1),
    (FLOAT, 1e-300, 1e-300),
    (FLOAT, 1e300, 1e300),
    (FLOAT, -0.0, -0.0),
    (FLOAT, 2**53, 9007199254740992.0),
    (FLOAT, 2**63, 9223372036854775808.0),
    (FLOAT, 2**64, 18446744073709551616.0),
    (FLOAT, str(2**63), 9223372036854775808.0),
    # Booleans: from true/false, 0/1 or their texts.
    (BOOLEAN, None, None),
    (BOOLEAN, "", None),
    (BOOLEAN, True, True),
    (BOOLEAN, False, False),
    (BOOLEAN, 1, True),
    (BOOLEAN, 0, False),
    (BOOLEAN, "true", True),
    (BOOLEAN, "false", False),
    (BOOLEAN, "True", True),
    (BOOLEAN, "FALSE", False),
    (BOOLEAN, "1", True),
    (BOOLEAN, "0", False),
    # Times: from epoch seconds as text or number.
    (TIMESTAMP, None, None),
    (TIMESTAMP, "", None),
    (TIMESTAMP, 0, datetime(1970, 1, 1, tzinfo=UTC)),
    (TIMESTAMP, "0", datetime(1970, 1, 1, tzinfo=UTC)),
    (TIMESTAMP, "1627617835", datetime(2021, 7, 30, 4, 3, 55, tzinfo=UTC)),
    (TIMESTAMP, 1627617835, datetime(2021, 7, 30, 4, 3, 55, tzinfo=UTC)),
    (TIMESTAMP, 1627617835.0, datetime(2021, 7, 30, 4, 3, 55, tzinfo=UTC)),
    (TIMESTAMP, 1627617835.25, datetime(2021, 7, 30, 4, 3, 55, 250_000, tzinfo=UTC)),
    (TIMESTAMP, "1627617835.5", datetime(2021, 7, 30, 4, 3, 55, 500_000, tzinfo=UTC)),
    (TIMESTAMP, "1709164800", datetime(2024, 2, 29, tzinfo=UTC)),
    (TIMESTAMP, str(2**31), datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC)),
    (TIMESTAMP, str(LAST_SAFE_SECOND), datetime(9999, 12, 30, 23, 59, 59, tzinfo=UTC)),
    (TIMESTAMP, LAST_SAFE_SECOND, datetime(9999, 12, 30, 23, 59, 59, tzinfo=UTC)),
    # Days.
    (DATE, None, None),
    (DATE, "", None),
    (DATE, "2026-01-01", date(2026, 1, 1)),
    (DATE, "2028-02-29", date(2028, 2, 29)),
    (DATE, "9999-12-31", date(9999, 12, 31)),
    # Texts: as sent, an empty one too; ids that come as whole numbers keep all their digits.
    (TEXT, None, None),
    (TEXT, "", ""),
    (TEXT, " ", " "),
    (TEXT, "null", "null"),
    (TEXT, "NaN", "NaN"),
    (TEXT, "0", "0"),
    (TEXT, "{{user_id}}", "{{user_id}}"),
    (TEXT, "a\"b'c,d\\e\n\r\t\\N", "a\"b'c,d\\e\n\r\t\\N"),
    (TEXT, "👩‍👩‍👧‍👦 é", "👩‍👩‍👧‍👦 é"),
    (TEXT, "\u202eمرحبا\u202c", "\u202eمرحبا\u202c"),
    (TEXT, LONG, LONG),
    (TEXT, 7109065174526479622, "7109065174526479622"),
    (TEXT, 0, "0"),
]
UNREADABLE = [
    *(
        (FLOAT, value)
        for value in (
            math.nan, math.inf, -math.inf, 10**400, -(10**400), "1e400", "9" * 400, True, False, "true", "nan", "NaN",
            "inf", "Infinity", "-Infinity", "1_000", "1,000", "1 000", "12abc", "0x10", "1e", "e3", ".", "-", "+-1",
            " ", "１２", "٣", "½", "²", "12\0", "\0", "\ud800", LONG, "1.2.3", [], [1], {}, {"value": 1}, "None",
            "null",
        )
    ),
    *(
        (BOOLEAN, value)
        for value in (
            2, -1, 0.5, math.nan, "yes", "no", "t", "on", "2", " true", "truе", "１", "\ud800", "null", [], [True], {},
            LONG, 10**400,
        )
    ),
    *(
        (TIMESTAMP, value)
        for value in (
            MILLISECONDS, str(MILLISECONDS), -1, "-1", -0.5, FIRST_SECOND_OF_10000, str(FIRST_SECOND_OF_10000), 2**63,
            str(2**63), 2**64, 10**400, -(10**400), str(10**400), math.nan, math.inf, True, False, "true",
            "2021-07-30", "2021-07-30T04:03:55Z", "0x10", "0x6103795B", "1_627_617_835", "１６２７６１７８３５", "12\0",
            "\ud800", " ", "now", LONG, [], [1627617835], {}, {"seconds": 1},
        )
    ),
    *(
        (DATE, value)
        for value in (
            "2026-02-29", "2026-13-01", "2026-1-1", "20260101", "01.01.2026", "2026-01-01x", " 2026-01-01", "today",
            "2026-01-01T05:00:00", "0000-01-01", "10000-01-01", "２０２６-01-01", "\ud800", 20260101, 1.5, True, [], {},
            LONG, math.nan,
        )
    ),
    *((TEXT, value) for value in (1.5, math.nan, math.inf, True, False, [], ["a"], {}, {"text": "a"})),
]  # fmt: skip
MENDED = [
    ("\ud83d", "\ufffd"),
    ("\ude00", "\ufffd"),
    ("a\ud800b", "a\ufffdb"),
    ("\ude00\ud83d", "\ufffd\ufffd"),  # the halves of an emoji in the wrong order
    ("a\0b", "ab"),
    ("\0", ""),
    ("\0\udfffx\0", "\ufffdx"),
]
ORDINARY = {
    TEXT: ["a", "", "b"],
    FLOAT: [1, 2.5, 0],
    BOOLEAN: [True, False, True],
    TIMESTAMP: ["1627617835", "1681790814", "0"],
    DATE: ["2026-01-01", "2026-01-02", "2026-01-03"],
}


def _name(value):
    return ascii(value)[:24] if not isinstance(value, ColumnType) else value.name


def _same(left, right):
    """Equality to the last bit: 0.0 is not -0.0, and 1.0 is not True."""
    return repr(left) == repr(right) if isinstance(left, float | bool) else left == right


@pytest.mark.parametrize(("type_", "value", "expected"), READABLE, ids=_name)
@pytest.mark.parametrize("surrounded", [False, True], ids=["alone", "among others"])
def test_what_can_be_read_is_read(type_, value, expected, surrounded):
    before = ORDINARY[type_] if surrounded else []
    converted = convert(type_, [*before, value, *before])
    assert converted.array.type == type_.arrow
    assert _same(converted.array.to_pylist()[len(before)], expected)
    assert converted.array.null_count == (expected is None)
    assert converted.unreadable == []
    assert converted.mended == []


@pytest.mark.parametrize(("type_", "value"), UNREADABLE, ids=_name)
@pytest.mark.parametrize("surrounded", [False, True], ids=["alone", "among others"])
def test_what_cannot_be_read_is_null_and_reported(type_, value, surrounded):
    before = ORDINARY[type_] if surrounded else []
    converted = convert(type_, [*before, value, *before])
    assert converted.array.type == type_.arrow
    assert converted.array.to_pylist()[len(before)] is None
    assert converted.array.null_count == 1  # and it does not take its neighbours with it
    assert [repr(found) for found in converted.unreadable] == [repr(value)]


@pytest.mark.parametrize(("value", "expected"), MENDED, ids=_name)
def test_text_that_cannot_be_stored_is_mended_and_reported(value, expected):
    converted = convert(TEXT, ["a", value, None, "", "b"])
    assert converted.array.to_pylist() == ["a", expected, None, "", "b"]
    assert converted.mended == [value]
    assert converted.unreadable == []


def test_a_whole_emoji_from_json_escapes_is_no_pair_of_halves():
    converted = convert(TEXT, [json.loads(r'"\ud83d\ude00"')])
    assert converted.array.to_pylist() == ["😀"]
    assert converted.mended == []


@pytest.mark.parametrize("type_", ColumnType)
def test_an_empty_column_and_one_of_nothing_have_the_wanted_type(type_):
    for values in ([], [None], [None] * 500):
        converted = convert(type_, values)
        assert converted.array.type == type_.arrow
        assert converted.array.null_count == len(converted.array) == len(values)


@pytest.mark.parametrize("type_", ColumnType)
@pytest.mark.parametrize("seed", range(5))
def test_a_column_as_a_whole_is_converted_like_each_value_by_itself(type_, seed):
    """Whatever the mixture, the fast way gives what the slow one gives."""
    random_ = random.Random(seed)  # noqa: S311 -- the same values in every run
    everything = [case[1] for case in (*READABLE, *UNREADABLE) if case[0] is type_]
    if type_ is TEXT:
        everything += [value for value, _ in MENDED]
    for _ in range(12):
        pool = random_.sample(everything, random_.randint(1, 6)) if random_.random() < 0.7 else everything
        values = [random_.choice([*pool, None]) for _ in range(random_.randint(1, 30))]
        _assert_whole_is_sum_of_parts(type_, values)


MAKERS = {
    "whole numbers": lambda of: of.choice([1, -1]) * of.getrandbits(of.choice([1, 8, 31, 38, 53, 63])),
    "fractions": lambda of: of.uniform(-1, 1) * 10 ** of.randint(-12, 12),
    "numeric texts": lambda of: str(of.getrandbits(of.choice([1, 8, 31, 38, 53, 63, 64, 70]))),
    "odd texts": lambda of: "".join(of.choices("0123456789+-.eExX_ \t\n０٣aA", k=of.randint(0, 5))),
}


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("type_", ColumnType)
def test_a_column_of_one_kind_is_converted_like_each_value_by_itself(type_, kind):
    random_ = random.Random(f"{type_.name} {kind}")  # noqa: S311 -- the same values in every run
    for _ in range(8):
        _assert_whole_is_sum_of_parts(type_, [MAKERS[kind](random_) for _ in range(40)])
    for _ in range(300):
        _assert_whole_is_sum_of_parts(type_, [MAKERS[kind](random_)])  # nothing unusual beside it


def _assert_whole_is_sum_of_parts(type_, values):
    whole = convert(type_, values)
    # An unreadable and a mixed-in value force the careful way for each single value.
    spoilers = [object(), 1, "1", 1.5, True, "\ud800"]
    parts = [convert(type_, [value, *spoilers]) for value in values]
    expected = [part.array[0].as_py() for part in parts]
    spoilt = len(convert(type_, spoilers).unreadable)
    assert [repr(value) for value in whole.array.to_pylist()] == [repr(value) for value in expected]
    assert len(whole.unreadable) == sum(len(part.unreadable) - spoilt for part in parts)
    assert len(whole.mended) == sum(len(part.mended) for part in parts) - len(parts) * (type_ is TEXT)


def test_numbers_are_never_nan_or_infinite():
    values = [math.nan, math.inf, -math.inf, "NaN", 10**400, 1]
    assert [value for value in convert(FLOAT, values).array.to_pylist() if value is not None] == [1.0]


def test_json_that_holds_nan_and_infinity_is_null_and_reported():
    values = json.loads("[NaN, Infinity, -Infinity, 1e400, 5]")
    converted = convert(FLOAT, values)
    assert converted.array.to_pylist() == [None, None, None, None, 5.0]
    assert len(converted.unreadable) == 4


def test_a_day_with_a_midnight_behind_it_is_that_day():
    values = ["2026-01-01 00:00:00", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00+00:00"]
    assert convert(DATE, values).array.to_pylist() == [date(2026, 1, 1)] * 3


@pytest.mark.parametrize("type_", [FLOAT, TIMESTAMP])
def test_a_very_long_text_in_place_of_a_number_costs_no_time(type_):
    began = time.process_time()
    converted = convert(type_, ["1" * 20_000 + "x", " " * 20_000 + "x", "1." + "1" * 20_000 + "x"])
    assert converted.array.null_count == 3
    assert time.process_time() - began < 1


def test_a_thousand_ordinary_values_of_each_type():
    assert convert(TEXT, ["x"] * 1000).array.to_pylist() == ["x"] * 1000
    assert convert(FLOAT, list(range(1000))).array.to_pylist() == [float(number) for number in range(1000)]
    assert convert(BOOLEAN, [True, False] * 500).array.to_pylist() == [True, False] * 500
