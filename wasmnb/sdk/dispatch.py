"""The dispatcher: from the proxy's callbacks, which are numbers, to the methods of the filter's objects.

The proxy's side (the app inside the Wasm module, or native mode) makes a `Dispatcher` from a binding, loads the source,
asks for the exports, and then calls one method a callback, named as in the ABI.

Facts that shape it: a trip into Python costs 2-3 us in Envoy, so streams are not announced one by one. Creates and
deletes are noted in a journal outside Python, which the dispatcher fetches when it meets a context that it does not
know. An exception is logged once, as the filter's own traceback, and then goes on up, so that the module traps.
"""

import struct
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, TypeVar

from ..abi import Action, BufferType, CloseType
from .aio import queue_ready
from .bodies import WHOLE
from .callbacks import HANDLERS
from .contexts import Context, PluginContext, VMContext
from .errors import FilterSourceError
from .exports import needed_exports
from .http import HttpContext
from .numbering import is_named, named
from .source import Source, load_source
from .tcp import TcpContext
from .vm import VM, set_current_vm
from .waiting import cancel, run_callback, run_in_background

__all__ = ["Dispatcher", "FilterSourceError"]

C = TypeVar("C", bound=Context)

#: In the journal, the parent of a context that was deleted.
_DELETED = 0xFFFFFFFF

_CONTINUE = Action.CONTINUE


class _Table(dict[int, C]):
    """Context objects by id, made when they are first needed."""

    def __init__(self, make: Callable[[int], C]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, context_id: int) -> C:
        context = self[context_id] = self._make(context_id)
        return context


class _AtLoad:
    """The hostcalls while the module loads: the proxy allows only `log` then, and stops the module for any other."""

    def __init__(self, abi: Any) -> None:
        self.log = abi.log

    def __getattr__(self, hostcall: str) -> NoReturn:
        raise RuntimeError(
            f"{hostcall} cannot be called while the module loads: the proxy allows only logging then. "
            "Do it in on_plugin_start of a PluginContext, or in a stream's callback."
        )


