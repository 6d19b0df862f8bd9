"""Filter state: values that filters attach to a stream for other filters.

In Envoy 1.40, `set_property` stores a value under `wasm.<path>`. In `on_configure`, the plugin can declare the value's type,
its lifespan (by default, the lifespan of the filter chain) and whether it is read-only. Setting a read-only value again returns
BadArgument and keeps the first value. A value with the lifespan of the connection exists for every later request on the
connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...abi import Status
from ..shared_state.storage import OVERHEAD

__all__ = ["Declaration", "FilterState", "Lifespan"]


#: Maximum number of bytes that the filters of one stream can store. Envoy has no limit and would run out of memory.
_MOST = 64 << 20


class Lifespan:
    """Lifespans of values in filter state."""

    FILTER_CHAIN, REQUEST, CONNECTION = range(3)


@dataclass(frozen=True)
class Declaration:
    """Declaration of a property by a plugin with the foreign function `declare_property`."""

    name: bytes
    read_only: bool = False
    kind: int = 0
    schema: bytes = b""
    span: int = Lifespan.FILTER_CHAIN


_UNDECLARED = Declaration(b"")


class FilterState:
    """Filter state of one stream, including the filter state of its connection.

    Parameters
    ----------
    connection
        Values with the lifespan of the connection (default empty).
    """

    def __init__(self, connection: dict[bytes, bytes] | None = None) -> None:
        self.connection = {} if connection is None else connection
        self.own: dict[bytes, bytes] = {}
        self._stored = sum(OVERHEAD + len(key) + len(value) for key, value in self.connection.items())

    def get(self, key: bytes) -> bytes | None:
        """Return the value for a full key (`wasm.<path>`), or None."""
        value = self.own.get(key)
        return self.connection.get(key) if value is None else value

    def put(self, key: bytes, value: bytes, span: int = Lifespan.FILTER_CHAIN) -> None:
        """Store a value under a full key, with a lifespan."""
        target = self.connection if span == Lifespan.CONNECTION else self.own
        self._stored += len(value) - len(target[key]) if key in target else OVERHEAD + len(key) + len(value)
        target[key] = value

    def has_room(self, key: bytes, value: bytes) -> bool:
        """Return whether another value can be stored within the limit."""
        return self._stored + OVERHEAD + len(key) + len(value) <= _MOST

    def set(self, key: bytes, value: bytes, declarations: Mapping[bytes, Declaration]) -> int:
        """Store a value as `set_property` does, and return the status.

        Parameters
        ----------
        key, value
            The full key (`wasm.<path>`), and the value.
        declarations
            The plugin's declarations by name.

        Returns
        -------
        int
            `Status.OK`, `Status.BAD_ARGUMENT` if a read-only value exists, or `Status.INTERNAL_FAILURE` if the values of the
            stream would exceed 64 MiB.
        """
        declaration = declarations.get(key.removeprefix(b"wasm."), _UNDECLARED)
        if declaration.read_only and self.get(key) is not None:
            return Status.BAD_ARGUMENT
        if not self.has_room(key, value):
            return Status.INTERNAL_FAILURE
        self.put(key, value, declaration.span)
        return Status.OK

    def items(self) -> dict[bytes, bytes]:
        """Return all values by full key."""
        return self.connection | self.own
