"""Explanations of exchanges: why a stream waits or has failed, and what can continue it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..._display import NEWLINES, short, visible
from ...abi import CALLBACKS, RESULT_ENUMS, HeaderMapType, HeadersStatus, LogLevel, Result, Status
from ...parsing.tracebacks import conclusion_of, parse_traceback
from ..contexts.http import HttpContext
from ..contexts.root import RootContext
from .status_causes import cause_of

if TYPE_CHECKING:
    from ..components import ProxyComponents
    from ..http.stream import HttpStream
    from ..trace.events import Event
    from ..trace.exchange import Exchange, ExchangeBase

__all__ = ["Explanation", "explain", "reasons"]

_RESULTS = {c.short: c.result for c in CALLBACKS.values()}


@dataclass
class Explanation:
    """Explanation of one exchange, returned by `Proxy.explain`. `str()` returns the whole explanation as text.

    Attributes
    ----------
    lines
        Sentences of the explanation, beginning with the most important one.
    causes
        Hostcalls that returned an error status, in order, with the cause, such as `http_call: 2 BAD_ARGUMENT: ...`.
    """

    lines: list[str] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Return the sentences and the causes as text."""
        tail = ["Hostcalls that were refused:", *(f"  {c}" for c in self.causes)] if self.causes else []
        return visible("\n".join([*self.lines, *tail]), keep=NEWLINES)

    __repr__ = __str__


def explain(components: ProxyComponents, exchange: ExchangeBase) -> Explanation:
    """Explain the state of an exchange.

    Parameters
    ----------
    components
        The objects that make up the proxy.
    exchange
        The exchange, which can still be running.

    Returns
    -------
    Explanation
    """
    events = exchange.events
    refused = [e for e in events if isinstance(e.status, Status) and e.status not in (Status.OK, Status.EMPTY)]
    causes = list(dict.fromkeys(cause_of(e, components.server) for e in refused))
    explanation = Explanation(causes=[c for c in causes if c])
    if exchange.failure is not None:
        explanation.lines += _failed(exchange)
    stream = next((s for w in components.workers for s in w.streams.values() if s.exchange is exchange), None)
    if stream is not None:
        explanation.lines += _waiting(stream, events)
    elif exchange.done:
        explanation.lines += [*_ended(exchange), *reasons(exchange, events)]
    else:
        explanation.lines.append(
            f"Connection {exchange.number} is open{': ' + exchange.paused if exchange.paused else ''}."
        )
    explanation.lines += exchange.notes
    return explanation


def _failed(exchange: ExchangeBase) -> list[str]:
    failure = exchange.failure
    assert failure is not None
    lines = [f"{failure.callback} failed on context {failure.context_id}: {failure.message}."]
    if failure.injected:
        lines.append("The trap was injected with inject_trap. The filter didn't cause it.")
    if failure.traceback:
        lines.append(failure.reason)
    if failure.exchange is not None and failure.exchange != exchange.number:
        lines.append(f"The VM failed in exchange {failure.exchange}. A failed VM runs no more callbacks.")
    return lines


def _waiting(stream: HttpStream, events: list[Event]) -> list[str]:
    lines = []
    for context in stream.filters.filters:
        if isinstance(context, HttpContext) and context.paused:
            lines += _held(stream, context, events)
    if not lines:
        missing = "the upstream's response" if stream.state.request_complete else "the rest of the request"
        lines.append(f"No filter holds the stream. It waits for {missing}.")
    return lines


def _held(stream: HttpStream, context: HttpContext, events: list[Event]) -> list[str]:
    direction = context.paused
    name = context.plugin.name if context.plugin else "a filter"
    lines = [f"{name} (context {context.id}, VM{context.vm.number}, {stream.exchange.thread}) holds the {direction}."]
    last = next(
        (e for e in reversed(events) if e.context == context.id and e.name.startswith(f"on_{direction}_") and e.result),
        None,
    )
    if last is not None:
        lines.append(f"{last.name} returned {_named(last)} at {last.time:.3f} s.")
    lines.append(_continuation(stream, context, direction))
    if last is not None:
        lines += _missing_body(context, direction, last)
    return lines


