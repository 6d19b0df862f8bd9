"""TcpContext: one TCP connection.

Facts: "downstream data" goes from the client to the upstream, "upstream data" the other way. If a callback holds
data back, the next callback sees it again, followed by the new data, and can read and change all of it.
"""

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from ..abi import Action, CloseType, StreamType
from .contexts import Context, PluginContext
from .messages.bodies import Body
from .messages.encoding import Value
from .messages.views import PluginConfig

if TYPE_CHECKING:
    TcpResult = Action | None | Awaitable[Action | None]

__all__ = ["TcpContext"]


class TcpContext(Context):
    """One TCP connection. A callback that returns None lets the data pass."""

    #: The plugin that the connection belongs to; its configuration is `self.plugin.config`.
    plugin: PluginContext

    #: The plugin's configuration: `self.plugin.config`.
    config: Any = PluginConfig()

    _paused_downstream = False

    def on_new_connection(self) -> "TcpResult":
        """Handle a new connection. A pause holds everything back until `continue_downstream`."""

    def on_downstream_data(self, data_size: int, end_of_stream: bool) -> "TcpResult":
        """Handle bytes from the client.

        Parameters
        ----------
        data_size
            Number of bytes that can be read, including bytes that were held back.
        end_of_stream
            Whether the client has closed its side.
        """

    def on_upstream_data(self, data_size: int, end_of_stream: bool) -> "TcpResult":
        """Handle bytes from the upstream.

        Parameters
        ----------
        data_size
            Number of bytes that can be read, including bytes that were held back.
        end_of_stream
            Whether the upstream has closed its side.
        """

    def on_downstream_close(self, close_type: CloseType) -> None:
        """Handle the close of the client's side, by the proxy (LOCAL) or by the client (REMOTE).

        Parameters
        ----------
        close_type
            `CloseType.LOCAL` or `CloseType.REMOTE`.
        """

    def on_upstream_close(self, close_type: CloseType) -> None:
        """Handle the close of the upstream's side. Envoy always reports `CloseType.UNKNOWN`."""

    def on_stream_done(self) -> None:
        """Handle the end of the connection."""

    def on_delete(self) -> None:
        """Clean up: the context has ended."""

    @property
    def downstream_data(self) -> Body:
        """Bytes from the client. Assigning to it replaces them."""
        self._vm.switch(self)
        return self._vm.messages.downstream_data

    @downstream_data.setter
    def downstream_data(self, data: Value) -> None:
        self.downstream_data.set(data)

    @property
    def upstream_data(self) -> Body:
        """Bytes from the upstream. Assigning to it replaces them."""
        self._vm.switch(self)
        return self._vm.messages.upstream_data

    @upstream_data.setter
    def upstream_data(self, data: Value) -> None:
        self.upstream_data.set(data)

    def continue_downstream(self) -> None:
        """Pass on the client's data that was held back. (Envoy can't do this for the upstream's data.)"""
        self._paused_downstream = False
        self._stream("continue_stream", StreamType.DOWNSTREAM)

    def close(self) -> None:
        """Close the connection to the client after the pending data has been sent."""
        self._stream("close_stream", StreamType.DOWNSTREAM)

    def _stream(self, hostcall: str, direction: StreamType) -> None:
        self._vm.switch(self)
        self._vm.call(hostcall, int(direction), about=direction.name)

    def _paused(self, method: str, _status: int = 1) -> None:
        """Record that a callback of this connection returned a stop."""
        self._paused_downstream = self._paused_downstream or method != "on_upstream_data"

    # -- for waiting callbacks

    def _is_held(self, _direction: str) -> bool:
        """Return whether the client's data is held back."""
        return self._paused_downstream

    def _let_go(self, _direction: str) -> None:
        """Record that a callback returned Continue."""
        self._paused_downstream = False

    def _fail(self, _method: str) -> None:
        """End the connection as Envoy ends one whose filter trapped."""
        self.close()
