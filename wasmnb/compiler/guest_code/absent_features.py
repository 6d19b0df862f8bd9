"""Replacements for features of Python that don't work in a proxy. They raise an exception that says what to use instead.

Facts: the original C functions fail with "Not supported" or "can't start new thread", a lock that is never released stops the
module, and an event loop that couldn't be created fails a second time when it is garbage collected.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from wasmnb.sdk.diagnostics.unsupported import ABSENT_ATTRIBUTES, LOCKS, PROCESSES, SOCKETS, THREADS, event_loop_advice

__all__ = ["UnsupportedFeatureError", "install"]

#: WASI's error number for "Not supported".
_NOT_SUPPORTED = 58


class UnsupportedFeatureError(OSError, NotImplementedError):
    """A program uses a feature that doesn't exist in a proxy. Some programs catch OSError, others NotImplementedError."""

    def __init__(self, text: str) -> None:
        super().__init__(_NOT_SUPPORTED, text)


def _failing(name: str, text: str) -> Callable[..., Any]:
    """Return a function that raises an exception. It closes coroutines in its arguments, because they will never be awaited."""

    def fail(*args: Any, **_: Any) -> Any:
        for argument in args:
            if hasattr(argument, "cr_code"):
                argument.close()
        raise UnsupportedFeatureError(text)

    fail.__name__ = fail.__qualname__ = name
    return fail


def _loop(self: Any, *_: Any, **__: Any) -> None:
    self._closed = True  # so that nothing fails when it is garbage collected
    raise UnsupportedFeatureError(event_loop_advice(""))


def _wait(self: Any, timeout: float | None = None) -> bool:
    if timeout is None:
        raise UnsupportedFeatureError(LOCKS)
    return bool(self._wasmnb_wait(timeout))


#: Module, its functions that fail, and the text of the exception.
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
    ("subprocess", "Popen.__init__", PROCESSES),  # asyncio imports it
)

#: Functions of asyncio that need an event loop.
_LOOPS = (
    "run sleep wait timeout new_event_loop get_event_loop get_running_loop create_task ensure_future gather wait_for to_thread shield "
    "run_coroutine_threadsafe open_connection start_server create_subprocess_exec create_subprocess_shell"
)


def install(reasons: dict[str, str]) -> None:
    """Replace functions of imported modules. `reasons` says for each module that can't be imported why it doesn't exist."""
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
    """Replace a function, or a method, of an imported module."""
    owner: Any = sys.modules.get(module)
    *outer, last = name.split(".")
    for part in outer:
        owner = getattr(owner, part, None)
    if owner is not None and hasattr(owner, last):
        setattr(owner, last, _failing(last, text))


def _limit_waiting() -> None:
    """Make conditions raise if they wait without a timeout. Events, queues and semaphores use conditions."""
    condition: Any = sys.modules["threading"].Condition
    condition._wasmnb_wait, condition.wait = condition.wait, _wait


def _explaining(module: ModuleType) -> Callable[[str], Any]:
    """Return a `__getattr__` for a module, which says what to use instead of attributes that exist only on other systems."""

    def __getattr__(name: str) -> Any:  # noqa: N807
        text = f"module {module.__name__!r} has no attribute {name!r}"
        names, advice = ABSENT_ATTRIBUTES[module.__name__]
        raise AttributeError(f"{text}. {advice}" if name in names else text, name=name, obj=module)

    return __getattr__


class _AbsentModules:
    """The last import finder, whose error says why a module doesn't exist.

    Parameters
    ----------
    reasons
        The reason for each module, by name.
    """

    def __init__(self, reasons: dict[str, str]) -> None:
        self._reasons = reasons

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> None:
        """Raise `ModuleNotFoundError` if the reason is known; otherwise return None."""
        reason = next((self._reasons[part] for part in _with_parents(name) if part in self._reasons), None)
        if reason is not None:
            raise ModuleNotFoundError(f"No module named {name!r}. {reason}", name=name)


def _with_parents(name: str) -> Iterator[str]:
    while name:
        yield name
        name = name.rpartition(".")[0]
