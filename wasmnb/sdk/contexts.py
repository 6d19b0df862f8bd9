"""The base of all contexts, and the contexts that are not streams: VMContext and PluginContext.

Facts: a VM has one VMContext (id 0), and a PluginContext (the ABI's root context) for each plugin configuration that
shares it; `on_vm_start` runs once for each plugin. Streams belong to a plugin. The dispatcher creates a
context when the first callback for it that the filter defines arrives.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ..abi import BufferType, LogLevel
from ..abi.stats_wire import Stats
from .callouts.grpc import GrpcCall, GrpcResponse, Target
from .callouts.grpc_streams import GrpcStream
from .callouts.http import HttpCall, HttpCallResponse, milliseconds, request_pairs
from .config.json_config import JsonConfig
from .logs import log
from .messages.bodies import WHOLE, json_message
from .messages.encoding import PairsLike, Text, Value, encode
from .messages.properties import Properties
from .shared import SharedData, shared_data
from .tasks.context_waits import ContextWaits
from .vm import VM

if TYPE_CHECKING:
    from .http import HttpContext
    from .tcp import TcpContext

__all__ = ["Context", "PluginContext", "VMContext"]


class Context:
    """Base of all contexts. Derive from VMContext, PluginContext, HttpContext or TcpContext instead.

    Attributes
    ----------
    context_id
        The proxy's number for the context, unique in its VM.
    """

    # Set by the dispatcher before `__init__` runs, so that a filter's `__init__` need not call this class's.
    _vm: VM
    context_id: int = 0

    #: Waits of this context, which end with it; None before the first one.
    _waits: ContextWaits | None = None

    def log(self, level: LogLevel, message: object, *args: object) -> None:
        """Write a line to the proxy's log.

        Parameters
        ----------
        level
            Severity.
        message
            The line, or a format string with %-placeholders.
        args
            Values for the placeholders (default none).
        """
        log(level, message, *args)

    @property
    def shared_data(self) -> SharedData:
        """Data that all workers of this vm_id share, as a mapping."""
        return shared_data

    @property
    def properties(self) -> Properties:
        """Attributes of the stream and the node: `self.properties.source.address`."""
        return Properties(self)

    def get_property(self, *path: Text) -> bytes | None:
        """Return the bytes of a property: `self.get_property("source", "address")`.

        Parameters
        ----------
        path
            Parts of the property's path.

        Returns
        -------
        bytes or None
            None if the stream doesn't have the property now.
        """
        return self.properties.get_raw(*path)

    def set_property(self, key: str, value: Value) -> None:
        """Store a value in the stream's filter state, for the other filters of this stream.

        Parameters
        ----------
        key
            Name of the property.
        value
            Text, bytes or an int, which is stored as text.
        """
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
            Name of a cluster in the proxy's configuration.
        method, path
            Method (default "GET"), and path with the query (default "/").
        authority
            Host of the request (default: the cluster's name).
        headers
            Other headers, as a mapping or as pairs (default none). Pseudo-headers among them replace the arguments above.
        body
            Body of the request (default empty).
        json
            A value to send as JSON instead of `body`, with content-type application/json (default None: nothing).
        trailers
            Trailers of the request, as a mapping or as pairs (default none).
        timeout
            Seconds to wait for the response (default 5); None for no timeout.
        callback
            Called with the response, on this context, unless its stream has ended by then. Without a function (the
            default), await the call in an `async def` callback.

        Raises
        ------
        BadArgument
            The cluster doesn't exist, or the headers are not valid for a request.
        CalloutNotStarted
            The cluster has no healthy endpoint; no callback follows.
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
        """Make a unary gRPC call.

        Parameters
        ----------
        cluster
            Name of a cluster in the proxy's configuration.
        service
            Full name of the service: `package.Service`.
        method
            Name of the method.
        message
            The request, as serialised protobuf (default empty).
        metadata
            Metadata of the request, as a mapping or as pairs (default none).
        timeout
            Seconds to wait for the response (default 5); None for no timeout.
        callback
            Called with the response, on this context, unless its stream has ended by then. Without a function (the
            default), await the call in an `async def` callback.

        Returns
        -------
        GrpcCall
            The call in progress.

        Raises
        ------
        ParseFailure
            The cluster doesn't exist.
        CalloutNotStarted
            The cluster has no healthy endpoint; no callback follows.
        """
        self._vm.switch(self)
        target = Target(cluster, service, method)
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
        """Open a gRPC stream.

        Parameters
        ----------
        cluster
            Name of a cluster in the proxy's configuration.
        service, method
            Full name of the service (`package.Service`), and name of the method.
        metadata
            Metadata of the request, as a mapping or as pairs (default none).

        Returns
        -------
        GrpcStream
            The open stream. Use it in an `async def` callback, or set its `on_message` and `on_close`.

        Raises
        ------
        ParseFailure
            The cluster doesn't exist.
        CalloutNotStarted
            The cluster has no healthy endpoint; no callback follows.
        """
        self._vm.switch(self)
        return GrpcStream.start(self._vm, self, Target(cluster, service, method), metadata)

    def call_foreign_function(self, name: Text, arguments: Value = b"") -> bytes:
        """Call a foreign function of the proxy.

        Parameters
        ----------
        name
            Name of the function, such as `compress`.
        arguments
            Arguments, in the function's own format (default empty).

        Returns
        -------
        bytes
            The function's result.

        Raises
        ------
        NotFound
            The proxy doesn't have the function.
        """
        self._vm.switch(self)
        return self._vm.call(  # type: ignore[no-any-return]
            "call_foreign_function", encode(name), encode(arguments), about=repr(name)
        )

    def on_foreign_function(self, function_id: int, arguments_size: int) -> None:
        """Handle a call from the proxy to a function number; its arguments are the buffer `BufferType.CALL_DATA`."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.context_id}>"


