"""`async def` callbacks: a stream is paused while its callback waits, and goes on when it ends.

Facts: a callback that waits returns a stop, so that the proxy holds the stream; `continue_stream` releases it later. While
headers are held no body is delivered, so a callback that waits for the body lets the headers go first. A held body grows,
and each body callback shows all of it. Callbacks of one direction of a stream run one after another: what arrives while
one waits is called afterwards. An exception before the first wait stops the module like any other; after it, the proxy is
in some other callback, so only the stream ends: as Envoy ends one whose filter trapped, with 503 or a reset.
"""

from collections.abc import Awaitable, Callable
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from ...abi import Action, BufferType
from ..loading.callbacks import HANDLERS
from ..messages.body_window import Window
from .tasks import Future, Task

if TYPE_CHECKING:
    from ..contexts import Context
    from ..vm import VM

__all__ = ["begin_wait", "body_chunks", "body_window", "cancel", "run_in_background", "whole_body"]

#: Direction -> (methods that are kept back while a callback of that direction waits, how the stream goes on).
_DIRECTIONS = {
    "request": (("on_http_request_body", "on_http_request_trailers"), "continue_request"),
    "response": (("on_http_response_body", "on_http_response_trailers"), "continue_response"),
    "downstream": (("on_downstream_data",), "continue_downstream"),
}

#: Method -> its direction.
_DIRECTION_OF = {
    method: next((d for d in ("request", "response") if d in method), "downstream") for _, method in HANDLERS
}

#: Methods whose callback comes with a body that has not been read: those after the headers.
_WITH_BODY = {m for m, d in _DIRECTION_OF.items() if d != "downstream" and not m.endswith("_headers")}

#: Direction -> (method that is kept back, the ABI's callback that calls it).
_KEPT_BACK = {
    direction: [(h.method, f"proxy_{h.callback}") for h in HANDLERS.values() if h.method in methods]
    for direction, (methods, _) in _DIRECTIONS.items()
}

_BUFFERS = {"request": int(BufferType.HTTP_REQUEST_BODY), "response": int(BufferType.HTTP_RESPONSE_BODY)}

_BODIES = {buffer: direction for direction, buffer in _BUFFERS.items()}


def begin_wait(
    vm: "VM",
    context: Any,
    method: str,
    coroutine: Any,
    waited: Any,
    last: bool,
    check: Callable[..., int],
) -> int:
    """An `async def` callback has run up to its first wait; what the proxy is told.

    Parameters
    ----------
    waited
        What the coroutine waits for.
    last
        Whether this callback is the last of its direction.
    check
        The dispatcher's own reading of a callback's result.
    """
    return _StreamTask(vm, context, method, coroutine, last, check).begin(waited)


def body_window(context: "Context", direction: str) -> Window | None:
    """What a callback that waits may see of a body; None if all of it may be seen."""
    task = context.__dict__.get("_tasks", {}).get(direction)
    return None if task is None else task.window()


def run_in_background(vm: "VM", context: "Context", coroutine: Any) -> Task:
    """Run a plugin's coroutine; an exception goes up into whichever callback it runs in."""
    running: set[Task] = context.__dict__.setdefault("_background", set())
    task = Task(vm, context, coroutine, on_end=_background_ended)
    running.add(task)
    task.start()
    return task


def _background_ended(task: Task) -> None:
    task.context.__dict__["_background"].discard(task)
    if task.error is not None:
        raise task.error


def cancel(context: "Context") -> None:
    """A stream or plugin is over: end what its callbacks wait for."""
    attributes = context.__dict__
    for task in (*attributes.get("_tasks", {}).values(), *attributes.pop("_background", ())):
        task.cancel()


