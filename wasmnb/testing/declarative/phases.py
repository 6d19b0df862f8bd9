"""Runs a stream phase by phase, as the test framework of Google's Service Extensions does.

Facts (`plugins/test/framework.cc`): there is no codec, no router and no upstream. Request headers, request body, response
headers and response body are given to the plugin straight, any of them may be left out, and each result is what the
plugin made of the phase's own input. Headers are a map by name without regard to case, sorted; a name that is added again
gets its values joined with ", ". The headers callbacks say that more follows; the last chunk of a body ends it. After a
local response the later phases are not run. Time stands still.

The VM, the hostcalls and the trace are the simulated proxy's.
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

#: Statuses of a headers callback that let the stream go on: Continue, and ContinueAndEndStream.
_CONTINUES = (0, 2)


class SortedHeaders(HeaderMap):
    """A map by name, in any case, in alphabetical order; values of one name are joined."""

    __slots__ = ("_entries",)

    def __init__(self, pairs: Any = ()) -> None:
        self._entries: dict[bytes, Pair] = {}
        for name, value in pairs:
            self.add(name, value)

    @property
    def items(self) -> list[Pair]:  # type: ignore[override]
        """All entries, sorted by name; the case is that of the first time."""
        return [self._entries[key] for key in sorted(self._entries)]

    @property
    def first(self) -> dict[bytes, bytes]:  # type: ignore[override]
        """Values by name in lower case."""
        return {key: value for key, (_, value) in self._entries.items()}

    def get(self, name: bytes) -> bytes | None:
        """The value, or None."""
        entry = self._entries.get(name.lower())
        return entry[1] if entry is not None else None

    def get_all(self, name: bytes) -> list[bytes]:
        """The one value, or none."""
        value = self.get(name)
        return [] if value is None else [value]

    def add(self, name: bytes, value: bytes) -> None:
        """Set, or append after a comma."""
        there = self._entries.get(name.lower())
        joined = there[1] + b", " + value if there is not None and there[1] else value
        self._entries[name.lower()] = (there[0] if there is not None else name, joined)

    def put(self, name: bytes, value: bytes) -> None:
        """Set."""
        there = self._entries.get(name.lower())
        self._entries[name.lower()] = (there[0] if there is not None else name, value)

    replace = put

    def remove(self, name: bytes) -> None:
        """Remove."""
        self._entries.pop(name.lower(), None)

    def clear(self) -> None:
        """Remove everything."""
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Pair]:
        return iter(self.items)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, bytes) and name.lower() in self._entries


@dataclass
class PhaseResult:
    """What the plugin made of a phase.

    Attributes
    ----------
    headers, body
        The phase's own, as the plugin left them; those of the local response if it sent one.
    continues
        The callback let the stream go on.
    http_status, grpc_status, details
        Of a local response; 0 and empty if there was none.
    log
        Lines of the phase (of its last callback).
    """

    headers: SortedHeaders = field(default_factory=SortedHeaders)
    body: bytes = b""
    continues: bool = True
    http_status: int = 0
    grpc_status: int = 0
    details: str = ""
    log: list[str] = field(default_factory=list)


class _TestedStream(StreamContext):
    """A stream's context as the test framework has it."""

    kind = "http"

    def __init__(self, root: RootContext) -> None:
        super().__init__(root)
        self.buffers: list[Buffer | None] = [None, None]
        self.result = PhaseResult()
        self.answered = False

    def stream_buffer(self, kind: int) -> Buffer | None:
        """The chunk in the callback."""
        return self.buffers[kind] if kind <= _RESPONSE else None

    def continue_stream(self, kind: int) -> int:
        """Nothing waits here."""
        status = super().continue_stream(kind)
        self.result.continues = self.result.continues or status == Status.OK
        return status

    def send_local_response(self, code: int, details: bytes, body: bytes, headers: list[Pair], grpc: int) -> None:
        """Becomes the phase's result."""
        self.answered = True
        result = self.result
        result.http_status, result.grpc_status = code, grpc & 0xFFFFFFFF
        result.details, result.body = details.decode("utf-8", "replace"), body
        result.headers = SortedHeaders()
        for name, value in headers:
            result.headers.put(name, value)


