"""Base class of the dispatcher's parts, with the VM, its contexts, and checks of the results of the filter's methods."""

from collections.abc import Coroutine
from typing import Any

from ...abi import Action, LogLevel
from ...abi.text import encode_text
from ..contexts import Context, PluginContext
from ..errors import ContentError
from ..loading.callbacks import HANDLERS
from ..numbering import has_member
from ..tasks.context_waits import run_in_background
from ..tasks.stream_tasks import begin_wait
from ..tasks.tasks import is_wait
from ..tcp import TcpContext
from ..vm import VM
from .tables import Contexts

__all__ = ["Core"]

_PAUSE = Action.PAUSE


class Core:
    """Base class of the dispatcher's parts, with the VM and its contexts."""

    def __init__(self, binding: Any) -> None:
        self.vm = VM(binding)
        self._run = self.vm.run
        self._reported: set[tuple[type, str]] = set()
        self.contexts = Contexts(self.vm, getattr(binding, "journal", None), getattr(binding, "claim", None))
        self._plugins, self._http, self._tcp = self.contexts.plugins, self.contexts.http, self.contexts.tcp
        if hasattr(binding, "hold_streams"):
            binding.hold_streams(self._http)

    def sync(self, journal: bytes) -> None:
        """Update the table of contexts from a journal of created and deleted contexts: (context, parent) pairs of u32."""
        self.contexts.sync(journal)

    # -- results of the filter's methods

    def _stream_result(self, context: Any, method: str, result: Any, end_of_stream: Any = False) -> int:
        """Convert the result of a stream's callback to the number for the proxy, if it isn't CONTINUE.

        If the callback is `async def` and waits, start its task and return the number that pauses the stream.
        """
        if is_wait(result):
            coroutine, waited = result
            return begin_wait(self.vm, context, method, coroutine, waited, end_of_stream, self._stream_result)
        if result is None:
            return 0
        if result is _PAUSE:
            context._paused(method)
            return 1
        allowed = HANDLERS["tcp" if isinstance(context, TcpContext) else "http", method].returns
        if type(result) in allowed or (type(result) is int and any(has_member(enum, result) for enum in allowed)):
            if result:
                context._paused(method, int(result))
            return int(result)
        raise TypeError(_bad_result(context, method, result, " or ".join(f"a member of {e.__name__}" for e in allowed)))

    def _end_stream(self, context: Any, method: str, error: ContentError) -> int:
        """Log a ContentError, and end only its stream, because the body caused the error, not the filter."""
        self.vm.report(error)
        context._fail(method)
        return int(Action.PAUSE)

    def _background(self, plugin: PluginContext, method: str, result: Any) -> None:
        """Run the coroutine returned by a plugin's `async def` callback, independently of later callbacks."""
        if isinstance(result, Coroutine):
            run_in_background(self.vm, plugin, result)
        elif not isinstance(result, bool | int):
            raise TypeError(_bad_result(plugin, method, result, ""))

    def _ignored(self, context: Context, method: str, result: Any) -> None:
        """Warn that a callback has returned a value which the proxy ignores. The warning is logged once for each callback."""
        key = (type(context), method)
        if key not in self._reported:
            self._reported.add(key)
            line = getattr(type(context), method).__code__.co_firstlineno
            text = f"{type(context).__name__}.{method} (line {line}) returned {result!r}, which the proxy ignores. Return None"
            self.vm.call("log", int(LogLevel.WARN), encode_text(text))

    def _bool_result(self, context: Context, method: str, result: Any) -> int:
        """Convert the result of a callback, which is True, False, or None (meaning True), to the number for the proxy."""
        if result is None or result is True:
            return 1
        if result is False:
            return 0
        raise TypeError(_bad_result(context, method, result, "True or False"))


def _bad_result(context: Context, method: str, result: Any, allowed: str) -> str:
    cls = type(context)
    line = getattr(cls, method).__code__.co_firstlineno
    hint = ". Write it as `async def`, and await that" if hasattr(result, "__await__") else ""
    meaning = f" (which means {'True' if allowed.startswith('True') else 'continue'}) or {allowed}" if allowed else ""
    return f"{cls.__name__}.{method} (line {line}) returned {result!r}; it may return nothing{meaning}{hint}"
