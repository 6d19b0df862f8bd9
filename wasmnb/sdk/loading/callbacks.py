"""Table of the callbacks that a filter can define, with their class, parameters and ABI callback.

The dispatcher, the choice of exports, the check of signatures and error messages use this table. The names are those of the Go
SDK in snake_case, except `on_log` of plugins and `on_delete`.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from ...abi import PHASES, Action

__all__ = ["HANDLERS", "STREAM_HANDLERS", "Handler", "author_name", "handlers_of"]


@dataclass(frozen=True)
class Handler:
    """A callback that a filter can define as a method.

    Attributes
    ----------
    callback
        Name of the ABI callback without `proxy_`.
    kind
        Kind of class that has the method: "vm", "plugin", "http" or "tcp".
    method
        Name of the method.
    params
        Names of the method's parameters after `self` (default none).
    may_wait
        Whether the method may be `async def` (default False): the proxy can pause the stream while the method waits, or
        doesn't need its result.
    direction, part
        For callbacks with a part of a stream: its direction (`request`, `response`, `downstream`, `upstream`), and the part
        (`headers`, `body`, `trailers`, `metadata`, `connection`, `data`, `close`). Both are '' (default) for all others.
    """

    callback: str
    kind: str
    method: str
    params: tuple[str, ...] = ()
    may_wait: bool = False
    direction: str = ""
    part: str = ""

    @cached_property
    def returns(self) -> tuple[type[IntEnum], ...]:
        """Enums whose members the method may return. Empty if its result can't pause a stream."""
        phase = PHASES[self.callback]
        if not phase.pauses:
            return ()
        return (Action,) if phase.returns is None else (Action, phase.returns)

    @property
    def signature(self) -> str:
        """The method's signature, such as `on_tick(self)`."""
        return f"{self.method}({', '.join(('self', *self.params))})"


def _handlers() -> tuple[Handler, ...]:
    headers, body, trailers = ("num_headers", "end_of_stream"), ("body_size", "end_of_stream"), ("num_trailers",)
    data, foreign, elements = ("data_size", "end_of_stream"), ("function_id", "arguments_size"), ("num_elements",)
    peer = ("close_type",)
    H = Handler
    # fmt: off
    return (
        H("on_vm_start", "vm", "on_vm_start", ("vm_configuration_size",)),
        H("on_configure", "plugin", "on_plugin_start", ("plugin_configuration_size",), may_wait=True),
        H("on_tick", "plugin", "on_tick", may_wait=True),
        H("on_queue_ready", "plugin", "on_queue_ready", ("queue_id",), may_wait=True),
        H("on_stats_update", "plugin", "on_stats_update", ("stats",)),
        H("on_done", "plugin", "on_plugin_done"),
        H("on_log", "plugin", "on_log"),
        H("on_delete", "plugin", "on_delete"),
        H("on_foreign_function", "plugin", "on_foreign_function", foreign),
        H("on_request_headers", "http", "on_http_request_headers", headers, may_wait=True, direction="request", part="headers"),
        H("on_request_body", "http", "on_http_request_body", body, may_wait=True, direction="request", part="body"),
        H("on_request_trailers", "http", "on_http_request_trailers", trailers, may_wait=True, direction="request", part="trailers"),
        H("on_request_metadata", "http", "on_http_request_metadata", elements, direction="request", part="metadata"),
        H("on_response_headers", "http", "on_http_response_headers", headers, may_wait=True, direction="response", part="headers"),
        H("on_response_body", "http", "on_http_response_body", body, may_wait=True, direction="response", part="body"),
        H("on_response_trailers", "http", "on_http_response_trailers", trailers, may_wait=True, direction="response", part="trailers"),
        H("on_response_metadata", "http", "on_http_response_metadata", elements, direction="response", part="metadata"),
        H("on_log", "http", "on_http_stream_done"),
        H("on_delete", "http", "on_delete"),
        H("on_foreign_function", "http", "on_foreign_function", foreign),
        H("on_new_connection", "tcp", "on_new_connection", (), may_wait=True, direction="downstream", part="connection"),
        H("on_downstream_data", "tcp", "on_downstream_data", data, may_wait=True, direction="downstream", part="data"),
        H("on_upstream_data", "tcp", "on_upstream_data", data, direction="upstream", part="data"),
        H("on_downstream_connection_close", "tcp", "on_downstream_close", peer, direction="downstream", part="close"),
        H("on_upstream_connection_close", "tcp", "on_upstream_close", peer, direction="upstream", part="close"),
        H("on_log", "tcp", "on_stream_done"),
        H("on_delete", "tcp", "on_delete"),
        H("on_foreign_function", "tcp", "on_foreign_function", foreign),
    )
    # fmt: on


#: All callbacks that a filter can define, by kind of class and method name.
HANDLERS: dict[tuple[str, str], Handler] = {(h.kind, h.method): h for h in _handlers()}


#: Callbacks with a part of a stream, by method name. (The names of HTTP and TCP callbacks differ.)
STREAM_HANDLERS: dict[str, Handler] = {h.method: h for h in HANDLERS.values() if h.direction}


def handlers_of(kind: str) -> list[Handler]:
    """Return the callbacks that classes of one kind of context can define."""
    return [h for h in HANDLERS.values() if h.kind == kind]


#: ABI callback -> method of the filter. If several kinds of class have one, the plugin's method has the lowest priority.
_AUTHOR_NAMES = {h.callback: h.method for h in reversed(HANDLERS.values()) if h.kind == "plugin"} | {
    h.callback: h.method for h in reversed(HANDLERS.values()) if h.kind != "plugin"
}


def author_name(callback: str) -> str:
    """Return the name of the filter's method for an ABI callback: `on_http_request_headers` for `on_request_headers`."""
    return _AUTHOR_NAMES.get(callback, callback)
