"""HttpContext: one HTTP stream."""

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from ..abi import (
    Action,
    DataStatus,
    GrpcStatus,
    HeadersStatus,
    StreamType,
    TrailersStatus,
)
from .contexts import Context, PluginContext
from .diagnostics.hostcall_causes import hostcall_error, running_callback
from .errors import StreamStateError
from .logs import log_warn
from .messages.bodies import Body, json_message
from .messages.encoding import PairsLike, Text, Value, encode
from .messages.headers import HeaderMap
from .messages.pairs import serialised_headers
from .messages.views import PluginConfig, RequestView, ResponseView, View
from .tasks.stream_tasks import body_window

if TYPE_CHECKING:
    HeadersResult = Action | HeadersStatus | None | Awaitable[Action | HeadersStatus | None]
    DataResult = Action | DataStatus | None | Awaitable[Action | DataStatus | None]
    TrailersResult = Action | TrailersStatus | None | Awaitable[Action | TrailersStatus | None]

__all__ = ["HttpContext"]

# Plain numbers: making one of an enum's member takes longer than the hostcall.
_REQUEST, _RESPONSE = int(StreamType.REQUEST), int(StreamType.RESPONSE)

# Whether a direction may be continued: Envoy sends a request twice, or crashes, if it is continued without a pause.
_NEVER_PAUSED, _PAUSED, _CONTINUED = range(3)


