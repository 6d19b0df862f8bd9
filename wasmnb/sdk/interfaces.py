"""Interfaces of the VM and of contexts, for the modules that they import.

Messages, tasks and callouts type their arguments with these protocols; the classes are in `vm` and `contexts`.
"""

from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["ContextInterface", "VMInterface"]


class ContextInterface(Protocol):
    """The part of a context that these modules use."""

    context_id: int
    _vm: Any
    _waits: Any


class VMInterface(Protocol):
    """The part of the VM that these modules use; `vm.VM` describes the attributes."""

    abi: Any
    active: Any
    filter: Any
    callouts: Any
    timers: Any
    variables: Any
    queues: Any
    deletes: Any
    run: Callable[[Any, None], Any]

    def call(self, hostcall: str, *args: Any, about: str = "") -> Any:
        """Make a hostcall and return its outputs."""

    def require(self, callback: str, feature: str) -> None:
        """Raise if the module doesn't export a callback that a feature needs."""

    def enter(self, context: Any) -> bool:
        """Make the rest of this callback act on `context`; return False if its stream has ended."""

    def enter_plugin(self, plugin: Any) -> None:
        """Make hostcalls that use the plugin act on it."""

    def switch(self, context: Any) -> None:
        """Make the rest of this callback act on `context`; raise if its stream has ended."""

    def report(self, error: BaseException) -> None:
        """Log an exception of the filter."""
