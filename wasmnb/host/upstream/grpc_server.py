"""gRPC messages in HTTP bodies, and an upstream with gRPC methods.

Facts (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md): a message is one byte of flags, four bytes of
length, big endian, and the message; the status is in the trailers, or in the headers of a response without body.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...messages import Headers, Request, Response

__all__ = ["GrpcReply", "GrpcServer", "frame_message", "split_messages"]


def frame_message(message: bytes) -> bytes:
    """Return a message with its five bytes of flags and length."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def split_messages(body: bytes) -> list[bytes]:
    """Return the complete messages of a body; an incomplete one at the end is left out."""
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
    """Reaction of a gRPC method to a message.

    Parameters
    ----------
    messages
        Messages to send (default none).
    status, message
        gRPC status that ends the call, and its message; None (the default) does not end it.
    reset
        End the stream with a reset instead (default False).
    latency
        Virtual seconds before the reaction (default 0).
    """

    messages: list[bytes] = field(default_factory=list)
    status: int | None = None
    message: str = ""
    reset: bool = False
    latency: float = 0.0


#: Function of a method: it returns one message, several, none, or a `GrpcReply`.
Method = Callable[[bytes], "bytes | Iterable[bytes] | GrpcReply | None"]


class GrpcServer:
    """An upstream with gRPC methods, for callouts and for requests that pass through.

    Parameters
    ----------
    methods
        Path (`/package.Service/Method`) -> function of one message. It returns one message, several, none, or a
        `GrpcReply`. A unary call ends with status 0 after it; a stream ends when the client closes its side or a reply has
        a status.
    headers, trailers
        Sent with every response (default none).
    metadata_first
        Whether a stream's initial metadata (`headers`) is sent when the stream opens, before the first message. True, or the
        paths of the methods that do so; by default no method does.
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
        """Return whether a stream of this method begins with the server's metadata."""
        first = self._metadata_first
        return first if isinstance(first, bool) else path in first

    def reply(self, path: str, message: bytes) -> GrpcReply:
        """Call a method with one message. An unknown method ends with status 12.

        Parameters
        ----------
        path
            `/package.Service/Method`.
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
        """Respond to a complete request."""
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
