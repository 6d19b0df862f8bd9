"""Headers and texts whose values are random or times, so that they differ in every run of the same requests."""

from __future__ import annotations

import re

__all__ = ["RANDOM_HEADERS", "UUID", "is_generated_id"]

#: Headers that Envoy sets to a different value in every run.
RANDOM_HEADERS = frozenset({b"date", b"x-request-id", b"x-envoy-upstream-service-time"})

#: Pattern of a UUID.
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

_RANDOM_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89a-f][0-9a-f]{3}-[0-9a-f]{12}")


def is_generated_id(value: bytes) -> bool:
    """Return whether a header's value is a random id that Envoy has generated: a UUID of version 4, in which Envoy marks traces."""
    return _RANDOM_UUID.fullmatch(value) is not None
