"""Context of an HTTP stream, which is Envoy's Wasm filter between the filter manager and the module.

In Envoy 1.40, the context is created in the module when the first headers arrive, or before `on_log` if no headers arrived. A
header map can be read and written in its callback. If the callback returns Continue, the map isn't available any more, except
for reading in `on_log`. After other results, it stays available until the end of the stream. The request's maps are only
available until `continue_stream`. While the filter buffers (a body callback has returned 1), the next callbacks can read the
whole buffered body. Trailers can be added in the last body callback. `on_delete` directly follows `on_done`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...abi import ON_BODY, ON_HEADERS, ON_TRAILERS, HeadersStatus, Pair, Status, StreamType
from ..http.buffers import Buffer
from ..http.filter_chain import REQUEST, RESPONSE
from ..http.header_map import HeaderMap
from .base import call_on_log
from .phase_lookups import CONTINUED_BODIES, CONTINUED_MAPS, CREATED_BY, WRITABLE_MAPS, buffer_of, last_result, map_of
from .stream import StreamContext

if TYPE_CHECKING:
    from ..http.filter_chain import ActiveFilter
    from ..http.stream_control import StreamControl
    from ..plugins.plugin import Plugin
    from ..vm.failure import Failure
    from ..vm.vm import Vm
    from .root import RootContext

__all__ = ["BlockedFilter", "HttpContext"]

#: Types of the maps that headers and trailers callbacks have, by direction, and the direction of each type of body.
_HEADERS, _TRAILERS = tuple(map(map_of, ON_HEADERS)), tuple(map(map_of, ON_TRAILERS))
_DIRECTIONS = {buffer_of(name): direction for direction, name in enumerate(ON_BODY)}

#: Largest results of the callbacks for headers, bodies and trailers. Envoy treats a larger number like these.
_STOP_ALL, _NO_BUFFER, _STOP = last_result(ON_HEADERS[0]), last_result(ON_BODY[0]), last_result(ON_TRAILERS[0])

_LAST_GRPC_STATUS = 16  # larger numbers mean that the filter didn't set a status


class HttpContext(StreamContext):
    """A Wasm filter on one HTTP stream.

    Attributes
    ----------
    created
        Whether the context exists in the module.
    closed, continued
        Whether the filter has closed the stream, and the direction that it has continued in the running callback (or -1).
    body
        Chunk passed to the running body callback, by direction.
    buffering
        Whether the last body callback returned "buffer", by direction.
    stream
        The stream, with the operations that filters can use.
    active
        The filter's entries in the chains for requests and responses.
    """

    kind = "http"

    def __init__(self, root: RootContext, stream: StreamControl) -> None:
        super().__init__(root)
        self.stream = stream
        self.info = stream.state.info
        self.ref.exchange = stream.state.exchange.number
        self.created = False
        self.deleted = self.closed = False
        self.continued = -1
        self._in_body = [False, False]
        self.end_of_stream = False
        self.body: list[Buffer | None] = [None, None]
        self.buffering = [False, False]
        self.active: list[ActiveFilter | None] = [None, None]
        self._failure_reported = False
        self._short_headers = self.vm.abi == 10
        assert root.plugin is not None
        self._stop_iteration_allowed = root.plugin.allow_on_headers_stop_iteration

    # -- the filter's side ----------------------------------------------------------------------------------------

    def create(self) -> None:
        """Create the context in the module, unless it has already been created."""
        if not self.created:
            self.created = True
            if not self.vm.failed:
                self.vm.on_context_create(self, self.id, self.parent_id)

    def on_headers(self, direction: int, headers: HeaderMap, *, end: bool) -> int:
        """Call the headers callback of a direction, and return its status for the filter manager."""
        if direction == REQUEST:
            self.create()
        elif not self.created:
            return 0
        self.maps[_HEADERS[direction]] = headers
        self.end_of_stream = end
        args = (self.id, len(headers.items)) if self._short_headers else (self.id, len(headers.items), int(end))
        status = self._call(direction, ON_HEADERS[direction], args)
        if status > _STOP_ALL or (status == HeadersStatus.STOP_ITERATION and not self._stop_iteration_allowed):
            status = _STOP_ALL
        elif status == HeadersStatus.CONTINUE_AND_END_STREAM:
            status = 0
        if not status:
            self.maps[_HEADERS[direction]] = None
        return status

    def on_data(self, direction: int, data: Buffer, *, end: bool) -> int:
        """Call the body callback of a direction, and return its status for the filter manager."""
        if not self.created:
            return 0
        active = self.active[direction]
        assert active is not None
        chain = active.chain
        if self.buffering[direction]:
            chain.buffer_data(data)
            chain.check_high_watermark()
            if self.stream.state.done:
                return _NO_BUFFER
        self.body[direction] = data
        self.end_of_stream = end
        self._in_body[direction] = True
        buffer = self.stream_buffer(direction)
        status = min(
            self._call(direction, ON_BODY[direction], (self.id, len(buffer) if buffer else 0, int(end))), _NO_BUFFER
        )
        self._in_body[direction] = False
        if self.buffering[direction]:
            chain.check_high_watermark()  # the filter may have appended to the buffer
        self.buffering[direction] = status == 1
        if status == _NO_BUFFER and data is not chain.buffered:
            data.take()
        if not status:
            self.body[direction] = None
        return status

    def on_trailers(self, direction: int, trailers: HeaderMap) -> int:
        """Call the trailers callback of a direction, and return its status for the filter manager."""
        if not self.created:
            return 0
        self.maps[_TRAILERS[direction]] = trailers
        status = min(self._call(direction, ON_TRAILERS[direction], (self.id, len(trailers.items))), _STOP)
        if not status:
            self.maps[_TRAILERS[direction]] = None
            if direction == RESPONSE and self.closed and not self.stream.state.http2:
                self.stream.crash(self, "close_own_end")
        return status

    def _call(self, direction: int, name: str, args: tuple[int, ...]) -> int:
        vm = self.vm
        if not vm.failed:
            invoke = vm.callbacks[name]
            if invoke is None:
                return 0
            self.continued = -1
            result = invoke(self, *args)
            if not vm.failed:
                if self.continued == RESPONSE == direction and not result and self.stream.state.done:
                    self.stream.crash(self, "resume_own_end")
                return result or 0
        return self._failure_status(direction)

    def _failure_status(self, direction: int) -> int:
        """Return the status of a callback in a failed VM, and end the stream unless the filter is fail-open."""
        if self.fail_open or (direction == RESPONSE and self._failure_reported):
            self.vm.entry.run_deferred()
            return 0  # let the local reply about the failure pass
        self._failure_reported = True
        self.stream.fail(self)
        self.vm.entry.run_deferred()
        return 255

    def log(self) -> None:
        """Call `on_log` after the end of the stream."""
        self.create()
        call_on_log(self, self.stream.header_maps, self.info, self.vm.callbacks["on_log"])

    def destroy(self) -> None:
        """Call `on_done` and `on_delete`, and remove the context."""
        if self.deleted:
            return
        self.deleted = True
        vm = self.vm
        if self.created:
            vm.notify(vm.callbacks["on_done"], self, self.id)
            vm.notify(vm.callbacks["on_delete"], self, self.id)
        self.maps, self.body = [None] * 8, [None, None]
        self.leave()

    def disconnect(self) -> None:
        """End the stream because the proxy closes the connection."""
        self.stream.disconnect()

    @property
    def paused(self) -> str:
        """Direction that the filter holds back: `request`, `response`, or an empty string."""
        directions = zip(("request", "response"), self.active, strict=True)
        paused = [name for name, active in directions if active is not None and active.is_paused]
        return paused[-1] if paused else ""

    @property
    def failure(self) -> Failure | None:
        """Failure of the VM, or None if the VM hasn't failed."""
        return self.vm.failure

    # -- the guest's side -----------------------------------------------------------------------------------------

    def writable_map(self, map_type: int) -> HeaderMap | None:
        """Return a header map of the running phase, or None. In the last body callback, create missing trailers."""
        if map_type not in WRITABLE_MAPS:
            return None
        headers = self.maps[map_type]
        if headers is None and self.end_of_stream and map_type in CREATED_BY:
            direction = _DIRECTIONS[CREATED_BY[map_type]]
            active = self.active[direction]
            if self.body[direction] is not None and active is not None:
                headers = self.maps[map_type] = active.chain.add_trailers()
        return headers

    def stream_buffer(self, kind: int) -> Buffer | None:
        """Return the chunk of the running body callback. While the filter buffers, return the whole buffered body."""
        direction = _DIRECTIONS.get(kind)
        if direction is None:
            return None
        if self.body[direction] is not None and not (self._in_body[direction] or self.buffering[direction]):
            self.vm.entry.after_call(lambda: self.stream.crash(self, "body_outside"))
            return None
        active = self.active[direction]
        if self.buffering[direction] and active is not None:
            return active.chain.buffered
        return self.body[direction]

    def clear_route_cache(self) -> None:
        """Clear the cached route, so that the router chooses it again."""
        self.stream.clear_route_cache()

    def continue_stream(self, kind: int) -> int:
        """Continue one direction of the stream after the callback. Return the status of the hostcall."""
        status = super().continue_stream(kind)
        if kind > StreamType.RESPONSE:
            return status
        self.vm.entry.after_call(lambda: self.stream.continue_filter(self, kind))
        for map_type in CONTINUED_MAPS:
            self.maps[map_type] = None
        for body in CONTINUED_BODIES:
            self.body[_DIRECTIONS[body]] = None
        return Status.OK

    def close_stream(self, kind: int) -> int:
        """Reset the stream after the callback. Return the status of the hostcall."""
        if kind <= StreamType.RESPONSE:
            self.vm.entry.after_call(lambda: self.stream.close(self))
        return super().close_stream(kind)

    def send_local_response(self, code: int, details: bytes, body: bytes, headers: list[Pair], grpc: int) -> None:
        """Send a local reply after the callback."""
        text = details.decode("utf-8", "replace").replace(" ", "_")
        status = grpc if grpc <= _LAST_GRPC_STATUS else None

        def send() -> None:
            self.stream.send_local_reply(self, code, body, headers, grpc_status=status, details=text)

        self.vm.entry.after_call(send)


class BlockedFilter:
    """Filter that rejects requests in place of a plugin whose VM has failed, unless the plugin is fail-open."""

    def __init__(self, plugin: Plugin, vm: Vm | None, stream: StreamControl) -> None:
        self.plugin = plugin
        self.vm = vm
        self.stream = stream
        self.active: list[ActiveFilter | None] = [None, None]
        self.paused = ""

    @property
    def failure(self) -> Failure | None:
        """Failure of the VM, or None if there is no VM."""
        return self.vm.failure if self.vm is not None else None

    def on_headers(self, direction: int, headers: HeaderMap, *, end: bool) -> int:  # noqa: ARG002
        """Respond to a request with 503. Pass on a response's headers."""
        if direction == RESPONSE:
            return 0
        self.stream.fail(self)
        return 255

    def on_data(self, direction: int, data: Buffer, *, end: bool) -> int:  # noqa: ARG002
        """Pass on a response's body."""
        return 0

    def on_trailers(self, direction: int, trailers: HeaderMap) -> int:  # noqa: ARG002
        """Pass on a response's trailers."""
        return 0

    def log(self) -> None:
        """Do nothing, because the VM has failed."""

    def destroy(self) -> None:
        """Do nothing, because the VM has failed."""
