"""Contexts: what the guest calls by number.

Facts (Envoy 1.40): ids come from one counter per VM, starting at 1, shared by root contexts and streams; 0 is the VM
itself. A root context (the ABI's word for a plugin's context) has parent 0, a stream has its root as parent. The current
context is the one that a callback is for; `set_effective_context` changes which one the later hostcalls of that callback
act on, except foreign functions. Header maps and buffers hang on the context only while their phase lasts; a hostcall on
any other finds nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...abi import BufferType, Status, StreamType
from ..http.buffers import Buffer
from ..http.header_map import HeaderMap
from ..trace.records import ContextRef

if TYPE_CHECKING:
    from ..clock import Timer
    from ..plugins.plugin import Plugin
    from ..vm.vm import Vm
    from .stream_info import StreamInfo

__all__ = ["Context", "RootContext", "VmContext"]

Maps = list[HeaderMap | None]


class Context:
    """What every kind of context has.

    Attributes
    ----------
    id, parent_id
        Numbers in the VM.
    vm, plugin, root
        Where it lives, whose it is, and its root context (a root is its own).
    place
        What the trace keeps of it.
    maps
        Header maps by type, 0 to 7; None where there is none now. Types 4 to 7 are the root's.
    log_maps
        While `on_log` runs: the finished request's maps, for reading.
    info
        The stream that properties tell of; None outside streams.
    """

    kind = "vm"

    def __init__(self, vm: Vm, plugin: Plugin | None, root: Context | None, number: int) -> None:
        self.id = number
        self.parent_id = root.id if root is not None else 0
        self.vm = vm
        self.plugin = plugin
        self.root: Context = root if root is not None else self
        self.ref = ContextRef(number, vm.number, self.root.id)
        self.maps: Maps = [None] * 8
        self.log_maps: Maps | None = None
        self.info: StreamInfo | None = None
        self.log_info: StreamInfo | None = None

    @property
    def exchange(self) -> int | None:
        """Number of the exchange that a stream belongs to; None for roots."""
        return self.ref.exchange

    @property
    def prefix(self) -> str:
        """What Envoy prints before a line of this context."""
        plugin = self.plugin
        if plugin is None:
            return ""
        parts = (plugin.root_id, plugin.vm_id)
        return " ".join(p for p in (parts if self.kind == "root" else (plugin.name, *parts)) if p)

    # -- what hostcalls ask for; streams have more ----------------------------------------------------------------

    def writable_map(self, map_type: int) -> HeaderMap | None:
        """A header map to change, or None; trailers may come into being by asking."""
        return self.maps[map_type] if map_type < 4 else None

    def peek(self, kind: int) -> bytes | None:
        """A buffer's bytes; empty if there is none now, None if the ABI says NotFound."""
        if kind == BufferType.VM_CONFIGURATION:
            return self.vm.configuration
        if kind == BufferType.PLUGIN_CONFIGURATION:
            return self.vm.plugin_configuration
        if kind == BufferType.CALL_DATA:
            return self.vm.call_data
        if kind == BufferType.HTTP_CALL_RESPONSE_BODY:
            return self.root.call_body
        if kind == BufferType.GRPC_RECEIVE_BUFFER:
            return self.root.grpc_message
        buffer = self.stream_buffer(kind)
        return buffer.data if buffer is not None else b""

    def disconnect(self) -> None:
        """End the stream because the proxy closes the connection; streams do."""

    def stream_buffer(self, _kind: int) -> Buffer | None:
        """A body or connection buffer to change, or None."""
        return None

    def clear_route_cache(self) -> None:
        """Have the route chosen again; streams do."""

    def continue_stream(self, kind: int) -> int:
        """Resume a direction after the callback; gives the status."""
        if kind > StreamType.UPSTREAM:
            return Status.BAD_ARGUMENT
        return Status.UNIMPLEMENTED if kind == StreamType.UPSTREAM else Status.OK

    def close_stream(self, kind: int) -> int:
        """Reset or close after the callback; gives the status."""
        return Status.BAD_ARGUMENT if kind > StreamType.UPSTREAM else Status.OK

    def send_local_response(
        self, _code: int, _details: bytes, _body: bytes, _headers: list[tuple[bytes, bytes]], _grpc: int
    ) -> None:
        """Answer the client after the callback; streams do."""

    #: Body of the HTTP call response that is being delivered; None at any other time.
    call_body: bytes | None = None
    #: gRPC message that is being delivered.
    grpc_message: bytes = b""

    def __repr__(self) -> str:
        return f"<{self.kind} context {self.id} in VM{self.vm.number}>"


