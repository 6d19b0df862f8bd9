"""Interface of a network filter, as a TCP stream calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...abi import CloseType
    from ..http.buffers import Buffer
    from ..plugins.plugin import Plugin
    from ..vm.failure import Failure

__all__ = ["DOWNSTREAM", "UPSTREAM", "FilterSet", "NetworkFilter"]

#: Where bytes come from: the client or the upstream.
DOWNSTREAM, UPSTREAM = 0, 1


class NetworkFilter(Protocol):
    """One network filter of one connection. Its methods return True if the connection or the bytes continue."""

    #: Object that the filter holds: `connection`, `downstream data`, `upstream data` or an empty string.
    paused: str

    @property
    def plugin(self) -> Plugin | None:
        """The plugin whose filter this is."""
        ...

    @property
    def failure(self) -> Failure | None:
        """The failure of the filter's VM, or None."""
        ...

    def on_new_connection(self) -> bool:
        """Handle a new connection."""
        ...

    def on_data(self, source: int, data: Buffer, *, end: bool) -> bool:
        """Handle bytes from `DOWNSTREAM` or `UPSTREAM`; `end` if none follow."""
        ...

    def on_close(self, close_type: CloseType) -> None:
        """Handle the end of the connection: close callback, `on_done`, `on_log`, `on_delete`."""
        ...

    def leave(self) -> None:
        """Drop the context without a callback."""
        ...


class FilterSet(NamedTuple):
    """The network filters of a new connection.

    Attributes
    ----------
    filters
        The filters, in order.
    blocked
        A plugin's VM has failed and does not let connections pass; the filters are those before it.
    failure
        Why it failed, or None.
    """

    filters: Sequence[NetworkFilter]
    blocked: bool = False
    failure: Failure | None = None
