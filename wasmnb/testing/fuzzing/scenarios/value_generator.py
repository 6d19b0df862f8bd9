"""Generator of random paths, headers, bodies and numbers, based on constants in the filter and on typical edge cases."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from .scenario import Pairs
from .vocabulary import Vocabulary

__all__ = ["LATENCIES", "METHODS", "PAUSES", "STATUSES", "ValueGenerator"]

METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH")
STATUSES = (200, 200, 204, 301, 302, 400, 401, 403, 404, 429, 500, 502, 503)
LATENCIES = (0.0, 0.0, 0.001, 0.1, 1.0, 10.0, 40.0)
PAUSES = (0.001, 0.05, 0.5, 2.0, 10.0, 61.0)

_ODD = (
    b"",
    b"\xff\xfe",
    b"\xc3\x28",
    b"%",
    b"%zz",
    b"\x80abc",
    "€uro".encode(),
    b"a" * 300,
    b"1e999",
    b"-1",
    b"null",
    b"=;,",
)
_SIZES = (0, 1, 2, 7, 64, 1000, 4096, 70_000)
_LINE_ENDS = (b"\n", b"\r\n", b"\0", b" ")


class ValueGenerator:
    """Generator of random values for scenarios.

    Parameters
    ----------
    vocabulary
        Strings and numbers in the filter.
    random
        Random number generator.
    """

    def __init__(self, vocabulary: Vocabulary, random: Random) -> None:
        self.vocabulary = vocabulary
        self.random = random

    def several(self, make: Callable[[], Any], most: int) -> tuple[Any, ...]:
        """Return a random number of values, at most `most`, created by calling `make`."""
        return tuple(make() for _ in range(self.random.randint(0, most)))

    def happens(self, probability: float) -> bool:
        """Return True with this probability, and otherwise False."""
        return self.random.random() < probability

    # -- HTTP -----------------------------------------------------------------------------------------------------

    def path(self) -> str:
        """Generate a path with an optional query."""
        random = self.random
        if random.random() < 0.5:
            return random.choice(self.vocabulary.paths)
        parts = "/".join(self.token() for _ in range(random.randint(0, 3)))
        query = (
            "?" + "&".join(f"{self.token()}={self.token()}" for _ in range(random.randint(0, 3)))
            if random.random() < 0.4
            else ""
        )
        return f"/{parts}{query}"

    def token(self) -> str:
        """Generate a segment of a path or a part of a query."""
        part = self.random.choice((*self.vocabulary.keys, *self.vocabulary.names, "a", "", "%", "%2F", "..", "x" * 40))
        return "".join(c for c in part if 0x21 <= ord(c) < 0x7F and c not in "?#")

    def pairs(self, most: int) -> Pairs:
        """Generate up to `most` headers."""
        return tuple(self.pair() for _ in range(self.random.randint(0, most)))

    def pair(self) -> tuple[bytes, bytes]:
        """Generate the name and value of a header."""
        random, vocabulary = self.random, self.vocabulary
        own = vocabulary.own and random.random() < 0.7
        name = random.choice(vocabulary.names[: vocabulary.own] if own else vocabulary.names)
        return name.encode(), self.header_value()

    def header_value(self) -> bytes:
        """Generate the value of a header. It contains no control characters, which the codec would refuse."""
        random = self.random
        kind = random.random()
        if kind < 0.5:
            value = random.choice(self.vocabulary.values).encode()
        elif kind < 0.7:
            value = str(self.number()).encode()
        elif kind < 0.9:
            value = random.choice(_ODD)
        else:
            value = bytes(random.choice(b"abcXYZ019 -_=%/;,.\xe9") for _ in range(random.choice((1, 5, 30, 200))))
        return bytes(c for c in value if c >= 0x20 and c != 0x7F).strip()

    # -- data -----------------------------------------------------------------------------------------------------

    def number(self) -> int:
        """Generate a number: a constant of the filter, a number next to it, or a typical limit."""
        random = self.random
        if self.vocabulary.numbers and random.random() < 0.6:
            return random.choice(self.vocabulary.numbers) + random.choice((-1, 0, 0, 1))
        return random.choice((0, 1, -1, 10, 255, 1 << 31, 10**18))

    def data(self) -> bytes:
        """Generate a body or a chunk of a body."""
        random = self.random
        kind = random.random()
        if kind < 0.35:
            return json.dumps(self.json(2)).encode()
        if kind < 0.5:
            return random.choice(_ODD)
        if kind < 0.65:
            return self.constant_text()
        if kind < 0.75:
            return "&".join(f"{self.token()}={self.token()}" for _ in range(random.randint(1, 3))).encode()
        size = min(abs(self.number()), 100_000) if random.random() < 0.3 else random.choice(_SIZES)
        return random.randbytes(size) if random.random() < 0.3 else bytes([random.choice(b"ab%{<\x00")]) * size

    def constant_text(self) -> bytes:
        """Choose one of the strings in the filter."""
        return self.random.choice(self.vocabulary.values).encode("utf-8", "surrogatepass")

    def json(self, depth: int) -> Any:
        """Generate a JSON value with keys used in the filter, nested at most `depth` levels deep."""
        random = self.random
        if depth and random.random() < 0.7:
            keys = [random.choice(self.vocabulary.keys or ["a"]) for _ in range(random.randint(0, 4))]
            if random.random() < 0.85:
                return {key: self.json(depth - 1) for key in keys}
            return [self.json(depth - 1) for _ in keys]
        return random.choice(
            (None, True, 0, -1, 1.5, "", self.number(), random.choice(self.vocabulary.values), "é", [], {})
        )

    def message(self) -> bytes:
        """Generate a message for TCP or gRPC: a line, a message with a length prefix, or arbitrary bytes."""
        random = self.random
        kind = random.random()
        if kind < 0.4:
            return self.constant_text() + random.choice(_LINE_ENDS)
        if kind < 0.7:
            data = random.choice((b"", self.constant_text(), random.choice(_ODD), random.randbytes(5)))
            length = random.choice((len(data), len(data), len(data), 0, len(data) + 1, 1 << 31))
            size = random.choice((1, 2, 4, 4))
            return (length % (1 << 8 * size)).to_bytes(size, random.choice(("big", "big", "little"))) + data
        return self.data()[:5000]

    def mutate_data(self, data: bytes) -> bytes:
        """Return a copy of a body in which a part is removed, inserted or doubled, or a new body."""
        random = self.random
        if not data or random.random() < 0.4:
            return self.data()
        at = random.randrange(len(data))
        return random.choice((data[:at], data[:at] + random.choice(_ODD) + data[at:], data + data, data[at:]))[:200_000]
