"""Interface through which a filter chain calls its stream, like `FilterManagerCallbacks` in Envoy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .header_map import HeaderMap

__all__ = ["ChainCallbacks"]


class ChainCallbacks(Protocol):
    """Functions of a stream, which a filter chain calls after its last filter and when events occur."""

    def pass_headers(self, headers: HeaderMap, *, end: bool) -> None:
        """Handle headers that have passed all filters. `end` is True if the message ends with them."""
        ...

    def pass_data(self, data: bytes, *, end: bool) -> None:
        """Handle data that have passed all filters. `end` is True if the message ends with them."""
        ...

    def pass_trailers(self, trailers: HeaderMap) -> None:
        """Handle trailers that have passed all filters."""
        ...

    def on_buffer_overflow(self) -> None:
        """Handle a buffer that exceeds its limit because a filter holds back too much data."""
        ...

    def read_disable(self, *, disable: bool) -> None:
        """Stop reading from the source because the buffer exceeds its limit, or start reading again."""
        ...

    def is_done(self) -> bool:
        """Return whether nothing more can be passed on, because the stream has ended or has a complete response."""
        ...

    def on_callback_aborted(self) -> None:
        """Send the local reply that was requested in the callback that has just returned."""
        ...
