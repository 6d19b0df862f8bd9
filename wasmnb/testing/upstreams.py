"""Scripted upstreams, which send prepared responses and record the requests.

Pass a scripted upstream to a simulated or real proxy, as its `upstream` or in its `clusters`::

    auth = upstream(response(403), response(200))            # in this order; the last one is repeated
    auth = upstream(by_path={"/check": response(200), "/slow": response(200, latency=2.0)})
    auth = upstream(failing())                               # closes the connection; `refused` refuses it
    Proxy(filter, clusters={"auth": auth})
    assert auth.seen[0].path == "/check"

A scripted upstream also serves unary gRPC calls, gRPC streams, and TCP connections::

    rates = upstream(grpc_reply(b"5"), grpc_reply(status=8, message="enough"))
    backend = upstream(b"hello", tcp_reply(b"bye", close=True))
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, NoReturn, TypeVar

from ..abi.text import encode_text
from ..errors import UsageError
from ..host import GrpcReply, GrpcServer, TcpReply
from ..host.callouts.grpc import outcome
from ..host.clusters.grpc_server import frame_message
from ..messages import Headers, Request, Response, Text, to_bytes, to_text
from ..view.render.units import plural
from .assertions.expectations import fits
from .assertions.matchers import fail

__all__ = [
    "ScriptedUpstream", "failing", "grpc_reply", "refused", "resetting", "slow", "tcp_reply", "upstream",
]  # fmt: skip

#: A step of a script: a response, a status, a body, a reply, or a function that receives the request and returns one of these.
ScriptStep = Response | GrpcReply | TcpReply | int | str | bytes | Callable[[Any], Any]

#: Types of responses that have a latency.
Delayed = TypeVar("Delayed", Response, GrpcReply, TcpReply)

_UNIMPLEMENTED = 12

_STEPS = (Response, GrpcReply, TcpReply, int, str, bytes)


def failing() -> Response:
    """Return a step that closes the connection without a response. The proxy then sends 503 to the client."""
    return Response(0, reset=True)


def refused(_request: Any) -> NoReturn:
    """Refuse the connection. Pass the function itself as a step: `upstream(refused)`.

    Raises
    ------
    ConnectionRefusedError
        Always. The proxy handles it like a connection that the upstream refuses.
    """
    raise ConnectionRefusedError


def grpc_reply(
    *messages: Text, status: int | None = None, message: str = "", latency: float = 0.0, reset: bool = False
) -> GrpcReply:
    """Build an upstream's reply to one gRPC message.

    Parameters
    ----------
    messages
        Messages to send, as serialised protobuf.
    status
        gRPC status with which the call ends (default None: a unary call ends with 0, and a stream stays open).
    message
        Error message for the gRPC status (default empty).
    latency
        Virtual seconds before the reply (default 0).
    reset
        Whether to reset the stream instead of ending it (default False).

    Returns
    -------
    GrpcReply
        The reply.
    """
    return GrpcReply([to_bytes(m) for m in messages], status, message, reset, latency)


def tcp_reply(data: Text = b"", *, close: bool = False, latency: float = 0.0) -> TcpReply:
    """Build a TCP upstream's reply to received bytes.

    Parameters
    ----------
    data
        Bytes or text to send (default empty).
    close
        Whether to close the connection after sending (default False).
    latency
        Virtual seconds before the reply (default 0).

    Returns
    -------
    TcpReply
        The reply.
    """
    return TcpReply(to_bytes(data), close, latency)


def resetting(partial: Text = b"", *, status: int = 200, promised: int | None = None) -> Response:
    """Build a response whose connection is reset after the headers and a part of the body.

    Parameters
    ----------
    partial
        Part of the body to send before the reset (default empty).
    status
        Status code (default 200).
    promised
        Value of the header `content-length` (default None: 100 bytes more than the length of `partial`).

    Returns
    -------
    Response
        The response.
    """
    data = to_bytes(partial)
    announced = len(data) + 100 if promised is None else promised
    return Response(status, headers=[("content-length", str(announced))], body=data, reset=True)  # type: ignore[arg-type]


def slow(reply: Delayed, seconds: float) -> Delayed:
    """Return a copy of an HTTP, gRPC or TCP response that is sent after a delay.

    Parameters
    ----------
    reply
        The response.
    seconds
        Delay in virtual seconds.
    """
    return replace(reply, latency=reply.latency + seconds)


class ScriptedUpstream(GrpcServer):
    """An upstream that sends prepared responses. Create it with `upstream`.

    Parameters
    ----------
    steps
        Responses, in the order in which they are sent (default none). The last one is repeated.
    by_path
        Responses for certain paths: for each path one response, or a list of responses in order (default none).
    name
        Name of the upstream in error messages (default `upstream`).
    strict
        Whether to treat requests after the last response as unexpected, instead of repeating this response (default False).

    Attributes
    ----------
    seen
        Received requests in order of arrival. A gRPC stream has one item for each message, and a TCP connection one for each
        piece of data.
    unexpected
        Requests without a scripted response. The upstream responds to them with status 599, and `verify` fails.
    """

    def __init__(
        self,
        steps: Sequence[ScriptStep] = (),
        by_path: Mapping[str, Any] | None = None,
        *,
        name: str = "upstream",
        strict: bool = False,
    ) -> None:
        super().__init__({})
        self.name = name
        self.strict = strict
        self.seen: list[Any] = []
        self.unexpected: list[Request] = []
        self._steps = list(steps)
        self._paths = {path: _sequence(responses) for path, responses in (by_path or {}).items()}
        self._turns: dict[str | None, Iterator[int]] = {}
        self._lock = threading.Lock()  # with the real Envoy, several threads call the upstream

    def __call__(self, request: Any) -> Any:
        """Return the response to a request, or the reply to bytes of a TCP connection. Called by the proxy."""
        if isinstance(request, bytes):
            return self._bytes(request)
        step = self._take(request)
        if step is None:
            return Response(
                599, body=encode_text(f"{self.name}: no response is scripted for {request.method} {request.path}")
            )
        return _response_of(step, request)

    def reply(self, path: str, message: bytes) -> GrpcReply:
        """Return the reply to a message of a gRPC stream. Called by the proxy.

        Parameters
        ----------
        path
            Service and method, as `/package.Service/Method`.
        message
            The message, as serialised protobuf.
        """
        request = Request("POST", path, Headers([("content-type", "application/grpc")]), message)
        step = self._take(request)
        if step is None:
            return GrpcReply(status=_UNIMPLEMENTED, message=f"{self.name}: no response is scripted for {path}")
        try:
            step = _evaluate(step, request)
            return step if isinstance(step, GrpcReply) else _grpc_of(_response_of(step, request))
        except ConnectionError:
            return GrpcReply(reset=True)

    def _bytes(self, data: bytes) -> Any:
        """Return the reply to bytes of a TCP connection.

        Empty bytes mean that the client has closed the connection. They don't use a step.
        """
        if not data:
            return TcpReply(close=True)
        with self._lock:
            self.seen.append(data)
            step = self._turn(None, self._steps)
        if callable(step):
            step = step(data)
        if step is None or isinstance(step, bytes | TcpReply):
            return step
        if isinstance(step, str):
            return to_bytes(step)
        raise UsageError(
            f"The step {step!r} of {self.name} can't be sent on a TCP connection. Use bytes or a tcp_reply."
        )

    def _take(self, request: Request) -> ScriptStep | None:
        """Record a request and return its step, or None if no response is scripted for it."""
        with self._lock:
            self.seen.append(request)
            step = self._next(request)
        if step is None:
            self.unexpected.append(request)
        return step

    def _next(self, request: Request) -> ScriptStep | None:
        path = request.path.partition("?")[0]
        key = next((p for p in (request.path, path) if p in self._paths), None)
        return self._turn(key, self._steps if key is None else self._paths[key])

    def _turn(self, key: str | None, steps: Sequence[ScriptStep]) -> ScriptStep | None:
        turn = next(self._turns.setdefault(key, count()))
        if not steps or (self.strict and turn >= len(steps)):
            return None
        return steps[min(turn, len(steps) - 1)]

    def script(self, *steps: ScriptStep) -> None:
        """Replace all steps by `steps`. Requests that were already recorded are kept."""
        with self._lock:
            self._steps = list(steps)
            self._turns.pop(None, None)

    def verify(self, *expected: str) -> None:
        """Assert that every request had a scripted response and, optionally, that exactly these requests were received.

        Parameters
        ----------
        expected
            All expected requests in order, each as a path or as `"METHOD /path"` (default: requests aren't compared).

        Raises
        ------
        AssertionError
            A request had no scripted response, or the requests differ from the expected ones.
        """
        __tracebackhide__ = True
        block = "\n".join(f"    {n}. {_label(r)}" for n, r in enumerate(self.seen, 1)) or "    none"
        if self.unexpected:
            first = self.unexpected[0]
            fail(f"{self.name} has no response scripted for {first.method} {first.path}", "  received requests:", block)
        labels = [(_label(r), r.path if isinstance(r, Request) else r) for r in self.seen]
        if expected and (
            len(expected) != len(labels) or any(e not in s for e, s in zip(expected, labels, strict=False))
        ):
            fail(
                f"{self.name} received {plural(len(labels), 'request')}, expected {', '.join(expected)}",
                "  received requests:",
                block,
            )

    def requests(self, path: Any = None, **headers: Any) -> list[Request]:
        """Return the recorded requests with a certain path and certain headers.

        Parameters
        ----------
        path
            A path, or an expectation such as `matching(...)` (default None: any path).
        headers
            Values or expectations for headers. Write their names with underscores instead of dashes.
        """
        expected = {name.replace("_", "-"): value for name, value in headers.items()}
        return [
            r for r in self.seen if isinstance(r, Request)
            if (path is None or fits(path, r.path)) and all(fits(v, r.headers.get(n)) for n, v in expected.items())
        ]  # fmt: skip

    def __repr__(self) -> str:
        return f"<ScriptedUpstream {self.name}: {plural(len(self.seen), 'request')}>"


def upstream(
    *steps: ScriptStep, by_path: Mapping[str, Any] | None = None, name: str = "upstream", strict: bool = False
) -> ScriptedUpstream:
    """Create an upstream that sends prepared responses and records the requests.

    Parameters
    ----------
    steps
        Responses, in the order in which they are sent (default none). The last one is repeated.
    by_path
        Responses for certain paths, with or without query: for each path one response, or a list of responses in order
        (default none). Requests for other paths use `steps`.
    name
        Name of the upstream in error messages (default `upstream`).
    strict
        Whether to treat requests after the last response as unexpected, instead of repeating this response (default False).

    Returns
    -------
    ScriptedUpstream
        The upstream. Pass it to a proxy as its `upstream` or in its `clusters`.

    Raises
    ------
    UsageError
        A step has a type that can't be sent.
    """
    for step in [*steps, *(s for responses in (by_path or {}).values() for s in _sequence(responses))]:
        if not isinstance(step, _STEPS) and not callable(step):
            raise UsageError(
                f"{step!r} can't be a step of a scripted upstream. "
                f"Use a response, a status, a body, a grpc_reply, a tcp_reply or a function."
            )
    return ScriptedUpstream(steps, by_path, name=name, strict=strict)


def _sequence(responses: Any) -> list[ScriptStep]:
    return list(responses) if isinstance(responses, list | tuple) else [responses]


def _evaluate(step: Any, request: Request) -> Any:
    """Call the step if it is a function, and return its result. For gRPC, text is converted to a message."""
    if callable(step) and not isinstance(step, _STEPS):
        step = step(request)
    grpc = (request.headers.get("content-type") or "").startswith("application/grpc")
    return GrpcReply([to_bytes(step)]) if grpc and isinstance(step, str | bytes) else step


def _response_of(step: Any, request: Request) -> Response:
    """Convert the value of a step to a response to a complete request."""
    step = _evaluate(step, request)
    if isinstance(step, str | bytes):
        return Response(200, body=to_bytes(step))
    if isinstance(step, GrpcReply):
        once = replace(request, body=frame_message(b""), chunks=None)  # one step replies to all messages
        return GrpcServer({request.path: lambda _: step})(once)
    if isinstance(step, int):
        return Response(step)
    if isinstance(step, Response):
        return step
    raise UsageError(
        f"The function in the script returned {step!r} for {to_text(to_bytes(request.path))}. It must return a response."
    )


def _grpc_of(response: Response) -> GrpcReply:
    """Convert a complete response to a reply of a gRPC stream. HTTP errors become the corresponding gRPC status."""
    if response.reset and not response.status:
        return GrpcReply(reset=True, latency=response.latency)
    status, message, messages = outcome(response)
    return GrpcReply(messages, status or None, message, response.reset, response.latency)


def _label(seen: Any) -> str:
    return f"{seen.method} {seen.path}" if isinstance(seen, Request) else repr(seen)
