"""The class Body, with which filters read and change HTTP bodies and TCP data, and helpers for JSON bodies.

A callback can access the current chunk, or all data so far if the previous body callback paused. Reads stop at the end of this
data. A write at offset 0 replaces the first `length` bytes, and a write at the end or beyond appends. Envoy refuses writes at
other offsets. It doesn't adjust content-length, so a filter that changes a body must remove that header in the headers
callback.
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

#: Maximum number of different names in a JSON document, number of colons above which a document's names are checked, and
#: maximum number of names with the same hash as another name.
NAMES, _FEW, _COLLISIONS = 5_000, 256, 16

#: Pattern of a string in a JSON document, with the colon after it if the string is a name.
_STRINGS = re.compile(r'"((?:[^"\\]++|\\.)*+)"(\s*+:)?', re.DOTALL)

#: Writes a JSON document. Created once, because creating an encoder takes longer than writing a small document.
_write_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode

_HTTP_BODIES = (BufferType.HTTP_REQUEST_BODY, BufferType.HTTP_RESPONSE_BODY)

#: Length or offset beyond the end of every buffer. As a length, it means "all bytes".
WHOLE = 0xFFFFFFFF


def to_json(value: Any) -> bytes:
    """Serialise a value as JSON without white space, in UTF-8."""
    text = _write_json(value)
    return text.encode("utf-8", "backslashreplace")  # bytes that are not UTF-8 become \udcff, as JSON spells it


def from_json(data: str | bytes) -> Any:
    """Parse a JSON document. Raises ValueError if it is invalid, too deeply nested, or has names that are slow to parse."""
    if (data.count(":") if isinstance(data, str) else data.count(b":")) > _FEW:
        _check_names(data)
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None


def _check_names(data: str | bytes) -> None:
    """Raise ValueError if a JSON document contains too many different names, or names with the same hash.

    Anyone who has the module also has Python's hash secret, and can choose names with the same hash. Parsing n such names takes
    n * n steps, even if they are in different objects, because Python's parser keeps all names of a document in one dict.
    """
    text = data if isinstance(data, str) else data.decode(json.detect_encoding(data), "surrogatepass")
    names = [_unescaped(name) for name, colon in _STRINGS.findall(text) if colon]
    names.sort()  # a set could be attacked in the same way
    different = [*names[:1], *(other for one, other in pairwise(names) if one != other)]
    hashes = sorted(map(hash, different))
    collisions = sum(one == other for one, other in pairwise(hashes))
    if len(different) > NAMES or collisions > _COLLISIONS:
        problem = f"more than {NAMES:,} different names" if len(different) > NAMES else "many names with the same hash"
        raise ValueError(
            f"the JSON has {problem}, and parsing it could take very long. Use json.loads() if you trust its sender."
        )


def _unescaped(name: str) -> str:
    return str(json.loads(f'"{name}"', strict=False)) if "\\" in name else name


def json_message(value: Any, body: Value, headers: PairsLike) -> tuple[bytes, PairsLike]:
    """Return the serialised body and the headers of a message, for methods with a parameter `json`.

    Parameters
    ----------
    value
        The value to serialise as JSON.
    body
        The caller's argument `body`, which must be empty.
    headers
        The caller's headers. content-type: application/json is added if they contain no content-type.
    """
    if body:
        raise TypeError("both body= and json= were passed. Pass only one of them.")
    pairs = encode_all(headers)
    if not any(name.lower() == b"content-type" for name, _ in pairs):
        pairs.append((b"content-type", b"application/json"))
    return to_json(value), pairs


class Body:
    """The part of an HTTP body, or of the data of a TCP connection, that the current callback can read.

    Read it with `bytes(body)`, `body.get()` or `body.text`. Change it with `set`, `append` and `prepend`. An `async def`
    callback can wait for the whole body with `await body()`, or iterate over its chunks with `async for chunk in body`.
    """

    __slots__ = ("_abi", "_type")

    def __init__(self, abi: Any, buffer_type: int) -> None:
        self._abi = abi
        self._type = int(buffer_type)

    def get(self, start: int = 0, length: int = WHOLE) -> bytes:
        """Return bytes of the body. This takes one hostcall.

        Parameters
        ----------
        start
            Offset of the first byte (default 0).
        length
            Maximum number of bytes to return (default: all).
        """
        status, data = self._abi.get_buffer_bytes(self._type, start, length)
        if status:
            raise buffer_error("get_buffer_bytes", status, self._type)
        return data  # type: ignore[no-any-return]

    def set(self, data: Value) -> None:
        """Replace all bytes that the current callback can read with `data`, bytes or text. This takes one hostcall."""
        self._write(0, WHOLE, data)

    def append(self, data: Value) -> None:
        """Append `data`, bytes or text. This takes one hostcall."""
        self._write(WHOLE, 0, data)

    def prepend(self, data: Value) -> None:
        """Insert `data`, bytes or text, at the start. This takes one hostcall."""
        self._write(0, 0, data)

    def replace_start(self, length: int, data: Value) -> None:
        """Replace only the first bytes. Envoy can't replace bytes in the middle. This takes one hostcall.

        Parameters
        ----------
        length
            Number of bytes to replace.
        data
            Bytes or text to write instead. The length may differ.
        """
        self._write(0, length, data)

    def clear(self) -> None:
        """Remove all bytes that the current callback can read. This takes one hostcall."""
        self._write(0, WHOLE, b"")

    def _write(self, start: int, length: int, data: Value) -> None:
        status = self._abi.set_buffer_bytes(self._type, start, length, encode(data))
        if status:
            raise buffer_error("set_buffer_bytes", status, self._type)

    @property
    def text(self) -> str:
        """The readable bytes, decoded as UTF-8.

        If a chunk ends inside a character, that character is moved to the next chunk. Invalid bytes become surrogates, and
        writing the text back restores them. Raises ContentError if the bytes are compressed or binary: use `get()` or `await
        request.content()` for them.
        """
        data = self.get()
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            return text_of(self, self._type, data, error)

    def json(self) -> Any:
        """Return the readable bytes, parsed as JSON.

        Raises
        ------
        ContentError
            The bytes are not JSON, for example because they are compressed or only a chunk. The message contains the reason.
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
        """Replace all bytes that the current callback can read with `value`, serialised as JSON without white space."""
        self.set(to_json(value))

    def __call__(self) -> Awaitable[bytes]:
        """Wait until the whole body has arrived, and return it. Use `await body()` in an `async def` callback."""
        self._check_awaitable()
        return whole_body(self._type)

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over chunks as they arrive. Use `async for chunk in body` in an `async def` callback."""
        self._check_awaitable()
        return body_chunks(self._type)

    def _check_awaitable(self) -> None:
        if self._type not in _HTTP_BODIES:
            raise TypeError(
                f"{self!r} can't be awaited, because a TCP connection has no complete body. "
                "Read the current chunk with get(), or return Action.PAUSE to collect more chunks."
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
