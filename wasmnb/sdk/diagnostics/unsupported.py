"""Hints for exceptions from Python features that don't exist inside a proxy, with the SDK's replacement.

Event loops, sockets, threads and processes don't exist inside a proxy. Python reports their absence in many ways, such as
"no running event loop", errno 58, or an AttributeError of None. A hint is created only when an exception is logged.
"""

from collections.abc import Iterator
from traceback import walk_tb

__all__ = [
    "ABSENT_ATTRIBUTES",
    "LOCKS",
    "PROCESSES",
    "SOCKETS",
    "THREADS",
    "UNSUPPORTED_AWAITABLE",
    "event_loop_advice",
    "unsupported_hint",
]

_AWAITABLES = (
    "Use sleep(), gather(), timeout() and wait_for() of wasmnb.sdk, self.http_call(), self.grpc_call(), "
    "self.grpc_stream(), queue.get() and self.request_body()."
)

#: Message for awaitables that don't come from the SDK. It follows the repr of the awaitable.
UNSUPPORTED_AWAITABLE = f"can't be awaited in a filter: the proxy doesn't run an event loop. {_AWAITABLES}"

_NO_LOOP = "can't be used in a filter: the proxy doesn't run an event loop."

#: Function of asyncio -> advice on what to use instead.
_INSTEAD = {
    "sleep": "Use `await sleep(seconds)`.",
    "wait_for": "Use `await wait_for(awaitable, seconds)`.",
    "timeout": "Use `async with timeout(seconds)`.",
    "gather": "Use `await gather(...)`.",
    "wait": "Use `await gather(...)`.",
    "create_task": "Use `await gather(...)` to run several concurrently.",
    "ensure_future": "Use `await gather(...)` to run several concurrently.",
    "run": "Write the callback as `async def` and await it there.",
    "to_thread": "Threads don't exist either: call the function directly.",
    "open_connection": "Sockets don't exist either: use `await self.http_call(cluster, ...)`.",
}

#: Advice for code that uses sockets.
SOCKETS = "Sockets don't exist inside the proxy: use self.http_call(cluster, ...) or self.grpc_call(cluster, ...)."

THREADS = (
    "Threads don't exist inside the proxy: use `async def` callbacks and gather() to do several things concurrently."
)

PROCESSES = "Other processes and users don't exist inside the proxy."

_SIGNALS = (
    "Signals don't exist inside the proxy: use `await sleep(seconds)`, `async with timeout(seconds)` or `on_tick`."
)

#: Advice for code that waits for a lock without a timeout.
LOCKS = (
    "Nothing else runs in this VM while a callback waits for a lock, so the wait would never end. Use `await`, or a queue from "
    "register_queue()."
)

#: Advice texts. An exception whose message already contains one needs no hint.
_ADVICE = (UNSUPPORTED_AWAITABLE, _NO_LOOP, SOCKETS, THREADS, PROCESSES, _SIGNALS, LOCKS)

#: Module of the standard library -> hint for exceptions raised in it.
_MODULES = {"socket": SOCKETS, "threading": THREADS, "subprocess": "Other processes don't exist inside the proxy."}

#: Module -> names of attributes that it doesn't have inside Wasm, and advice on what to do instead.
ABSENT_ATTRIBUTES = {
    "os": (
        frozenset(
            [
                "chroot",
                "execl",
                "execle",
                "execlp",
                "execv",
                "execve",
                "execvp",
                "fork",
                "forkpty",
                "getlogin",
                "getuid",
                "kill",
                "killpg",
                "nice",
                "openpty",
                "pipe",
                "pipe2",
                "popen",
                "posix_spawn",
                "posix_spawnp",
                "setsid",
                "setuid",
                "spawnl",
                "spawnle",
                "spawnlp",
                "spawnv",
                "spawnve",
                "spawnvp",
                "system",
                "wait",
                "wait3",
                "wait4",
                "waitid",
                "waitpid",
            ]
        ),
        PROCESSES,
    ),
    "signal": (
        frozenset(("alarm", "getitimer", "pause", "pthread_kill", "setitimer", "siginterrupt", "sigwait")),
        _SIGNALS,
    ),
    "hashlib": (
        frozenset(("pbkdf2_hmac", "scrypt")),
        "Python inside the proxy has no OpenSSL. Derive such keys outside of the filter, and pass them in its configuration.",
    ),
}

#: Number of chained exceptions that are examined.
_DEPTH = 5

#: Ends of Python's messages about objects that can't be awaited, in versions 3.11 to 3.14.
_NOT_AWAITABLE = ("can't be awaited", "can't be used in 'await' expression")


def unsupported_hint(error: BaseException) -> str | None:
    """Return advice on what to use instead if an exception comes from a feature that doesn't exist inside a proxy.

    Returns None for other exceptions.
    """
    message = _message(error)
    if any(text in message for text in _ADVICE):
        return None
    modules = dict(_modules(error))
    if "asyncio" in modules or (isinstance(error, RuntimeError) and "event loop" in message):
        return event_loop_advice(modules.get("asyncio") or "")
    if isinstance(error, TypeError) and message.endswith(_NOT_AWAITABLE):
        return f"A filter can await {_AWAITABLES.removeprefix('Use ')}"
    return next((note for module, note in _MODULES.items() if module in modules), None)


def event_loop_advice(function: str) -> str:
    """Return advice on what to use instead of a function of asyncio, or instead of asyncio if the name is empty."""
    feature, instead = (
        (f"asyncio.{function}()", _INSTEAD[function]) if function in _INSTEAD else ("asyncio", _AWAITABLES)
    )
    return f"{feature} {_NO_LOOP} {instead}"


def _message(error: BaseException) -> str:
    """Return an exception's message, or '' if its `__str__` fails."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - the first exception is the one to report
        return ""


def _modules(error: BaseException | None) -> Iterator[tuple[str, str]]:
    """Yield (module, function) for each frame in the tracebacks of an exception and its causes, innermost first."""
    for _ in range(_DEPTH):
        if error is None:
            return
        frames = [(frame.f_globals.get("__name__"), frame.f_code.co_name) for frame, _ in walk_tb(error.__traceback__)]
        yield from ((str(module).partition(".")[0], function) for module, function in reversed(frames))
        error = error.__cause__ or error.__context__
