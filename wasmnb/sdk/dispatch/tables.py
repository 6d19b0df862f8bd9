"""The contexts of one VM by id. A context is created when its first callback that the filter defines arrives.

The proxy reports the start and the end of every context, and each report would cost a call into Python. So they are
recorded in a journal outside of Python, which is fetched when an unknown context appears. Every request pays for making its
context, hence plain loops and few calls.
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

#: Parent in the journal that marks a deleted context.
_DELETED = 0xFFFFFFFF

_NOTES = struct.Struct("<II")

#: An id that no plugin has: ids are positive, and `claim` returns -1 for unknown streams.
_NO_PLUGIN = -2


class Contexts:
    """All contexts of a VM, and the plugins of streams whose context has not been made."""

    def __init__(
        self, vm: VM, journal: Callable[[], bytes] | None = None, claim: Callable[[int], int] | None = None
    ) -> None:
        self._journal = journal
        #: Context -> parent: 0 for plugins, the plugin for streams whose context has not been made.
        self.parents: dict[int, int] = {}
        self.plugins = Plugins(vm)
        new_http, new_tcp = PluginContext.new_http_context, PluginContext.new_tcp_context
        self.http: Streams[HttpContext] = Streams(vm, self, claim or _claim_nothing, "http", HttpContext, new_http)
        self.tcp: Streams[TcpContext] = Streams(vm, self, _claim_nothing, "tcp", TcpContext, new_tcp)
        self._vm = vm

    def sync(self, journal: bytes) -> None:
        """Apply a journal of created and deleted contexts."""
        parents, http = self.parents, self.http
        for context_id, parent_id in _NOTES.iter_unpack(journal):
            if parent_id != _DELETED:
                parents[context_id] = parent_id
            elif http.pop(context_id, None) is None:
                self.forget(context_id)

    def fetch(self) -> None:
        """Fetch and apply the journal, if the binding keeps one."""
        if self._journal is not None:
            self.sync(self._journal())

    def forget(self, context_id: int) -> Context | None:
        """Remove a context that has ended, and return its object; None if it was never made."""
        self.parents.pop(context_id, None)
        for streams in (self.http, self.tcp):
            if context_id in streams:
                return streams.pop(context_id)
        self._vm.timers.by_plugin.pop(context_id, None)
        self.http.forget_plugin()
        self.tcp.forget_plugin()
        return self.plugins.pop(context_id, None)

    def parent(self, context_id: int) -> int:
        """Return the id of the plugin that a stream without a context object belongs to."""
        parent = self.parents.pop(context_id, None)
        if parent is None:
            self.fetch()
            parent = self.parents.pop(context_id, None)
        if parent is None:
            raise RuntimeError(f"the proxy called a callback on context {context_id}, which it never created")
        return parent


class Plugins(dict[int, PluginContext]):
    """The contexts of plugins by id."""

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
    """The contexts of one kind of stream by id.

    A binding that can `claim` single streams also removes deleted streams from this dict.
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
        #: Removes a stream from the journal and returns its plugin's id; -1 if the stream is not there.
        self._claim = claim
        self._vm = vm
        self._contexts = contexts
        self._kind = kind
        self._base: type[S] = base
        self._maker = maker
        self._name = maker.__name__
        # Cached for `make`: the class of streams of this plugin.
        self._class: type[S] = base
        self._parent = _NO_PLUGIN
        self._plugin: Any = None

    def make(self, context_id: int) -> S:
        """Make the context of a new stream. Most often its plugin is the same as the last stream's."""
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
        """Make the context of a stream of another plugin, or with the author's own `__init__` or factory."""
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
        """Drop the cached plugin, which has ended."""
        self._parent, self._plugin = _NO_PLUGIN, None

    def _make_by_author(self, plugin: PluginContext, context_id: int) -> S:
        vm = self._vm
        vm.active = None
        stream: S | None = getattr(plugin, self._name)(context_id)
        if stream is None:  # the author ignores this stream, as the base class does
            stream = self._base()
        _check(stream, self._base, plugin, self._name)
        _link(vm, stream, context_id, "plugin", plugin)
        if vm.active is not None:  # the author's method acted on the plugin: back to the stream
            vm.switch(stream)
        return stream


def _claim_nothing(_context_id: int) -> int:
    return -1


def _new(vm: VM, cls: type[C], context_id: int, link: str, parent: Context) -> C:
    """Make a context whose links are set before its own `__init__` runs."""
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
        raise TypeError(f"{type(maker).__name__}.{method} returned {context!r}; it must return a {base.__name__}")
