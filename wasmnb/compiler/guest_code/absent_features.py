"""Replacements for features of Python that don't work in a proxy. They raise an exception that explains what to use instead.

Without these replacements, the original C functions fail with "Not supported" or "can't start new thread", a lock that is never
released blocks the module, and an event loop that can't be created fails a second time when it is garbage collected.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from wasmnb.sdk.diagnostics.unsupported import ABSENT_ATTRIBUTES, LOCKS, PROCESSES, SOCKETS, THREADS, event_loop_advice

__all__ = ["UnsupportedFeatureError", "install"]

#: Error number of WASI for "Not supported".
_NOT_SUPPORTED = 58


class UnsupportedFeatureError(OSError, NotImplementedError):
    """Raised when a filter uses a feature that doesn't exist in a proxy. It can be caught as OSError or NotImplementedError."""

    def __init__(self, text: str) -> None:
        super().__init__(_NOT_SUPPORTED, text)


def _failing(name: str, text: str) -> Callable[..., Any]:
    """Return a function that raises an exception with `text`. The function closes coroutines in its arguments, because nothing
    would await them.
    """

    def fail(*args: Any, **_: Any) -> Any:
        for argument in args:
            if hasattr(argument, "cr_code"):
                argument.close()
        raise UnsupportedFeatureError(text)

    fail.__name__ = fail.__qualname__ = name
    return fail


def _loop(self: Any, *_: Any, **__: Any) -> None:
    self._closed = True  # so that garbage collection of the loop doesn't fail
    raise UnsupportedFeatureError(event_loop_advice(""))


def _wait(self: Any, timeout: float | None = None) -> bool:
    if timeout is None:
        raise UnsupportedFeatureError(LOCKS)
    return bool(self._wasmnb_wait(timeout))


#: Module, names of its functions that can't work, and text of the exception.
_FUNCTIONS: tuple[tuple[str, str, str], ...] = (
    (
        "socket",
        "socket.__init__ socketpair getaddrinfo getnameinfo gethostbyname gethostbyname_ex gethostbyaddr",
        SOCKETS,
    ),
    ("_socket", "getaddrinfo getnameinfo gethostbyname gethostbyname_ex gethostbyaddr", SOCKETS),
    ("_thread", "start_new_thread start_new start_joinable_thread", THREADS),
    ("threading", "Thread.start _start_joinable_thread", THREADS),
    ("os", "abort _exit", PROCESSES),
    ("subprocess", "Popen.__init__", PROCESSES),  # needed because asyncio imports subprocess
)

#: Functions of asyncio that require an event loop.
_LOOPS = (
    "run sleep wait timeout new_event_loop get_event_loop get_running_loop create_task ensure_future gather wait_for to_thread shield "
    "run_coroutine_threadsafe open_connection start_server create_subprocess_exec create_subprocess_shell"
)


def install(reasons: dict[str, str]) -> None:
    """Replace the functions of imported modules that can't work in a proxy.

    `reasons` contains the reason why each missing module doesn't exist, by name.
    """
    for module, names, text in _FUNCTIONS:
        for name in names.split():
            _replace(module, name, text)
    for owner in [module for name, module in sys.modules.items() if name.partition(".")[0] == "asyncio"]:
        for name in _LOOPS.split():
            if callable(getattr(owner, name, None)):
                setattr(owner, name, _failing(name, event_loop_advice(name)))
    if "asyncio" in sys.modules:
        loops: Any = sys.modules["asyncio.base_events"]
        loops.BaseEventLoop.__init__ = _loop
        _replace("asyncio.runners", "Runner._lazy_init", event_loop_advice("run"))
    _limit_waiting()
    for name in ABSENT_ATTRIBUTES:
        module_object: Any = sys.modules.get(name)
        if module_object is not None and not hasattr(module_object, "__getattr__"):
            module_object.__getattr__ = _explaining(module_object)
    finders: list[Any] = sys.meta_path
    finders.append(_AbsentModules(reasons))


def _replace(module: str, name: str, text: str) -> None:
    """Replace a function or a method of an imported module by one that raises an exception with `text`."""
    owner: Any = sys.modules.get(module)
    *outer, last = name.split(".")
    for part in outer:
        owner = getattr(owner, part, None)
    if owner is not None and hasattr(owner, last):
        setattr(owner, last, _failing(last, text))


def _limit_waiting() -> None:
    """Make conditions raise an exception if they wait without a timeout. Events, queues and semaphores use conditions."""
    condition: Any = sys.modules["threading"].Condition
    condition._wasmnb_wait, condition.wait = condition.wait, _wait


def _explaining(module: ModuleType) -> Callable[[str], Any]:
    """Return a `__getattr__` for a module. Its error explains what to use instead of attributes that exist only on other
    systems.
    """

    def __getattr__(name: str) -> Any:  # noqa: N807
        text = f"module {module.__name__!r} has no attribute {name!r}"
        names, advice = ABSENT_ATTRIBUTES[module.__name__]
        raise AttributeError(f"{text}. {advice}" if name in names else text, name=name, obj=module)

    return __getattr__


class _AbsentModules:
    """Import finder that is tried last, and raises an error that explains why a module doesn't exist.

    Parameters
    ----------
    reasons
        Reason for each missing module, by name.
    """

    def __init__(self, reasons: dict[str, str]) -> None:
        self._reasons = reasons

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> None:
        """Raise `ModuleNotFoundError` with the reason if it is known, otherwise return None."""
        reason = next((self._reasons[part] for part in _with_parents(name) if part in self._reasons), None)
        if reason is not None:
            raise ModuleNotFoundError(f"No module named {name!r}. {reason}", name=name)


def _with_parents(name: str) -> Iterator[str]:
    while name:
        yield name
        name = name.rpartition(".")[0]
