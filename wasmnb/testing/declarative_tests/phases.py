"""Execution of a stream phase by phase, with the same rules as the test framework of Google's Service Extensions.

The framework (`plugins/test/framework.cc`) has no codec, no router and no upstream. The plugin receives request headers,
request body, response headers and response body, each of which is optional. The result of a phase is its input with the
plugin's changes. Headers are sorted by name, ignoring case, and keep the case in which the plugin wrote them. Values added to
an existing name are joined with ", ". Headers callbacks have end_of_stream false, and the last chunk of a body has
end_of_stream true. After a local response, all later phases are skipped. The clocks always show the same time.

The VM, the hostcalls and the trace are those of the simulated proxy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from ...abi import ON_BODY, ON_HEADERS, LogLevel, Pair, Status
from ...host import Plugin, Proxy
from ...host.contexts.base import call_on_log
from ...host.contexts.root import RootContext
from ...host.contexts.stream import StreamContext
from ...host.http.buffers import Buffer
from ...host.http.header_map import HeaderMap
from ..assertions.soundness import failure_text

__all__ = ["PhaseResult", "PhaseRun", "SortedHeaders"]

_REQUEST, _RESPONSE = 0, 1

#: Statuses with which a headers callback continues the stream: Continue and ContinueAndEndStream.
_CONTINUES = (0, 2)


class SortedHeaders(HeaderMap):
    """A header map sorted by name, ignoring case, in which all values of a name are joined into one.

    Parameters
    ----------
    pairs
        Names and values (default none).
    """

    __slots__ = ("_entries",)

    @staticmethod
    def name(key: bytes) -> bytes:
        """Return the name unchanged, in the case in which the plugin wrote it."""
        return key

    def __init__(self, pairs: Any = ()) -> None:
        self._entries: dict[bytes, Pair] = {}
        for name, value in pairs:
            self.add(name, value)

    @property
    def items(self) -> list[Pair]:  # type: ignore[override]
        """Return all entries, sorted by name. A name keeps the case in which it was first set."""
        return [self._entries[key] for key in sorted(self._entries)]

    @property
    def first(self) -> dict[bytes, bytes]:  # type: ignore[override]
        """Return all values by name in lower case."""
        return {key: value for key, (_, value) in self._entries.items()}

    def get(self, name: bytes) -> bytes | None:
        """Return the value of a header, or None if it is missing."""
        entry = self._entries.get(name.lower())
        return entry[1] if entry is not None else None

    def get_all(self, name: bytes) -> list[bytes]:
        """Return a list that contains the value of a header, or an empty list if it is missing."""
        value = self.get(name)
        return [] if value is None else [value]

    def add(self, name: bytes, value: bytes) -> None:
        """Set a header. If it exists, append the value to its old value after a comma."""
        entry = self._entries.get(name.lower())
        joined = entry[1] + b", " + value if entry is not None and entry[1] else value
        self._entries[name.lower()] = (entry[0] if entry is not None else name, joined)

    def put(self, name: bytes, value: bytes) -> None:
        """Set a header, and replace its old value."""
        entry = self._entries.get(name.lower())
        self._entries[name.lower()] = (entry[0] if entry is not None else name, value)

    replace = put

    def remove(self, name: bytes) -> None:
        """Remove a header, if it exists."""
        self._entries.pop(name.lower(), None)

    def clear(self) -> None:
        """Remove all headers."""
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Pair]:
        return iter(self.items)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, bytes) and name.lower() in self._entries


@dataclass
class PhaseResult:
    """Result of one phase of a stream.

    Attributes
    ----------
    headers
        Headers after the callback, or headers of a local response.
    body
        Body after the callback, or body of a local response.
    continues
        Whether the callback continued the stream.
    http_status
        HTTP status of a local response, or 0 if there was none.
    grpc_status
        gRPC status of a local response, or 0 if there was none.
    details
        Details of a local response, or empty if there was none.
    log
        Lines logged by the last callback of the phase.
    """

    headers: SortedHeaders = field(default_factory=SortedHeaders)
    body: bytes = b""
    continues: bool = True
    http_status: int = 0
    grpc_status: int = 0
    details: str = ""
    log: list[str] = field(default_factory=list)


class _TestedStream(StreamContext):
    """The context of a stream with the rules of the test framework."""

    kind = "http"

    def __init__(self, root: RootContext) -> None:
        super().__init__(root)
        self.buffers: list[Buffer | None] = [None, None]
        self.result = PhaseResult()
        self.responded = False

    def stream_buffer(self, kind: int) -> Buffer | None:
        """Return the chunk of the current callback."""
        return self.buffers[kind] if kind <= _RESPONSE else None

    def continue_stream(self, kind: int) -> int:
        """Record that the plugin has continued the phase."""
        status = super().continue_stream(kind)
        self.result.continues = self.result.continues or status == Status.OK
        return status

    def send_local_response(self, code: int, details: bytes, body: bytes, headers: list[Pair], grpc: int) -> None:
        """Store the local response as the phase's result."""
        self.responded = True
        result = self.result
        result.http_status, result.grpc_status = code, grpc & 0xFFFFFFFF
        result.details, result.body = details.decode("utf-8", "replace"), body
        result.headers = SortedHeaders()
        for name, value in headers:
            result.headers.put(name, value)


