"""Sending of local replies.

In Envoy 1.40, if no response has begun, a local reply passes through the response callbacks of all filters. If a response is
passing through the filters, the local reply is sent directly to the client. If the client has already received the headers of a
response, the stream is reset. A local reply in a request callback is sent after this callback has returned. If a callback sends
several local replies, only the first takes effect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ...abi import Pair
from .connection_manager.reply_format import rewrite
from .local_reply import LocalReply, build_local_reply, is_grpc
from .route_table.formatter import Facts

if TYPE_CHECKING:
    from .codec.response_encoder import ResponseEncoder
    from .filter_chain import FilterChain
    from .header_map import ResponseHeaderMap
    from .local_reply import ReplyContent
    from .stream_state import StreamState

__all__ = ["LocalReplySender"]

#: Status of local replies that close an HTTP/1 connection, because Envoy treats them as errors in the client's request.
_BAD_REQUEST = 400


class LocalReplySender:
    """Sender of local replies for one stream.

    Parameters
    ----------
    state
        The stream's state.
    request, response
        The stream's filter chains.
    encoder
        Writer of the response to the client.
    reset
        Function that resets the stream.
    """

    def __init__(
        self,
        state: StreamState,
        request: FilterChain,
        response: FilterChain,
        encoder: ResponseEncoder,
        reset: Callable[[], None],
    ) -> None:
        self._state = state
        self._request = request
        self._response = response
        self._encoder = encoder
        self._reset = reset
        self._prepared: LocalReply | None = None

    def send(
        self,
        code: int,
        body: bytes,
        headers: Iterable[Pair] = (),
        *,
        details: str,
        grpc_status: int | None = None,
    ) -> None:
        """Send a local reply through the filters, or directly to the client if a response has already reached the filters.

        If the client has already received a response's headers, the stream is reset instead.

        Parameters
        ----------
        code, body, headers, grpc_status
            As in `build_local_reply`.
        details
            Envoy's response code details.
        """
        state, request, response = self._state, self._request, self._response
        state.info.details = details
        if state.done:
            state.exchange.details = details
            return
        previous_code = state.info.code
        if not self._encoder.headers_sent:
            state.info.code = code
        if code == _BAD_REQUEST and not state.manager.stream_error_on_invalid_http_message:
            self._encoder.must_close = True
        state.note("local_response", code=code, details=details)
        request.aborted = request.aborted or request.calling > 0
        response.aborted = response.aborted or response.calling > 0
        reply = build_local_reply(
            code, body, headers,
            grpc_status=grpc_status, grpc=is_grpc(request.headers), change=self._changes(previous_code),
        )  # fmt: skip
        if self._encoder.head:
            reply = LocalReply(reply.headers, b"")
        if response.headers is not None:
            self._replace_response(reply)
        elif request.calling:
            self._prepared = self._prepared or reply
        else:
            self._send_through_filters(reply)

    def send_after_close(self, code: int, body: bytes, headers: Iterable[Pair], *, grpc_status: int | None) -> bool:
        """Handle a local reply from a callback that has closed the stream.

        In a request callback, Envoy passes the reply to the filters although they have ended, and the client receives nothing.
        In other callbacks, the client receives the reply, unless it has already received the headers of a response.

        Returns
        -------
        bool
            False if Envoy would crash because the response has already been sent to the client.
        """
        request, response, encoder = self._request, self._response, self._encoder
        if encoder.headers_sent:
            return False
        reply = build_local_reply(code, body, headers, grpc_status=grpc_status, grpc=is_grpc(request.headers))
        if request.calling:
            request.aborted, self._prepared = True, reply
            return True
        if response.headers is None:
            response.show(reply.headers, reply.body)
        self.send_unfiltered(reply)
        encoder.close("done", disconnected=False)
        return True

    def _changes(self, previous_code: int | None) -> Callable[[ResponseHeaderMap, ReplyContent], ReplyContent] | None:
        """Return the function that applies the changes of the route and the connection manager to a local reply, or None."""
        info, request = self._state.info, self._request
        config = self._state.manager.local_reply_config
        levels = info.route.levels if info.route is not None else []
        if not levels and not config:
            return None

        def change(headers: ResponseHeaderMap, content: ReplyContent) -> ReplyContent:
            facts = Facts(info, request.headers, headers)
            info.code, code = previous_code, info.code
            for level in levels:
                level.response(headers, facts)
            info.code = code
            return rewrite(config, content, headers, facts) if config else content

        return change

    def send_prepared(self) -> None:
        """Send the local reply of the callback that has just returned, if there is one."""
        prepared, self._prepared = self._prepared, None
        if prepared is None:
            return
        if self._state.done:
            self._response.show(prepared.headers)
        else:
            self._send_through_filters(prepared)

    def send_response_too_large(self) -> None:
        """Send a local reply with status 500 because a filter buffers too much of a response.

        If the headers have already been sent, the stream is reset instead.
        """
        if self._encoder.headers_sent:
            self._state.info.details = "response_payload_too_large"
            self._reset()
            return
        self.send(500, b"Internal Server Error", details="response_payload_too_large")

    def send_unfiltered(self, reply: LocalReply) -> None:
        """Write a local reply directly to the client, without the filters."""
        self._response.headers = reply.headers
        self._encoder.headers(reply.headers, end=not reply.body)
        if reply.body:
            self._encoder.data(reply.body, end=True)

    def _send_through_filters(self, reply: LocalReply) -> None:
        self._response.receive_headers(reply.headers, end=not reply.body)
        if reply.body and not self._state.done:
            self._response.receive_data(reply.body, end=True)

    def _replace_response(self, reply: LocalReply) -> None:
        if self._encoder.headers_sent:
            self._reset()
        else:
            self.send_unfiltered(reply)
