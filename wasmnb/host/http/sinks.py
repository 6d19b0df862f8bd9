"""Where the two ways of a stream end: the request's at the router, the response's at the client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .codec import missing_header
from .header_map import HeaderMap

if TYPE_CHECKING:
    from .stream import HttpStream

__all__ = ["RequestSink", "ResponseSink"]


class RequestSink:
    """The request's way ends at the router."""

    def __init__(self, stream: HttpStream) -> None:
        self.stream = stream

    def out_headers(self, headers: HeaderMap, *, end: bool) -> None:
        """Headers for the upstream."""
        self.stream.router.headers(headers, end=end)

    def out_data(self, data: bytes, *, end: bool) -> None:
        """A piece of the body for the upstream."""
        self.stream.router.data(data, end=end)

    def out_trailers(self, trailers: HeaderMap) -> None:
        """Trailers for the upstream."""
        self.stream.router.trailers(trailers)

    def over_limit(self) -> None:
        """A filter holds more than it may: 413."""
        self.stream.replies.send(413, b"Payload Too Large", details="request_payload_too_large")

    def flow(self, *, stop: bool) -> None:
        """A filter holds as much as it may: the client waits."""
        self.stream.stop_reading(stop=stop)

    def over(self) -> bool:
        """Whether nobody cares for the rest of the request."""
        return self.stream.finished or self.stream.response.ended

    def called(self) -> None:
        """A callback has returned: its local response goes out now."""
        self.stream.replies.callback_returned()


class ResponseSink:
    """The response's way ends at the client."""

    def __init__(self, stream: HttpStream) -> None:
        self.stream = stream

    def out_headers(self, headers: HeaderMap, *, end: bool) -> None:
        """Headers for the client; without `:status` a 502 instead."""
        problem = missing_header(headers)
        if problem is not None:
            details = f"filter_removed_required_response_headers{{{problem}}}".replace(" ", "_")
            self.stream.replies.send(502, problem.encode(), details=details)
        else:
            self.stream.downstream.headers(headers, end=end)

    def out_data(self, data: bytes, *, end: bool) -> None:
        """A piece of the body for the client."""
        self.stream.downstream.data(data, end=end)

    def out_trailers(self, trailers: HeaderMap) -> None:
        """Trailers for the client."""
        self.stream.downstream.trailers(trailers)

    def over_limit(self) -> None:
        """A filter holds more than it may: 500, or a reset."""
        self.stream.replies.too_large()

    def flow(self, *, stop: bool) -> None:
        """A filter holds as much as it may: the upstream waits."""
        self.stream.router.flow(stop=stop)

    def over(self) -> bool:
        """Whether the stream has ended."""
        return self.stream.finished

    def called(self) -> None:
        """Replies from response callbacks are sent at once."""
