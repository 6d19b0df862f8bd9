"""Decoding of chunks and bodies as text, and the exceptions for bytes that are not text.

If a chunk ends inside a character, the character's first bytes are moved to the next chunk in the proxy's buffer, so that a
filter reads only whole characters. Bytes of other character sets become surrogates, which are encoded as the same bytes again.
"""

from json import JSONDecodeError
from types import FrameType
from typing import Any

from ...abi import BufferType
from ..diagnostics.hostcall_causes import running_frame
from ..errors import ContentError
from ..messages.encoding import decode
from ..tasks.context_waits import waits_of
from .coding import compressed_format, no_text

__all__ = ["content_error", "decoded_text", "json_error", "refuse_cut_number", "text_of"]

_SIDES = {int(BufferType.HTTP_REQUEST_BODY): "request", int(BufferType.HTTP_RESPONSE_BODY): "response"}


def text_of(body: Any, buffer_type: int, data: bytes, error: UnicodeDecodeError) -> str:
    """Decode bytes of a body after strict decoding as UTF-8 has failed.

    An incomplete character at the end of a chunk is moved to the next chunk. Other invalid bytes become surrogates.

    Parameters
    ----------
    body, buffer_type
        The body from which the bytes were read, and the number of its buffer.
    data, error
        The bytes, and the exception raised by strict decoding.

    Raises
    ------
    ContentError
        The bytes are compressed or binary.
    """
    side = _SIDES.get(buffer_type, "")
    reason = no_text(data) if side else ""
    if reason:
        raise ContentError(
            f"the {side} body can't be read as text: {reason}. Use `content = await self.{side}.content()` in the headers "
            "callback, or read the bytes with get()."
        )
    frame = _callback_of_chunk(side) if _is_cut(data, error) else None
    if frame is None:
        return decode(data)
    body.set(data[: error.start])
    waits_of(frame.f_locals["context"]).cut_characters[side] = data[error.start :]
    return data[: error.start].decode()


def _is_cut(data: bytes, error: UnicodeDecodeError) -> bool:
    """Return whether decoding failed only because the last character is incomplete."""
    return error.end == len(data) and error.reason == "unexpected end of data"


def _callback_of_chunk(side: str) -> FrameType | None:
    """Return the dispatcher's frame of the running callback if it handles a body chunk of `side`, but not the last chunk."""
    frame = running_frame()
    if not side or frame is None or frame.f_code.co_name != f"on_{side}_body" or frame.f_locals["end_of_stream"]:
        return None
    context = frame.f_locals["context"]
    waits = context._waits
    is_active = context._vm.active is context
    return frame if is_active and (waits is None or side not in waits.callbacks) else None


def decoded_text(data: bytes) -> str:
    """Decode a complete body as text. Raises ContentError if it is compressed or binary."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        if reason := no_text(data):
            raise _not_text(data, error, reason) from None
    return decode(data)


def content_error(data: bytes, error: ValueError) -> ValueError:
    """Return the exception for a complete body that is not JSON. The message says whether it is compressed or binary."""
    reason = no_text(data) if isinstance(error, UnicodeDecodeError) else ""
    return _not_text(data, error, reason) if reason else error


def _not_text(data: bytes, error: ValueError, reason: str) -> ContentError:
    coding = compressed_format(data)
    advice = f", and its message has no such header. decompress(data, {coding!r}) decodes it." if coding else "."
    return ContentError(f"{error}. The content is not text: {reason}{advice}")


def json_error(buffer_type: int, data: bytes, error: ValueError) -> ContentError:
    """Return the exception for a body that is not JSON. The message says whether the bytes are compressed, or only a chunk."""
    side = _SIDES.get(buffer_type, "")
    reason = no_text(data) if side and isinstance(error, UnicodeDecodeError) else ""
    if reason:
        return ContentError(
            f"{error}. The {side} body is not text: {reason}; read it with `await self.{side}.content()`."
        )
    hint = _chunk_hint(buffer_type) if isinstance(error, JSONDecodeError | UnicodeDecodeError) else ""
    return ContentError(f"{error}. {hint}" if hint else str(error))


def refuse_cut_number(buffer_type: int) -> None:
    """Raise ContentError if the current chunk isn't the last. Called if it was parsed as a number, which may be incomplete."""
    hint = _chunk_hint(buffer_type)
    if hint:
        raise ContentError(f"the JSON number in this chunk may be incomplete. {hint}")


def _chunk_hint(buffer_type: int) -> str:
    """Return advice for reading the whole body if the running callback received only a chunk, and otherwise ''."""
    side = _SIDES.get(buffer_type, "")
    if _callback_of_chunk(side) is None:
        return ""
    return (
        f"on_http_{side}_body can read only a chunk here, not the whole body: return Action.PAUSE until end_of_stream is true, "
        f"or use `await self.{side}_body()`."
    )
