"""The context tree, with threads, their VMs, the plugin contexts of each VM, and the live streams of each plugin context."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..._display import Shown, visible
from ..contexts.root import RootContext

if TYPE_CHECKING:
    from ..components import ProxyComponents
    from ..contexts.base import Context
    from ..plugins.plugin import Plugin
    from ..vm.vm import Vm

__all__ = ["CreatedContexts", "TreeNode", "build_tree"]

#: Classes of the SDK by kind of stream context.
_STREAMS = {"http": "HttpContext", "tcp": "TcpContext"}

#: For each kind of plugin: the SDK's class of its stream contexts, their kind, and the object that each of them handles.
_CREATED = {"http": ("HttpContext", "http", "request"), "network": ("TcpContext", "tcp", "connection")}


@dataclass(frozen=True)
class CreatedContexts:
    """Stream contexts that a plugin context creates. `str()` returns a phrase such as `HttpContext Gate for each request`.

    Attributes
    ----------
    context, class_name
        Names of the SDK's class and of the filter's own class, as in `TreeNode`.
    event
        Object that each context handles: `request` or `connection`.
    """

    context: str
    class_name: str
    event: str

    def __str__(self) -> str:
        name = f"{self.context} {self.class_name}" if self.class_name else self.context
        return f"{name} for each {self.event}"


@dataclass
class TreeNode(Shown):
    """One node of the context tree. `str()` returns the node and all nodes below it as text.

    Attributes
    ----------
    kind
        Kind of node: `proxy`, `thread`, `vm`, `plugin` or `stream`.
    name, label
        Name of the node, and a short addition to the name, which can be empty.
    context
        Name of the SDK's context class, such as `HttpContext`. Empty for a proxy and its threads.
    class_name
        Name of the filter's own context class, such as `Gate`. Empty if the filter doesn't define a class, or if the module
        was built with another toolchain.
    state
        `running`, `paused`, `failed`, `closed`, `template` (a base VM), or `missing` (a plugin that refused to start).
    facts, counts
        Further information about the node, and numbers such as the number of live streams, both by label. The fact `creates`
        of a plugin is a `CreatedContexts`.
    children
        The nodes directly below this node.
    """

    kind: str
    name: str
    label: str = ""
    state: str = "running"
    facts: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    children: list[TreeNode] = field(default_factory=list)
    context: str = ""
    class_name: str = ""

    def walk(self) -> Iterator[TreeNode]:
        """Yield this node and all nodes below it."""
        yield self
        for child in self.children:
            yield from child.walk()

    def find(self, kind: str) -> list[TreeNode]:
        """Return those of this node and the nodes below it whose kind is `kind`."""
        return [n for n in self.walk() if n.kind == kind]

    def __str__(self) -> str:
        """Format the tree as indented text."""
        return "\n".join(self._lines(""))

    def _lines(self, indent: str) -> Iterator[str]:
        facts = ", ".join([f"{v} {k}" for k, v in self.counts.items()] + [f"{k} {v}" for k, v in self.facts.items()])
        label = "".join(f" {text}" for text in (self.label, self.context, self.class_name) if text)
        yield indent + visible(f"{self.kind} {self.name}{label} [{self.state}]{' ' + facts if facts else ''}")
        for child in self.children:
            yield from child._lines(indent + "  ")


def build_tree(components: ProxyComponents) -> TreeNode:
    """Build the context tree of a proxy in its current state."""
    threads = [_thread(components, thread.number, thread.name) for thread in components.threads]
    envoy = components.server.metrics.envoy
    counts = {
        "VMs created": envoy.get("wasm.envoy.wasm.runtime.v8.created", 0),
        "VMs alive": envoy.get("wasm.envoy.wasm.runtime.v8.active", 0),
        "exchanges": components.exchanges.total,
    }
    facts = {"virtual time": f"{components.loop.now:.3f} s"}
    return TreeNode("proxy", components.name, "", components.state, facts, counts, threads)


def _thread(components: ProxyComponents, number: int, name: str) -> TreeNode:
    registry = components.registry
    vms = [vm for vm in registry.vms() if vm.thread.number == number]
    filters = registry.plugins_of_vms()
    worker = next((w for w in components.workers if w.thread.number == number), None)
    counts = {"live streams": len(worker.streams), "served": worker.served} if worker is not None else {}
    handles = [h for h in registry.handles if h.missing and h.thread.number == number]
    missing = [TreeNode("plugin", h.plugin.name, "refused to start", "missing") for h in handles]
    return TreeNode(
        "thread", name, "", "running", {}, counts, [*(_vm(vm, filters.get(vm.number)) for vm in vms), *missing]
    )


def _class_of(plugin: Plugin | None, kind: str) -> str:
    """Return the name of the filter's class for a kind of context, or an empty string if it isn't known."""
    return str(getattr(plugin.filter, "classes", {}).get(kind, "")) if plugin is not None else ""


def _vm(vm: Vm, plugin: Plugin | None) -> TreeNode:
    facts: dict[str, Any] = {"role": vm.role}
    if vm.settings.vm_id:
        facts["vm_id"] = vm.settings.vm_id.decode("utf-8", "replace")
    if vm.native:
        facts["runs"] = "native"
    elif not vm.closed:
        facts["memory"] = vm.memory_size
    if vm.failure is not None:
        facts["failure"] = f"{vm.failure.callback}: {vm.failure.message}"
    if vm.armed and not vm.failed:
        facts["injected trap"] = vm.armed_text
    roots = [c for c in vm.contexts.values() if isinstance(c, RootContext)]
    state = "closed" if vm.closed and not vm.failed else vm.state
    children = [_plugin(r) for r in roots]
    return TreeNode("vm", f"VM{vm.number}", vm.role, state, facts, {}, children, "VMContext", _class_of(plugin, "vm"))


def _plugin(root: RootContext) -> TreeNode:
    plugin = root.plugin
    assert plugin is not None
    facts: dict[str, Any] = {"context": root.id}
    if plugin.root_id:
        facts["root_id"] = plugin.root_id
    if plugin.kind in _CREATED:
        context, kind, event = _CREATED[plugin.kind]
        facts["creates"] = CreatedContexts(context, _class_of(plugin, kind), event)
    if root.tick_period:
        facts["tick period"] = f"{root.tick_period:g} s"
    counts = {"live streams": len(root.streams), "pending calls": len(root.calls)}
    children = [_stream(c) for c in root.streams.values()]
    state = "failed" if root.vm.failed else "running"
    return TreeNode(
        "plugin", plugin.name, "", state, facts, {k: n for k, n in counts.items() if n}, children, "PluginContext",
        _class_of(plugin, "plugin"),
    )  # fmt: skip


def _stream(context: Context) -> TreeNode:
    paused = getattr(context, "paused", "")
    state = "failed" if context.vm.failed else "paused" if paused else "running"
    facts = {"exchange": context.exchange}
    return TreeNode(
        "stream", f"{context.kind} {context.id}", f"{paused} paused" if paused else "", state, facts, {}, [],
        _STREAMS[context.kind], _class_of(context.plugin, context.kind),
    )  # fmt: skip
