"""Dispatch of the callbacks for TCP connections."""

from types import CoroutineType
from typing import Any

from ...abi import Action, CloseType
from ..numbering import member
from .core import Core

__all__ = ["Tcp"]

#: Mark for `..diagnostics.hostcall_causes`, which searches the stack for the running callback.
RUNS_CALLBACKS = True

_CONTINUE = Action.CONTINUE

#: Callbacks that are delayed while an `async def` callback of the connection waits. Envoy can't pause the upstream's data.
_DELAYED = ("on_downstream_data",)


class Tcp(Core):
    """The dispatcher's methods for connections and their data."""

    def on_new_connection(self, context_id: int) -> int:
        """Create the context of a new connection, and call the filter's `on_new_connection`."""
        return self._connection(context_id, "on_new_connection")

    def on_downstream_data(self, context_id: int, data_size: int, end_of_stream: int) -> int:
        """Call the filter's `on_downstream_data`."""
        return self._connection(context_id, "on_downstream_data", data_size, end_of_stream != 0)

    def on_upstream_data(self, context_id: int, data_size: int, end_of_stream: int) -> int:
        """Call the filter's `on_upstream_data`."""
        return self._connection(context_id, "on_upstream_data", data_size, end_of_stream != 0)

    def on_downstream_connection_close(self, context_id: int, close_type: int) -> None:
        """Call the filter's `on_downstream_close`."""
        self._connection(context_id, "on_downstream_close", member(CloseType, close_type, CloseType.UNKNOWN))

    def on_upstream_connection_close(self, context_id: int, close_type: int) -> None:
        """Call the filter's `on_upstream_close`."""
        self._connection(context_id, "on_upstream_close", member(CloseType, close_type, CloseType.UNKNOWN))

    def _connection(self, context_id: int, method: str, *args: Any) -> int:
        try:
            self.vm.active = context = self._tcp[context_id]
            if context._waits is None or method not in _DELAYED:
                result = getattr(context, method)(*args)
            else:
                result = context._waits.call(context, method, *args)
            if type(result) is CoroutineType:
                result = self._run(result, None)
            if result is None or result is _CONTINUE:
                return 0
            return self._stream_result(context, method, result, args[-1] if args else False)
        except BaseException as error:
            self.vm.report(error)
            raise
