"""A stream that is run phase by phase, as the test framework of Google's Service Extensions does.

Facts (`plugins/test/framework.cc`): codec, router and upstream don't exist. The plugin gets request headers, request body,
response headers and response body directly, and each of them is optional. A phase's result is its own input as the plugin
changed it. Headers are a map sorted by name, ignoring case; values that are added to a name are joined with ", ". The
headers callbacks have end_of_stream false; the last chunk of a body ends it. After a local response the later phases are
skipped. Time doesn't pass: wall clock and monotonic clock show the same fixed moment. Header names keep the case in which the
plugin wrote them.

The VM, the hostcalls and the trace are those of the simulated proxy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from ...abi import LogLevel, Pair, Status
from ...host import Plugin, Proxy
from ...host.contexts.base import call_on_log
from ...host.contexts.root import RootContext
from ...host.contexts.stream import StreamContext
from ...host.http.buffers import Buffer
from ...host.http.header_map import HeaderMap
from ..assertions.soundness import failure_text

__all__ = ["PhaseResult", "PhaseRun", "SortedHeaders"]

_REQUEST, _RESPONSE = 0, 1
_ON_HEADERS = ("on_request_headers", "on_response_headers")
_ON_BODY = ("on_request_body", "on_response_body")

#: Statuses with which a headers callback continues the stream: Continue and ContinueAndEndStream.
_CONTINUES = (0, 2)


class SortedHeaders(HeaderMap):
    """A header map in alphabetical order, ignoring case, with one joined value per name.

    Parameters
    ----------
    pairs
        Names and values (default none).
    """

    __slots__ = ("_entries",)

    @staticmethod
    def name(key: bytes) -> bytes:
        """Return the name as the plugin wrote it."""
        return key

    def __init__(self, pairs: Any = ()) -> None:
        self._entries: dict[bytes, Pair] = {}
        for name, value in pairs:
            self.add(name, value)

    @property
    def items(self) -> list[Pair]:  # type: ignore[override]
        """All entries, sorted by name. A name keeps the case in which it was first set."""
        return [self._entries[key] for key in sorted(self._entries)]

    @property
    def first(self) -> dict[bytes, bytes]:  # type: ignore[override]
        """Values by lower-case name."""
        return {key: value for key, (_, value) in self._entries.items()}

    def get(self, name: bytes) -> bytes | None:
        """Return the value, or None."""
        entry = self._entries.get(name.lower())
        return entry[1] if entry is not None else None

    def get_all(self, name: bytes) -> list[bytes]:
        """Return a list of the value, or an empty list."""
        value = self.get(name)
        return [] if value is None else [value]

    def add(self, name: bytes, value: bytes) -> None:
        """Set a header, or append to its value after a comma."""
        entry = self._entries.get(name.lower())
        joined = entry[1] + b", " + value if entry is not None and entry[1] else value
        self._entries[name.lower()] = (entry[0] if entry is not None else name, joined)

    def put(self, name: bytes, value: bytes) -> None:
        """Set a header, replacing its value."""
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
    """Result of a phase.

    Attributes
    ----------
    headers
        The phase's headers after the callback, or those of a local response.
    body
        The phase's body after the callback, or that of a local response.
    continues
        Whether the callback continued the stream.
    http_status
        HTTP status of a local response, else 0.
    grpc_status
        gRPC status of a local response, else 0.
    details
        Details of a local response, else empty.
    log
        Lines that the last callback of the phase logged.
    """

    headers: SortedHeaders = field(default_factory=SortedHeaders)
    body: bytes = b""
    continues: bool = True
    http_status: int = 0
    grpc_status: int = 0
    details: str = ""
    log: list[str] = field(default_factory=list)


class _TestedStream(StreamContext):
    """A stream's context as in the test framework."""

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
        """Mark the phase as continued."""
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
    """A plugin with one stream. Use it as a context manager.

    Parameters
    ----------
    plugin
        The filter with its configuration.
    level
        Lowest level that is logged, as the ABI numbers it.
    seconds
        Time of the clock, in seconds since 1970.
    properties
        Properties of the stream by their path, joined with dots.

    Raises
    ------
    FilterTrap, ModuleError
        The plugin doesn't load, doesn't start or refuses its configuration.
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
        """Text of the VM's failure, or empty."""
        return failure_text(self.vm.failure) if self.vm.failure is not None else ""

    @property
    def log(self) -> list[str]:
        """All lines that the plugin has logged."""
        return self._lines(0)

    def _lines(self, since: int) -> list[str]:
        lines = self.proxy.log.since(since)
        return [line.text for line in lines if line.vm == self.vm.number and line.source == "filter"]

    def _run(self, action: Any) -> list[str]:
        """Run an action on the worker and return the lines that it logged."""
        log_start = self.proxy.log.written
        self.proxy.loop.run_on_worker(self.proxy.workers[0], action)
        return self._lines(log_start)

    @property
    def stream(self) -> _TestedStream:
        """Context of the stream."""
        assert self._stream is not None
        return self._stream

    def create(self) -> list[str]:
        """Create the stream's context and return the lines that it logged."""
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
            The result. Empty after a local response.
        """
        stream = self.stream
        stream.result = result = PhaseResult(SortedHeaders(pairs)) if not stream.responded else PhaseResult()
        if stream.responded:
            return result
        headers = stream.maps[2 * side] = result.headers
        is_abi_0_1_0 = self.vm.abi == 10  # its callback has no end_of_stream
        args = (stream.id, len(headers)) if is_abi_0_1_0 else (stream.id, len(headers), 0)
        result.log = self._run(lambda: self._call(_ON_HEADERS[side], args))
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
            The joined body with the log of the last callback, or a local response.
        """
        stream, whole = self.stream, PhaseResult()
        for number, chunk in enumerate(chunks, 1):
            if stream.responded:
                break
            stream.result = result = PhaseResult()
            buffer = stream.buffers[side] = Buffer(chunk)
            args = (stream.id, len(chunk), int(number == len(chunks)))
            result.log = self._run(lambda a=args: self._call(_ON_BODY[side], a))
            stream.buffers[side] = None
            if result.http_status:
                return result
            whole.body += buffer.data
            whole.log, whole.continues = result.log, True
        return whole

    def destroy(self) -> list[str]:
        """Call `on_log`, `on_done` and `on_delete`, and return the lines that they logged."""
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
