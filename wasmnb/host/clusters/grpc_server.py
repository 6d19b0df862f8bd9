"""gRPC messages in HTTP bodies, and an upstream with gRPC methods.

In gRPC's protocol, each message is preceded by one byte of flags and four bytes of length (big-endian). The status is in the
trailers, or in the headers of a response without a body.

Reference: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...messages import Headers, Request, Response

__all__ = ["GrpcReply", "GrpcServer", "frame_message", "split_messages"]


def frame_message(message: bytes) -> bytes:
    """Prefix a message with one byte of flags and four bytes of length."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def split_messages(body: bytes) -> list[bytes]:
    """Return the complete messages of a body. An incomplete message at its end is ignored."""
    messages, at = [], 0
    while at + 5 <= len(body):
        size = int.from_bytes(body[at + 1 : at + 5], "big")
        if at + 5 + size > len(body):
            break
        messages.append(body[at + 5 : at + 5 + size])
        at += 5 + size
    return messages


@dataclass
class GrpcReply:
    """Response of a gRPC method to a message.

    Parameters
    ----------
    messages
        Serialised messages to send (default none).
    status, message
        gRPC status that ends the call, and its message (default empty). With status None (the default), the call continues.
    reset
        Whether the stream is reset instead of ending with a status (default False).
    latency
        Virtual seconds before the response (default 0).
    """

    messages: list[bytes] = field(default_factory=list)
    status: int | None = None
    message: str = ""
    reset: bool = False
    latency: float = 0.0


#: Function that implements a method. It returns one message, several messages, None, or a `GrpcReply`.
Method = Callable[[bytes], "bytes | Iterable[bytes] | GrpcReply | None"]


class GrpcServer:
    """An upstream with gRPC methods, for filters' callouts and for clients' requests.

    Parameters
    ----------
    methods
        Functions by path (`/package.Service/Method`). Each is called with every message of a call, as bytes, and returns one
        message, several messages, None, or a `GrpcReply`. A unary call then ends with status 0 by default. A stream ends when
        the client closes its side, or when a reply contains a status.
    headers, trailers
        Headers and trailers of every response (default none).
    metadata_first
        Whether the server sends initial metadata (`headers`) as soon as a stream opens, before the first message: True, False
        (the default), or the paths of the methods with this behaviour.
    """

    def __init__(
        self,
        methods: Mapping[str, Method],
        headers: Any = (),
        trailers: Any = (),
        *,
        metadata_first: bool | Collection[str] = False,
    ) -> None:
        self.methods = dict(methods)
        self._metadata_first = metadata_first
        self.headers = Headers(headers)
        self.trailers = Headers(trailers)

    def sends_metadata_first(self, path: str) -> bool:
        """Return whether the server sends initial metadata for the method `path` (`/package.Service/Method`) as soon as a
        stream opens.
        """
        first = self._metadata_first
        return first if isinstance(first, bool) else path in first

    def reply(self, path: str, message: bytes) -> GrpcReply:
        """Return a method's response to one message. For an unknown method, the status is 12 (unimplemented).

        Parameters
        ----------
        path
            Path of the method: `/package.Service/Method`.
        message
            The serialised message.
        """
        method = self.methods.get(path)
        if method is None:
            return GrpcReply(status=12, message=f"unknown method {path}")
        result = method(message)
        if isinstance(result, GrpcReply):
            return result
        if result is None:
            return GrpcReply()
        return GrpcReply([result] if isinstance(result, bytes) else list(result))

    def __call__(self, request: Request) -> Response:
        """Respond to a complete HTTP request with gRPC messages in its body."""
        sent: list[bytes] = []
        last = GrpcReply()
        for message in split_messages(request.body):
            last = self.reply(request.path, message)
            sent += last.messages
            if last.status is not None or last.reset:
                break
        status, text = last.status or 0, last.message
        end = [("grpc-status", str(status)), *([("grpc-message", text)] if text else [])]
        start = [("content-type", "application/grpc"), *self.headers.items()]
        if not sent and status:
            return Response(200, Headers([*start, *end]), latency=last.latency, reset=last.reset)
        body = b"".join(map(frame_message, sent))
        trailers = Headers() if last.reset else Headers([*end, *self.trailers.items()])
        return Response(200, Headers(start), body, trailers, latency=last.latency, reset=last.reset)
