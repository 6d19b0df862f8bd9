"""Clocks, random bytes and environment variables of a native VM, which are read through WASI as in Wasm.

When a VM starts, the runtime's Python 3.14 requests 2496 random bytes twice, and seeds `random` with those of the second
request. Native mode requests the same bytes in the same order, so that a filter receives the same random numbers as in Wasm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .arena import SLOTS, Arena

__all__ = ["WasiServices"]

#: Number of bytes that seed a Mersenne twister, and maximum number of bytes that WASI returns at once.
_SEED, _AT_ONCE = 2496, 1 << 16

_WALL, _MONOTONIC = 0, 1


class WasiServices:
    """Clocks, random bytes and environment variables of one native VM."""

    def __init__(self, wasi: Mapping[str, Callable[..., Any]], arena: Arena) -> None:
        self._wasi = wasi
        self._arena = arena
        self.seed = 0
        self.variables: dict[str, str] = {}

    def start(self) -> None:
        """Read the environment, and request the same random bytes as the Python inside Wasm does when a VM starts."""
        self.random_bytes(_SEED)
        self.seed = int.from_bytes(self.random_bytes(_SEED), "little")
        self.variables = self._environment()

    def wall_ns(self) -> int:
        """Return the time of the proxy's wall clock in nanoseconds since 1970."""
        return self._clock(_WALL)

    def monotonic_ns(self) -> int:
        """Return the time of the proxy's monotonic clock in nanoseconds."""
        return self._clock(_MONOTONIC)

    def _clock(self, which: int) -> int:
        self._wasi["clock_time_get"](which, 1, SLOTS)
        return int.from_bytes(self._arena.read(SLOTS, 8), "little")

    def random_bytes(self, size: int) -> bytes:
        """Return random bytes from the proxy."""
        parts = []
        for start in range(0, size, _AT_ONCE):
            part = min(_AT_ONCE, size - start)
            self._arena.reset()
            at = self._arena.allocate(part)
            if self._wasi["random_get"](at, part):
                raise OSError("the proxy returned no random bytes for this VM")
            parts.append(self._arena.read(at, part))
        return b"".join(parts)

    def _environment(self) -> dict[str, str]:
        arena = self._arena
        self._wasi["environ_sizes_get"](SLOTS, SLOTS + 4)
        count, size = arena.u32(SLOTS), arena.u32(SLOTS + 4)
        if not size:
            return {}
        arena.reset()
        pointers, text = arena.allocate(4 * count), arena.allocate(size)
        self._wasi["environ_get"](pointers, text)
        entries = arena.read(text, size).decode("utf-8", "surrogateescape").split("\0")
        return dict(entry.split("=", 1) for entry in entries if "=" in entry)
