"""Tasks for `async def` callbacks of streams. The stream is paused while its callback waits, and continues when it ends.

An exception before the first wait stops the module, like any other exception. After the first wait, another callback is
running, so an exception ends only the stream, with 503 or a reset, as after a trap in Envoy. The same applies if the
callback has awaited the body of a message without a body. The states and events are in `stream_states`, and their table is
`TRANSITIONS`.
"""

from collections.abc import Callable
from types import CoroutineType
from typing import Any

from ...abi import Action, BufferType
from ..interfaces import BodyReader, ContextInterface, StreamInterface, VMInterface
from ..loading.callbacks import STREAM_HANDLERS, Handler
from ..messages.bodies import Body
from ..messages.body_window import BodyWindow, ReadPart
from .body_waits import BodyWait
from .context_waits import ContextWaits, waits_of
from .pause_headers import pauses_headers
from .stream_states import (
    ABANDON,
    AWAIT_BODY,
    AWAIT_CHUNK,
    CALLBACK,
    CANCEL,
    END,
    ENDED,
    IN_CALLBACK,
    LAST_CALLBACK,
    NEEDS_BODY,
    NEEDS_CHUNK,
    RETURN,
    RETURN_HEADERS,
    RUNNING,
    WAITING,
    WANTS_BODY,
    WANTS_CHUNK,
)
from .tasks import Task

__all__ = ["TRANSITIONS", "StreamTask", "begin_wait", "body_window"]

_BUFFERS = {"request": int(BufferType.HTTP_REQUEST_BODY), "response": int(BufferType.HTTP_RESPONSE_BODY)}


def begin_wait(
    vm: VMInterface,
    context: StreamInterface,
    method: str,
    coroutine: Any,
    waited: Any,
    last: bool,
    check: Callable[..., int],
) -> int:
    """Create the task of an `async def` callback that has run up to its first wait.

    Parameters
    ----------
    vm, context
        The VM, and the stream's context.
    method
        Name of the callback's method.
    coroutine, waited
        The callback's coroutine, and the future for which it waits.
    last
        Whether this callback is the last of its direction.
    check
        The dispatcher's function that converts a callback's result to the number for the proxy.

    Returns
    -------
    int
        The callback's result for the proxy.
    """
    return StreamTask(vm, context, method, coroutine, last, check).begin(waited)


def body_window(context: ContextInterface, direction: str) -> BodyWindow | None:
    """Return the part of the body that a waiting callback may access, or None if it may access all of the buffer."""
    waits: ContextWaits | None = context._waits
    if waits is None:
        return None
    task: StreamTask | None = waits.callbacks.get(direction)
    return None if task is None else task.window()


