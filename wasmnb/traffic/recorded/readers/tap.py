"""Read traces of Envoy's tap filter, as JSON or protobuf. A trace is buffered (a whole exchange) or streamed (in segments).

The messages are those of `envoy.data.tap.v3`. Protobuf is decoded to the structure of the JSON form, and unknown fields are
ignored. A `.pb` file contains one trace. A `.pb_length_delimited` file contains several, each preceded by its length.
"""

from __future__ import annotations

import base64
import mmap
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import IO, Any

from ....abi.text import encode_text
from ....messages import Response
from ....parsing import protobuf
from ....parsing.field_names import declared_name
from ....parsing.leb128 import Malformed, Reader
from ..exchange import ReadingNotes, RecordedExchange, Unreadable, finite, parse_time
from .fields import Pairs, Remark, plain, request_of, status_of
from .json_salvage import ResumePoint
from .json_stream import json_items

__all__ = ["read_tap_json", "read_tap_protobuf"]

#: Maximum number of incomplete streamed traces that are kept.
_OPEN_TRACES = 10_000

#: Message -> field number -> name in JSON and kind. A kind is a message of this table or a scalar. `[]` marks a list.
_MESSAGES: dict[str, dict[int, tuple[str, str]]] = {
    "TraceWrapper": {
        1: ("http_buffered_trace", "Buffered"), 2: ("http_streamed_trace_segment", "Segment"),
        3: ("socket_buffered_trace", "Empty"), 4: ("socket_streamed_trace_segment", "Empty"),
    },
    "Buffered": {1: ("request", "Message"), 2: ("response", "Message"), 3: ("downstream_connection", "Connection")},
    "Message": {
        1: ("headers", "Header[]"), 2: ("body", "Body"), 3: ("trailers", "Header[]"), 4: ("headers_received_time", "Time"),
    },
    "Segment": {
        1: ("trace_id", "number"), 2: ("request_headers", "HeaderMap"), 3: ("request_body_chunk", "Body"),
        4: ("request_trailers", "HeaderMap"), 5: ("response_headers", "HeaderMap"), 6: ("response_body_chunk", "Body"),
        7: ("response_trailers", "HeaderMap"),
    },
    "HeaderMap": {1: ("headers", "Header[]")},
    "Header": {1: ("key", "text"), 2: ("value", "text"), 3: ("raw_value", "bytes")},
    "Body": {1: ("as_bytes", "bytes"), 2: ("as_string", "text"), 3: ("truncated", "number")},
    "Time": {1: ("seconds", "number"), 2: ("nanos", "number")},
    "Connection": {1: ("local_address", "Address"), 2: ("remote_address", "Address")},
    "Address": {1: ("socket_address", "SocketAddress")},
    "SocketAddress": {2: ("address", "text"), 3: ("port_value", "number")},
    "Empty": {},
}  # fmt: skip

_RESUME = ResumePoint(
    re.compile(b""),
    (b"http_buffered_trace", b"httpBufferedTrace", b"http_streamed_trace_segment", b"httpStreamedTraceSegment"),
)

_ANOTHER_TYPE = "The trace is not valid, because one of its fields has a wrong type."

#: The two messages of an exchange.
_SIDES = ("request", "response")


def read_tap_json(file: IO[bytes], notes: ReadingNotes, **_options: Any) -> Iterator[RecordedExchange]:
    """Yield the exchanges of a file with one or more traces as JSON."""
    yield from _exchanges(
        ((number, _named(item)) for number, item in json_items(file, "", notes, "trace", several=True, resume=_RESUME)),
        notes,
    )


