"""Base class of HTTP and gRPC calls to clusters, and the calls in progress in a VM.

The result of a call arrives in a later callback, which resumes the task that awaits the call. A call belongs to the plugin, so
its response may arrive after the stream that made the call has ended. In this case the response is dropped.
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
    """Interface of the result of a call."""

    @property
    def error(self) -> Exception | None:
        """Exception that describes the failure, or None if the call succeeded."""


R = TypeVar("R", bound=CallResult)


class Callouts:
    """The calls in progress in one VM.

    Attributes
    ----------
    http
        HTTP calls by token.
    grpc
        Unary gRPC calls and gRPC streams by token.
    """

    __slots__ = ("grpc", "http")

    def __init__(self) -> None:
        self.http: dict[int, Any] = {}
        self.grpc: dict[int, Any] = {}


#: Hostcall that starts a call -> export through which the proxy reports the end of the call.
_REQUIRED = {
    "http_call": f"proxy_{REPORTED_BY['http_call'][0]}",
    "grpc_call": "proxy_on_grpc_close",
    "grpc_stream": "proxy_on_grpc_receive_initial_metadata",
}


def place_call(vm: VMInterface, hostcall: str, subject: str, *args: Any) -> int:
    """Start an HTTP call, gRPC call or gRPC stream, and return its token.

    Parameters
    ----------
    vm
        The VM that makes the call.
    hostcall
        Name of the hostcall that starts the call, without `proxy_`.
    subject
        Description of the arguments for the error message.
    args
        Arguments of the hostcall.

    Raises
    ------
    HostcallError
        The hostcall returned a status other than OK.
    RuntimeError
        The module doesn't export the callback that reports the result.
    """
    if _REQUIRED[hostcall] not in vm.filter.exports:
        vm.require(_REQUIRED[hostcall].removeprefix("proxy_"), hostcall)
    status, token = getattr(vm.abi, hostcall)(*args)
    if status:
        raise hostcall_error(hostcall, status, subject)
    return int(token)


class Call(Future, Generic[R]):
    """A call in progress. Await it, or set a callback with `on_response`.

    Attributes
    ----------
    response
        The result, or None while the call is in progress.
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
        """Set the function that is called with the response. Its hostcalls act on the context that made the call.

        Returns the call itself.
        """
        self.callback = callback
        return self

    def end(self, response: R) -> None:
        """Store the response, pass it to the callback, and resume the task that awaits the call."""
        self.response = response
        if self.callback is not None:
            self.callback(response)
        self.resolve(response)

    def cancel(self) -> None:
        """Cancel the call. The response is dropped when it arrives, and `CalloutError` is raised in a task that awaits it."""
        if not self.done:
            self._forget()
            self.fail(CalloutError(f"the {self.kind} was cancelled"))

    def abandon(self) -> None:
        """Cancel the call, because no task awaits it any more."""
        self.cancel()

    def _forget(self) -> None:
        """Remove the call from the VM's calls in progress, and cancel it in the proxy if the ABI supports this."""
        raise NotImplementedError

    def __await__(self) -> Generator[Any, None, R]:
        """Wait for the response and return it. Raises an exception if the call has failed."""
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
