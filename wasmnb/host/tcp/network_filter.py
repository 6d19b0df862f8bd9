"""Interface through which a TCP stream calls a network filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...abi import CloseType
    from ..http.buffers import Buffer
    from ..plugins.plugin import Plugin
    from ..vm.failure import Failure

__all__ = ["DOWNSTREAM", "UPSTREAM", "FilterSet", "NetworkFilter"]

#: Sources of bytes: the client and the upstream.
DOWNSTREAM, UPSTREAM = 0, 1


class NetworkFilter(Protocol):
    """A network filter of one connection. Callbacks return True if the connection or the bytes continue to the next one."""

    #: What the filter holds: `connection`, `downstream data`, `upstream data`, or an empty string for nothing.
    paused: str

    @property
    def plugin(self) -> Plugin | None:
        """The plugin to which the filter belongs."""
        ...

    @property
    def failure(self) -> Failure | None:
        """The failure of the filter's VM, or None."""
        ...

    def on_new_connection(self) -> bool:
        """Handle a new connection."""
        ...

    def on_data(self, source: int, data: Buffer, *, end: bool) -> bool:
        """Handle bytes from `DOWNSTREAM` or `UPSTREAM`. `end` is True if no more follow."""
        ...

    def on_close(self, close_type: CloseType) -> None:
        """Run the callbacks at the end of the connection: the close callback, `on_done`, `on_log` and `on_delete`."""
        ...

    def leave(self) -> None:
        """Drop the context without running its callbacks."""
        ...


class FilterSet(NamedTuple):
    """The network filters of a new connection.

    Attributes
    ----------
    filters
        The filters, in order.
    blocked
        Whether a plugin blocks the connection because its VM has failed. Then `filters` has only the filters before it.
    failure
        The failure of that VM, or None.
    """

    filters: Sequence[NetworkFilter]
    blocked: bool = False
    failure: Failure | None = None
