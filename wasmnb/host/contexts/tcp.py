"""The context of a TCP connection: Envoy's Wasm network filter between the connection and the module.

Facts (Envoy 1.40): bytes can be read and changed while their data callback runs, and while the filter is paused after it.
Filters see the upstream's close as the end of its bytes. The last callbacks are the close callback, `on_done`, `on_log` and
`on_delete`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...abi import BufferType, CloseType, Status, StreamType
from ..http.buffers import Buffer
from ..tcp.network_filter import UPSTREAM
from .base import call_on_log
from .stream import StreamContext

if TYPE_CHECKING:
    from ..tcp.stream import TcpStream
    from ..vm.failure import Failure
    from .root import RootContext

__all__ = ["TcpContext"]


class TcpContext(StreamContext):
    """A Wasm network filter of one connection."""

    kind = "tcp"

    def __init__(self, root: RootContext, stream: TcpStream) -> None:
        super().__init__(root)
        self.stream = stream
        self.info = stream.info
        self.ref.exchange = stream.exchange.number
        self.data: list[Buffer | None] = [None, None]
        self.closed = False
        self.paused = ""

    # -- the filter's side ----------------------------------------------------------------------------------------

    def on_new_connection(self) -> bool:
        """Run `on_new_connection`, and return whether the connection continues."""
        if not self.vm.failed:
            self.vm.on_context_create(self, self.id, self.parent_id)
        continues = self._call("on_new_connection", self.id)
        self.paused = "" if continues else "connection"
        return continues

    def on_data(self, source: int, data: Buffer, *, end: bool) -> bool:
        """Run a data callback, and return whether the bytes continue to the next filter."""
        self.data[source] = data
        name = "on_upstream_data" if source == UPSTREAM else "on_downstream_data"
        continues = self._call(name, self.id, len(data), int(end))
        if continues:
            self.data[source] = None
        if source == UPSTREAM and end and not self.closed:
            vm = self.vm
            vm.notify(vm.callbacks["on_upstream_connection_close"], self, self.id, int(CloseType.UNKNOWN))
        self.paused = "" if continues else "upstream data" if source == UPSTREAM else "downstream data"
        return continues

    def _call(self, name: str, *args: int) -> bool:
        vm = self.vm
        if not vm.failed:
            invoke = vm.callbacks[name]
            if invoke is None:
                return True
            result = invoke(self, *args)
            if not vm.failed:
                return not result
        if self.fail_open:
            vm.entry.run_deferred()
            return True
        self.stream.fail(self)
        vm.entry.run_deferred()
        return False

    def on_close(self, close_type: CloseType) -> None:
        """Run the close callback, `on_done`, `on_log` and `on_delete`. A second call does nothing."""
        if self.closed:
            return
        self.closed = True
        vm = self.vm
        vm.notify(vm.callbacks["on_downstream_connection_close"], self, self.id, int(close_type))
        vm.notify(vm.callbacks["on_done"], self, self.id)
        call_on_log(self, [None] * 8, self.info, vm.callbacks["on_log"])
        vm.notify(vm.callbacks["on_delete"], self, self.id)
        self.leave()

    def disconnect(self) -> None:
        """End the connection."""
        self.stream.disconnect()

    def leave(self) -> None:
        """Drop the context without running its callbacks."""
        self.closed = True
        super().leave()

    @property
    def failure(self) -> Failure | None:
        """The failure of the VM, or None."""
        return self.vm.failure if self.vm.failed else None

    # -- the guest's side -----------------------------------------------------------------------------------------

    def stream_buffer(self, kind: int) -> Buffer | None:
        """Return the bytes of the running callback, or those that the filter holds."""
        if kind in (BufferType.DOWNSTREAM_DATA, BufferType.UPSTREAM_DATA):
            return self.data[kind - BufferType.DOWNSTREAM_DATA]
        return None

    def continue_stream(self, kind: int) -> int:
        """Continue after the callback, and return the hostcall's status."""
        if kind == StreamType.DOWNSTREAM:
            self.vm.entry.after_call(lambda: self.stream.continue_filter(self))
        return super().continue_stream(kind)

    def close_stream(self, kind: int) -> int:
        """Close the connection on both sides after the callback, and return the hostcall's status."""
        if kind in (StreamType.DOWNSTREAM, StreamType.UPSTREAM):
            self.vm.entry.after_call(self.stream.disconnect)
            return Status.OK
        return super().close_stream(kind)
