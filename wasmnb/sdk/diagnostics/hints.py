"""Hints for exceptions whose usual cause in a filter differs from the cause in other Python programs.

A hint is added to an exception when it is logged. Each function recognises one kind of mistake.
"""

import re
import sys
from collections.abc import Callable

from .unsupported import ABSENT_ATTRIBUTES, SOCKETS, unsupported_hint

__all__ = ["hint_for", "missing_variable"]

#: Names of the SDK's classes whose objects must be awaited, as in Python's error messages.
_AWAITED = frozenset({"coroutine", "HttpCall", "GrpcCall", "QueueItem", "Sleep", "BodyWait", "_Gather", "body_chunks"})

#: Names of the SDK's classes whose objects must be iterated over with `async for`.
_ITERATED = frozenset({"Items", "async_generator", "GrpcStream"})

_TYPE_NAME = re.compile(r"'(\w+)'|non-iterable (\w+) object")

IN_WASM = sys.platform == "wasi"


def hint_for(error: BaseException) -> str | None:
    """Return advice about an exception raised in a filter, or None if its message needs no addition."""
    if type(error).__name__ == "UnsupportedFeatureError":  # raised by `compiler/guest_code/absent_features.py`
        return None
    for find in _FINDERS:
        hint = find(error)
        if hint is not None:
            return hint
    return None


def missing_variable(error: BaseException) -> str | None:
    """Return the name of the environment variable if `os.environ[...]` raised this error, and otherwise None."""
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
        f"The VM has no environment variable {name}. Set it with %%wasmfilter --env {name}=VALUE in a notebook, "
        f"Plugin(filter, environment={{{name!r}: ...}}) in Python, or vm_config.environment_variables in Envoy."
    )


def _name(error: BaseException) -> str | None:
    if not isinstance(error, NameError) or isinstance(error, UnboundLocalError) or not error.name:
        return None
    return (
        f"A filter has only the names of its own source, not those of the notebook. Define {error.name} in the cell or in a "
        "%%wasmpart cell of the filter, or decorate the class with @wasmnb.filter, which copies the names that it uses."
    )


def _forgotten_await(error: BaseException) -> str | None:
    if not isinstance(error, AttributeError | TypeError):
        return None
    names = _type_names(error)
    if "Body" in names and "not iterable" in str(error):
        return (
            "A body arrives in chunks. Use `async for chunk in body` in an `async def` callback, or `body.get()` to read only "
            "the current chunk."
        )
    if names & _ITERATED and "not iterable" in str(error):
        return "The items have not arrived yet. Iterate over them with `async for`, in an `async def` callback."
    if hasattr(type(getattr(error, "obj", None)), "__await__") or (names & _AWAITED and "await" not in str(error)):
        return "The value has not been awaited: write `await` before the call, in an `async def` callback."
    return None


def _type_names(error: AttributeError | TypeError) -> set[str]:
    """Return the names of the types that an error is about. For a TypeError, they are extracted from CPython's message."""
    if isinstance(error, AttributeError):
        return {type(error.obj).__name__}
    return {name for match in _TYPE_NAME.findall(str(error)) for name in match if name}


_OF_PLUGINS = frozenset(("set_tick_period", "configuration"))
_OF_STREAMS = frozenset(
    ("request", "response", "request_headers", "response_headers", "send_local_response", "continue_request")
)


def _other_context(error: BaseException) -> str | None:
    if not isinstance(error, AttributeError) or not hasattr(error.obj, "context_id"):
        return None
    if error.name in _OF_PLUGINS:
        return f"{error.name} is an attribute of the plugin. Use self.plugin.{error.name}."
    if error.name in _OF_STREAMS:
        return f"{error.name} is an attribute of HTTP streams. Use it in an HttpContext."
    return None


#: Attributes of a Body object that don't exist on bytes.
_OF_BODIES = frozenset({"get", "text", "json", "set", "set_json", "append", "prepend"})


def _bytes_of_body(error: BaseException) -> str | None:
    if not isinstance(error, AttributeError) or not isinstance(error.obj, bytes) or error.name not in _OF_BODIES:
        return None
    return (
        "The value is bytes, as `await self.request_body()` returns them. Use json.loads(data) or data.decode(), or "
        "`await self.request.content()`, which has text, json() and set()."
    )


#: Error number that WASI returns for operations on sockets.
_NOT_SUPPORTED = 58


def _lacking(error: BaseException) -> str | None:
    if not IN_WASM or not isinstance(error, AttributeError):
        return None
    names, advice = ABSENT_ATTRIBUTES.get(getattr(error.obj, "__name__", ""), (frozenset(), ""))
    return advice if error.name in names and advice not in str(error) else None


def _socket(error: BaseException) -> str | None:
    if not IN_WASM or not isinstance(error, OSError) or error.errno != _NOT_SUPPORTED or error.filename is not None:
        return None
    return SOCKETS


def _file(error: BaseException) -> str | None:
    if not IN_WASM or not isinstance(error, OSError):
        return None
    if error.filename is None and "temporary directory" not in str(error):
        return None
    return (
        "A filter runs in the proxy's sandbox, which has no files. Put the contents into the source or into the plugin's "
        "configuration, or fetch them with self.http_call()."
    )


def _module(error: BaseException) -> str | None:
    if (
        not IN_WASM
        or not isinstance(error, ModuleNotFoundError)
        or not error.name
        or not str(error).endswith(f"{error.name!r}")
    ):
        return None  # the message already contains another reason
    return (
        f"A filter can't import from files at run time. Write `import {error.name}` as an import statement in its source, so "
        "that the module becomes part of the runtime."
    )


_FINDERS: tuple[Callable[[BaseException], str | None], ...] = (
    unsupported_hint, _variable, _name, _forgotten_await, _other_context, _bytes_of_body, _lacking, _socket, _file, _module,
)  # fmt: skip
