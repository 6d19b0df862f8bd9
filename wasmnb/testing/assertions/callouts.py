"""Assertions about callouts made by a filter, which are read from the trace of the simulated proxy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...abi import Status
from ...messages import Headers, to_text
from ..events import events_of
from .expectations import describe, fits
from .matchers import assert_headers, fail, title

__all__ = ["TracedCallout", "assert_callouts", "callout", "callouts"]

_KINDS = {"http_call": "http", "grpc_call": "grpc", "grpc_stream": "grpc stream"}


@dataclass(frozen=True)
class TracedCallout:
    """A callout made by a filter.

    Attributes
    ----------
    kind
        Kind of the callout: `http`, `grpc` or `grpc stream`.
    cluster
        Name of the cluster. For gRPC, the filter's argument `service`.
    path
        Value of `:path`. For gRPC, `/service/method`.
    headers
        Headers, including pseudo-headers. For gRPC, the metadata.
    body
        Body of the request. For gRPC, the message.
    timeout
        Timeout in milliseconds.
    status
        Status that the hostcall returned.
    """

    kind: str
    cluster: str
    path: str
    headers: Headers
    body: bytes
    timeout: int
    status: Any = Status.OK

    def __str__(self) -> str:
        """Describe the callout in one line, for failure messages."""
        refused = "" if self.status == Status.OK else f" (refused: {getattr(self.status, 'name', self.status)})"
        method = self.headers.get(":method", self.kind)
        return f"{self.cluster}: {method} {self.path}{refused}"


def callouts(source: Any) -> list[TracedCallout]:
    """Return all callouts of a filter in order, including those that the proxy refused.

    Parameters
    ----------
    source
        A simulated proxy, one of its exchanges, or a sequence of events.

    Returns
    -------
    list[TracedCallout]
        The callouts.
    """
    events = events_of(source, 'Ask the scripted cluster instead: `auth.verify("GET /check")`.')
    return [_callout(e) for e in events if e.kind == "hostcall" and e.name in _KINDS]


def _callout(event: Any) -> TracedCallout:
    args = event.args
    headers = Headers(_pairs(args.get("headers", args.get("metadata"))))
    service, method = (_text(args.get(name, b"")) for name in ("service_name", "method"))
    path = headers.get(":path") or (f"/{service}/{method}" if event.name != "http_call" else "")
    body = args.get("body", args.get("message", b""))
    target = args.get("cluster", args.get("service", b""))
    return TracedCallout(
        _KINDS[event.name], _text(target), path, headers, body if isinstance(body, bytes) else b"",
        int(args.get("timeout", 0)), event.status,
    )  # fmt: skip


def _pairs(value: Any) -> Iterable[tuple[bytes, bytes]]:
    return value if isinstance(value, list) else ()


def _text(value: Any) -> str:
    return to_text(value) if isinstance(value, bytes) else str(value)


@dataclass(frozen=True)
class ExpectedCallout:
    """Description of an expected callout, created by `callout` for `assert_callouts`."""

    cluster: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        parts = [f"{name}={describe(value)}" for name, value in self.fields.items()]
        return f"{self.cluster}: {' '.join(parts) or 'any'}"

    def problem(self, actual: TracedCallout) -> str:
        """Describe how a callout differs from this description. Returns '' if it doesn't differ."""
        if actual.cluster != self.cluster:
            return f"it went to {actual.cluster!r}, expected {self.cluster!r}"
        values = {
            "path": actual.path,
            "method": actual.headers.get(":method"),
            "body": to_text(actual.body),
            "kind": actual.kind,
        }
        for name, expected in self.fields.items():
            if name == "timeout":
                if actual.timeout != expected:
                    return f"its timeout is {actual.timeout} ms, expected {expected}"
            elif not fits(expected, values[name]):
                return f"its {name} is {values[name]!r}, expected {describe(expected)}"
        try:
            assert_headers(actual.headers, self.headers or {}, what="callout")
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
) -> ExpectedCallout:
    """Describe an expected callout for `assert_callouts`. Fields that you omit aren't compared.

    Parameters
    ----------
    cluster
        Name of the cluster.
    method, path, body
        Text, bytes, a compiled pattern, a predicate, or an expectation such as `ANY` (not compared by default).
    headers
        Headers as for `assert_headers` (not compared by default).
    timeout
        Timeout in milliseconds (not compared by default).
    kind
        `http`, `grpc` or `grpc stream` (not compared by default).

    Returns
    -------
    ExpectedCallout
        The description, for `assert_callouts`.
    """
    fields = {"method": method, "path": path, "body": body, "timeout": timeout, "kind": kind}
    return ExpectedCallout(cluster, {name: value for name, value in fields.items() if value is not None}, headers)


def assert_callouts(source: Any, expected: Sequence[Any]) -> None:
    """Assert that exactly these callouts were made, in this order.

    Parameters
    ----------
    source
        A simulated proxy, one of its exchanges, or a sequence of events.
    expected
        Descriptions created by `callout`. An empty list means that no callout is expected.

    Raises
    ------
    AssertionError
        A callout differs, is missing, or is unexpected.
    """
    __tracebackhide__ = True
    actual = callouts(source)
    block = "\n".join(
        ["  the callouts:", *(f"    {n}. {c}" for n, c in enumerate(actual, 1))]
        if actual
        else ["  no callout was made"]
    )
    of = f" of {title(source)}" if hasattr(source, "request") else ""
    for number, (description, call) in enumerate(zip(expected, actual, strict=False), 1):
        problem = description.problem(call)
        if problem:
            fail(f"callout {number}{of} to {call.cluster}: {problem}", block)
    if len(actual) != len(expected):
        first = (
            f"missing: {expected[len(actual)]}"
            if len(actual) < len(expected)
            else f"unexpected: {actual[len(expected)]}"
        )
        fail(f"callouts{of}: expected {len(expected) or 'none'}, found {len(actual) or 'none'}; {first}", block)
