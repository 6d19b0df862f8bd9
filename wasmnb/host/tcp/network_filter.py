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

#: Sources of bytes: the client, and the upstream.
DOWNSTREAM, UPSTREAM = 0, 1


class NetworkFilter(Protocol):
    """A network filter of one connection.

    Its callbacks return True to pass the connection or the bytes on to the next filter.
    """

    @property
    def paused(self) -> str:
        """What the filter holds back: `connection`, `downstream data`, `upstream data`, or several of them joined by `and`.
        Empty if it holds back nothing.
        """
        ...

    @property
    def plugin(self) -> Plugin | None:
        """Plugin of the filter, or None."""
        ...

    @property
    def failure(self) -> Failure | None:
        """Failure of the filter's VM, or None if the VM hasn't failed."""
        ...

    def on_new_connection(self) -> bool:
        """Call the filter for a new connection."""
        ...

    def on_data(self, source: int, data: Buffer, *, end: bool) -> bool:
        """Call the filter for bytes from `DOWNSTREAM` or `UPSTREAM`. `end` is True for the last bytes of this side."""
        ...

    def resume(self) -> None:
        """Note that the filter no longer holds back the connection and the client's bytes."""
        ...

    def on_close(self, close_type: CloseType) -> None:
        """Run the callbacks for the end of the connection: the close callback, `on_done`, `on_log` and `on_delete`."""
        ...

    def leave(self) -> None:
        """Drop the filter's context without running its callbacks."""
        ...


class FilterSet(NamedTuple):
    """Network filters of a new connection.

    Attributes
    ----------
    filters
        The filters in the order of the chain.
    blocked
        Whether a plugin blocks the connection because its VM has failed. `filters` then ends before this plugin.
    failure
        Failure of the VM of the blocking plugin, or None.
    """

    filters: Sequence[NetworkFilter]
    blocked: bool = False
    failure: Failure | None = None
