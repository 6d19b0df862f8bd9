"""TcpContext: one TCP connection.

Facts: "downstream data" go from the client to the upstream, "upstream data" the other way. Data that a callback holds
back come again with the next ones, all of them readable and writable.
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
    """One TCP connection. A callback that returns nothing lets the data go on."""

    #: The plugin that the connection belongs to; its configuration is `self.plugin.config`.
    plugin: PluginContext

    #: The plugin's configuration: `self.plugin.config`.
    config: Any = PluginConfig()

    _held = False

    def on_new_connection(self) -> "TcpResult":
        """A client has connected; pausing holds everything back until `continue_downstream`."""

    def on_downstream_data(self, data_size: int, end_of_stream: bool) -> "TcpResult":
        """Bytes from the client are here."""

    def on_upstream_data(self, data_size: int, end_of_stream: bool) -> "TcpResult":
        """Bytes from the upstream are here."""

    def on_downstream_close(self, close_type: CloseType) -> None:
        """The client's side is closed, by the proxy (LOCAL) or the client (REMOTE)."""

    def on_upstream_close(self, close_type: CloseType) -> None:
        """The upstream's side is closed; Envoy always says UNKNOWN here."""

    def on_stream_done(self) -> None:
        """The connection is over."""

    def on_delete(self) -> None:
        """The context goes away."""

    @property
    def downstream_data(self) -> Body:
        """Bytes from the client; assigning replaces them."""
        self._vm.switch(self)
        return self._vm.downstream_data

    @downstream_data.setter
    def downstream_data(self, data: Value) -> None:
        self.downstream_data.set(data)

    @property
    def upstream_data(self) -> Body:
        """Bytes from the upstream; assigning replaces them."""
        self._vm.switch(self)
        return self._vm.upstream_data

    @upstream_data.setter
    def upstream_data(self, data: Value) -> None:
        self.upstream_data.set(data)

    def continue_downstream(self) -> None:
        """Let the client's data that were held back go on. (Envoy cannot continue the upstream's.)"""
        self._held = False
        self._stream("continue_stream", StreamType.DOWNSTREAM)

    def close(self) -> None:
        """Close the connection to the client, after what is on its way has been sent."""
        self._stream("close_stream", StreamType.DOWNSTREAM)

    def _stream(self, hostcall: str, direction: StreamType) -> None:
        self._vm.switch(self)
        self._vm.call(hostcall, int(direction), about=direction.name)

    def _paused(self, method: str) -> None:
        """A callback of this connection returned a stop."""
        self._held = self._held or method != "on_upstream_data"

    # -- for callbacks that wait

    def _is_held(self, _direction: str) -> bool:
        """Whether the client's data are held back."""
        return self._held

    def _let_go(self, _direction: str) -> None:
        """A callback returned so that the data go on."""
        self._held = False

    def _fail(self, _method: str) -> None:
        """End the connection as Envoy ends one whose filter trapped."""
        self.close()
