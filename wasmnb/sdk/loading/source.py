"""From source text to the filter's classes.

A source's module-level code runs once in every VM, with the SDK's names in its namespace. Then the filter's class of each kind
is the class that no other class derives from. Mistakes are reported with their line.
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

__all__ = ["BASES", "MODULE_NAME", "Loaded", "load_source"]

#: The SDK's class of each kind.
BASES: dict[str, type[Context]] = {"vm": VMContext, "plugin": PluginContext, "http": HttpContext, "tcp": TcpContext}


class Loaded:
    """A source that has been run.

    Attributes
    ----------
    module
        The module that the parts ran in.
    codes
        Compiled code of the parts and of the source's own modules.
    classes
        Kind -> the filter's class, or the SDK's class if the source doesn't define one.
    local
        Names of the source's own modules in `sys.modules`.
    """

    def __init__(
        self, module: ModuleType, codes: list[CodeType], classes: dict[str, type[Any]], local: frozenset[str]
    ) -> None:
        self.module = module
        self.codes = codes
        self.classes = classes
        self.local = local

    def overrides(self, kind: str, method: str) -> bool:
        """Return whether the filter's class of a kind overrides a method."""
        return getattr(self.classes[kind], method, None) is not getattr(BASES[kind], method, None)

    def class_names(self) -> dict[str, str]:
        """Return the names of the filter's own classes by kind, without kinds for which it has none."""
        return {kind: cls.__name__ for kind, cls in self.classes.items() if cls is not BASES[kind]}

    def callbacks(self) -> dict[str, list[str]]:
        """Return the ABI's names of the callbacks that the filter's classes override, by kind of class."""
        return {
            kind: [h.callback for h in handlers_of(kind) if self.overrides(kind, h.method)] for kind in self.classes
        }


def load_source(parts: Sequence[Part], modules: LocalModules, package: str, names: dict[str, Any]) -> Loaded:
    """Compile and run a source, and find its context classes.

    Parameters
    ----------
    parts
        The parts, which run in this order in one namespace. Errors and tracebacks have each part's file name and lines.
    modules
        The source's own modules, which are installed here.
    package
        Dotted name of the package that relative imports start from; empty for none.
    names
        The SDK's names, which the source's namespace starts with.

    Raises
    ------
    FilterSourceError
        The source doesn't define a filter.
    Exception
        Any exception raised by compiling or running the source.
    """
    module = ModuleType(MODULE_NAME)
    module.__dict__.update({**names, "__builtins__": __builtins__, **modules.namespace})
    if package:
        module.__package__ = package
    sys.modules[MODULE_NAME] = module  # dataclasses look there
    modules.install()
    codes = [*modules.codes, *_run(parts, module)]
    classes = _find_classes(module, codes)
    for kind, cls in classes.items():
        check_methods(kind, cls, BASES[kind], codes)
    return Loaded(module, codes, classes, modules.names)


def _run(parts: Sequence[Part], module: ModuleType) -> list[CodeType]:
    """Run the parts and return their code."""
    codes: list[CodeType] = []
    for text, filename, first_line in parts:
        store_source(text, filename, first_line, keep_others=any(c.co_filename == filename for c in codes))
        code = compile_source(text, filename, first_line)
        module.__file__ = filename
        codes.append(code)
        exec(code, module.__dict__)  # noqa: S102 - running the filter's source is the point
    return codes


def _find_classes(module: ModuleType, codes: list[CodeType]) -> dict[str, type[Any]]:
    """Return the class of each kind: the SDK's class if the source doesn't define one."""
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
    """Return the classes that no other of them derives from."""
    return [c for c in classes if not any(c is not d and issubclass(d, c) for d in classes)]


def _chosen_by_author(kind: str, contexts: list[type[Any]]) -> bool:
    """Return whether the filter makes its contexts of a kind itself, so that it can have several classes."""
    maker, base = {"plugin": (VMContext, "new_plugin_context"), "http": (PluginContext, "new_http_context"),
                   "tcp": (PluginContext, "new_tcp_context")}.get(kind, (VMContext, ""))  # fmt: skip
    return any(issubclass(c, maker) and getattr(c, base) is not getattr(maker, base) for c in contexts if base)


def _union(base: type[Any], leaves: list[type[Any]]) -> type[Any]:
    """Return a class, never instantiated, that overrides every method that any of several classes overrides."""
    names = {name for c in leaves for name in dir(c) if getattr(c, name) is not getattr(base, name, None)}
    methods = {
        n: next(getattr(c, n) for c in leaves if getattr(c, n, None) is not getattr(base, n, None)) for n in names
    }
    name = " or ".join(c.__name__ for c in leaves)
    return type(name, (base,), {n: m for n, m in methods.items() if isinstance(m, FunctionType)})


def _place(cls: type[Any], codes: list[CodeType]) -> tuple[str, int | None]:
    """Return file name and line of a class statement."""
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
