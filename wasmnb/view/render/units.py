"""Format durations, sizes and counts. The panel's `js/data/units.js` does the same, with the same results."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

__all__ = ["as_words", "count", "duration", "plural", "size"]

_DURATIONS = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns"))
_SIZES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))

#: Smallest part of a unit that three digits show as 1.00.
_ONE = 0.9995


def _three(value: float) -> str:
    """Format a number with three digits: 1.23, 12.3, 123. Halves are rounded away from zero, as in JavaScript."""
    places = 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
    return f"{Decimal(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):,}"


def duration(ns: float) -> str:
    """Format a duration in nanoseconds: `85.0 µs`."""
    for factor, unit in _DURATIONS:
        if abs(ns) >= factor * _ONE:
            return f"{_three(ns / factor)} {unit}"
    return "0"


def size(number: float) -> str:
    """Format a number of bytes: `1.23 MB`. 1 kB is 1000 bytes."""
    for factor, unit in _SIZES:
        if abs(number) >= factor * _ONE:
            return f"{_three(number / factor)} {unit}"
    return plural(int(number), "byte")


def count(number: float) -> str:
    """Format a number with thousands separators: `12,345`."""
    return f"{number:,.0f}" if abs(number) >= 1000 or float(number).is_integer() else f"{number:.3g}"


def plural(number: int, noun: str, nouns: str = "") -> str:
    """Format a number with its noun: `1 stream`, `2 streams`.

    Parameters
    ----------
    number
        The number.
    noun
        The noun in the singular.
    nouns
        The noun in the plural (default: `noun` and an s).
    """
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def as_words(name: str) -> str:
    """Replace underscores with spaces: `tick_period` becomes `tick period`."""
    return name.replace("_", " ")