class _StreamTask(Task):
    """A stream's callback that has begun to wait."""

    #: Where in the buffer lies what the coroutine may see and change, and up to where it has read chunks.
    base = end = _read_to = 0
    #: A callback of this direction is running, and what it returns decides; otherwise the stream is held.
    _inside = True
    #: The callback that started the coroutine is still running, so an exception goes up.
    _first = True
    _outcome = 0
    #: What waits for the body.
    wanted: "_Body | None" = None

    def __init__(
        self, vm: "VM", context: Any, method: str, coroutine: Any, last: bool, check: Callable[..., int]
    ) -> None:
        super().__init__(vm, context, coroutine)
        self.direction = _DIRECTION_OF[method]
        #: Nothing follows in this direction.
        self.over = last or method.endswith("_trailers")
        self._method = method
        self._check = check
        #: The buffer holds something that the coroutine has not read.
        self._unread = method in _WITH_BODY
        #: Callbacks that came while the coroutine waited for something else: method -> arguments.
        self._missed: dict[str, tuple[Any, ...]] = {}

    # -- from the first wait to the end

    def begin(self, waited: Any) -> int:
        """The coroutine waits for the first time; what its callback returns."""
        self._take_over()
        self.follow(waited)
        self._first = False
        return self._leave(self._method)

    def _leave(self, method: str) -> int:
        """A callback of this direction returns: let go what has been dealt with, hold the rest."""
        self._inside = False
        if self.ended:
            return self._outcome
        wanted = self.wanted
        if wanted is not None and (not wanted.whole or method.endswith("_headers")):
            self.base = self.end = self._read_to = 0
            self.context._let_go(self.direction)  # type: ignore[attr-defined]
            return 0
        if "_headers" not in method and self.direction != "downstream":
            self.end = len(self._body())
            if not self._unread:
                self._read_to = self.end
        self.context._paused(method)  # type: ignore[attr-defined]
        return 1

    def _tell(self) -> None:
        self._give_back()
        context: Any = self.context
        if self.error is not None:
            self._failed(self.error)
            return
        try:
            self._outcome = 0 if self.value is None else self._check(context, self._method, self.value)
        except TypeError as error:  # a nonsense result
            self._failed(error)
        if not self._inside and not self._outcome:
            self._go_on()

    def _failed(self, error: BaseException) -> None:
        if self._first:
            raise error
        self.vm.report(error)
        self._outcome = 1
        self.context._fail(self._method)  # type: ignore[attr-defined]

    def _go_on(self) -> None:
        """The coroutine has ended in some other callback: call what came in the meantime, then release the stream."""
        context: Any = self.context
        while self._missed:
            method, args = next(iter(self._missed.items()))
            del self._missed[method]
            if self._call(method, args):
                later = context.__dict__.get("_tasks", {}).get(self.direction)
                if later is not None:
                    later._missed.update(self._missed)
                return
        if context._is_held(self.direction):
            getattr(context, _DIRECTIONS[self.direction][1])()

    def _call(self, method: str, args: tuple[Any, ...]) -> int:
        """Call a callback that was kept back; whether it holds the stream. Its failure ends the stream alone."""
        context: Any = self.context
        try:
            result = getattr(context, method)(*args)
            if type(result) is CoroutineType:
                result = self.vm.run(result, None)
            return self._check(context, method, result, _is_last(method, args))
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the filter's
            self._failed(error)
            return 1

    def cancel(self) -> None:
        """The stream is over."""
        self._give_back()
        super().cancel()

    # -- this direction's callbacks, while the coroutine waits

    def _take_over(self) -> None:
        attributes, exports = self.context.__dict__, self.vm.exports
        attributes.setdefault("_tasks", {})[self.direction] = self
        self.vm.watch(+1)
        for method, callback in _KEPT_BACK[self.direction]:
            if callback in exports:  # what is not exported never comes
                attributes[method] = self._arrived_as(method)

    def _give_back(self) -> None:
        attributes = self.context.__dict__
        tasks = attributes.get("_tasks")
        if tasks is None or tasks.pop(self.direction, None) is None:
            return
        self.vm.watch(-1)
        for method, _ in _KEPT_BACK[self.direction]:
            attributes.pop(method, None)

    def _arrived_as(self, method: str) -> Callable[..., Action | None]:
        return lambda *args: self._arrived(method, args)

    def _arrived(self, method: str, args: tuple[Any, ...]) -> Action | None:
        """A callback of this direction, while the coroutine waits."""
        trailers = method.endswith("_trailers")
        self.over = self.over or _is_last(method, args)
        self._unread = self._unread or not trailers
        wanted = self.wanted
        if wanted is None:
            self._missed[method] = args
            return Action.PAUSE
        if wanted.whole and not self.over:
            return Action.PAUSE
        self._inside = True
        self.wanted = None
        wanted.resolve(self.read(whole=wanted.whole))
        held = self._leave(method)
        if trailers and not held:  # the coroutine wanted the body: the trailers are for the filter's own callback
            return getattr(self.context, method)(*args)  # type: ignore[no-any-return]
        if trailers and not self.ended:
            self._missed[method] = args
        return Action.PAUSE if held else None

    # -- the body

    def _body(self) -> Any:
        self.vm.enter(self.context)
        return getattr(self.vm, f"{self.direction}_body")

    def read(self, *, whole: bool) -> bytes | None:
        """What has come of the body: all of it, or the part that has not been read; None if nothing more will come."""
        if not whole and not self._unread:
            return None
        self._unread = False
        self._missed.pop(f"on_http_{self.direction}_body", None)
        self.base = 0 if whole else self._read_to
        data: bytes = self._body().get(self.base)
        self.end = self._read_to = self.base + len(data)
        return data

    def moved(self, end: int) -> None:
        """The coroutine has written: what it may see ends elsewhere in the buffer now."""
        if self._read_to == self.end:
            self._read_to = end
        self.end = end

    def window(self) -> Window | None:
        """The body as the coroutine may see it, if more may have come behind it; None if it sees all."""
        if self._inside or self.direction == "downstream":
            return None
        return Window(self.vm, _BUFFERS[self.direction], self)

    def can_read(self, *, whole: bool) -> bool:
        """Whether waiting for the body would be in vain."""
        return self.over or (self._unread and not whole)

    def ask_for_more(self, wanted: "_Body") -> None:
        """The coroutine waits for the body; outside a callback of its direction, have the proxy deliver it."""
        context: Any = self.context
        self.wanted, whole = wanted, wanted.whole
        if self._inside or not context._is_held(self.direction):
            return
        if not whole or self._method.endswith("_headers"):
            self.base = self.end = self._read_to = 0
            getattr(context, _DIRECTIONS[self.direction][1])()