def _missing_body(context: HttpContext, direction: str, stop: Event) -> list[str]:
    """Return why the filter that holds the headers doesn't receive the body, or an empty list if nothing prevents it."""
    on_body = f"on_{direction}_body"
    if stop.name != f"on_{direction}_headers" or context.vm.callbacks[on_body] is None:
        return []
    if stop.args.get("end_of_stream"):
        return [f"The {direction} has no body: {on_body} is not called. Return CONTINUE if end_of_stream is true."]
    plugin = context.plugin
    if plugin is None or stop.result != HeadersStatus.STOP_ITERATION or plugin.allow_on_headers_stop_iteration:
        return []
    remedy = "Return CONTINUE, or set allow_on_headers_stop_iteration (%%wasmfilter --hold-headers)."
    return [f"Envoy delivers no body while the headers are paused, so that {on_body} is not called. {remedy}"]


def _named(event: Event) -> str:
    names = RESULT_ENUMS.get(_RESULTS.get(event.name, Result.NONE))
    value = event.result
    known = names is not None and isinstance(value, int) and value in {int(n) for n in names}
    return f"{value} ({names(value).name})" if names is not None and known else str(value)


def _continuation(stream: HttpStream, context: HttpContext, direction: str) -> str:
    """Return a sentence about what can continue a stream that is held back."""
    root = context.root
    assert isinstance(root, RootContext)
    resume = f"continue_stream({direction.upper()}) or send_local_response"
    if root.vm.failed:
        return f"The VM has failed, so nothing can continue the stream. {_timeout(stream)}"
    pending = [
        f"call {c.token} to {c.cluster.name}" for c in root.calls.values() if c.exchange == stream.exchange.number
    ]
    if pending:
        return f"It waits for {', '.join(pending)}, whose callback must call {resume}."
    if root.tick_period:
        return f"No callout is pending. The plugin ticks every {root.tick_period:g} s, and on_tick can call {resume}."
    queues = [
        visible(queue.name.decode("utf-8", "replace"))
        for queue in root.vm.server.shared.queues.values()
        if queue.receiver == f"{root.vm.thread.name} VM{root.vm.number}"
    ]
    if queues:
        return f"No callout is pending. At the next item of the queue {' or '.join(queues)}, on_queue_ready can call {resume}."
    return f"Nothing is pending that could call {resume}, neither a callout nor a tick. {_timeout(stream)}"


def _timeout(stream: HttpStream) -> str:
    limits = stream.state.limits
    seconds = limits.request_timeout or limits.idle_timeout
    if not seconds:
        return "It waits until the client disconnects."
    return f"After {seconds:g} s Envoy responds with 504."


def _ended(exchange: ExchangeBase) -> list[str]:
    response = getattr(exchange, "response", None)
    details = getattr(exchange, "details", "")
    if exchange.failure is not None and response is not None:
        return [f"The client got {_response(exchange)} ({details})."]
    state = "done" if exchange.state == "done" else f"done ({exchange.state})"
    return [f"Exchange {exchange.number} is {state}: the client got {_response(exchange)}, {details or 'no details'}."]


#: Reason and remedy by the details of a response.
_REASONS = {
    "request_payload_too_large": (
        "A filter paused the request's body until it exceeded the buffer limit (1 MiB by default). Handle the body chunk by "
        "chunk, or raise per_connection_buffer_limit_bytes of the listener."
    ),
    "response_payload_too_large": (
        "A filter paused the response's body until it exceeded the buffer limit (1 MiB by default). Handle the body chunk by "
        "chunk, or raise per_connection_buffer_limit_bytes of the listener."
    ),
}

