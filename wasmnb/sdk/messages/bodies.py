"""Bodies and TCP data: the part of a buffer that a callback may read and change.

Facts: what can be read is the current chunk, or everything so far if the last body callback paused. Reading beyond the
end is clipped. Writing at 0 replaces the first `length` bytes, writing at or after the end appends, writing in between
is refused by Envoy. Envoy does not adjust content-length: remove that header in the headers callback.
"""

import json
from collections.abc import AsyncIterator, Awaitable
from typing import TYPE_CHECKING, Any

from ...abi import BufferType
from ..diagnostics.hostcall_causes import buffer_error
from .encoding import PairsLike, Value, encode
from .pairs import encode_all

if TYPE_CHECKING:
    from ..vm import VM

__all__ = ["WHOLE", "Body", "from_json", "json_message", "to_json"]

_HTTP_BODIES = (BufferType.HTTP_REQUEST_BODY, BufferType.HTTP_RESPONSE_BODY)

#: A length or position beyond the end of every buffer.
WHOLE = 0xFFFFFFFF


def to_json(value: Any) -> bytes:
    """A JSON document without white space."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace")  # what is no UTF-8 becomes \udcff, as JSON spells it


def from_json(data: bytes) -> Any:
    """What a JSON document says. ValueError if it is none, and for one that is nested deeper than can be read."""
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None


def json_message(value: Any, body: Value, headers: PairsLike) -> tuple[bytes, PairsLike]:
    """Body and headers of a message that is JSON; its content type, unless the headers have one."""
    if body:
        raise TypeError("a message has a body or json, not both")
    pairs = encode_all(headers)
    if not any(name.lower() == b"content-type" for name, _ in pairs):
        pairs.append((b"content-type", b"application/json"))
    return to_json(value), pairs


class Body:
    """One of the stream's buffers. `bytes(body)` or `body.get()` reads it, `set`, `append` and `prepend` change it."""

    __slots__ = ("_abi", "_type", "_vm")

    def __init__(self, vm: "VM", buffer_type: int) -> None:
        self._vm = vm
        self._abi = vm.abi
        self._type = int(buffer_type)

    def get(self, start: int = 0, length: int = WHOLE) -> bytes:
        """The bytes from `start`, at most `length` of them. One hostcall."""
        status, data = self._abi.get_buffer_bytes(self._type, start, length)
        if status:
            raise buffer_error("get_buffer_bytes", status, self._type)
        return data  # type: ignore[no-any-return]

    def set(self, data: Value) -> None:
        """Replace everything that can be seen. One hostcall."""
        self._write(0, WHOLE, data)

    def append(self, data: Value) -> None:
        """Add to the end. One hostcall."""
        self._write(WHOLE, 0, data)

    def prepend(self, data: Value) -> None:
        """Put in front. One hostcall."""
        self._write(0, 0, data)

    def replace_start(self, length: int, data: Value) -> None:
        """Replace the first `length` bytes; the only partial change that Envoy allows. One hostcall."""
        self._write(0, length, data)

    def clear(self) -> None:
        """Remove everything that can be seen. One hostcall."""
        self._write(0, WHOLE, b"")

    def _write(self, start: int, length: int, data: Value) -> None:
        status = self._abi.set_buffer_bytes(self._type, start, length, encode(data))
        if status:
            raise buffer_error("set_buffer_bytes", status, self._type)

    @property
    def text(self) -> str:
        """The bytes as text; those that are not UTF-8 become replacement characters."""
        return self.get().decode("utf-8", "replace")

    def json(self) -> Any:
        """The bytes as JSON. ValueError (with line and column) if they are none."""
        return from_json(self.get())

    def set_json(self, value: Any) -> None:
        """Replace everything that can be seen by a JSON document without white space."""
        self.set(to_json(value))

    def __call__(self) -> Awaitable[bytes]:
        """`await body()`: the whole body, once all of it has come (in an `async def` callback)."""
        from ..tasks.stream_tasks import whole_body

        self._check_awaitable()
        return whole_body(self._vm, self._type)

    def __aiter__(self) -> AsyncIterator[bytes]:
        """`async for chunk in body`: each chunk as it comes (in an `async def` callback)."""
        from ..tasks.stream_tasks import body_chunks

        self._check_awaitable()
        return body_chunks(self._vm, self._type)

    def _check_awaitable(self) -> None:
        if self._type not in _HTTP_BODIES:
            raise TypeError(
                f"{self!r} cannot be awaited: a connection's data come piece by piece, and have no end to wait for. "
                "Take what the callback is given with get(), or return Action.PAUSE to be given more of them"
            )

    def __bytes__(self) -> bytes:
        return self.get()

    def __len__(self) -> int:
        status, length, _flags = self._abi.get_buffer_status(self._type)
        if status:
            raise buffer_error("get_buffer_status", status, self._type)
        return length  # type: ignore[no-any-return]

    def __bool__(self) -> bool:
        return len(self) > 0

    def __repr__(self) -> str:
        return f"<{BufferType(self._type).name.lower()}>"
