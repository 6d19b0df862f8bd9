"""Durations as text and as numbers."""

import pytest

from wasmnb.parsing.durations import duration_seconds, duration_text, nanoseconds


@pytest.mark.parametrize(
    ("value", "expected", "text"),
    [
        ("1.5s", 1_500_000_000, "1.5s"), ("0.25", 250_000_000, "0.25s"), (-0.25, -250_000_000, "-0.25s"), ("-0.000000001s", -1, "-0.000000001s"),
        (3, 3_000_000_000, "3s"), (1e-5, 10_000, "0.00001s"), ("0s", 0, "0s"), ("007s", 7_000_000_000, "7s"),
        ("315576000000s", 315_576_000_000 * 10**9, "315576000000s"),
    ],
)  # fmt: skip
def test_duration_is_read_exactly(value, expected, text):
    assert (nanoseconds(value), duration_text(value)) == (expected, text)
    assert nanoseconds(duration_text(value)) == expected
    assert duration_seconds(value) == expected / 1e9


@pytest.mark.parametrize("value", ["", "s", "1.s", ".5s", "1e3s", " 1s", "1ms", "0.1234567891s", "315576000001s", float("inf"), float("nan"), None, "nan", "٣s"])
def test_value_that_is_not_a_duration_is_refused(value):
    with pytest.raises(ValueError, match="a duration must be"):
        nanoseconds(value)