class StreamTask(Task):
    """The task of a stream's `async def` callback that has begun to wait.

    Attributes
    ----------
    state
        One of the states in `stream_states`.
    direction
        `request`, `response` or `downstream`.
    last
        Whether the last callback of the direction has arrived.
    body_wait
        The future with which the coroutine waits for the body, or None.
    """

    context: StreamInterface

    # Class attributes instead of assignments in `__init__`, which would cost time for each callback that waits.
    state = RUNNING
    body_wait: BodyWait | None = None
    #: The part of the body that the coroutine has read, or None if it hasn't needed any part of the body.
    _read_part: ReadPart | None = None
    #: The coroutine's result, as a number for the proxy.
    _outcome = 0

    def __init__(
        self,
        vm: VMInterface,
        context: StreamInterface,
        method: str,
        coroutine: Any,
        last: bool,
        check: Callable[..., int],
    ) -> None:
        super().__init__(vm, context, coroutine)
        handler = STREAM_HANDLERS[method]
        self.direction = handler.direction
        self.last = last or handler.part == "trailers"
        self._handler = handler
        self._check = check
        if handler.part in ("body", "trailers"):
            self.read_part().unread = True
        #: Callbacks to call when the coroutine has ended: method -> arguments.
        self._kept: dict[str, tuple[Any, ...]] = {}

    # -- life cycle of the task

    def begin(self, waited: Any) -> int:
        """Begin the first wait, and return the callback's result for the proxy.

        If the coroutine fails before it really waits, its exception is raised here.
        """
        waits_of(self.context).callbacks[self.direction] = self
        self.vm.deletes.add()
        self.follow(waited)
        if self.error is not None:
            if self._read_part is None or not self._read_part.has_read:
                raise self.error
            self._fail(self.error)
        return self._return(self._handler)

    def arrive(self, method: str, args: tuple[Any, ...]) -> Any:
        """Handle a later callback of this direction, and return its result in place of the filter's method."""
        handler = STREAM_HANDLERS[method]
        self.last = self.last or _is_last(handler, args)
        if handler.part != "trailers":
            self.read_part().unread = True
        action, self.state = TRANSITIONS[self.state][LAST_CALLBACK if self.last else CALLBACK]
        return action(self, handler, args)

    def _return(self, handler: Handler) -> int:
        action, self.state = TRANSITIONS[self.state][RETURN_HEADERS if handler.part == "headers" else RETURN]
        result: int = action(self, handler)
        return result

    def _notify(self) -> None:
        self._unregister()
        if self.error is None:
            try:
                self._outcome = 0 if self.value is None else self._check(self.context, self._handler.method, self.value)
            except TypeError as error:  # the callback has returned an invalid result
                self.error = error
        action, self.state = TRANSITIONS[self.state][END]
        action(self)

    def cancel(self) -> None:
        """Stop the coroutine at its current wait, because the stream has ended."""
        self._unregister()
        super().cancel()
        action, self.state = TRANSITIONS[self.state][CANCEL]
        action(self)

    def _unregister(self) -> None:
        waits: ContextWaits = self.context._waits
        if waits.callbacks.get(self.direction) is self:
            del waits.callbacks[self.direction]
            self.vm.deletes.remove()

    # -- actions of the table of transitions

    def do_nothing(self) -> None:
        """Do nothing, for transitions that only change the state."""

    def pause(self, handler: Handler) -> int:
        """Return the number that makes the proxy pause the stream."""
        if handler.part in ("body", "trailers"):
            self.read_part().extend(self._body())
        self.context._paused(handler.method)
        return 1

    def pass_on(self, _handler: Handler) -> int:
        """Return Continue, so that the proxy delivers the body."""
        if self._read_part is not None:
            self._read_part.forget()
        self.context._continued(self.direction)
        return 0

    def pause_or_pass_on(self, handler: Handler) -> int:
        """Hold the headers until their body has arrived, if the proxy supports this. Otherwise, return Continue."""
        return self.pause(handler) if pauses_headers(self.vm, self.context) else self.pass_on(handler)

    def result(self, _handler: Handler) -> int:
        """Return the coroutine's result as a number for the proxy."""
        return self._outcome

    def keep(self, handler: Handler, args: tuple[Any, ...]) -> Action:
        """Delay a callback until the coroutine has ended, and let the proxy keep the callback's data."""
        self._kept[handler.method] = args
        return Action.PAUSE

    def keep_all(self, callbacks: dict[str, tuple[Any, ...]]) -> None:
        """Delay callbacks (method -> arguments) that an earlier task of this direction has delayed."""
        self._kept.update(callbacks)

    def buffer(self, _handler: Handler, _args: tuple[Any, ...]) -> Action:
        """Return the status that makes the proxy buffer the body."""
        return Action.PAUSE

    def deliver(self, handler: Handler, args: tuple[Any, ...]) -> Any:
        """Resume the coroutine with the body or the chunk that has arrived."""
        wait, self.body_wait = self.body_wait, None
        assert wait is not None
        wait.resolve(self.read(whole=wait.whole))
        if self.error is not None:
            self._fail(self.error)
        pauses = self._return(handler)
        if not pauses:
            self.context._continued(self.direction)
        # The coroutine has waited for the body. The filter's own callback handles the trailers.
        if handler.part == "trailers":
            if not pauses:
                return getattr(self.context, handler.method)(*args)
            if not self.ended:
                self._kept[handler.method] = args
        return Action.PAUSE if pauses else None

    def release(self) -> None:
        """Continue a paused stream, so that the proxy delivers the body."""
        context = self.context
        if context._is_paused(self.direction):
            if self._read_part is not None:
                self._read_part.forget()
            context._continue(self.direction)

    def release_headers(self) -> None:
        """Continue a stream if its paused headers block the body. A paused body isn't continued, because the coroutine needs it."""
        if self._handler.part == "headers" and not pauses_headers(self.vm, self.context):
            self.release()

    def finish(self) -> None:
        """Call the delayed callbacks and continue the stream, if the coroutine ends outside of its direction's callbacks."""
        if self.error is not None:
            self._fail(self.error)
        elif not self._outcome:
            self._call_kept()

    def _fail(self, error: BaseException) -> None:
        self.vm.report(error)
        self._outcome = 1
        self.context._fail(self._handler.method)

    def _call_kept(self) -> None:
        context = self.context
        while self._kept:
            method, args = next(iter(self._kept.items()))
            del self._kept[method]
            if self._call(method, args):
                later: StreamTask | None = waits_of(context).callbacks.get(self.direction)
                if later is not None:
                    later.keep_all(self._kept)
                return
        if context._is_paused(self.direction):
            context._continue(self.direction)

    def _call(self, method: str, args: tuple[Any, ...]) -> int:
        """Call a delayed callback, and return the status with which it pauses the stream. An exception ends only the stream."""
        context = self.context
        try:
            result = getattr(context, method)(*args)
            if type(result) is CoroutineType:
                result = self.vm.run(result, None)
            return self._check(context, method, result, _is_last(STREAM_HANDLERS[method], args))
        except BaseException as error:  # noqa: BLE001 - any exception is the filter's
            self._fail(error)
            return 1

    # -- the body

    def body_reader(self, direction: str) -> BodyReader | None:
        """Return this task if its callback is one of this direction."""
        return self if direction == self.direction else None

    def read_part(self) -> ReadPart:
        """Return the part of the body that the coroutine has read."""
        part = self._read_part
        if part is None:
            part = self._read_part = ReadPart()
        return part

    def _body(self) -> Body:
        vm: Any = self.vm
        vm.enter(self.context)
        body: Body = getattr(vm.messages, f"{self.direction}_body")
        return body

    def can_read(self, *, whole: bool) -> bool:
        """Return whether the whole body, or a chunk of it, can be read without waiting."""
        return self.last or (self.read_part().unread and not whole)

    def read(self, *, whole: bool) -> bytes | None:
        """Return the whole body, or the part that hasn't been read yet. Returns None after the last chunk."""
        if not whole and not self.read_part().unread:
            return None
        self._kept.pop(f"on_http_{self.direction}_body", None)
        return self.read_part().read(self._body(), whole=whole)

    def await_body(self, wait: BodyWait) -> None:
        """Begin to wait for the body or its next chunk."""
        self.body_wait = wait
        action, self.state = TRANSITIONS[self.state][AWAIT_BODY if wait.whole else AWAIT_CHUNK]
        action(self)

    def abandon_body(self) -> None:
        """Stop waiting for the body."""
        self.body_wait = None
        action, self.state = TRANSITIONS[self.state][ABANDON]
        action(self)

    def window(self) -> BodyWindow | None:
        """Return the part of the body that the coroutine may access.

        Returns None while a callback of its direction runs, because the coroutine may then access the whole buffer.
        """
        if self.state in IN_CALLBACK or self.direction == "downstream":
            return None
        return BodyWindow(self.vm.abi, _BUFFERS[self.direction], self.read_part())


