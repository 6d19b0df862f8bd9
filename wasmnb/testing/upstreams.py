"""Scripted upstreams: they answer as told and remember what they saw.

One serves as the main `upstream` or as one of `clusters`, in the simulated proxy and in the real Envoy alike:

    auth = upstream(response(403), response(200))            # in this order; the last one stays
    auth = upstream(by_path={"/check": response(200), "/slow": response(200, latency=2.0)})
    auth = upstream(failing())                               # closes without an answer; `refused`: nobody listens
    Proxy(filter, clusters={"auth": auth})
    assert auth.seen[0].path == "/check"

The same object answers gRPC, unary calls and streams message by message, and is the upstream of TCP connections:

    rates = upstream(grpc_reply(b"5"), grpc_reply(status=8, message="enough"))
    backend = upstream(b"hello", tcp_reply(b"bye", close=True))
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, NoReturn, TypeVar

from ..errors import UsageError
from ..host import GrpcReply, GrpcServer, TcpReply
from ..host.callouts.grpc import outcome
from ..host.upstream.grpc_server import frame_message
from ..messages import Headers, Request, Response, Text, to_bytes, to_text
from ..view.render.units import plural
from .assertions.expectations import fits
from .assertions.matchers import fail

__all__ = [
    "ScriptedUpstream", "failing", "grpc_reply", "refused", "resetting", "slow", "tcp_reply", "upstream",
]  # fmt: skip

#: What a step of a script may be: a response, a status, a body, a reply, or a function of the request that gives one.
Step = Response | GrpcReply | TcpReply | int | str | bytes | Callable[[Any], Any]

#: Answers that have a latency.
Answer = TypeVar("Answer", Response, GrpcReply, TcpReply)

_UNIMPLEMENTED = 12

_STEPS = (Response, GrpcReply, TcpReply, int, str, bytes)


def failing() -> Response:
    """The connection closes without an answer; the proxy answers 503 for it."""
    return Response(0, reset=True)


def refused(_request: Any) -> NoReturn:
    """Nobody listens: a step that refuses the connection."""
    raise ConnectionRefusedError


def grpc_reply(
    *messages: Text, status: int | None = None, message: str = "", latency: float = 0.0, reset: bool = False
) -> GrpcReply:
    """What a gRPC service answers to a message.

    Parameters
    ----------
    messages
        Messages that it sends now.
    status, message
        gRPC status that ends the call; a unary call ends with 0 anyway, a stream goes on if there is none.
    latency
        Virtual seconds before it answers.
    reset
        It resets the stream instead of ending it.
    """
    return GrpcReply([to_bytes(m) for m in messages], status, message, reset, latency)


def tcp_reply(data: Text = b"", *, close: bool = False, latency: float = 0.0) -> TcpReply:
    """What a TCP upstream does when bytes arrive: bytes back, then perhaps the end, so many seconds later."""
    return TcpReply(to_bytes(data), close, latency)


def resetting(partial: Text = b"", *, status: int = 200, promised: int | None = None) -> Response:
    """An answer that breaks off after its headers and a part of its body.

    Parameters
    ----------
    partial
        What comes before the end.
    promised
        Length that `content-length` announces; by default more than comes.
    """
    data = to_bytes(partial)
    announced = len(data) + 100 if promised is None else promised
    return Response(status, headers=[("content-length", str(announced))], body=data, reset=True)  # type: ignore[arg-type]


def slow(answer: Answer, seconds: float) -> Answer:
    """The same answer, of HTTP, gRPC or TCP, so many (virtual) seconds later."""
    return replace(answer, latency=answer.latency + seconds)


class ScriptedUpstream(GrpcServer):
    """An upstream that follows a script. Call it with a request, or with bytes of a TCP connection; proxies do.

    Attributes
    ----------
    seen
        Requests in the order of their arrival; of a gRPC stream one for each message, of a TCP connection the pieces.
    unexpected
        Those that the script had no answer for; they were answered 599. `verify` fails if there are any.
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
        self._paths = {path: _sequence(answers) for path, answers in (by_path or {}).items()}
        self._turns: dict[str | None, Iterator[int]] = {}
        self._lock = threading.Lock()  # the real Envoy asks from several threads

    def __call__(self, request: Any) -> Any:
        """Answer a request, or bytes of a TCP connection."""
        if isinstance(request, bytes):
            return self._bytes(request)
        step = self._take(request)
        if step is None:
            return Response(
                599, body=f"{self.name}: no answer is scripted for {request.method} {request.path}".encode()
            )
        return _answer(step, request)

    def reply(self, path: str, message: bytes) -> GrpcReply:
        """Answer a message of a gRPC stream."""
        request = Request("POST", path, Headers([("content-type", "application/grpc")]), message)
        step = self._take(request)
        if step is None:
            return GrpcReply(status=_UNIMPLEMENTED, message=f"{self.name}: no answer is scripted for {path}")
        try:
            step = _resolved(step, request)
            return step if isinstance(step, GrpcReply) else _grpc_of(_answer(step, request))
        except ConnectionError:
            return GrpcReply(reset=True)

    def _bytes(self, data: bytes) -> Any:
        """Bytes of a TCP connection, or (empty) its client's end, which needs no script."""
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
            f"The script of {self.name} has {step!r} for a TCP connection; it has to be bytes or a tcp_reply."
        )

    def _take(self, request: Request) -> Step | None:
        """What the script has for a request, which is remembered."""
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
        """From now on answer this, in order; what was seen stays."""
        with self._lock:
            self._steps = list(steps)
            self._turns.pop(None, None)

    def verify(self, *expected: str) -> None:
        """Fail if a request came that the script did not have, or if the paths seen are not these.

        Parameters
        ----------
        expected
            Paths, or `"METHOD /path"`, of all requests in order; nothing to check the script only.
        """
        __tracebackhide__ = True
        block = "\n".join(f"    {n}. {_shown(r)}" for n, r in enumerate(self.seen, 1)) or "    none"
        if self.unexpected:
            first = self.unexpected[0]
            fail(f"{self.name} has no answer scripted for {first.method} {first.path}", "  it saw:", block)
        shown = [(_shown(r), r.path if isinstance(r, Request) else r) for r in self.seen]
        if expected and (len(expected) != len(shown) or any(e not in s for e, s in zip(expected, shown, strict=False))):
            fail(f"{self.name} saw {plural(len(shown), 'request')}, expected {', '.join(expected)}", "  it saw:", block)

    def requests(self, path: Any = None, **headers: Any) -> list[Request]:
        """Requests seen, filtered by path and by headers (underscores stand for dashes)."""
        wanted = {name.replace("_", "-"): value for name, value in headers.items()}
        return [
            r for r in self.seen if isinstance(r, Request)
            if (path is None or fits(path, r.path)) and all(fits(v, r.headers.get(n)) for n, v in wanted.items())
        ]  # fmt: skip

    def __repr__(self) -> str:
        return f"<ScriptedUpstream {self.name}: {plural(len(self.seen), 'request')}>"


