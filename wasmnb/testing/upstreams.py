"""Scripted upstreams: they send prepared responses and record the requests.

Use one as the main `upstream` or in `clusters`, with the simulated proxy and the real Envoy:

    auth = upstream(response(403), response(200))            # in this order; the last one is repeated
    auth = upstream(by_path={"/check": response(200), "/slow": response(200, latency=2.0)})
    auth = upstream(failing())                               # closes the connection; `refused` refuses it
    Proxy(filter, clusters={"auth": auth})
    assert auth.seen[0].path == "/check"

The same object serves gRPC, as unary calls and as streams message by message, and TCP connections:

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

#: A step of a script: a response, a status, a body, a reply, or a function of the request that returns one of these.
Step = Response | GrpcReply | TcpReply | int | str | bytes | Callable[[Any], Any]

#: Responses with a latency.
Delayed = TypeVar("Delayed", Response, GrpcReply, TcpReply)

_UNIMPLEMENTED = 12

_STEPS = (Response, GrpcReply, TcpReply, int, str, bytes)


def failing() -> Response:
    """Return a step that closes the connection without a response, for which the proxy sends 503."""
    return Response(0, reset=True)


def refused(_request: Any) -> NoReturn:
    """Refuse the connection. Use the function itself as a step: `upstream(refused)`."""
    raise ConnectionRefusedError


def grpc_reply(
    *messages: Text, status: int | None = None, message: str = "", latency: float = 0.0, reset: bool = False
) -> GrpcReply:
    """Build a gRPC reply to one message.

    Parameters
    ----------
    messages
        Messages to send.
    status
        gRPC status that ends the call. None (the default): a unary call ends with 0, and a stream stays open.
    message
        Text of the gRPC status (default empty).
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
    """Build a reply of a TCP upstream to received bytes.

    Parameters
    ----------
    data
        Bytes to send (default none).
    close
        Whether to close the connection afterwards (default False).
    latency
        Virtual seconds before the reply (default 0).

    Returns
    -------
    TcpReply
        The reply.
    """
    return TcpReply(to_bytes(data), close, latency)


def resetting(partial: Text = b"", *, status: int = 200, promised: int | None = None) -> Response:
    """Build a response that is cut off after its headers and a part of its body.

    Parameters
    ----------
    partial
        Part of the body that is sent (default none).
    status
        Status code (default 200).
    promised
        Value of `content-length`. By default, 100 bytes more than the length of `partial`.

    Returns
    -------
    Response
        The response.
    """
    data = to_bytes(partial)
    announced = len(data) + 100 if promised is None else promised
    return Response(status, headers=[("content-length", str(announced))], body=data, reset=True)  # type: ignore[arg-type]


def slow(reply: Delayed, seconds: float) -> Delayed:
    """Return a copy of an HTTP, gRPC or TCP response that is delayed.

    Parameters
    ----------
    reply
        The response.
    seconds
        Delay in virtual seconds.
    """
    return replace(reply, latency=reply.latency + seconds)


