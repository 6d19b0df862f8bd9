"""One VM of the proxy, as the SDK sees it: its hostcalls, its filter, and its current calls, timers and waits.

Facts: inside Wasm, an interpreter is one VM; for native filters, one interpreter has several. VMs share nothing: the current
VM is in a context variable, set by `Dispatcher.activate`.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from .callouts.base import Callouts
from .diagnostics.error_reporter import ErrorReporter
from .diagnostics.hostcall_causes import hostcall_error
from .interfaces import ContextInterface
from .messages.stream_messages import StreamMessages
from .tasks.delete_watch import DeleteWatch
from .tasks.queue_items import QueueWaiters
from .tasks.tasks import run
from .tasks.timers import Timers

__all__ = ["VM", "InstalledFilter", "current_vm", "set_current_vm"]

_current: ContextVar["VM"] = ContextVar("wasmnb.sdk.vm")


class InstalledFilter:
    """The filter that a VM runs.

    Attributes
    ----------
    classes
        The filter's classes by kind: `vm`, `plugin`, `http`, `tcp`.
    context
        The filter's VMContext; None until the source is loaded.
    exports
        Export names of the module's callbacks. No other callback is ever called.
    """

    __slots__ = ("classes", "context", "exports")

    def __init__(self) -> None:
        self.classes: dict[str, Any] = {}
        self.context: Any = None
        self.exports: frozenset[str] = frozenset()


class VM:
    """One VM.

    Attributes
    ----------
    abi
        The binding: one callable for each hostcall, which takes the inputs and returns the status, or a tuple of the
        status and the outputs.
    active
        The context that hostcalls currently act on.
    filter
        Classes, VMContext and exports of the filter.
    messages
        Header maps and bodies of the active stream.
    callouts, timers, queues
        Calls in progress, timers by plugin, and waits for queue items.
    metric_ids
        Ids of the metrics that this VM has defined, by kind and name.
    deletes
        Counts what must be cancelled when a stream ends, so that the proxy reports the end of streams only if needed.
    errors
        Logs the filter's exceptions.
    responding
        Id of the stream whose callback for response headers is running; -1 in all other callbacks.
    local_response
        The binding's faster function for local responses. It accepts text, bytes and headers as the author wrote them, and
        returns the status; or -1, without sending anything, if they must be encoded first or have a line break.
    run
        Runs a coroutine to its end or its next wait: `tasks.run`, or the binding's faster function.
    variables
        Environment variables for the SDK, which the filter doesn't see.
    """

    __slots__ = (
        "abi",
        "active",
        "callouts",
        "deletes",
        "errors",
        "filter",
        "local_response",
        "messages",
        "metric_ids",
        "queues",
        "responding",
        "run",
        "timers",
        "variables",
    )

    def __init__(self, abi: Any) -> None:
        self.abi = abi
        self.active: Any = None
        self.filter = InstalledFilter()
        self.messages = StreamMessages(abi)
        self.callouts = Callouts()
        self.timers = Timers(self)
        self.queues = QueueWaiters()
        self.metric_ids: dict[tuple[int, str], int] = {}
        self.deletes = DeleteWatch(abi)
        self.errors = ErrorReporter(abi)
        self.responding = -1
        self.local_response: Callable[..., int] = getattr(abi, "local_response", _encode_first)
        self.run: Callable[[Any, None], Any] = getattr(abi, "run", run)
        self.variables: Mapping[str, str] = {}

    def call(self, hostcall: str, *args: Any, about: str = "") -> Any:
        """Make a hostcall.

        Parameters
        ----------
        hostcall
            Name without prefix.
        about
            Arguments as the error message shows them (default none).

        Returns
        -------
        Any
            The output; a tuple if there are several, None if there are none.

        Raises
        ------
        HostcallError
            The status is not OK.
        """
        result = getattr(self.abi, hostcall)(*args)
        if isinstance(result, int):
            if result:
                raise hostcall_error(hostcall, result, about)
            return None
        if result[0]:
            raise hostcall_error(hostcall, result[0], about)
        return result[1] if len(result) == 2 else result[1:]

    def require(self, callback: str, feature: str) -> None:
        """Raise RuntimeError if the module doesn't export a callback that `feature` needs.

        Parameters
        ----------
        callback
            Name without prefix.
        feature
            Name that the filter's source must use, so that the callback is exported.
        """
        if f"proxy_{callback}" not in self.filter.exports:
            raise RuntimeError(
                f"{feature} needs the callback {callback}, which the module doesn't export. Callbacks are exported for names "
                f"in the filter's source: mention {feature} there (a comment doesn't count)"
            )

    def enter(self, context: ContextInterface) -> bool:
        """Make the rest of this callback act on `context`; return False if its stream has ended."""
        if context is self.active:
            return True
        if self.abi.set_effective_context(context.context_id):
            return False
        self.active = context
        return True

    def enter_plugin(self, plugin: ContextInterface) -> None:
        """Make hostcalls that use the plugin act on it: on `plugin` itself, or on one of its streams if one is active."""
        if getattr(self.active, "plugin", None) is not plugin:
            self.enter(plugin)

    def switch(self, context: ContextInterface) -> None:
        """Make the rest of this callback act on `context`; raise `BadArgument` if its stream has ended."""
        if not self.enter(context):
            raise hostcall_error("set_effective_context", 2, str(context.context_id))

    def report(self, error: BaseException) -> None:
        """Log an exception of the filter."""
        self.errors.report(error)


def _encode_first(*_: Any) -> int:
    return -1


def current_vm() -> VM:
    """Return the VM whose callback runs now."""
    try:
        return _current.get()
    except LookupError:
        raise RuntimeError("hostcalls work only while a proxy runs the filter: call this from a callback") from None


def set_current_vm(vm: VM) -> None:
    """Make `vm` the one that `print`, logging and module-level objects use."""
    _current.set(vm)
