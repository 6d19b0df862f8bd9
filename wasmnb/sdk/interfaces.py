"""Protocols of the VM and of contexts, as types for modules that can't import the classes without a cycle.

`messages`, `tasks` and `callouts` use these types. The classes themselves are in `vm` and `contexts`.
"""

from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["ContextInterface", "VMInterface"]


class ContextInterface(Protocol):
    """Attributes of a context that `messages`, `tasks` and `callouts` use."""

    context_id: int
    _vm: Any
    _waits: Any


class VMInterface(Protocol):
    """Attributes and methods of a VM that `messages`, `tasks` and `callouts` use. `vm.VM` documents them."""

    abi: Any
    active: Any
    filter: Any
    callouts: Any
    timers: Any
    variables: Any
    queues: Any
    deletes: Any
    run: Callable[[Any, None], Any]

    def call(self, hostcall: str, *args: Any, subject: str = "") -> Any:
        """Make a hostcall and return its outputs. Raises HostcallError if the status is not OK."""

    def require(self, callback: str, feature: str) -> None:
        """Raise RuntimeError if the module doesn't export a callback that a feature of the SDK needs."""

    def enter(self, context: Any) -> bool:
        """Make all further hostcalls of this callback act on `context`. Returns False if its stream has ended."""

    def enter_plugin(self, plugin: Any) -> None:
        """Make sure that hostcalls act on `plugin`, or on the active stream if it belongs to this plugin."""

    def switch(self, context: Any) -> None:
        """Make all further hostcalls of this callback act on `context`. Raises `BadArgument` if its stream has ended."""

    def report(self, error: BaseException) -> None:
        """Log an exception raised by the filter."""