class ScriptedUpstream(GrpcServer):
    """An upstream that follows a script. Proxies call it with a request, or with bytes of a TCP connection.

    Parameters
    ----------
    steps
        Responses in order (default none). The last one is repeated.
    by_path
        Responses for certain paths, as for `upstream` (default none).
    name
        Name in messages (default `upstream`).
    strict
        Whether a request after the last response is unexpected (default False).

    Attributes
    ----------
    seen
        Requests in order of arrival; one for each message of a gRPC stream, and the received bytes of a TCP connection.
    unexpected
        Requests without a scripted response. They got status 599, and `verify` fails because of them.
    """

    def __init__(
        self,
        steps: Sequence[Step] = (),
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
        self._lock = threading.Lock()  # the real Envoy uses several threads

    def __call__(self, request: Any) -> Any:
        """Return the response to a request, or the reply to bytes of a TCP connection."""
        if isinstance(request, bytes):
            return self._bytes(request)
        step = self._take(request)
        if step is None:
            return Response(
                599, body=encode_text(f"{self.name}: no response is scripted for {request.method} {request.path}")
            )
        return _response_of(step, request)

    def reply(self, path: str, message: bytes) -> GrpcReply:
        """Return the reply to a message of a gRPC stream.

        Parameters
        ----------
        path
            `/package.Service/Method`.
        message
            The serialised message.
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
        """Reply to bytes of a TCP connection. Empty bytes mean that the client closed it, which needs no script."""
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
        raise UsageError(f"The script of {self.name} has {step!r} for a TCP connection. Use bytes or a tcp_reply.")

    def _take(self, request: Request) -> Step | None:
        """Record a request and return its step, or None."""
        with self._lock:
            self.seen.append(request)
            step = self._next(request)
        if step is None:
            self.unexpected.append(request)
        return step

    def _next(self, request: Request) -> Step | None:
        path = request.path.partition("?")[0]
        key = next((p for p in (request.path, path) if p in self._paths), None)
        return self._turn(key, self._steps if key is None else self._paths[key])

    def _turn(self, key: str | None, steps: Sequence[Step]) -> Step | None:
        turn = next(self._turns.setdefault(key, count()))
        if not steps or (self.strict and turn >= len(steps)):
            return None
        return steps[min(turn, len(steps) - 1)]

    def script(self, *steps: Step) -> None:
        """Replace the steps. Recorded requests are kept."""
        with self._lock:
            self._steps = list(steps)
            self._turns.pop(None, None)

    def verify(self, *expected: str) -> None:
        """Assert that every request had a scripted response, and that the requests were the expected ones.

        Parameters
        ----------
        expected
            All expected requests in order, each as a path or as `"METHOD /path"`. If you pass none, only the script is checked.

        Raises
        ------
        AssertionError
            A request had no scripted response, or the requests differ from the expected ones.
        """
        __tracebackhide__ = True
        block = "\n".join(f"    {n}. {_label(r)}" for n, r in enumerate(self.seen, 1)) or "    none"
        if self.unexpected:
            first = self.unexpected[0]
            fail(f"{self.name} has no response scripted for {first.method} {first.path}", "  it saw:", block)
        labels = [(_label(r), r.path if isinstance(r, Request) else r) for r in self.seen]
        if expected and (
            len(expected) != len(labels) or any(e not in s for e, s in zip(expected, labels, strict=False))
        ):
            fail(
                f"{self.name} saw {plural(len(labels), 'request')}, expected {', '.join(expected)}", "  it saw:", block
            )

    def requests(self, path: Any = None, **headers: Any) -> list[Request]:
        """Return the recorded requests that match.

        Parameters
        ----------
        path
            A path or a matcher. None (the default): any path.
        headers
            Values or matchers by header name, with underscores for dashes.
        """
        expected = {name.replace("_", "-"): value for name, value in headers.items()}
        return [
            r for r in self.seen if isinstance(r, Request)
            if (path is None or fits(path, r.path)) and all(fits(v, r.headers.get(n)) for n, v in expected.items())
        ]  # fmt: skip

    def __repr__(self) -> str:
        return f"<ScriptedUpstream {self.name}: {plural(len(self.seen), 'request')}>"


def upstream(
    *steps: Step, by_path: Mapping[str, Any] | None = None, name: str = "upstream", strict: bool = False
) -> ScriptedUpstream:
    """Make a scripted upstream.

    Parameters
    ----------
    steps
        Responses in order (default none). The last one is repeated.
    by_path
        Responses for certain paths, with or without query: one response, or a list in order (default none). Other paths use
        `steps`.
    name
        Name in messages (default `upstream`).
    strict
        Whether a request after the last response is unexpected, instead of repeating that response (default False).

    Returns
    -------
    ScriptedUpstream
        The upstream, for `upstream` or `clusters` of a proxy.

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


def _sequence(responses: Any) -> list[Step]:
    return list(responses) if isinstance(responses, list | tuple) else [responses]


def _evaluate(step: Any, request: Request) -> Any:
    """Call a function of the script. Text for gRPC becomes a message."""
    if callable(step) and not isinstance(step, _STEPS):
        step = step(request)
    grpc = (request.headers.get("content-type") or "").startswith("application/grpc")
    return GrpcReply([to_bytes(step)]) if grpc and isinstance(step, str | bytes) else step


def _response_of(step: Any, request: Request) -> Response:
    """Convert a step to the response to a whole request."""
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
        f"The script's function for {to_text(to_bytes(request.path))} returned {step!r}. It must return a response."
    )


def _grpc_of(response: Response) -> GrpcReply:
    """Convert a whole response to a reply of a stream. HTTP errors become their gRPC status."""
    if response.reset and not response.status:
        return GrpcReply(reset=True, latency=response.latency)
    status, message, messages = outcome(response)
    return GrpcReply(messages, status or None, message, response.reset, response.latency)


def _label(seen: Any) -> str:
    return f"{seen.method} {seen.path}" if isinstance(seen, Request) else repr(seen)
