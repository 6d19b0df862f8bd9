"""The base class of all contexts, and the classes VMContext and PluginContext.

Every VM has one VMContext (id 0). It also has a PluginContext for each plugin configuration that runs in the VM; the ABI calls
this a root context. `on_vm_start` runs once for each plugin, and every stream belongs to one plugin. A context is created when
the proxy first calls one of its callbacks that the filter defines.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ..abi import BufferType, LogLevel
from ..abi.stats_wire import Stats
from .callouts.grpc import GrpcCall, GrpcMethod, GrpcResponse
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
    """Base class of all contexts. Filters derive from VMContext, PluginContext, HttpContext or TcpContext.

    Attributes
    ----------
    context_id
        Number that the proxy gave to the context, unique in its VM.
    """

    # Set by the dispatcher before `__init__` runs, so that a filter's `__init__` needn't call `super().__init__()`.
    _vm: VM
    context_id: int = 0

    #: Callbacks of this context that are waiting, or None if none has waited yet. They are cancelled when the context ends.
    _waits: ContextWaits | None = None

    def _own_plugin(self) -> "Context":
        """Return the plugin's context of a stream, or this context itself."""
        return self

    def _end(self) -> None:
        """Record that the proxy has reported the end of the context."""

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
        """Values shared by all workers with the same vm_id, as a mapping."""
        return shared_data

    @property
    def properties(self) -> Properties:
        """Attributes of the stream and of the Envoy node, for example `self.properties.source.address`."""
        return Properties(self)

    def get_property(self, *path: Text) -> bytes | None:
        """Return a property as bytes, for example `self.get_property("source", "address")`.

        Parameters
        ----------
        path
            Parts of the property's path.

        Returns
        -------
        bytes or None
            The property's bytes, or None if the stream doesn't have the property at this time.
        """
        return self.properties.get_raw(*path)

    def set_property(self, key: str, value: Value) -> None:
        """Store a value in the stream's filter state, where other filters of the stream can read it.

        Parameters
        ----------
        key
            Name of the property.
        value
            Text, bytes or an int. Ints are stored as text.
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
            Method (default "GET"), and path including the query (default "/").
        authority
            Value of the `:authority` header (default: the cluster's name).
        headers
            Additional headers, as a mapping or as pairs (default none). A pseudo-header overrides the argument for it.
        body
            Body of the request (default empty).
        json
            Value to send as JSON instead of `body`, with content-type application/json (default None: send `body`).
        trailers
            Trailers of the request, as a mapping or as pairs (default none).
        timeout
            Seconds to wait for the response (default 5); None for no timeout.
        callback
            Function that is called with the response, unless this context's stream has ended by then (default None: await
            the call in an `async def` callback instead).

        Raises
        ------
        BadArgument
            The cluster doesn't exist, or the headers are not valid for a request.
        CalloutNotStarted
            The cluster has no healthy endpoint. `callback` is not called.
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
            Function that is called with the response, unless this context's stream has ended by then (default None: await
            the call in an `async def` callback instead).

        Returns
        -------
        GrpcCall
            The call in progress. Await it to get the response, or cancel it.

        Raises
        ------
        ParseFailure
            The cluster doesn't exist.
        CalloutNotStarted
            The cluster has no healthy endpoint. `callback` is not called.
        """
        self._vm.switch(self)
        target = GrpcMethod(cluster, service, method)
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
            The open stream. Use it in an `async def` callback, or set its attributes `on_message` and `on_close` to functions.

        Raises
        ------
        ParseFailure
            The cluster doesn't exist.
        CalloutNotStarted
            The cluster has no healthy endpoint. `on_close` is not called.
        """
        self._vm.switch(self)
        return GrpcStream.start(self._vm, self, GrpcMethod(cluster, service, method), metadata)

    def call_foreign_function(self, name: Text, arguments: Value = b"") -> bytes:
        """Call a foreign function of the proxy.

        Parameters
        ----------
        name
            Name of the function, such as `compress`.
        arguments
            Serialised arguments, in the format that the function expects (default empty).

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
            "call_foreign_function", encode(name), encode(arguments), subject=repr(name)
        )

    def on_foreign_function(self, function_id: int, arguments_size: int) -> None:
        """Handle a foreign function call made by the proxy.

        Parameters
        ----------
        function_id
            Number of the function.
        arguments_size
            Size of the arguments in bytes. Read them from the buffer `BufferType.CALL_DATA`.
        """

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.context_id}>"


