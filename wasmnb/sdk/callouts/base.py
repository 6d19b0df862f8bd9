"""Calls to clusters, whose results arrive in a later callback: the base of HTTP and gRPC calls, and the calls of a VM.

Facts: a call belongs to the plugin and outlives the stream that made it, so its response may arrive after the stream has
ended. The response is dropped then. A call is its own future: the callback that brings the response wakes the task that awaits it.
"""

from collections.abc import Callable, Generator
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from ...abi import REPORTED_BY
from ..diagnostics.hostcall_causes import hostcall_error
from ..errors import CalloutError
from ..interfaces import ContextInterface, VMInterface
from ..tasks.tasks import Future

__all__ = ["Call", "CallResult", "Callouts", "place_call"]


class CallResult(Protocol):
    """The result of a call."""

    @property
    def error(self) -> Exception | None:
        """The failure as an exception, or None."""


R = TypeVar("R", bound=CallResult)


class Callouts:
    """The calls in progress in one VM, by token.

    Attributes
    ----------
    http
        HTTP calls.
    grpc
        Unary gRPC calls and gRPC streams.
    """

    __slots__ = ("grpc", "http")

    def __init__(self) -> None:
        self.http: dict[int, Any] = {}
        self.grpc: dict[int, Any] = {}


#: Hostcall that starts a call -> export without which the call would never end: the last callback that reports it.
_REQUIRED = {
    "http_call": f"proxy_{REPORTED_BY['http_call'][0]}",
    "grpc_call": "proxy_on_grpc_close",
    "grpc_stream": "proxy_on_grpc_receive_initial_metadata",
}


def place_call(vm: VMInterface, hostcall: str, about: str, *args: Any) -> int:
    """Make the hostcall that starts a call or a stream, and return its token.

    Parameters
    ----------
    vm
        The VM that makes the call.
    hostcall
        Name without prefix.
    about
        Arguments as the error message shows them.
    args
        Arguments of the hostcall.

    Raises
    ------
    HostcallError
        The status is not OK.
    RuntimeError
        The module doesn't export the callback that reports the result.
    """
    if _REQUIRED[hostcall] not in vm.filter.exports:
        vm.require(_REQUIRED[hostcall].removeprefix("proxy_"), hostcall)
    status, token = getattr(vm.abi, hostcall)(*args)
    if status:
        raise hostcall_error(hostcall, status, about)
    return int(token)


class Call(Future, Generic[R]):
    """A call in progress. Await it, or set a callback with `on_response`.

    Attributes
    ----------
    response
        The result; None until the call has ended.
    """

    __slots__ = ("callback", "context", "response", "token", "vm")
    kind: ClassVar[str] = ""

    def __init__(
        self, vm: VMInterface, context: ContextInterface, token: int, callback: Callable[..., Any] | None
    ) -> None:
        super().__init__()
        self.vm = vm
        self.context = context
        self.token = token
        self.callback = callback
        self.response: R | None = None

    def on_response(self, callback: Callable[[R], object]) -> Self:
        """Set the function that is called with the response, on the context that made the call; return this call."""
        self.callback = callback
        return self

    def end(self, response: R) -> None:
        """End the call with its response: call the callback, and resume the task that waits."""
        self.response = response
        if self.callback is not None:
            self.callback(response)
        self.resolve(response)

    def cancel(self) -> None:
        """Stop waiting for the response; it is dropped when it arrives. A task that awaits it gets `CalloutError`."""
        if not self.done:
            self._forget()
            self.fail(CalloutError(f"the {self.kind} was cancelled"))

    def abandon(self) -> None:
        """Cancel the call, because the task that awaited it no longer waits."""
        self.cancel()

    def _forget(self) -> None:
        """Remove the call from the VM's calls, and cancel it in the proxy if the ABI allows it."""
        raise NotImplementedError

    def __await__(self) -> Generator[Any, None, R]:
        """Return the response, or raise the failure as an exception."""
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
