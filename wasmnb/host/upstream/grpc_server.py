"""gRPC on the wire, and an upstream that speaks it.

Facts (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md): a message is one byte of flags, four bytes of
length, big endian, and the message; the status stands in the trailers, or in the headers of an answer without body.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...messages import Headers, Request, Response

__all__ = ["GrpcReply", "GrpcServer", "frame_message", "split_messages"]


def frame_message(message: bytes) -> bytes:
    """A message with its five bytes in front."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def split_messages(body: bytes) -> list[bytes]:
    """The complete messages of a body."""
    found, at = [], 0
    while at + 5 <= len(body):
        size = int.from_bytes(body[at + 1 : at + 5], "big")
        if at + 5 + size > len(body):
            break
        found.append(body[at + 5 : at + 5 + size])
        at += 5 + size
    return found


@dataclass
class GrpcReply:
    """What a method answers to a message.

    Attributes
    ----------
    messages
        Messages to send now.
    status, message
        gRPC status; anything but None ends the call with it.
    reset
        End the stream with a reset instead.
    latency
        Virtual seconds before the answer.
    """

    messages: list[bytes] = field(default_factory=list)
    status: int | None = None
    message: str = ""
    reset: bool = False
    latency: float = 0.0


Method = Callable[[bytes], "bytes | Iterable[bytes] | GrpcReply | None"]


class GrpcServer:
    """An upstream with gRPC methods, for callouts and for requests that pass through.

    Parameters
    ----------
    methods
        Path (`/package.Service/Method`) -> function of one message. It gives one message, several, none, or a `GrpcReply`.
        A unary call ends with status 0 after it; a stream ends when the client closes its side or a reply has a status.
    headers, trailers
        Sent with every answer.
    """

    def __init__(self, methods: Mapping[str, Method], headers: Any = (), trailers: Any = ()) -> None:
        self.methods = dict(methods)
        self.headers = Headers(headers)
        self.trailers = Headers(trailers)

    def reply(self, path: str, message: bytes) -> GrpcReply:
        """What a method answers to one message."""
        method = self.methods.get(path)
        if method is None:
            return GrpcReply(status=12, message=f"unknown method {path}")
        answer = method(message)
        if isinstance(answer, GrpcReply):
            return answer
        if answer is None:
            return GrpcReply()
        return GrpcReply([answer] if isinstance(answer, bytes) else list(answer))

    def __call__(self, request: Request) -> Response:
        """Answer a complete request."""
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
