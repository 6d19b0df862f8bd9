"""A proxy of one VM in plain Python: enough of Envoy's rules to run the SDK natively, and nothing of Wasm.

It keeps a journal as the linker's glue does, calls only what the dispatcher exports, and checks phases as Envoy does.
"""

import json
import struct
from dataclasses import dataclass, field

from wasmnb.abi import decode_pairs, encode_pairs
from wasmnb.sdk.dispatch import Dispatcher

OK, NOT_FOUND, BAD_ARGUMENT, EMPTY, CAS_MISMATCH, INTERNAL_FAILURE = 0, 1, 2, 7, 8, 10
REQUEST, RESPONSE = 0, 1
ROOT, DELETED = 1, 0xFFFFFFFF


class Abandoned(Exception):
    """The stream stayed paused: nothing that could resume it is under way."""


@dataclass
class Stream:
    """One stream: header maps by type (absent: not available now), buffers by type, and what the filter decided."""

    maps: dict = field(default_factory=dict)
    read_only: bool = False
    buffers: dict = field(default_factory=dict)
    properties: dict = field(default_factory=dict)
    local: tuple | None = None
    continued: list = field(default_factory=list)
    closed: bool = False


@dataclass
class Answer:
    """What came of an exchange. `upstream` is None if the request never got there."""

    status: int = 0
    headers: list = field(default_factory=list)
    body: bytes = b""
    trailers: list = field(default_factory=list)
    upstream: tuple | None = None
    details: bytes = b""

    def header(self, name):
        return next((v for n, v in self.headers if n == name), None)

    def upstream_header(self, name):
        return next((v for n, v in self.upstream[0] if n == name), None)


def pairs(items):
    items = items.items() if isinstance(items, dict) else items
    return [(n.encode(), v if isinstance(v, bytes) else v.encode("utf-8", "surrogateescape")) for n, v in items]


