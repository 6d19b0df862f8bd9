"""What does not work inside a proxy, and what to use instead: a note for exceptions that only say that something failed.

Facts: there is no event loop, no socket, no thread and no process inside a proxy. Python says so in many ways: "no running
event loop", errno 58, an attribute of None. The note is looked for when an exception is logged, so that it costs nothing
before.
"""

from collections.abc import Iterator
from traceback import walk_tb

__all__ = ["FOREIGN", "foreign_hint"]

_AWAITABLES = (
    "Use sleep(), gather(), timeout() and wait_for() of wasmnb.sdk, self.http_call(), self.grpc_call(), "
    "self.grpc_stream(), queue.get() and self.request_body()."
)

#: Said of what a coroutine yields and is none of ours.
FOREIGN = f"cannot be awaited in a filter: there is no event loop inside the proxy. {_AWAITABLES}"

#: Function of asyncio -> what to use instead.
_INSTEAD = {
    "sleep": "Use `await sleep(seconds)`.",
    "wait_for": "Use `await wait_for(awaitable, seconds)`.",
    "timeout": "Use `async with timeout(seconds)`.",
    "gather": "Use `await gather(...)`.",
    "wait": "Use `await gather(...)`.",
    "create_task": "Use `await gather(...)` to run several at once.",
    "ensure_future": "Use `await gather(...)` to run several at once.",
    "run": "Write the callback as `async def` and await it there.",
    "to_thread": "There are no threads either: call it here.",
    "open_connection": "There are no sockets either: use `await self.http_call(cluster, ...)`.",
}

#: Module of the standard library -> what to say if an exception comes out of it.
_MODULES = {
    "socket": "There are no sockets inside the proxy: use self.http_call(cluster, ...) or self.grpc_call(cluster, ...).",
    "threading": "There are no threads inside the proxy: `async def` callbacks and gather() do several things at once.",
    "subprocess": "There are no other processes inside the proxy.",
}

#: How many exceptions of a chain are looked at.
_DEEP = 5

#: How Python says that something cannot be awaited, from 3.11 to 3.14.
_NOT_AWAITABLE = ("can't be awaited", "can't be used in 'await' expression")


def foreign_hint(error: BaseException) -> str | None:
    """What to use instead of what failed, if it is something that cannot work inside a proxy."""
    said = _said(error)
    if FOREIGN in said:
        return None
    modules = dict(_modules(error))
    if "asyncio" in modules or (isinstance(error, RuntimeError) and "event loop" in said):
        name = modules.get("asyncio")
        what, instead = (f"asyncio.{name}()", _INSTEAD[name]) if name in _INSTEAD else ("asyncio", _AWAITABLES)
        return f"{what} cannot be used in a filter: there is no event loop inside the proxy. {instead}"
    if isinstance(error, TypeError) and said.endswith(_NOT_AWAITABLE):
        return f"What a filter can await: {_AWAITABLES.removeprefix('Use ')}"
    return next((said for module, said in _MODULES.items() if module in modules), None)


def _said(error: BaseException) -> str:
    """An exception's message; its `__str__` may be the filter's own, and fail."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - whatever it is, the exception itself is what has to be told
        return ""


def _modules(error: BaseException | None) -> Iterator[tuple[str, str]]:
    """Modules and functions that an exception and those before it came through, the innermost first."""
    for _ in range(_DEEP):
        if error is None:
            return
        frames = [(frame.f_globals.get("__name__"), frame.f_code.co_name) for frame, _ in walk_tb(error.__traceback__)]
        yield from ((str(module).partition(".")[0], function) for module, function in reversed(frames))
        error = error.__cause__ or error.__context__
