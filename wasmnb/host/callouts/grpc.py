"""gRPC callouts: unary calls, and the base class that they share with streams. Streams are in `grpc_stream`.

In Envoy 1.40, a successful unary call runs only `on_grpc_receive`, and a failed call only `on_grpc_close`. A timeout has status
14, a reset after the start has status 13, and an HTTP error has the status to which it is mapped. Envoy adds its details to the
message in braces. Cancelling drops the token without a close callback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...abi import Pair
from ...abi.text import encode_text
from ...messages import Request, Response
from ..clusters.grpc_server import frame_message, split_messages
from ..http.buffers import Buffer
from ..http.header_map import RequestHeaderMap
from ..http.local_reply import grpc_status_of
from ..http.router_filter.resets import REFUSED, RESET
from .base import CalloutBase

if TYPE_CHECKING:
    from ..clusters.cluster import Cluster
    from ..contexts.root import RootContext

__all__ = ["REFUSED_CLOSE", "RESET_CLOSE", "GrpcCall", "GrpcCallout", "GrpcClose", "GrpcOutcome", "outcome"]

_UNKNOWN, _INTERNAL, _UNAVAILABLE = 2, 13, 14


class GrpcClose(NamedTuple):
    """The end of a gRPC callout.

    Attributes
    ----------
    status
        The gRPC status.
    message
        Message of the status, or an empty string.
    details
        Envoy's details, or an empty string.
    """

    status: int
    message: str
    details: str


#: Ends of callouts whose upstream has refused the connection or has reset the stream after its start.
REFUSED_CLOSE = GrpcClose(_UNAVAILABLE, REFUSED.body.decode(), REFUSED.code_details(response_started=False))
RESET_CLOSE = GrpcClose(_INTERNAL, "", RESET.code_details(response_started=True))

_TIMEOUT_CLOSE = GrpcClose(_UNAVAILABLE, "upstream request timeout", "response_timeout")


class GrpcOutcome(NamedTuple):
    """A complete gRPC response.

    Attributes
    ----------
    status, message
        The gRPC status, and its message.
    messages
        The messages in the body.
    """

    status: int
    message: str
    messages: list[bytes]


def outcome(response: Response) -> GrpcOutcome:
    """Extract the gRPC response from a complete HTTP response."""
    grpc_status = response.trailers.get("grpc-status") or response.headers.get("grpc-status")
    message = response.trailers.get("grpc-message") or response.headers.get("grpc-message") or ""
    valid = grpc_status is not None and grpc_status.isdigit()
    if response.status != 200:
        status = int(grpc_status) if grpc_status is not None and valid else grpc_status_of(response.status)
        return GrpcOutcome(status, message, [])
    if grpc_status is None or not valid:
        return GrpcOutcome(_UNKNOWN, message, [])
    return GrpcOutcome(int(grpc_status), message, split_messages(response.body))


class GrpcCallout(CalloutBase):
    """Base class of gRPC calls and streams.

    Parameters
    ----------
    root, token, cluster, exchange
        As for `CalloutBase`.
    path
        Path of the method: `/package.Service/Method`.

    Attributes
    ----------
    done
        Whether the callout has ended. Later events are then ignored.
    """

    def __init__(self, root: RootContext, token: int, cluster: Cluster, path: str, exchange: int | None) -> None:
        super().__init__(root, token, cluster, exchange)
        self.path = path
        self.done = False

    def abandon(self) -> None:
        """Drop the callout without calling the module."""
        self.done = True
        self.end()

    def drop_token(self) -> None:
        """Drop a callout that was closed or cancelled, and release its token."""
        self._finish_record("cancelled")
        self.abandon()
        self.root.calls.pop(self.token, None)

    def _build_request(self, metadata: list[Pair], timeout: int | None, body: bytes = b"") -> Request:
        """Build the HTTP/2 request, and record the start of the callout.

        Parameters
        ----------
        metadata
            Headers from the filter.
        timeout
            Timeout in milliseconds. No timeout if 0 or None.
        body
            The framed message of a unary call (default empty).
        """
        headers = RequestHeaderMap([(b"te", b"trailers")])
        if timeout:
            headers.add(b"grpc-timeout", b"%dm" % timeout)
        headers.add(b"content-type", b"application/grpc")
        for name, value in metadata:
            headers.add(name.lower(), value)
        headers.put(b"x-envoy-internal", b"true")
        if timeout:
            headers.put(b"x-envoy-expected-rq-timeout-ms", b"%d" % timeout)
        request = Request("POST", self.path, authority=self.cluster.name)
        request.body = body
        request.headers.raw = [item for item in headers if item[0][:1] != b":"]
        self._record_start(request, "grpc_call", path=self.path)
        return request

    def _deliver_message(self, message: bytes) -> None:
        """Call `on_grpc_receive`, and let the filter read and change the message while it runs."""
        self.root.grpc_message = Buffer(message)
        self._notify("on_grpc_receive", len(message))
        self.root.grpc_message = None

    def _deliver_close(self, close: GrpcClose) -> None:
        """Call `on_grpc_close`, and let the filter read the status while it runs."""
        status, message, details = close
        self._finish_record("failed" if status else "answered")
        text = f"{message}{{{details}}}" if message and details else message or details
        self.root.status = (status, encode_text(text))
        self._notify("on_grpc_close", status)
        self.root.status = (status, b"")

    def _finish_record(self, state: str) -> None:
        """Set the final state in the record of the callout. A second call does nothing."""
        if self.record.finished is None:
            self.record.state, self.record.finished = state, self.vm.clock.time()


class GrpcCall(GrpcCallout):
    """A unary gRPC call."""

    kind = "grpc call"

    def start(self, metadata: list[Pair], message: bytes, timeout: int) -> None:
        """Send the request. The response arrives in a later event.

        Parameters
        ----------
        metadata, message
            Headers from the filter, and the serialised message.
        timeout
            Timeout in milliseconds, or 0 for no timeout.
        """
        request = self._build_request(metadata, timeout, frame_message(message))
        if timeout:
            self._timers.call_later(timeout / 1000, lambda: self._fail(_TIMEOUT_CLOSE))
        self._timers.call_soon(lambda: self._call_upstream(request, message))

    def _call_upstream(self, request: Request, message: bytes) -> None:
        self.record.sent = self.record.complete = self.cluster.alive
        self.record.messages.append(message)
        try:
            response = self.cluster.respond(request)
        except ConnectionError:
            self._fail(REFUSED_CLOSE)
            return
        if response.latency > 0:
            self._timers.call_later(response.latency, lambda: self._respond(response))
        else:
            self._respond(response)

    def _respond(self, response: Response) -> None:
        self.record.response = response
        if response.reset:
            self._fail(RESET_CLOSE)
            return
        result = outcome(response)
        if result.status or not result.messages:
            self._fail(GrpcClose(result.status or _INTERNAL, result.message, "via_upstream"))
            return
        self.abandon()
        self._finish_record("answered")
        self._deliver_message(result.messages[0])
        self.drop_token()

    def _fail(self, close: GrpcClose) -> None:
        self.abandon()
        self._deliver_close(close)
        self.drop_token()