class HttpContext(Context):
    """One HTTP request and its response. A callback that returns nothing lets the stream go on.

    Headers can be read and changed only in their own callback (and while paused in it); a body in its callback is the
    current chunk, or all of it so far if the callback before paused.
    """

    #: The plugin that the stream belongs to; its configuration is `self.plugin.config`.
    plugin: PluginContext

    #: The plugin's configuration: `self.plugin.config`.
    config: Any = PluginConfig()

    request = View(RequestView, "The request, with its parts by name: `self.request.path`, `.query`, `.cookies`.")
    response = View(ResponseView, "The response, with its parts by name: `self.response.status`, `.set_cookie(...)`.")

    _request_state = _NEVER_PAUSED
    _response_state = _NEVER_PAUSED
    _over = False
    _answered = False
    _is_reply = False

    # -- callbacks

    def on_http_request_headers(self, num_headers: int, end_of_stream: bool) -> "HeadersResult":
        """Request headers are here; `end_of_stream` if neither a body nor trailers follow."""

    def on_http_request_body(self, body_size: int, end_of_stream: bool) -> "DataResult":
        """A chunk of the request body is here. Pausing keeps it and shows more of the body next time."""

    def on_http_request_trailers(self, num_trailers: int) -> "TrailersResult":
        """Request trailers are here."""

    def on_http_request_metadata(self, num_elements: int) -> None:
        """HTTP/2 metadata of the request are here."""

    def on_http_response_headers(self, num_headers: int, end_of_stream: bool) -> "HeadersResult":
        """Response headers are here."""

    def on_http_response_body(self, body_size: int, end_of_stream: bool) -> "DataResult":
        """A chunk of the response body is here."""

    def on_http_response_trailers(self, num_trailers: int) -> "TrailersResult":
        """Response trailers are here."""

    def on_http_response_metadata(self, num_elements: int) -> None:
        """HTTP/2 metadata of the response are here."""

    def on_http_stream_done(self) -> None:
        """The stream is over; headers can be read once more, for logging."""

    def on_delete(self) -> None:
        """The context goes away."""

    # -- what the stream carries

    @property
    def request_headers(self) -> HeaderMap:
        """Request headers."""
        vm = self._vm
        if vm.active is not self:
            vm.switch(self)
        return vm.request_headers

    @property
    def response_headers(self) -> HeaderMap:
        """Response headers."""
        vm = self._vm
        if vm.active is not self:
            vm.switch(self)
        return vm.response_headers

    @property
    def request_trailers(self) -> HeaderMap:
        """Request trailers."""
        self._vm.switch(self)
        return self._vm.request_trailers

    @property
    def response_trailers(self) -> HeaderMap:
        """Response trailers."""
        self._vm.switch(self)
        return self._vm.response_trailers

    @property
    def request_body(self) -> Body:
        """What can be seen of the request body; assigning replaces it."""
        self._vm.switch(self)
        window = body_window(self, "request")
        return self._vm.request_body if window is None else window

    @request_body.setter
    def request_body(self, data: Value) -> None:
        self.request_body.set(data)

    @property
    def response_body(self) -> Body:
        """What can be seen of the response body; assigning replaces it."""
        self._vm.switch(self)
        window = body_window(self, "response")
        return self._vm.response_body if window is None else window

    @response_body.setter
    def response_body(self, data: Value) -> None:
        self.response_body.set(data)

    # -- what can be done with it

    def send_local_response(
        self,
        status: int,
        body: Value = b"",
        headers: PairsLike = (),
        *,
        json: Any = None,
        details: Text = b"",
        grpc_status: int = GrpcStatus.INVALID,
    ) -> Action:
        """Answer the client from here; nothing (more) goes upstream.

        The proxy sends it when the callback returns and then stops the stream, whatever the callback returned, so that
        `return self.send_local_response(403, "no")` and a bare call mean the same. The first answer counts: Envoy can crash
        if it is given another, which is dropped here.

        Parameters
        ----------
        status
            HTTP status, 200 to 599.
        body
            Empty for none; text/plain unless the headers say otherwise.
        json
            Sent as the body, with its content type.
        details
            Why, for the access log (RESPONSE_CODE_DETAILS).
        grpc_status
            For gRPC requests; the proxy derives it from the HTTP status if not given.
        """
        if not isinstance(status, int) or not 200 <= status <= 599:
            raise ValueError(f"a local response needs a status from 200 to 599, got {status!r}")
        if self._over:
            raise StreamStateError("the stream is over: Envoy crashes if it is answered in on_http_stream_done")
        if self._answered and running_callback() != "on_http_response_headers":  # there, an answer can be answered
            log_warn(f"send_local_response({status}) is dropped: the stream has been answered or closed already")
            return Action.PAUSE
        self._vm.switch(self)
        if json is not None:
            body, headers = json_message(json, body, headers)
        pairs = serialised_headers(self._vm.abi, headers)
        answer = self._vm.abi.send_local_response(status, encode(details), encode(body), pairs, int(grpc_status))
        if answer:
            raise hostcall_error("send_local_response", answer, str(status))
        self._answered = True
        return Action.PAUSE

    def continue_request(self) -> None:
        """Let a paused request go on. Its headers and body can no longer be changed."""
        if self._request_state is _NEVER_PAUSED:
            raise StreamStateError(
                "continue_request() on a request that has not been paused: Envoy would send it twice. "
                "Return Action.PAUSE from the callback, and continue from a later one."
            )
        if self._request_state is _PAUSED:
            self._request_state = _CONTINUED
            self._stream("continue_stream", _REQUEST)

    def continue_response(self) -> None:
        """Let a paused response go on."""
        if self._response_state is _NEVER_PAUSED:
            raise StreamStateError(
                "continue_response() on a response that has not been paused: Envoy can crash. "
                "Return Action.PAUSE from a response callback, and continue from a later one."
            )
        if self._response_state is _PAUSED:
            self._response_state = _CONTINUED
            self._stream("continue_stream", _RESPONSE)

    def close(self) -> None:
        """Reset the stream: the client gets no (complete) response."""
        self._answered = True
        self._stream("close_stream", _REQUEST)

    def _stream(self, hostcall: str, direction: int) -> None:
        self._vm.switch(self)
        status = getattr(self._vm.abi, hostcall)(direction)
        if status:
            raise hostcall_error(hostcall, status, StreamType(direction).name)

    def _paused(self, method: str) -> None:
        """A callback of this stream returned a stop."""
        if "request" in method:
            self._request_state = _PAUSED
        else:
            self._response_state = _PAUSED
            # A response callback after an answer from here is for that answer.
            self._is_reply = self._is_reply or (self._answered and method == "on_http_response_headers")

    # -- for callbacks that wait

    def _is_held(self, direction: str) -> bool:
        """Whether a direction is paused, so that it would go on if it were continued."""
        if direction == "request":
            return self._request_state is _PAUSED and not self._answered
        return self._response_state is _PAUSED and (not self._answered or self._is_reply)

    def _let_go(self, direction: str) -> None:
        """A callback returned so that a direction goes on."""
        name = f"_{direction}_state"
        if getattr(self, name) is _PAUSED:
            setattr(self, name, _CONTINUED)

    def _fail(self, method: str) -> None:
        """End the stream as Envoy ends one whose filter trapped."""
        if self._answered or self._over:
            return
        if "response" in method and not method.endswith("_headers"):
            self.close()
        else:
            self.send_local_response(503, details="wasm_fail_stream")
