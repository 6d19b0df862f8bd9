"""Checks of a filter's methods: callbacks that would never be called, wrong parameters, and wrong use of `async` or `yield`."""

from types import CodeType, FunctionType
from typing import Any

from ..errors import FilterSourceError
from .callback_names import check_name
from .callbacks import handlers_of

__all__ = ["CO_ASYNC_GENERATOR", "CO_COROUTINE", "check_methods"]

#: Flags of code objects. `inspect` also defines them, but takes half a megabyte of memory, and few filters import it.
CO_VARARGS, CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR = 0x04, 0x20, 0x80, 0x200

#: Methods that create contexts.
_FACTORIES = ("__init__", "new_http_context", "new_tcp_context", "new_plugin_context")


def check_methods(kind: str, cls: type[Any], base: type[Any], codes: list[CodeType]) -> None:
    """Raise an error if a filter's class has a callback that would never be called, or that has the wrong parameters.

    Parameters
    ----------
    kind
        Kind of the class: `vm`, `plugin`, `http` or `tcp`.
    cls
        The filter's class.
    base
        The SDK's class of this kind. Its own methods aren't checked.
    codes
        Compiled code of the source.

    Raises
    ------
    FilterSourceError
        A method would never be called, or doesn't accept the parameters of its callback.
    """
    known = {h.method: h for h in handlers_of(kind)}
    for name in dir(cls):
        method = next((vars(owner)[name] for owner in cls.__mro__ if name in vars(owner)), None)
        if not isinstance(method, FunctionType) or method is getattr(base, name, None):
            continue
        handler = known.get(name)
        if handler is None:
            check_name(kind, cls, method, name, codes)
            if name in _FACTORIES:
                _check_async(cls, method, may_wait=False)
            continue
        _check_async(cls, method, may_wait=handler.may_wait)
        if not _accepts(method, 1 + len(handler.params)):
            raise FilterSourceError(
                f"{cls.__name__}.{name} doesn't accept the parameters of its callback",
                filename=method.__code__.co_filename,
                lineno=method.__code__.co_firstlineno,
                hint=f"It is written as def {_signature(method)}. Write it as def {handler.signature}.",
            )


def _accepts(method: FunctionType, count: int) -> bool:
    """Return whether a method can be called with exactly this number of positional arguments."""
    code = method.__code__
    named = code.co_argcount
    only_keywords = code.co_varnames[named : named + code.co_kwonlyargcount]
    fewest = named - len(method.__defaults__ or ())
    return (
        fewest <= count
        and (count <= named or bool(code.co_flags & CO_VARARGS))
        and set(only_keywords) <= (method.__kwdefaults__ or {}).keys()
    )


def _signature(method: FunctionType) -> str:
    """Return the name and the parameters of a method as text, without `*args` and `**kwargs`."""
    code, count = method.__code__, method.__code__.co_argcount
    only_keywords = code.co_varnames[count : count + code.co_kwonlyargcount]
    names = [*code.co_varnames[:count], *(["*", *only_keywords] if only_keywords else [])]
    return f"{method.__name__}({', '.join(names)})"


def _check_async(cls: type[Any], method: FunctionType, *, may_wait: bool) -> None:
    """Raise FilterSourceError for `async def` in callbacks that can't wait, and for `yield` in any callback."""
    flags = method.__code__.co_flags
    if flags & (CO_GENERATOR | CO_ASYNC_GENERATOR):
        problem, hint = "is a generator and would never run", "A callback can return or await, but it can't yield."
    elif flags & CO_COROUTINE and not may_wait:
        problem, hint = "cannot be async: the proxy does not wait for it", "Write it as a plain def."
    else:
        return
    raise FilterSourceError(
        f"{cls.__name__}.{method.__name__} {problem}",
        filename=method.__code__.co_filename,
        lineno=method.__code__.co_firstlineno,
        hint=hint,
    )
