"""Numbers in headers, read as in Envoy (`absl::SimpleAtoi`)."""

from __future__ import annotations

import re

__all__ = ["unsigned"]

_NUMBER = re.compile(rb"[ \t\n\v\f\r]*\+?(\d+)[ \t\n\v\f\r]*\Z")
_BITS = 64


def unsigned(text: bytes | None) -> int | None:
    """Parse a header's value as an unsigned 64-bit number, or return None if the value is invalid.

    Leading spaces and a plus sign are allowed.
    """
    match = _NUMBER.match(text) if text is not None else None
    number = int(match[1]) if match else None
    return number if number is not None and number < 1 << _BITS else None
