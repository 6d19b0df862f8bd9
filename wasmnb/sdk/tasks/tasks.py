"""Futures and tasks for `async def` callbacks, without an event loop.

Inside Wasm there are no event loops and no threads, only callbacks of the proxy. A coroutine yields the `Future` for which it
waits. A later callback (for a callout's response, a tick, a queue item or a chunk of the body) resolves the future, which
resumes the coroutine inside this callback.

A future can be created without a task. It starts its work only when a task begins to wait for it (`arm`).
"""

from collections.abc import Callable, Coroutine, Generator
from types import CoroutineType
from typing import Any

from ..diagnostics.unsupported import UNSUPPORTED_AWAITABLE
from ..interfaces import BodyReader, ContextInterface, VMInterface

__all__ = ["Future", "Task", "is_wait", "run"]


class Future:
    """A result for which one task waits.

    Attributes
    ----------
    done
        Whether the future has a result or an error.
    value, error
        The result, or the exception to raise in the waiting task.
    """

    __slots__ = ("_waiter", "done", "error", "value")

    def __init__(self) -> None:
        self.done = False
        self.value: Any = None
        self.error: BaseException | None = None
        self._waiter: Task | None = None

    def arm(self, task: "Task") -> None:
        """Start the work for the result, or resolve the future immediately. Called when `task` begins to wait."""

    def abandon(self) -> None:
        """Stop the work for the result. Called when the task no longer waits."""

    def resolve(self, value: Any = None) -> None:
        """Set the result, and resume the waiting task."""
        self._settle(value, None)

    def fail(self, error: BaseException) -> None:
        """Set an exception as the result, and raise it in the waiting task."""
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
    """A running coroutine of a context.

    Parameters
    ----------
    context
        Context on which the coroutine's hostcalls act.
    coroutine
        The coroutine, which hasn't been started.
    on_end
        Function that is called with the task when the coroutine has ended (default None: the coroutine's exception is raised
        in the running callback).
    root
        The task of the callback that started this task (default None: this task itself).

    Attributes
    ----------
    waiting
        The future for which the coroutine waits, or None.
    ended, value, error
        Whether the coroutine has ended, its result, and its exception.
    """

    # Class attributes instead of assignments in `__init__`, which would cost time for each callback that waits.
    waiting: Future | None = None
    ended = False
    value: Any = None
    error: BaseException | None = None
    # None for a root task. A reference to itself would keep the task alive until the garbage collector runs.
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

    def body_reader(self, direction: str) -> BodyReader | None:  # noqa: ARG002
        """Return the reader of the body of this direction, or None if the task's callback isn't one of this direction."""
        return None

    def start(self) -> None:
        """Run the coroutine up to its first wait."""
        assert self.coroutine is not None
        self._move()

    def wake(self) -> None:
        """Resume the coroutine after a wait, or cancel it if its stream has ended."""
        self.waiting = None
        if self.coroutine is None:
            return
        if self.vm.enter(self.context):
            self._move()
        else:
            self.cancel()

    def interrupt(self, error: BaseException) -> None:
        """Raise an exception in the coroutine at its current wait."""
        self._abandon_wait()
        if self.coroutine is not None and self.vm.enter(self.context):
            self._raise(error)

    def cancel(self) -> None:
        """Stop the coroutine at its current wait. Its `finally` blocks run, and their exceptions are logged."""
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
        """Wait for the future yielded by the coroutine, or resume the coroutine immediately if the future is already done."""
        coroutine = self.coroutine
        assert coroutine is not None
        if not isinstance(waited, Future):
            name = "a bare yield (as in asyncio.sleep(0))" if waited is None else repr(waited)
            self._raise(TypeError(f"{name} {UNSUPPORTED_AWAITABLE}"))
            return
        if waited._waiter is not None:
            self._raise(
                RuntimeError(f"{waited!r} is awaited twice at the same time. Await it once, and keep the result")
            )
            return
        refusal = None
        try:
            waited.arm(self)
        except Exception as error:  # noqa: BLE001 - raised below, in the coroutine
            refusal = error
        if refusal is not None:
            self._raise(refusal)
        elif waited.done:
            self._move()
        else:
            self.waiting = waited
            waited._waiter = self

    def _move(self) -> None:
        """Run the coroutine up to its next wait or its end."""
        self._step(self.vm.run, None)

    def _raise(self, cause: BaseException) -> None:
        """Raise an exception in the coroutine at its current wait, and run it up to its next wait or its end."""
        self._step(throw, cause)

    def _step(self, resume: Callable[[Any, Any], Any], value: Any) -> None:
        failure: BaseException | None = None
        try:
            result = resume(self.coroutine, value)
        except BaseException as error:  # noqa: BLE001 - any exception is the filter's
            result, failure = None, error
        # Continues outside of the handler, so that later exceptions are not chained to this one.
        if is_wait(result):
            self.follow(result[1])
        else:
            self._end(result, failure)

    def _end(self, value: Any, error: BaseException | None) -> None:
        # Breaks the reference cycle of task, coroutine and context, which only the garbage collector would free.
        self.coroutine = None
        self.ended, self.value, self.error = True, value, error
        self._notify()

    def _notify(self) -> None:
        """Call `on_end`. Without it, raise the coroutine's exception, if there is one."""
        on_end, self._on_end = self._on_end, None
        if on_end is not None:
            on_end(self)
        elif self.error is not None:
            raise self.error


def run(coroutine: Coroutine[Any, Any, Any], nothing: None) -> Any:
    """Run a coroutine up to its next wait or its end.

    Returns
    -------
    Any
        The coroutine's result if it has ended. Otherwise, a tuple of the coroutine and the future for which it waits, which
        `is_wait` recognises.

    Notes
    -----
    In Python, a coroutine ends with an exception, which costs more than the rest of the call. The binding inside Wasm has a
    function that avoids this exception with CPython's C API.
    """
    try:
        return coroutine, coroutine.send(nothing)
    except StopIteration as stop:
        return stop.value


def throw(coroutine: Coroutine[Any, Any, Any], error: BaseException) -> Any:
    """Raise an exception in a coroutine at its current wait, and run it up to its next wait or its end."""
    try:
        return coroutine, coroutine.throw(error)
    except StopIteration as stop:
        return stop.value


def _close(coroutine: Coroutine[Any, Any, Any]) -> None:
    """Close a coroutine. If one of its `finally` blocks uses `await`, RuntimeError is raised on that line."""
    try:
        coroutine.close()
    except RuntimeError:
        if not getattr(coroutine, "cr_suspended", False):
            raise  # by the coroutine, which has ended
    else:
        return
    for _ in range(_CLOSE_ATTEMPTS):
        try:
            coroutine.throw(RuntimeError(_CANCELLED))
        except StopIteration:
            return
    raise RuntimeError(f"{_CANCELLED} (tried {_CLOSE_ATTEMPTS} times)")


_CANCELLED = (
    "a coroutine awaited something after it was cancelled, because its stream has ended or its time was up. Clean up in "
    "`finally` without await, or in the plugin"
)

#: Number of times that a cancelled coroutine may catch this exception and await again.
_CLOSE_ATTEMPTS = 10


def is_wait(result: Any) -> bool:
    """Return whether a result of `run` means that the coroutine is waiting."""
    if type(result) is not tuple or len(result) != 2:
        return False
    first = result[0]
    return bool(first.cr_suspended) if type(first) is CoroutineType else isinstance(first, Coroutine)
