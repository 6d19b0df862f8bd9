"""Assertions about messages, logs and metrics of a simulated or a real proxy. Failure messages contain the actual values."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from ...abi import LogLevel
from ...errors import UsageError
from ...messages import Headers, Request, Response, to_bytes, to_text
from ...view.render.escape import NEWLINES, visible
from .bodies import body_block, body_difference
from .expectations import describe, fits, suggestion

if TYPE_CHECKING:
    from ...host.proxy_interface import ProxyInterface

__all__ = [
    "assert_headers",
    "assert_log",
    "assert_metric",
    "assert_no_log",
    "assert_not_forwarded",
    "assert_request",
    "assert_response",
    "fail",
    "title",
]

#: Maximum number of log lines in a failure message.
_LINES = 30

_STATES = {
    "paused": "it is still paused",
    "failed": "the filter failed",
    "reset": "the stream was reset",
    "refused": "the proxy refused the request before any filter",
    "open": "it isn't done",
}


def fail(headline: str, *details: str) -> NoReturn:
    """Raise AssertionError with a headline and details. Characters that can't be printed are escaped."""
    __tracebackhide__ = True
    raise AssertionError(visible("\n".join([headline, *(d for d in details if d)]), keep=NEWLINES))


# -- messages -------------------------------------------------------------------------------------------------------


def assert_headers(message: Any, expected: Mapping[str, Any], *, what: str = "") -> None:
    """Assert that a message has these headers. Other headers are ignored.

    Parameters
    ----------
    message
        A request, a response, or headers (`Headers`, a dict, or pairs). `:method`, `:path`, `:authority` and `:status` can be
        compared like other headers.
    expected
        Mapping from names to the header's first value, a list of all its values in order, or an expectation such as ABSENT.
    what
        Name of the message in the failure message (default: `request`, `response` or `message`).

    Raises
    ------
    AssertionError
        A header is missing or has a different value.
    """
    __tracebackhide__ = True
    pairs = _all_pairs(message)
    problems = [line for name, value in expected.items() if (line := _header_problem(pairs, name, value))]
    if problems:
        label = what or {Request: "request", Response: "response"}.get(type(message), "message")
        names = {n.lower() for n in expected}
        fail(f"headers of the {label}: {'; '.join(problems)}", _header_block(pairs, names))


def _all_pairs(message: Any) -> list[tuple[str, str]]:
    match message:
        case Response():
            return [(":status", str(message.status)), *message.headers.items()]
        case Request():
            first = [(":method", message.method), (":path", message.path), (":authority", message.authority)]
            return [*first, *message.headers.items()]
        case _:
            return Headers(message).items()


def _header_problem(pairs: Sequence[tuple[str, str]], name: str, expected: Any) -> str:
    values = [v for n, v in pairs if n == name.lower()]
    if isinstance(expected, list | tuple):
        if len(values) == len(expected) and all(map(fits, expected, values)):
            return ""
        return f"{name} is {values}, expected {list(expected)!r}"
    first = values[0] if values else None
    if fits(expected, first):
        return ""
    if first is None:
        close = difflib.get_close_matches(name.lower(), [n for n, _ in pairs], 1)
        return f"{name} is absent, expected {describe(expected)}" + (f" (there is {close[0]})" if close else "")
    return f"{name} is {first!r}, expected {describe(expected)}"


def _header_block(pairs: Sequence[tuple[str, str]], names: Iterable[str]) -> str:
    marked = set(names)
    return "\n".join(["  all headers:", *(f"  {'>' if n in marked else ' '} {n}: {v}" for n, v in pairs)])


def _exchange(value: Any) -> Any:
    """Return an exchange unchanged, and raise TypeError for any other object."""
    __tracebackhide__ = True
    if hasattr(value, "upstream_request") and hasattr(value, "response"):
        return value
    hint = " For a single message, use assert_headers." if isinstance(value, Request | Response | Headers) else ""
    raise TypeError(
        f"Expected an exchange, such as the result of proxy.request(...), not {type(value).__name__}.{hint}"
    )


