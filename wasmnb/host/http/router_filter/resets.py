"""Ways in which an upstream request can fail before its response is complete, with Envoy's texts."""

from __future__ import annotations

from typing import NamedTuple

from ....abi.text import encode_text
from ...contexts.stream_info import ResponseFlag

__all__ = ["CLOSED", "CUT", "REFUSED", "RESET", "UpstreamReset"]

#: Start of the body that Envoy sends when an upstream request has failed, without retries and after retries.
_CONNECT_ERROR = "upstream connect error or disconnect/reset before headers. reset reason: "
_RETRIED = "upstream connect error or disconnect/reset before headers. retried and the latest reset reason: "


class UpstreamReset(NamedTuple):
    """One way in which an upstream request can fail.

    Attributes
    ----------
    reason
        Envoy's reset reason.
    details
        End of Envoy's response code details.
    flag
        Envoy's response flag.
    status
        HTTP status of the local reply (default 503).
    """

    reason: str
    details: str
    flag: ResponseFlag
    status: int = 503

    @property
    def body(self) -> bytes:
        """Body of the local reply without retries."""
        return encode_text(_CONNECT_ERROR + self.reason)

    @property
    def retried_body(self) -> bytes:
        """Body of the local reply after retries."""
        return encode_text(_RETRIED + self.reason)

    def code_details(self, *, response_started: bool) -> str:
        """Return Envoy's response code details for this failure."""
        when = "after" if response_started else "before"
        return f"upstream_reset_{when}_response_started{{{self.details}}}"


#: The connection was refused.
REFUSED = UpstreamReset(
    "remote connection failure",
    "remote_connection_failure|delayed_connect_error:_Connection_refused",
    ResponseFlag.UPSTREAM_CONNECTION_FAILURE,
)
#: An HTTP/1 upstream closed the connection before it responded.
CLOSED = UpstreamReset("connection termination", "connection_termination", ResponseFlag.UPSTREAM_CONNECTION_TERMINATION)
#: An HTTP/2 upstream reset the stream.
RESET = UpstreamReset("remote reset", "remote_reset", ResponseFlag.UPSTREAM_REMOTE_RESET)
#: An HTTP/1 upstream closed the connection in the middle of its response.
CUT = UpstreamReset("protocol error", "protocol_error", ResponseFlag.UPSTREAM_PROTOCOL_ERROR, 502)