def read_tap_protobuf(file: IO[bytes], notes: ReadingNotes, **_options: Any) -> Iterator[RecordedExchange]:
    """Yield the exchanges of a protobuf file with one trace, or with several traces that are preceded by their lengths."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield from _exchanges(_wrappers(data, notes), notes)


def _wrappers(data: mmap.mmap, notes: ReadingNotes) -> Iterator[tuple[int, Any]]:
    if _is_single(data):
        with suppress(protobuf.ParseError):
            yield 1, _decode(data[:], "TraceWrapper")
            return
    position, number = 0, 0
    while position < len(data):
        number += 1
        reader = Reader(data[position : position + 10])
        try:
            length = reader.unsigned(64)
            start = position + reader.at
            if start + length > len(data):
                raise Malformed("the file ends inside the trace")  # noqa: TRY301 -- one place for the message
        except Malformed as error:
            notes.add(f"trace {number:,}, byte {position:,}", f"The trace is incomplete or not protobuf ({error}).")
            return
        try:
            yield number, _decode(data[start : start + length], "TraceWrapper")
        except (Malformed, protobuf.ParseError) as error:  # the length of this trace shows where the next begins
            notes.add(f"trace {number:,}, byte {position:,}", f"The trace is not protobuf ({error}).")
        position = start + length


def _is_single(data: mmap.mmap) -> bool:
    """Return whether the whole file is a single trace, without a length before it."""
    if data[0] not in (0x0A, 0x12):
        return False
    try:
        fields = protobuf.read(data[:])
    except protobuf.ParseError:
        return False
    return all(isinstance(value, bytes) for values in fields.values() for value in values) and set(fields) <= {
        1,
        2,
        3,
        4,
    }


def _decode(data: bytes, kind: str) -> dict[str, Any]:
    """Decode a protobuf message to the structure of its JSON form."""
    table, message = _MESSAGES[kind], {}
    for number, values in protobuf.read(data).items():
        if number not in table:
            continue
        name, of = table[number]
        converted = [_convert(value, of.removesuffix("[]")) for value in values]
        message[name] = converted if of.endswith("[]") else converted[-1]
    return message


def _convert(value: int | bytes, kind: str) -> Any:
    if kind == "number":
        return value
    if not isinstance(value, bytes):
        raise protobuf.ParseError(f"{kind} is not length-delimited")
    return value if kind in ("bytes", "text") else _decode(value, kind)


def _named(value: Any) -> Any:
    """Return a trace with field names as in the `.proto` files. Returns an empty trace if it is nested too deeply."""
    try:
        return _snake(value)
    except RecursionError:
        return {}


def _snake(value: Any) -> Any:
    """Convert the field names of a JSON value to those of the `.proto` files. JSON allows `traceId` and `trace_id`."""
    if isinstance(value, dict):
        return {declared_name(key): _snake(each) for key, each in value.items()}
    return [_snake(each) for each in value] if isinstance(value, list) else value


# -- traces to exchanges --------------------------------------------------------------------------------------------


def _exchanges(wrappers: Iterator[tuple[int, Any]], notes: ReadingNotes) -> Iterator[RecordedExchange]:
    """Yield the exchanges of traces. Segments with the same id are joined to one exchange."""
    streams: dict[Any, dict[str, Any]] = {}
    for number, wrapper in wrappers:
        position = f"trace {number:,}"
        segment = wrapper.get("http_streamed_trace_segment") if isinstance(wrapper, Mapping) else None
        if isinstance(segment, Mapping):
            _add_segment(streams.setdefault(str(segment.get("trace_id", 0)), {"position": position}), segment)
            if len(streams) > _OPEN_TRACES:
                yield from _finish(streams.pop(next(iter(streams))), notes)
            continue
        try:
            parts = _buffered(wrapper)
        except AttributeError:
            parts = {"error": _ANOTHER_TYPE}
        yield from _finish({"position": position, **parts}, notes)
    for trace in streams.values():
        yield from _finish(trace, notes)


def _buffered(wrapper: Any) -> dict[str, Any]:
    trace = wrapper.get("http_buffered_trace") if isinstance(wrapper, Mapping) else None
    if not isinstance(trace, Mapping):
        socket = isinstance(wrapper, Mapping) and any(str(name).startswith("socket") for name in wrapper)
        return {"error": "The trace is of a socket, not of HTTP." if socket else "The record is not an HTTP trace."}
    parts: dict[str, Any] = {}
    for side in _SIDES:
        message = trace.get(side)
        if isinstance(message, Mapping) and message.get("headers"):
            parts[f"{side}_headers"], parts[f"{side}_trailers"] = message["headers"], message.get("trailers")
            parts[f"{side}_chunks"] = [message.get("body") or {}]
            parts[f"{side}_time"] = message.get("headers_received_time")
    connection = trace.get("downstream_connection") or {}
    address = (connection.get("remote_address") or {}).get("socket_address") or {}
    if address:
        host = address.get("address", "")
        parts["connection"] = (
            f"{host.decode('utf-8', 'replace') if isinstance(host, bytes) else host}:{address.get('port_value', '')}"
        )
    return parts


def _add_segment(trace: dict[str, Any], segment: Mapping[str, Any]) -> None:
    for side in _SIDES:
        for part in ("headers", "trailers"):
            header_map = segment.get(f"{side}_{part}")
            if isinstance(header_map, Mapping):
                trace[f"{side}_{part}"] = header_map.get("headers") or []
        chunk = segment.get(f"{side}_body_chunk")
        if isinstance(chunk, Mapping):
            trace.setdefault(f"{side}_chunks", []).append(chunk)


def _finish(trace: dict[str, Any], notes: ReadingNotes) -> Iterator[RecordedExchange]:
    try:
        yield _exchange(trace, notes.remark_at(trace["position"]))
    except (Unreadable, TypeError, ValueError, KeyError, AttributeError) as error:
        text = str(error) if isinstance(error, Unreadable) else _ANOTHER_TYPE
        notes.add(trace["position"], text)


def _exchange(trace: Mapping[str, Any], remark: Remark) -> RecordedExchange:
    if "error" in trace or "request_headers" not in trace:
        raise Unreadable(trace.get("error", "The trace has no request headers."))
    bodies = {side: _body(trace, side, remark) for side in _SIDES}
    truncated = tuple(
        s for s in _SIDES if bodies[s] is None or any(_cut(chunk) for chunk in trace.get(f"{s}_chunks", ()))
    )
    began, responded = _time(trace.get("request_time")), _time(trace.get("response_time"))
    request = request_of(
        _pairs(trace["request_headers"], remark),
        bodies["request"] or b"",
        _pairs(trace.get("request_trailers"), remark),
    )
    return RecordedExchange(
        request,
        _response(trace, bodies["response"] or b"", remark),
        began,
        responded - began if began is not None and responded is not None and responded >= began else None,
        trace.get("connection", ""),
        truncated=truncated,
        position=trace["position"],
    )


def _response(trace: Mapping[str, Any], body: bytes, remark: Remark) -> Response | None:
    if not trace.get("response_headers"):
        return None
    pairs = _pairs(trace["response_headers"], remark)
    status = status_of(dict(pairs).get(b":status"))
    if not status:
        remark("The response has no status and was omitted.")
        return None
    return Response(status, plain(pairs), body, plain(_pairs(trace.get("response_trailers"), remark)))


def _cut(chunk: Mapping[str, Any]) -> bool:
    return bool(chunk.get("truncated"))


def _pairs(headers: Any, remark: Remark) -> Pairs:
    pairs = []
    for header in headers if isinstance(headers, list) else ():
        try:
            raw, name = header.get("raw_value"), _bytes(header.get("key", "")).lower()
            value = (
                (raw if isinstance(raw, bytes) else base64.b64decode(raw)) if raw else _bytes(header.get("value", ""))
            )
        except (AttributeError, TypeError, ValueError):
            name = value = b""
        if name:
            pairs.append((name, value))
        else:
            remark("A header without a name or with an invalid value was omitted.")
    return pairs


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else encode_text(str(value))


def _body(trace: Mapping[str, Any], side: str, remark: Remark) -> bytes | None:
    """Return the body of the request or response of a trace, or None if it can't be decoded."""
    parts = []
    for chunk in trace.get(f"{side}_chunks", ()):
        data = chunk.get("as_bytes")
        try:
            if data is None:
                parts.append(_bytes(chunk.get("as_string", "")))
            else:
                parts.append(data if isinstance(data, bytes) else base64.b64decode(data))
        except (TypeError, ValueError):
            remark(f"The body of the {side} is not valid base64 and was omitted.")
            return None
    return b"".join(parts)


def _time(value: Any) -> float | None:
    if isinstance(value, Mapping):
        seconds, nanos = finite(value.get("seconds", 0)), finite(value.get("nanos", 0))
        return None if seconds is None or nanos is None else seconds + nanos / 1e9
    return parse_time(value)
