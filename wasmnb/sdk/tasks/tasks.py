"""Futures and tasks for `async def` callbacks, without an event loop.

Inside Wasm there is neither a loop nor a thread, only callbacks. A coroutine yields the `Future` that it waits for.
The callback that brings the result (a callout's response, a tick, a queue's notification, a chunk of the body) resolves
the future, which resumes the coroutine inside that callback.

A future starts its work when a task begins to wait for it (`arm`), so it can be created without a task.
"""

from collections.abc import Callable, Coroutine, Generator
from types import CoroutineType
from typing import Any

from ..diagnostics.unsupported import UNSUPPORTED_AWAITABLE
from ..interfaces import ContextInterface, VMInterface

__all__ = ["Future", "Task", "is_wait", "run"]


class Future:
    """A result that one task waits for.

    Attributes
    ----------
    done
        Whether there is a result or an error.
    value, error
        The result, or the exception to raise in the task.
    """

    __slots__ = ("_waiter", "done", "error", "value")

    def __init__(self) -> None:
        self.done = False
        self.value: Any = None
        self.error: BaseException | None = None
        self._waiter: Task | None = None

    def arm(self, task: "Task") -> None:
        """Start the work for the result, or resolve at once, because `task` begins to wait."""

    def abandon(self) -> None:
        """Stop the work that was started, because the task no longer waits."""

    def resolve(self, value: Any = None) -> None:
        """Set the result, and resume the waiting task."""
        self._settle(value, None)

    def fail(self, error: BaseException) -> None:
        """Set the error, and raise it in the waiting task."""
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
        Context that the coroutine's hostcalls act on.
    coroutine
        The coroutine, not started.
    on_end
        Called with the task when the coroutine has ended (default None: the running callback raises its exception).
    root
        The task of the callback that started this task (default: this task itself).

    Attributes
    ----------
    waiting
        The future that the coroutine waits for.
    ended, value, error
        Whether the coroutine has ended, its result, and its exception.
    """

    # Class attributes, which are cheap: a task is made for each callback that waits.
    waiting: Future | None = None
    ended = False
    value: Any = None
    error: BaseException | None = None
    # None for a root: with a reference to itself, it would exist until the garbage collector runs.
    _root: "Task | None" = None
    _on_end: Callable[["Task"], None] | None = None

    def __init__(
        self,
        vm: VMInterface,
        context: ContextInterface,
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
        """The task of the callback that started this task."""
        return self._root or self

    def start(self) -> None:
        """Run the coroutine up to its first wait."""
        assert self.coroutine is not None
        self._move()

    def wake(self) -> None:
        """Resume the coroutine after a wait; cancel it if its stream has ended."""
        self.waiting = None
        if self.coroutine is None:
            return
        if self.vm.enter(self.context):
            self._move()
        else:
            self.cancel()

    def interrupt(self, error: BaseException) -> None:
        """Raise an exception where the coroutine waits."""
        self._abandon_wait()
        if self.coroutine is not None and self.vm.enter(self.context):
            self._raise(error)

    def cancel(self) -> None:
        """End the coroutine where it waits. Its `finally` blocks run, and their exceptions are logged."""
        self._abandon_wait()
        coroutine, self.coroutine = self.coroutine, None
        self.ended, self._on_end = True, None
        if coroutine is not None:
            try:
                _close(coroutine)
            except BaseException as error:  # noqa: BLE001 - it must not end other streams
                self.vm.report(error)

    def _abandon_wait(self) -> None:
        waiting, self.waiting = self.waiting, None
        if waiting is not None:
            waiting._waiter = None
            waiting.abandon()

    def follow(self, waited: Any) -> None:
        """Wait for the future that the coroutine has yielded, or resume the coroutine if the future is done at once."""
        coroutine = self.coroutine
        assert coroutine is not None
        if not isinstance(waited, Future):
            name = "a bare yield (as in asyncio.sleep(0))" if waited is None else repr(waited)
            self._raise(TypeError(f"{name} {UNSUPPORTED_AWAITABLE}"))
            return
        if waited._waiter is not None:
            self._raise(RuntimeError(f"{waited!r} is awaited twice at the same time"))
            return
        refusal = None
        try:
            waited.arm(self)
        except Exception as error:  # noqa: BLE001 - raised below, where it is awaited
            refusal = error
        if refusal is not None:
            self._raise(refusal)
        elif waited.done:
            self._move()
        else:
            self.waiting = waited
            waited._waiter = self

    def _move(self) -> None:
        """Run the coroutine to its next wait or its end."""
        self._step(self.vm.run, None)

    def _raise(self, cause: BaseException) -> None:
        """Run the coroutine as `_move` does, but raise an exception where it waits."""
        self._step(throw, cause)

    def _step(self, resume: Callable[[Any, Any], Any], value: Any) -> None:
        failure: BaseException | None = None
        try:
            result = resume(self.coroutine, value)
        except BaseException as error:  # noqa: BLE001 - any exception is the filter's
            result, failure = None, error
        # Outside the handler, so that exceptions from here on are not chained to this one.
        if is_wait(result):
            self.follow(result[1])
        else:
            self._end(result, failure)

    def _end(self, value: Any, error: BaseException | None) -> None:
        # Otherwise the task, the coroutine and the context would be a cycle that only the garbage collector frees.
        self.coroutine = None
        self.ended, self.value, self.error = True, value, error
        self._tell()

    def _tell(self) -> None:
        """Report the end of the coroutine."""
        on_end, self._on_end = self._on_end, None
        if on_end is not None:
            on_end(self)
        elif self.error is not None:
            raise self.error


def run(coroutine: Coroutine[Any, Any, Any], nothing: None) -> Any:
    """Run a coroutine to its end or its next wait.

    Returns
    -------
    Any
        The coroutine's result, or a tuple of the coroutine and the future that it waits for (see `is_wait`).

    Notes
    -----
    In Python a coroutine ends with an exception, which costs more than the rest of the call. CPython's C API can
    avoid it: in Wasm, the binding has a function that does.
    """
    try:
        return coroutine, coroutine.send(nothing)
    except StopIteration as stop:
        return stop.value


def throw(coroutine: Coroutine[Any, Any, Any], error: BaseException) -> Any:
    """Run a coroutine as `run` does, but raise an exception where it waits."""
    try:
        return coroutine, coroutine.throw(error)
    except StopIteration as stop:
        return stop.value


def _close(coroutine: Coroutine[Any, Any, Any]) -> None:
    """Close a coroutine. An `await` in its `finally` blocks raises RuntimeError on the line of the `await`."""
    try:
        coroutine.close()
    except RuntimeError as error:
        if str(error) != "coroutine ignored GeneratorExit":
            raise
    else:
        return
    for _ in range(_CLOSE_ATTEMPTS):
        try:
            coroutine.throw(RuntimeError(_CANCELLED))
        except StopIteration:
            return
    raise RuntimeError(f"{_CANCELLED} (tried {_CLOSE_ATTEMPTS} times)")


_CANCELLED = (
    "a cancelled coroutine can't wait again: its stream has ended, or the time is up. Clean up in `finally` without "
    "await, or in the plugin"
)

#: How often a coroutine may catch that exception and wait again.
_CLOSE_ATTEMPTS = 10


def is_wait(result: Any) -> bool:
    """Return whether a result of `run` means that the coroutine waits."""
    if type(result) is not tuple or len(result) != 2:
        return False
    first = result[0]
    return bool(first.cr_suspended) if type(first) is CoroutineType else isinstance(first, Coroutine)