def assert_response(
    exchange: Any, status: Any = None, *, headers: Mapping[str, Any] | None = None, body: Any = None
) -> None:
    """Assert that the client received a response with these properties.

    Parameters
    ----------
    exchange
        An exchange of a simulated or a real proxy.
    status
        Status code, or a predicate such as `range(200, 300).__contains__` (not compared by default).
    headers
        Headers as for `assert_headers` (not compared by default).
    body
        Text, bytes, or an expectation such as `json_of(...)` (not compared by default).

    Raises
    ------
    AssertionError
        The client received no response, or a different one.
    TypeError
        The first argument isn't an exchange.
    """
    __tracebackhide__ = True
    response = _exchange(exchange).response
    if response is None or (not response.status and status != 0):
        fail(f"{title(exchange)} got no response: {_reason(exchange)}", _log_block(exchange.log))
    if status is not None and not (status(response.status) if callable(status) else response.status == status):
        fail(
            f"{title(exchange)} got status {response.status}, expected {describe(status)}{_state_note(exchange)}",
            body_block(response.body), _log_block(exchange.log),
        )  # fmt: skip
    if headers:
        assert_headers(response, headers, what=f"response to {title(exchange)}")
    if body is not None:
        _assert_body(f"body of the response to {title(exchange)}", response.body, body)


def assert_request(
    exchange: Any,
    *,
    method: Any = None,
    path: Any = None,
    headers: Mapping[str, Any] | None = None,
    body: Any = None,
) -> None:
    """Assert that the upstream received a request with these properties.

    Parameters
    ----------
    exchange
        An exchange of a simulated or a real proxy.
    method, path
        Text, a compiled pattern, a predicate, or an expectation such as `matching(...)` (not compared by default).
    headers
        Headers as for `assert_headers` (not compared by default).
    body
        Text, bytes, or an expectation such as `json_of(...)` (not compared by default).

    Raises
    ------
    AssertionError
        The request wasn't forwarded to the upstream, or a property differs.
    TypeError
        The first argument isn't an exchange.
    """
    __tracebackhide__ = True
    request = _exchange(exchange).upstream_request
    if request is None:
        fail(f"{title(exchange)} wasn't forwarded to the upstream: {_reason(exchange)}", _log_block(exchange.log))
    for name, expected, value in (("method", method, request.method), ("path", path, request.path)):
        if expected is not None and not fits(expected, value):
            fail(f"the upstream of {title(exchange)} got the {name} {value!r}, expected {describe(expected)}")
    if headers:
        assert_headers(request, headers, what=f"request to the upstream of {title(exchange)}")
    if body is not None:
        _assert_body(f"body sent to the upstream of {title(exchange)}", request.body, body)


def assert_not_forwarded(exchange: Any) -> None:
    """Assert that the request wasn't forwarded to the upstream.

    Parameters
    ----------
    exchange
        An exchange of a simulated or a real proxy.

    Raises
    ------
    AssertionError
        The upstream received the request.
    """
    __tracebackhide__ = True
    if _exchange(exchange).upstream_request is not None:
        request = exchange.upstream_request
        fail(
            f"{title(exchange)} was forwarded to the upstream, expected no request there",
            _header_block(_all_pairs(request), ()), body_block(request.body),
        )  # fmt: skip


def _assert_body(what: str, body: bytes, expected: Any) -> None:
    __tracebackhide__ = True
    if fits(expected, to_text(body)):
        return
    if not isinstance(expected, str | bytes):
        fail(f"{what} isn't {describe(expected)}", body_block(body))
    position, lines = body_difference(to_bytes(expected), body)
    fail(f"{what} {position}", *lines)


def title(exchange: Any) -> str:
    """Return an exchange's name for failure messages: `GET /pay` for the first exchange, then `exchange 2 (GET /pay)`."""
    request = getattr(exchange, "request", None)
    number = getattr(exchange, "number", 1)
    if request is None:
        return f"connection {number}"
    target = f"{request.method} {request.path}"
    return target if number == 1 else f"exchange {number} ({target})"


def _of(source: Any) -> str:
    """Return text such as ` of GET /` if the source is an exchange, and otherwise ''."""
    return f" of {title(source)}" if hasattr(source, "request") else ""


def _reason(exchange: Any) -> str:
    reason = _STATES.get(exchange.state, f"its state is {exchange.state}")
    paused, failure = exchange.paused, exchange.failure
    if exchange.state == "done" and exchange.response is not None:
        reason = f"it got status {exchange.response.status} before"
    return reason + (f" ({paused})" if paused else "") + (f"\n  {failure.error()}" if failure else "")


def _state_note(exchange: Any) -> str:
    return f": {_reason(exchange)}" if exchange.state not in ("done", "open") else ""


# -- logs -----------------------------------------------------------------------------------------------------------


