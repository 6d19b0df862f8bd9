"""Python state of every VM: attributes of contexts and of their classes, and global variables of modules.

Each worker has its own VM. State that a filter stores in Python therefore exists once for each worker, and a request can't read
what an earlier request has stored on another worker. Only shared data, queues and metrics are common to all workers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ..._display import Shown, visible
from ...errors import UsageError
from ..contexts.root import RootContext
from .introspection import SnapshotInspector

if TYPE_CHECKING:
    from ..vm.vm import Vm

__all__ = ["LENGTH", "ContextState", "PythonState", "Variable", "VmState", "read_python_state"]

#: Maximum number of characters of a value's `repr`.
LENGTH = 200


@dataclass(frozen=True)
class ContextState:
    """Python state of one context object.

    Attributes
    ----------
    id
        Id of the context in the VM.
    kind
        Kind of context: `vm`, `plugin`, `http` or `tcp`.
    name
        Name of the plugin. For a stream, its exchange, such as `exchange 3`.
    class_name
        Name of the context's class in the filter.
    attributes
        The `repr` of each attribute's value, by name.
    more
        Number of further attributes, which are omitted.
    """

    id: int
    kind: str
    name: str
    class_name: str
    attributes: Mapping[str, str]
    more: int = 0


class OwnedValue(NamedTuple):
    """A variable with its value in one VM.

    Attributes
    ----------
    owner
        Owner of the variable: `module`, `class P`, or a context such as `P of auth`.
    name, value
        Name of the variable, and the `repr` of its value.
    plugin
        Name of the plugin whose context owns the variable. Empty for modules, classes and VM contexts, which plugins share.
    """

    owner: str
    name: str
    value: str
    plugin: str = ""


@dataclass(frozen=True)
class VmState:
    """Python state of one VM.

    Attributes
    ----------
    number, thread, role, state
        Number, thread, role and state of the VM, as in `Proxy.tree`.
    plugins
        Names of the plugins in the VM.
    problem
        Reason why the state couldn't be read, or an empty string.
    modules, classes
        For each module (`""` is the filter itself) and each class, the `repr` of every variable's value by variable name.
    contexts
        States of the context objects.
    more
        Number of further streams, which are omitted.
    """

    number: int
    thread: str
    role: str
    state: str
    plugins: tuple[str, ...]
    problem: str = ""
    modules: Mapping[str, Mapping[str, str]] = ()  # type: ignore[assignment]
    classes: Mapping[str, Mapping[str, str]] = ()  # type: ignore[assignment]
    contexts: tuple[ContextState, ...] = ()
    more: int = 0

    def variables(self) -> Iterator[OwnedValue]:
        """Iterate over the variables of modules, classes, and VM and plugin contexts. Variables of streams are skipped."""
        owned = [*((f"module {m}".rstrip(), "", v) for m, v in dict(self.modules).items())]
        owned += [(f"class {c}", "", v) for c, v in dict(self.classes).items()]
        owned += [(c.class_name, "", c.attributes) for c in self.contexts if c.kind == "vm"]
        owned += [(f"{c.class_name} of {c.name}", c.name, c.attributes) for c in self.contexts if c.kind == "plugin"]
        for owner, plugin, values in owned:
            for name, value in values.items():
                yield OwnedValue(owner, name, value, plugin)


@dataclass(frozen=True)
class Variable:
    """A variable with its values in all VMs that run the same plugins.

    Attributes
    ----------
    plugins
        Names of the plugins.
    owner, name, plugin
        Owner, name and plugin of the variable, as in `OwnedValue`.
    values
        The `repr` of each distinct value, with the names of the threads on which the variable has this value.
    differs
        Whether the value differs between workers.
    """

    plugins: tuple[str, ...]
    owner: str
    name: str
    values: Mapping[str, tuple[str, ...]]
    differs: bool
    plugin: str = ""


class StreamOfVm(NamedTuple):
    """A live stream and its VM."""

    vm: VmState
    stream: ContextState


class PythonState(Shown):
    """Python state of all VMs of a proxy, returned by `Proxy.python_state`.

    Attributes
    ----------
    name
        Name of the proxy.
    vms
        States of all VMs except base VMs.
    """

    def __init__(self, name: str, vms: Iterable[VmState]) -> None:
        self.name = name
        self.vms = tuple(vms)

    @property
    def variables(self) -> list[Variable]:
        """All variables except those of streams, with their values in each VM."""
        by_variable: dict[tuple[tuple[str, ...], str, str, str], list[tuple[VmState, str]]] = {}
        for vm in self.vms:
            for owner, name, value, plugin in vm.variables():
                by_variable.setdefault((vm.plugins, owner, name, plugin), []).append((vm, value))
        return [_variable(*key, values) for key, values in by_variable.items()]

    @property
    def diverging(self) -> list[Variable]:
        """Variables whose values differ between workers."""
        return [v for v in self.variables if v.differs]

    @property
    def streams(self) -> list[StreamOfVm]:
        """Live streams with a context object in Python, each with its VM."""
        return [StreamOfVm(vm, c) for vm in self.vms for c in vm.contexts if c.kind in ("http", "tcp")]

    def as_dict(self) -> dict[str, Any]:
        """Return the state as a dictionary of plain types that can be written as JSON."""
        return {
            "name": self.name,
            "vms": [asdict(vm) for vm in self.vms],
            "variables": [asdict(v) for v in self.variables],
        }

    def __repr__(self) -> str:
        return f"<PythonState of {visible(self.name)}: {len(self.vms)} VMs, {len(self.diverging)} variables differ>"


def _variable(
    plugins: tuple[str, ...], owner: str, name: str, plugin: str, by_vm: list[tuple[VmState, str]]
) -> Variable:
    values: dict[str, list[str]] = {}
    for vm, value in by_vm:
        values.setdefault(value, []).append(vm.thread)
    workers = {value for vm, value in by_vm if vm.role == "worker"}
    return Variable(plugins, owner, name, {v: tuple(t) for v, t in values.items()}, len(workers) > 1, plugin)


def read_python_state(name: str, vms: Iterable[Vm], *, length: int = LENGTH) -> PythonState:
    """Read the Python state of VMs.

    Parameters
    ----------
    name
        Name of the proxy.
    vms
        The VMs. Base VMs are skipped.
    length
        Maximum number of characters of a value's `repr` (default 200).

    Returns
    -------
    PythonState
        The states of the VMs. If a VM can't be read, `problem` contains the reason.
    """
    with SnapshotInspector() as inspector:
        return PythonState(name, [_read(vm, inspector, length) for vm in vms if vm.role != "base"])


def _read(vm: Vm, inspector: SnapshotInspector, length: int) -> VmState:
    plugins = [c.plugin.name for c in vm.contexts.values() if isinstance(c, RootContext) and c.plugin is not None]
    head = (vm.number, vm.thread.name, vm.role, vm.state, tuple(plugins))
    try:
        response = inspector.call(vm, "attributes", length=length)
    except UsageError as error:
        return VmState(*head, problem=str(error))
    contexts = tuple(_context_state(vm, values) for values in response["contexts"])
    return VmState(*head, "", response["modules"], response["classes"], contexts, response["more"])


def _context_state(vm: Vm, values: dict[str, Any]) -> ContextState:
    context = vm.contexts.get(values["id"])
    name = ""
    if context is not None and values["kind"] != "vm":
        name = context.plugin.name if context.plugin is not None else ""
        if context.exchange is not None:
            name = f"exchange {context.exchange}"
    return ContextState(values["id"], values["kind"], name, values["class"], values["attributes"], values["more"])
