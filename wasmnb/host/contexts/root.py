"""Root contexts, each of which represents a plugin in a VM with its configuration, ticks, queues and callouts.

In Envoy 1.40, `on_vm_start` is called once for every root context, even in a VM that has already started. The plugin
configuration can only be read in `on_configure`. A root context whose `on_done` returned 0 lives until `proxy_done`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ...abi import ON_MAIN_THREAD, Status
from ..vm.state import ZeroExtended
from .base import Context, Maps, call_on_log

if TYPE_CHECKING:
    from ..clock import Timer
    from ..clusters.cluster import Cluster
    from ..plugins.plugin import Plugin
    from ..vm.vm import Vm
    from .stream_info import StreamInfo

__all__ = ["PendingCallout", "RootContext"]


class PendingCallout(Protocol):
    """A callout whose response hasn't been delivered to the module.

    Attributes
    ----------
    token
        Number by which the module identifies the callout.
    exchange
        Number of the exchange that started the callout, or None.
    """

    token: int
    cluster: Cluster
    exchange: int | None

    def abandon(self) -> None:
        """Drop the callout without calling the module."""
        ...


class RootContext(Context):
    """The context of a plugin in a VM.

    Attributes
    ----------
    streams
        Live stream contexts of the plugin.
    calls
        Pending callouts by token.
    status
        Code and message for the hostcall `get_status`.
    done_deferred
        Whether `on_done` returned 0. The context then lives until `proxy_done`.
    expressions, expressions_made, expression_characters
        Compiled CEL expressions and the lengths of their texts, by token; the next token; and the sum of the lengths.
    """

    kind = "root"

    def __init__(self, vm: Vm, plugin: Plugin) -> None:
        super().__init__(vm, plugin, None, vm.contexts.new_id())
        self.streams: dict[int, Context] = {}
        self.calls: dict[int, PendingCallout] = {}
        self.status: tuple[int, bytes] = (0, b"")
        self.done_deferred = False
        self.closed = False
        self.expressions: dict[int, Any] = {}
        self.expressions_made = self.expression_characters = 0
        self._period = 0.0
        self._timer: Timer | None = None
        vm.contexts[self.id] = self

    @property
    def is_singleton(self) -> bool:
        """Whether the plugin is a service or stats sink that runs only on the main thread."""
        return self.plugin is not None and self.plugin.kind in ON_MAIN_THREAD

    # -- life -----------------------------------------------------------------------------------------------------

    def create(self) -> None:
        """Call `on_context_create`."""
        self.vm.on_context_create(self, self.id, 0)

    def start(self) -> bool:
        """Call `on_vm_start`, even if the VM has failed in the meantime, and return its result."""
        vm = self.vm
        return vm.query_anyway(vm.callbacks["on_vm_start"], self, self.id, len(vm.settings.configuration))

    def configure(self) -> bool:
        """Call `on_configure` and return its result. If the VM has failed, return True."""
        vm = self.vm
        assert self.plugin is not None
        if vm.failed:
            return True
        vm.buffers.plugin_configuration = self.plugin.config
        try:
            return vm.query(vm.callbacks["on_configure"], self, self.id, len(self.plugin.config))
        finally:
            vm.buffers.plugin_configuration = None

    def close(self) -> None:
        """Call `on_done`. If the module doesn't defer the end of the context, call `on_delete` as well."""
        if self.closed or self.done_deferred:
            return
        vm = self.vm
        if vm.query(vm.callbacks["on_done"], self, self.id):
            self.delete()
        elif not vm.failed:
            self.done_deferred = True

    def done(self) -> int:
        """End a context whose `on_done` returned 0. Return the status of the hostcall."""
        if not self.done_deferred:
            return Status.NOT_FOUND
        self.done_deferred = False
        self.vm.entry.after_call(self.delete)
        return Status.OK

    def delete(self) -> None:
        """Call `on_delete` and remove the context."""
        self.closed = True
        self.vm.notify(self.vm.callbacks["on_delete"], self, self.id)
        self.forget()

    def forget(self) -> None:
        """Cancel the timer and pending callouts without calling the module, and remove the context."""
        self.set_tick_period(0)
        for call in list(self.calls.values()):
            call.abandon()
        self.calls.clear()
        self.vm.contexts.pop(self.id, None)

    # -- ticks and queues -------------------------------------------------------------------------------------------

    def set_tick_period(self, milliseconds: int) -> None:
        """Start or change the timer for ticks, or stop it if the period is 0. The first tick occurs after a whole period."""
        self._period = milliseconds / 1000
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if milliseconds:
            self._arm()

    @property
    def tick_period(self) -> float:
        """Virtual seconds between two ticks, or 0 if there are no ticks."""
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
        """Call `on_tick` now."""
        self.vm.notify(self.vm.callbacks["on_tick"], self, self.id)

    def queue_ready(self, token: int) -> None:
        """Schedule `on_queue_ready` after an item was added to a queue whose receiver is this context."""
        vm = self.vm

        def ready() -> None:
            if not self.closed:
                vm.notify(vm.callbacks["on_queue_ready"], self, self.id, token)

        vm.clock.call_soon(vm.thread, ready)

    # -- access log and statistics ------------------------------------------------------------------------------------

    def log(self, maps: Maps, info: StreamInfo) -> None:
        """Call `on_log` of an access logger for a stream that has ended."""
        call_on_log(self, maps, info, self.vm.callbacks["on_log"])

    def update_stats(self, data: bytes, size: int) -> None:
        """Call `on_stats_update` of a stats sink with a snapshot of the statistics and with the size that Envoy reports."""
        vm = self.vm
        vm.buffers.call_data = ZeroExtended(data, size)
        try:
            vm.notify(vm.callbacks["on_stats_update"], self, self.id, size)
        finally:
            vm.buffers.call_data = b""
