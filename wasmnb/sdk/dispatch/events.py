"""Dispatch of the callbacks for plugins: ticks, queue items, statistics, and the results of callouts."""

from ...abi import BufferType
from ...abi.stats_wire import read_stats
from .core import Core

__all__ = ["Events"]

#: Mark for `..diagnostics.hostcall_causes`, which searches the stack for the running callback.
RUNS_CALLBACKS = True


class Events(Core):
    """The dispatcher's methods for callbacks that the proxy calls on a plugin's context."""

    def on_tick(self, root_context_id: int) -> None:
        """Handle a tick: run all timers that are due, and call the filter's `on_tick` if its period has passed."""
        try:
            self.vm.active = plugin = self._plugins[root_context_id]
            ticker = self.vm.timers.by_plugin.get(root_context_id)
            if ticker is not None and not ticker.tick():
                return
            self.vm.enter(plugin)
            result = plugin.on_tick()
            if result is not None:
                self._background(plugin, "on_tick", result)
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_queue_ready(self, root_context_id: int, token: int) -> None:
        """Handle a new item in a queue: resume tasks that await it, then call the filter's `on_queue_ready`."""
        try:
            self.vm.active = plugin = self._plugins[root_context_id]
            if self.vm.queues:
                self.vm.queues.ready(token)
                self.vm.enter(plugin)
            result = plugin.on_queue_ready(token)
            if result is not None:
                self._background(plugin, "on_queue_ready", result)
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_stats_update(self, root_context_id: int, stats_size: int) -> None:  # noqa: ARG002 -- the size is meaningless
        """Parse a snapshot of Envoy's statistics, and pass it to the filter's `on_stats_update`."""
        try:
            self.vm.active = plugin = self._plugins[root_context_id]
            plugin.on_stats_update(read_stats(self._call_data))
        except BaseException as error:
            self.vm.report(error)
            raise

    def _call_data(self, start: int, length: int) -> bytes:
        return bytes(self.vm.call("get_buffer_bytes", int(BufferType.CALL_DATA), start, length) or b"")

    def on_http_call_response(
        self, root_context_id: int, token: int, num_headers: int, body_size: int, num_trailers: int
    ) -> None:
        """Deliver the response to an HTTP call, unless the context that made the call has ended."""
        try:
            vm = self.vm
            call = vm.callouts.http.pop(token, None)
            vm.active = self._plugins[root_context_id]
            if call is not None and vm.enter(call.context):
                call.deliver(num_headers, body_size, num_trailers)
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_grpc_receive_initial_metadata(self, root_context_id: int, token: int, num_headers: int) -> None:  # noqa: ARG002
        """Deliver the server's headers to the gRPC stream with this token."""
        self._grpc(root_context_id, token, "take_initial_metadata")

    def on_grpc_receive(self, root_context_id: int, token: int, message_size: int) -> None:  # noqa: ARG002
        """Deliver a message to the gRPC call or stream with this token."""
        self._grpc(root_context_id, token, "take_message")

    def on_grpc_receive_trailing_metadata(self, root_context_id: int, token: int, num_trailers: int) -> None:  # noqa: ARG002
        """Deliver the server's trailers to the gRPC stream with this token."""
        self._grpc(root_context_id, token, "take_trailing_metadata")

    def on_grpc_close(self, root_context_id: int, token: int, status: int) -> None:
        """End the gRPC call or stream with this token, with its gRPC status."""
        self._grpc(root_context_id, token, "take_status", status)

    def _grpc(self, root_context_id: int, token: int, event: str, *args: int) -> None:
        try:
            call = self.vm.callouts.grpc.get(token)
            self.vm.active = self._plugins[root_context_id]
            if call is None:
                return
            if self.vm.enter(call.context):
                getattr(call, event)(*args)
            elif event != "take_initial_metadata":  # the caller's context has ended, so the call must be removed here
                self.vm.callouts.grpc.pop(token)
        except BaseException as error:
            self.vm.report(error)
            raise
