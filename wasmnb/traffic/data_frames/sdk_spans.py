"""Convert spans to objects of OpenTelemetry's SDK, for its exporters. Importing this module requires `opentelemetry-sdk`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from ..._version import __version__

if TYPE_CHECKING:
    from .spans import ProxySpan

__all__ = ["readable_spans"]

_KINDS = {"internal": SpanKind.INTERNAL, "server": SpanKind.SERVER, "client": SpanKind.CLIENT}


def readable_spans(spans: Iterable[ProxySpan], service: str) -> list[ReadableSpan]:
    """Convert spans to `ReadableSpan` objects of OpenTelemetry's SDK.

    Parameters
    ----------
    spans
        Spans of exchanges, as `spans_of` returns them.
    service
        Value of the resource attribute `service.name`.
    """
    resource = Resource({"service.name": service})
    scope = InstrumentationScope("wasmnb", __version__)
    return [_readable(span, resource, scope) for span in spans]


def _readable(span: ProxySpan, resource: Resource, scope: InstrumentationScope) -> ReadableSpan:
    return ReadableSpan(
        span.name,
        context=_context(span.trace_id, span.span_id),
        parent=_context(span.trace_id, span.parent_id) if span.parent_id else None,
        resource=resource,
        attributes=span.attributes,
        kind=_KINDS[span.kind],
        status=Status(StatusCode.ERROR, span.error) if span.error else Status(StatusCode.UNSET),
        start_time=span.begins,
        end_time=span.ends,
        instrumentation_scope=scope,
    )


def _context(trace: str, span: str) -> SpanContext:
    return SpanContext(int(trace, 16), int(span, 16), is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
