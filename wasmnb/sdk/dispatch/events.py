"""Callbacks of the plugin: ticks, queues, and the answers to callouts, which go on to the context that asked."""

from ..tasks.awaitables import queue_ready
from .core import Core

__all__ = ["Events"]


class Events(Core):
    """What comes to a plugin rather than to a stream."""

    def on_tick(self, root_context_id: int) -> None:
        """The tick period is over."""
        try:
            self.vm.active = plugin = self._plugins[root_context_id]
            ticker = self.vm.tickers.get(root_context_id)
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
        """A queue has an item."""
        try:
            self.vm.active = plugin = self._plugins[root_context_id]
            if self.vm.queue_waiters:
                queue_ready(self.vm, token)
                self.vm.enter(plugin)
            result = plugin.on_queue_ready(token)
            if result is not None:
                self._background(plugin, "on_queue_ready", result)
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_http_call_response(
        self, root_context_id: int, token: int, num_headers: int, body_size: int, num_trailers: int
    ) -> None:
        """The answer to an HTTP callout: for the context that made it, if it is still there."""
        try:
            call = self.vm.http_calls.pop(token, None)
            self.vm.active = self._plugins[root_context_id]
            if call is not None and self.vm.enter(call.context):
                call.deliver(num_headers, body_size, num_trailers)
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_grpc_receive_initial_metadata(self, root_context_id: int, token: int, num_headers: int) -> None:  # noqa: ARG002
        """A gRPC stream's headers."""
        self._grpc(root_context_id, token, "take_initial_metadata")

    def on_grpc_receive(self, root_context_id: int, token: int, message_size: int) -> None:  # noqa: ARG002
        """A gRPC message."""
        self._grpc(root_context_id, token, "take_message")

    def on_grpc_receive_trailing_metadata(self, root_context_id: int, token: int, num_trailers: int) -> None:  # noqa: ARG002
        """A gRPC stream's trailers."""
        self._grpc(root_context_id, token, "take_trailing_metadata")

    def on_grpc_close(self, root_context_id: int, token: int, status: int) -> None:
        """A gRPC call or stream is over."""
        self._grpc(root_context_id, token, "take_status", status)

    def _grpc(self, root_context_id: int, token: int, event: str, *args: int) -> None:
        try:
            call = self.vm.grpc_calls.get(token)
            self.vm.active = self._plugins[root_context_id]
            if call is None:
                return
            if self.vm.enter(call.context):
                getattr(call, event)(*args)
            elif event != "take_initial_metadata":  # who asked is gone: nobody will end the call
                self.vm.grpc_calls.pop(token)
        except BaseException as error:
            self.vm.report(error)
            raise
