"""Running of a filter's source, and search for its context classes.

Module-level code runs once in every VM, with the SDK's names in its namespace. The filter's class of each kind (VM, plugin,
HTTP, TCP) is the class from which no other class derives. Errors contain the line of the source.
"""

import sys
from collections.abc import Sequence
from types import CodeType, FunctionType, ModuleType
from typing import Any

from ..contexts import Context, PluginContext, VMContext
from ..errors import FilterSourceError
from ..http import HttpContext
from ..tcp import TcpContext
from .callback_checks import check_methods
from .callback_names import CALLBACK_NAMES
from .callbacks import handlers_of
from .local_modules import LocalModules
from .parts import Part
from .source_cache import MODULE_NAME, compile_source, store_source

__all__ = ["BASES", "MODULE_NAME", "LoadedSource", "load_source"]

#: Kind of context -> the SDK's class.
BASES: dict[str, type[Context]] = {"vm": VMContext, "plugin": PluginContext, "http": HttpContext, "tcp": TcpContext}


class LoadedSource:
    """A filter's source after it has run.

    Attributes
    ----------
    module
        Module object in whose namespace the parts ran.
    codes
        Compiled code of the parts and of the local modules.
    classes
        Kind of context -> the filter's class, or the SDK's class if the source doesn't define one.
    local
        Dotted names of the local modules.
    """

    def __init__(
        self, module: ModuleType, codes: list[CodeType], classes: dict[str, type[Any]], local: frozenset[str]
    ) -> None:
        self.module = module
        self.codes = codes
        self.classes = classes
        self.local = local

    def overrides(self, kind: str, method: str) -> bool:
        """Return whether the filter's class of this kind overrides a method of the SDK's class."""
        return getattr(self.classes[kind], method, None) is not getattr(BASES[kind], method, None)

    def class_names(self) -> dict[str, str]:
        """Return the names of the filter's context classes by kind. Kinds without a class are omitted."""
        return {kind: cls.__name__ for kind, cls in self.classes.items() if cls is not BASES[kind]}

    def callbacks(self) -> dict[str, list[str]]:
        """Return the ABI names of all callbacks that the filter's classes override, by kind of class."""
        return {
            kind: [h.callback for h in handlers_of(kind) if self.overrides(kind, h.method)] for kind in self.classes
        }


def load_source(parts: Sequence[Part], modules: LocalModules, package: str, names: dict[str, Any]) -> LoadedSource:
    """Compile and run a source, and find its context classes.

    Parameters
    ----------
    parts
        The parts of the source. They run in this order in one namespace.
    modules
        The local modules. This function registers them for `import`.
    package
        Dotted name of the package of the parts, for relative imports, or '' for no package.
    names
        Initial names of the source's namespace, which are the SDK's names.

    Raises
    ------
    FilterSourceError
        The source doesn't define a valid filter.
    Exception
        Any exception raised while the source was compiled or run.
    """
    module = ModuleType(MODULE_NAME)
    module.__dict__.update({**names, "__builtins__": __builtins__, **modules.namespace})
    if package:
        module.__package__ = package
    sys.modules[MODULE_NAME] = module  # dataclasses look up the module there
    modules.install()
    codes = [*modules.codes, *_run(parts, module)]
    classes = _find_classes(module, codes)
    for kind, cls in classes.items():
        check_methods(kind, cls, BASES[kind], codes)
    return LoadedSource(module, codes, classes, modules.names)


def _run(parts: Sequence[Part], module: ModuleType) -> list[CodeType]:
    """Compile and run the parts, and return their code objects."""
    codes: list[CodeType] = []
    for text, filename, first_line in parts:
        store_source(text, filename, first_line, keep_others=any(c.co_filename == filename for c in codes))
        code = compile_source(text, filename, first_line)
        module.__file__ = filename
        codes.append(code)
        exec(code, module.__dict__)  # noqa: S102 - runs the filter's source
    return codes


