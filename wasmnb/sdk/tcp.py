"""The class TcpContext: callbacks, data and controls of one TCP connection.

"Downstream data" is the client's data for the upstream, and "upstream data" is the upstream's data for the client. If a
callback pauses, the proxy keeps the data. The next callback can then read and change both the old and the new data.
"""

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from ..abi import Action, CloseType, StreamType
from .contexts import Context, PluginContext
from .loading.callbacks import STREAM_HANDLERS
from .messages.bodies import Body
from .messages.encoding import Value
from .messages.views import PluginConfig

if TYPE_CHECKING:
    TcpResult = Action | None | Awaitable[Action | None]

__all__ = ["TcpContext"]


class TcpContext(Context):
    """One TCP connection. Data passes through when a callback returns None."""

    #: Context of the plugin that created this connection's context.
    plugin: PluginContext

    #: The plugin's configuration, the same as `self.plugin.config`.
    config: Any = PluginConfig()

    _paused_downstream = False

    def _own_plugin(self) -> PluginContext:
        """Return the context of the plugin to which this connection belongs."""
        return self.plugin

    def on_new_connection(self) -> "TcpResult":
        """Handle a new connection from a client. If you pause, the proxy keeps all data until `continue_downstream`.

        Returns
        -------
        Action or None
            None or `Action.CONTINUE` passes all data on. `Action.PAUSE` pauses all data until `continue_downstream`. An `async
            def` callback pauses all data while it waits, and its result is applied when it returns.
        """

    def on_downstream_data(self, data_size: int, end_of_stream: bool) -> "TcpResult":
        """Handle data from the client.

        Parameters
        ----------
        data_size
            Number of bytes in `self.downstream_data`, including those kept since a pause.
        end_of_stream
            Whether the client has closed its side.

        Returns
        -------
        Action or None
            None or `Action.CONTINUE` passes the data on. `Action.PAUSE` pauses the data until `continue_downstream`. An `async
            def` callback pauses the data while it waits, and its result is applied when it returns.
        """

    def on_upstream_data(self, data_size: int, end_of_stream: bool) -> "TcpResult":
        """Handle data from the upstream.

        Parameters
        ----------
        data_size
            Number of bytes in `self.upstream_data`, including those kept since a pause.
        end_of_stream
            Whether the upstream has closed its side.

        Returns
        -------
        Action or None
            None or `Action.CONTINUE` passes the data on. `Action.PAUSE` keeps the data: the next call receives it
            together with the new data.
        """

    def on_downstream_close(self, close_type: CloseType) -> None:
        """Handle the end of the connection between client and proxy.

        Parameters
        ----------
        close_type
            `CloseType.LOCAL` if the proxy closed the connection, `CloseType.REMOTE` if the client did.
        """

    def on_upstream_close(self, close_type: CloseType) -> None:
        """Handle the end of the connection between proxy and upstream.

        Parameters
        ----------
        close_type
            Always `CloseType.UNKNOWN` in Envoy.
        """

    def on_stream_done(self) -> None:
        """Handle the end of the connection, for example to log it."""

    def on_delete(self) -> None:
        """Clean up. This is the last callback of the connection."""

    @property
    def downstream_data(self) -> Body:
        """The client's data that the current callback can read. Assigning bytes or text replaces it."""
        self._vm.switch(self)
        return self._vm.messages.downstream_data

    @downstream_data.setter
    def downstream_data(self, data: Value) -> None:
        self.downstream_data.set(data)

    @property
    def upstream_data(self) -> Body:
        """The upstream's data that the current callback can read. Assigning bytes or text replaces it."""
        self._vm.switch(self)
        return self._vm.messages.upstream_data

    @upstream_data.setter
    def upstream_data(self, data: Value) -> None:
        self.upstream_data.set(data)

    def continue_downstream(self) -> None:
        """Send the client's data on to the upstream after a pause. (Envoy can't continue the upstream's data in this way.)"""
        self._paused_downstream = False
        self._stream("continue_stream", StreamType.DOWNSTREAM)

    def close(self) -> None:
        """Close the connection to the client after the pending data has been sent."""
        self._stream("close_stream", StreamType.DOWNSTREAM)

    def _stream(self, hostcall: str, direction: StreamType) -> None:
        self._vm.switch(self)
        self._vm.call(hostcall, int(direction), subject=direction.name)

    def _paused(self, method: str, _status: int = 1) -> None:
        """Record that a callback of this connection returned Pause."""
        self._paused_downstream = self._paused_downstream or STREAM_HANDLERS[method].direction != "upstream"

    # -- used by `async def` callbacks

    def _is_paused(self, _direction: str) -> bool:
        """Return whether the client's data is paused."""
        return self._paused_downstream

    def _continue(self, _direction: str) -> None:
        """Continue the client's data."""
        self.continue_downstream()

    def _continued(self, _direction: str) -> None:
        """Record that a callback of this connection returned Continue."""
        self._paused_downstream = False

    def _fail(self, _method: str) -> None:
        """Close the connection in the same way as Envoy does after a trap in the filter."""
        self.close()
