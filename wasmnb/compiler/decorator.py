"""`@wasmnb.filter`: a filter from a class in a normal cell or module, where editors read and complete it."""

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
    """Make a filter of a class: `@wasmnb.filter`, or with arguments `@wasmnb.filter(name="auth")`.

    The name of the class then stands for the `Filter`: `Proxy(Auth, workers=4)`. The class itself, for unit tests of its
    methods, is `Auth.context_class`; deriving from `Auth` derives from it.

    What the class refers to comes along: functions, classes, imports and constants of its module, or of this and earlier
    cells; modules beside the file or notebook; and the `PluginContext` and `VMContext` of the same cell.

    Parameters
    ----------
    name
        What the proxy calls it; the name of the class if not given.
    path
        More folders in which modules lie that it imports.

    Raises
    ------
    SourceError
        The source is at fault, or refers to something that cannot go into a module; says where and what to do.
    BuildError
        The tool chain, the cache or the disk failed.
    """
    if cls is None:
        return lambda decorated: _decorate(decorated, sys._getframe(1), name, path)
    return _decorate(cls, sys._getframe(1), name, path)


def _decorate(cls: Any, frame: Any, name: str | None, path: Sequence[str | os.PathLike[str]]) -> Any:
    if not isinstance(cls, type):
        what = f"{type(cls).__name__} {getattr(cls, '__name__', repr(cls))}"
        raise UsageError(f"@wasmnb.filter stands over a class that derives from HttpContext, not over the {what}.")
    with _hooks.current_progress() as progress:
        return Filter.from_class(cls, name, path=path, progress=progress, running=frame)
