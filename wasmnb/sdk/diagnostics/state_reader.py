"""Reader of a filter's state: attributes that the filter has set on contexts and classes, and variables of its modules.

The SDK's own attributes are omitted. Reading makes no hostcalls and calls no methods of the filter except `__repr__`, with the
limits of the module `reprs`.
"""

import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from types import BuiltinFunctionType, FunctionType, MemberDescriptorType, ModuleType
from typing import Any

from ..contexts import Context
from ..loading.source import LoadedSource
from .reprs import LENGTH, Reprs

__all__ = ["read_attributes"]

#: Maximum number of attributes of one object, and of contexts of one kind, in the result.
_MOST = 200

#: Instance attributes set by the SDK.
_OURS = frozenset(
    {
        "_paused_downstream", "_request_state", "_response_state", "_stream_state", "_tick_period", "_unkept", "_vm",
        "_waits", "configuration", "context_id", "plugin", "vm",
    }
)  # fmt: skip

_CODE = (FunctionType, BuiltinFunctionType, MemberDescriptorType, ModuleType, type, staticmethod, classmethod, property)


def read_attributes(
    contexts: Mapping[str, Mapping[int, Context]], source: LoadedSource, ours: Mapping[str, Any], length: int = LENGTH
) -> dict[str, Any]:
    """Return the filter's state, with all values as text.

    Parameters
    ----------
    contexts
        Contexts by kind and id.
    source
        The filter's loaded source.
    ours
        Names and values that the SDK has put into the filter's namespace.
    length
        Maximum number of characters of a value (default 200).

    Returns
    -------
    dict
        `modules` maps names of modules (`""` for the filter itself) to their variables, and `classes` maps names of classes to
        their attributes. `contexts` is a list of dicts with `id`, `kind` (`vm`, `plugin`, `http`, `tcp`), `class`,
        `attributes`, and `more`, the number of omitted attributes. The top-level `more` is the number of omitted contexts.
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
    """Return the first values as text by name, and the number of omitted values."""
    texts = {str(name): reprs(value) for name, value in islice(values, _MOST)}
    return texts, sum(1 for _ in values)


def _instance(context: Context) -> Iterator[tuple[str, Any]]:
    """Yield name and value of each attribute that the filter has set on a context, including attributes in `__slots__`."""
    yield from ((n, v) for n, v in list(vars(context).items()) if n not in _OURS)
    for cls in type(context).__mro__:
        slots = vars(cls).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(context, name):
                yield name, getattr(context, name)


def _state(names: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield name and value of each variable of a namespace, except functions, classes, modules, and the SDK's names."""
    for name, value in list(names.items()):
        hidden = (name.startswith("__") and name.endswith("__")) or (name in ours and ours[name] is value)
        if not hidden and not isinstance(value, _CODE):
            yield name, value


def _classes(source: LoadedSource) -> Iterator[type[Any]]:
    """Yield the filter's context classes, and those of their base classes that the filter's source defines."""
    seen: set[type[Any]] = set()
    for leaf in source.classes.values():
        for cls in leaf.__mro__:
            if cls.__module__ in (source.module.__name__, *source.local) and cls not in seen:
                seen.add(cls)
                yield cls