class VMContext(Context):
    """The context of a VM. Define a subclass only if your filter must run code when the VM starts."""

    #: The VM configuration, parsed as JSON (an empty dict if it is empty). Raises `ConfigurationError` if it is not JSON.
    config: Any = JsonConfig("the VM configuration")

    @property
    def configuration(self) -> bytes:
        """The VM configuration as bytes."""
        return self._vm.call(  # type: ignore[no-any-return]
            "get_buffer_bytes", int(BufferType.VM_CONFIGURATION), 0, WHOLE
        )

    def on_vm_start(self, vm_configuration_size: int) -> bool | None:
        """Handle the start of the VM. Called once for each plugin in the VM.

        Parameters
        ----------
        vm_configuration_size
            Number of bytes in `self.configuration`.

        Returns
        -------
        bool or None
            False refuses the configuration, and Envoy then refuses the plugin. Any other value accepts it.
        """

    def new_plugin_context(self, context_id: int) -> "PluginContext":  # noqa: ARG002
        """Create and return the context of a plugin. The default creates an instance of the filter's PluginContext class.

        Parameters
        ----------
        context_id
            Number that the proxy has given to the plugin.
        """
        plugin: PluginContext = self._vm.filter.classes["plugin"]()
        return plugin


class PluginContext(Context):
    """The context of one plugin configuration in one VM. Its attributes are shared by all streams of a worker."""

    #: The plugin configuration as bytes.
    configuration: bytes = b""

    #: The plugin configuration, parsed as JSON (an empty dict if it is empty). Raises `ConfigurationError` if it is not JSON.
    config: Any = JsonConfig("the plugin configuration")

    #: Context of the VM in which the plugin runs.
    vm: VMContext

    #: Tick period set by the filter, in milliseconds; 0 means no ticks.
    _tick_period = 0

    #: Whether the proxy can pause headers until their body has arrived. None means that this has not been determined yet.
    _pauses_headers: bool | None = None

    def on_plugin_start(self, plugin_configuration_size: int) -> bool | Awaitable[bool | None] | None:
        """Handle the start of the plugin. `self.config` is available.

        Parameters
        ----------
        plugin_configuration_size
            Number of bytes in `self.configuration`.

        Returns
        -------
        bool or None
            False refuses the configuration, and Envoy then refuses the plugin. Any other value accepts it.
        """

    def on_plugin_done(self) -> bool | None:
        """Handle the shutdown of the plugin.

        Returns
        -------
        bool or None
            False keeps the plugin running until you call `self.done()`. Any other value ends it now.
        """

    def on_tick(self) -> Awaitable[None] | None:
        """Handle a timer tick. Called once per period after `set_tick_period`.

        Returns
        -------
        Awaitable[None] | None
            None, or the coroutine of an `async def`.
        """

    def on_queue_ready(self, queue_id: int) -> Awaitable[None] | None:
        """Handle a new item in a queue that this plugin has registered. Another VM may already have removed the item.

        Parameters
        ----------
        queue_id
            Number of the queue, as in `Queue.id`.

        Returns
        -------
        Awaitable[None] | None
            None, or the coroutine of an `async def`.
        """

    def on_log(self) -> None:
        """Handle the end of a request. Called only if the plugin is configured as an access logger."""

    def on_stats_update(self, stats: Stats) -> None:
        """Handle a snapshot of Envoy's statistics. Called only if the plugin is configured as a stats sink.

        Parameters
        ----------
        stats
            The snapshot. `stats.counters` and `stats.gauges` are dicts by name.
        """

    def on_delete(self) -> None:
        """Clean up. This is the last callback of the plugin."""

    def new_http_context(self, context_id: int) -> "HttpContext | None":  # noqa: ARG002
        """Create the context of a new HTTP stream, or return None to ignore the stream.

        The default creates an instance of the filter's HttpContext class.

        Parameters
        ----------
        context_id
            Number that the proxy has given to the stream.
        """
        stream: HttpContext = self._vm.filter.classes["http"]()
        return stream

    def new_tcp_context(self, context_id: int) -> "TcpContext | None":  # noqa: ARG002
        """Create the context of a new TCP connection, or return None to ignore the connection.

        The default creates an instance of the filter's TcpContext class.

        Parameters
        ----------
        context_id
            Number that the proxy has given to the connection.
        """
        connection: TcpContext = self._vm.filter.classes["tcp"]()
        return connection

    def set_tick_period(self, seconds: float) -> None:
        """Set how often `on_tick` is called.

        Parameters
        ----------
        seconds
            Seconds between two ticks, rounded to milliseconds. The shortest period is 0.001, and 0 stops the ticks.
        """
        self._tick_period = milliseconds(seconds) if seconds else 0
        self._vm.enter_plugin(self)
        ticker = self._vm.timers.by_plugin.get(self.context_id)
        if ticker is not None:  # the SDK's timers use the same tick
            ticker.set_own_period(self._tick_period)
        else:
            self._vm.call("set_tick_period_milliseconds", self._tick_period, subject=str(self._tick_period))

    def done(self) -> None:
        """Let the plugin end, after its `on_plugin_done` has returned False."""
        self._vm.switch(self)
        self._vm.call("done")
