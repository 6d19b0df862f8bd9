"""The SDK's state of one VM: the hostcalls, the filter, and the callouts, timers and waits in progress.

Inside Wasm, every Python interpreter is one VM. Native filters run in several VMs of one interpreter, which share no state.
`Dispatcher.activate` stores the current VM in a context variable.
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
    """The filter loaded into a VM.

    Attributes
    ----------
    classes
        The filter's context classes by kind: `vm`, `plugin`, `http`, `tcp`.
    context
        The filter's VMContext, or None until the source has been loaded.
    exports
        Export names of the module's callbacks. The proxy calls only these.
    """

    __slots__ = ("classes", "context", "exports")

    def __init__(self) -> None:
        self.classes: dict[str, Any] = {}
        self.context: Any = None
        self.exports: frozenset[str] = frozenset()


class VM:
    """The SDK's state of one VM of the proxy.

    Attributes
    ----------
    abi
        The binding, which has one function for each hostcall. It accepts the hostcall's inputs and returns the status, or a
        tuple of the status and the outputs.
    active
        The context that hostcalls currently act on.
    filter
        Classes, VMContext and exports of the filter.
    messages
        Header maps and bodies of the active stream.
    callouts, timers, queues
        Callouts in progress, timers of each plugin, and callbacks waiting for queue items.
    metric_ids
        Ids of the metrics that this VM has defined, by kind and name.
    deletes
        Counter of the tasks and gRPC streams to cancel when their stream ends. While the count is 0, the proxy
        needn't report the end of streams.
    errors
        Object that logs the filter's exceptions.
    responding
        Id of the stream whose response headers callback is running, or -1 in all other callbacks.
    local_response
        The binding's faster function for local responses. It accepts text, bytes and headers without encoding them first, and
        returns the status. It returns -1 and sends nothing if a value needs encoding or contains a line break.
    run
        Function that runs a coroutine up to its next wait or its end: `tasks.run`, or a faster function of the binding.
    variables
        Environment variables meant for the SDK and hidden from the filter.
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

    def call(self, hostcall: str, *args: Any, subject: str = "") -> Any:
        """Make a hostcall.

        Parameters
        ----------
        hostcall
            Name of the hostcall without `proxy_`.
        args
            Inputs of the hostcall.
        subject
            Description of the arguments for the error message (default none).

        Returns
        -------
        Any
            The hostcall's output: a tuple if it has several outputs, None if it has none.

        Raises
        ------
        HostcallError
            The hostcall returned a status other than OK.
        """
        result = getattr(self.abi, hostcall)(*args)
        if isinstance(result, int):
            if result:
                raise hostcall_error(hostcall, result, subject)
            return None
        if result[0]:
            raise hostcall_error(hostcall, result[0], subject)
        return result[1] if len(result) == 2 else result[1:]

    def require(self, callback: str, feature: str) -> None:
        """Raise RuntimeError if the module doesn't export a callback that a feature of the SDK needs.

        Parameters
        ----------
        callback
            Name of the callback without `proxy_`.
        feature
            Name of the function or method that needs the callback. The compiler exports the callback if the filter uses
            this name.
        """
        if f"proxy_{callback}" not in self.filter.exports:
            raise RuntimeError(
                f"{feature} needs the callback {callback}, which the module doesn't export because the filter's source "
                f"doesn't contain the name {feature}. Use this name directly in the filter's code."
            )

    def enter(self, context: ContextInterface) -> bool:
        """Make all further hostcalls of this callback act on `context`. Returns False if its stream has ended."""
        if context is self.active:
            return True
        if self.abi.set_effective_context(context.context_id):
            return False
        self.active = context
        return True

    def enter_plugin(self, plugin: ContextInterface) -> None:
        """Make sure that hostcalls act on `plugin`, or on the active stream if it belongs to this plugin."""
        if self.active is None or self.active._own_plugin() is not plugin:
            self.enter(plugin)

    def switch(self, context: ContextInterface) -> None:
        """Make all further hostcalls of this callback act on `context`. Raises `BadArgument` if its stream has ended."""
        if not self.enter(context):
            raise hostcall_error("set_effective_context", 2, str(context.context_id))

    def report(self, error: BaseException) -> None:
        """Log an exception raised by the filter."""
        self.errors.report(error)


def _encode_first(*_: Any) -> int:
    return -1


def current_vm() -> VM:
    """Return the VM of the running callback. Raises RuntimeError outside of callbacks."""
    try:
        return _current.get()
    except LookupError:
        raise RuntimeError(
            "a hostcall was made while no proxy runs the filter. Make hostcalls in callbacks only."
        ) from None


def set_current_vm(vm: VM) -> None:
    """Select the VM used by `print`, logging and module-level objects such as `shared_data`."""
    _current.set(vm)
