"""Reads the state of a filter: the author's attributes of contexts, of their classes and of modules.

The SDK's own attributes are left out. Reading makes no hostcalls, and the only methods of the filter that it calls
are `__repr__`, which may fail in any way (`reprs`).
"""

import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from types import BuiltinFunctionType, FunctionType, MemberDescriptorType, ModuleType
from typing import Any

from ..contexts import Context
from ..loading.source import Loaded
from .reprs import LENGTH, Reprs

__all__ = ["read_attributes"]

#: Most attributes of one object, and contexts of one kind, in the result.
_MOST = 200

#: Instance attributes that the SDK sets.
_OURS = frozenset(
    {
        "_ended", "_is_local_reply", "_local_reply_sent", "_paused_downstream", "_request_state", "_response_state",
        "_tick_period", "_vm", "_waits", "configuration", "context_id", "plugin", "vm",
    }
)  # fmt: skip

_CODE = (FunctionType, BuiltinFunctionType, MemberDescriptorType, ModuleType, type, staticmethod, classmethod, property)


def read_attributes(
    contexts: Mapping[str, Mapping[int, Context]], source: Loaded, ours: Mapping[str, Any], length: int = LENGTH
) -> dict[str, Any]:
    """Return the author's attributes as text.

    Parameters
    ----------
    contexts
        Contexts by kind and id.
    source
        The filter's source.
    ours
        Names that the SDK put into the module's namespace, with their values.
    length
        Most characters of a value (default 200).

    Returns
    -------
    dict
        `modules`: name -> {variable: value}, for the filter itself (`""`) and for its own modules. `classes`: the same for its
        classes. `contexts`: a list of `id`, `kind` (`vm`, `plugin`, `http`, `tcp`), `class`, `attributes`,
        `more` (number of attributes that were left out). `more`: number of contexts that were left out.
    """
    reprs = Reprs(length)
    shown: list[dict[str, Any]] = []
    for kind, table in contexts.items():
        shown += [_context(c, kind, reprs) for c in islice(list(table.values()), _MOST)]
    modules = {"": source.module, **{n: sys.modules[n] for n in sorted(source.local) if n in sys.modules}}
    return {
        "modules": {n: _texts(_state(vars(module), ours), reprs)[0] for n, module in modules.items()},
        "classes": {cls.__name__: _texts(_state(vars(cls), {}), reprs)[0] for cls in _classes(source)},
        "contexts": shown,
        "more": sum(max(0, len(table) - _MOST) for table in contexts.values()),
    }


def _context(context: Context, kind: str, reprs: Reprs) -> dict[str, Any]:
    attributes, omitted = _texts(_instance(context), reprs)
    return {
        "id": context.context_id,
        "kind": kind,
        "class": type(context).__name__,
        "attributes": attributes,
        "more": omitted,
    }


def _texts(values: Iterator[tuple[str, Any]], reprs: Reprs) -> tuple[dict[str, str], int]:
    """Return the first values as text, and the number of the others."""
    texts = {str(name): reprs(value) for name, value in islice(values, _MOST)}
    return texts, sum(1 for _ in values)


def _instance(context: Context) -> Iterator[tuple[str, Any]]:
    """Yield the author's attributes of a context, those in `__slots__` included."""
    yield from ((n, v) for n, v in list(vars(context).items()) if n not in _OURS)
    for cls in type(context).__mro__:
        slots = vars(cls).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(context, name):
                yield name, getattr(context, name)


def _state(names: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the variables of a namespace that are not code, modules, or names of Python or the SDK."""
    for name, value in list(names.items()):
        hidden = (name.startswith("__") and name.endswith("__")) or (name in ours and ours[name] is value)
        if not hidden and not isinstance(value, _CODE):
            yield name, value


def _classes(source: Loaded) -> Iterator[type[Any]]:
    """Yield the filter's context classes, and their bases that its source defines."""
    seen: set[type[Any]] = set()
    for leaf in source.classes.values():
        for cls in leaf.__mro__:
            if cls.__module__ in (source.module.__name__, *source.local) and cls not in seen:
                seen.add(cls)
                yield cls
