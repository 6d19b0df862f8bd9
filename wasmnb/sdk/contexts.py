"""What all contexts share, and the two that are not streams: VMContext and PluginContext.

Facts: a VM has one VMContext (id 0) and a PluginContext (the ABI's root context) for every plugin configuration that
shares it; `on_vm_start` runs once for each of those. Streams belong to a plugin. Context objects are made by the
dispatcher, late: when the first callback that the filter wants arrives.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ..abi import BufferType, LogLevel
from .callouts.grpc import GrpcCall, GrpcResponse
from .callouts.grpc_streams import GrpcStream
from .callouts.http import HttpCall, HttpCallResponse, milliseconds, request_pairs
from .config.json_config import JsonConfig
from .logs import log
from .messages.bodies import WHOLE, json_message
from .messages.encoding import PairsLike, Text, Value, encode
from .messages.properties import Properties
from .shared import SharedData, shared_data
from .vm import VM

if TYPE_CHECKING:
    from .http import HttpContext
    from .tcp import TcpContext

__all__ = ["Context", "PluginContext", "VMContext"]


class Context:
    """Base of all contexts. Not for deriving from: use VMContext, PluginContext, HttpContext or TcpContext.

    Attributes
    ----------
    context_id
        The proxy's number for it, unique in its VM.
    """

    # Set by the dispatcher before `__init__` runs, so that a filter's `__init__` need not call this class's.
    _vm: VM
    context_id: int = 0

    def log(self, level: LogLevel, message: object, *args: object) -> None:
        """Write a line to the proxy's log; `args`, if any, fill the message's %-placeholders."""
        log(level, message, *args)

    @property
    def shared_data(self) -> SharedData:
        """Data that all workers share, as a mapping."""
        return shared_data

    @property
    def properties(self) -> Properties:
        """Attributes of the stream and the node: `self.properties.source.address`."""
        return Properties(self)

    def get_property(self, *path: Text) -> bytes | None:
        """The bytes of a property, or None if it is not there: `self.get_property("source", "address")`."""
        return self.properties.get_raw(*path)

    def set_property(self, key: str, value: Value) -> None:
        """Store a value in the stream's filter state, for the other filters of this stream."""
        self.properties[key] = value

    def http_call(
        self,
        cluster: Text,
        *,
        method: Text = "GET",
        path: Text = "/",
        authority: Text | None = None,
        headers: PairsLike = (),
        body: Value = b"",
        json: Any = None,
        trailers: PairsLike = (),
        timeout: float | None = 5.0,
        callback: Callable[[HttpCallResponse], object] | None = None,
    ) -> HttpCall:
        """Send a request to a cluster.

        Parameters
        ----------
        cluster
            Name of a cluster of the proxy's configuration.
        authority
            Host to ask for; the cluster's name if not given.
        json
            Sent as the body, with its content type.
        timeout
            Seconds; None waits for ever.
        callback
            Called with the response, on this context, unless its stream is over by then. Without one, await the
            result in an `async def` callback.

        Raises
        ------
        BadArgument
            The cluster is unknown, or the headers do not make a request.
        CalloutNotStarted
            No endpoint of the cluster is up; no callback follows.
        """
        self._vm.switch(self)
        if json is not None:
            body, headers = json_message(json, body, headers)
        pairs = request_pairs(method, path, cluster if authority is None else authority, headers)
        return HttpCall.start(
            self._vm,
            self,
            cluster,
            pairs,
            body=body,
            trailers=trailers,
            timeout_ms=milliseconds(timeout),
            callback=callback,
        )

    def grpc_call(
        self,
        cluster: Text,
        service: Text,
        method: Text,
        message: Value = b"",
        *,
        metadata: PairsLike = (),
        timeout: float | None = 5.0,
        callback: Callable[[GrpcResponse], object] | None = None,
    ) -> GrpcCall:
        """Make a unary gRPC call; the message and the answer are serialised protobuf.

        `service` is the full name (`package.Service`); `timeout` is in seconds. Raises `ParseFailure` for an unknown
        cluster, `CalloutNotStarted` if no endpoint of it is up.
        """
        self._vm.switch(self)
        target = (cluster, service, method)
        return GrpcCall.start(
            self._vm,
            self,
            target,
            message,
            metadata=metadata,
            timeout_ms=milliseconds(timeout),
            callback=callback,
        )

    def grpc_stream(self, cluster: Text, service: Text, method: Text, *, metadata: PairsLike = ()) -> GrpcStream:
        """Open a gRPC stream; set `on_message` and `on_close` on the result. Raises as `grpc_call` does."""
        self._vm.switch(self)
        return GrpcStream.start(self._vm, self, (cluster, service, method), metadata)

    def call_foreign_function(self, name: Text, arguments: Value = b"") -> bytes:
        """Call a function that the proxy's build offers by name, such as `compress`; `NotFound` if there is none."""
        self._vm.switch(self)
        return self._vm.call(  # type: ignore[no-any-return]
            "call_foreign_function", encode(name), encode(arguments), about=repr(name)
        )

    def on_foreign_function(self, function_id: int, arguments_size: int) -> None:
        """The proxy calls the filter by a number that both know."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.context_id}>"


class VMContext(Context):
    """The VM itself: write one only if starting the VM needs code of its own."""

    #: The VM configuration as JSON; an empty dict if there is none, `ConfigurationError` if it is not JSON.
    config: Any = JsonConfig("the VM configuration")

    @property
    def configuration(self) -> bytes:
        """The VM configuration as it came."""
        return self._vm.call(  # type: ignore[no-any-return]
            "get_buffer_bytes", int(BufferType.VM_CONFIGURATION), 0, WHOLE
        )

    def on_vm_start(self, vm_configuration_size: int) -> bool | None:
        """The VM starts, once for every plugin in it. Return False to refuse."""

    def new_plugin_context(self, context_id: int) -> "PluginContext":  # noqa: ARG002
        """Make the context of a plugin; the default makes the filter's own PluginContext."""
        made: PluginContext = self._vm.classes["plugin"]()
        return made