class Dispatcher:
    """One VM's filter.

    Parameters
    ----------
    binding
        One callable a hostcall, named without prefix. It takes the inputs (ints and bytes) and returns the status if
        the hostcall has no outputs, else a tuple of the status and the outputs. An optional `journal()` returns
        (context, parent) pairs of u32 noted since the last call; a parent of 0xFFFFFFFF is a delete.
    module_name
        Name of the module that the source becomes. VMs that share an interpreter need different ones.
    """

    def __init__(self, binding: Any, module_name: str = "wasmnb_filter") -> None:
        self._binding = binding
        self._module_name = module_name
        self._journal: Callable[[], bytes] | None = getattr(binding, "journal", None)
        self._parents: dict[int, int] = {}
        self._plugins: _Table[PluginContext] = _Table(self._make_plugin)
        self._http: _Table[HttpContext] = _Table(lambda i: self._make_stream("http", i))
        self._tcp: _Table[TcpContext] = _Table(lambda i: self._make_stream("tcp", i))
        self._source: Source | None = None
        self.vm = VM(binding)

    # -- loading

    def load(self, source: str, filename: str = "<filter>", first_line: int = 1) -> None:
        """Run a source and find its classes.

        Raises whatever the source raises (logged as a traceback first), or `FilterSourceError` if it is no filter.
        """
        from . import names

        self.activate()
        self.vm.abi = _AtLoad(self._binding)
        try:
            self._source = load_source(source, filename, first_line, self._module_name, names())
            self.vm.classes = self._source.classes
            self.vm.context = self._make_vm(self._source.classes["vm"])
        except BaseException as error:
            self.vm.report(error)
            raise
        finally:
            self.vm.abi = self._binding

    def exports(self) -> list[str]:
        """Export names of the callbacks that the filter needs; any other need not be called."""
        if self._source is None:
            raise RuntimeError("no source has been loaded")
        return needed_exports(self._source)

    def activate(self) -> None:
        """Make this the VM that `print`, logging and module-level objects mean; needed where VMs share an interpreter."""
        set_current_vm(self.vm)

    # -- contexts

    def sync(self, journal: bytes) -> None:
        """Apply notes of created and deleted contexts."""
        for context_id, parent_id in struct.iter_unpack("<II", journal):
            if parent_id == _DELETED:
                self._forget(context_id)
            else:
                self._parents[context_id] = parent_id

    def _forget(self, context_id: int) -> Context | None:
        self._parents.pop(context_id, None)
        self.vm.tickers.pop(context_id, None)
        tables: tuple[dict[int, Any], ...] = (self._http, self._tcp, self._plugins)
        return next((t.pop(context_id) for t in tables if context_id in t), None)

    def _parent(self, context_id: int) -> int:
        if context_id not in self._parents and self._journal is not None:
            self.sync(self._journal())
        if context_id not in self._parents:
            raise RuntimeError(f"the proxy called a callback on context {context_id}, which it never created")
        return self._parents[context_id]

    def _make_vm(self, cls: type[VMContext]) -> VMContext:
        return self._build(cls, 0)

    def _make_plugin(self, context_id: int) -> PluginContext:
        cls, vm = self.vm.classes["plugin"], self.vm.context
        assert vm is not None
        if type(vm).new_plugin_context is VMContext.new_plugin_context:
            plugin: PluginContext = self._build(cls, context_id, vm=vm)
        else:
            plugin = self._made_by_author(vm.new_plugin_context(context_id), PluginContext, vm, "new_plugin_context")
            self._adopt(plugin, context_id, vm=vm)
        return plugin

    def _make_stream(self, kind: str, context_id: int) -> Any:
        plugin = self._plugins[self._parent(context_id)]
        base, name = (HttpContext, "new_http_context") if kind == "http" else (TcpContext, "new_tcp_context")
        if getattr(type(plugin), name) is getattr(PluginContext, name):
            return self._build(self.vm.classes[kind], context_id, plugin=plugin)
        self.vm.active = None
        context = getattr(plugin, name)(context_id)
        # None: the author lets this stream pass, which is what the base class does.
        context = base() if context is None else self._made_by_author(context, base, plugin, name)
        self._adopt(context, context_id, plugin=plugin)
        if self.vm.active is not None:  # the author's method acted on the plugin; back to the stream
            self.vm.switch(context)
        return context

    def _build(self, cls: type[C], context_id: int, **links: Context) -> C:
        """Make a context that has its links before its own `__init__` runs."""
        context = cls.__new__(cls)
        self._adopt(context, context_id, **links)
        if cls.__init__ is not object.__init__:
            self.vm.active = context
            cls.__init__(context)
        return context

    def _adopt(self, context: Context, context_id: int, **links: Context) -> None:
        context._vm = self.vm
        context.context_id = context_id
        context.__dict__.update(links)

    def _made_by_author(self, made: Any, base: type[C], maker: Context, method: str) -> C:
        if not isinstance(made, base):
            raise TypeError(f"{type(maker).__name__}.{method} returned {made!r}; it has to return a {base.__name__}")
        return made

    # -- results and failures

    def _stopped(self, context: Any, method: str, result: Any, end_of_stream: Any = False) -> int:
        """What to tell the proxy when a stream's callback returned something other than CONTINUE."""
        if isinstance(result, Coroutine):
            return run_callback(
                self.vm, context, method, result, end_of_stream=bool(end_of_stream), check=self._stopped
            )
        if result is None:
            return 0
        allowed = HANDLERS["tcp" if isinstance(context, TcpContext) else "http", method].returns
        if type(result) in allowed or (type(result) is int and any(is_named(enum, result) for enum in allowed)):
            if result:
                context._paused(method)
            return int(result)
        raise TypeError(_nonsense(context, method, result, " or ".join(f"a member of {e.__name__}" for e in allowed)))

    def _background(self, plugin: PluginContext, method: str, result: Any) -> None:
        """A plugin's callback returned something: a coroutine runs on beside whatever comes; nothing else makes sense."""
        if isinstance(result, Coroutine):
            run_in_background(self.vm, plugin, result)
        elif not isinstance(result, bool | int):
            raise TypeError(_nonsense(plugin, method, result, "nothing else"))

    def _verdict(self, context: Context, method: str, result: Any) -> int:
        """What to tell the proxy when a callback answers yes or no; nothing means yes."""
        if result is None or result is True:
            return 1
        if result is False:
            return 0
        raise TypeError(_nonsense(context, method, result, "True or False"))

    # -- callbacks: life cycle

    def on_context_create(self, context_id: int, parent_context_id: int) -> None:
        """A context begins; for proxies that call this rather than keep a journal."""
        self._parents[context_id] = parent_context_id

    def on_vm_start(self, root_context_id: int, vm_configuration_size: int) -> int:
        """The VM starts (once for every plugin)."""
        try:
            vm = self.vm
            assert vm.context is not None
            vm.context.context_id = root_context_id
            vm.active = vm.context
            return self._verdict(vm.context, "on_vm_start", vm.context.on_vm_start(vm_configuration_size))
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_configure(self, root_context_id: int, plugin_configuration_size: int) -> int:
        """A plugin starts: keep its configuration, which cannot be had later."""
        try:
            self.vm.active = plugin = self._plugins[root_context_id]
            if plugin_configuration_size:
                buffer = int(BufferType.PLUGIN_CONFIGURATION)
                plugin.configuration = self.vm.call("get_buffer_bytes", buffer, 0, WHOLE)
            result = plugin.on_plugin_start(plugin_configuration_size)
            if isinstance(result, Coroutine):
                task = run_in_background(self.vm, plugin, result)
                result = task.value if task.ended else None
            return self._verdict(plugin, "on_plugin_start", result)
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_done(self, context_id: int) -> int:
        """A context is about to end; only a plugin may put it off."""
        try:
            if context_id not in self._plugins:
                return 1
            self.vm.active = plugin = self._plugins[context_id]
            return self._verdict(plugin, "on_plugin_done", plugin.on_plugin_done())
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_log(self, context_id: int) -> None:
        """A stream is over, or a plugin that is an access logger is told of one."""
        try:
            if context_id in self._plugins:
                self.vm.active = plugin = self._plugins[context_id]
                plugin.on_log()
            elif context_id in self._tcp or self.vm.classes["http"] is HttpContext:
                self.vm.active = connection = self._tcp[context_id]
                connection.on_stream_done()
            else:
                self.vm.active = stream = self._http[context_id]
                stream._over = True
                stream.on_http_stream_done()
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_delete(self, context_id: int) -> None:
        """A context has ended."""
        try:
            if self._journal is not None:
                self.sync(self._journal())
            context: Any = self._forget(context_id)
            if context is not None:  # one that never had a callback was never made
                self.vm.active = context
                context._over = True
                cancel(context)
                context.on_delete()
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_foreign_function(self, context_id: int, function_id: int, arguments_size: int) -> None:
        """The proxy calls the filter by number."""
        try:
            tables: tuple[dict[int, Any], ...] = (self._plugins, self._http, self._tcp)
            table = next((t for t in tables if context_id in t), self._plugins)
            self.vm.active = context = table[context_id]
            context.on_foreign_function(function_id, arguments_size)
        except BaseException as error:
            self.vm.report(error)
            raise

    # -- callbacks: the plugin's events

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
        self._grpc(root_context_id, token, "initial_metadata")

    def on_grpc_receive(self, root_context_id: int, token: int, message_size: int) -> None:  # noqa: ARG002
        """A gRPC message."""
        self._grpc(root_context_id, token, "received")

    def on_grpc_receive_trailing_metadata(self, root_context_id: int, token: int, num_trailers: int) -> None:  # noqa: ARG002
        """A gRPC stream's trailers."""
        self._grpc(root_context_id, token, "trailing_metadata")

    def on_grpc_close(self, root_context_id: int, token: int, status: int) -> None:
        """A gRPC call or stream is over."""
        self._grpc(root_context_id, token, "closed", status)

    def _grpc(self, root_context_id: int, token: int, event: str, *args: int) -> None:
        try:
            call = self.vm.grpc_calls.get(token)
            self.vm.active = self._plugins[root_context_id]
            if call is None:
                return
            if self.vm.enter(call.context):
                getattr(call, event)(*args)
            elif event != "initial_metadata":  # who asked is gone: nobody will end the call
                self.vm.grpc_calls.pop(token)
        except BaseException as error:
            self.vm.report(error)
            raise

    # -- callbacks: HTTP streams; written out, since they are what every request pays for

    def on_request_headers(self, context_id: int, num_headers: int, end_of_stream: int) -> int:
        """Request headers."""
        try:
            self.vm.active = context = self._http[context_id]
            result = context.on_http_request_headers(num_headers, end_of_stream != 0)
            if result is None or result is _CONTINUE:
                return 0
            return self._stopped(context, "on_http_request_headers", result, end_of_stream)
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_request_body(self, context_id: int, body_size: int, end_of_stream: int) -> int:
        """A chunk of the request body."""
        try:
            self.vm.active = context = self._http[context_id]
            result = context.on_http_request_body(body_size, end_of_stream != 0)
            if result is None or result is _CONTINUE:
                return 0
            return self._stopped(context, "on_http_request_body", result, end_of_stream)
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_request_trailers(self, context_id: int, num_trailers: int) -> int:
        """Request trailers."""
        try:
            self.vm.active = context = self._http[context_id]
            result = context.on_http_request_trailers(num_trailers)
            if result is None or result is _CONTINUE:
                return 0
            return self._stopped(context, "on_http_request_trailers", result, True)
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_request_metadata(self, context_id: int, num_elements: int) -> int:
        """HTTP/2 metadata of the request."""
        try:
            self.vm.active = context = self._http[context_id]
            context.on_http_request_metadata(num_elements)
        except BaseException as error:
            self.vm.report(error)
            raise
        return 0

    def on_response_headers(self, context_id: int, num_headers: int, end_of_stream: int) -> int:
        """Response headers."""
        try:
            self.vm.active = context = self._http[context_id]
            result = context.on_http_response_headers(num_headers, end_of_stream != 0)
            if result is None or result is _CONTINUE:
                return 0
            return self._stopped(context, "on_http_response_headers", result, end_of_stream)
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_response_body(self, context_id: int, body_size: int, end_of_stream: int) -> int:
        """A chunk of the response body."""
        try:
            self.vm.active = context = self._http[context_id]
            result = context.on_http_response_body(body_size, end_of_stream != 0)
            if result is None or result is _CONTINUE:
                return 0
            return self._stopped(context, "on_http_response_body", result, end_of_stream)
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_response_trailers(self, context_id: int, num_trailers: int) -> int:
        """Response trailers."""
        try:
            self.vm.active = context = self._http[context_id]
            result = context.on_http_response_trailers(num_trailers)
            if result is None or result is _CONTINUE:
                return 0
            return self._stopped(context, "on_http_response_trailers", result, True)
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_response_metadata(self, context_id: int, num_elements: int) -> int:
        """HTTP/2 metadata of the response."""
        try:
            self.vm.active = context = self._http[context_id]
            context.on_http_response_metadata(num_elements)
        except BaseException as error:
            self.vm.report(error)
            raise
        return 0

    # -- callbacks: TCP connections

    def on_new_connection(self, context_id: int) -> int:
        """A connection begins."""
        return self._connection(context_id, "on_new_connection")

    def on_downstream_data(self, context_id: int, data_size: int, end_of_stream: int) -> int:
        """Bytes from the client."""
        return self._connection(context_id, "on_downstream_data", data_size, end_of_stream != 0)

    def on_upstream_data(self, context_id: int, data_size: int, end_of_stream: int) -> int:
        """Bytes from the upstream."""
        return self._connection(context_id, "on_upstream_data", data_size, end_of_stream != 0)

    def on_downstream_connection_close(self, context_id: int, close_type: int) -> None:
        """The client's side is closed."""
        self._connection(context_id, "on_downstream_close", named(CloseType, close_type, CloseType.UNKNOWN))

    def on_upstream_connection_close(self, context_id: int, close_type: int) -> None:
        """The upstream's side is closed."""
        self._connection(context_id, "on_upstream_close", named(CloseType, close_type, CloseType.UNKNOWN))

    def _connection(self, context_id: int, method: str, *args: Any) -> int:
        try:
            self.vm.active = context = self._tcp[context_id]
            result = getattr(context, method)(*args)
            if result is None or result is _CONTINUE:
                return 0
            return self._stopped(context, method, result, args[-1] if args else False)
        except BaseException as error:
            self.vm.report(error)
            raise


def _nonsense(context: Context, method: str, result: Any, allowed: str) -> str:
    cls = type(context)
    line = getattr(cls, method).__code__.co_firstlineno
    return (
        f"{cls.__name__}.{method} (line {line}) returned {result!r}; it may return nothing (which means "
        f"{'True' if allowed.startswith('True') else 'continue'}) or {allowed}"
    )