class VmContext(Context):
    """Context 0: the VM itself, while entry points run."""

    def __init__(self, vm: Vm) -> None:
        super().__init__(vm, None, None, 0)


class RootContext(Context):
    """A plugin's context: ticks, queues, callouts and configuration.

    Attributes
    ----------
    streams
        Live stream contexts of this root.
    calls
        Pending callouts by token.
    status
        What `get_status` tells: code and message.
    done_deferred
        `on_done` returned 0; `proxy_done` will finish it.
    """

    kind = "root"

    def __init__(self, vm: Vm, plugin: Plugin) -> None:
        super().__init__(vm, plugin, None, vm.new_context_id())
        self.streams: dict[int, Context] = {}
        self.calls: dict[int, Any] = {}
        self.status: tuple[int, bytes] = (0, b"")
        self.done_deferred = False
        self.closed = False
        self.expressions: dict[int, Any] = {}
        self.expressions_made = 0
        self.declared: dict[bytes, Any] = {}
        self._period = 0.0
        self._timer: Timer | None = None
        vm.contexts[self.id] = self

    @property
    def is_singleton(self) -> bool:
        """Whether it belongs to a service that runs on the main thread only."""
        return self.plugin is not None and self.plugin.kind == "singleton"

    # -- life -----------------------------------------------------------------------------------------------------

    def create(self) -> None:
        """`on_context_create`."""
        self.vm.on_context_create(self, self.id, 0)

    def start(self) -> bool:
        """`on_vm_start`: once for every root context, also in a VM that has started before."""
        vm = self.vm
        return vm.query(vm.callbacks["on_vm_start"], self, self.id, len(vm.configuration))

    def configure(self) -> bool:
        """`on_configure`, the only time that the plugin configuration can be read."""
        vm = self.vm
        assert self.plugin is not None
        vm.plugin_configuration = self.plugin.config
        try:
            return vm.query(vm.callbacks["on_configure"], self, self.id, len(self.plugin.config))
        finally:
            vm.plugin_configuration = None

    def close(self) -> None:
        """`on_done`, and `on_delete` unless the guest wants to finish later."""
        if self.closed or self.done_deferred:
            return
        vm = self.vm
        if vm.query(vm.callbacks["on_done"], self, self.id):
            self.delete()
        elif not vm.failed:
            self.done_deferred = True

    def done(self) -> int:
        """`proxy_done`; gives the status."""
        if not self.done_deferred:
            return Status.NOT_FOUND
        self.done_deferred = False
        self.vm.after_call(self.delete)
        return Status.OK

    def delete(self) -> None:
        """`on_delete`, and out."""
        self.closed = True
        self.vm.notify(self.vm.callbacks["on_delete"], self, self.id)
        self.forget()

    def forget(self) -> None:
        """Drop timer and pending calls without a callback."""
        self.set_tick_period(0)
        for call in list(self.calls.values()):
            call.abandon()
        self.calls.clear()
        self.vm.contexts.pop(self.id, None)

    # -- ticks and queues -------------------------------------------------------------------------------------------

    def set_tick_period(self, milliseconds: int) -> None:
        """Start, change or (0) stop the timer; the first tick comes after a whole period."""
        self._period = milliseconds / 1000
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if milliseconds:
            self._arm()

    @property
    def tick_period(self) -> float:
        """Seconds between two ticks; 0 if there are none."""
        return self._period if self._timer is not None else 0.0

    def _arm(self) -> None:
        self._timer = self.vm.clock.call_later(self._period, self.vm.thread, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self.vm.callbacks["on_tick"] is None or self.vm.failed:
            return
        self.tick()
        if self._period and self._timer is None and not self.closed:
            self._arm()

    def tick(self) -> None:
        """`on_tick`, now."""
        self.vm.notify(self.vm.callbacks["on_tick"], self, self.id)

    def queue_ready(self, token: int) -> None:
        """Called when an item was put in a queue that this root receives: have the guest told, as a fresh event."""
        vm = self.vm

        def ready() -> None:
            if not self.closed:
                vm.notify(vm.callbacks["on_queue_ready"], self, self.id, token)

        vm.clock.call_soon(vm.thread, ready)

    # -- access log -------------------------------------------------------------------------------------------------

    def log(self, maps: Maps, info: StreamInfo) -> None:
        """`on_log` of an access logger, which runs on the root context."""
        with_log(self, maps, info, self.vm.callbacks["on_log"])


def with_log(context: Context, maps: Maps, info: StreamInfo | None, on_log: Callable[..., Any] | None) -> None:
    """Run `on_log` with the finished request readable."""
    context.log_maps, context.log_info = maps, info
    try:
        context.vm.notify(on_log, context, context.id)
    finally:
        context.log_maps = context.log_info = None