class VMContext(Context):
    """The VM itself. Define a subclass only if you need code that runs when the VM starts."""

    #: The VM configuration as JSON; an empty dict if it is empty, `ConfigurationError` if it is not JSON.
    config: Any = JsonConfig("the VM configuration")

    @property
    def configuration(self) -> bytes:
        """The bytes of the VM configuration."""
        return self._vm.call(  # type: ignore[no-any-return]
            "get_buffer_bytes", int(BufferType.VM_CONFIGURATION), 0, WHOLE
        )

    def on_vm_start(self, vm_configuration_size: int) -> bool | None:
        """Handle the start of the VM, once for each plugin in it. Return False to refuse the configuration."""

    def new_plugin_context(self, context_id: int) -> "PluginContext":  # noqa: ARG002
        """Return the context of a plugin; the default makes the filter's PluginContext."""
        plugin: PluginContext = self._vm.filter.classes["plugin"]()
        return plugin


class PluginContext(Context):
    """One plugin configuration in one VM: the state that a worker's streams share."""

    #: The bytes of the plugin configuration.
    configuration: bytes = b""

    #: The plugin configuration as JSON; an empty dict if it is empty, `ConfigurationError` if it is not JSON.
    config: Any = JsonConfig("the plugin configuration")

    #: The VM that the plugin runs in.
    vm: VMContext

    #: The filter's own tick period, in milliseconds.
    _tick_period = 0

    #: Whether headers can be held until their body has arrived; None until it is needed for the first time.
    _holds_headers: bool | None = None

    def on_plugin_start(self, plugin_configuration_size: int) -> bool | Awaitable[bool | None] | None:
        """Handle the start of the plugin, with `self.config` set. Return False to refuse the configuration."""

    def on_plugin_done(self) -> bool | None:
        """Handle the coming end of the plugin. Return False to delay it until you call `self.done()`."""

    def on_tick(self) -> Awaitable[None] | None:
        """Handle a tick: the period that `set_tick_period` set has passed."""

    def on_queue_ready(self, queue_id: int) -> Awaitable[None] | None:
        """Handle a new item in a queue that this plugin registered (another VM may have taken it already)."""

    def on_log(self) -> None:
        """Handle the end of a request, if this plugin is an access logger."""

    def on_stats_update(self, stats: Stats) -> None:
        """Handle a snapshot of Envoy's statistics, if this plugin is a stats sink: `stats.counters`, `stats.gauges` by name."""

    def on_delete(self) -> None:
        """Clean up: the plugin has ended."""

    def new_http_context(self, context_id: int) -> "HttpContext | None":  # noqa: ARG002
        """Return the context of an HTTP stream; None to ignore the stream. The default makes the filter's HttpContext."""
        stream: HttpContext = self._vm.filter.classes["http"]()
        return stream

    def new_tcp_context(self, context_id: int) -> "TcpContext | None":  # noqa: ARG002
        """Return the context of a connection; None to ignore the connection. The default makes the filter's TcpContext."""
        connection: TcpContext = self._vm.filter.classes["tcp"]()
        return connection

    def set_tick_period(self, seconds: float) -> None:
        """Set the period of `on_tick`.

        Parameters
        ----------
        seconds
            Seconds between two ticks, rounded to milliseconds (at least 0.001); 0 stops the ticks.
        """
        self._tick_period = milliseconds(seconds) if seconds else 0
        self._vm.enter_plugin(self)
        ticker = self._vm.timers.by_plugin.get(self.context_id)
        if ticker is not None:  # timers share the tick
            ticker.set_own_period(self._tick_period)
        else:
            self._vm.call("set_tick_period_milliseconds", self._tick_period, about=str(self._tick_period))

    def done(self) -> None:
        """End a plugin whose `on_plugin_done` returned False."""
        self._vm.switch(self)
        self._vm.call("done")
