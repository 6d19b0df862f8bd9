"""Protocols of the VM and of contexts, as types for modules that can't import the classes without a cycle.

`messages`, `tasks` and `callouts` use these types. The classes themselves are in `vm` and `contexts`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .messages.properties import Properties

__all__ = ["BodyReader", "ContextInterface", "StreamInterface", "VMInterface"]


class ContextInterface(Protocol):
    """Attributes of a context that `messages`, `tasks` and `callouts` use."""

    context_id: int
    _vm: Any
    _waits: Any

    def _own_plugin(self) -> Any:
        """Return the plugin's context of a stream, or this context itself."""

    @property
    def properties(self) -> "Properties":
        """Attributes of the stream and of the Envoy node."""


class StreamInterface(ContextInterface, Protocol):
    """Attributes and methods of an HTTP stream or TCP connection that `tasks` uses. A direction is a name such as `request`."""

    plugin: Any

    def _paused(self, method: str, status: int = 1) -> None:
        """Record that a callback returned a status that pauses its direction."""

    def _is_paused(self, direction: str) -> bool:
        """Return whether a direction is paused, so that it can be continued."""

    def _continued(self, direction: str) -> None:
        """Record that a callback of this direction returned Continue."""

    def _continue(self, direction: str) -> None:
        """Continue a paused direction."""

    def _fail(self, method: str) -> None:
        """End the stream in the same way as Envoy does after a trap in this callback."""


class BodyReader(Protocol):
    """Methods of a stream's task that read the body, and the future with which the task waits for it (or None)."""

    body_wait: Any

    def can_read(self, *, whole: bool) -> bool:
        """Return whether the whole body, or a chunk of it, can be read without waiting."""

    def read(self, *, whole: bool) -> bytes | None:
        """Read the whole body, or its next chunk. Returns None after the last chunk."""

    def await_body(self, wait: Any) -> None:
        """Begin to wait for the body."""

    def abandon_body(self) -> None:
        """Stop waiting for the body."""


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
