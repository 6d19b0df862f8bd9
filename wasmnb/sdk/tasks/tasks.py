"""Coroutines without an event loop: what `async def` callbacks run on.

Facts: inside Wasm there is no loop and no thread, only callbacks. So a coroutine runs inside whichever callback it can go
on in: the answer to a callout, a tick, a queue's notification, a chunk of the body. It yields the `Future` that it waits
for; the callback that brings the result resolves the future, which runs the coroutine on, at once and in place.

A future begins its work when a task waits for it (`arm`), so that making one needs to know nothing of who will wait.
"""

from collections.abc import Callable, Coroutine, Generator
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from ..diagnostics.unsupported import FOREIGN

if TYPE_CHECKING:
    from ..contexts import Context
    from ..vm import VM

__all__ = ["Future", "Task", "is_wait", "run"]


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

    # Defaults of the class rather than of every task: a task is made for each callback that waits.
    waiting: Future | None = None
    ended = False
    value: Any = None
    error: BaseException | None = None
    # None for a root itself: a reference to itself would keep it until the garbage collector comes.
    _root: "Task | None" = None
    _on_end: Callable[["Task"], None] | None = None

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
        if on_end is not None:
            self._on_end = on_end
        if root is not None:
            self._root = root

    @property
    def root(self) -> "Task":
        """The task that a callback started, of which this is a part (or which this is)."""
        return self._root or self

    def start(self) -> None:
        """Run the coroutine up to its first wait."""
        assert self.coroutine is not None
        self._move()

    def wake(self) -> None:
        """Run on after a wait; if the stream is over by now, end it."""
        self.waiting = None
        if self.coroutine is None:
            return
        if self.vm.enter(self.context):
            self._move()
        else:
            self.cancel()

    def interrupt(self, error: BaseException) -> None:
        """Raise an exception where the coroutine waits."""
        self._let_go()
        if self.coroutine is not None and self.vm.enter(self.context):
            self._raise(error)

    def cancel(self) -> None:
        """End the coroutine where it waits: its `finally` blocks run, and nobody is told. What they raise is logged."""
        self._let_go()
        coroutine, self.coroutine = self.coroutine, None
        self.ended, self._on_end = True, None
        if coroutine is not None:
            try:
                _close(coroutine)
            except BaseException as error:  # noqa: BLE001 - other streams have nothing to do with it
                self.vm.report(error)

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
            self._raise(TypeError(f"{what} {FOREIGN}"))
            return
        if waited._waiter is not None:
            self._raise(RuntimeError(f"{waited!r} is awaited twice at the same time"))
            return
        refused = None
        try:
            waited.arm(self)
        except Exception as error:  # noqa: BLE001 - a wait that cannot begin: raised where it is awaited
            refused = error
        if refused is not None:
            self._raise(refused)
        elif waited.done:
            self._move()
        else:
            self.waiting = waited
            waited._waiter = self

    def _move(self) -> None:
        """Run to the next wait or the end."""
        self._step(self.vm.run, None)

    def _raise(self, cause: BaseException) -> None:
        """As `_move`, with an exception where the coroutine waits."""
        self._step(throw, cause)

    def _step(self, how: Callable[[Any, Any], Any], given: Any) -> None:
        failure: BaseException | None = None
        try:
            result = how(self.coroutine, given)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the filter's
            result, failure = None, error
        # Outside the handler: what runs on from here has nothing to do with the exception.
        if is_wait(result):
            self.follow(result[1])
        else:
            self._end(result, failure)

    def _end(self, value: Any, error: BaseException | None) -> None:
        # Without this reference gone, task, coroutine and context would wait for the garbage collector.
        self.coroutine = None
        self.ended, self.value, self.error = True, value, error
        self._tell()

    def _tell(self) -> None:
        """The coroutine has ended."""
        on_end, self._on_end = self._on_end, None
        if on_end is not None:
            on_end(self)
        elif self.error is not None:
            raise self.error


def run(coroutine: Coroutine[Any, Any, Any], nothing: None) -> Any:
    """Run a coroutine to its end or its next wait: what it returned, or a tuple of it and what it waits for.

    Python code is told that a coroutine has ended by an exception, which costs more than all else about it. CPython's C
    interface is not: in Wasm, the binding has this function without the exception.
    """
    try:
        return coroutine, coroutine.send(nothing)
    except StopIteration as stop:
        return stop.value


def throw(coroutine: Coroutine[Any, Any, Any], error: BaseException) -> Any:
    """As `run`, with an exception where the coroutine waits."""
    try:
        return coroutine, coroutine.throw(error)
    except StopIteration as stop:
        return stop.value


def _close(coroutine: Coroutine[Any, Any, Any]) -> None:
    """As its `close`, except that an `await` on the way out raises what is wrong with it, in its line."""
    try:
        coroutine.close()
    except RuntimeError as error:
        if str(error) != "coroutine ignored GeneratorExit":
            raise
    else:
        return
    for _ in range(_PATIENCE):
        try:
            coroutine.throw(RuntimeError(_OVER))
        except StopIteration:
            return
    raise RuntimeError(f"{_OVER} (tried {_PATIENCE} times)")


_OVER = (
    "what is cancelled cannot wait again: the stream is gone, or the time is up. Do what has to be done in `finally` "
    "without await, or leave it to the plugin"
)

#: How often a coroutine may catch that it is over, and wait again.
_PATIENCE = 10


def is_wait(result: Any) -> bool:
    """Whether `run` has given what a coroutine waits for, rather than what it returned."""
    if type(result) is not tuple or len(result) != 2:
        return False
    first = result[0]
    return bool(first.cr_suspended) if type(first) is CoroutineType else isinstance(first, Coroutine)
