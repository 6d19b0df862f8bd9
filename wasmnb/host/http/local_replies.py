"""Sending of local replies.

Facts (Envoy 1.40): a local reply goes through all filters' response callbacks if no response has begun, straight to the
client if one is on its way through the filters, and resets the stream if headers have gone out. One that is sent in a
request callback waits until that callback has returned; the first one counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ...abi import Pair
from .connection.reply_format import rewrite
from .local_reply import LocalReply, build_local_reply, is_grpc
from .routing.formatter import Facts

if TYPE_CHECKING:
    from .codec.response_encoder import ResponseEncoder
    from .filter_chain import FilterChain
    from .header_map import ResponseHeaders
    from .local_reply import ReplyContent
    from .stream_state import StreamState

__all__ = ["LocalReplies"]

#: A local reply with this status closes an HTTP/1 connection, because Envoy takes it for an error in the client's request.
_BAD_REQUEST = 400


class LocalReplies:
    """The local replies of one stream.

    Parameters
    ----------
    state
        The stream's state.
    request, response
        The stream's filter chains.
    encoder
        Writes to the client.
    reset
        Resets the stream.
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
        """Send a local reply on the way that is still open.

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

        In a callback of the request, Envoy makes the reply and shows its headers to filters that have ended; the client gets
        nothing. Elsewhere the client gets the reply, if it has not got the headers of a response.

        Returns
        -------
        bool
            False if Envoy crashes: the response is on its way.
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

    def _changes(self, previous_code: int | None) -> Callable[[ResponseHeaders, ReplyContent], ReplyContent] | None:
        """Return what route and connection manager change in a local reply."""
        info, request = self._state.info, self._request
        config = self._state.manager.local_reply_config
        levels = info.route.levels if info.route is not None else []
        if not levels and not config:
            return None

        def change(headers: ResponseHeaders, content: ReplyContent) -> ReplyContent:
            facts = Facts(info, request.headers, headers)
            info.code, code = previous_code, info.code
            for level in levels:
                level.response(headers, facts)
            info.code = code
            return rewrite(config, content, headers, facts) if config else content

        return change

    def send_prepared(self) -> None:
        """Send the local reply that was made in the callback that has just returned, if there is one."""
        prepared, self._prepared = self._prepared, None
        if prepared is None:
            return
        if self._state.done:
            self._response.show(prepared.headers)
        else:
            self._send_through_filters(prepared)

    def send_response_too_large(self) -> None:
        """Reply 500 because a filter holds too much of a response; reset the stream if its headers have gone out."""
        if self._encoder.headers_sent:
            self._state.info.details = "response_payload_too_large"
            self._reset()
            return
        self.send(500, b"Internal Server Error", details="response_payload_too_large")

    def send_unfiltered(self, reply: LocalReply) -> None:
        """Write a local reply to the client without any filter."""
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
