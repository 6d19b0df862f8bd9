"""What all callbacks need: the contexts by id, made late, and the reading of what the filter's methods return."""

import struct
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from ..callbacks import HANDLERS
from ..contexts import Context, PluginContext, VMContext
from ..http import HttpContext
from ..numbering import is_named
from ..tcp import TcpContext
from ..vm import VM
from ..waiting import run_callback, run_in_background

__all__ = ["Core"]

C = TypeVar("C", bound=Context)

#: In the journal, the parent of a context that was deleted.
_DELETED = 0xFFFFFFFF

_entries = struct.Struct("<II").iter_unpack


class _Table(dict[int, C]):
    """Context objects by id, made when they are first needed."""

    def __init__(self, make: Callable[[int], C]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, context_id: int) -> C:
        context = self[context_id] = self._make(context_id)
        return context


class Core:
    """The contexts of one VM."""

    def __init__(self, binding: Any) -> None:
        self._journal: Callable[[], bytes] | None = getattr(binding, "journal", None)
        self._parents: dict[int, int] = {}
        self._ready: dict[int, tuple[type[HttpContext], PluginContext]] = {}
        self._plugins: _Table[PluginContext] = _Table(self._make_plugin)
        self._http: _Table[HttpContext] = _Table(self._make_http)
        self._tcp: _Table[TcpContext] = _Table(lambda i: self._make_stream("tcp", i))
        self.vm = VM(binding)

    # -- contexts

    def sync(self, journal: bytes) -> None:
        """Apply notes of created and deleted contexts. Every stream pays for this: hence no further calls for most."""
        parents, streams = self._parents, self._http
        for context_id, parent_id in _entries(journal):
            if parent_id != _DELETED:
                parents[context_id] = parent_id
            elif streams.pop(context_id, None) is None:
                self._forget(context_id)
            else:
                parents.pop(context_id, None)

    def _forget(self, context_id: int) -> Context | None:
        self._parents.pop(context_id, None)
        self._ready.pop(context_id, None)
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

    def _make_http(self, context_id: int) -> HttpContext:
        """An HTTP stream; for classes without an `__init__` of their own by the shortest way."""
        parent = self._parents.get(context_id) or self._parent(context_id)
        ready = self._ready.get(parent)
        if ready is None:
            context: HttpContext = self._make_stream("http", context_id)
            cls, plugin = type(context), context.plugin
            usual = cls is self.vm.classes["http"] and cls.__init__ is object.__init__
            if usual and type(plugin).new_http_context is PluginContext.new_http_context:
                self._ready[parent] = cls, plugin
            return context
        cls, plugin = ready
        context = cls.__new__(cls)
        context._vm = self.vm
        context.context_id = context_id
        context.plugin = plugin
        return context

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

    # -- results

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


def _nonsense(context: Context, method: str, result: Any, allowed: str) -> str:
    cls = type(context)
    line = getattr(cls, method).__code__.co_firstlineno
    return (
        f"{cls.__name__}.{method} (line {line}) returned {result!r}; it may return nothing (which means "
        f"{'True' if allowed.startswith('True') else 'continue'}) or {allowed}"
    )
