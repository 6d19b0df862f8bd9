"""What the Python inside every VM holds: attributes of the contexts, of their classes, and variables of the module.

Workers share nothing but what the ABI shares. So state that a filter keeps in Python is one state for each worker, and
what one request has left there the next does not see, if another worker takes it. Here it can be seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..._display import Shown
from ...errors import UsageError
from ..contexts.root import RootContext
from .introspection import SnapshotInspector

if TYPE_CHECKING:
    from ..vm.vm import Vm

__all__ = ["LENGTH", "ContextState", "PythonState", "Variable", "VmState", "read_python_state"]

#: Characters of a value.
LENGTH = 200


@dataclass(frozen=True)
class ContextState:
    """A context object.

    Attributes
    ----------
    kind
        `vm`, `plugin`, `http` or `tcp`.
    name
        The plugin's name; of a stream, `exchange 3`.
    class_name
        The filter's class.
    attributes
        Name -> representation.
    more
        How many attributes are left out.
    """

    id: int
    kind: str
    name: str
    class_name: str
    attributes: Mapping[str, str]
    more: int = 0


@dataclass(frozen=True)
class VmState:
    """What one VM holds.

    Attributes
    ----------
    number, thread, role, state
        As in the tree.
    plugins
        Names of the plugins in it.
    problem
        Why it could not be read, or an empty string.
    modules, classes
        Module (`""` is the filter itself) or class -> its variables.
    more
        Streams that are left out.
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

    def variables(self) -> Iterator[tuple[str, str, str]]:
        """Owner, name and value of everything but streams."""
        owned = [*((f"module {m}".rstrip(), v) for m, v in dict(self.modules).items())]
        owned += [(f"class {c}", v) for c, v in dict(self.classes).items()]
        owned += [(_owner(c), c.attributes) for c in self.contexts if c.kind in ("vm", "plugin")]
        for owner, values in owned:
            for name, value in values.items():
                yield owner, name, value


def _owner(context: ContextState) -> str:
    return f"{context.class_name} of {context.name}" if context.kind == "plugin" else context.class_name


@dataclass(frozen=True)
class Variable:
    """One variable in all VMs that run the same.

    Attributes
    ----------
    owner
        `module`, `class P`, or a context: `P of auth`.
    values
        Value -> names of the threads where it is that.
    differs
        Workers do not agree on it.
    """

    plugins: tuple[str, ...]
    owner: str
    name: str
    values: Mapping[str, tuple[str, ...]]
    differs: bool


class PythonState(Shown):
    """What the VMs of a proxy hold.

    Attributes
    ----------
    vms
        VM by VM; templates are left out.
    """

    def __init__(self, name: str, vms: Iterable[VmState]) -> None:
        self.name = name
        self.vms = tuple(vms)

    @property
    def variables(self) -> list[Variable]:
        """Every variable that outlives a stream, with its value in each VM."""
        found: dict[tuple[tuple[str, ...], str, str], list[tuple[VmState, str]]] = {}
        for vm in self.vms:
            for owner, name, value in vm.variables():
                found.setdefault((vm.plugins, owner, name), []).append((vm, value))
        return [_variable(*key, held) for key, held in found.items()]

    @property
    def diverging(self) -> list[Variable]:
        """The variables on which workers do not agree."""
        return [v for v in self.variables if v.differs]

    @property
    def streams(self) -> list[tuple[VmState, ContextState]]:
        """Live streams that have an object in Python."""
        return [(vm, c) for vm in self.vms for c in vm.contexts if c.kind in ("http", "tcp")]

    def as_dict(self) -> dict[str, Any]:
        """The same in plain types, for JSON."""
        return {
            "name": self.name,
            "vms": [asdict(vm) for vm in self.vms],
            "variables": [asdict(v) for v in self.variables],
        }

    def __repr__(self) -> str:
        return f"<PythonState of {self.name}: {len(self.vms)} VMs, {len(self.diverging)} variables differ>"


def _variable(plugins: tuple[str, ...], owner: str, name: str, held: list[tuple[VmState, str]]) -> Variable:
    values: dict[str, list[str]] = {}
    for vm, value in held:
        values.setdefault(value, []).append(vm.thread)
    workers = {value for vm, value in held if vm.role == "worker"}
    return Variable(plugins, owner, name, {v: tuple(t) for v, t in values.items()}, len(workers) > 1)


def read_python_state(name: str, vms: Iterable[Vm], *, length: int = LENGTH) -> PythonState:
    """Read what VMs hold; one that cannot be read says why."""
    with SnapshotInspector() as inspector:
        return PythonState(name, [_read(vm, inspector, length) for vm in vms if vm.role != "base"])


def _read(vm: Vm, inspector: SnapshotInspector, length: int) -> VmState:
    plugins = [c.plugin.name for c in vm.contexts.values() if isinstance(c, RootContext) and c.plugin is not None]
    head = (vm.number, vm.thread.name, vm.role, vm.state, tuple(plugins))
    try:
        found = inspector.call(vm, "attributes", length=length)
    except UsageError as error:
        return VmState(*head, problem=str(error))
    contexts = tuple(_context(vm, told) for told in found["contexts"])
    return VmState(*head, "", found["modules"], found["classes"], contexts, found["more"])


def _context(vm: Vm, told: dict[str, Any]) -> ContextState:
    known = vm.contexts.get(told["id"])
    name = ""
    if known is not None and told["kind"] != "vm":
        name = known.plugin.name if known.plugin is not None else ""
        if known.exchange is not None:
            name = f"exchange {known.exchange}"
    return ContextState(told["id"], told["kind"], name, told["class"], told["attributes"], told["more"])
