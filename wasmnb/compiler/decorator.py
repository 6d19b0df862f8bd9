"""`@wasmnb.filter`: makes a filter from a class in an ordinary cell or module, where editors understand it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, overload

from .. import _hooks
from ..errors import UsageError
from .filter import Filter

__all__ = ["filter"]


@overload
def filter(cls: type[Any], /) -> Filter: ...  # noqa: A001 - it is written wasmnb.filter


@overload
def filter(  # noqa: A001
    *, name: str | None = None, path: Sequence[str | os.PathLike[str]] = ()
) -> Callable[[type[Any]], Filter]: ...


def filter(  # noqa: A001
    cls: type[Any] | None = None, /, *, name: str | None = None, path: Sequence[str | os.PathLike[str]] = ()
) -> Any:
    """Compile the decorated class to a filter: `@wasmnb.filter`, or with arguments `@wasmnb.filter(name="auth")`.

    The name of the class then refers to the `Filter`: `Proxy(Auth, workers=4)`. The class itself is available as
    `Auth.context_class`, for unit tests of its methods. `class Child(Auth)` derives from the class.

    Everything that the class refers to is collected: functions, classes, imports and constants of its module, or of this
    and earlier cells; modules in the folder of the file or notebook; and the `PluginContext` and `VMContext` of the cell.

    Parameters
    ----------
    cls
        Class to compile, which must derive from `HttpContext`, `TcpContext` or `PluginContext`.
    name
        Name of the filter in the proxy. By default, the name of the class.
    path
        Further folders with modules that the class imports (default none).

    Returns
    -------
    Filter
        The compiled filter, or a decorator if only keyword arguments are given.

    Raises
    ------
    SourceError
        The source has an error, or refers to a value that can't be part of a module.
    BuildError
        The toolchain, the cache or the disk failed.
    UsageError
        The decorated object isn't a class.
    """
    if cls is None:
        return lambda decorated: _decorate(decorated, sys._getframe(1), name, path)
    return _decorate(cls, sys._getframe(1), name, path)


def _decorate(cls: Any, frame: Any, name: str | None, path: Sequence[str | os.PathLike[str]]) -> Any:
    if not isinstance(cls, type):
        decorated = f"{type(cls).__name__} {getattr(cls, '__name__', repr(cls))}"
        raise UsageError(f"@wasmnb.filter must decorate a class that derives from HttpContext, not the {decorated}.")
    with _hooks.current_progress() as progress:
        return Filter.from_class(cls, name, path=path, progress=progress, running=frame)
