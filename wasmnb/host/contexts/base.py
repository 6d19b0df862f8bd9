"""Base class of all contexts, which a module identifies by number.

In Envoy 1.40, ids of root contexts and streams come from one sequence for each VM, beginning with 1. Id 0 is the VM itself. A
root context (the ABI's name for a plugin's context) has parent 0, and a stream has its root context as parent. The current
context is the context of the running callback. After `set_effective_context`, later hostcalls of the callback act on another
context, except foreign functions. Header maps and buffers are available only during their phase (`wasmnb/abi/phases.py`), and
only to hostcalls on their own context.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...abi import BufferType, Status, StreamType
from ..http.buffers import Buffer
from ..http.header_map import HeaderMap
from ..trace.records import ContextRef
from .phase_lookups import STREAM_BUFFERS, UNAVAILABLE, WRITABLE_BUFFERS, WRITABLE_MAPS

if TYPE_CHECKING:
    from ..plugins.plugin import Plugin
    from ..properties.filter_state import Declaration
    from ..vm.vm import Vm
    from .stream_info import StreamInfo

__all__ = ["Context", "VmContext", "call_on_log"]

Maps = list[HeaderMap | None]


class Context:
    """Base class of all contexts.

    Attributes
    ----------
    id, parent_id
        Ids of the context and of its parent in the VM.
    vm, plugin, root
        The context's VM, plugin and root context. A root context is its own root.
    ref
        Identity of the context in the trace.
    maps
        Header maps by type (0 to 7), with None for maps that aren't available now. Types 4 to 7 are those of the root context.
    log_maps
        Header maps of a request that has ended, which can be read while `on_log` runs. None at other times.
    info
        Information about the stream, for properties. None outside streams.
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
        """Number of the exchange of a stream context, or None for root contexts."""
        return self.ref.exchange

    @property
    def prefix(self) -> str:
        """Text that Envoy writes before a log line of this context: the plugin's name, root_id and vm_id."""
        plugin = self.plugin
        if plugin is None:
            return ""
        parts = (plugin.root_id, plugin.vm_id)
        return " ".join(p for p in (parts if self.kind == "root" else (plugin.name, *parts)) if p)

    # -- for hostcalls; stream contexts override most of these --------------------------------------------------

    def writable_map(self, map_type: int) -> HeaderMap | None:
        """Return a header map if the filter can change it now, or None. Trailers are created if necessary."""
        return self.maps[map_type] if map_type in WRITABLE_MAPS else None

    def peek(self, kind: int) -> bytes | None:
        """Return the bytes of a buffer.

        If the buffer isn't available now, the result is empty, or None if the hostcall must return NotFound.
        """
        data = None
        if kind in STREAM_BUFFERS:
            buffer = self.stream_buffer(kind)
            data = None if buffer is None else buffer.data
        elif kind == BufferType.VM_CONFIGURATION:
            data = self.vm.settings.configuration
        elif kind == BufferType.PLUGIN_CONFIGURATION:
            data = self.vm.buffers.plugin_configuration
        elif kind == BufferType.CALL_DATA:
            data = self.vm.buffers.call_data
        elif kind == BufferType.HTTP_CALL_RESPONSE_BODY:
            data = self.root.call_body
        elif self.root.grpc_message is not None:
            data = self.root.grpc_message.data
        return UNAVAILABLE[kind] if data is None else data

    def writable_buffer(self, kind: int) -> Buffer | None:
        """Return a buffer if the filter can change it now, or None."""
        if kind not in WRITABLE_BUFFERS:
            return None
        return self.stream_buffer(kind) if kind in STREAM_BUFFERS else self.root.grpc_message

    def disconnect(self) -> None:
        """End the stream because the proxy closes the connection. Contexts without a stream do nothing."""

    def forget(self) -> None:
        """Drop pending work without running callbacks, because the VM is being closed."""

    def stream_buffer(self, _kind: int) -> Buffer | None:
        """Return a body or connection buffer if the filter can change it now, or None."""
        return None

    def clear_route_cache(self) -> None:
        """Clear the cached route, so that the router chooses it again."""

    def continue_stream(self, kind: int) -> int:
        """Continue one direction of the stream after the callback. Return the status of the hostcall."""
        if kind > StreamType.UPSTREAM:
            return Status.BAD_ARGUMENT
        return Status.UNIMPLEMENTED if kind == StreamType.UPSTREAM else Status.OK

    def close_stream(self, kind: int) -> int:
        """Reset the stream or close the connection after the callback. Return the status of the hostcall."""
        return Status.BAD_ARGUMENT if kind > StreamType.UPSTREAM else Status.OK

    def send_local_response(
        self, _code: int, _details: bytes, _body: bytes, _headers: list[tuple[bytes, bytes]], _grpc: int
    ) -> None:
        """Send a local response after the callback."""

    @property
    def declared(self) -> dict[bytes, Declaration]:
        """Properties declared by this context, by name. `set_property` uses the declarations of the root context."""
        if self._declared is None:
            self._declared = {}
        return self._declared

    _declared: dict[bytes, Declaration] | None = None
    #: Body of the HTTP callout response that is being delivered, or None at other times.
    call_body: bytes | None = None
    #: gRPC message that is being delivered, or None at other times.
    grpc_message: Buffer | None = None

    def __repr__(self) -> str:
        return f"<{self.kind} context {self.id} in VM{self.vm.number}>"


class VmContext(Context):
    """Context 0, which represents the VM itself while entry points run."""

    def __init__(self, vm: Vm) -> None:
        super().__init__(vm, None, None, 0)


def call_on_log(
    context: Context, maps: Maps | None, info: StreamInfo | None, on_log: Callable[..., Any] | None
) -> None:
    """Call `on_log` with the information of a stream that has ended, and with the header maps of an HTTP stream."""
    context.log_maps, context.log_info = maps, info
    try:
        context.vm.notify(on_log, context, context.id)
    finally:
        context.log_maps = context.log_info = None
