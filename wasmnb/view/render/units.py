"""Numbers as people read them: durations, sizes, counts."""

from __future__ import annotations

__all__ = ["count", "duration", "plural", "size", "words"]

_DURATIONS = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns"))
_SIZES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def _three(value: float) -> str:
    """About three digits: 1.23, 12.3, 123."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def duration(ns: float) -> str:
    """Nanoseconds in the unit that fits: `85.0 µs`."""
    for factor, unit in _DURATIONS:
        if abs(ns) >= factor * 0.9995:
            return f"{_three(ns / factor)} {unit}"
    return "0"


def size(number: float) -> str:
    """Bytes in the unit that fits; 1 kB is 1000 bytes, as in listings of files and registries."""
    for factor, unit in _SIZES:
        if number >= factor * 0.9995:
            return f"{_three(number / factor)} {unit}"
    return plural(int(number), "byte")


def count(number: float) -> str:
    """A number with thousands marked."""
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.3g}"


def plural(number: int, noun: str, nouns: str = "") -> str:
    """`1 stream`, `2 streams`."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def words(name: str) -> str:
    """A key of a dict as words: `tick_period` is `tick period`."""
    return name.replace("_", " ")