def assert_log(source: Any, expected: Any, *, level: LogLevel | str | None = None, times: int | None = None) -> None:
    """Assert that a line was logged.

    Parameters
    ----------
    source
        A proxy, an exchange, or a sequence of log lines.
    expected
        Part of the line's text, a compiled pattern for the whole text, or an expectation such as `matching(...)`.
    level
        Level of the line (default None: any level).
    times
        Exact number of matching lines (default None: at least one).

    Raises
    ------
    AssertionError
        The number of matching lines differs.
    UsageError
        No log level has this name.
    """
    __tracebackhide__ = True
    lines = _lines(source)
    required = None if level is None else _as_level(level)
    hits = [line for line in lines if _is_hit(line, expected, required)]
    if len(hits) == times or (times is None and hits):
        return
    at = f" at level {required.name.lower()}" if required is not None else ""
    count = "at least once" if times is None else _times(times)
    other = "" if required is None else _other_levels(lines, expected)
    fail(
        f"log{_of(source)}: {describe(expected)}{at} expected {count}, found {_times(len(hits))}{other}",
        _log_block(lines),
    )


def assert_no_log(source: Any, expected: Any = None, *, level: LogLevel | str = LogLevel.TRACE) -> None:
    """Assert that a line was not logged.

    Parameters
    ----------
    source
        A proxy, an exchange, or a sequence of log lines.
    expected
        Part of the line's text, a pattern or an expectation, as for `assert_log` (default None: any line).
    level
        Lowest level of the lines to check (default trace: all lines).

    Raises
    ------
    AssertionError
        A matching line was logged.
    UsageError
        No log level has this name.
    """
    __tracebackhide__ = True
    lowest = _as_level(level)
    hits = [
        line
        for line in _lines(source)
        if _level(line) >= lowest and (expected is None or _is_hit(line, expected, None))
    ]
    if hits:
        absent = "no lines" if expected is None else f"no line with {describe(expected)}"
        fail(
            f"log{_of(source)}: expected {absent} from level {lowest.name.lower()} on, found {len(hits)}",
            _log_block(hits),
        )


def _lines(source: Any) -> list[Any]:
    return list(getattr(source, "log", source))


def _as_level(level: LogLevel | str) -> LogLevel:
    __tracebackhide__ = True
    names = [known.name.lower() for known in LogLevel]
    if isinstance(level, str) and level.lower() not in names:
        raise UsageError(f"Unknown log level {level!r}: {suggestion(level, names)}")
    return LogLevel[level.upper()] if isinstance(level, str) else level


def _level(line: Any) -> LogLevel:
    return LogLevel(line.level)


def _is_hit(line: Any, expected: Any, level: LogLevel | None) -> bool:
    text = line.text
    same = expected in text if isinstance(expected, str) else fits(expected, text)
    return same and level in (None, _level(line))


def _other_levels(lines: Iterable[Any], expected: Any) -> str:
    levels = {_level(line).name.lower() for line in lines if _is_hit(line, expected, None)}
    return f" (but at level {', '.join(sorted(levels))})" if levels else ""


def _times(number: int) -> str:
    return {0: "never", 1: "once"}.get(number, f"{number} times")


def _log_block(lines: Iterable[Any]) -> str:
    shown = list(lines)
    if not shown:
        return "  nothing was logged"
    head = "  the log:" if len(shown) <= _LINES else f"  the log's last {_LINES} lines:"
    texts = [(_level(line).name.lower(), line.text.rstrip().replace("\n", f"\n{' ' * 13}")) for line in shown[-_LINES:]]
    return "\n".join([head, *(f"    {level:8} {text}" for level, text in texts)])


# -- metrics --------------------------------------------------------------------------------------------------------


def assert_metric(proxy: ProxyInterface, name: str, expected: Any) -> None:
    """Assert that a filter's metric has a certain value.

    Parameters
    ----------
    proxy
        A simulated or a real proxy.
    name
        Name of the metric.
    expected
        Number for a counter or gauge, list of samples for a histogram, or a function that receives the value and returns a
        bool.

    Raises
    ------
    AssertionError
        No filter has defined the metric, or its value differs.
    """
    __tracebackhide__ = True
    metrics = proxy.metrics
    if name not in metrics:
        fail(f"metric {name!r} isn't defined: {suggestion(name, metrics)}")
    value = metrics[name]
    if not (expected(value) if callable(expected) else value == expected):
        shown = "\n".join(f"    {n}: {metrics[n]}" for n in metrics)
        fail(f"metric {name!r} is {value}, expected {describe(expected)}", "  all metrics:", shown)
