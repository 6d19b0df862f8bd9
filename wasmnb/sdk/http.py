"""HttpContext: one HTTP stream, with its callbacks, its messages, and methods that control it."""

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
from ..abi.crashes import CRASHES
from .contexts import Context, PluginContext
from .diagnostics.hostcall_causes import crash_error, hostcall_error, running_callback
from .errors import StreamStateError
from .logs import log_warn
from .messages.bodies import Body, json_message
from .messages.encoding import PairsLike, Text, Value, encode
from .messages.headers import HeaderMap
from .messages.pairs import serialised_headers
from .messages.views import PluginConfig, RequestView, ResponseView, View
from .tasks.context_waits import direction_of
from .tasks.stream_tasks import body_window

if TYPE_CHECKING:
    HeadersResult = Action | HeadersStatus | None | Awaitable[Action | HeadersStatus | None]
    DataResult = Action | DataStatus | None | Awaitable[Action | DataStatus | None]
    TrailersResult = Action | TrailersStatus | None | Awaitable[Action | TrailersStatus | None]

__all__ = ["PAUSED", "HttpContext"]

# Plain numbers: converting an enum's member takes longer than the hostcall.
_REQUEST, _RESPONSE = int(StreamType.REQUEST), int(StreamType.RESPONSE)

# Whether a direction can be continued: Envoy sends a request twice, or crashes, if it was not paused.
_NEVER_PAUSED, PAUSED, _CONTINUED = range(3)

# Cached, since looking up an enum's member takes another step.
_PAUSE = Action.PAUSE


