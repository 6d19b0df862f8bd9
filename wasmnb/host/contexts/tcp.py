"""A TCP connection's context: Envoy's network filter between the connection and the guest.

Facts (Envoy 1.40): while a data callback runs, and as long as it holds the bytes back, they can be read and changed. The
upstream's close shows as the end of its bytes. At the end come the close callback, `on_done`, `on_log`, `on_delete`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...abi import BufferType, CloseType, Status, StreamType
from ..http.buffers import Buffer
from .base import with_log
from .stream import StreamContext

if TYPE_CHECKING:
    from ..tcp.stream import TcpStream
    from .base import RootContext

__all__ = ["DOWN", "UP", "TcpContext"]

#: The two directions: bytes from the client, bytes from the upstream.
DOWN, UP = 0, 1


class TcpContext(StreamContext):
    """One network filter of one connection."""

    kind = "tcp"

    def __init__(self, root: RootContext, stream: TcpStream) -> None:
        super().__init__(root)
        self.stream = stream
        self.info = stream.info
        self.ref.exchange = stream.exchange.number
        self.data: list[Buffer | None] = [None, None]
        self.over = False
        self.held = ""

    # -- the filter's side ----------------------------------------------------------------------------------------

    def new_connection(self) -> bool:
        """`on_new_connection`; True if the connection goes on."""
        if not self.vm.failed:
            self.vm.on_context_create(self, self.id, self.parent_id)
        goes_on = self._ask("on_new_connection", self.id)
        self.held = "" if goes_on else "connection"
        return goes_on

    def take(self, side: int, data: Buffer, *, end: bool) -> bool:
        """A data callback; True if the bytes go on."""
        self.data[side] = data
        name = "on_upstream_data" if side else "on_downstream_data"
        goes_on = self._ask(name, self.id, len(data), int(end))
        if goes_on:
            self.data[side] = None
        if side == UP and end and not self.over:
            vm = self.vm
            vm.notify(vm.callbacks["on_upstream_connection_close"], self, self.id, int(CloseType.UNKNOWN))
        self.held = "" if goes_on else "upstream data" if side else "downstream data"
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
            vm.run_deferred()
            return True
        self.stream.fail(self)
        vm.run_deferred()
        return False

    def closed(self, how: CloseType) -> None:
        """The connection has ended."""
        if self.over:
            return
        self.over = True
        vm = self.vm
        vm.notify(vm.callbacks["on_downstream_connection_close"], self, self.id, int(how))
        vm.notify(vm.callbacks["on_done"], self, self.id)
        with_log(self, [None] * 8, self.info, vm.callbacks["on_log"])
        vm.notify(vm.callbacks["on_delete"], self, self.id)
        self.leave()

    def disconnect(self) -> None:
        """End the connection."""
        self.stream.disconnect()

    @property
    def paused(self) -> str:
        """What the guest holds."""
        return self.held

    # -- the guest's side -----------------------------------------------------------------------------------------

    def stream_buffer(self, kind: int) -> Buffer | None:
        """The bytes in the callback, or held since."""
        if kind in (BufferType.DOWNSTREAM_DATA, BufferType.UPSTREAM_DATA):
            return self.data[kind - BufferType.DOWNSTREAM_DATA]
        return None

    def continue_stream(self, kind: int) -> int:
        """Resume reading after the callback."""
        if kind == StreamType.DOWNSTREAM:
            self.vm.after_call(lambda: self.stream.resume(self))
        return super().continue_stream(kind)

    def close_stream(self, kind: int) -> int:
        """Close the connection after the callback, whichever side is meant."""
        if kind in (StreamType.DOWNSTREAM, StreamType.UPSTREAM):
            self.vm.after_call(self.stream.disconnect)
            return Status.OK
        return super().close_stream(kind)
