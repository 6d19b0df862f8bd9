"""Coroutines without an event loop: what `async def` callbacks run on.

Facts: inside Wasm there is no loop and no thread, only callbacks. So a coroutine runs inside whichever callback it can go
on in: the answer to a callout, a tick, a queue's notification, a chunk of the body. It yields the `Future` that it waits
for; the callback that brings the result resolves the future, which runs the coroutine on, at once and in place.

A future begins its work when a task waits for it (`arm`), so that making one needs to know nothing of who will wait.
"""

from collections.abc import Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any

from .foreign import FOREIGN

if TYPE_CHECKING:
    from .contexts import Context
    from .vm import VM

__all__ = ["Future", "Task", "begin"]


class Future:
    """A result that comes later, for one task."""

    __slots__ = ("_waiter", "done", "error", "value")

    def __init__(self) -> None:
        self.done = False
        self.value: Any = None
        self.error: BaseException | None = None
        self._waiter: Task | None = None

    def arm(self, task: "Task") -> None:
        """A task begins to wait; start what brings the result (or resolve at once)."""

    def abandon(self) -> None:
        """The task waits no longer: stop what was started."""

    def resolve(self, value: Any = None) -> None:
        """The result is there; runs the waiting task on."""
        self._settle(value, None)

    def fail(self, error: BaseException) -> None:
        """There will be no result; raises in the waiting task."""
        self._settle(None, error)

    def _settle(self, value: Any, error: BaseException | None) -> None:
        self.done, self.value, self.error = True, value, error
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.wake()

    def __await__(self) -> Generator[Any, None, Any]:
        if not self.done:
            yield self
        if self.error is not None:
            raise self.error
        return self.value


class Task:
    """A coroutine that runs for a context.

    Parameters
    ----------
    context
        Whose hostcalls the coroutine makes; the VM acts on it whenever the coroutine runs.
    on_end
        Called with the task when the coroutine has ended. Without it, an exception goes up into the callback.
    root
        The task that a callback started, of which this is a part.
    """

    __slots__ = ("_root", "context", "coroutine", "ended", "error", "on_end", "value", "vm", "waiting")

    def __init__(
        self,
        vm: "VM",
        context: "Context",
        coroutine: Coroutine[Any, Any, Any],
        *,
        on_end: Callable[["Task"], None] | None = None,
        root: "Task | None" = None,
    ) -> None:
        self.vm = vm
        self.context = context
        self.coroutine: Coroutine[Any, Any, Any] | None = coroutine
        self.on_end = on_end
        # None for a root itself: a reference to itself would keep it until the garbage collector comes.
        self._root = root
        self.waiting: Future | None = None
        self.ended = False
        self.value: Any = None
        self.error: BaseException | None = None

    @property
    def root(self) -> "Task":
        """The task that a callback started, of which this is a part (or which this is)."""
        return self._root or self

    def start(self) -> None:
        """Run the coroutine up to its first wait."""
        assert self.coroutine is not None
        self._run(self.coroutine.send, None)

    def wake(self) -> None:
        """Run on after a wait; if the stream is over by now, end it."""
        self.waiting = None
        if self.coroutine is None:
            return
        if self.vm.enter(self.context):
            self._run(self.coroutine.send, None)
        else:
            self.cancel()

    def interrupt(self, error: BaseException) -> None:
        """Raise an exception where the coroutine waits."""
        self._let_go()
        if self.coroutine is not None and self.vm.enter(self.context):
            self._run(self.coroutine.throw, error)

    def cancel(self) -> None:
        """End the coroutine where it waits: its `finally` blocks run, and nobody is told."""
        self._let_go()
        coroutine, self.coroutine = self.coroutine, None
        self.ended, self.on_end = True, None
        if coroutine is not None:
            coroutine.close()

    def _let_go(self) -> None:
        waiting, self.waiting = self.waiting, None
        if waiting is not None:
            waiting._waiter = None
            waiting.abandon()

    def follow(self, waited: Any) -> None:
        """Wait for what the coroutine has yielded, or run on if it is there at once."""
        coroutine = self.coroutine
        assert coroutine is not None
        if not isinstance(waited, Future):
            what = "a bare yield (as in asyncio.sleep(0))" if waited is None else repr(waited)
            self._run(coroutine.throw, TypeError(f"{what} {FOREIGN}"))
            return
        if waited._waiter is not None:
            self._run(coroutine.throw, RuntimeError(f"{waited!r} is awaited twice at the same time"))
            return
        waited.arm(self)
        if waited.done:
            self._run(coroutine.send, None)
        else:
            self.waiting = waited
            waited._waiter = self

    def _run(self, move: Callable[[Any], Any], value: Any) -> None:
        failure: BaseException | None = None
        try:
            waited = move(value)
        except StopIteration as stop:
            result = stop.value
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the filter's
            result, failure = None, error
        else:
            self.follow(waited)
            return
        # Outside the handler: what runs on from here has nothing to do with the exception.
        self._end(result, failure)

    def _end(self, value: Any, error: BaseException | None) -> None:
        # Without these references gone, task, coroutine and context would wait for the garbage collector.
        self.coroutine = None
        self.ended, self.value, self.error = True, value, error
        on_end, self.on_end = self.on_end, None
        if on_end is not None:
            on_end(self)
        elif error is not None:
            raise error


def begin(coroutine: Coroutine[Any, Any, Any], nothing: None) -> Any:
    """Run a coroutine to its end or its first wait: what it returned, or a tuple of it and what it waits for.

    Python code is told that a coroutine has ended by an exception, which costs more than all else about it. CPython's C
    interface is not: in Wasm, the binding has this function without the exception.
    """
    try:
        return coroutine, coroutine.send(nothing)
    except StopIteration as stop:
        return stop.value
