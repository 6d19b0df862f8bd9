"""State of the Python inside every VM: attributes of the contexts, of their classes, and variables of the module.

Workers share only what the ABI shares. State that a filter keeps in Python therefore exists once for each worker, and a
request does not see what an earlier one stored on another worker.
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

#: Characters of a value's representation.
LENGTH = 200


@dataclass(frozen=True)
class ContextState:
    """State of one context object.

    Attributes
    ----------
    id
        Its number in the VM.
    kind
        `vm`, `plugin`, `http` or `tcp`.
    name
        Name of the plugin, or `exchange 3` for a stream.
    class_name
        Name of the filter's class.
    attributes
        Name -> representation.
    more
        Number of attributes that are left out.
    """

    id: int
    kind: str
    name: str
    class_name: str
    attributes: Mapping[str, str]
    more: int = 0


class OwnedValue(NamedTuple):
    """A variable in one VM.

    Attributes
    ----------
    owner
        `module`, `class P`, or a context: `P of auth`.
    name, value
        Name and representation.
    """

    owner: str
    name: str
    value: str


@dataclass(frozen=True)
class VmState:
    """State of one VM.

    Attributes
    ----------
    number, thread, role, state
        As in the tree (`build_tree`).
    plugins
        Names of the plugins in it.
    problem
        Reason why it could not be read, or an empty string.
    modules, classes
        Module (`""` is the filter itself) or class -> name -> representation.
    contexts
        The context objects.
    more
        Number of streams that are left out.
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
        """Iterate over the variables of modules, classes, VM and plugin contexts, without those of streams."""
        owned = [*((f"module {m}".rstrip(), v) for m, v in dict(self.modules).items())]
        owned += [(f"class {c}", v) for c, v in dict(self.classes).items()]
        owned += [(_owner(c), c.attributes) for c in self.contexts if c.kind in ("vm", "plugin")]
        for owner, values in owned:
            for name, value in values.items():
                yield OwnedValue(owner, name, value)


def _owner(context: ContextState) -> str:
    return f"{context.class_name} of {context.name}" if context.kind == "plugin" else context.class_name


@dataclass(frozen=True)
class Variable:
    """One variable in all VMs that run the same plugins.

    Attributes
    ----------
    plugins
        Names of the plugins.
    owner, name
        As in `OwnedValue`.
    values
        Representation -> names of the threads that have it.
    differs
        Whether its values on the workers differ.
    """

    plugins: tuple[str, ...]
    owner: str
    name: str
    values: Mapping[str, tuple[str, ...]]
    differs: bool


class StreamOfVm(NamedTuple):
    """A live stream with the VM that it is in."""

    vm: VmState
    stream: ContextState


class PythonState(Shown):
    """State of all VMs of a proxy.

    Attributes
    ----------
    name
        The proxy's name.
    vms
        The VMs, without base VMs.
    """

    def __init__(self, name: str, vms: Iterable[VmState]) -> None:
        self.name = name
        self.vms = tuple(vms)

    @property
    def variables(self) -> list[Variable]:
        """All variables that outlive a stream, with their values in each VM."""
        by_variable: dict[tuple[tuple[str, ...], str, str], list[tuple[VmState, str]]] = {}
        for vm in self.vms:
            for owner, name, value in vm.variables():
                by_variable.setdefault((vm.plugins, owner, name), []).append((vm, value))
        return [_variable(*key, held) for key, held in by_variable.items()]

    @property
    def diverging(self) -> list[Variable]:
        """Variables whose values on the workers differ."""
        return [v for v in self.variables if v.differs]

    @property
    def streams(self) -> list[StreamOfVm]:
        """Live streams that have a context object in Python, each with its VM."""
        return [StreamOfVm(vm, c) for vm in self.vms for c in vm.contexts if c.kind in ("http", "tcp")]

    def as_dict(self) -> dict[str, Any]:
        """Return the state in plain types, for JSON."""
        return {
            "name": self.name,
            "vms": [asdict(vm) for vm in self.vms],
            "variables": [asdict(v) for v in self.variables],
        }

    def __repr__(self) -> str:
        return f"<PythonState of {visible(self.name)}: {len(self.vms)} VMs, {len(self.diverging)} variables differ>"


def _variable(plugins: tuple[str, ...], owner: str, name: str, held: list[tuple[VmState, str]]) -> Variable:
    values: dict[str, list[str]] = {}
    for vm, value in held:
        values.setdefault(value, []).append(vm.thread)
    workers = {value for vm, value in held if vm.role == "worker"}
    return Variable(plugins, owner, name, {v: tuple(t) for v, t in values.items()}, len(workers) > 1)


def read_python_state(name: str, vms: Iterable[Vm], *, length: int = LENGTH) -> PythonState:
    """Read the state of VMs.

    Parameters
    ----------
    name
        The proxy's name.
    vms
        The VMs; base VMs are left out.
    length
        Characters of a representation at most (default 200).

    Returns
    -------
    PythonState
        A VM that can't be read has a `problem`.
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
