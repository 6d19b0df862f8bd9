"""The decorator `@wasmnb.filter`, which compiles a class that is defined in an ordinary cell or Python file."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, overload

from .. import _hooks
from ..errors import UsageError
from .cell_source.sibling_contexts import FILTER_DECORATOR
from .filter import Filter

__all__ = ["filter"]


@overload
def filter(cls: type[Any], /) -> Filter: ...  # noqa: A001 - users write wasmnb.filter


@overload
def filter(  # noqa: A001
    *, name: str | None = None, path: Sequence[str | os.PathLike[str]] = ()
) -> Callable[[type[Any]], Filter]: ...


def filter(  # noqa: A001
    cls: type[Any] | None = None, /, *, name: str | None = None, path: Sequence[str | os.PathLike[str]] = ()
) -> Any:
    """Compile the decorated class to a filter. Write `@wasmnb.filter`, or `@wasmnb.filter(name="auth")` to pass arguments.

    Afterwards, the name of the class refers to the `Filter`, for example in `Proxy(Auth, workers=4)`. The class itself is
    `Auth.context_class`, so that unit tests can call its methods. `class Child(Auth)` derives from the class.

    The filter contains everything that the class refers to: functions, classes, imports and constants of its module, or of this
    and earlier cells. It also contains modules from the folder of the file or notebook, and the cell's `PluginContext` and
    `VMContext` classes.

    Parameters
    ----------
    cls
        Class to compile, which must derive from `HttpContext`, `TcpContext` or `PluginContext`.
    name
        Name of the filter in the proxy. By default, the name of the class.
    path
        Additional folders to search for modules that the class imports (default none).

    Returns
    -------
    Filter
        The compiled filter, or a decorator if only keyword arguments are given.

    Raises
    ------
    SourceError
        The source has an error, or refers to a value that can't be stored in a module.
    BuildError
        Building failed because of the toolchain, the cache or the disk.
    UsageError
        The decorated object isn't a class.
    """
    if cls is None:
        return lambda decorated: _decorate(decorated, sys._getframe(1), name, path)
    return _decorate(cls, sys._getframe(1), name, path)


setattr(filter, FILTER_DECORATOR, True)


def _decorate(cls: Any, frame: Any, name: str | None, path: Sequence[str | os.PathLike[str]]) -> Any:
    if not isinstance(cls, type):
        decorated = f"{type(cls).__name__} {getattr(cls, '__name__', repr(cls))}"
        raise UsageError(f"@wasmnb.filter must decorate a class that derives from HttpContext, not the {decorated}.")
    with _hooks.current_progress() as progress:
        return Filter.from_class(cls, name, path=path, progress=progress, running=frame)
