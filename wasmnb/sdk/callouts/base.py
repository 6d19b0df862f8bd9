"""What every callout is: something asked of a cluster, whose answer comes in a later callback.

Facts: a call belongs to the plugin and outlives the stream that made it, so that an answer may come for a stream that is
over; it is dropped then. A call is its own future: what awaits it is woken by the callback that brings the answer.
"""

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, Self, TypeVar

from ..diagnostics.hostcall_causes import hostcall_error
from ..errors import CalloutError
from ..tasks.tasks import Future

if TYPE_CHECKING:
    from ..contexts import Context
    from ..vm import VM

__all__ = ["Answer", "Call", "place_call"]


class Answer(Protocol):
    """How a call ended."""

    @property
    def error(self) -> Exception | None:
        """The way in which it failed, or None."""


A = TypeVar("A", bound=Answer)


def place_call(vm: "VM", hostcall: str, about: str, *args: Any) -> int:
    """Make the hostcall that starts a call or a stream; its token. Raises `HostcallError` with the likely cause."""
    if _NEEDS[hostcall] not in vm.exports:
        vm.require(_NEEDS[hostcall].removeprefix("proxy_"), hostcall)
    status, token = getattr(vm.abi, hostcall)(*args)
    if status:
        raise hostcall_error(hostcall, status, about)
    return int(token)


#: What starts a call -> a callback without which it would never end.
_NEEDS = {
    "http_call": "proxy_on_http_call_response",
    "grpc_call": "proxy_on_grpc_close",
    "grpc_stream": "proxy_on_grpc_receive_initial_metadata",
}


class Call(Future, Generic[A]):
    """A call under way. Await it, or give it a callback; `response` is there when it has ended."""

    __slots__ = ("callback", "context", "response", "token", "vm")
    kind: ClassVar[str] = ""

    def __init__(self, vm: "VM", context: "Context", token: int, callback: Callable[..., Any] | None) -> None:
        super().__init__()
        self.vm = vm
        self.context = context
        self.token = token
        self.callback = callback
        self.response: A | None = None

    def on_response(self, callback: Callable[[A], object]) -> Self:
        """Have `callback` called with the answer, on the context that made the call."""
        self.callback = callback
        return self

    def end(self, response: A) -> None:
        """The answer is there: call the callback, wake who waits."""
        self.response = response
        if self.callback is not None:
            self.callback(response)
        self.resolve(response)

    def cancel(self) -> None:
        """Stop waiting for the answer: it is dropped if it comes."""
        if not self.done:
            self._forget()
            self.fail(CalloutError(f"the {self.kind} was cancelled"))

    def abandon(self) -> None:
        """Nobody waits any more."""
        self.cancel()

    def _forget(self) -> None:
        """Take it from the VM's calls; the proxy is told if it can stop the call."""
        raise NotImplementedError

    def __await__(self) -> Generator[Any, None, A]:
        """The answer, or the way in which the call failed as an exception."""
        if not self.done:
            yield self
        if self.error is not None:
            raise self.error
        response = self.response
        assert response is not None
        failure = response.error
        if failure is not None:
            raise failure
        return response

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.token}: {self.response or 'under way'}>"
