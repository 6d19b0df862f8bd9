"""The binding of the fake proxy: hostcalls that check phases like Envoy, and the journal that the linker's glue keeps."""

import struct

from wasmnb.abi import AbiVersion, decode_pairs, encode_pairs, hostcalls_for

OK, NOT_FOUND, BAD_ARGUMENT, EMPTY, CAS_MISMATCH, INTERNAL_FAILURE = 0, 1, 2, 7, 8, 10
ROOT, DELETED = 1, 0xFFFFFFFF

HOSTCALL_NAMES = {h.short for h in hostcalls_for(AbiVersion.V0_2_1).values()}


class FakeBinding:
    """The hostcalls of a `FakeProxy`, one method each. `hostcalls` contains all calls in order."""

    def journal(self):
        entries, self.entries = self.entries, []
        return b"".join(struct.pack("<II", *entry) for entry in entries)

    def claim(self, context_id):
        parents = [parent for known, parent in self.entries if known == context_id]
        if not parents or parents[-1] == DELETED:
            return -1
        self.entries.remove((context_id, parents[-1]))
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
        pairs = self._map(map_type)
        if pairs is None:
            s = self._stream()
            return (NOT_FOUND if s is not None and s.read_only else BAD_ARGUMENT), b""
        return next(((OK, v) for n, v in pairs if n == name.lower()), (NOT_FOUND, b""))

    def get_header_map_pairs(self, map_type):
        return OK, encode_pairs(self._map(map_type) or [])

    def get_header_map_size(self, map_type):
        pairs = self._writable(map_type)
        return (BAD_ARGUMENT, 0) if pairs is None else (OK, sum(len(n) + len(v) for n, v in pairs))

    def add_header_map_value(self, map_type, name, value):
        pairs = self._writable(map_type)
        if pairs is None:
            return BAD_ARGUMENT
        pairs.append((name.lower(), value))
        return OK

    def replace_header_map_value(self, map_type, name, value):
        pairs = self._writable(map_type)
        if pairs is None:
            return BAD_ARGUMENT
        name = name.lower()
        at = next((k for k, (n, _) in enumerate(pairs) if n == name), len(pairs))
        pairs[:] = [*pairs[:at], (name, value), *((n, v) for n, v in pairs[at:] if n != name)]
        return OK

    def remove_header_map_value(self, map_type, name):
        pairs = self._writable(map_type)
        if pairs is None:
            return BAD_ARGUMENT
        pairs[:] = [(n, v) for n, v in pairs if n != name.lower()]
        return OK

    def set_header_map_pairs(self, map_type, data):
        pairs = self._writable(map_type)
        if pairs is None:
            return BAD_ARGUMENT
        pairs[:] = [(n.lower(), v) for n, v in decode_pairs(data) or []]
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
        pairs = decode_pairs(headers)
        if cluster.decode() not in self.clusters or not {b":method", b":path", b":authority"} <= {n for n, _ in pairs}:
            return BAD_ARGUMENT, 0
        if self.clusters[cluster.decode()] is None:
            return INTERNAL_FAILURE, 0
        self.tokens += 4
        self.calls[self.tokens] = (cluster.decode(), [(n.decode(), v) for n, v in pairs], body)
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