def _is_last(method: str, args: tuple[Any, ...]) -> bool:
    """Whether nothing follows this callback in its direction."""
    return method.endswith("_trailers") or bool(args and args[-1])


class _Body(Future):
    """Resolves to the whole body, or to its next chunk (None after the last)."""

    __slots__ = ("_buffer", "_root", "whole")

    def __init__(self, buffer_type: int, *, whole: bool) -> None:
        super().__init__()
        self._root: _StreamTask | None = None
        self._buffer = buffer_type
        self.whole = whole

    def arm(self, task: Task) -> None:
        """Read what is there, or ask for it."""
        root, direction = task.root, _BODIES.get(self._buffer)
        if not isinstance(root, _StreamTask) or root.direction != direction:
            self.fail(RuntimeError(f"the {direction} body can be awaited in an async on_http_{direction}_... callback"))
        elif root.wanted is not None:
            self.fail(RuntimeError(f"the {direction} body is awaited twice at the same time"))
        elif root.can_read(whole=self.whole):
            self.resolve(root.read(whole=self.whole))
        else:
            task.vm.require(f"on_{direction}_body", f"{direction}_body")
            self._root = root
            root.ask_for_more(self)

    def abandon(self) -> None:
        """Nobody waits for the body any more."""
        if self._root is not None:
            self._root.wanted = None


def whole_body(_vm: "VM", buffer_type: int) -> Awaitable[bytes]:
    """All of a body, once its end is there."""
    return _Body(buffer_type, whole=True)


class body_chunks:  # noqa: N801 - used like a function
    """The chunks of a body, as they come."""

    def __init__(self, _vm: "VM", buffer_type: int) -> None:
        self._buffer = buffer_type

    def __aiter__(self) -> "body_chunks":
        return self

    async def __anext__(self) -> bytes:
        chunk: bytes | None = b""
        while chunk == b"":  # the end of a body often comes as an empty chunk
            chunk = await _Body(self._buffer, whole=False)
        if chunk is None:
            raise StopAsyncIteration
        return chunk