class PhaseRun:
    """A plugin with one stream. Use as a context manager.

    Parameters
    ----------
    plugin
        The filter with its configuration.
    level
        Lowest level that is logged.
    seconds
        Where the clock stands, seconds since 1970.
    properties
        What `get_property` gives on the stream, by paths joined with dots.

    Raises
    ------
    FilterTrap, ModuleError
        The plugin does not load, does not start or refuses its configuration.
    """

    def __init__(self, plugin: Plugin, *, level: int, seconds: float, properties: dict[bytes, bytes]) -> None:
        self.proxy = Proxy(
            plugin, workers=1, guest_time=0.0, start_time=seconds, log_level=LogLevel(level), idle_timeout=0.0
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
        """How the VM failed, or an empty string."""
        return failure_text(self.vm.failure) if self.vm.failure is not None else ""

    @property
    def log(self) -> list[str]:
        """Everything that the plugin has logged."""
        return self._lines(0)

    def _lines(self, since: int) -> list[str]:
        lines = self.proxy.log.since(since)
        return [x.text for x in lines if x.vm == self.vm.number and x.source == "filter"]

    def _do(self, action: Any) -> list[str]:
        """Run on the worker; gives what was logged."""
        before = self.proxy.log.written
        self.proxy.loop.run_on_worker(self.proxy.workers[0], action)
        return self._lines(before)

    @property
    def stream(self) -> _TestedStream:
        """The stream's context."""
        assert self._stream is not None
        return self._stream

    def create(self) -> list[str]:
        """Make the stream's context; gives what was logged."""
        self._stream = _TestedStream(self.root)
        stream = self._stream
        return self._do(lambda: self.vm.on_context_create(stream, stream.id, stream.parent_id))

    def headers(self, side: int, pairs: list[Pair]) -> PhaseResult:
        """Request headers (0) or response headers (1)."""
        stream = self.stream
        stream.result = result = PhaseResult(SortedHeaders(pairs)) if not stream.answered else PhaseResult()
        if stream.answered:
            return result
        given = stream.maps[2 * side] = result.headers
        short = self.vm.abi == 10  # 0.1.0 passes no end_of_stream
        args = (stream.id, len(given)) if short else (stream.id, len(given), 0)
        result.log = self._do(lambda: self._call(_ON_HEADERS[side], args))
        stream.maps[2 * side] = None
        return result

    def _call(self, name: str, args: tuple[int, ...]) -> None:
        result = self.stream.result
        callback = self.vm.callbacks[name]
        if callback is not None and not self.vm.failed:
            result.continues = (callback(self.stream, *args) or 0) in _CONTINUES
        result.continues = result.continues and not result.http_status

    def body(self, side: int, chunks: list[bytes]) -> PhaseResult:
        """Request body (0) or response body (1), chunk by chunk."""
        stream, whole = self.stream, PhaseResult()
        for number, chunk in enumerate(chunks, 1):
            if stream.answered:
                break
            stream.result = result = PhaseResult()
            buffer = stream.buffers[side] = Buffer(chunk)
            args = (stream.id, len(chunk), int(number == len(chunks)))
            result.log = self._do(lambda a=args: self._call(_ON_BODY[side], a))
            stream.buffers[side] = None
            if result.http_status:
                return result
            whole.body += buffer.data
            whole.log, whole.continues = result.log, True
        return whole

    def destroy(self) -> list[str]:
        """`on_log`, `on_done`, `on_delete`; gives what was logged."""
        stream, vm = self.stream, self.vm

        def end() -> None:
            call_on_log(stream, [None] * 8, None, vm.callbacks["on_log"])
            vm.notify(vm.callbacks["on_done"], stream, stream.id)
            vm.notify(vm.callbacks["on_delete"], stream, stream.id)
            stream.leave()

        return self._do(end)

    def close(self) -> None:
        """Tear the plugin down."""
        self.proxy.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
