"""Context of a TCP connection, which is Envoy's Wasm network filter between the connection and the module.

In Envoy 1.40, bytes can be read and changed while their data callback runs, and while the filter holds them back afterwards.
When the upstream closes the connection, filters receive a last data callback with `end_of_stream`. The last callbacks are the
close callback, `on_done`, `on_log` and `on_delete`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...abi import CloseType, Status, StreamType
from ..http.buffers import Buffer
from ..tcp.network_filter import DOWNSTREAM, UPSTREAM
from .base import call_on_log
from .phase_lookups import buffer_of
from .stream import StreamContext

if TYPE_CHECKING:
    from ..tcp.stream import TcpStream
    from ..vm.failure import Failure
    from .root import RootContext

__all__ = ["TcpContext"]

#: Type of a buffer -> source of its bytes.
_SOURCES = {buffer_of("on_downstream_data"): DOWNSTREAM, buffer_of("on_upstream_data"): UPSTREAM}

#: Description of the bytes of each source, `DOWNSTREAM` and `UPSTREAM`.
_DATA = ("downstream data", "upstream data")


class TcpContext(StreamContext):
    """A Wasm network filter on one TCP connection."""

    kind = "tcp"

    def __init__(self, root: RootContext, stream: TcpStream) -> None:
        super().__init__(root)
        self.stream = stream
        self.info = stream.info
        self.ref.exchange = stream.exchange.number
        self.data: list[Buffer | None] = [None, None]
        self.closed = False
        self._held: dict[str, bool] = dict.fromkeys(("connection", *_DATA), False)

    # -- the filter's side ----------------------------------------------------------------------------------------

    def on_new_connection(self) -> bool:
        """Call `on_new_connection`, and return whether the connection continues."""
        if not self.vm.failed:
            self.vm.on_context_create(self, self.id, self.parent_id)
        continues = self._call("on_new_connection", self.id)
        self._held["connection"] = not continues
        return continues

    def on_data(self, source: int, data: Buffer, *, end: bool) -> bool:
        """Call the data callback of one side, and return whether the bytes continue to the next filter."""
        self.data[source] = data
        name = "on_upstream_data" if source == UPSTREAM else "on_downstream_data"
        continues = self._call(name, self.id, len(data), int(end))
        if continues:
            self.data[source] = None
        if source == UPSTREAM and end and not self.closed:
            vm = self.vm
            vm.notify(vm.callbacks["on_upstream_connection_close"], self, self.id, int(CloseType.UNKNOWN))
        self._held[_DATA[source]] = not continues
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
        """Call the close callback, `on_done`, `on_log` and `on_delete`. A second call does nothing."""
        if self.closed:
            return
        self.closed = True
        vm = self.vm
        vm.notify(vm.callbacks["on_downstream_connection_close"], self, self.id, int(close_type))
        vm.notify(vm.callbacks["on_done"], self, self.id)
        call_on_log(self, None, self.info, vm.callbacks["on_log"])
        vm.notify(vm.callbacks["on_delete"], self, self.id)
        self.leave()

    def disconnect(self) -> None:
        """Close the TCP connection."""
        self.stream.disconnect()

    def leave(self) -> None:
        """Drop the context without calling the module."""
        self.closed = True
        super().leave()

    @property
    def failure(self) -> Failure | None:
        """Failure of the VM, or None if the VM hasn't failed."""
        return self.vm.failure if self.vm.failed else None

    @property
    def paused(self) -> str:
        """What the filter holds back, such as `downstream data and upstream data`. Empty if it holds back nothing."""
        return " and ".join(name for name, held in self._held.items() if held)

    def resume(self) -> None:
        """Note that the filter no longer holds back the connection and the client's bytes. The upstream's bytes stay."""
        self._held["connection"] = self._held[_DATA[DOWNSTREAM]] = False

    # -- the guest's side -----------------------------------------------------------------------------------------

    def stream_buffer(self, kind: int) -> Buffer | None:
        """Return the bytes of the running callback or the bytes that the filter holds back. None for other buffers."""
        return self.data[_SOURCES[kind]] if kind in _SOURCES else None

    def continue_stream(self, kind: int) -> int:
        """Continue the connection after the callback. Return the status of the hostcall."""
        if kind == StreamType.DOWNSTREAM:
            self.vm.entry.after_call(lambda: self.stream.continue_filter(self))
        return super().continue_stream(kind)

    def close_stream(self, kind: int) -> int:
        """Close both sides of the connection after the callback. Return the status of the hostcall."""
        if kind in (StreamType.DOWNSTREAM, StreamType.UPSTREAM):
            self.vm.entry.after_call(self.stream.disconnect)
            return Status.OK
        return super().close_stream(kind)
