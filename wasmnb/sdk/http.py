"""The class HttpContext: callbacks and messages of an HTTP stream, and methods to continue, close or respond to the stream."""

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
from .diagnostics.hostcall_causes import crash_error, hostcall_error, running_part
from .errors import StreamStateError
from .http_states import (
    CLOSE,
    CLOSED,
    CONTINUE,
    END,
    ENDED,
    NEVER_PAUSED,
    OPEN,
    PAUSE,
    PAUSE_REPLY,
    PAUSED,
    REFUSED,
    REPLIED_FINALLY,
    REPLY,
    REPLY_PAUSED,
    REPLY_TO_RESPONSE,
)
from .loading.callbacks import STREAM_HANDLERS
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

# Plain numbers: converting an enum's member takes longer than the hostcall.
_REQUEST, _RESPONSE = int(StreamType.REQUEST), int(StreamType.RESPONSE)

# A module-level name, because looking up an enum member costs one more instruction.
_PAUSE = Action.PAUSE


class HttpContext(Context):
    """One HTTP request and its response. The stream continues when a callback returns None.

    Headers can be read and changed only in their own callback, and as long as that callback pauses the stream. A body
    callback sees the current chunk, or the whole body so far if the previous body callback paused.

    If a headers callback awaits the body (`await self.request_body()`), the proxy sends the headers on before the wait. With
    the plugin option `allow_on_headers_stop_iteration`, it pauses them instead: you can still change the headers after the
    wait, and a request that you refuse doesn't reach the upstream.
    """

    #: Context of the plugin that created this stream.
    plugin: PluginContext

    #: The plugin's configuration, the same as `self.plugin.config`.
    config: Any = PluginConfig()

    request = View(RequestView, "Parts of the request, such as `self.request.path`, `.query` and `.cookies`.")
    response = View(ResponseView, "Parts of the response, such as `self.response.status` and `.set_cookie(...)`.")

    # States of the stream and of its directions. Class attributes, because the states of most streams never change.
    _stream_state = OPEN
    _request_state = NEVER_PAUSED
    _response_state = NEVER_PAUSED

    #: Directions (`request`, `response`) whose body is available only in its own callback, because the proxy doesn't buffer it.
    _unkept: tuple[str, ...] = ()

    def _own_plugin(self) -> PluginContext:
        """Return the context of the plugin to which this stream belongs."""
        return self.plugin

    # -- callbacks

    def on_http_request_headers(self, num_headers: int, end_of_stream: bool) -> "HeadersResult":
        """Handle the request headers. Called when all of them have arrived.

        Parameters
        ----------
        num_headers
            Number of headers.
        end_of_stream
            Whether the request ends here, without a body or trailers.

        Returns
        -------
        Action or None
            None or `Action.CONTINUE` sends the request on. `Action.PAUSE` pauses it until `continue_request` or
            `send_local_response`. A member of `HeadersStatus` selects one of Envoy's other ways to pause. An `async def`
            callback pauses the request while it waits, and its result is applied when it returns.
        """

    def on_http_request_body(self, body_size: int, end_of_stream: bool) -> "DataResult":
        """Handle a chunk of the request body. If you pause, the proxy buffers the chunk and adds the next one to it.

        Parameters
        ----------
        body_size
            Number of bytes in `self.request_body`: the current chunk and all chunks that the proxy has buffered.
        end_of_stream
            Whether the request ends with this chunk.

        Returns
        -------
        Action or None
            None or `Action.CONTINUE` sends the request on. `Action.PAUSE` pauses it until `continue_request` or
            `send_local_response`. A member of `DataStatus` selects one of Envoy's other ways to pause. An `async def` callback
            pauses the request while it waits, and its result is applied when it returns.
        """

    def on_http_request_trailers(self, num_trailers: int) -> "TrailersResult":
        """Handle the request trailers.

        Parameters
        ----------
        num_trailers
            Number of trailers.

        Returns
        -------
        Action or None
            None or `Action.CONTINUE` sends the request on. `Action.PAUSE` pauses it until `continue_request` or
            `send_local_response`. A member of `TrailersStatus` selects one of Envoy's other ways to pause. An `async def`
            callback pauses the request while it waits, and its result is applied when it returns.
        """

    def on_http_request_metadata(self, num_elements: int) -> None:
        """Handle HTTP/2 metadata frames of the request.

        Parameters
        ----------
        num_elements
            Number of metadata elements.
        """

    def on_http_response_headers(self, num_headers: int, end_of_stream: bool) -> "HeadersResult":
        """Handle the response headers. Called when all of them have arrived.

        Parameters
        ----------
        num_headers
            Number of headers.
        end_of_stream
            Whether the response ends here, without a body or trailers.

        Returns
        -------
        Action or None
            None or `Action.CONTINUE` sends the response on. `Action.PAUSE` pauses it until `continue_response` or
            `send_local_response`. A member of `HeadersStatus` selects one of Envoy's other ways to pause. An `async def`
            callback pauses the response while it waits, and its result is applied when it returns.
        """

    def on_http_response_body(self, body_size: int, end_of_stream: bool) -> "DataResult":
        """Handle a chunk of the response body. If you pause, the proxy buffers the chunk and adds the next one to it.

        Parameters
        ----------
        body_size
            Number of bytes in `self.response_body`: the current chunk and all chunks that the proxy has buffered.
        end_of_stream
            Whether the response ends with this chunk.

        Returns
        -------
        Action or None
            None or `Action.CONTINUE` sends the response on. `Action.PAUSE` pauses it until `continue_response` or
            `send_local_response`. A member of `DataStatus` selects one of Envoy's other ways to pause. An `async def` callback
            pauses the response while it waits, and its result is applied when it returns.
        """

    def on_http_response_trailers(self, num_trailers: int) -> "TrailersResult":
        """Handle the response trailers.

        Parameters
        ----------
        num_trailers
            Number of trailers.

        Returns
        -------
        Action or None
            None or `Action.CONTINUE` sends the response on. `Action.PAUSE` pauses it until `continue_response` or
            `send_local_response`. A member of `TrailersStatus` selects one of Envoy's other ways to pause. An `async def`
            callback pauses the response while it waits, and its result is applied when it returns.
        """

    def on_http_response_metadata(self, num_elements: int) -> None:
        """Handle HTTP/2 metadata frames of the response.

        Parameters
        ----------
        num_elements
            Number of metadata elements.
        """

    def on_http_stream_done(self) -> None:
        """Handle the end of the stream. Request and response headers can still be read here, for example to log them."""

    def on_delete(self) -> None:
        """Clean up. This is the last callback of the stream."""

    # -- messages

    @property
    def request_headers(self) -> HeaderMap:
        """The request headers, as a mutable mapping."""
        vm = self._vm
        if vm.active is not self:
            vm.switch(self)
        return vm.messages.request_headers

    @property
    def response_headers(self) -> HeaderMap:
        """The response headers, as a mutable mapping."""
        vm = self._vm
        if vm.active is not self:
            vm.switch(self)
        return vm.messages.response_headers

    @property
    def request_trailers(self) -> HeaderMap:
        """The request trailers, as a mutable mapping."""
        self._vm.switch(self)
        return self._vm.messages.request_trailers

    @property
    def response_trailers(self) -> HeaderMap:
        """The response trailers, as a mutable mapping."""
        self._vm.switch(self)
        return self._vm.messages.response_trailers

    @property
    def request_body(self) -> Body:
        """The part of the request body that the current callback can read. Assigning bytes or text replaces this part."""
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
        """The part of the response body that the current callback can read. Assigning bytes or text replaces this part."""
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
        """Respond to the client directly, without the upstream. The proxy sends nothing more to the upstream.

        The response is sent when the callback returns. It ends the stream, whether the callback returns Continue or Pause.
        A second local response to the same stream is ignored with a warning, because it can crash Envoy.

        Parameters
        ----------
        status
            HTTP status, 200 to 599.
        body
            Body (default empty). The proxy adds the content-type text/plain if `headers` contains none.
        headers
            Additional headers, as a mapping or as pairs (default none).
        json
            Value to send as JSON instead of `body`, with content-type application/json (default None: send `body`).
        details
            Reason for the access log, where `%RESPONSE_CODE_DETAILS%` prints it (default empty).
        grpc_status
            Status for gRPC clients. By default, the proxy derives it from the HTTP status.

        Returns
        -------
        Action
            `Action.PAUSE`, so that a callback can end with `return self.send_local_response(...)`.

        Raises
        ------
        ValueError
            `status` is not between 200 and 599.
        StreamStateError
            The stream has already ended.
        """
        if not isinstance(status, int) or not 200 <= status <= 599:
            raise ValueError(f"status= of send_local_response must be an int between 200 and 599, not {status!r}")
        vm = self._vm
        after = (REPLY_TO_RESPONSE if vm.responding == self.context_id else REPLY)[self._stream_state]
        if after is REFUSED:
            return self._refuse_reply(status)
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
        self._stream_state = after
        return _PAUSE

    def _refuse_reply(self, status: int) -> Action:
        """Log a warning for a local response that isn't sent. Raises StreamStateError if the stream has ended.

        Only the response headers callback may replace a local response, and only once.
        """
        if self._stream_state is ENDED:
            raise crash_error("reply_at_end", f"send_local_response({status})")
        if self._stream_state is REPLIED_FINALLY and self._vm.responding == self.context_id:
            reason = CRASHES["reply_twice"].text
        else:
            reason = "the stream already has a local response, or is closed"
        log_warn(f"send_local_response({status}) is ignored: {reason}")
        return _PAUSE

    def continue_request(self) -> None:
        """Send a paused request on to the upstream. Afterwards, its headers and body can't be changed any more.

        Raises
        ------
        StreamStateError
            The request has never been paused. Envoy would send it twice.
        """
        if self._request_state is NEVER_PAUSED:
            raise StreamStateError(
                "continue_request() was called, but the request isn't paused, so Envoy would send it twice. "
                "Return Action.PAUSE from a request callback first, and call continue_request() in a later callback."
            )
        if self._request_state is PAUSED:
            self._request_state = CONTINUE[self._request_state]
            self._stream("continue_stream", _REQUEST)

    def continue_response(self) -> None:
        """Send a paused response on to the client.

        Raises
        ------
        StreamStateError
            The response has never been paused, or its own last callback is running. Envoy could crash.
        """
        if self._response_state is NEVER_PAUSED:
            raise StreamStateError(
                "continue_response() was called, but the response isn't paused, which can crash Envoy. "
                "Return Action.PAUSE from a response callback first, and call continue_response() in a later callback."
            )
        if self._response_state is PAUSED or self._response_state is REPLY_PAUSED:
            if self._vm.active is self and running_part()[0] == "response":
                raise crash_error("resume_own_end", "continue_response()")
            self._response_state = CONTINUE[self._response_state]
            self._stream("continue_stream", _RESPONSE)

    def close(self) -> None:
        """Reset the stream, so that the client doesn't receive a complete response. A second call only logs a warning.

        Raises
        ------
        StreamStateError
            The stream has already ended. Closing it would crash Envoy.
        """
        if self._stream_state is ENDED:
            raise crash_error("close_at_end", "close()")
        if self._stream_state is CLOSED:
            log_warn(f"close() is ignored: {CRASHES['close_twice'].text}")
            return
        self._stream_state = CLOSE[self._stream_state]
        self._stream("close_stream", _REQUEST)

    def _check_body(self, direction: str) -> None:
        """Raise StreamStateError if the body is used outside its own callback and the proxy hasn't buffered it."""
        if direction in self._unkept and running_part() != (direction, "body"):
            raise crash_error("body_outside", f"{direction}_body")

    def _stream(self, hostcall: str, direction: int) -> None:
        self._vm.switch(self)
        status = getattr(self._vm.abi, hostcall)(direction)
        if status:
            raise hostcall_error(hostcall, status, StreamType(direction).name)

    def _paused(self, method: str, status: int = 1) -> None:
        """Record that a callback of this stream returned a status that stops iteration."""
        handler = STREAM_HANDLERS[method]
        direction = handler.direction
        if handler.part == "body":
            others = tuple(name for name in self._unkept if name != direction)
            self._unkept = others if status == DataStatus.STOP_ITERATION_AND_BUFFER else (*others, direction)
            if self._waits is not None and self._waits.cut_characters:
                self._waits.keep_in_place(self, direction)
        if direction == "request":
            self._request_state = PAUSE[self._request_state]
        else:
            # After a local response, response callbacks are called for the local response.
            is_reply = self._stream_state is not OPEN and handler.part == "headers"
            self._response_state = (PAUSE_REPLY if is_reply else PAUSE)[self._response_state]

    def _end(self) -> None:
        self._stream_state = END[self._stream_state]

    # -- used by `async def` callbacks

    def _is_paused(self, direction: str) -> bool:
        """Return whether the request or response (`direction`) is paused. Only a paused one can be continued."""
        if direction == "request":
            return self._request_state is PAUSED and self._stream_state is OPEN
        return self._response_state is REPLY_PAUSED or (self._response_state is PAUSED and self._stream_state is OPEN)

    def _continue(self, direction: str) -> None:
        """Continue the request or the response."""
        if direction == "request":
            self.continue_request()
        else:
            self.continue_response()

    def _continued(self, direction: str) -> None:
        """Record that a callback of this direction (`request` or `response`) returned Continue."""
        if direction == "request":
            self._request_state = CONTINUE[self._request_state]
        else:
            self._response_state = CONTINUE[self._response_state]

    def _fail(self, method: str) -> None:
        """End the stream in the same way as Envoy does after a trap in the filter."""
        if self._stream_state is not OPEN:
            return
        handler = STREAM_HANDLERS[method]
        if handler.direction == "response" and handler.part != "headers":
            self.close()
        else:
            self.send_local_response(503, details="wasm_fail_stream")