def upstream(
    *steps: Step, by_path: Mapping[str, Any] | None = None, name: str = "upstream", strict: bool = False
) -> ScriptedUpstream:
    """A scripted upstream.

    Parameters
    ----------
    steps
        Answers in order; the last one is given again and again.
    by_path
        Answers for certain paths, with or without query; one, or a list that is gone through in order. What has no path
        here falls back to `steps`.
    strict
        The last answer is not repeated: a request too many is unexpected.
    """
    for step in [*steps, *(s for answers in (by_path or {}).values() for s in _sequence(answers))]:
        if not isinstance(step, _STEPS) and not callable(step):
            raise UsageError(
                f"A step of a scripted upstream is a response, a status, a body, a grpc_reply, a tcp_reply or a function, "
                f"not {step!r}."
            )
    return ScriptedUpstream(steps, by_path, name=name, strict=strict)


def _sequence(answers: Any) -> list[Step]:
    return list(answers) if isinstance(answers, list | tuple) else [answers]


def _resolved(step: Any, request: Request) -> Any:
    """What a function of the script gives; a text, for gRPC, as a message."""
    if callable(step) and not isinstance(step, _STEPS):
        step = step(request)
    grpc = (request.headers.get("content-type") or "").startswith("application/grpc")
    return GrpcReply([to_bytes(step)]) if grpc and isinstance(step, str | bytes) else step


def _answer(step: Any, request: Request) -> Response:
    """A step as the answer to a whole request."""
    step = _resolved(step, request)
    if isinstance(step, str | bytes):
        return Response(200, body=to_bytes(step))
    if isinstance(step, GrpcReply):
        once = replace(request, body=frame_message(b""), chunks=None)  # however many messages came, one step answers
        return GrpcServer({request.path: lambda _: step})(once)
    if isinstance(step, int):
        return Response(step)
    if isinstance(step, Response):
        return step
    raise UsageError(
        f"The script's function for {to_text(to_bytes(request.path))} gave {step!r}; it has to give a response."
    )


def _grpc_of(answer: Response) -> GrpcReply:
    """A whole answer as one of a stream: what goes wrong at HTTP's floor ends it with the status that gRPC has for it."""
    if answer.reset and not answer.status:
        return GrpcReply(reset=True, latency=answer.latency)
    status, message, messages = outcome(answer)
    return GrpcReply(messages, status or None, message, answer.reset, answer.latency)


def _shown(seen: Any) -> str:
    return f"{seen.method} {seen.path}" if isinstance(seen, Request) else repr(seen)
