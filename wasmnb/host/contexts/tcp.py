"""A TCP connection's context: Envoy's network filter between the connection and the guest.

Facts (Envoy 1.40): while a data callback runs, and as long as it holds the bytes back, they can be read and changed. The
upstream's close shows as the end of its bytes. At the end come the close callback, `on_done`, `on_log`, `on_delete`.
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
    """One network filter of one connection."""

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
        """Run `on_new_connection`; return True if the connection goes on."""
        if not self.vm.failed:
            self.vm.on_context_create(self, self.id, self.parent_id)
        goes_on = self._ask("on_new_connection", self.id)
        self.paused = "" if goes_on else "connection"
        return goes_on

    def on_data(self, source: int, data: Buffer, *, end: bool) -> bool:
        """Run a data callback; return True if the bytes go on."""
        self.data[source] = data
        name = "on_upstream_data" if source == UPSTREAM else "on_downstream_data"
        goes_on = self._ask(name, self.id, len(data), int(end))
        if goes_on:
            self.data[source] = None
        if source == UPSTREAM and end and not self.closed:
            vm = self.vm
            vm.notify(vm.callbacks["on_upstream_connection_close"], self, self.id, int(CloseType.UNKNOWN))
        self.paused = "" if goes_on else "upstream data" if source == UPSTREAM else "downstream data"
        return goes_on

    def _ask(self, name: str, *args: int) -> bool:
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
        """Run the close callback, `on_done`, `on_log` and `on_delete`, once."""
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
        """Drop the context without a callback."""
        self.closed = True
        super().leave()

    @property
    def failure(self) -> Failure | None:
        """The failure of the VM, or None."""
        return self.vm.failure if self.vm.failed else None

    # -- the guest's side -----------------------------------------------------------------------------------------

    def stream_buffer(self, kind: int) -> Buffer | None:
        """The bytes in the callback, or held since."""
        if kind in (BufferType.DOWNSTREAM_DATA, BufferType.UPSTREAM_DATA):
            return self.data[kind - BufferType.DOWNSTREAM_DATA]
        return None

    def continue_stream(self, kind: int) -> int:
        """Resume reading after the callback."""
        if kind == StreamType.DOWNSTREAM:
            self.vm.entry.after_call(lambda: self.stream.continue_filter(self))
        return super().continue_stream(kind)

    def close_stream(self, kind: int) -> int:
        """Close the connection after the callback, whichever side is meant."""
        if kind in (StreamType.DOWNSTREAM, StreamType.UPSTREAM):
            self.vm.entry.after_call(self.stream.disconnect)
            return Status.OK
        return super().close_stream(kind)