class PluginContext(Context):
    """One plugin configuration in one VM: what a worker's streams have in common."""

    #: The plugin configuration as it came.
    configuration: bytes = b""

    #: The plugin configuration as JSON; an empty dict if there is none, `ConfigurationError` if it is not JSON.
    config: Any = JsonConfig("the plugin configuration")

    #: The VM that the plugin runs in.
    vm: VMContext

    #: The filter's own tick period, in milliseconds.
    _tick_period = 0

    def on_plugin_start(self, plugin_configuration_size: int) -> bool | Awaitable[bool | None] | None:
        """The plugin starts; `self.configuration` and `self.config` are there. Return False to refuse."""

    def on_plugin_done(self) -> bool | None:
        """The plugin is about to end. Return False to put it off until `self.done()`."""

    def on_tick(self) -> Awaitable[None] | None:
        """The period given to `set_tick_period` is over."""

    def on_queue_ready(self, queue_id: int) -> Awaitable[None] | None:
        """A queue that this plugin registered has a new item (another VM may have taken it already)."""

    def on_log(self) -> None:
        """A request is over, and this plugin is an access logger (not an HTTP filter)."""

    def on_delete(self) -> None:
        """The plugin has ended."""

    def new_http_context(self, context_id: int) -> "HttpContext | None":  # noqa: ARG002
        """Make the context of an HTTP stream (None: the stream passes untouched). The default makes the filter's own."""
        made: HttpContext = self._vm.classes["http"]()
        return made

    def new_tcp_context(self, context_id: int) -> "TcpContext | None":  # noqa: ARG002
        """Make the context of a connection (None: it passes untouched). The default makes the filter's own."""
        made: TcpContext = self._vm.classes["tcp"]()
        return made

    def set_tick_period(self, seconds: float) -> None:
        """Have `on_tick` called every `seconds` (at least a millisecond); 0 stops it."""
        self._tick_period = milliseconds(seconds) if seconds else 0
        self._vm.enter_plugin(self)
        ticker = self._vm.tickers.get(self.context_id)
        if ticker is not None:  # timers share the tick
            ticker.set_own(self._tick_period)
        else:
            self._vm.call("set_tick_period_milliseconds", self._tick_period, about=str(self._tick_period))

    def done(self) -> None:
        """End a plugin whose `on_plugin_done` returned False."""
        self._vm.switch(self)
        self._vm.call("done")
