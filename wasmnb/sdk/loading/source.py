"""From source text to the filter's classes.

The top level of a source runs once in every VM, with the SDK's names in its namespace. Then one class of each kind is the
filter's: the one that no other class derives from. Mistakes are reported with their line.
"""

import difflib
import inspect
import sys
from collections.abc import Sequence
from types import CodeType, FunctionType, ModuleType
from typing import Any

from ...abi import CALLBACKS
from ..contexts import Context, PluginContext, VMContext
from ..errors import FilterSourceError
from ..http import HttpContext
from ..tcp import TcpContext
from .callbacks import HANDLERS, handlers_of
from .local_modules import LocalModules
from .parts import Part
from .source_cache import MODULE_NAME, compile_source, store_source

__all__ = ["BASES", "MODULE_NAME", "Loaded", "load_source"]

#: The SDK's class of each kind.
BASES: dict[str, type[Context]] = {"vm": VMContext, "plugin": PluginContext, "http": HttpContext, "tcp": TcpContext}

#: Names of the ABI that authors may write by mistake -> the SDK's names.
_ABI_NAMES = {
    "on_request_headers": "on_http_request_headers",
    "on_request_body": "on_http_request_body",
    "on_request_trailers": "on_http_request_trailers",
    "on_response_headers": "on_http_response_headers",
    "on_response_body": "on_http_response_body",
    "on_response_trailers": "on_http_response_trailers",
    "on_configure": "on_plugin_start",
    "on_downstream_connection_close": "on_downstream_close",
    "on_upstream_connection_close": "on_upstream_close",
}

#: Similarity of two names from which on one is taken for a misspelling of the other.
_SIMILARITY = 0.9


class Loaded:
    """A source that has been run.

    Attributes
    ----------
    module
        The module that the parts ran in.
    codes
        Compiled code of its parts and of its own modules.
    classes
        Class of each kind; the SDK's class if the source does not define one.
    local
        Names of its own modules in `sys.modules`.
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


def load_source(parts: Sequence[Part], modules: LocalModules, package: str, names: dict[str, Any]) -> Loaded:
    """Compile and run a source, and find its classes.

    Parameters
    ----------
    parts
        Run in this order in one namespace. Errors and tracebacks have each part's file name and lines.
    modules
        The source's own modules, which are installed here.
    package
        Package that relative imports start from; empty for none.
    names
        The SDK's names for the source's namespace.

    Raises
    ------
    FilterSourceError
        The source does not define a filter.
    Exception
        Any exception of compiling and running the source.
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
        _check_methods(kind, cls)
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
    """Return the class of each kind; the SDK's class if the source does not define one."""
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
    """Return a class that overrides every method that one of several classes overrides; it is never instantiated."""
    names = {name for c in leaves for name in dir(c) if getattr(c, name) is not getattr(base, name, None)}
    methods = {
        n: next(getattr(c, n) for c in leaves if getattr(c, n, None) is not getattr(base, n, None)) for n in names
    }
    return type(base.__name__, (base,), {n: m for n, m in methods.items() if isinstance(m, FunctionType)})


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
    names = {h.method for h in HANDLERS.values()} | set(_ABI_NAMES)
    base = "TcpContext" if any("stream_data" in n or n == "on_new_connection" for n in vars(cls)) else "HttpContext"
    callback = next((f" (it has {n})" for n in vars(cls) if n in names), "")
    filename, line = _place(cls, codes)
    return FilterSourceError(
        f"class {cls.__name__} is not a filter{callback}",
        filename=filename,
        lineno=line,
        hint=f"Derive it: class {cls.__name__}({base}):",
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
        f"{names} are all of kind {base}, and a filter has one",
        filename=filename,
        lineno=line,
        hint=f"Keep one of them{choose}.",
    )


#: Methods that make contexts.
_FACTORIES = ("__init__", "new_http_context", "new_tcp_context", "new_plugin_context")


def _check_methods(kind: str, cls: type[Any]) -> None:
    """Raise for misspelt callbacks and wrong parameters, before the first request arrives."""
    known = {h.method: h for h in handlers_of(kind)}
    for name in dir(cls):
        method = inspect.getattr_static(cls, name)
        if not isinstance(method, FunctionType) or method is getattr(BASES[kind], name, None):
            continue
        handler = known.get(name)
        if handler is None:
            _check_spelling(kind, cls, name, method)
            if name in _FACTORIES:
                _check_async(cls, method, may_wait=False)
            continue
        _check_async(cls, method, may_wait=handler.may_wait)
        try:
            inspect.signature(_without_annotations(method)).bind(*("self", *handler.params))
        except TypeError:
            raise FilterSourceError(
                f"{cls.__name__}.{name} does not accept the parameters of its callback",
                filename=method.__code__.co_filename,
                lineno=method.__code__.co_firstlineno,
                hint=f"Write it as def {handler.signature}.",
            ) from None


def _without_annotations(method: FunctionType) -> FunctionType:
    """Return a method without its annotations, which may have names that only type checkers know."""
    bare = FunctionType(method.__code__, {}, None, method.__defaults__, method.__closure__)
    bare.__kwdefaults__ = method.__kwdefaults__
    return bare


def _check_async(cls: type[Any], method: FunctionType, *, may_wait: bool) -> None:
    """Raise for `async def` in callbacks that cannot wait, and for `yield`."""
    if inspect.isgeneratorfunction(method) or inspect.isasyncgenfunction(method):
        problem, hint = "is a generator and would never run", "A callback returns or awaits, but does not yield."
    elif inspect.iscoroutinefunction(method) and not may_wait:
        problem, hint = "cannot be async: the proxy does not wait for it", "Write it as a plain def."
    else:
        return
    raise FilterSourceError(
        f"{cls.__name__}.{method.__name__} {problem}",
        filename=method.__code__.co_filename,
        lineno=method.__code__.co_firstlineno,
        hint=hint,
    )


def _check_spelling(kind: str, cls: type[Any], name: str, method: FunctionType) -> None:
    """Raise for a method whose name is a misspelt callback, or a callback's name in another SDK."""
    known = {h.method: h for h in handlers_of(kind)}
    snake = "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")
    intended = _ABI_NAMES.get(name.removeprefix("proxy_"), snake)
    if intended not in known and name.startswith("on_") and f"proxy_{name}" not in CALLBACKS:
        intended = next(iter(difflib.get_close_matches(name, known, 1, _SIMILARITY)), "")
    if intended in known:
        raise FilterSourceError(
            f"{cls.__name__}.{name} is not a callback",
            filename=method.__code__.co_filename,
            lineno=method.__code__.co_firstlineno,
            hint=f"In a {BASES[kind].__name__} it is {known[intended].signature}.",
        )
