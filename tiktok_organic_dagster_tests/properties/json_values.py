"""Values as Python's `json` reads them from an answer: all that can stand there, and what is likely to."""

from datetime import UTC, date, datetime
from typing import Any

from hypothesis import strategies as st

from tiktok_organic_dagster.tables.model import ColumnType

MOST_DIGITS = 4_300  # of an integer that Python's `json` reads
NOW = int(datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp())

TEXTS = st.text(st.characters(exclude_categories=[]), max_size=12)
"""Any characters, also NUL and halves of surrogate pairs, which JSON can hold as escapes."""

INTEGERS = st.integers() | st.sampled_from([2**53 + 1, -(2**63), 2**64, 10**308, 10**400, -(10 ** (MOST_DIGITS - 1))])
FLOATS = st.floats()  # `1e999` is read as infinity, and Python's `json` takes NaN, too
SCALARS = st.none() | st.booleans() | INTEGERS | FLOATS | TEXTS

JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)

_NUMBERS = (
    st.integers(-2, 2_000_000)
    | st.floats(-1, 2)
    | st.integers(-5, 10**9).map(str)
    | st.floats(allow_nan=True).map(str)
    | st.sampled_from(["", " 7 ", "1e5", "1e999", "0x10", "1_000", "\u0663", "7.", ".5", "-0", -0.0, "NaN", "inf"])
)
_MOMENTS = (
    st.integers(-1, 2 * NOW)
    | st.integers(0, 2 * NOW).map(str)
    | st.sampled_from([0, "0", 253402214400, 253402300800, str(10**30), 10**18, 1.5, "1.25", "", "soon", "-1"])
)
_DAYS = st.dates(date(1970, 1, 1)).map(str) | st.sampled_from(
    ["", "2026-02-30", "2026-11-23T00:00:00Z", "2026-11-23 00:00:00", "2026-11-23T05:00:00Z", "20261123", "0000-01-01"]
)
_FLAGS = st.sampled_from([True, False, 0, 1, 2, 0.0, 1.0, "true", "False", "1", "0", "", "yes", [], {}])
_NAMES = st.integers(0, 3).map(str) | st.sampled_from(["", "@", "@anna", "\0", "a" * 1_001, "é" * 600]) | TEXTS

LIKELY: dict[ColumnType, st.SearchStrategy[Any]] = {
    ColumnType.TEXT: _NAMES | st.integers(0, 3),
    ColumnType.FLOAT: _NUMBERS,
    ColumnType.TIMESTAMP: _MOMENTS,
    ColumnType.DATE: _DAYS,
    ColumnType.BOOLEAN: _FLAGS,
}
"""What may stand where a column of a type is read from: right, nearly right and wrong."""
