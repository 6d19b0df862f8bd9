"""Durations in the JSON form of `google.protobuf.Duration`, such as `1.5s`, which Envoy's configuration uses.

Reference: https://protobuf.dev/reference/protobuf/google.protobuf/#duration
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

__all__ = ["duration_seconds", "duration_text", "nanoseconds"]

_SECOND = 10**9

#: Longest duration in seconds, about 10,000 years.
_LONGEST = 315_576_000_000

_TEXT = re.compile(r"-?\d+(\.\d{1,9})?s?", re.ASCII)


def nanoseconds(value: str | float) -> int:
    """Convert a duration to nanoseconds.

    Parameters
    ----------
    value
        A text such as `1.5s`, or a number of seconds. The `s` can be omitted. A text has at most nine digits after the point.

    Raises
    ------
    ValueError
        The value isn't a duration, or it is longer than 315,576,000,000 seconds.
    """
    if isinstance(value, str) and not _TEXT.fullmatch(value):
        raise ValueError("a duration must be seconds with at most nine digits after the point, such as 1.5s")
    try:
        result = int((Decimal(str(value).removesuffix("s")) * _SECOND).to_integral_value())
    except (InvalidOperation, OverflowError, ValueError):  # not a number, or infinite
        raise ValueError("a duration must be a number of seconds, such as 1.5s") from None
    if abs(result) > _LONGEST * _SECOND:
        raise ValueError(f"a duration must be at most {_LONGEST:,} seconds")
    return result


def duration_seconds(value: str | float) -> float:
    """Convert a duration to seconds.

    Parameters
    ----------
    value
        A text such as `1.5s`, or a number of seconds.

    Raises
    ------
    ValueError
        The value isn't a duration, or it is longer than 315,576,000,000 seconds.
    """
    return nanoseconds(value) / _SECOND


def duration_text(value: str | float) -> str:
    """Return a duration in the JSON form of protobuf, such as `1.5s`.

    Parameters
    ----------
    value
        A text such as `1.5s`, or a number of seconds.

    Raises
    ------
    ValueError
        The value isn't a duration, or it is longer than 315,576,000,000 seconds.
    """
    total = nanoseconds(value)
    whole, rest = divmod(abs(total), _SECOND)
    fraction = f".{rest:09}".rstrip("0") if rest else ""
    return f"{'-' if total < 0 else ''}{whole}{fraction}s"