def _is_last(handler: Handler, args: tuple[Any, ...]) -> bool:
    """Return whether this callback is the last of its direction."""
    return handler.part == "trailers" or bool(args and args[-1])


#: State -> event -> (action, next state). Other events can't occur in that state.
TRANSITIONS: dict[str, dict[str, tuple[Callable[..., Any], str]]] = {
    RUNNING: {
        AWAIT_CHUNK: (StreamTask.do_nothing, WANTS_CHUNK),
        AWAIT_BODY: (StreamTask.do_nothing, WANTS_BODY),
        RETURN_HEADERS: (StreamTask.pause, WAITING),
        RETURN: (StreamTask.pause, WAITING),
        END: (StreamTask.do_nothing, ENDED),
        CANCEL: (StreamTask.do_nothing, ENDED),
    },
    WANTS_CHUNK: {
        ABANDON: (StreamTask.do_nothing, RUNNING),
        RETURN_HEADERS: (StreamTask.pass_on, NEEDS_CHUNK),
        RETURN: (StreamTask.pass_on, NEEDS_CHUNK),
        CANCEL: (StreamTask.do_nothing, ENDED),
    },
    WANTS_BODY: {
        ABANDON: (StreamTask.do_nothing, RUNNING),
        RETURN_HEADERS: (StreamTask.pause_or_pass_on, NEEDS_BODY),
        RETURN: (StreamTask.pause, NEEDS_BODY),
        CANCEL: (StreamTask.do_nothing, ENDED),
    },
    WAITING: {
        CALLBACK: (StreamTask.keep, WAITING),
        LAST_CALLBACK: (StreamTask.keep, WAITING),
        AWAIT_CHUNK: (StreamTask.release, NEEDS_CHUNK),
        AWAIT_BODY: (StreamTask.release_headers, NEEDS_BODY),
        END: (StreamTask.finish, ENDED),
        CANCEL: (StreamTask.do_nothing, ENDED),
    },
    NEEDS_CHUNK: {
        CALLBACK: (StreamTask.deliver, RUNNING),
        LAST_CALLBACK: (StreamTask.deliver, RUNNING),
        ABANDON: (StreamTask.do_nothing, WAITING),
        CANCEL: (StreamTask.do_nothing, ENDED),
    },
    NEEDS_BODY: {
        CALLBACK: (StreamTask.buffer, NEEDS_BODY),
        LAST_CALLBACK: (StreamTask.deliver, RUNNING),
        ABANDON: (StreamTask.do_nothing, WAITING),
        CANCEL: (StreamTask.do_nothing, ENDED),
    },
    ENDED: {
        RETURN_HEADERS: (StreamTask.result, ENDED),
        RETURN: (StreamTask.result, ENDED),
    },
}
