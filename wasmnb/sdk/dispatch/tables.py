"""Tables of a VM's contexts by id.

A context is created when the proxy first calls one of the callbacks that the filter defines for it.

The proxy reports the start and end of every context, and each report would cost a call into Python. Instead, the embedder
records them in a journal outside of Python, which is fetched when a callback is for an unknown context. Creating a context is
part of the cost of every request, so this code uses plain loops and makes few calls.
"""

import struct
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from ..contexts import Context, PluginContext, VMContext
from ..http import HttpContext
from ..tcp import TcpContext
from ..vm import VM

__all__ = ["Contexts", "Plugins", "Streams"]

C = TypeVar("C", bound=Context)
S = TypeVar("S", HttpContext, TcpContext)

#: Value of the parent in the journal if the context was deleted.
_DELETED = 0xFFFFFFFF

_NOTES = struct.Struct("<II")

#: An id that isn't used by any plugin. (Ids are positive, and `claim` returns -1 for unknown streams.)
_NO_PLUGIN = -2


class Contexts:
    """All contexts of a VM, and the parents of streams whose context has not been created yet."""

    def __init__(
        self, vm: VM, journal: Callable[[], bytes] | None = None, claim: Callable[[int], int] | None = None
    ) -> None:
        self._journal = journal
        #: Id of a plugin -> 0. Id of a stream whose context hasn't been created yet -> id of its plugin.
        self.parents: dict[int, int] = {}
        self.plugins = Plugins(vm)
        new_http, new_tcp = PluginContext.new_http_context, PluginContext.new_tcp_context
        self.http: Streams[HttpContext] = Streams(vm, self, claim or _claim_nothing, "http", HttpContext, new_http)
        self.tcp: Streams[TcpContext] = Streams(vm, self, _claim_nothing, "tcp", TcpContext, new_tcp)
        self._vm = vm

    def sync(self, journal: bytes) -> None:
        """Update these tables from a journal of created and deleted contexts."""
        parents, http = self.parents, self.http
        for context_id, parent_id in _NOTES.iter_unpack(journal):
            if parent_id != _DELETED:
                parents[context_id] = parent_id
            elif http.pop(context_id, None) is None:
                self.forget(context_id)

    def fetch(self) -> None:
        """Fetch the binding's journal, if it has one, and update these tables."""
        if self._journal is not None:
            self.sync(self._journal())

    def forget(self, context_id: int) -> Context | None:
        """Remove a context that has ended, and return its object, or None if no object was created."""
        self.parents.pop(context_id, None)
        for streams in (self.http, self.tcp):
            if context_id in streams:
                return streams.pop(context_id)
        self._vm.timers.by_plugin.pop(context_id, None)
        self.http.forget_plugin()
        self.tcp.forget_plugin()
        return self.plugins.pop(context_id, None)

    def parent(self, context_id: int) -> int:
        """Return the id of the plugin of a stream whose context object doesn't exist yet."""
        parent = self.parents.pop(context_id, None)
        if parent is None:
            self.fetch()
            parent = self.parents.pop(context_id, None)
        if parent is None:
            raise RuntimeError(
                f"the proxy called a callback for context {context_id}, which doesn't exist. Report this as a bug of the proxy."
            )
        return parent


class Plugins(dict[int, PluginContext]):
    """The PluginContexts of a VM by id. Looking up a missing context creates it."""

    def __init__(self, vm: VM) -> None:
        super().__init__()
        self._vm = vm

    def __missing__(self, context_id: int) -> PluginContext:
        vm, parent = self._vm, self._vm.filter.context
        if type(parent).new_plugin_context is VMContext.new_plugin_context:
            plugin: PluginContext = _new(vm, vm.filter.classes["plugin"], context_id, "vm", parent)
        else:
            plugin = parent.new_plugin_context(context_id)
            _check(plugin, PluginContext, parent, "new_plugin_context")
            _link(vm, plugin, context_id, "vm", parent)
        self[context_id] = plugin
        return plugin


class Streams(dict[int, S], Generic[S]):
    """The contexts of one kind of stream (HTTP or TCP) by id. Looking up a missing context creates it.

    A binding with the function `claim` also removes deleted streams from this dict.
    """

    def __init__(
        self,
        vm: VM,
        contexts: Contexts,
        claim: Callable[[int], int],
        kind: str,
        base: type[S],
        maker: Callable[..., Any],
    ) -> None:
        super().__init__()
        #: Function that removes a stream from the journal and returns its plugin's id, or -1 if the journal doesn't contain it.
        self._claim = claim
        self._vm = vm
        self._contexts = contexts
        self._kind = kind
        self._base: type[S] = base
        self._maker = maker
        self._name = maker.__name__
        # The plugin of the last stream and its class of streams, cached for `make`.
        self._class: type[S] = base
        self._parent = _NO_PLUGIN
        self._plugin: Any = None

    def make(self, context_id: int) -> S:
        """Create the context of a new stream. Uses cached values if the last stream had the same plugin."""
        parent = self._claim(context_id)
        if parent != self._parent:
            return self._make_uncached(context_id, parent)
        stream = self._class()
        stream._vm = self._vm
        stream.context_id = context_id
        stream.plugin = self._plugin
        self[context_id] = stream
        return stream

    __missing__ = make

    def _make_uncached(self, context_id: int, parent: int) -> S:
        """Create a context if the cache can't be used: for another plugin, or if the filter defines `__init__` or a factory."""
        vm, contexts = self._vm, self._contexts
        plugin = contexts.plugins[contexts.parent(context_id) if parent < 0 else parent]
        if getattr(type(plugin), self._name) is not self._maker:
            stream = self._make_by_author(plugin, context_id)
        else:
            cls = vm.filter.classes[self._kind]
            stream = _new(vm, cls, context_id, "plugin", plugin)
            if cls.__init__ is object.__init__ and cls.__new__ is object.__new__:
                self._class, self._parent, self._plugin = cls, plugin.context_id, plugin
        self[context_id] = stream
        return stream

    def forget_plugin(self) -> None:
        """Clear the cached plugin, because a plugin has ended."""
        self._parent, self._plugin = _NO_PLUGIN, None

    def _make_by_author(self, plugin: PluginContext, context_id: int) -> S:
        vm = self._vm
        vm.active = None
        stream: S | None = getattr(plugin, self._name)(context_id)
        if stream is None:  # the filter ignores this stream, so the base class, which does nothing, handles it
            stream = self._base()
        _check(stream, self._base, plugin, self._name)
        _link(vm, stream, context_id, "plugin", plugin)
        if vm.active is not None:  # the filter's factory has selected the plugin for hostcalls: select the stream again
            vm.switch(stream)
        return stream


def _claim_nothing(_context_id: int) -> int:
    return -1


def _new(vm: VM, cls: type[C], context_id: int, link: str, parent: Context) -> C:
    """Create a context whose references to its VM and parent are set before its `__init__` runs."""
    context = cls.__new__(cls)
    context._vm = vm
    context.context_id = context_id
    setattr(context, link, parent)
    if cls.__init__ is not object.__init__:
        vm.active = context
        cls.__init__(context)
    return context


def _link(vm: VM, context: Context, context_id: int, link: str, parent: Context) -> None:
    context._vm = vm
    context.context_id = context_id
    setattr(context, link, parent)


def _check(context: Any, base: type[Any], maker: Context, method: str) -> None:
    if not isinstance(context, base):
        raise TypeError(f"{type(maker).__name__}.{method} returned {context!r}, but must return a {base.__name__}")
