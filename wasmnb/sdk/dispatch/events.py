"""Callbacks of the plugin: ticks, queues, and the responses to callouts, which go to the context that made the call."""

from ...abi import BufferType
from ...abi.stats_wire import read_stats
from .core import Core

__all__ = ["Events"]


class Events(Core):
    """Callbacks that belong to a plugin rather than to a stream."""

    def on_tick(self, root_context_id: int) -> None:
        """Handle a tick: run the timers that are due, and the filter's method if its own period has passed."""
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
        """Handle a new item in a queue: first the tasks that wait for it, then the filter's method."""
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
        """Handle a snapshot of Envoy's statistics."""
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
        """Handle the response to an HTTP call, if the context that made it still exists."""
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
        """Handle the headers of a gRPC stream."""
        self._grpc(root_context_id, token, "take_initial_metadata")

    def on_grpc_receive(self, root_context_id: int, token: int, message_size: int) -> None:  # noqa: ARG002
        """Handle a gRPC message."""
        self._grpc(root_context_id, token, "take_message")

    def on_grpc_receive_trailing_metadata(self, root_context_id: int, token: int, num_trailers: int) -> None:  # noqa: ARG002
        """Handle the trailers of a gRPC stream."""
        self._grpc(root_context_id, token, "take_trailing_metadata")

    def on_grpc_close(self, root_context_id: int, token: int, status: int) -> None:
        """Handle the end of a gRPC call or stream."""
        self._grpc(root_context_id, token, "take_status", status)

    def _grpc(self, root_context_id: int, token: int, event: str, *args: int) -> None:
        try:
            call = self.vm.callouts.grpc.get(token)
            self.vm.active = self._plugins[root_context_id]
            if call is None:
                return
            if self.vm.enter(call.context):
                getattr(call, event)(*args)
            elif event != "take_initial_metadata":  # its context has ended, so nothing else ends the call
                self.vm.callouts.grpc.pop(token)
        except BaseException as error:
            self.vm.report(error)
            raise
