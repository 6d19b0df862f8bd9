"""Convert exchanges to OpenTelemetry spans, with child spans for callbacks, hostcalls and callouts.

If the request has a valid `traceparent` header, the span of the exchange is a child of the client's span and belongs to the
same trace. Times are virtual and begin at the proxy's `start_time`. Ids are hashes, so an exchange always has the same ids.

In OTLP/JSON (OpenTelemetry 1.9), ids are hexadecimal, times are nanoseconds as text, and enums are numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from ..._version import __version__
from ...abi.text import encode_text
from ...errors import UsageError

__all__ = ["ProxySpan", "export_spans", "otlp", "spans_of"]

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")

#: Kind of a span -> its number in OTLP.
_KINDS = {"internal": 1, "server": 2, "client": 3}

SpanValue = str | int | float | bool


@dataclass
class ProxySpan:
    """An OpenTelemetry span for an exchange, callback, hostcall or callout.

    Attributes
    ----------
    name
        Name of the span, for example `GET /pay`, `on_http_request_headers`, `get_header_map_value` or `callout accounts`.
    kind
        `server` for an exchange, `client` for a callout, `internal` for a callback or hostcall.
    trace_id, span_id, parent_id
        Ids in hexadecimal. `parent_id` is empty if the span has no parent.
    begins, ends
        Virtual start and end time, in nanoseconds since 1970.
    attributes
        Attributes by name. HTTP attributes have the names of OpenTelemetry's semantic conventions.
    error
        Reason of the failure. Empty if the operation succeeded.
    """

    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    begins: int
    ends: int
    attributes: dict[str, SpanValue] = field(default_factory=dict)
    error: str = ""


def spans_of(exchanges: Any) -> Iterator[ProxySpan]:
    """Yield the OpenTelemetry spans of exchanges.

    Parameters
    ----------
    exchanges
        Exchanges of a simulated proxy, a single exchange, or the proxy itself for all exchanges that it keeps.

    Raises
    ------
    UsageError
        `exchanges` is none of these.
    """
    several = getattr(exchanges, "exchanges", exchanges)
    for exchange in several if isinstance(several, Iterable) else (several,):
        if not getattr(exchange, "reports_callbacks", False):
            raise UsageError(
                f"Spans require a simulated proxy or its exchanges, not {type(exchange).__name__}. Pass proxy.exchanges."
            )
        yield from _Spans(exchange).all()


class _Spans:
    """Converter of one exchange to spans."""

    def __init__(self, exchange: Any) -> None:
        self._exchange = exchange
        self._start = exchange.clock_start
        request = getattr(exchange, "request", None)
        match = _TRACEPARENT.fullmatch(request.headers.get("traceparent") or "") if request is not None else None
        own = _hash(f"{self._start!r} {id(exchange)} {exchange.number}", 16)
        self._trace = match[1] if match else own
        self._parent = match[2] if match else ""
        self._seed = own
        self._root = self._id("exchange")

    def all(self) -> Iterator[ProxySpan]:
        exchange = self._exchange
        ends = exchange.finished if exchange.finished is not None else exchange.now
        yield self._span(*self._of_exchange(), self._root, self._parent, exchange.started, ends)
        virtual = dict[int, float]()
        for event in exchange.events:
            if event.kind == "callback":
                virtual[event.seq] = event.time
                yield self._callback(event)
            elif event.kind == "hostcall" and event.parent in virtual:
                begins = virtual[event.parent]
                virtual[event.parent] = begins + event.host_ns / 1e9
                yield self._hostcall(event, begins)
        for number, callout in enumerate(exchange.callouts):
            yield self._callout(number, callout)

    def _of_exchange(self) -> tuple[str, str, dict[str, SpanValue], str]:
        exchange = self._exchange
        attributes: dict[str, SpanValue] = {
            "proxy_wasm.exchange": exchange.number,
            "proxy_wasm.worker": exchange.worker,
            "proxy_wasm.state": exchange.state,
        }
        failure = exchange.failure
        error = str(failure.message).splitlines()[0] if failure is not None and failure.message else ""
        request = getattr(exchange, "request", None)
        if request is None:
            return f"connection {exchange.number}", "server", attributes, error
        path, _, query = request.path.partition("?")
        attributes |= {
            "http.request.method": request.method, "url.path": path, "url.query": query, "url.scheme": request.scheme,
            "server.address": request.authority, "http.request.body.size": len(request.body),
        }  # fmt: skip
        response = exchange.response
        if response is not None:
            attributes |= {
                "http.response.status_code": response.status,
                "http.response.body.size": len(response.body),
            }
        if not error and (response is None or not response.status or response.status >= 500):
            error = exchange.details or f"status {response.status if response is not None else 'missing'}"
        return f"{request.method} {path}", "server", attributes, error

    def _callback(self, event: Any) -> ProxySpan:
        attributes: dict[str, SpanValue] = {
            "proxy_wasm.thread": event.thread, "proxy_wasm.vm": event.vm, "proxy_wasm.context": event.context,
            "proxy_wasm.guest_ns": event.guest_ns, "proxy_wasm.host_ns": event.host_ns,
        }  # fmt: skip
        if event.fuel is not None:
            attributes["proxy_wasm.fuel"] = event.fuel
        ends = event.time + (event.guest_ns + event.host_ns) / 1e9
        return self._span(event.name, "internal", attributes, "", self._id(event.seq), self._root, event.time, ends)

    def _hostcall(self, event: Any, begins: float) -> ProxySpan:
        status = getattr(event.status, "name", str(event.status))
        error = "" if status in ("OK", "NOT_FOUND") else status
        parent, attributes = self._id(event.parent), {"proxy_wasm.status": status}
        ends = begins + event.host_ns / 1e9
        return self._span(event.name, "internal", attributes, error, self._id(event.seq), parent, begins, ends)

    def _callout(self, number: int, callout: Any) -> ProxySpan:
        request, response = callout.request, callout.response
        attributes: dict[str, SpanValue] = {
            "proxy_wasm.cluster": callout.cluster, "proxy_wasm.callout": callout.kind, "proxy_wasm.state": callout.state,
            "http.request.method": request.method, "url.path": request.path.partition("?")[0],
        }  # fmt: skip
        if response is not None:
            attributes["http.response.status_code"] = response.status
        error = "" if callout.state in ("answered", "pending") else callout.state
        ends = callout.finished if callout.finished is not None else self._exchange.now
        name, own = f"callout {callout.cluster}", self._id(f"callout {number}")
        return self._span(name, "client", attributes, error, own, self._root, callout.started, ends)

    def _span(
        self,
        name: str,
        kind: str,
        attributes: dict[str, SpanValue],
        error: str,
        own: str,
        parent: str,
        begins: float,
        ends: float,
    ) -> ProxySpan:
        first, last = (int((self._start + moment) * 1e9) for moment in (begins, ends))
        return ProxySpan(name, kind, self._trace, own, parent, first, max(first, last), attributes, error)

    def _id(self, key: object) -> str:
        return _hash(f"{self._seed} {key}", 8)


def _hash(text: str, size: int) -> str:
    return blake2b(encode_text(text), digest_size=size).hexdigest()


# -- OTLP -----------------------------------------------------------------------------------------------------------


def otlp(exchanges: Any, *, service: str = "wasmnb") -> dict[str, Any]:
    """Return the spans of exchanges as OTLP/JSON, which can be posted to a collector's `/v1/traces` or written to a file.

    Parameters
    ----------
    exchanges
        As for `spans_of`.
    service
        Value of the resource attribute `service.name` (default `wasmnb`).
    """
    scope = {"name": "wasmnb", "version": __version__}
    spans = [_otlp_span(span) for span in spans_of(exchanges)]
    resource = {"attributes": _attributes({"service.name": service})}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": scope, "spans": spans}]}]}


def _otlp_span(span: ProxySpan) -> dict[str, Any]:
    return {
        "traceId": span.trace_id, "spanId": span.span_id, **({"parentSpanId": span.parent_id} if span.parent_id else {}),
        "name": span.name, "kind": _KINDS[span.kind], "startTimeUnixNano": str(span.begins), "endTimeUnixNano": str(span.ends),
        "attributes": _attributes(span.attributes), "status": {"code": 2, "message": span.error} if span.error else {},
    }  # fmt: skip


def _attributes(values: dict[str, SpanValue]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in values.items()]


def _value(value: SpanValue) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return (
        {"doubleValue": value}
        if isinstance(value, float)
        else {"stringValue": encode_text(value).decode("utf-8", "replace")}
    )


def export_spans(exchanges: Any, exporter: Any, *, service: str = "wasmnb") -> int:
    """Send the spans of exchanges to an exporter of OpenTelemetry's SDK.

    Parameters
    ----------
    exchanges
        As for `spans_of`.
    exporter
        A `SpanExporter`, such as `OTLPSpanExporter()`, or a function that is called with the spans.
    service
        Value of the resource attribute `service.name` (default `wasmnb`).

    Returns
    -------
    int
        Number of spans that were exported.

    Raises
    ------
    UsageError
        `opentelemetry-sdk` is not installed, or the export failed.
    """
    try:
        from .sdk_spans import readable_spans
    except ImportError:
        raise UsageError("export_spans() requires OpenTelemetry's SDK. Run `pip install opentelemetry-sdk`.") from None
    spans = readable_spans(spans_of(exchanges), service)
    result = exporter.export(spans) if hasattr(exporter, "export") else exporter(spans)
    if getattr(result, "name", "SUCCESS") == "FAILURE":
        raise UsageError(
            f"{type(exporter).__name__} failed to export the spans. See the exporter's log for the reason."
        )
    return len(spans)
