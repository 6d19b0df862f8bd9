"""Scripted upstreams: they answer as told and remember what they saw.

One serves as the main `upstream` or as one of `clusters`, in the simulated proxy and in the real Envoy alike:

    auth = upstream(response(403), response(200))            # in this order; the last one stays
    auth = upstream(by_path={"/check": response(200), "/slow": response(200, latency=2.0)})
    auth = upstream(failing())                               # nobody there
    Proxy(filter, clusters={"auth": auth})
    assert auth.seen[0].path == "/check"
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from ..errors import UsageError
from ..messages import Request, Response, Text, to_bytes, to_text
from .matchers import fail
from .values import fits

__all__ = ["ScriptedUpstream", "UnexpectedRequest", "failing", "resetting", "slow", "upstream"]

#: What a step of a script may be: a response, a status, a body, or a function of the request that gives one of these.
Step = Response | int | str | bytes | Callable[[Request], Any]


class UnexpectedRequest(AssertionError):
    """A request that the script has no answer for."""


def failing() -> Response:
    """The connection closes without an answer; the proxy answers 503 for it."""
    return Response(0, reset=True)


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


def slow(answer: Response, seconds: float) -> Response:
    """The same answer, so many (virtual) seconds later."""
    return replace(answer, latency=answer.latency + seconds)


class ScriptedUpstream:
    """An upstream that follows a script. Call it with a request; proxies do.

    Attributes
    ----------
    seen
        Requests in the order of their arrival.
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
        self.name = name
        self.strict = strict
        self.seen: list[Request] = []
        self.unexpected: list[Request] = []
        self._steps = list(steps)
        self._paths = {path: _sequence(answers) for path, answers in (by_path or {}).items()}
        self._turns: dict[str | None, Iterator[int]] = {}
        self._lock = threading.Lock()  # the real Envoy asks from several threads

    def __call__(self, request: Request) -> Response:
        """Answer a request."""
        with self._lock:
            self.seen.append(request)
            step = self._next(request)
        if step is None:
            self.unexpected.append(request)
            return Response(
                599, body=f"{self.name}: no answer is scripted for {request.method} {request.path}".encode()
            )
        return _answer(step, request)

    def _next(self, request: Request) -> Step | None:
        path = request.path.partition("?")[0]
        key = next((p for p in (request.path, path) if p in self._paths), None)
        steps = self._steps if key is None else self._paths[key]
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
        block = "\n".join(f"    {n}. {r.method} {r.path}" for n, r in enumerate(self.seen, 1)) or "    none"
        if self.unexpected:
            first = self.unexpected[0]
            fail(f"{self.name} has no answer scripted for {first.method} {first.path}", "  it saw:", block)
        shown = [(f"{r.method} {r.path}", r.path) for r in self.seen]
        if expected and (len(expected) != len(shown) or any(e not in s for e, s in zip(expected, shown, strict=False))):
            fail(f"{self.name} saw {len(shown)} requests, expected {', '.join(expected)}", "  it saw:", block)

    def requests(self, path: Any = None, **headers: Any) -> list[Request]:
        """Requests seen, filtered by path and by headers (underscores stand for dashes)."""
        wanted = {name.replace("_", "-"): value for name, value in headers.items()}
        return [
            r for r in self.seen
            if (path is None or fits(path, r.path)) and all(fits(v, r.headers.get(n)) for n, v in wanted.items())
        ]  # fmt: skip

    def __repr__(self) -> str:
        return f"<ScriptedUpstream {self.name}: {len(self.seen)} requests>"


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
        if not isinstance(step, Response | int | str | bytes) and not callable(step):
            raise UsageError(
                f"A step of a scripted upstream is a response, a status, a body or a function, not {step!r}."
            )
    return ScriptedUpstream(steps, by_path, name=name, strict=strict)


def _sequence(answers: Any) -> list[Step]:
    return list(answers) if isinstance(answers, list | tuple) else [answers]


def _answer(step: Any, request: Request) -> Response:
    if callable(step) and not isinstance(step, Response):
        step = step(request)
    if isinstance(step, Response):
        return step
    if isinstance(step, int):
        return Response(step)
    if isinstance(step, str | bytes):
        return Response(200, body=to_bytes(step))
    raise UsageError(
        f"The script's function for {to_text(to_bytes(request.path))} gave {step!r}; it has to give a response."
    )
