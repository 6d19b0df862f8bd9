"""Notes for exceptions that mean something else in a filter than in an ordinary program: what to do instead.

A note is made when an exception is logged, so it costs nothing before. Each function looks at one kind of mistake.
"""

import re
import sys
from collections.abc import Callable

from .unsupported import unsupported_hint

__all__ = ["hint_for", "missing_variable"]

#: Classes of the SDK whose objects are awaited, as Python names them in messages.
_AWAITED = frozenset({"coroutine", "HttpCall", "GrpcCall", "QueueItem", "Sleep", "BodyWait", "_Gather", "body_chunks"})

_TYPE_NAME = re.compile(r"'(\w+)'")

_IN_WASM = sys.platform == "wasi"


def hint_for(error: BaseException) -> str | None:
    """Return what to do about an exception, or None if there is nothing to add to its own message."""
    for find in _FINDERS:
        hint = find(error)
        if hint is not None:
            return hint
    return None


def missing_variable(error: BaseException) -> str | None:
    """Return the name of the environment variable that `os.environ[...]` didn't find, or None."""
    if not isinstance(error, KeyError) or not error.args or not isinstance(error.args[0], str):
        return None
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or trace.tb_frame.f_globals.get("__name__") != "os":
        return None
    return error.args[0] if trace.tb_frame.f_code.co_name == "__getitem__" else None


def _variable(error: BaseException) -> str | None:
    name = missing_variable(error)
    if name is None:
        return None
    return (
        f"The VM has no environment variable {name}. Set it with Plugin(filter, environment={{{name!r}: ...}}), in Envoy "
        "with vm_config.environment_variables."
    )


def _name(error: BaseException) -> str | None:
    if not isinstance(error, NameError) or isinstance(error, UnboundLocalError) or not error.name:
        return None
    return (
        f"A filter has the names of its own source only, not those of the notebook. Define {error.name} in the cell or in a "
        "%%wasmpart cell of the filter, or write the class with @wasmnb.filter, which takes along the names that it uses."
    )


def _forgotten_await(error: BaseException) -> str | None:
    if not isinstance(error, AttributeError | TypeError):
        return None
    awaitable = getattr(error, "obj", None)
    names = set(_TYPE_NAME.findall(str(error)))
    if hasattr(type(awaitable), "__await__") or (names & _AWAITED and "await" not in str(error)):
        return "The value has not been awaited: write `await` in front of the call, in an `async def` callback."
    return None


def _file(error: BaseException) -> str | None:
    if not _IN_WASM or not isinstance(error, OSError) or error.filename is None:
        return None
    return (
        "A filter runs in the proxy's sandbox, which has no files. Put the contents into the source or into the plugin's "
        "configuration, or fetch them with self.http_call()."
    )


def _module(error: BaseException) -> str | None:
    if not _IN_WASM or not isinstance(error, ModuleNotFoundError) or not error.name:
        return None
    return (
        f"A filter can't import from files at run time. Write `import {error.name}` as an import statement in its source, so "
        "that the module becomes part of the runtime."
    )


_FINDERS: tuple[Callable[[BaseException], str | None], ...] = (
    unsupported_hint, _variable, _name, _forgotten_await, _file, _module,
)  # fmt: skip
