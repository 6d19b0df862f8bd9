"""Assertions about messages, logs, metrics and callouts, whose failures show what was there instead.

They take what every proxy gives, simulated or real: exchanges, their messages, log lines with `text` and `level`,
metrics by name. Callouts are read from the trace, or from what scripted clusters saw.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

from ...abi import LogLevel
from ...errors import UsageError
from ...messages import Headers, Request, Response, to_bytes, to_text
from ...view.render.escape import NEWLINES, visible
from .bodies import body_block, body_difference
from .expectations import describe, fits, meant

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

#: Lines of a log that a failure message shows.
_LINES = 30

_STATES = {
    "paused": "it is still paused",
    "failed": "the filter failed",
    "reset": "the stream was reset",
    "refused": "the proxy refused it before any filter",
    "open": "it is not over",
}


def fail(headline: str, *details: str) -> NoReturn:
    """Fail with a headline and what was there, which may be anything that came over the wire."""
    __tracebackhide__ = True
    raise AssertionError(visible("\n".join([headline, *(d for d in details if d)]), keep=NEWLINES))


# -- messages -------------------------------------------------------------------------------------------------------


def assert_headers(message: Any, expected: Mapping[str, Any], *, what: str = "") -> None:
    """Headers are as expected; others may be there, too.

    Parameters
    ----------
    message
        A request, a response, or headers alone (`Headers`, a dict, pairs). `:method`, `:path`, `:authority` and `:status` may be asked for, too.
    expected
        For each name the first value, a list of all values in order, or a word such as ABSENT.
    what
        What the message is, for the failure's headline.
    """
    __tracebackhide__ = True
    pairs = _all_pairs(message)
    wrong = [line for name, value in expected.items() if (line := _wrong_header(pairs, name, value))]
    if wrong:
        title = what or {Request: "request", Response: "response"}.get(type(message), "message")
        asked = {n.lower() for n in expected}
        fail(f"headers of the {title}: {'; '.join(wrong)}", _header_block(pairs, asked))


def _all_pairs(message: Any) -> list[tuple[str, str]]:
    match message:
        case Response():
            return [(":status", str(message.status)), *message.headers.items()]
        case Request():
            first = [(":method", message.method), (":path", message.path), (":authority", message.authority)]
            return [*first, *message.headers.items()]
        case _:
            return Headers(message).items()


def _wrong_header(pairs: Sequence[tuple[str, str]], name: str, expected: Any) -> str:
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


def _header_block(pairs: Sequence[tuple[str, str]], asked: Iterable[str]) -> str:
    wanted = set(asked)
    return "\n".join(["  all of them:", *(f"  {'>' if n in wanted else ' '} {n}: {v}" for n, v in pairs)])


def _exchange(given: Any) -> Any:
    """The exchange as it is; TypeError for anything else, which would be right by chance or fail without a word."""
    __tracebackhide__ = True
    if hasattr(given, "upstream_request") and hasattr(given, "response"):
        return given
    hint = "; assert_headers takes a single message" if isinstance(given, Request | Response | Headers) else ""
    raise TypeError(f"This needs an exchange, which proxy.request(...) gives, not a {type(given).__name__}{hint}.")


def assert_response(
    exchange: Any, status: Any = None, *, headers: Mapping[str, Any] | None = None, body: Any = None
) -> None:
    """The client got this answer.

    Parameters
    ----------
    exchange
        Of any proxy.
    status
        A number, or a predicate such as `range(200, 300).__contains__`.
    headers
        As in `assert_headers`.
    body
        Text, bytes, or a word such as `json_of(...)`.
    """
    __tracebackhide__ = True
    response = _exchange(exchange).response
    if response is None or (not response.status and status != 0):
        fail(f"{title(exchange)} got no answer: {_why(exchange)}", _log_block(exchange.log))
    if status is not None and not (status(response.status) if callable(status) else response.status == status):
        fail(
            f"{title(exchange)} was answered {response.status}, expected {describe(status)}{_state_note(exchange)}",
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
    """The upstream got this request."""
    __tracebackhide__ = True
    request = _exchange(exchange).upstream_request
    if request is None:
        fail(f"{title(exchange)} never got to the upstream: {_why(exchange)}", _log_block(exchange.log))
    for name, expected, value in (("method", method, request.method), ("path", path, request.path)):
        if expected is not None and not fits(expected, value):
            fail(f"the upstream of {title(exchange)} saw the {name} {value!r}, expected {describe(expected)}")
    if headers:
        assert_headers(request, headers, what=f"request that the upstream of {title(exchange)} saw")
    if body is not None:
        _assert_body(f"body that the upstream of {title(exchange)} saw", request.body, body)


def assert_not_forwarded(exchange: Any) -> None:
    """The request did not get to the upstream."""
    __tracebackhide__ = True
    if _exchange(exchange).upstream_request is not None:
        request = exchange.upstream_request
        fail(
            f"{title(exchange)} got to the upstream, expected it to stop before",
            _header_block(_all_pairs(request), ()), body_block(request.body),
        )  # fmt: skip


def _assert_body(what: str, body: bytes, expected: Any) -> None:
    __tracebackhide__ = True
    if fits(expected, to_text(body)):
        return
    if not isinstance(expected, str | bytes):
        fail(f"{what} is not {describe(expected)}", body_block(body))
    where, lines = body_difference(to_bytes(expected), body)
    fail(f"{what} {where}", *lines)


def title(exchange: Any) -> str:
    """An exchange in a failure's headline: `exchange 2 (GET /pay)`; the first one's number goes without saying."""
    request = getattr(exchange, "request", None)
    number = getattr(exchange, "number", 1)
    if request is None:
        return f"connection {number}"
    words = f"{request.method} {request.path}"
    return words if number == 1 else f"exchange {number} ({words})"


def _of(source: Any) -> str:
    """` of GET /` for what belongs to one exchange."""
    return f" of {title(source)}" if hasattr(source, "request") else ""


def _why(exchange: Any) -> str:
    words = _STATES.get(exchange.state, f"its state is {exchange.state}")
    held = getattr(exchange, "paused", "")
    failure = getattr(exchange, "failure", None)
    if exchange.state == "done" and exchange.response is not None:
        words = f"it was answered {exchange.response.status} before"
    return words + (f" ({held})" if held else "") + (f"\n  {failure.error()}" if failure else "")


def _state_note(exchange: Any) -> str:
    return f": {_why(exchange)}" if exchange.state not in ("done", "open") else ""


# -- logs -----------------------------------------------------------------------------------------------------------


def assert_log(source: Any, expected: Any, *, level: LogLevel | str | None = None, times: int | None = None) -> None:
    """A line was logged.

    Parameters
    ----------
    source
        A proxy, an exchange, or a sequence of lines.
    expected
        Part of the text, or a pattern for the whole of it, or a word such as `matching(...)`.
    level
        The level that it has to have.
    times
        How often; by default at least once.
    """
    __tracebackhide__ = True
    lines = _lines(source)
    wanted = None if level is None else _as_level(level)
    hits = [x for x in lines if _is_hit(x, expected, wanted)]
    if len(hits) == times or (times is None and hits):
        return
    at = f" at level {wanted.name.lower()}" if wanted is not None else ""
    count = "once or more" if times is None else _times(times)
    other = "" if wanted is None else _other_levels(lines, expected)
    fail(
        f"log{_of(source)}: {describe(expected)}{at} expected {count}, found {_times(len(hits))}{other}",
        _log_block(lines),
    )


def assert_no_log(source: Any, expected: Any = None, *, level: LogLevel | str = LogLevel.TRACE) -> None:
    """No such line was logged; without a text, none of this level or a higher one.

    Parameters
    ----------
    level
        Lines below it do not count.
    """
    __tracebackhide__ = True
    lowest = _as_level(level)
    hits = [x for x in _lines(source) if _level(x) >= lowest and (expected is None or _is_hit(x, expected, None))]
    if hits:
        what = "nothing" if expected is None else f"no line with {describe(expected)}"
        fail(
            f"log{_of(source)}: expected {what} from level {lowest.name.lower()} on, found {len(hits)}",
            _log_block(hits),
        )


def _lines(source: Any) -> list[Any]:
    return list(getattr(source, "log", source))


def _as_level(level: LogLevel | str) -> LogLevel:
    __tracebackhide__ = True
    names = [known.name.lower() for known in LogLevel]
    if isinstance(level, str) and level.lower() not in names:
        raise UsageError(f"There is no log level {level!r}; {meant(level, names)}")
    return LogLevel[level.upper()] if isinstance(level, str) else level


def _level(line: Any) -> LogLevel:
    return LogLevel(line.level)


def _is_hit(line: Any, expected: Any, level: LogLevel | None) -> bool:
    text = line.text
    same = expected in text if isinstance(expected, str) else fits(expected, text)
    return same and level in (None, _level(line))


def _other_levels(lines: Iterable[Any], expected: Any) -> str:
    levels = {_level(x).name.lower() for x in lines if _is_hit(x, expected, None)}
    return f" (but at level {', '.join(sorted(levels))})" if levels else ""


def _times(number: int) -> str:
    return {0: "never", 1: "once"}.get(number, f"{number} times")


def _log_block(lines: Iterable[Any]) -> str:
    shown = list(lines)
    if not shown:
        return "  nothing was logged"
    head = "  the log:" if len(shown) <= _LINES else f"  the log's last {_LINES} lines:"
    texts = [(_level(x).name.lower(), x.text.rstrip().replace("\n", f"\n{' ' * 13}")) for x in shown[-_LINES:]]
    return "\n".join([head, *(f"    {level:8} {text}" for level, text in texts)])


# -- metrics --------------------------------------------------------------------------------------------------------


def assert_metric(proxy: Any, name: str, expected: Any) -> None:
    """A metric that a filter defined has this value.

    Parameters
    ----------
    expected
        A number for a counter or gauge, a list of samples for a histogram, or a predicate of the value.
    """
    __tracebackhide__ = True
    metrics = proxy.metrics
    if name not in metrics:
        fail(f"metric {name!r} was never defined; {meant(name, metrics)}")
    value = metrics[name]
    if not (expected(value) if callable(expected) else value == expected):
        shown = "\n".join(f"    {n}: {metrics[n]}" for n in metrics)
        fail(f"metric {name!r} is {value}, expected {describe(expected)}", "  all of them:", shown)
