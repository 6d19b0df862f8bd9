"""Functions of CEL expressions, with the conversions between types. They are the functions of Envoy 1.40.

Reference: https://github.com/google/cel-spec/blob/master/doc/langdef.md#list-of-standard-definitions
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ...abi.text import encode_text
from .cel_values import CelError, Duration, Timestamp, TypeName, Uint, type_name

__all__ = ["TYPES", "function"]

_SECOND = 10**9

#: Types that an expression can name.
TYPES = {
    name: TypeName(name)
    for name in ("bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint")
}

_SPACE = " \t\n\v\f\r"
_DECIMAL = re.compile(r"[+-]?\d+", re.ASCII)
_FLOAT = re.compile(
    r"[+-]?(?:\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?|0x[0-9a-f]+|inf(?:inity)?|nan)", re.ASCII | re.IGNORECASE
)
_BOOLEANS = {
    **dict.fromkeys(("1", "t", "true", "TRUE", "True"), True), **dict.fromkeys(("0", "f", "false", "FALSE", "False"), False)
}  # fmt: skip

_UNITS = {"ns": 1, "us": 1000, "ms": 10**6, "s": _SECOND, "m": 60 * _SECOND, "h": 3600 * _SECOND}
_DURATION = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|ms|s|m|h)", re.ASCII)
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d):(\d\d)(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_OFFSET = re.compile(r"([+-]?)(\d\d):(\d\d)", re.ASCII)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _overload(name: str, *values: Any) -> CelError:
    return CelError(f"no matching overload for {name}({', '.join(map(type_name, values))})")


# -- conversions ----------------------------------------------------------------------------------------------------


def _int(value: Any) -> int:
    match type_name(value):
        case "int" | "bool" | "uint":
            number = int(value)
        case "double" if math.isfinite(value) and abs(value) < 2.0**63:
            number = int(value)
        case "string" if _DECIMAL.fullmatch(value.strip(_SPACE)) and len(value) < 1000:
            number = int(value.strip(_SPACE))
        case "google.protobuf.Timestamp":
            number = value // _SECOND
        case _:
            raise _overload("int", value)
    if not -(1 << 63) <= number < 1 << 63:
        raise CelError("int overflow")
    return number


def _uint(value: Any) -> Uint:
    match type_name(value):
        case "int" | "uint":
            number = int(value)
        case "double" if 0 <= value < 2.0**64:
            number = int(value)
        case "string" if _DECIMAL.fullmatch(value.strip(_SPACE)) and len(value) < 1000:
            number = int(value.strip(_SPACE))
        case _:
            raise _overload("uint", value)
    if not 0 <= number < 1 << 64:
        raise CelError("uint overflow")
    return Uint(number)


def _double(value: Any) -> float:
    if type_name(value) in {"int", "uint", "double"}:
        return float(value)
    if type_name(value) != "string" or not _FLOAT.fullmatch(value.strip(_SPACE)):
        raise _overload("double", value)
    text = value.strip(_SPACE)
    try:
        return float.fromhex(text) if "x" in text.lower() else float(text)
    except OverflowError:
        return -math.inf if text[0] == "-" else math.inf


def _string(value: Any) -> str:
    match type_name(value):
        case "bool":
            return str(value).lower()
        case "int" | "uint":
            return str(int(value))
        case "double":
            return _digits(value)
        case "string":
            return str(value)
        case "bytes":
            try:
                return bytes(value).decode()
            except UnicodeDecodeError:
                raise CelError("the bytes are not valid UTF-8") from None
        case "google.protobuf.Duration":
            sign, seconds, rest = "-" if value < 0 else "", *divmod(abs(int(value)), _SECOND)
            return f"{sign}{seconds}{_fraction(rest)}s"
        case "google.protobuf.Timestamp":
            return f"{_time(value).strftime('%Y-%m-%dT%H:%M:%S')}{_fraction(value % _SECOND)}Z"
    raise _overload("string", value)


def _digits(value: float) -> str:
    """Return the shortest digits of a double. Below 0.0001 and from a million, they have an exponent."""
    if not value or not math.isfinite(value):
        return format(value, "g")
    sign, parts, power = Decimal(repr(value)).normalize().as_tuple()
    digits, exponent = "".join(map(str, parts)), len(parts) - 1 + int(power)
    minus = "-" if sign else ""
    if -5 < exponent < 6:
        return format(Decimal(repr(value)).normalize(), "f")
    point = "." if digits[1:] else ""
    return f"{minus}{digits[0]}{point}{digits[1:]}e{exponent:+03}"


def _fraction(nanoseconds: int) -> str:
    """Return a fraction of a second with three, six or nine digits."""
    digits = f"{nanoseconds:09}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f".{digits}" if digits else ""


def _bytes(value: Any) -> bytes:
    if type_name(value) not in {"string", "bytes"}:
        raise _overload("bytes", value)
    return encode_text(value) if isinstance(value, str) else bytes(value)


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if type_name(value) != "string" or value not in _BOOLEANS:
        raise _overload("bool", value)
    return _BOOLEANS[value]


def _duration(value: Any) -> Duration:
    if isinstance(value, Duration):
        return value
    if type_name(value) != "string":
        raise _overload("duration", value)
    text = value[1:] if value[:1] in {"+", "-"} else value
    parts = _DURATION.findall(text)
    if text != "0" and (not parts or "".join(n + u for n, u in parts) != text or len(text) > 100):
        raise CelError(f"{value!r:.100} isn't a duration")
    total = sum(int(n.partition(".")[0] or 0) * _UNITS[u] + _part(n, _UNITS[u]) for n, u in parts)
    return Duration(-total if value[:1] == "-" else total)


def _part(number: str, unit: int) -> int:
    digits = number.partition(".")[2]
    return int(digits or 0) * unit // int(10 ** len(digits))


def _timestamp(value: Any) -> Timestamp:
    if isinstance(value, Timestamp):
        return value
    if type_name(value) == "int":
        return Timestamp(value * _SECOND)
    match = _TIMESTAMP.fullmatch(value) if type_name(value) == "string" else None
    if match is None:
        raise _overload("timestamp", value)
    day, minute, second, fraction, zone = match.groups()
    leap = second == "60"
    try:
        time = datetime.fromisoformat(f"{day}T{minute}:{'59' if leap else second}{'+00:00' if zone in 'Zz' else zone}")
    except ValueError as error:
        raise CelError(f"{value!r} isn't a timestamp: {error}") from None
    seconds = (time - _EPOCH) // timedelta(seconds=1) + leap
    return Timestamp(seconds * _SECOND + int((fraction or ".0")[1:].ljust(9, "0")))


# -- texts ----------------------------------------------------------------------------------------------------------


def _size(value: Any) -> int:
    if type_name(value) not in {"string", "bytes", "list", "map"}:
        raise _overload("size", value)
    return len(value) if isinstance(value, str | bytes | list | tuple | Mapping) else 0  # a group has no listed keys


def _text_function(name: str, test: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    def evaluate(text: Any, argument: Any) -> bool:
        if type_name(text) != "string" or type_name(argument) != "string":
            raise _overload(name, text, argument)
        return test(text, argument)

    return evaluate


def _matches(text: str, pattern: str) -> bool:
    """Return whether a text matches a pattern. Reject patterns that Python, unlike RE2, might not search in linear time."""
    plain = re.sub(r"\\.|\[(?:\\.|[^\]\\])*\]", "x", pattern)
    if (
        len(pattern) > 1000
        or len(text) > 10_000
        or len(re.findall(r"[*+]|\{\d+,", plain)) > 2
        or re.search(r"\)[*+{]", plain)
    ):
        raise CelError("matching the pattern could take exponential time")
    if re.search(r"\(\?(?![PimsU:-])|[*+?}]\+|\{\d{4,}|\{\d+,\d{4,}", plain):
        raise CelError("RE2 doesn't support the pattern")
    try:
        return re.search(_END.sub(r"\\Z", pattern), text, re.ASCII) is not None
    except re.error as error:
        raise CelError(f"the pattern isn't valid: {error}") from None


#: A dollar that isn't escaped or in a set. In RE2 it only matches at the end, in Python also before a line's end.
_END = re.compile(r"(?<!\\)\$(?![^\[]*\])")


# -- times ----------------------------------------------------------------------------------------------------------


def _time(value: int, zone: Any = "") -> datetime:
    if type_name(zone) != "string":
        raise CelError("no matching overload: the time zone must be a string")
    offset = _OFFSET.fullmatch(zone)
    try:
        if offset:
            shift = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
            place: Any = timezone(-shift if offset[1] == "-" else shift)
        else:
            place = ZoneInfo(zone) if zone not in {"", "UTC"} else UTC
        return (_EPOCH + timedelta(seconds=value // _SECOND)).astimezone(place)
    except (ValueError, OSError, OverflowError, LookupError) as error:
        raise CelError(f"the time can't be shown in the zone {zone!r:.100}: {error}") from None


#: Function -> part of a time, and unit of a duration in nanoseconds (None: only for times).
_PARTS: dict[str, tuple[Callable[[datetime], int], int | None]] = {
    "getFullYear": (lambda t: t.year, None),
    "getMonth": (lambda t: t.month - 1, None),
    "getDate": (lambda t: t.day, None),
    "getDayOfMonth": (lambda t: t.day - 1, None),
    "getDayOfWeek": (lambda t: t.isoweekday() % 7, None),
    "getDayOfYear": (lambda t: t.timetuple().tm_yday - 1, None),
    "getHours": (lambda t: t.hour, 3600 * _SECOND),
    "getMinutes": (lambda t: t.minute, 60 * _SECOND),
    "getSeconds": (lambda t: t.second, _SECOND),
}


def _part_function(name: str) -> Callable[..., int]:
    part, unit = _PARTS[name]

    def evaluate(value: Any, *zone: Any) -> int:
        if isinstance(value, Timestamp):
            return part(_time(value, *zone))
        if isinstance(value, Duration) and unit and not zone:
            return _truncated(value, unit)
        raise _overload(name, value, *zone)

    return evaluate


def _milliseconds(value: Any, *zone: Any) -> int:
    if isinstance(value, Timestamp):
        _time(value, *zone)
        return value % _SECOND // 10**6
    if isinstance(value, Duration) and not zone:
        return _truncated(value, 10**6) - 1000 * _truncated(value, _SECOND)
    raise _overload("getMilliseconds", value, *zone)


def _truncated(value: int, unit: int) -> int:
    return -(-int(value) // unit) if value < 0 else int(value) // unit


# -- table ----------------------------------------------------------------------------------------------------------

#: Functions with one argument that can't be called as methods.
_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "int": _int, "uint": _uint, "double": _double, "string": _string, "bytes": _bytes, "bool": _bool,
    "duration": _duration, "timestamp": _timestamp, "dyn": lambda value: value, "type": lambda value: TypeName(type_name(value)),
}  # fmt: skip

#: Functions that can be called as methods too.
_TEXTS = {
    "contains": _text_function("contains", lambda text, part: part in text),
    "startsWith": _text_function("startsWith", str.startswith),
    "endsWith": _text_function("endsWith", str.endswith),
    "matches": _text_function("matches", _matches),
}

_TIMES = {**{name: _part_function(name) for name in _PARTS}, "getMilliseconds": _milliseconds}


def function(name: str, arguments: int, *, method: bool) -> Callable[..., Any] | None:
    """Return the function with a name, or None if Envoy has no such function.

    Parameters
    ----------
    name
        Name of the function.
    arguments
        Number of arguments, including the target of a method.
    method
        Whether the function is called as a method.
    """
    if name == "size" and arguments == 1:
        return _size
    if name in _TEXTS and arguments == 2:
        return _TEXTS[name]
    if name in _TIMES and method and arguments in {1, 2}:
        return _TIMES[name]
    return _CONVERSIONS.get(name) if arguments == 1 and not method else None
