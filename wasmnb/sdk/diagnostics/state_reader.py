"""What a VM's contexts hold: the author's own attributes, of the contexts, of their classes and of the module.

The SDK's own attributes and names are left out. Nothing here makes a hostcall or calls a method of the filter, but for
`__repr__`, with which anything may be wrong (`reprs`).
"""

import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from types import BuiltinFunctionType, FunctionType, MemberDescriptorType, ModuleType
from typing import TYPE_CHECKING, Any

from ..contexts import Context
from ..loading.callbacks import HANDLERS
from .reprs import LENGTH, Reprs

if TYPE_CHECKING:
    from ..dispatch.tables import Contexts
    from ..loading.source import Loaded
    from ..vm import VM

__all__ = ["read_attributes"]

#: Attributes of one object, and contexts of one kind, that are told.
_MOST = 200

#: Instance attributes that the SDK sets.
_OURS = frozenset(
    {
        "_answered", "_background", "_grpc_streams", "_held", "_is_reply", "_over", "_request_state", "_response_state",
        "_tasks", "_tick_period", "_vm", "configuration", "context_id", "plugin", "vm", *(h.method for h in HANDLERS.values()),
    }
)  # fmt: skip

_CODE = (FunctionType, BuiltinFunctionType, MemberDescriptorType, ModuleType, type, staticmethod, classmethod, property)


def read_attributes(
    vm: "VM", contexts: "Contexts", source: "Loaded", ours: Mapping[str, Any], length: int = LENGTH
) -> dict[str, Any]:
    """Attributes as text.

    Parameters
    ----------
    ours
        What the SDK put into the module's namespace.
    length
        Characters that a value may take.

    Returns
    -------
    dict
        `modules`: name -> {variable: value}, of the filter itself (`""`) and of the modules that came with it. `classes`:
        the same of its classes. `contexts`: a list of `id`, `kind` (`vm`, `plugin`, `http`, `tcp`), `class`, `attributes`,
        `more` (how many were left out). `more`: contexts that were left out.
    """
    reprs = Reprs(length)
    kinds: dict[str, dict[int, Any]] = {"plugin": contexts.plugins, "http": contexts.http, "tcp": contexts.tcp}
    found = [] if vm.context is None else [_context(vm.context, "vm", reprs)]
    for kind, table in kinds.items():
        found += [_context(c, kind, reprs) for c in islice(list(table.values()), _MOST)]
    modules = {"": source.module, **{n: sys.modules[n] for n in sorted(source.local) if n in sys.modules}}
    return {
        "modules": {n: _told(_state(vars(module), ours), reprs)[0] for n, module in modules.items()},
        "classes": {cls.__name__: _told(_state(vars(cls), {}), reprs)[0] for cls in _classes(source)},
        "contexts": found,
        "more": sum(max(0, len(table) - _MOST) for table in kinds.values()),
    }


def _context(context: Context, kind: str, reprs: Reprs) -> dict[str, Any]:
    attributes, more = _told(_instance(context), reprs)
    return {
        "id": context.context_id,
        "kind": kind,
        "class": type(context).__name__,
        "attributes": attributes,
        "more": more,
    }


def _told(values: Iterator[tuple[str, Any]], reprs: Reprs) -> tuple[dict[str, str], int]:
    """The first values as text, and how many there are beyond."""
    told = {str(name): reprs(value) for name, value in islice(values, _MOST)}
    return told, sum(1 for _ in values)


def _instance(context: Context) -> Iterator[tuple[str, Any]]:
    """The author's attributes of a context, those in `__slots__` included."""
    yield from ((n, v) for n, v in list(vars(context).items()) if n not in _OURS)
    for cls in type(context).__mro__:
        slots = vars(cls).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(context, name):
                yield name, getattr(context, name)


def _state(names: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What of a namespace can change: no code, no modules, nothing of Python's own or of the SDK's."""
    for name, value in list(names.items()):
        hidden = (name.startswith("__") and name.endswith("__")) or (name in ours and ours[name] is value)
        if not hidden and not isinstance(value, _CODE):
            yield name, value


def _classes(source: "Loaded") -> Iterator[type[Any]]:
    """The filter's context classes with the bases that its own source defines."""
    seen: set[type[Any]] = set()
    for leaf in source.classes.values():
        for cls in leaf.__mro__:
            if cls.__module__ in (source.module.__name__, *source.local) and cls not in seen:
                seen.add(cls)
                yield cls