class PhaseRun:
    """A running plugin with one stream. Use it as a context manager.

    Parameters
    ----------
    plugin
        The filter with its configuration.
    level
        Lowest log level, as a number of the ABI.
    seconds
        Time shown by the clocks, in seconds since 1970.
    properties
        Properties of the stream, by path joined with dots.

    Raises
    ------
    FilterTrap, ModuleError
        The plugin can't be loaded, fails when it starts, or refuses its configuration.
    """

    def __init__(self, plugin: Plugin, *, level: int, seconds: float, properties: dict[bytes, bytes]) -> None:
        self.proxy = Proxy(
            plugin, workers=1, guest_time="frozen", start_time=seconds, log_level=LogLevel(level), idle_timeout=0.0
        )
        root = self.proxy.workers[0].plugins[0].root
        assert root is not None
        self.root: RootContext = root
        self.vm = root.vm
        self.started = self._lines(0)
        self.proxy.server.properties = dict(properties)
        self._stream: _TestedStream | None = None

    @property
    def failure(self) -> str:
        """Description of the VM's failure, or '' if the VM hasn't failed."""
        return failure_text(self.vm.failure) if self.vm.failure is not None else ""

    @property
    def log(self) -> list[str]:
        """All lines logged by the plugin so far."""
        return self._lines(0)

    def _lines(self, since: int) -> list[str]:
        lines = self.proxy.log.since(since)
        return [line.text for line in lines if line.vm == self.vm.number and line.source == "filter"]

    def _run(self, action: Any) -> list[str]:
        """Run a function on the worker, and return the lines logged meanwhile."""
        log_start = self.proxy.log.written
        self.proxy.loop.run_on_worker(self.proxy.workers[0], action)
        return self._lines(log_start)

    @property
    def stream(self) -> _TestedStream:
        """The context of the stream."""
        assert self._stream is not None
        return self._stream

    def create(self) -> list[str]:
        """Create the stream's context, and return the lines logged by the plugin."""
        self._stream = _TestedStream(self.root)
        stream = self._stream
        return self._run(lambda: self.vm.on_context_create(stream, stream.id, stream.parent_id))

    def headers(self, side: int, pairs: list[Pair]) -> PhaseResult:
        """Run a headers phase.

        Parameters
        ----------
        side
            0 for request headers, 1 for response headers.
        pairs
            Names and values.

        Returns
        -------
        PhaseResult
            The result. It is empty if an earlier phase has sent a local response.
        """
        stream = self.stream
        stream.result = result = PhaseResult(SortedHeaders(pairs)) if not stream.responded else PhaseResult()
        if stream.responded:
            return result
        headers = stream.maps[2 * side] = result.headers
        is_abi_0_1_0 = self.vm.abi == 10  # in this version, the callback has no parameter end_of_stream
        args = (stream.id, len(headers)) if is_abi_0_1_0 else (stream.id, len(headers), 0)
        result.log = self._run(lambda: self._call(ON_HEADERS[side], args))
        stream.maps[2 * side] = None
        return result

    def _call(self, name: str, args: tuple[int, ...]) -> None:
        result = self.stream.result
        callback = self.vm.callbacks[name]
        if callback is not None and not self.vm.failed:
            result.continues = (callback(self.stream, *args) or 0) in _CONTINUES
        result.continues = result.continues and not result.http_status

    def body(self, side: int, chunks: list[bytes]) -> PhaseResult:
        """Run a body phase.

        Parameters
        ----------
        side
            0 for the request body, 1 for the response body.
        chunks
            Chunks of the body, one for each callback.

        Returns
        -------
        PhaseResult
            The whole body with the log of the last callback, or the local response.
        """
        stream, whole = self.stream, PhaseResult()
        for number, chunk in enumerate(chunks, 1):
            if stream.responded:
                break
            stream.result = result = PhaseResult()
            buffer = stream.buffers[side] = Buffer(chunk)
            args = (stream.id, len(chunk), int(number == len(chunks)))
            result.log = self._run(lambda a=args: self._call(ON_BODY[side], a))
            stream.buffers[side] = None
            if result.http_status:
                return result
            whole.body += buffer.data
            whole.log, whole.continues = result.log, True
        return whole

    def destroy(self) -> list[str]:
        """Call `on_done`, `on_log` and `on_delete`, and return the lines logged by them."""
        stream, vm = self.stream, self.vm

        def end() -> None:
            call_on_log(stream, [None] * 8, None, vm.callbacks["on_log"])
            vm.notify(vm.callbacks["on_done"], stream, stream.id)
            vm.notify(vm.callbacks["on_delete"], stream, stream.id)
            stream.leave()

        return self._run(end)

    def close(self) -> None:
        """Close the proxy."""
        self.proxy.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