class HttpContext(Context):
    """One HTTP request and its response. A callback that returns None lets the stream continue.

    `await self.request_body()` in a headers callback sends the headers on first, unless the plugin has
    `allow_on_headers_stop_iteration`; with it the headers can still be changed, and a refused request doesn't reach the
    upstream.

    Headers can be read and changed only in their own callback, and while the stream is paused there. A body callback sees
    the current chunk, or everything so far if the callback before it paused.
    """

    #: The plugin that the stream belongs to; its configuration is `self.plugin.config`.
    plugin: PluginContext

    #: The plugin's configuration: `self.plugin.config`.
    config: Any = PluginConfig()

    request = View(RequestView, "The request by parts: `self.request.path`, `.query`, `.cookies`.")
    response = View(ResponseView, "The response by parts: `self.response.status`, `.set_cookie(...)`.")

    _request_state = _NEVER_PAUSED
    _response_state = _NEVER_PAUSED
    _ended = False
    _local_reply_sent = False
    _is_local_reply = False
    _closed = False
    _replied_to_response = False

    #: Directions whose body can be used in its own callback only: the proxy doesn't keep it.
    _unkept: tuple[str, ...] = ()

    # -- callbacks

    def on_http_request_headers(self, num_headers: int, end_of_stream: bool) -> "HeadersResult":
        """Handle request headers.

        Parameters
        ----------
        num_headers
            Number of headers.
        end_of_stream
            Whether this is the end: neither a body nor trailers follow.
        """

    def on_http_request_body(self, body_size: int, end_of_stream: bool) -> "DataResult":
        """Handle a chunk of the request body. If you pause, the proxy buffers it, and the next callback sees more of the body.

        Parameters
        ----------
        body_size
            Number of bytes that can be read: the chunk's, or all since a pause.
        end_of_stream
            Whether this is the end: neither another chunk nor trailers follow.
        """

    def on_http_request_trailers(self, num_trailers: int) -> "TrailersResult":
        """Handle request trailers.

        Parameters
        ----------
        num_trailers
            Number of trailers.
        """

    def on_http_request_metadata(self, num_elements: int) -> None:
        """Handle HTTP/2 metadata of the request.

        Parameters
        ----------
        num_elements
            Number of metadata elements.
        """

    def on_http_response_headers(self, num_headers: int, end_of_stream: bool) -> "HeadersResult":
        """Handle response headers.

        Parameters
        ----------
        num_headers
            Number of headers.
        end_of_stream
            Whether this is the end: neither a body nor trailers follow.
        """

    def on_http_response_body(self, body_size: int, end_of_stream: bool) -> "DataResult":
        """Handle a chunk of the response body.

        Parameters
        ----------
        body_size, end_of_stream
            As for `on_http_request_body`.
        """

    def on_http_response_trailers(self, num_trailers: int) -> "TrailersResult":
        """Handle response trailers.

        Parameters
        ----------
        num_trailers
            Number of trailers.
        """

    def on_http_response_metadata(self, num_elements: int) -> None:
        """Handle HTTP/2 metadata of the response.

        Parameters
        ----------
        num_elements
            Number of metadata elements.
        """

    def on_http_stream_done(self) -> None:
        """Handle the end of the stream. Headers can still be read, for logging."""

    def on_delete(self) -> None:
        """Clean up: the context has ended."""

    # -- messages

    @property
    def request_headers(self) -> HeaderMap:
        """Request headers."""
        vm = self._vm
        if vm.active is not self:
            vm.switch(self)
        return vm.messages.request_headers

    @property
    def response_headers(self) -> HeaderMap:
        """Response headers."""
        vm = self._vm
        if vm.active is not self:
            vm.switch(self)
        return vm.messages.response_headers

    @property
    def request_trailers(self) -> HeaderMap:
        """Request trailers."""
        self._vm.switch(self)
        return self._vm.messages.request_trailers

    @property
    def response_trailers(self) -> HeaderMap:
        """Response trailers."""
        self._vm.switch(self)
        return self._vm.messages.response_trailers

    @property
    def request_body(self) -> Body:
        """The part of the request body that the callback sees. Assigning to it replaces that part."""
        self._vm.switch(self)
        if self._unkept:
            self._check_body("request")
        window = body_window(self, "request")
        return self._vm.messages.request_body if window is None else window

    @request_body.setter
    def request_body(self, data: Value) -> None:
        self.request_body.set(data)

    @property
    def response_body(self) -> Body:
        """The part of the response body that the callback sees. Assigning to it replaces that part."""
        self._vm.switch(self)
        if self._unkept:
            self._check_body("response")
        window = body_window(self, "response")
        return self._vm.messages.response_body if window is None else window

    @response_body.setter
    def response_body(self, data: Value) -> None:
        self.response_body.set(data)

    # -- controls

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
        """Send a local response to the client; nothing more is sent upstream.

        The proxy sends it when the callback returns, and stops the stream whatever the callback returns. Later local
        responses are ignored, since they can crash Envoy.

        Parameters
        ----------
        status
            HTTP status, 200 to 599.
        body
            Body (default empty). Its content-type is text/plain unless the headers have one.
        headers
            Other headers, as a mapping or as pairs (default none).
        json
            A value to send as JSON instead of `body`, with content-type application/json (default None: nothing).
        details
            Reason for the access log, RESPONSE_CODE_DETAILS (default empty).
        grpc_status
            Status for gRPC requests. By default, the proxy derives it from the HTTP status.

        Returns
        -------
        Action
            `Action.PAUSE`, for the callback to return.

        Raises
        ------
        ValueError
            The status is out of range.
        StreamStateError
            The stream has ended.
        """
        if not isinstance(status, int) or not 200 <= status <= 599:
            raise ValueError(f"the status of a local response must be between 200 and 599, not {status!r}")
        vm = self._vm
        if self._ended:
            raise crash_error("reply_at_end", f"send_local_response({status})")
        if (self._local_reply_sent or vm.responding == self.context_id) and not self._may_reply(status):
            return _PAUSE
        if vm.active is not self:
            vm.switch(self)
        if json is not None:
            body, headers = json_message(json, body, headers)
        result = vm.local_response(status, details, body, headers, grpc_status)
        if result == -1:
            pairs = serialised_headers(vm.abi, headers)
            result = vm.abi.send_local_response(status, encode(details), encode(body), pairs, int(grpc_status))
        if result:
            raise hostcall_error("send_local_response", result, str(status))
        self._local_reply_sent = True
        return _PAUSE

    def _may_reply(self, status: int) -> bool:
        """Return whether the proxy accepts a local response after another one, or in the callback for response headers."""
        if self._local_reply_sent:
            if self._closed or self._vm.responding != self.context_id:
                log_warn(
                    f"send_local_response({status}) is ignored: the stream already has a local response, or is closed"
                )
                return False
            if self._replied_to_response:  # it can be replaced once, in the callback that sees its headers
                log_warn(f"send_local_response({status}) is ignored: {CRASHES['reply_twice'].text}")
                return False
        self._replied_to_response = True
        return True

    def continue_request(self) -> None:
        """Continue a paused request. Its headers and body can't be changed any more."""
        if self._request_state is _NEVER_PAUSED:
            raise StreamStateError(
                "continue_request() on a request that is not paused: Envoy would send it twice. "
                "Return Action.PAUSE from the callback, and continue from a later one."
            )
        if self._request_state is PAUSED:
            self._request_state = _CONTINUED
            self._stream("continue_stream", _REQUEST)

    def continue_response(self) -> None:
        """Continue a paused response."""
        if self._response_state is _NEVER_PAUSED:
            raise StreamStateError(
                "continue_response() on a response that is not paused: Envoy can crash. "
                "Return Action.PAUSE from a response callback, and continue from a later one."
            )
        if self._response_state is PAUSED:
            if self._vm.active is self and running_callback().startswith("on_http_response_"):
                raise crash_error("resume_own_end", "continue_response()")
            self._response_state = _CONTINUED
            self._stream("continue_stream", _RESPONSE)

    def close(self) -> None:
        """Reset the stream, so that the client doesn't get a complete response. A second call is ignored, with a warning.

        Raises
        ------
        StreamStateError
            The stream has ended, so that Envoy would crash.
        """
        if self._ended:
            raise crash_error("close_at_end", "close()")
        if self._closed:
            log_warn(f"close() is ignored: {CRASHES['close_twice'].text}")
            return
        self._local_reply_sent = self._closed = True
        self._stream("close_stream", _REQUEST)

    def _check_body(self, direction: str) -> None:
        """Raise if this is not the body's own callback, and the proxy doesn't keep the body after it."""
        if direction in self._unkept and running_callback() != f"on_http_{direction}_body":
            raise crash_error("body_outside", f"{direction}_body")

    def _stream(self, hostcall: str, direction: int) -> None:
        self._vm.switch(self)
        status = getattr(self._vm.abi, hostcall)(direction)
        if status:
            raise hostcall_error(hostcall, status, StreamType(direction).name)

    def _paused(self, method: str, status: int = 1) -> None:
        """Record that a callback of this stream returned a stop."""
        if method.endswith("_body"):
            direction = direction_of(method)
            others = tuple(name for name in self._unkept if name != direction)
            self._unkept = others if status == DataStatus.STOP_ITERATION_AND_BUFFER else (*others, direction)
        if self._waits is not None and self._waits.cut_characters and method.endswith("_body"):
            self._waits.keep_in_place(self, direction_of(method))
        if "request" in method:
            self._request_state = PAUSED
        else:
            self._response_state = PAUSED
            # Response callbacks after a local response are for that response.
            self._is_local_reply = self._is_local_reply or (
                self._local_reply_sent and method == "on_http_response_headers"
            )

    # -- for waiting callbacks

    def _is_held(self, direction: str) -> bool:
        """Return whether a direction is paused and can be continued."""
        if direction == "request":
            return self._request_state is PAUSED and not self._local_reply_sent
        return self._response_state is PAUSED and (not self._local_reply_sent or self._is_local_reply)

    def _let_go(self, direction: str) -> None:
        """Record that a callback returned Continue."""
        name = f"_{direction}_state"
        if getattr(self, name) is PAUSED:
            setattr(self, name, _CONTINUED)

    def _fail(self, method: str) -> None:
        """End the stream as Envoy ends one whose filter trapped."""
        if self._local_reply_sent or self._ended:
            return
        if "response" in method and not method.endswith("_headers"):
            self.close()
        else:
            self.send_local_response(503, details="wasm_fail_stream")