_NO_SCHEME = (
    "A filter removed x-forwarded-proto. Without this header, Envoy can't determine the request's scheme, and no route "
    "matches. Keep the header."
)
_LATE_RESPONSE = (
    "A filter sent a local response after the client had received the response's headers, so Envoy could only reset the "
    "stream. Send it in on_http_response_headers, or hold the headers there."
)

#: Maximum number of characters of an exception in an explanation.
_LONGEST = 600

#: Hostcalls that set the value of a header.
_WRITES = ("add_header_map_value", "replace_header_map_value")

#: Request headers that determine the route.
_TARGETS = (b":path", b":authority", b"host")

#: Callbacks that run after the client has received the response's headers, unless an earlier callback has held them back.
_LATE = frozenset({"on_response_body", "on_response_trailers"})


def reasons(exchange: ExchangeBase, events: Sequence[Event]) -> list[str]:
    """Return the reason why an exchange has failed, if it is known.

    Parameters
    ----------
    exchange
        The exchange, which must have ended.
    events
        Events of the exchange.

    Returns
    -------
    list
        A list of one sentence, or an empty list.
    """
    details, response = getattr(exchange, "details", ""), getattr(exchange, "response", None)
    refused = next((e for e in events if e.kind == "stream" and e.name == "connection_refused"), None)
    if refused is not None and (response is None or not 0 < response.status < 500):
        return [f"The cluster {refused.args['cluster']} is stopped in this simulation, so it refused the connection."]
    if details in _REASONS:
        return [_REASONS[details]]
    ended = details == "wasm_fail_stream" or getattr(response, "reset", False)
    if ended and exchange.failure is None and (raised := _exception(exchange)):
        return [f"An exception ended this stream, and the VM keeps running: {raised.rstrip('.')}."]
    if details == "route_not_found" and any(
        e.name in ("remove_header_map_value", "replace_header_map_value") and e.args.get("key") == b"x-forwarded-proto"
        for e in events
    ):
        return [_NO_SCHEME]
    if details == "route_not_found" and (removed := _removed_target(events)):
        return [f"A filter has removed {removed}, and no route matches a request without it."]
    if details == "route_not_found" and (changed := _changed_target(events)):
        return [f"A filter has set {changed}, and no route matches this request."]
    callback = ""
    for event in events:
        callback = event.name if event.kind == "callback" else callback
        if event.name == "send_local_response" and callback in _LATE and response is not None and response.reset:
            return [_LATE_RESPONSE]
    return []


def _exception(exchange: ExchangeBase) -> str:
    """Return type and message of the latest exception logged by a filter, or an empty string."""
    for line in reversed(exchange.log):
        if line.source == "filter" and line.level == LogLevel.CRITICAL and parse_traceback(line.text):
            return conclusion_of(line.text)
    return ""


def _changed_target(events: Sequence[Event]) -> str:
    """Return the headers for routing that filters have set, with their values, or an empty string."""
    written: dict[str, str] = {}
    for event in events:
        if event.name in _WRITES and (name := _target(event)):
            written[name] = repr(short(event.args["value"].decode("utf-8", "replace"), _LONGEST))
    return " and ".join(f"{name} to {value}" for name, value in written.items())


def _removed_target(events: Sequence[Event]) -> str:
    """Return the name of a header for routing that a filter has removed, or an empty string."""
    removed = ""
    for event in events:
        if event.name == "remove_header_map_value":
            removed = _target(event) or removed
        elif event.name in _WRITES and _target(event):
            removed = ""
    return removed


def _target(event: Event) -> str:
    """Return the name of the header for routing that a hostcall changes, or an empty string if it changes no such header."""
    name: bytes = event.args.get("key") or b""
    is_target = name in _TARGETS and event.args.get("map_type") == HeaderMapType.REQUEST_HEADERS
    return name.decode() if is_target else ""


def _response(exchange: Exchange | ExchangeBase) -> str:
    response = getattr(exchange, "response", None)
    if response is None:
        return "nothing"
    if not response.status and response.reset:
        return "a closed connection"
    return f"status {response.status}{', cut short' if response.reset else ''}"