class FakeProxy:
    """`FakeProxy(source)` loads and configures; `exchange` runs a request; `hostcalls` lists every hostcall made."""

    def __init__(self, source, config=b"", vm_config=b"", *, first_line=1, clusters=None, shared=None, start=True):
        self.streams, self.logs, self.hostcalls = {}, [], []
        self.current = 0
        self.config = config if isinstance(config, bytes) else json.dumps(config).encode()
        self.vm_config = vm_config
        self.configuring = False
        self.clusters = clusters or {}
        self.calls, self.grpc, self.tokens = {}, {}, 0
        self.call_response = None
        self.grpc_message, self.grpc_maps, self.status = b"", {}, (0, b"")
        self.shared = shared if shared is not None else {}
        self.queues, self.metrics, self.metric_names = {}, {}, []
        self.tick_period = 0
        self.time = 1_700_000_000_000_000_000
        self._journal, self.held, self.next_id = [(ROOT, 0)], {}, 2
        self.trips = 0
        self.dispatcher = Dispatcher(self)
        self.dispatcher.load(source, "<cell>", first_line)
        self.exports = {e.removeprefix("proxy_") for e in self.dispatcher.exports()}
        if start:
            self.started = self.start()

    # -- driving

    def start(self):
        if not self.call("on_vm_start", ROOT, len(self.vm_config), default=1):
            return False
        self.configuring = True
        try:
            return bool(self.call("on_configure", ROOT, len(self.config), default=1))
        finally:
            self.configuring = False

    def call(self, callback, context_id, *args, default=0):
        if callback not in self.exports:
            return default
        self.trips += 1
        self.current = context_id
        self.dispatcher.activate()
        try:
            result = getattr(self.dispatcher, callback)(context_id, *args)
        finally:
            self.current = 0
        return default if result is None else result

    def create(self, **maps):
        context_id, self.next_id = self.next_id, self.next_id + 1
        self._journal.append((context_id, ROOT))
        self.streams[context_id] = Stream()
        return context_id

    def delete(self, context_id):
        del self.streams[context_id]
        if "on_delete" in self.exports:
            self.call("on_delete", context_id)
        elif self.held.pop(context_id, None) is None:
            self._journal.append((context_id, DELETED))

    def tick(self, seconds=0.0):
        self.time += int(seconds * 1e9)
        self.call("on_tick", ROOT)

    def advance(self, seconds):
        """Virtual time passes: ticks at their period."""
        end = self.time + int(seconds * 1e9)
        while self.tick_period and self.time + self.tick_period * 1_000_000 <= end:
            self.time += self.tick_period * 1_000_000
            self.call("on_tick", ROOT)
        self.time = max(self.time, end)

    def answer_calls(self):
        """Answer every callout that is under way, from `clusters`."""
        while self.calls:
            token, (cluster, headers, body) = next(iter(self.calls.items()))
            del self.calls[token]
            self.answer(token, self.clusters[cluster](dict(headers), body))

    def answer(self, token, response):
        """Deliver one answer: (status, headers, body[, trailers]), or None for one that broke off."""
        self.calls.pop(token, None)
        if response is None:
            self.call_response = ([], None, [])
        else:
            status, headers, body, *trailers = response
            self.call_response = ([(b":status", str(status).encode()), *pairs(headers)], body, pairs(*trailers or [{}]))
        headers, body, trailers = self.call_response
        try:
            self.call("on_http_call_response", ROOT, token, len(headers), len(body or b""), len(trailers))
        finally:
            self.call_response = None

    def exchange(self, method="GET", path="/", headers=(), chunks=(), trailers=(), response=(200, {}, [b"ok"])):
        """One request through the filter to an upstream that answers `response` (status, headers, chunks[, trailers])."""
        i = self.create()
        s = self.streams[i]
        answer = Answer()
        self._seen = {}
        try:
            pseudo = [(":authority", "example.com"), (":path", path), (":method", method), (":scheme", "http")]
            received = self._request(i, s, pairs([*pseudo, *pairs_text(headers)]), list(chunks), pairs(trailers))
            if received is not None:
                answer.upstream = received
                status, answer_headers, answer_chunks, *answer_trailers = response
                head = [(b":status", str(status).encode()), *pairs(answer_headers)]
                self._response(i, s, answer, head, list(answer_chunks), pairs(*answer_trailers or [{}]))
            if s.local is not None:
                self._local(i, s, answer)
        finally:
            s.maps, s.read_only = self._seen, True
            self.call("on_log", i)
            self.delete(i)
        return answer

    def _phase(self, i, s, direction, callback, *args):
        """Call one stream callback and wait until it lets the stream go on; None if the stream was answered or closed."""
        result = self.call(callback, i, *args)
        waited = 0
        while result and s.local is None and not s.closed and direction not in s.continued:
            # What the filter waits for comes before the next chunk does.
            if self.calls:
                self.answer_calls()
            elif self.tick_period and waited < 1000:
                waited += 1
                self.advance(self.tick_period / 1000)
            elif callback.endswith("_body") and result == 1:
                return result
            else:
                raise Abandoned(callback)
        if s.local is not None or s.closed:
            return None
        if direction in s.continued:
            s.continued.remove(direction)
        return 0

    def _message(self, i, s, direction, head, chunks, trailers):
        """Headers, chunks and trailers of one direction through the filter: what comes out, or None."""
        side = "request" if direction == REQUEST else "response"
        s.maps = {direction * 2: head}
        done = self._phase(i, s, direction, f"on_{side}_headers", len(head), int(not chunks and not trailers))
        head = s.maps.pop(direction * 2)
        self._seen[direction * 2] = list(head)
        if done is None:
            return None
        out = b""
        # HTTP/1.1: the end of a body is an empty chunk of its own, unless trailers follow.
        pieces = [(c, 0) for c in chunks] + ([(b"", 1)] if chunks and not trailers else [])
        held = b""
        for chunk, end in pieces:
            s.buffers[direction] = held + chunk
            if end:
                s.maps[direction * 2 + 1] = []
            done = self._phase(i, s, direction, f"on_{side}_body", len(held + chunk), end)
            if done is None:
                return None
            held = s.buffers[direction]
            if not done:
                out, held = out + held, b""
            elif end:
                raise Abandoned(f"on_{side}_body held the end of the body")
        made = s.maps.pop(direction * 2 + 1, [])
        if trailers:
            s.buffers[direction] = held
            s.maps[direction * 2 + 1] = trailers
            done = self._phase(i, s, direction, f"on_{side}_trailers", len(trailers))
            if done is None:
                return None
            made = s.maps.pop(direction * 2 + 1)
            out += s.buffers[direction]
        s.buffers.pop(direction, None)
        return head, out, made

    def _request(self, i, s, head, chunks, trailers):
        return self._message(i, s, REQUEST, head, chunks, trailers)

    def _response(self, i, s, answer, head, chunks, trailers):
        made = self._message(i, s, RESPONSE, head, chunks, trailers)
        if made is not None:
            answer.headers, answer.body, answer.trailers = made
            answer.status = int(answer.header(b":status"))

    def _local(self, i, s, answer):
        status, details, body, headers, _grpc = s.local
        s.local, answer.details = None, details
        head = [(b":status", str(status).encode()), *headers]
        # Only an answer to the request passes the response callbacks.
        if answer.upstream is None:
            self._response(i, s, answer, head, [], [])
        answer.status, answer.body, answer.headers = status, body, answer.headers or head

    # -- the binding: one method a hostcall

    def journal(self):
        notes, self._journal = self._journal, []
        return b"".join(struct.pack("<II", *note) for note in notes)

    def claim(self, context_id):
        parents = [parent for known, parent in self._journal if known == context_id]
        if not parents or parents[-1] == DELETED:
            return -1
        self._journal.remove((context_id, parents[-1]))
        return parents[-1]

    def hold_streams(self, streams):
        self.held = streams

    def __getattribute__(self, name):
        value = object.__getattribute__(self, name)
        if name in HOSTCALL_NAMES:
            def recorded(*args):
                assert all(isinstance(a, int | bytes) for a in args), (name, args)
                self.hostcalls.append((name, *args))
                return value(*args)
            return recorded
        return value

    def _stream(self):
        return self.streams.get(self.current)

    def log(self, level, message):
        self.logs.append((level, message.decode()))
        return OK

    def get_log_level(self):
        return OK, 2

    def get_current_time_nanoseconds(self):
        return OK, self.time

    def set_tick_period_milliseconds(self, period):
        self.tick_period = period
        return OK

    def _map(self, map_type):
        if map_type in (6, 7):
            return None if self.call_response is None else self.call_response[0 if map_type == 6 else 2]
        if map_type in (4, 5):
            return self.grpc_maps.get(map_type)
        stream = self._stream()
        return None if stream is None else stream.maps.get(map_type)

    def _writable(self, map_type):
        stream = self._stream()
        if stream is None or stream.read_only or map_type > 3:
            return None
        return stream.maps.get(map_type)

    def get_header_map_value(self, map_type, name):
        found = self._map(map_type)
        if found is None:
            s = self._stream()
            return (NOT_FOUND if s is not None and s.read_only else BAD_ARGUMENT), b""
        return next(((OK, v) for n, v in found if n == name.lower()), (NOT_FOUND, b""))

    def get_header_map_pairs(self, map_type):
        return OK, encode_pairs(self._map(map_type) or [])

    def get_header_map_size(self, map_type):
        found = self._writable(map_type)
        return (BAD_ARGUMENT, 0) if found is None else (OK, sum(len(n) + len(v) for n, v in found))

    def add_header_map_value(self, map_type, name, value):
        found = self._writable(map_type)
        if found is None:
            return BAD_ARGUMENT
        found.append((name.lower(), value))
        return OK

    def replace_header_map_value(self, map_type, name, value):
        found = self._writable(map_type)
        if found is None:
            return BAD_ARGUMENT
        name = name.lower()
        at = next((k for k, (n, _) in enumerate(found) if n == name), len(found))
        found[:] = [*found[:at], (name, value), *((n, v) for n, v in found[at:] if n != name)]
        return OK

    def remove_header_map_value(self, map_type, name):
        found = self._writable(map_type)
        if found is None:
            return BAD_ARGUMENT
        found[:] = [(n, v) for n, v in found if n != name.lower()]
        return OK

    def set_header_map_pairs(self, map_type, data):
        found = self._writable(map_type)
        if found is None:
            return BAD_ARGUMENT
        found[:] = [(n.lower(), v) for n, v in decode_pairs(data) or []]
        return OK

    def _buffer(self, buffer_type):
        if buffer_type == 7:
            return self.config if self.configuring else None
        if buffer_type == 6:
            return self.vm_config
        if buffer_type == 5:
            return self.grpc_message
        if buffer_type == 4:
            return None if self.call_response is None else self.call_response[1]
        stream = self._stream()
        return b"" if stream is None else stream.buffers.get(buffer_type, b"")

    def get_buffer_bytes(self, buffer_type, start, length):
        data = self._buffer(buffer_type)
        return (NOT_FOUND, b"") if data is None else (OK, data[start : start + length])

    def get_buffer_status(self, buffer_type):
        data = self._buffer(buffer_type)
        return (NOT_FOUND, 0, 0) if data is None else (OK, len(data), 0)

    def set_buffer_bytes(self, buffer_type, start, length, data):
        stream = self._stream()
        if buffer_type > 3 or stream is None or buffer_type not in stream.buffers:
            return BAD_ARGUMENT
        old = stream.buffers[buffer_type]
        if start == 0:
            stream.buffers[buffer_type] = data + old[length:]
        elif start >= len(old):
            stream.buffers[buffer_type] = old + data
        else:
            return BAD_ARGUMENT
        return OK

    def send_local_response(self, status, details, body, headers, grpc_status):
        stream = self._stream()
        if stream is not None and stream.local is None:
            stream.local = (status, details, body, decode_pairs(headers), grpc_status)
        return OK

    def continue_stream(self, direction):
        stream = self._stream()
        if stream is not None:
            stream.continued.append(direction)
        return 12 if direction == 3 else OK

    def close_stream(self, direction):
        if self._stream() is not None:
            self._stream().closed = True
        return OK

    def set_effective_context(self, context_id):
        if context_id != ROOT and context_id not in self.streams:
            return BAD_ARGUMENT
        self.current = context_id
        return OK

    def done(self):
        return OK

    def get_property(self, path):
        stream = self._stream()
        value = (stream.properties if stream else {}).get(path)
        return (NOT_FOUND, b"") if value is None else (OK, value)

    def set_property(self, path, value):
        stream = self._stream()
        if stream is None:
            return NOT_FOUND
        stream.properties[path] = value
        return OK

    def get_shared_data(self, key):
        return (OK, *self.shared[key]) if key in self.shared else (NOT_FOUND, b"", 0)

    def set_shared_data(self, key, value, cas):
        if cas and key in self.shared and self.shared[key][1] != cas:
            return CAS_MISMATCH
        self.shared[key] = (value, self.shared.get(key, (b"", 0))[1] + 1)
        return OK

    def register_shared_queue(self, name):
        token = next((t for t, (n, _) in self.queues.items() if n == name), len(self.queues) + 1)
        self.queues.setdefault(token, (name, []))
        return OK, token

    def resolve_shared_queue(self, vm_id, name):
        return next(((OK, t) for t, (n, _) in self.queues.items() if n == name), (NOT_FOUND, 0))

    def enqueue_shared_queue(self, token, data):
        if token not in self.queues:
            return NOT_FOUND
        self.queues[token][1].append(data)
        return OK

    def dequeue_shared_queue(self, token):
        if token not in self.queues:
            return NOT_FOUND, b""
        items = self.queues[token][1]
        return (OK, items.pop(0)) if items else (EMPTY, b"")

    def define_metric(self, kind, name):
        self.metric_names.append((kind, name))
        self.metrics.setdefault((kind, name), [] if kind == 2 else 0)
        return OK, len(self.metric_names) * 4 + kind

    def _metric(self, metric_id):
        return self.metric_names[metric_id // 4 - 1]

    def increment_metric(self, metric_id, offset):
        key = self._metric(metric_id)
        if key[0] == 2 or (key[0] == 0 and offset <= 0):
            return BAD_ARGUMENT
        self.metrics[key] += offset
        return OK

    def record_metric(self, metric_id, value):
        key = self._metric(metric_id)
        self.metrics[key] = [*self.metrics[key], value] if key[0] == 2 else value
        return OK

    def get_metric(self, metric_id):
        key = self._metric(metric_id)
        return (BAD_ARGUMENT, 0) if key[0] == 2 else (OK, self.metrics[key])

    def http_call(self, cluster, headers, body, trailers, timeout):
        given = decode_pairs(headers)
        if cluster.decode() not in self.clusters or not {b":method", b":path", b":authority"} <= {n for n, _ in given}:
            return BAD_ARGUMENT, 0
        if self.clusters[cluster.decode()] is None:
            return INTERNAL_FAILURE, 0
        self.tokens += 4
        self.calls[self.tokens] = (cluster.decode(), [(n.decode(), v) for n, v in given], body)
        return OK, self.tokens

    def grpc_call(self, service, service_name, method, metadata, message, timeout):
        if service.decode() not in self.clusters:
            return 4, 0
        if self.clusters[service.decode()] is None:
            return INTERNAL_FAILURE, 0
        token = 5 + 4 * len(self.grpc)
        self.grpc[token] = [service_name, method, message]
        return OK, token

    def grpc_stream(self, service, service_name, method, metadata):
        if service.decode() not in self.clusters:
            return 4, 0
        token = 6 + 4 * len(self.grpc)
        self.grpc[token] = [service_name, method]
        return OK, token

    def grpc_send(self, token, message, end):
        if token not in self.grpc:
            return NOT_FOUND
        self.grpc[token].append((message, end))
        return OK

    def grpc_close(self, token):
        return OK if token in self.grpc else NOT_FOUND

    def grpc_cancel(self, token):
        return OK if self.grpc.pop(token, None) else NOT_FOUND

    def get_status(self):
        return OK, *self.status

    def call_foreign_function(self, name, arguments):
        return (OK, arguments[::-1]) if name == b"reverse" else (NOT_FOUND, b"")


def pairs_text(items):
    return list(items.items() if isinstance(items, dict) else items)


def _hostcall_names():
    from wasmnb.abi import AbiVersion, hostcalls_for

    return {h.short for h in hostcalls_for(AbiVersion.V0_2_1).values()}


HOSTCALL_NAMES = _hostcall_names()
