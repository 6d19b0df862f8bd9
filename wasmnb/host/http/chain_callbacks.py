"""Interface of a filter chain to the stream around it; Envoy's `FilterManagerCallbacks`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .header_map import HeaderMap

__all__ = ["ChainCallbacks"]


class ChainCallbacks(Protocol):
    """The stream behind a chain: what follows the last filter, and what the chain reports."""

    def pass_headers(self, headers: HeaderMap, *, end: bool) -> None:
        """Take headers that have passed all filters."""
        ...

    def pass_data(self, data: bytes, *, end: bool) -> None:
        """Take data that have passed all filters."""
        ...

    def pass_trailers(self, trailers: HeaderMap) -> None:
        """Take trailers that have passed all filters."""
        ...

    def on_buffer_overflow(self) -> None:
        """Handle a filter that buffers more than the limit."""
        ...

    def read_disable(self, *, disable: bool) -> None:
        """Stop reading from the source because the buffer is above its limit, or resume it."""
        ...

    def is_done(self) -> bool:
        """Return whether nothing may pass any more."""
        ...

    def on_callback_aborted(self) -> None:
        """Send the local reply that was made in the filter's callback that has just returned."""
        ...
