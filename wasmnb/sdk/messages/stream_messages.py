"""Header maps and bodies of the active stream, on which hostcalls act.

Hostcalls act on the context of the running callback, until `set_effective_context` selects another one for the rest of the
callback. For this reason, each VM has only one StreamMessages, and selects the stream (`VM.enter`) before a filter uses it.
"""

from typing import Any

from ...abi import BufferType, HeaderMapType
from .bodies import Body
from .headers import header_map

__all__ = ["StreamMessages"]


class StreamMessages:
    """Header maps, bodies and TCP data of the VM's active stream."""

    __slots__ = (
        "downstream_data",
        "request_body",
        "request_headers",
        "request_trailers",
        "response_body",
        "response_headers",
        "response_trailers",
        "upstream_data",
    )

    def __init__(self, abi: Any) -> None:
        self.request_headers = header_map(abi, HeaderMapType.REQUEST_HEADERS)
        self.request_trailers = header_map(abi, HeaderMapType.REQUEST_TRAILERS)
        self.response_headers = header_map(abi, HeaderMapType.RESPONSE_HEADERS)
        self.response_trailers = header_map(abi, HeaderMapType.RESPONSE_TRAILERS)
        self.request_body = Body(abi, BufferType.HTTP_REQUEST_BODY)
        self.response_body = Body(abi, BufferType.HTTP_RESPONSE_BODY)
        self.downstream_data = Body(abi, BufferType.DOWNSTREAM_DATA)
        self.upstream_data = Body(abi, BufferType.UPSTREAM_DATA)
