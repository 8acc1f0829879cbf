"""Values as TikTok sends them -> Arrow columns: the one place where a value's type is decided.

Each converter first tries the whole column at once, which is what nearly every answer allows. Only a column that holds
something unusual is looked at value by value.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute

from tiktok_organic_dagster.tables.model import ColumnType

pc: Any = pyarrow.compute  # its functions are made when it is imported, so they have no types

_NUMBER = re.compile(r"\s*[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?\s*", re.ASCII)  # no two repeats of digits meet
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ]00:00(?::00(?:\.0+)?)?(?:Z|\+00:00)?)?", re.ASCII)
_BOOLEANS: dict[Any, bool] = {True: True, False: False, "true": True, "false": False, "1": True, "0": False}
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_LAST_SECOND = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
_MICROSECONDS = 1_000_000


@dataclass
class Converted:
    """A column after conversion.

    Attributes:
        array: The values; what was absent, null or unreadable is null.
        unreadable: The values that could not be read.
        mended: The texts that held characters which cannot be stored.
    """

    array: pa.Array
    unreadable: list[Any] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)


def convert(type_: ColumnType, values: Sequence[Any]) -> Converted:
    """Convert a column of values from an answer.

    Numbers come from numbers or numeric texts, booleans from true/false, 0/1 or their texts, times from epoch
    seconds as number or text, texts from texts or whole numbers. An empty text is NULL, except where a text is wanted.

    Args:
        type_: The type wanted.
        values: Values as `json` reads them; None for what is absent.
    """
    return _CONVERTERS[type_](values)


def _texts(values: Sequence[Any]) -> Converted:
    try:
        array = pa.array(values, pa.string())
    except (pa.ArrowTypeError, UnicodeEncodeError):  # no text, or half of a surrogate pair
        pass
    else:
        if not pc.any(pc.match_substring(array, "\0")).as_py():
            return Converted(array)
    mended: list[str] = []

    def text(value: Any) -> str:  # noqa: ANN401
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str):
            raise TypeError
        storable = _LONE_SURROGATE.sub("\ufffd", value).replace("\0", "")
        if storable != value:
            mended.append(value)
        return storable

    result = _one_by_one(values, pa.string(), text)
    result.mended = mended
    return result


def _numbers(values: Sequence[Any]) -> Converted:
    try:
        array = pa.array(values, pa.float64())
    except pa.ArrowInvalid:  # texts, or an integer that a double cannot hold exactly
        if _only(values, str):
            return _numeric_texts(values)
    else:
        if _only(values, int, float) and pc.all(pc.is_finite(array)).as_py() is not False:
            return Converted(array)
    return _one_by_one(values, pa.float64(), _number)


def _numeric_texts(values: Sequence[Any]) -> Converted:
    """Numbers written as texts: each text is read once, as seconds and the like come again and again."""
    try:
        texts = pa.array(values, pa.string()).dictionary_encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return _one_by_one(values, pa.float64(), _number)
    read = _one_by_one(texts.dictionary.to_pylist(), pa.float64(), _number)
    return _one_by_one(values, pa.float64(), _number) if read.unreadable else Converted(read.array.take(texts.indices))


def _number(value: Any) -> float | None:  # noqa: ANN401
    if value == "":
        return None
    if isinstance(value, bool) or not (isinstance(value, int | float) or _is_numeric(value)):
        raise TypeError
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def _is_numeric(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, str) and _NUMBER.fullmatch(value) is not None


def _times(values: Sequence[Any]) -> Converted:
    if _only(values, int) or _are_digits(values):
        try:
            seconds = pc.cast(pa.array(values), pa.int64())
        except (pa.ArrowInvalid, OverflowError):  # too large for 64 bits
            pass
        else:
            bounds = pc.min_max(seconds).as_py()
            if bounds["min"] is None or 0 <= bounds["min"] <= bounds["max"] <= _LAST_SECOND:
                return Converted(pc.multiply(seconds, _MICROSECONDS).cast(ColumnType.TIMESTAMP.arrow))
    return _one_by_one(values, ColumnType.TIMESTAMP.arrow, _time)


def _time(value: Any) -> int | None:  # noqa: ANN401
    seconds = _number(value)
    if seconds is None:
        return None
    if not 0 <= seconds <= _LAST_SECOND:
        raise ValueError
    return round(seconds * _MICROSECONDS)


def _days(values: Sequence[Any]) -> Converted:
    def day(value: Any) -> date | None:  # noqa: ANN401
        if value == "":
            return None
        match = _DAY.fullmatch(value)
        if match is None:
            raise ValueError
        return date.fromisoformat(match[1])

    return _one_by_one(values, pa.date32(), day)


def _booleans(values: Sequence[Any]) -> Converted:
    if _only(values, bool):
        return Converted(pa.array(values, pa.bool_()))

    def boolean(value: Any) -> bool | None:  # noqa: ANN401
        return None if value == "" else _BOOLEANS[value.lower() if isinstance(value, str) else value]

    return _one_by_one(values, pa.bool_(), boolean)


def _only(values: Sequence[Any], *types: type) -> bool:
    """Whether all values are of exactly these types, or absent. A bool is no int here."""
    return set(map(type, values)) <= {*types, type(None)}


def _are_digits(values: Sequence[Any]) -> bool:
    """Whether all values are texts of plain digits, or absent; Arrow would read `0x10` as a number, too."""
    return _only(values, str) and all(value is None or (value.isascii() and value.isdecimal()) for value in values)


def _one_by_one(values: Sequence[Any], arrow_type: pa.DataType, one: Callable[[Any], Any]) -> Converted:
    """Convert each value by itself; what raises is unreadable."""
    read: list[Any] = []
    unreadable: list[Any] = []
    for value in values:
        try:
            read.append(None if value is None else one(value))
        except (TypeError, ValueError, KeyError, OverflowError):
            read.append(None)
            unreadable.append(value)
    return Converted(pa.array(read, arrow_type), unreadable)


_CONVERTERS: dict[ColumnType, Callable[[Sequence[Any]], Converted]] = {
    ColumnType.TEXT: _texts,
    ColumnType.FLOAT: _numbers,
    ColumnType.TIMESTAMP: _times,
    ColumnType.DATE: _days,
    ColumnType.BOOLEAN: _booleans,
}
