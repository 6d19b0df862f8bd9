"""gRPC callouts: unary calls and streams.

Facts (Envoy 1.40): the target is a serialised GrpcService or, if it does not parse as one, a cluster name; an unknown
cluster is ParseFailure. A unary call that succeeds gives only `on_grpc_receive`, one that fails only `on_grpc_close`. A
stream gives initial metadata, messages, trailing metadata, close. A timeout is status 14, a reset after the start 13, an
HTTP error the status that it maps to. Envoy's details follow the message in braces. Sending and closing work on a stream
that has ended; cancelling forgets the token, and no close follows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...abi import Pair
from ...messages import Request, Response, to_bytes
from ..clock import TimerGroup
from ..http.header_map import HeaderMap, RequestHeaders, ResponseHeaders, ResponseTrailers
from ..http.local_reply import grpc_status_of
from ..http.routing.resets import REFUSED, RESET
from ..upstream.grpc_server import GrpcReply, GrpcServer, frame_message, split_messages
from .record import Callout

if TYPE_CHECKING:
    from ..contexts.root import RootContext
    from ..upstream.cluster import Cluster

__all__ = ["GrpcCall", "GrpcCallout", "GrpcStream"]

_INITIAL, _TRAILING = 4, 5
_INTERNAL, _UNAVAILABLE, _UNKNOWN = 13, 14, 2
_REFUSED = REFUSED.body.decode()
_REFUSED_DETAILS = REFUSED.code_details(response_started=False)
_RESET_DETAILS = RESET.code_details(response_started=True)


class GrpcCallout:
    """What calls and streams have in common."""

    kind = ""

    def __init__(self, root: RootContext, token: int, cluster: Cluster, path: str, exchange: int | None) -> None:
        self.root = root
        self.vm = root.vm
        self.token = token
        self.cluster = cluster
        self.path = path
        self.exchange = exchange
        self.over = False
        self._timers = TimerGroup(self.vm.clock, self.vm.thread)
        started, number = self.vm.clock.time(), self.vm.number
        self.record = Callout(self.kind, cluster.name, token, number, exchange, Request(), started, root=root.id)

    def request(self, metadata: list[Pair], timeout: int | None) -> Request:
        """The HTTP/2 request that carries it."""
        headers = RequestHeaders([(b"te", b"trailers")])
        if timeout:
            headers.add(b"grpc-timeout", b"%dm" % timeout)
        headers.add(b"content-type", b"application/grpc")
        for name, value in metadata:
            headers.add(name.lower(), value)
        headers.put(b"x-envoy-internal", b"true")
        if timeout:
            headers.put(b"x-envoy-expected-rq-timeout-ms", b"%d" % timeout)
        request = Request("POST", self.path, authority=self.cluster.name)
        request.headers.raw = [item for item in headers if item[0][:1] != b":"]
        vm = self.vm
        self.record.request = request
        vm.server.callouts.add(self.record)
        vm.trace.note(
            "stream", "grpc_call", {"cluster": self.cluster.name, "path": self.path, "token": self.token},
            time=vm.now(), thread=vm.thread.name, exchange=self.exchange, vm=vm.number,
        )  # fmt: skip
        return request

    def tell(self, name: str, *args: int) -> None:
        """A callback on the root."""
        self.vm.entry.exchange = self.exchange
        try:
            self.vm.notify(self.vm.callbacks[name], self.root, self.root.id, self.token, *args)
        finally:
            self.vm.entry.exchange = None

    def receive(self, message: bytes) -> None:
        """A message for the guest."""
        self.root.grpc_message = message
        self.tell("on_grpc_receive", len(message))
        self.root.grpc_message = b""

    def closed(self, status: int, message: str, details: str) -> None:
        """The end, with a status."""
        self.settle("failed" if status else "answered")
        text = f"{message}{{{details}}}" if message and details else message or details
        self.root.status = (status, text.encode())
        self.tell("on_grpc_close", status)
        self.root.status = (status, b"")

    def settle(self, state: str) -> None:
        """Note how it ended, once."""
        if self.record.finished is None:
            self.record.state, self.record.finished = state, self.vm.clock.time()

    def abandon(self) -> None:
        """Forget it without a word."""
        self.over = True
        self._timers.cancel()

    def forget(self) -> None:
        """Its token means nothing any more."""
        self.settle("cancelled")
        self.abandon()
        self.root.calls.pop(self.token, None)


def outcome(answer: Response) -> tuple[int, str, list[bytes]]:
    """Status, message and messages of a complete answer."""
    messages = split_messages(answer.body)
    told = answer.trailers.get("grpc-status") or answer.headers.get("grpc-status")
    text = answer.trailers.get("grpc-message") or answer.headers.get("grpc-message") or ""
    if answer.status != 200:
        return (int(told) if told and told.isdigit() else grpc_status_of(answer.status)), text, []
    if told is None or not told.isdigit():
        return _UNKNOWN, text, []
    return int(told), text, messages


class GrpcCall(GrpcCallout):
    """A unary call."""

    kind = "grpc call"

    def start(self, metadata: list[Pair], message: bytes, timeout: int) -> None:
        """Send it."""
        request = self.request(metadata, timeout)
        request.body = frame_message(message)
        if timeout:
            self._timers.call_later(
                timeout / 1000, lambda: self._fail(_UNAVAILABLE, "upstream request timeout", "response_timeout")
            )

        def ask() -> None:
            self.record.sent = self.record.complete = self.cluster.alive
            self.record.messages.append(message)
            try:
                answer = self.cluster.respond(request)
            except ConnectionError:
                self._fail(_UNAVAILABLE, _REFUSED, _REFUSED_DETAILS)
            else:
                if answer.latency > 0:
                    self._timers.call_later(answer.latency, lambda: self._answer(answer))
                else:
                    self._answer(answer)

        self._timers.call_soon(ask)

    def _answer(self, answer: Response) -> None:
        self.record.response = answer
        if answer.reset:
            self._fail(_INTERNAL, "", _RESET_DETAILS)
            return
        status, text, messages = outcome(answer)
        if status or not messages:
            self._fail(status or _INTERNAL, text, "via_upstream")
            return
        self.abandon()
        self.settle("answered")
        self.receive(messages[0])
        self.forget()

    def _fail(self, status: int, message: str, details: str) -> None:
        self.abandon()
        self.closed(status, message, details)
        self.forget()


class GrpcStream(GrpcCallout):
    """A stream in both directions.

    Attributes
    ----------
    half_closed
        The guest has closed its side.
    """

    kind = "grpc stream"

    def __init__(self, root: RootContext, token: int, cluster: Cluster, path: str, exchange: int | None) -> None:
        super().__init__(root, token, cluster, path, exchange)
        self.half_closed = False
        self._answered = False
        self._request = Request()
        self._sent: list[bytes] = []

    def start(self, metadata: list[Pair]) -> None:
        """Open it."""
        self._request = self.request(metadata, None)
        self._timers.call_soon(self._sent_off if self.cluster.alive else self._refused)

    def _sent_off(self) -> None:
        self.record.sent = True

    def send(self, message: bytes, *, end: bool) -> None:
        """A message of the guest's, unless its side is closed already."""
        if self.over or self.half_closed:
            return
        self._sent.append(message)
        if self.cluster.alive:
            self._timers.call_soon(lambda: self._arrived(message))
        if end:
            self.half_close()

    def half_close(self) -> None:
        """The guest sends no more."""
        if self.over or self.half_closed:
            return
        self.half_closed = True
        if self.cluster.alive:
            self._timers.call_soon(self._complete)

    # -- the server's side ----------------------------------------------------------------------------------------

    def _arrived(self, message: bytes) -> None:
        server = self.cluster.upstream
        if self.over:
            return
        self.record.messages.append(message)
        if not isinstance(server, GrpcServer):
            return
        reply = server.reply(self.path, message)
        if reply.latency:
            self._timers.call_later(reply.latency, lambda: self._reply(reply))
        else:
            self._reply(reply)

    def _complete(self) -> None:
        server = self.cluster.upstream
        if self.over:
            return
        self.record.complete = True
        if isinstance(server, GrpcServer):
            self._reply(GrpcReply(status=0))
            return
        self._request.body = b"".join(map(frame_message, self._sent))
        try:
            answer = self.cluster.respond(self._request)
        except ConnectionError:
            self._refused()
            return
        status, text, messages = outcome(answer)
        self._reply(GrpcReply(messages, status, text, reset=answer.reset))

    def _reply(self, reply: GrpcReply) -> None:
        server = self.cluster.upstream
        extra = server.headers.raw if isinstance(server, GrpcServer) else []
        if not self._answered:
            self._answered = True
            headers = ResponseHeaders([(b":status", b"200"), (b"content-type", b"application/grpc"), *extra])
            if self.half_closed:
                waited = int((self.vm.clock.time() - self.record.started) * 1000)
                headers.put(b"x-envoy-upstream-service-time", b"%d" % waited)
            self._metadata(_INITIAL, "on_grpc_receive_initial_metadata", headers)
        for message in reply.messages:
            if not self.over:
                self.receive(message)
        if self.over:
            return
        if reply.reset:
            self._end(_INTERNAL, "", _RESET_DETAILS, ResponseTrailers())
        elif reply.status is not None:
            trailers = ResponseTrailers([(b"grpc-status", b"%d" % reply.status)])
            if reply.message:
                trailers.add(b"grpc-message", to_bytes(reply.message))
            for name, value in server.trailers.raw if isinstance(server, GrpcServer) else []:
                trailers.add(name, value)
            self._end(reply.status, reply.message, "via_upstream", trailers)

    def _refused(self) -> None:
        if self.over:
            return
        self._metadata(_INITIAL, "on_grpc_receive_initial_metadata", ResponseHeaders())
        end = ResponseHeaders(
            [
                (b":status", b"200"), (b"content-type", b"application/grpc"), (b"grpc-status", b"14"),
                (b"grpc-message", _REFUSED.encode()),
            ]
        )  # fmt: skip
        self._end(_UNAVAILABLE, _REFUSED, _REFUSED_DETAILS, end)

    def _metadata(self, kind: int, name: str, headers: HeaderMap) -> None:
        self.root.maps[kind] = headers if headers.items else None
        self.tell(name, len(headers.items))
        self.root.maps[kind] = None

    def _end(self, status: int, message: str, details: str, trailers: HeaderMap) -> None:
        self._metadata(_TRAILING, "on_grpc_receive_trailing_metadata", trailers)
        if self.over:
            return
        self.abandon()
        self.closed(status, message, details)
        if self.half_closed:
            self.forget()
