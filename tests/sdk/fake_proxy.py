"""A proxy with one VM in plain Python, without Wasm. It implements enough of Envoy's rules to run the SDK natively.

It keeps a journal like the linker's glue, calls only exported callbacks, and checks phases like Envoy.
"""

import json
from dataclasses import dataclass, field

from tests.sdk.fake_binding import DELETED, ROOT, FakeBinding

from wasmnb.sdk.dispatch import Dispatcher

REQUEST, RESPONSE = 0, 1


class Abandoned(Exception):
    """The stream stays paused, because no call or timer can resume it."""


@dataclass
class Stream:
    """One stream: header maps and buffers by type, and the filter's decisions. Missing types are currently unavailable."""

    maps: dict = field(default_factory=dict)
    read_only: bool = False
    buffers: dict = field(default_factory=dict)
    properties: dict = field(default_factory=dict)
    local: tuple | None = None
    continued: list = field(default_factory=list)
    closed: bool = False


@dataclass
class Result:
    """The result of an exchange. `upstream` is None if the request did not reach it."""

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


class FakeProxy(FakeBinding):
    """A proxy that loads and configures a source. `exchange` sends a request, and `hostcalls` contains all hostcalls."""

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
        self.entries, self.held, self.next_id = [(ROOT, 0)], {}, 2
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

    @property
    def plugin(self):
        """The context of the plugin."""
        return self.dispatcher.contexts.plugins[ROOT]

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
        self.entries.append((context_id, ROOT))
        self.streams[context_id] = Stream()
        return context_id

    def delete(self, context_id):
        del self.streams[context_id]
        if "on_delete" in self.exports:
            self.call("on_delete", context_id)
        elif self.held.pop(context_id, None) is None:
            self.entries.append((context_id, DELETED))

    def tick(self, seconds=0.0):
        self.time += int(seconds * 1e9)
        self.call("on_tick", ROOT)

    def advance(self, seconds):
        """Advance virtual time, with ticks at their period."""
        end = self.time + int(seconds * 1e9)
        while self.tick_period and self.time + self.tick_period * 1_000_000 <= end:
            self.time += self.tick_period * 1_000_000
            self.call("on_tick", ROOT)
        self.time = max(self.time, end)

    def respond_to_calls(self):
        """Deliver the responses of all pending callouts, from `clusters`."""
        while self.calls:
            token, (cluster, headers, body) = next(iter(self.calls.items()))
            del self.calls[token]
            self.respond(token, self.clusters[cluster](dict(headers), body))

    def respond(self, token, response):
        """Deliver a response: (status, headers, body[, trailers]), or None for a reset."""
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
        """Send a request through the filter to an upstream that responds (status, headers, chunks[, trailers])."""
        i = self.create()
        s = self.streams[i]
        result = Result()
        self._seen = {}
        try:
            pseudo = [(":authority", "example.com"), (":path", path), (":method", method), (":scheme", "http")]
            received = self._request(i, s, pairs([*pseudo, *pairs_text(headers)]), list(chunks), pairs(trailers))
            if received is not None:
                result.upstream = received
                status, answer_headers, answer_chunks, *answer_trailers = response
                head = [(b":status", str(status).encode()), *pairs(answer_headers)]
                self._response(i, s, result, head, list(answer_chunks), pairs(*answer_trailers or [{}]))
            if s.local is not None:
                self._local(i, s, result)
        finally:
            s.maps, s.read_only = self._seen, True
            self.call("on_log", i)
            self.delete(i)
        return result

    def _phase(self, i, s, direction, callback, *args):
        """Call a stream's callback, and wait until the stream continues. Returns None after a local response or a close."""
        result = self.call(callback, i, *args)
        waited = 0
        while result and s.local is None and not s.closed and direction not in s.continued:
            # Resolve the filter's wait before the next chunk is delivered.
            if self.calls:
                self.respond_to_calls()
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
        """Pass headers, chunks and trailers of one direction through the filter. Return the result, or None."""
        side = "request" if direction == REQUEST else "response"
        s.maps = {direction * 2: head}
        done = self._phase(i, s, direction, f"on_{side}_headers", len(head), int(not chunks and not trailers))
        head = s.maps.pop(direction * 2)
        self._seen[direction * 2] = list(head)
        if done is None:
            return None
        out = b""
        # HTTP/1.1: the end of a body is an empty chunk of its own, unless trailers follow.
        parts = [(c, 0) for c in chunks] + ([(b"", 1)] if chunks and not trailers else [])
        held = b""
        for chunk, end in parts:
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
        left_trailers = s.maps.pop(direction * 2 + 1, [])
        if trailers:
            s.buffers[direction] = held
            s.maps[direction * 2 + 1] = trailers
            done = self._phase(i, s, direction, f"on_{side}_trailers", len(trailers))
            if done is None:
                return None
            left_trailers = s.maps.pop(direction * 2 + 1)
            out += s.buffers[direction]
        s.buffers.pop(direction, None)
        return head, out, left_trailers

    def _request(self, i, s, head, chunks, trailers):
        return self._message(i, s, REQUEST, head, chunks, trailers)

    def _response(self, i, s, result, head, chunks, trailers):
        message = self._message(i, s, RESPONSE, head, chunks, trailers)
        if message is not None:
            result.headers, result.body, result.trailers = message
            result.status = int(result.header(b":status"))

    def _local(self, i, s, result):
        status, details, body, headers, _grpc = s.local
        s.local, result.details = None, details
        head = [(b":status", str(status).encode()), *headers]
        # Only a response to the request passes the response callbacks.
        if result.upstream is None:
            self._response(i, s, result, head, [], [])
        result.status, result.body, result.headers = status, body, result.headers or head


def pairs_text(items):
    return list(items.items() if isinstance(items, dict) else items)
