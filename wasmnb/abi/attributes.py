"""Attributes (properties): the callbacks in which a module can read them, as in Envoy 1.40.

The table says from when on an attribute can exist. The state of the stream decides whether it does: a connection without TLS
has no certificate, and a request that isn't proxied has no upstream. `tests/abi/test_attributes.py` compares the table with
recordings of Envoy.
"""

from collections.abc import Callable

from .enums import HeaderMapType
from .phases import PHASES, availability

__all__ = ["ATTRIBUTES", "attribute_availability", "attribute_callbacks"]

#: Callbacks of an HTTP stream, in order.
_STREAM = (
    "on_context_create",
    "on_request_headers",
    "on_request_body",
    "on_request_trailers",
    "on_response_headers",
    "on_response_body",
    "on_response_trailers",
    "on_log",
    "on_done",
    "on_delete",
)

_EVERYWHERE, _IN_STREAMS = "", _STREAM[0]
_REQUEST, _RESPONSE = HeaderMapType.REQUEST_HEADERS, HeaderMapType.RESPONSE_HEADERS

#: Beginning of a dotted name -> the header map that the attribute is read from, or the first callback of a stream that has
#: it (empty: it is available everywhere). The longest beginning applies; other attributes are available in all callbacks of a
#: stream.
ATTRIBUTES: dict[str, HeaderMapType | str] = {
    "plugin_name": _EVERYWHERE,
    "plugin_root_id": _EVERYWHERE,
    "plugin_vm_id": _EVERYWHERE,
    "xds.node": _EVERYWHERE,
    "xds.upstream_host_metadata": "on_response_headers",
    "request": _REQUEST,
    "request.time": _IN_STREAMS,
    "request.protocol": _IN_STREAMS,
    "request.size": _IN_STREAMS,
    "request.total_size": _IN_STREAMS,
    "request.duration": "on_log",
    "response": "on_response_headers",
    "response.headers": _RESPONSE,
    "response.flags": _IN_STREAMS,
    "response.trailers": _IN_STREAMS,
    "response.size": _IN_STREAMS,
    "response.total_size": _IN_STREAMS,
    "response.backend_latency": "on_response_trailers",
    "upstream": "on_response_headers",
    "upstream.request_attempt_count": _IN_STREAMS,
}


def _rule(name: str) -> HeaderMapType | str:
    parts = name.split(".")
    beginnings = (".".join(parts[:size]) for size in range(len(parts), 0, -1))
    return next((ATTRIBUTES[beginning] for beginning in beginnings if beginning in ATTRIBUTES), _IN_STREAMS)


def attribute_callbacks(name: str) -> tuple[str, ...]:
    """Return the callbacks of an HTTP stream in which an attribute can be read, by its dotted name (`request.path`)."""
    rule = _rule(name)
    if isinstance(rule, HeaderMapType):
        return tuple(callback for callback in _STREAM if rule in PHASES[callback].reads)
    return _STREAM[_STREAM.index(rule) :] if rule else _STREAM


def attribute_availability(attribute: str, name: Callable[[str], str] = str) -> str:
    """Return where an attribute is available: `from on_response_headers on`.

    Parameters
    ----------
    attribute
        Its dotted name, such as `request.path`.
    name
        Converts a callback's ABI name, without prefix, to the name to show (default: the same name).

    Returns
    -------
    str
        The end of a sentence "... is available".
    """
    rule = _rule(attribute)
    if isinstance(rule, HeaderMapType):
        return availability(rule, name=name)
    if not rule:
        return "everywhere"
    return "in a stream's callbacks" if rule == _IN_STREAMS else f"from {name(rule)} on"
