"""gRPC streams to a cluster, in both directions.

In Envoy 1.40, a stream runs callbacks for initial metadata, messages, trailing metadata and the close. Sending on a stream that
has ended, and closing such a stream, return OK.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...abi import Pair
from ...abi.text import encode_text
from ...messages import Request, to_bytes
from ..clusters.grpc_server import GrpcReply, GrpcServer, frame_message
from ..contexts.phase_lookups import map_of
from ..http.header_map import HeaderMap, ResponseHeaderMap, ResponseTrailerMap
from .grpc import REFUSED_CLOSE, RESET_CLOSE, GrpcCallout, GrpcClose, outcome
from .record import MESSAGE_SIZE

if TYPE_CHECKING:
    from ..clusters.cluster import Cluster
    from ..contexts.root import RootContext

__all__ = ["GrpcStream"]

#: Map types of the initial and trailing metadata.
_INITIAL, _TRAILING = map_of("on_grpc_receive_initial_metadata"), map_of("on_grpc_receive_trailing_metadata")

_START = ((b":status", b"200"), (b"content-type", b"application/grpc"))


class GrpcStream(GrpcCallout):
    """A bidirectional gRPC stream.

    Attributes
    ----------
    half_closed
        Whether the filter has closed its side of the stream.
    """

    kind = "grpc stream"

    def __init__(self, root: RootContext, token: int, cluster: Cluster, path: str, exchange: int | None) -> None:
        super().__init__(root, token, cluster, path, exchange)
        self.half_closed = False
        self._initial_metadata_delivered = False
        self._request = Request()
        self._sent: list[bytes] = []

    # -- from the guest ---------------------------------------------------------------------------------------------

    def start(self, metadata: list[Pair]) -> None:
        """Open the stream with the filter's headers."""
        self._request = self._build_request(metadata, None)
        self._timers.call_soon(self._on_connected if self.cluster.alive else self._on_refused)

    def send(self, message: bytes, *, end: bool) -> None:
        """Send a message. If `end` is True, close the filter's side afterwards. If either side has ended, do nothing."""
        if self.done or self.half_closed:
            return
        self.hold(len(message) + MESSAGE_SIZE)
        self._sent.append(message)
        if self.cluster.alive:
            self._timers.call_soon(lambda: self._on_message(message))
        if end:
            self.half_close()

    def half_close(self) -> None:
        """Close the filter's side of the stream. If either side has ended, do nothing."""
        if self.done or self.half_closed:
            return
        self.half_closed = True
        if self.cluster.alive:
            self._timers.call_soon(self._on_half_close)

    # -- at the upstream --------------------------------------------------------------------------------------------

    def _on_connected(self) -> None:
        self.record.sent = True
        server = self.cluster.upstream
        if isinstance(server, GrpcServer) and server.sends_metadata_first(self.path) and not self.done:
            self._deliver_reply(GrpcReply())

    def _on_message(self, message: bytes) -> None:
        if self.done:
            return
        server = self.cluster.upstream
        self.record.messages.append(message)
        self.vm.server.callouts.grow(self.record, len(message))
        if not isinstance(server, GrpcServer):
            return
        reply = server.reply(self.path, message)
        if reply.latency:
            self._timers.call_later(reply.latency, lambda: self._deliver_reply(reply))
        else:
            self._deliver_reply(reply)

    def _on_half_close(self) -> None:
        if self.done:
            return
        self.record.complete = True
        if isinstance(self.cluster.upstream, GrpcServer):
            self._deliver_reply(GrpcReply(status=0))
            return
        self._request.body = b"".join(map(frame_message, self._sent))
        try:
            response = self.cluster.respond(self._request)
        except ConnectionError:
            self._on_refused()
            return
        result = outcome(response)
        self._deliver_reply(GrpcReply(result.messages, result.status, result.message, reset=response.reset))

    def _on_refused(self) -> None:
        if self.done:
            return
        self._deliver_metadata(_INITIAL, "on_grpc_receive_initial_metadata", ResponseHeaderMap())
        status = (b"grpc-status", b"%d" % REFUSED_CLOSE.status)
        message = (b"grpc-message", encode_text(REFUSED_CLOSE.message))
        self._end(REFUSED_CLOSE, ResponseHeaderMap([*_START, status, message]))

    # -- to the guest -----------------------------------------------------------------------------------------------

    def _deliver_reply(self, reply: GrpcReply) -> None:
        """Deliver the metadata, messages and status of a reply to the filter."""
        server = self.cluster.upstream
        if not self._initial_metadata_delivered:
            self._initial_metadata_delivered = True
            headers = ResponseHeaderMap([*_START, *(server.headers.raw if isinstance(server, GrpcServer) else ())])
            if self.half_closed:
                headers.put(b"x-envoy-upstream-service-time", self._service_time())
            self._deliver_metadata(_INITIAL, "on_grpc_receive_initial_metadata", headers)
        for message in reply.messages:
            if not self.done:
                self._deliver_message(message)
        if self.done:
            return
        if reply.reset:
            self._end(RESET_CLOSE, ResponseTrailerMap())
        elif reply.status is not None:
            trailers = ResponseTrailerMap([(b"grpc-status", b"%d" % reply.status)])
            if reply.message:
                trailers.add(b"grpc-message", to_bytes(reply.message))
            for name, value in server.trailers.raw if isinstance(server, GrpcServer) else ():
                trailers.add(name, value)
            self._end(GrpcClose(reply.status, reply.message, "via_upstream"), trailers)

    def _deliver_metadata(self, map_type: int, callback: str, headers: HeaderMap) -> None:
        """Run a metadata callback, and let the filter read the metadata while it runs."""
        self.root.maps[map_type] = headers if headers.items else None
        self._notify(callback, len(headers.items))
        self.root.maps[map_type] = None

    def _end(self, close: GrpcClose, trailers: HeaderMap) -> None:
        self._deliver_metadata(_TRAILING, "on_grpc_receive_trailing_metadata", trailers)
        if self.done:
            return
        self.abandon()
        self._deliver_close(close)
        if self.half_closed:
            self.drop_token()
