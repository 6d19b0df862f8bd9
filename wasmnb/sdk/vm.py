"""What one VM of the proxy holds: its hostcalls, its views of the current stream, the calls that are under way.

Facts: a hostcall acts on the context that the callback is for, until `set_effective_context` says otherwise, which lasts
to the end of the callback. So the views (header maps, bodies) belong to the VM rather than to a stream, and `enter`
makes them show the stream that is meant.

In Wasm an interpreter is one VM; natively one interpreter holds several. Nothing here is shared between them: the
current one is a context variable, set when a source is loaded and by `Dispatcher.activate`.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ..abi import BufferType, HeaderMapType, LogLevel
from .diagnostics.hostcall_causes import hostcall_error
from .diagnostics.tracebacks import format_exception
from .diagnostics.unsupported import foreign_hint
from .messages.bodies import Body
from .messages.headers import header_map
from .tasks.tasks import run

if TYPE_CHECKING:
    from .callouts.grpc import GrpcCall
    from .callouts.grpc_streams import GrpcStream
    from .callouts.http import HttpCall
    from .contexts import Context, PluginContext, VMContext
    from .tasks.awaitables import QueueItem
    from .tasks.timers import Ticker

__all__ = ["VM", "by_user", "current_vm", "set_current_vm"]

_current: ContextVar["VM"] = ContextVar("wasmnb.sdk.vm")


class VM:
    """One VM, as the SDK sees it.

    Attributes
    ----------
    abi
        The binding: one callable a hostcall, inputs in, status or (status, outputs...) out.
    active
        The context that hostcalls act on now.
    context
        The filter's VMContext.
    classes
        The filter's classes: "vm", "plugin", "http", "tcp".
    exports
        Callbacks that the module exports: no other is ever called.
    show_locals
        Tracebacks have local variables.
    watched, watch_deletes
        How many streams wait, and what tells the proxy's side to call `on_delete` while any does (None: it always does,
        if the source has an `async def`).
    raised
        Natively: told of every exception that the filter does not take, beside the log.
    run
        Runs a coroutine to its end or its next wait: `futures.run`, or the binding's own.
    tickers, queue_waiters
        Timers by plugin and waits by queue, of `async def` callbacks.
    http_calls, grpc_calls
        Callouts under way, by token.
    metric_ids
        Metrics that this VM has defined, by kind and name.
    """

    __slots__ = (
        "abi",
        "active",
        "classes",
        "context",
        "downstream_data",
        "exports",
        "grpc_calls",
        "http_calls",
        "metric_ids",
        "queue_waiters",
        "raised",
        "request_body",
        "request_headers",
        "request_trailers",
        "response_body",
        "response_headers",
        "response_trailers",
        "run",
        "show_locals",
        "tickers",
        "upstream_data",
        "watch_deletes",
        "watched",
    )

    def __init__(self, abi: Any) -> None:
        self.abi = abi
        self.active: Context | None = None
        self.context: VMContext | None = None
        self.tickers: dict[int, Ticker] = {}
        self.queue_waiters: dict[int, list[QueueItem]] = {}
        self.classes: dict[str, Any] = {}
        self.exports: frozenset[str] = frozenset()
        self.http_calls: dict[int, HttpCall] = {}
        self.grpc_calls: dict[int, GrpcCall | GrpcStream] = {}
        self.metric_ids: dict[tuple[int, str], int] = {}
        self.watch_deletes: Callable[[int], object] | None = getattr(abi, "watch_deletes", None)
        self.watched = 0
        self.run: Callable[[Any, None], Any] = getattr(abi, "run", run)
        self.raised: Callable[[BaseException], object] | None = getattr(abi, "raised", None)
        self.show_locals = False
        self.request_headers = header_map(abi, HeaderMapType.REQUEST_HEADERS)
        self.request_trailers = header_map(abi, HeaderMapType.REQUEST_TRAILERS)
        self.response_headers = header_map(abi, HeaderMapType.RESPONSE_HEADERS)
        self.response_trailers = header_map(abi, HeaderMapType.RESPONSE_TRAILERS)
        self.request_body = Body(self, BufferType.HTTP_REQUEST_BODY)
        self.response_body = Body(self, BufferType.HTTP_RESPONSE_BODY)
        self.downstream_data = Body(self, BufferType.DOWNSTREAM_DATA)
        self.upstream_data = Body(self, BufferType.UPSTREAM_DATA)

    def call(self, hostcall: str, *args: Any, about: str = "") -> Any:
        """Make a hostcall; its outputs (none, one, or a tuple). A status other than OK is raised as `HostcallError`."""
        answer = getattr(self.abi, hostcall)(*args)
        if isinstance(answer, int):
            if answer:
                raise hostcall_error(hostcall, answer, about)
            return None
        if answer[0]:
            raise hostcall_error(hostcall, answer[0], about)
        return answer[1] if len(answer) == 2 else answer[1:]

    def require(self, callback: str, what: str) -> None:
        """Refuse what would never come to its end, since the module lacks a callback that belongs to it."""
        if f"proxy_{callback}" not in self.exports:
            raise RuntimeError(
                f"{what} needs {callback}, which the module does not export: exports follow from what the filter's source "
                f"mentions, so mention {what} there (a comment does not count)"
            )

    def watch(self, change: int) -> None:
        """One more or one less stream has something to cancel when it ends; told to the proxy's side when it matters."""
        before = self.watched
        self.watched = after = before + change
        if self.watch_deletes is not None and (not before or not after):
            self.watch_deletes(after)

    def enter(self, context: "Context") -> bool:
        """Have the hostcalls of this callback act on `context` from here on; False if its stream is over."""
        if context is self.active:
            return True
        if self.abi.set_effective_context(context.context_id):
            return False
        self.active = context
        return True

    def enter_plugin(self, plugin: "PluginContext") -> None:
        """As `enter`, for calls that act on the plugin of whatever stream is active, such as the tick period."""
        if getattr(self.active, "plugin", None) is not plugin:
            self.enter(plugin)

    def report(self, error: BaseException) -> None:
        """Log what the filter raised, once, in one piece. What the user has done is no fault of the filter's: it is raised."""
        if self.raised is not None and by_user(error):  # natively: in Wasm nobody sits at a keyboard
            raise error
        hint = foreign_hint(error)
        if hint is not None:
            error.add_note(hint)
        text = format_exception(error, show_locals=self.show_locals).encode("utf-8", "backslashreplace")
        self.abi.log(int(LogLevel.CRITICAL), text)
        if self.raised is not None:
            self.raised(error)

    def switch(self, context: "Context") -> None:
        """As `enter`, for code that cannot go on without it: raises `BadArgument` if the stream is over."""
        if not self.enter(context):
            raise hostcall_error("set_effective_context", 2, str(context.context_id))


def by_user(error: BaseException) -> bool:
    """Whether somebody at a keyboard meant it, which can be natively: the stop button, or leaving the debugger."""
    return type(error).__name__ in ("KeyboardInterrupt", "BdbQuit")


def current_vm() -> VM:
    """The VM whose callback runs now."""
    try:
        return _current.get()
    except LookupError:
        raise RuntimeError("hostcalls work only while a proxy runs the filter: call this from a callback") from None


def set_current_vm(vm: VM) -> None:
    """Make `vm` the one that `print`, logging and module-level objects mean."""
    _current.set(vm)
