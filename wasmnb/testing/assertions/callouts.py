"""Assertions about callouts, read from the trace of the simulated proxy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...abi import Status
from ...messages import Headers, to_text
from ..events import events_of
from .expectations import describe, fits
from .matchers import assert_headers, fail, title

__all__ = ["Callout", "assert_callouts", "callout", "callouts"]

_KINDS = {"http_call": "http", "grpc_call": "grpc", "grpc_stream": "grpc stream"}


@dataclass(frozen=True)
class Callout:
    """A call that a filter made.

    Attributes
    ----------
    kind
        `http`, `grpc` or `grpc stream`.
    cluster
        Where to, as text.
    headers
        With pseudo-headers; a gRPC call's metadata.
    path
        `:path`, or `/service/method`.
    timeout
        Milliseconds.
    status
        What the hostcall said.
    """

    kind: str
    cluster: str
    path: str
    headers: Headers
    body: bytes
    timeout: int
    status: Any = Status.OK

    def __str__(self) -> str:
        """One line for a failure message."""
        refused = "" if self.status == Status.OK else f" (refused: {getattr(self.status, 'name', self.status)})"
        method = self.headers.get(":method", self.kind)
        return f"{self.cluster}: {method} {self.path}{refused}"


def callouts(source: Any) -> list[Callout]:
    """Every call that was made or tried, in order.

    Parameters
    ----------
    source
        A simulated proxy, an exchange of one, or a sequence of events.
    """
    events = events_of(source, 'Scripted clusters tell what they saw: `auth.verify("GET /check")`.')
    return [_callout(e) for e in events if e.kind == "hostcall" and e.name in _KINDS]


def _callout(event: Any) -> Callout:
    args = event.args
    headers = Headers(_pairs(args.get("headers", args.get("metadata"))))
    service, method = (_text(args.get(name, b"")) for name in ("service_name", "method"))
    path = headers.get(":path") or (f"/{service}/{method}" if event.name != "http_call" else "")
    body = args.get("body", args.get("message", b""))
    where = args.get("cluster", args.get("service", b""))
    return Callout(
        _KINDS[event.name], _text(where), path, headers, body if isinstance(body, bytes) else b"",
        int(args.get("timeout", 0)), event.status,
    )  # fmt: skip


def _pairs(value: Any) -> Iterable[tuple[bytes, bytes]]:
    return value if isinstance(value, list) else ()


def _text(value: Any) -> str:
    return to_text(value) if isinstance(value, bytes) else str(value)


@dataclass(frozen=True)
class _Wanted:
    cluster: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        parts = [f"{name}={describe(value)}" for name, value in self.fields.items()]
        return f"{self.cluster}: {' '.join(parts) or 'any'}"

    def problem(self, made: Callout) -> str:
        """What is wrong with a call, or an empty string."""
        if made.cluster != self.cluster:
            return f"it went to {made.cluster!r}, expected {self.cluster!r}"
        values = {
            "path": made.path,
            "method": made.headers.get(":method"),
            "body": to_text(made.body),
            "kind": made.kind,
        }
        for name, expected in self.fields.items():
            if name == "timeout":
                if made.timeout != expected:
                    return f"its timeout is {made.timeout} ms, expected {expected}"
            elif not fits(expected, values[name]):
                return f"its {name} is {values[name]!r}, expected {describe(expected)}"
        try:
            assert_headers(made.headers, self.headers or {}, what="callout")
        except AssertionError as error:
            return str(error)
        return ""


def callout(
    cluster: str,
    *,
    method: Any = None,
    path: Any = None,
    headers: Mapping[str, Any] | None = None,
    body: Any = None,
    timeout: int | None = None,
    kind: Any = None,
) -> Any:
    """What `assert_callouts` looks for; what is not given does not matter.

    Parameters
    ----------
    timeout
        Milliseconds.
    kind
        `http`, `grpc` or `grpc stream`.
    """
    given = {"method": method, "path": path, "body": body, "timeout": timeout, "kind": kind}
    return _Wanted(cluster, {name: value for name, value in given.items() if value is not None}, headers)


def assert_callouts(source: Any, expected: Sequence[Any]) -> None:
    """Exactly these calls were made, in this order.

    Parameters
    ----------
    source
        As in `callouts`.
    expected
        Made with `callout`; an empty list for "none at all".
    """
    __tracebackhide__ = True
    made = callouts(source)
    block = "\n".join(
        ["  the calls:", *(f"    {n}. {c}" for n, c in enumerate(made, 1))] if made else ["  no call was made"]
    )
    of = f" of {title(source)}" if hasattr(source, "request") else ""
    for number, (wanted, call) in enumerate(zip(expected, made, strict=False), 1):
        problem = wanted.problem(call)
        if problem:
            fail(f"callout {number}{of} to {call.cluster}: {problem}", block)
    if len(made) != len(expected):
        first = f"missing: {expected[len(made)]}" if len(made) < len(expected) else f"too many: {made[len(expected)]}"
        fail(f"callouts{of}: expected {len(expected) or 'none'}, found {len(made) or 'none'}; {first}", block)