def _find_classes(module: ModuleType, codes: list[CodeType]) -> dict[str, type[Any]]:
    """Return the filter's class of each kind, or the SDK's class if the source doesn't define one."""
    own = {id(v): v for v in vars(module).values() if isinstance(v, type) and not v.__module__.startswith("wasmnb.")}
    contexts = [c for c in own.values() if issubclass(c, Context)]
    if not contexts:
        raise _no_filter_error([c for c in own.values() if c.__module__ == module.__name__], codes)
    classes: dict[str, type[Any]] = {}
    for kind, base in BASES.items():
        candidates = [c for c in contexts if issubclass(c, base)]
        here = [c for c in candidates if c.__module__ == module.__name__]
        leaves = _leaves(here or candidates)
        if len(leaves) > 1 and not _chosen_by_author(kind, contexts):
            raise _too_many_error(kind, leaves, codes)
        classes[kind] = leaves[0] if len(leaves) == 1 else base
        if len(leaves) > 1:
            classes[kind] = _union(base, leaves)
    return classes


def _leaves(classes: list[type[Any]]) -> list[type[Any]]:
    """Return the classes that have no subclass in the list."""
    return [c for c in classes if not any(c is not d and issubclass(d, c) for d in classes)]


def _chosen_by_author(kind: str, contexts: list[type[Any]]) -> bool:
    """Return whether the filter defines a factory for contexts of this kind, which allows several classes of this kind."""
    maker, base = {"plugin": (VMContext, "new_plugin_context"), "http": (PluginContext, "new_http_context"),
                   "tcp": (PluginContext, "new_tcp_context")}.get(kind, (VMContext, ""))  # fmt: skip
    return any(issubclass(c, maker) and getattr(c, base) is not getattr(maker, base) for c in contexts if base)


def _union(base: type[Any], leaves: list[type[Any]]) -> type[Any]:
    """Create a class that overrides all methods overridden by any of several classes. It is never instantiated."""
    names = {name for c in leaves for name in dir(c) if getattr(c, name) is not getattr(base, name, None)}
    methods = {
        n: next(getattr(c, n) for c in leaves if getattr(c, n, None) is not getattr(base, n, None)) for n in names
    }
    name = " or ".join(c.__name__ for c in leaves)
    return type(name, (base,), {n: m for n, m in methods.items() if isinstance(m, FunctionType)})


def _place(cls: type[Any], codes: list[CodeType]) -> tuple[str, int | None]:
    """Return file name and line of the statement that defines a class."""
    for code in reversed(codes):
        for inner in code.co_consts:
            if isinstance(inner, CodeType) and inner.co_qualname == cls.__qualname__:
                return inner.co_filename, inner.co_firstlineno
    return codes[-1].co_filename, None


def _no_filter_error(classes: list[type[Any]], codes: list[CodeType]) -> FilterSourceError:
    if not classes:
        return FilterSourceError(
            "the source defines no filter class",
            filename=codes[-1].co_filename,
            hint="Define a class that derives from HttpContext (or TcpContext), with a callback such as "
            "on_http_request_headers(self, num_headers, end_of_stream).",
        )
    cls = classes[0]
    base = "TcpContext" if any("stream_data" in n or n == "on_new_connection" for n in vars(cls)) else "HttpContext"
    callback = next((f" (it has {n})" for n in vars(cls) if n in CALLBACK_NAMES), "")
    filename, line = _place(cls, codes)
    return FilterSourceError(
        f"class {cls.__name__} is not a filter{callback}",
        filename=filename,
        lineno=line,
        hint=f"Derive it from the SDK's class: class {cls.__name__}({base}):",
    )


def _too_many_error(kind: str, leaves: list[type[Any]], codes: list[CodeType]) -> FilterSourceError:
    base = BASES[kind].__name__
    filename, line = _place(leaves[-1], codes)
    names = " and ".join([", ".join(c.__name__ for c in leaves[:-1]), leaves[-1].__name__])
    choose = {
        "plugin": " or let a VMContext choose in new_plugin_context(self, context_id)",
        "http": " or let a PluginContext choose in new_http_context(self, context_id)",
        "tcp": " or let a PluginContext choose in new_tcp_context(self, context_id)",
    }.get(kind, "")
    return FilterSourceError(
        f"{names} {'both' if len(leaves) == 2 else 'all'} derive from {base}, but a filter can have only one such class",
        filename=filename,
        lineno=line,
        hint=f"Keep one of them{choose}.",
    )
