"""Bodies and TCP data: the part of a buffer that a callback may read and change.

Facts: a callback sees the current chunk, or everything so far if the last body callback paused. Reads beyond the end are
clipped. A write at 0 replaces the first `length` bytes, and a write at or after the end appends; Envoy refuses anything in
between. Envoy doesn't adjust content-length: remove that header in the headers callback.
"""

import json
import re
from collections.abc import AsyncIterator, Awaitable
from itertools import pairwise
from typing import Any

from ...abi import BufferType
from ..body_formats.text import json_error, refuse_cut_number, text_of
from ..diagnostics.hostcall_causes import buffer_error
from ..tasks.body_waits import body_chunks, whole_body
from .encoding import PairsLike, Value, encode
from .pairs import encode_all

__all__ = ["NAMES", "WHOLE", "Body", "from_json", "json_message", "to_json"]

#: Most different names in a JSON document, number of names below which nothing is checked, and most names that share a hash.
NAMES, _FEW, _COLLISIONS = 5_000, 256, 16

#: A string in a JSON document, and the colon after it if it is a name.
_STRINGS = re.compile(r'"((?:[^"\\]++|\\.)*+)"(\s*+:)?', re.DOTALL)

#: Writes a JSON document. Kept, since making an encoder takes longer than a small document.
_write_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode

_HTTP_BODIES = (BufferType.HTTP_REQUEST_BODY, BufferType.HTTP_RESPONSE_BODY)

#: A length or position beyond the end of every buffer.
WHOLE = 0xFFFFFFFF


def to_json(value: Any) -> bytes:
    """Return a JSON document without white space."""
    text = _write_json(value)
    return text.encode("utf-8", "backslashreplace")  # bytes that are not UTF-8 become \udcff, as JSON spells it


def from_json(data: str | bytes) -> Any:
    """Return the value of a JSON document. Raises ValueError if it is invalid, too deep, or has names made to collide."""
    if (data.count(":") if isinstance(data, str) else data.count(b":")) > _FEW:
        _check_names(data)
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None


def _check_names(data: str | bytes) -> None:
    """Raise ValueError for names that share a hash, and for too many different names.

    A client who knows Python's hash secret, as anyone who has the module does, can choose names that share one hash. Reading n of
    them takes n * n steps, even if they are in different objects: Python's reader keeps all names of a document in one dict.
    """
    text = data if isinstance(data, str) else data.decode(json.detect_encoding(data), "surrogatepass")
    names = [_unescaped(name) for name, colon in _STRINGS.findall(text) if colon]
    names.sort()  # a set could be attacked in the same way
    different = [*names[:1], *(other for one, other in pairwise(names) if one != other)]
    hashes = sorted(map(hash, different))
    collisions = sum(one == other for one, other in pairwise(hashes))
    if len(different) > NAMES or collisions > _COLLISIONS:
        problem = f"more than {NAMES:,} different names" if len(different) > NAMES else "names that are made to collide"
        raise ValueError(f"the JSON has {problem}, which can take very long to read; json.loads() reads it anyway")


def _unescaped(name: str) -> str:
    return str(json.loads(f'"{name}"', strict=False)) if "\\" in name else name


def json_message(value: Any, body: Value, headers: PairsLike) -> tuple[bytes, PairsLike]:
    """Return the body and the headers of a JSON message.

    Parameters
    ----------
    value
        The value to serialise.
    body
        The caller's body, which must be empty.
    headers
        The caller's headers; content-type is added unless they have one.
    """
    if body:
        raise TypeError("pass either a body or json, not both")
    pairs = encode_all(headers)
    if not any(name.lower() == b"content-type" for name, _ in pairs):
        pairs.append((b"content-type", b"application/json"))
    return to_json(value), pairs


class Body:
    """One of the stream's buffers: `bytes(body)` and `body.get()` read it, `set`, `append` and `prepend` change it.

    In an `async def` callback, `await body()` is the whole body and `async for chunk in body` its chunks.
    """

    __slots__ = ("_abi", "_type")

    def __init__(self, abi: Any, buffer_type: int) -> None:
        self._abi = abi
        self._type = int(buffer_type)

    def get(self, start: int = 0, length: int = WHOLE) -> bytes:
        """Return bytes of the body. One hostcall.

        Parameters
        ----------
        start
            Offset of the first byte (default 0).
        length
            Most bytes to return (default: all).
        """
        status, data = self._abi.get_buffer_bytes(self._type, start, length)
        if status:
            raise buffer_error("get_buffer_bytes", status, self._type)
        return data  # type: ignore[no-any-return]

    def set(self, data: Value) -> None:
        """Replace everything that the callback sees. One hostcall."""
        self._write(0, WHOLE, data)

    def append(self, data: Value) -> None:
        """Append bytes. One hostcall."""
        self._write(WHOLE, 0, data)

    def prepend(self, data: Value) -> None:
        """Insert bytes at the start. One hostcall."""
        self._write(0, 0, data)

    def replace_start(self, length: int, data: Value) -> None:
        """Replace the first bytes, which is the only partial change that Envoy allows. One hostcall.

        Parameters
        ----------
        length
            Number of bytes to replace.
        data
            The new bytes.
        """
        self._write(0, length, data)

    def clear(self) -> None:
        """Remove everything that the callback sees. One hostcall."""
        self._write(0, WHOLE, b"")

    def _write(self, start: int, length: int, data: Value) -> None:
        status = self._abi.set_buffer_bytes(self._type, start, length, encode(data))
        if status:
            raise buffer_error("set_buffer_bytes", status, self._type)

    @property
    def text(self) -> str:
        """The bytes as text. Writing the same text back doesn't change the bytes.

        An incomplete character at the end of a chunk moves to the start of the next chunk, and bytes that are not UTF-8
        become surrogates. Raises ContentError if the bytes are compressed or binary; use `get()` or `await request.content()`.
        """
        data = self.get()
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            return text_of(self, self._type, data, error)

    def json(self) -> Any:
        """Return the JSON value of the bytes.

        Raises
        ------
        ContentError
            The bytes are not JSON. The message gives line and column, and says if they are only a chunk, or compressed.
        """
        data = self.get()
        try:
            value = from_json(data)
        except ValueError as error:
            raise json_error(self._type, data, error) from None
        if isinstance(value, int | float):
            refuse_cut_number(self._type)
        return value

    def set_json(self, value: Any) -> None:
        """Replace everything that the callback sees with a JSON document without white space."""
        self.set(to_json(value))

    def __call__(self) -> Awaitable[bytes]:
        """Return the whole body when all of it has arrived: `await body()`, in an `async def` callback."""
        self._check_awaitable()
        return whole_body(self._type)

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over chunks as they arrive: `async for chunk in body`, in an `async def` callback."""
        self._check_awaitable()
        return body_chunks(self._type)

    def _check_awaitable(self) -> None:
        if self._type not in _HTTP_BODIES:
            raise TypeError(
                f"{self!r} can't be awaited: the data of a connection arrives in chunks, without an end to wait for. "
                "Read the current chunk with get(), or return Action.PAUSE to see more with the next one"
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
